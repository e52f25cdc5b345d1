package router

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

func TestVirtualPlans(t *testing.T) {
	cat := shop(t)
	tests := []struct{ sql, want string }{
		{"SELECT table_name FROM information_schema.tables WHERE table_schema = 'shop'",
			"SELECT table_name FROM <0> AS `tables` WHERE table_schema = 'shop' | information_schema.TABLES [shop] []"},
		{"SELECT tables.table_name, information_schema.tables.engine FROM INFORMATION_SCHEMA.tables WHERE DATABASE() = table_schema AND table_name IN ('a', 'B')",
			"SELECT tables.table_name, tables.engine FROM <0> AS `tables` WHERE (CAST(_utf8mb4'shop' AS CHAR(64) CHARACTER SET utf8mb4) COLLATE utf8mb4_general_ci) = table_schema AND table_name IN ('a', 'B') | information_schema.TABLES [shop] [a B]"},
		{"SELECT c.column_name FROM information_schema.tables t JOIN information_schema.columns c USING (table_schema, table_name) WHERE t.table_schema = 'x' AND c.table_name LIKE 'o%'",
			"SELECT c.column_name FROM <0> t JOIN <1> c USING (table_schema, table_name) WHERE t.table_schema = 'x' AND c.table_name LIKE 'o%' | information_schema.TABLES [x] [] | information_schema.COLUMNS [] []"},
		{"SELECT * FROM information_schema.schemata WHERE schema_name = 'größe'",
			"SELECT * FROM <0> AS `schemata` WHERE schema_name = 'größe' | information_schema.SCHEMATA [] []"},
		{"SELECT (SELECT COUNT(*) FROM information_schema.views) FROM information_schema.collations x, settings",
			"SELECT (SELECT COUNT(*) FROM <0> AS `views`) AS `(SELECT COUNT(*) FROM information_schema.views)` FROM information_schema.collations x, settings | information_schema.VIEWS [] []"},
		{"SELECT * FROM performance_schema.session_variables", "SELECT * FROM performance_schema.session_variables"},
		{"SELECT * FROM mysql.time_zone_name", "SELECT * FROM mysql.time_zone_name"},
	}
	for _, tt := range tests {
		var st fingerprint.Statement
		st.Scan([]byte(tt.sql), 0)
		p, err := NewPlanner().Plan(&st, "shop", cat)
		if err != nil {
			t.Errorf("%s: %v", tt.sql, err)
			continue
		}
		var r Route
		if err := r.Resolve(p, &st); err != nil {
			t.Fatal(err)
		}
		text := ""
		for i, v := range p.Virtuals {
			r.StandIn(i, fmt.Sprintf("<%d>", i))
			databases, tables := p.Only(i, &st, "shop")
			text += fmt.Sprintf(" | %s.%s %v %v", v.Database, v.Name, databases, tables)
		}
		if got := string(r.SQL(nil, 0, &st, &rewrite.Arguments{Database: "shop"})) + text; got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.sql, got, tt.want)
		}
	}
}

func TestSystemTablesRefused(t *testing.T) {
	cat := shop(t)
	tests := []struct{ sql, want string }{
		{"SELECT * FROM mysql.user", "SELECT denied on mysql.user"},
		{"SELECT * FROM performance_schema.threads", "SELECT denied on performance_schema.threads"},
		{"SELECT * FROM information_schema.innodb_trx", "PROCESS"},
		{"SELECT * FROM information_schema.nosuch", "information_schema.nosuch"},
		{"UPDATE information_schema.tables SET table_name = 1", " denied on information_schema."},
		{"DELETE FROM mysql.time_zone", "DELETE denied on mysql.time_zone"},
		{"UPDATE settings SET id = 1 WHERE id IN (SELECT 1 FROM information_schema.tables)", "in a statement that writes"},
		{"SELECT * FROM users, information_schema.tables", "a join of a sharded table with system tables"},
		{"EXPLAIN SELECT * FROM information_schema.tables", "EXPLAIN of a query on system tables"},
		{"CREATE TABLE information_schema.x (a INT)", "denied on information_schema"},
	}
	for _, tt := range tests {
		var st fingerprint.Statement
		st.Scan([]byte(tt.sql), 0)
		_, err := NewPlanner().Plan(&st, "shop", cat)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.sql, err)
		}
	}
	var st fingerprint.Statement
	st.Scan([]byte("SELECT * FROM tables"), 0)
	p, err := NewPlanner().Plan(&st, "information_schema", cat)
	if err != nil || p.Kind != KindVirtual {
		t.Errorf("unqualified: %v", err)
	}
	st.Scan([]byte("SELECT * FROM PERFORMANCE_SCHEMA.global_status"), 0)
	var unknown *UnknownDatabase
	if _, err := NewPlanner().Plan(&st, "shop", cat); !errors.As(err, &unknown) {
		t.Errorf("names of databases in another case: %v", err)
	}
}
