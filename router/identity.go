package router

// identity.go: how a row of a table is named so that exactly it is found again: by a unique key over NOT NULL columns,
// whose values as a statement reads them compare equal to no other's. Of a sharded table it holds within one shard.

import "slices"

// UniqueKey is a unique index of a table.
type UniqueKey struct {
	Name    string
	Columns []string // "" for an expression
	Whole   bool     // of whole columns: no prefixes and no expressions
	NotNull bool     // none of its columns can be NULL
}

// Identity are the columns that tell a table's rows apart within a shard, nil when none are known to.
func (t *Table) Identity() []string {
	for i := range t.Unique {
		if k := &t.Unique[i]; k.Whole && k.NotNull && !slices.ContainsFunc(k.Columns, t.vague) {
			return k.Columns
		}
	}
	return nil
}

// vague tells whether a column's values are not found again by what is read of them: a FLOAT has more digits, and an
// hour of a TIMESTAMP may come twice in a time zone.
func (t *Table) vague(column string) bool {
	c := t.Column(column)
	return c == nil || c.DataType == "float" || c.DataType == "timestamp"
}

// ShardOf is the shard of a row with this value of the shard key, as a server gives it.
func (t *Table) ShardOf(value []byte) (int, error) {
	col := t.KeyColumn()
	if value == nil {
		return 0, &KeyError{Table: t, Row: 1, Err: unmapped(col, "NULL", "give it a value")}
	}
	v := Value{Kind: ValueString, Text: value}
	if col != nil && isIntegerType(col.DataType) {
		v.Kind = ValueInteger
	}
	key, match := KeyForCompare(col, v)
	if match != MatchKey {
		return 0, &KeyError{Table: t, Row: 1, Err: keyError("its shard key is not understood")}
	}
	at, err := t.Algorithm.Shard(key)
	if err != nil {
		return 0, &KeyError{Table: t, Row: 1, Err: err}
	}
	return at, nil
}
