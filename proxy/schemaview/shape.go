package schemaview

// shape.go: what a system table's columns are, as its server tells, and the definition of a temporary table whose
// columns look the same in a result and compare the same in a condition.

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/rewrite"
)

// Shape is a system table without its rows.
type Shape struct {
	Database, Table string
	Columns         []Column
	View            bool // its columns are called as they are, not as a statement writes them
}

// Column is a column of a system table.
type Column struct {
	Name       string
	Definition string      // in CREATE TABLE, without the name
	Seen       wire.Column // its definition in a result, under utf8mb4
}

// bytesPerCharacter is of the character set that shapes are read under, utf8mb4.
const bytesPerCharacter = 4

// ReadShape asks a server. An error of the server's (there is no such table) is a *wire.Error. The connection must be
// in utf8mb4.
func ReadShape(conn *backend.Conn, database, table string) (*Shape, error) {
	s := &Shape{Database: database, Table: table}
	defs, err := columnsOf(conn, "SELECT * FROM "+database+"."+rewrite.Quote(table)+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query("SELECT COLUMN_NAME, COLUMN_TYPE, COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '" +
		database + "' AND TABLE_NAME = '" + table + "'")
	if err != nil {
		return nil, fmt.Errorf("read the columns of %s.%s: %w", database, table, err)
	}
	maria := strings.Contains(conn.ServerVersion(), "MariaDB")
	types := map[string][2]string{}
	for _, r := range rows {
		types[strings.ToLower(string(r[0]))] = [2]string{string(r[1]), string(r[2])}
	}
	for _, def := range defs {
		c := Column{Name: string(def.Name), Seen: def}
		t, ok := types[strings.ToLower(c.Name)]
		if !ok {
			return nil, fmt.Errorf("column %s of %s.%s has no type", c.Name, database, table)
		}
		c.Definition = definition(&def, t[0], t[1], maria)
		s.Columns = append(s.Columns, c)
	}
	if len(defs) == 0 {
		return nil, fmt.Errorf("%s.%s has no columns", database, table)
	}
	written := strings.ToLower(string(defs[0].Name))
	named, err := columnsOf(conn, "SELECT "+rewrite.Quote(written)+" FROM "+database+"."+rewrite.Quote(table)+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	s.View = string(named[0].Name) != written
	return s, nil
}

// columnsOf asks for the column definitions of a statement's result.
func columnsOf(conn *backend.Conn, sql string) ([]wire.Column, error) {
	if err := conn.Send([]byte(sql)); err != nil {
		return nil, err
	}
	r, err := wire.ReadResult(conn.Conn)
	if err != nil {
		return nil, err
	}
	if err := r.Discard(); err != nil {
		return nil, err
	}
	columns := make([]wire.Column, len(r.Columns))
	for i, def := range r.Columns {
		if err := wire.ParseColumn(def, &columns[i]); err != nil {
			return nil, err
		}
	}
	return columns, nil
}

// definition is a column's type. The system tables of MySQL are views, and what information_schema.COLUMNS says of
// a view's expression differs from what a result says, which is what expressions on it go by.
func definition(c *wire.Column, columnType, collation string, maria bool) string {
	def := columnType
	if !maria {
		switch c.Type {
		case wire.TypeLong:
			def = "int"
		case wire.TypeLongLong:
			def = "bigint"
		case wire.TypeVarString:
			if collation != "" {
				def = fmt.Sprintf("varchar(%d)", c.Length/bytesPerCharacter)
			}
		}
		if c.Flags&wire.FlagUnsigned != 0 && (c.Type == wire.TypeLong || c.Type == wire.TypeLongLong) {
			def += " unsigned"
		}
	}
	if collation != "" {
		set, _, _ := strings.Cut(collation, "_")
		def += " CHARACTER SET " + set + " COLLATE " + collation
	}
	if c.Flags&wire.FlagNotNull != 0 {
		return def + " NOT NULL"
	}
	return def + " NULL"
}

// hidden numbers the rows, which is their order then, and serves where servers ask for a primary key.
const hidden = "`serval row` bigint unsigned NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY"

// Definitions are the columns for CREATE TABLE. A server of MySQL that knows invisible columns gets one.
func (s *Shape) Definitions(invisible bool) string {
	defs := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		defs[i] = rewrite.Quote(c.Name) + " " + c.Definition
	}
	if invisible {
		defs = append(defs, hidden)
	}
	return strings.Join(defs, ", ")
}

// List are the columns, as a list for INSERT.
func (s *Shape) List() string {
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		names[i] = rewrite.Quote(c.Name)
	}
	return strings.Join(names, ", ")
}

// At is a column's index, -1 when the table has none of this name.
func (s *Shape) At(name string) int {
	return slices.IndexFunc(s.Columns, func(c Column) bool { return strings.EqualFold(c.Name, name) })
}

// Names tells whether a row of a table with the columns TABLE_SCHEMA and TABLE_NAME is about a table.
func Names(s *Shape, row backend.Row, database, table string) bool {
	return string(row[s.At("TABLE_SCHEMA")]) == database && string(row[s.At("TABLE_NAME")]) == table
}

// Patch makes the definition of a result's column that is read from a stand-in be the system table's own; false when
// the stand-in has no such column. resultBytes is how long a character of the result can be.
func (s *Shape) Patch(c *wire.Column, resultBytes uint32) bool {
	i := s.At(string(c.OrgName))
	if i < 0 {
		return false
	}
	s.Fit(c, resultBytes)
	own := &s.Columns[i].Seen
	nullable := c.Flags&wire.FlagNotNull == 0 // on the nullable side of an outer join, say
	c.Schema, c.OrgTable, c.OrgName = own.Schema, own.OrgTable, own.OrgName
	c.Type, c.Flags, c.Decimals = own.Type, own.Flags, own.Decimals
	if nullable {
		c.Flags &^= wire.FlagNotNull
	}
	return true
}

// Fit gives a column of a result that comes from the table, by whatever way, the length that the table's own has.
func (s *Shape) Fit(c *wire.Column, resultBytes uint32) {
	i := s.At(string(c.OrgName))
	if i < 0 {
		return
	}
	own := &s.Columns[i].Seen
	switch {
	case own.Type != c.Type: // an expression under the same name
	case own.Charset == wire.CollationBinary:
		c.Length = own.Length
	case own.Type >= wire.TypeTinyBlob && own.Type <= wire.TypeBlob && own.Length != math.MaxUint32:
		c.Length = own.Length / bytesPerCharacter * resultBytes
	}
}
