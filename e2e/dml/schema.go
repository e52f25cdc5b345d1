package dml

import (
	"fmt"
	"strings"
)

// schema.go: the tables that the statements are about. The logical DDL and where the tables are come from one description.

// kind says what a column's values look like.
type kind int

const (
	number  kind = iota // whole numbers in a small range, so that rows meet
	small               // TINYINT: numbers that may not fit
	money               // DECIMAL(10,2)
	real                // DOUBLE
	word                // words that collations take for the same, or not
	letters             // short plain text
	moment              // DATETIME
	level               // ENUM('low','mid','high')
)

// column is a column of a table.
type column struct {
	name     string
	kind     kind
	nullable bool
	top      int    // numbers are 1 to top
	ddl      string // behind the name
	made     bool   // GENERATED
}

// Table is a table of the schema.
type Table struct {
	Name    string
	Key     string   // shard key, "" where there is none
	Primary []string // its primary key
	Formula string   // the shard that a row belongs to, in SQL; "" where SQL cannot tell

	columns []column
	keys    []string // more keys, as DDL
	layout  string   // in Serval's configuration; "" is the default group
}

// Database is the logical database of all tables.
const Database = "dml"

const modulo8 = "MOD(MOD(%s, 8) + 8, 8)"

// tables are all kinds of places a table can have.
func tables() []Table {
	num := func(name string, top int) column {
		return column{name: name, kind: number, top: top, ddl: "BIGINT NOT NULL"}
	}
	payload := []column{
		{name: "a", kind: number, top: 20, nullable: true, ddl: "INT"},
		{name: "b", kind: letters, nullable: true, ddl: "VARCHAR(12) DEFAULT 'def'"},
		{name: "d", kind: money, ddl: "DECIMAL(10,2) NOT NULL DEFAULT 1.50"},
		{name: "s", kind: small, nullable: true, ddl: "TINYINT"},
	}
	twice := column{name: "g", made: true, kind: number, top: 40, ddl: "INT GENERATED ALWAYS AS (a * 2) STORED"}
	at := column{name: "t", kind: moment, nullable: true, ddl: "DATETIME"}
	lev := column{name: "e", kind: level, nullable: true, ddl: "ENUM('low','mid','high') DEFAULT 'mid'"}
	float := column{name: "f", kind: real, nullable: true, ddl: "DOUBLE"}
	list := func(first []column, rest ...column) []column { return append(append([]column{}, first...), rest...) }
	return []Table{
		{Name: "acct", Key: "id", Primary: []string{"id"}, Formula: fmt.Sprintf(modulo8, "id"),
			columns: list([]column{num("id", 40)}, append(payload, twice, at, lev)...), keys: []string{"KEY by_a (a)"},
			layout: `shard: {column: id, by: hash_mod, shards: 8, groups: [g0, g1], database: "dml_{shard}", table: "{table}", binding: acct}`},
		{Name: "entry", Key: "acct_id", Primary: []string{"acct_id", "seq"}, Formula: fmt.Sprintf(modulo8, "acct_id"),
			columns: list([]column{num("acct_id", 40), num("seq", 4)}, append(payload, float)...), keys: []string{"UNIQUE KEY once (acct_id, b)"},
			layout: `shard: {column: acct_id, by: hash_mod, shards: 8, groups: [g0, g1], database: "dml_{shard}", table: "e_{shard}", binding: acct}`},
		{Name: "word", Key: "name", Primary: []string{"name"},
			columns: list([]column{{name: "name", kind: word, ddl: "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL"}}, payload...),
			layout:  `shard: {column: name, by: hash_mod, shards: 4, groups: [g0, g1], database: dml_w}`},
		{Name: "exact", Key: "name", Primary: []string{"name", "n"},
			columns: list([]column{{name: "name", kind: word, ddl: "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL"}, num("n", 3)}, payload...),
			layout:  `shard: {column: name, by: hash_slot, shards: 4, groups: [g0, side], database: dml_w}`},
		{Name: "zone", Key: "region", Primary: []string{"id", "region"}, Formula: "CASE WHEN region < 10 THEN 0 WHEN region < 20 THEN 1 WHEN region < 30 THEN 2 ELSE 3 END",
			columns: list([]column{num("id", 12), num("region", 40)}, append(payload, lev)...),
			layout:  `shard: {column: region, by: range, ranges: [{to: 10}, {to: 20}, {to: 30}, {}], groups: [g0, g1], database: dml_z}`},
		{Name: "ref", Primary: []string{"id"}, columns: list([]column{num("id", 20)}, payload...), keys: []string{"UNIQUE KEY by_a (a)"},
			layout: "broadcast: true"},
		{Name: "flat", Primary: []string{"id"}, columns: list([]column{num("id", 40)}, append(payload, twice, at)...), keys: []string{"UNIQUE KEY by_b (b)"}},
		{Name: "away", Primary: []string{"id"}, columns: list([]column{num("id", 30)}, append(payload, float)...), layout: "group: side"},
	}
}

// Tables are the tables of the schema.
func Tables() []Table { return tables() }

// Schema is the logical DDL.
func Schema() string {
	var b strings.Builder
	b.WriteString("USE " + Database + ";\n")
	for _, t := range tables() {
		lines := []string{}
		for _, c := range t.columns {
			lines = append(lines, c.name+" "+c.ddl)
		}
		lines = append(lines, "PRIMARY KEY ("+strings.Join(t.Primary, ", ")+")")
		lines = append(lines, t.keys...)
		fmt.Fprintf(&b, "CREATE TABLE %s (\n  %s\n);\n", t.Name, strings.Join(lines, ",\n  "))
	}
	return b.String()
}

// Layout is Serval's configuration for three nodes, a template for package cluster.
func Layout() string {
	var b strings.Builder
	b.WriteString(`listeners: ["{{.Listen}}"]
admin: off
log: {level: warn}
users: {app: {password: app}}
defaults: {user: app, password: app, pool: {max: 100}}
groups:
  g0: {primary: "{{.Node 0}}"}
  g1: {primary: "{{.Node 1}}"}
  side: {primary: "{{.Node 2}}"}
databases:
  dml:
    default_group: g0
    physical: dml_main
    tables:
`)
	for _, t := range tables() {
		if t.layout != "" {
			fmt.Fprintf(&b, "      %s: {%s}\n", t.Name, t.layout)
		}
	}
	return b.String()
}

// column finds a column by its name.
func (t *Table) column(name string) *column {
	for i := range t.columns {
		if t.columns[i].name == name {
			return &t.columns[i]
		}
	}
	return nil
}

// isPrimary tells whether a column is part of the primary key.
func (t *Table) isPrimary(name string) bool {
	for _, p := range t.Primary {
		if p == name {
			return true
		}
	}
	return false
}

// settable are the columns that an UPDATE may set freely: neither keys nor generated.
func (t *Table) settable() []*column {
	var out []*column
	for i := range t.columns {
		if c := &t.columns[i]; !c.made && !t.isPrimary(c.name) {
			out = append(out, c)
		}
	}
	return out
}

// written are the columns that an INSERT may name.
func (t *Table) written() []*column {
	var out []*column
	for i := range t.columns {
		if c := &t.columns[i]; !c.made {
			out = append(out, c)
		}
	}
	return out
}
