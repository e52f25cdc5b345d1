package schema

// keys.go: what of a table besides its columns decides how its rows can be changed: unique keys, foreign keys, triggers.

import (
	"context"

	"serval/proxy/backend"
)

// UniqueKey is a unique index.
type UniqueKey struct {
	Name    string
	Columns []string // "" for an expression
	Whole   bool     // of whole columns: no prefixes and no expressions
	NotNull bool     // none of its columns can be NULL
}

// Keys are one table's.
type Keys struct {
	Unique     []UniqueKey // the primary key first
	Triggers   bool
	Refers     bool // it has foreign keys
	Referenced bool // foreign keys of others refer to it
}

// ReadKeys reads the keys of a physical database's tables, by table.
func ReadKeys(ctx context.Context, node *backend.Node, database string) (map[string]*Keys, error) {
	rows, err := run(ctx, node, `SELECT TABLE_SCHEMA, @@lower_case_table_names, TABLE_NAME, INDEX_NAME, IFNULL(COLUMN_NAME, ''), IFNULL(SUB_PART, ''), NULLABLE`+
		` FROM information_schema.STATISTICS WHERE NON_UNIQUE = 0 AND TABLE_SCHEMA = `+quote(database)+
		` ORDER BY TABLE_NAME, INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX`)
	if err != nil {
		return nil, err
	}
	keys := map[string]*Keys{}
	of := func(table string) *Keys {
		if keys[table] == nil {
			keys[table] = &Keys{}
		}
		return keys[table]
	}
	for _, r := range rows {
		if len(r) == 7 && sameDatabase(r, database) {
			of(string(r[2])).part(string(r[3]), string(r[4]), len(r[5]) > 0, string(r[6]) == "YES")
		}
	}
	rows, err = run(ctx, node, `SELECT TABLE_SCHEMA, @@lower_case_table_names, TABLE_NAME, 'refers' FROM information_schema.KEY_COLUMN_USAGE`+
		` WHERE REFERENCED_TABLE_NAME IS NOT NULL AND TABLE_SCHEMA = `+quote(database)+
		` UNION SELECT REFERENCED_TABLE_SCHEMA, @@lower_case_table_names, REFERENCED_TABLE_NAME, 'referenced' FROM information_schema.KEY_COLUMN_USAGE`+
		` WHERE REFERENCED_TABLE_SCHEMA = `+quote(database)+
		` UNION SELECT EVENT_OBJECT_SCHEMA, @@lower_case_table_names, EVENT_OBJECT_TABLE, 'trigger' FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = `+quote(database))
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if len(r) != 4 || !sameDatabase(r, database) {
			continue
		}
		switch k := of(string(r[2])); string(r[3]) {
		case "refers":
			k.Refers = true
		case "referenced":
			k.Referenced = true
		default:
			k.Triggers = true
		}
	}
	return keys, nil
}

// part adds a column of an index; those of one index come in their order, one after the other.
func (k *Keys) part(index, column string, prefix, nullable bool) {
	if n := len(k.Unique); n == 0 || k.Unique[n-1].Name != index {
		k.Unique = append(k.Unique, UniqueKey{Name: index, Whole: true, NotNull: true})
	}
	u := &k.Unique[len(k.Unique)-1]
	u.Columns = append(u.Columns, column)
	u.Whole = u.Whole && column != "" && !prefix
	u.NotNull = u.NotNull && !nullable
}
