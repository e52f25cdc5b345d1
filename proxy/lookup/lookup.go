// Package lookup makes, fills and checks the tables of lookup indexes (router/lookup.go) on the servers, for an operator. It
// works beside Servals that run: rows are read under locks that these respect. It knows tables and columns, no sessions.
package lookup

import (
	"context"
	"fmt"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/backend/schema"
	"serval/rewrite"
	"serval/router"
)

// The comments of a lookup index's tables say how far it is.
const (
	Building = "serval lookup, building"
	Ready    = "serval lookup"
)

// batch is how many rows are read, and locked, at a time.
const batch = 500

// plain is the state in which this package's SQL means what it says, whatever the servers' own modes are.
var plain = backend.State{Vars: "innodb_lock_wait_timeout=10,sql_mode='NO_AUTO_VALUE_ON_ZERO'"}

// Index is one lookup index and where it is.
type Index struct {
	Cluster *backend.Cluster
	Of      *router.Table // the table that it is of
	Lookup  *router.Lookup
}

// String names the index as the command line does.
func (x *Index) String() string {
	return x.Of.Database + "." + x.Of.Name + "." + x.Lookup.Column
}

// row is a row of the table, or of the index: its values as literals.
type row struct {
	id    []string // the primary key; none for rows of the index
	value string
	key   string
	shard int // of the value in the index, or of the key in the table
}

// conn takes a connection to a shard's primary.
func (x *Index) conn(ctx context.Context, s router.Shard) (*backend.Conn, error) {
	c, err := x.Cluster.Group(s.Group).Primary().AcquireOne(ctx, false)
	if err != nil {
		return nil, err
	}
	if err := c.SetState(&plain); err != nil {
		c.Discard()
		return nil, fmt.Errorf("group %s: %w", s.Group, err)
	}
	return c, nil
}

// exec carries statements out on a shard's primary.
func (x *Index) exec(ctx context.Context, s router.Shard, statements ...string) error {
	c, err := x.conn(ctx, s)
	if err != nil {
		return err
	}
	for _, sql := range statements {
		if _, err := c.Exec(sql); err != nil {
			c.Discard()
			return fmt.Errorf("group %s, %s.%s: %w", s.Group, s.Database, s.Table, err)
		}
	}
	c.Release()
	return nil
}

// query asks a shard's primary.
func (x *Index) query(ctx context.Context, s router.Shard, sql string) ([]backend.Row, error) {
	c, err := x.conn(ctx, s)
	if err != nil {
		return nil, err
	}
	rows, err := c.Query(sql)
	if err != nil {
		c.Discard()
		return nil, fmt.Errorf("group %s, %s.%s: %w", s.Group, s.Database, s.Table, err)
	}
	c.Release()
	return rows, nil
}

// Make makes the index's tables where they are missing. ready: there is nothing to be filled in.
func (x *Index) Make(ctx context.Context, ready bool) error {
	base := x.Of.Shards[0]
	columns, err := schema.ReadColumns(ctx, x.Cluster.Group(base.Group).Primary(), base.Database)
	if err != nil {
		return err
	}
	var definitions []string
	for _, name := range []string{x.Lookup.Column, x.Of.Key} {
		d, err := definition(columns[base.Table], name)
		if err != nil {
			return fmt.Errorf("%s: %w", x, err)
		}
		definitions = append(definitions, d)
	}
	comment := Building
	if ready {
		comment = Ready
	}
	name := rewrite.Quote(x.Lookup.Column)
	for _, s := range x.Lookup.Table.Shards {
		sql := "CREATE TABLE IF NOT EXISTS " + quoted(s) + " (" + strings.Join(definitions, ", ") + ", UNIQUE KEY " + name + " (" + name + ")) ENGINE=InnoDB COMMENT='" + comment + "'"
		if err := x.exec(ctx, s, sql); err != nil {
			return err
		}
	}
	return nil
}

// definition is a column of the index: of the same type as the table's, so that values are the same and compare the same. It is
// never NULL: rows without a value are in no lookup index.
func definition(columns []schema.Column, name string) (string, error) {
	for _, c := range columns {
		if !strings.EqualFold(c.Name, name) {
			continue
		}
		d := rewrite.Quote(c.Name) + " " + c.ColumnType
		if c.Collation != "" {
			charset, _, _ := strings.Cut(c.Collation, "_")
			d += " CHARACTER SET " + charset + " COLLATE " + c.Collation
		}
		return d + " NOT NULL", nil
	}
	return "", fmt.Errorf("there is no column %q", name)
}

// mark changes what the tables' comments say.
func (x *Index) mark(ctx context.Context, comment string) error {
	for _, s := range x.Lookup.Table.Shards {
		if err := x.exec(ctx, s, "ALTER TABLE "+quoted(s)+" COMMENT='"+comment+"'"); err != nil {
			return err
		}
	}
	return nil
}

// Drop drops the tables.
func (x *Index) Drop(ctx context.Context) error {
	for _, s := range x.Lookup.Table.Shards {
		if err := x.exec(ctx, s, "DROP TABLE IF EXISTS "+quoted(s)); err != nil {
			return err
		}
	}
	return nil
}

// TableEmpty tells whether the table that the index is of has no rows.
func (x *Index) TableEmpty(ctx context.Context) (bool, error) {
	for _, s := range x.Of.Shards {
		rows, err := x.query(ctx, s, "SELECT 1 FROM "+quoted(s)+" LIMIT 1")
		if err != nil || len(rows) > 0 {
			return false, err
		}
	}
	return true, nil
}

func quoted(s router.Shard) string { return rewrite.Quote(s.Database) + "." + rewrite.Quote(s.Table) }

// shardOf is where a key, or a value of the index, has its row.
func shardOf(t *router.Table, value []byte) (int, error) {
	col := t.KeyColumn()
	if col == nil {
		return 0, fmt.Errorf("%s: its columns are not known", t.Name)
	}
	k, ok := router.KeyOfValue(col, value)
	if !ok {
		return 0, fmt.Errorf("%s: the shard of %q is not known", t.Name, value)
	}
	return t.Algorithm.Shard(k)
}

// literal writes a value of a column.
func literal(col *router.Column, value []byte) string {
	switch {
	case value == nil:
		return "NULL"
	case col.Collation == "" && (strings.Contains(col.DataType, "binary") || strings.Contains(col.DataType, "blob") || col.DataType == "bit"):
		return fmt.Sprintf("x'%x'", value)
	}
	return string(rewrite.AppendString(nil, string(value), 0))
}
