package ddl

import (
	"errors"
	"testing"

	"serval/proxy/wire"
	"serval/router"
)

func TestLogicalText(t *testing.T) {
	p := &router.SchemaPlace{Shard: 3, Objects: []router.SchemaObject{{Logical: router.TableKey{Database: "shop", Name: "orders"}, Database: "shop_3", Table: "orders_3"}}}
	for _, c := range []struct{ have, want string }{
		{"CREATE TABLE `orders_3` (`id` int)", "CREATE TABLE `orders` (`id` int)"},
		{"CONSTRAINT `orders_3_ibfk_1` FOREIGN KEY (`a`) REFERENCES `users_3` (`a`)", "CONSTRAINT `orders_ibfk_1` FOREIGN KEY (`a`) REFERENCES `users` (`a`)"},
		{"CONSTRAINT `of#3` FOREIGN KEY (`a`) REFERENCES `shop_3`.`users` (`a`)", "CONSTRAINT `of` FOREIGN KEY (`a`) REFERENCES `users` (`a`)"},
	} {
		if got := logicalText(c.have, p); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.have, got, c.want)
		}
	}
}

func TestFingerprint(t *testing.T) {
	of := func(db, text string) string { return (&Job{Database: db, Text: text}).fingerprint() }
	same := of("d", "DROP TABLE a")
	if of("d", " DROP TABLE a ;\n") != same {
		t.Error("spaces around it make it another statement")
	}
	for _, other := range []string{of("e", "DROP TABLE a"), of("d", "DROP TABLE b"), of("d", "DROP  TABLE a")} {
		if other == same {
			t.Error("another statement is taken for the same")
		}
	}
}

func TestAnswer(t *testing.T) {
	r := &run{}
	for i, shard := range []int{0, 1, 2} {
		r.places = append(r.places, &place{SchemaPlace: &router.SchemaPlace{Shard: shard}, state: placeDone, earlier: i == 0,
			ok: wire.OK{AffectedRows: 2, Info: []byte("Records: 2  Duplicates: 0  Warnings: 0")}})
	}
	if d := r.answer(); d.OK.AffectedRows != 4 || string(d.OK.Info) != "Records: 4  Duplicates: 0  Warnings: 0" {
		t.Errorf("shards: %d, %s", d.OK.AffectedRows, d.OK.Info)
	}
	for _, p := range r.places {
		p.SchemaPlace = &router.SchemaPlace{Shard: -1}
	}
	if d := r.answer(); d.OK.AffectedRows != 2 {
		t.Errorf("copies: %d", d.OK.AffectedRows)
	}
}

func TestIncomplete(t *testing.T) {
	r := &run{id: 12}
	for i, state := range []placeState{placeDone, placeFailed, placePending} {
		r.places = append(r.places, &place{SchemaPlace: &router.SchemaPlace{Shard: i}, state: state})
	}
	e := r.incomplete(&wire.Error{Code: 1060, State: "42S21", Message: "Duplicate column name 'v'"})
	const want = `Duplicate column name 'v'; Serval: schema change 12 is done in 1 of 3 places (done: shard 0; not: shard 1, shard 2): ` +
		`run the same statement again to complete it, "serval ddl status" lists what is not finished`
	if e.Error() != want {
		t.Errorf("got %s", e)
	}
	var refused *wire.Error
	if !errors.As(e, &refused) || refused.Code != 1060 {
		t.Error("the server's error is lost")
	}
}

func TestTouches(t *testing.T) {
	u := &Unfinished{Tables: splitKeys(joinKeys([]router.TableKey{{Database: "D", Name: "A"}, {Database: "d", Name: "b"}}))}
	a, c := router.TableKey{Database: "d", Name: "a"}, router.TableKey{Database: "d", Name: "c"}
	if !u.touches([]router.TableKey{c, a}) || u.touches([]router.TableKey{c}) || u.within([]router.TableKey{a, c}) ||
		!u.within([]router.TableKey{{Database: "d", Name: "B"}, c, a}) {
		t.Errorf("tables %v", u.Tables)
	}
}
