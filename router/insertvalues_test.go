package router

import (
	"strings"
	"testing"
)

// TestReadValues: which values are asked for, and the text with literals in their places.
func TestReadValues(t *testing.T) {
	cat := shop(t)
	db := cat.Databases["shop"]
	for _, c := range []struct{ table, sql, want string }{
		{"users", "INSERT INTO users (user_id, level) VALUES (1, 2)", "INSERT INTO users (user_id, level) VALUES (1, 2)"},
		{"users", "INSERT INTO users (user_id, level) VALUES (1 + 1, 2 + 2), (3, 4)", "INSERT INTO users (user_id, level) VALUES (<1 + 1>, 2 + 2), (3, 4)"},
		{"users", "INSERT INTO shop.users SET level = 5, user_id = ABS(-1) ON DUPLICATE KEY UPDATE level = 1", "INSERT INTO shop.users SET level = 5, user_id = <ABS(-1)> ON DUPLICATE KEY UPDATE level = 1"},
		{"users", "INSERT IGNORE INTO users VALUES (f(1, (2)), 'a, b', (SELECT MAX(id) FROM audit))", "INSERT IGNORE INTO users VALUES (<f(1, (2))>, 'a, b', <SELECT MAX(id) FROM audit>)"},
		{"users", "INSERT INTO users (user_id, name) VALUES (UNIX_TIMESTAMP(), NOW())", "INSERT INTO users (user_id, name) VALUES (<UNIX_TIMESTAMP()>, <NOW()>)"},
		{"users", "INSERT INTO users (level) VALUES (1), (2)", "INSERT INTO users (level,`user_id`) VALUES (1,7), (2,7)"},
		{"users", "INSERT INTO users SET level = 1", "INSERT INTO users SET level = 1,`user_id`=7"},
		{"products", "INSERT INTO products VALUES (1, UUID()), (2, UPPER('x'))", "INSERT INTO products VALUES (1, <UUID()>), (2, UPPER('x'))"},
		{"users", "INSERT INTO users (user_id) VALUES ROW(1 + 1), ROW(2)", "INSERT INTO users (user_id) VALUES (<1 + 1>), (2)"},
	} {
		v, err := NewPlanner().ReadValues([]byte(c.sql), 0, db.Tables[c.table])
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		extra := ""
		if v.Lacks {
			extra = "user_id"
		}
		got := string(v.Render(func(i, k int) []byte { return []byte("<" + v.Rows[i][k].Query + ">") }, extra, []byte("7")))
		if got != c.want {
			t.Errorf("%s\n have %s\n want %s", c.sql, got, c.want)
		}
	}
	if _, err := NewPlanner().ReadValues([]byte("INSERT INTO users (level, user_id) VALUES (1, level + 1)"), 0, db.Tables["users"]); err == nil || !strings.Contains(err.Error(), "other columns") {
		t.Error("a key from another column:", err)
	}
}

// TestSplitInsertSelect: the parts of the text.
func TestSplitInsertSelect(t *testing.T) {
	for _, c := range []struct{ sql, query, tail string }{
		{"INSERT INTO t SELECT 1", "SELECT 1", ""},
		{"INSERT IGNORE INTO db.t (a, b) SELECT a, b FROM s ON DUPLICATE KEY UPDATE a = 1", "SELECT a, b FROM s", "ON DUPLICATE KEY UPDATE a = 1"},
		{"REPLACE t () (SELECT 1)", "(SELECT 1)", ""},
		{"INSERT INTO t (SELECT a FROM s)", "(SELECT a FROM s)", ""},
		{"INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x JOIN y ON x.a = y.a", "WITH x AS (SELECT 1) SELECT * FROM x JOIN y ON x.a = y.a", ""},
		{"INSERT INTO t TABLE s", "TABLE s", ""},
	} {
		parts, ok := SplitInsertSelect([]byte(c.sql), 0)
		if !ok || parts.Query != c.query || parts.Tail != c.tail || parts.Head+parts.Query+strings.Repeat(" ", len(c.sql)-len(parts.Head)-len(parts.Query)-len(parts.Tail))+parts.Tail != c.sql {
			t.Errorf("%s: %v %+v", c.sql, ok, parts)
		}
	}
}
