package router

import (
	"fmt"
	"strings"
	"testing"

	"serval/rewrite/fingerprint"
)

// numbered is shop with tables whose rows are numbered: notes by their number, posts beside their key, kinds in copies.
func numbered(t testing.TB) *Catalog {
	cat := shop(t)
	d := cat.Databases["shop"]
	add := func(name, like, key string, columns ...Column) {
		tb := *d.Tables[like]
		tb.Name, tb.Key, tb.Columns = name, key, columns
		d.Tables[name] = &tb
	}
	auto := Column{Name: "id", DataType: "int", Unsigned: true, AutoIncrement: true}
	text := Column{Name: "v", DataType: "varchar", CharLength: 20, Collation: "utf8mb4_general_ci"}
	add("notes", "visits", "id", auto, text)
	add("posts", "visits", "user_id", Column{Name: "user_id", DataType: "bigint"}, text, auto)
	add("kinds", "products", "", auto, text)
	return cat
}

func TestNumbering(t *testing.T) {
	cat := numbered(t)
	for _, c := range []struct {
		sql  string
		want string // rows, text with 100, 101 … in it, "prepared" text; or an error
	}{
		{"INSERT INTO notes (v) VALUES ('a')", "- | INSERT INTO notes (`id`,v) VALUES (100,'a')"},
		{"INSERT INTO notes VALUES (NULL,'a')", "- | INSERT INTO notes VALUES (100,'a')"},
		{"INSERT INTO notes VALUES (null,'a'),(0,'b'),(7,'c'),('0','d')", "- - 7 - | INSERT INTO notes VALUES (100,'a'),(101,'b'),(7,'c'),(102,'d')"},
		{"INSERT INTO notes VALUES (DEFAULT,'a'), (default,'b')", "- - | INSERT INTO notes VALUES (100,'a'), (101,'b')"},
		{"INSERT INTO notes (v,id) VALUES ('a' , DEFAULT ), ('b' , DEFAULT )", "- - | INSERT INTO notes (v,id) VALUES ('a' , 100 ), ('b' , 101 )"},
		{"INSERT INTO notes VALUES (5,'a'),(DEFAULT,'b')", "5 - | INSERT INTO notes VALUES (5,'a'),(100,'b')"},
		{"INSERT INTO notes VALUES (+5,'a'),(-5,'a')", "5 0 | "},
		{"INSERT INTO notes () VALUES ()", "- | INSERT INTO notes (`id`) VALUES (100)"},
		{"INSERT INTO notes VALUES (), ()", "- - | INSERT INTO notes(`id`) VALUES (100), (101)"},
		{"INSERT INTO shop.notes (v) VALUES (CONCAT('a','b')),('c')", "- - | INSERT INTO shop.notes (`id`,v) VALUES (100,CONCAT('a','b')),(101,'c')"},
		{"INSERT INTO notes SET v='a'", "- | INSERT INTO notes SET `id`=100,  v='a'"},
		{"INSERT INTO notes SET v=IF(1,'a','b'), id = NULL ON DUPLICATE KEY UPDATE v='c'", "- | INSERT INTO notes SET v=IF(1,'a','b'), id = 100 ON DUPLICATE KEY UPDATE v='c'"},
		{"INSERT INTO notes SET id=0,v='a'", "- | INSERT INTO notes SET id=100,v='a'"},
		{"INSERT INTO notes SET id=12,v='a'", "12 | "},
		{"REPLACE INTO posts (user_id) VALUES (1),(2)", "- - | REPLACE INTO posts (`id`,user_id) VALUES (100,1),(101,2)"},
		{"INSERT INTO posts VALUES (1,'a',NULL)", "- | INSERT INTO posts VALUES (1,'a',100)"},
		{"INSERT INTO posts VALUES (1,'a',3.0),(2,'b',0x10)", "3 16 | "},
		{"INSERT INTO posts VALUES (1,'a',3.5)", "error not an exact integer"},
		{"INSERT INTO posts VALUES (1,'a',1+1)", "error an expression as the AUTO_INCREMENT column id"},
		{"INSERT INTO posts VALUES (1,'a')", "error column count"},
		{"INSERT INTO kinds (v) VALUES ('a')", "- | INSERT INTO kinds (`id`,v) VALUES (100,'a')"},
		{"INSERT INTO posts (user_id,id) VALUES (?,?)", "p - | INSERT INTO posts (user_id,id) VALUES (?,?) 0 1/0"},
		{"INSERT INTO posts (user_id) VALUES (?),(?)", "p - - | INSERT INTO posts (`id`,user_id) VALUES (?,?),(?,?) /0 0 /1 1"},
		{"INSERT INTO posts (user_id,id,v) VALUES (?,NULL,?),(?,DEFAULT,'x') ON DUPLICATE KEY UPDATE v=?", "p - - | INSERT INTO posts (user_id,id,v) VALUES (?,?,?),(?,?,'x') ON DUPLICATE KEY UPDATE v=? 0 /0 1 2 /1 3"},
	} {
		prepared := strings.HasPrefix(c.want, "p ")
		if got := numberedText(t, cat, c.sql, prepared); got != strings.TrimPrefix(c.want, "p ") && !(strings.HasPrefix(c.want, "error ") && strings.Contains(got, c.want[6:])) {
			t.Errorf("%s\ngot  %s\nwant %s", c.sql, got, c.want)
		}
	}
}

type nulls struct{}

func (nulls) Value(int) (fingerprint.Kind, []byte) { return fingerprint.Null, nil }

func numberedText(t *testing.T, cat *Catalog, sql string, prepared bool) string {
	var (
		st fingerprint.Statement
		r  Route
	)
	mode := fingerprint.Mode(0)
	if prepared {
		mode = fingerprint.Prepared
	}
	st.Scan([]byte(sql), mode)
	p, err := NewPlanner().Plan(&st, "shop", cat)
	if err != nil {
		return "error " + err.Error()
	}
	st.Bound = nulls{}
	rows, missing, err := r.Numbers(nil, p.Numbers, &st, NumberRules{Strict: true})
	if err != nil {
		return "error " + err.Error()
	}
	out, next := "", uint64(100)
	for i := range rows {
		if rows[i].Given {
			out += fmt.Sprintf("%d ", rows[i].ID)
			continue
		}
		out += "- "
		rows[i].ID = next
		next++
	}
	switch {
	case missing == 0:
		return out + "| "
	case !prepared:
		return out + "| " + string(p.Numbers.Text(nil, &st, rows))
	}
	text, sources := p.Numbers.Parameterized(&st, rows)
	out += "| " + string(text)
	for _, s := range sources {
		out += " "
		if s.Parameter >= 0 {
			out += fmt.Sprint(s.Parameter)
		}
		if s.Row >= 0 {
			out += fmt.Sprintf("/%d", s.Row)
		}
	}
	return out
}

// What 0 means is the session's to say.
func TestNumberRules(t *testing.T) {
	cat := numbered(t)
	for _, c := range []struct {
		sql   string
		rules NumberRules
		want  string
	}{
		{"INSERT INTO notes VALUES (0,'a')", NumberRules{}, "{0 false}"},
		{"INSERT INTO notes VALUES (0,'a')", NumberRules{Zero: true}, "{0 true}"},
		{"INSERT INTO notes VALUES (NULL,'a')", NumberRules{Zero: true}, "{0 false}"},
		{"INSERT INTO notes VALUES (-1,'a')", NumberRules{Strict: true}, "{0 true}"},
		{"INSERT INTO notes VALUES (-1,'a')", NumberRules{}, "error"},
		{"INSERT IGNORE INTO notes VALUES (-1,'a')", NumberRules{Strict: true}, "error"},
		{"INSERT INTO notes VALUES (99999999999,'a')", NumberRules{}, "{4294967295 true}"},
	} {
		var (
			st fingerprint.Statement
			r  Route
		)
		st.Scan([]byte(c.sql), 0)
		p, err := NewPlanner().Plan(&st, "shop", cat)
		if err != nil {
			t.Fatal(err)
		}
		rows, _, err := r.Numbers(nil, p.Numbers, &st, c.rules)
		got := "error"
		if err == nil {
			got = fmt.Sprint(rows[0])
		}
		if got != c.want {
			t.Errorf("%s %+v: %s, want %s", c.sql, c.rules, got, c.want)
		}
	}
}
