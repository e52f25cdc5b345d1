package router

import (
	"fmt"
	"strings"
	"testing"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// loaded plans a LOAD DATA and shows how: fields and key, number, and the text for the second place; or the error.
func loaded(t testing.TB, cat *Catalog, sql string) string {
	t.Helper()
	var st fingerprint.Statement
	st.Scan([]byte(sql), 0)
	p, err := NewPlanner().Plan(&st, "shop", cat)
	if err != nil {
		return err.Error()
	}
	l := p.Load
	if l == nil {
		return "whole in " + strings.Join(p.Groups, ",")
	}
	number := "-"
	if l.Auto != nil {
		number = fmt.Sprint(l.AutoField)
	}
	args := &rewrite.Arguments{Database: "shop", ConnectionID: 7}
	return fmt.Sprintf("%d fields, key %d, number %s | %s", l.Fields, l.Key, number, l.SQL(nil, 1, "utf8mb4", &st, args))
}

func TestLoadData(t *testing.T) {
	cat := numbered(t)
	for sql, want := range map[string]string{
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE settings":                                                           "whole in g0",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE users":                                                              "3 fields, key 0, number - | LOAD DATA LOCAL INFILE 'f' INTO TABLE `shop_1`.`users_1` CHARACTER SET utf8mb4 (`user_id`, `name`, `level`) ",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE users;":                                                             "3 fields, key 0, number - | LOAD DATA LOCAL INFILE 'f' INTO TABLE `shop_1`.`users_1` CHARACTER SET utf8mb4 (`user_id`, `name`, `level`) ",
		"LOAD DATA LOCAL INFILE 'into table x (' IGNORE INTO TABLE shop.users CHARACTER SET latin1":                "3 fields, key 0, number - | LOAD DATA LOCAL INFILE 'into table x (' IGNORE INTO TABLE `shop_1`.`users_1` CHARACTER SET latin1 (`user_id`, `name`, `level`) ",
		"load data local infile 'f' replace into table users fields terminated by ',' (name, USER_ID)":             "2 fields, key 1, number - | load data local infile 'f' replace into table `shop_1`.`users_1` CHARACTER SET utf8mb4 fields terminated by ',' (name, USER_ID)",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE users LINES TERMINATED BY '\\r\\n' IGNORE 2 LINES () SET level = 1": "3 fields, key 0, number - | LOAD DATA LOCAL INFILE 'f' INTO TABLE `shop_1`.`users_1` CHARACTER SET utf8mb4 LINES TERMINATED BY '\\r\\n'   (`user_id`, `name`, `level`)  SET level = 1",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE users (@a, name) SET user_id = @A, level = CONNECTION_ID()":         "2 fields, key 0, number - | LOAD DATA LOCAL INFILE 'f' INTO TABLE `shop_1`.`users_1` CHARACTER SET utf8mb4 (@a, name) SET user_id = @A, level = 7",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE users (name) SET user_id = -5":                                      "1 fields, key -1, number - | LOAD DATA LOCAL INFILE 'f' INTO TABLE `shop_1`.`users_1` CHARACTER SET utf8mb4 (name) SET user_id = -5",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE products":                                                           "2 fields, key -1, number - | LOAD DATA LOCAL INFILE 'f' INTO TABLE `shop`.`products` CHARACTER SET utf8mb4 (`product_id`, `title`) ",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE notes (v)":                                                          "1 fields, key -1, number -1 | LOAD DATA LOCAL INFILE 'f' INTO TABLE `shop_1`.`visits_1` CHARACTER SET utf8mb4 (`id`, v)",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE posts (v, id, user_id)":                                             "3 fields, key 2, number 1 | LOAD DATA LOCAL INFILE 'f' INTO TABLE `shop_1`.`visits_1` CHARACTER SET utf8mb4 (v, id, user_id)",
		"LOAD DATA INFILE 'f' INTO TABLE users":                                                                    "LOAD DATA without LOCAL",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE users (name)":                                                       "without the shard key",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE users (name) SET user_id = 1 + 1":                                   "an expression as the shard key",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE users (user_id) SET name = (SELECT 1)":                              "subqueries",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE users (users.user_id)":                                              "qualified",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE posts (user_id) SET id = 3":                                         "AUTO_INCREMENT column",
		"LOAD DATA LOCAL INFILE 'f' INTO TABLE products (product_id) SET title = @@hostname":                       "broadcast",
	} {
		if got := loaded(t, cat, sql); got != want && !(strings.Contains(got, want) && !strings.Contains(want, "|")) {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
}

func TestLineShard(t *testing.T) {
	number := &Column{Name: "user_id", DataType: "bigint"}
	withDefault := &Column{Name: "user_id", DataType: "bigint", HasDefault: true}
	nullable := &Column{Name: "user_id", DataType: "bigint", Nullable: true}
	text := &Column{Name: "user_id", DataType: "varchar", CharLength: 20, Collation: "utf8mb4_general_ci"}
	algorithm, err := NewHashMod(4)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		col   *Column
		field LoadField
		want  int // -1: an error
	}{
		{number, LoadField{Text: []byte("6")}, 2},
		{number, LoadField{}, 0},
		{number, LoadField{Null: true, Text: []byte("N")}, 0},
		{number, LoadField{Missing: true}, 0},
		{withDefault, LoadField{Missing: true}, -1},
		{nullable, LoadField{Missing: true}, -1},
		{nullable, LoadField{Null: true}, -1},
		{number, LoadField{Text: []byte("6x")}, -1},
		{number, LoadField{Text: []byte("99999999999999999999")}, -1},
		{text, LoadField{Text: []byte("a text that is longer than its column")}, -1},
	} {
		l := &Load{Table: &Table{Database: "shop", Name: "users", Kind: Sharded, Key: "user_id", Algorithm: algorithm, Columns: []Column{*tt.col}}}
		got, err := l.LineShard(tt.field, nil)
		if err != nil {
			got = -1
		}
		if got != tt.want {
			t.Errorf("%+v of %+v: %d (%v), want %d", tt.field, *tt.col, got, err, tt.want)
		}
	}
}
