// Package gather has a server carry out a statement on rows that are not its own: they are put into temporary tables
// on one connection, and the statement, in which the names of these stand, runs there. MySQL is the SQL engine. The
// package makes and fills the tables; what is in them and what becomes of the statement is the caller's business. When
// the connection is given back it must be Forget()-ed: the reset before its next use drops the tables.
package gather

import (
	"fmt"

	"serval/proxy/backend"
	"serval/rewrite"
)

// batchBytes is how long an INSERT may get before the next one is begun: well below the smallest max_allowed_packet
// that servers come with.
const batchBytes = 256 << 10

// Table is a temporary table to be made. MySQL cannot open one twice in a statement: each occurrence has its own.
type Table struct {
	Database, Name string
	Columns        string // the definitions between the parentheses of CREATE TABLE
	Into           string // the columns that the rows have values for; "" for all
	Rows           []backend.Row
}

// Quoted is the table's name as it stands in statements.
func (t *Table) Quoted() string { return rewrite.Quote(t.Database) + "." + rewrite.Quote(t.Name) }

// Make creates the table on a connection and puts its rows in. The connection's sql_mode must let strings have
// backslash escapes, and its character set must be that of the rows.
func Make(conn *backend.Conn, t *Table) error {
	if _, err := conn.Exec("CREATE TEMPORARY TABLE " + t.Quoted() + " (" + t.Columns + ")"); err != nil {
		return fmt.Errorf("create temporary table %s: %w", t.Name, err)
	}
	head := "INSERT INTO " + t.Quoted() + " "
	if t.Into != "" {
		head += "(" + t.Into + ") "
	}
	head += "VALUES "
	sql := []byte(head)
	for i, row := range t.Rows {
		sql = appendRow(sql, row)
		if len(sql) < batchBytes && i+1 < len(t.Rows) {
			sql = append(sql, ',')
			continue
		}
		if _, err := conn.Exec(string(sql)); err != nil {
			return fmt.Errorf("fill temporary table %s: %w", t.Name, err)
		}
		sql = append(sql[:0], head...)
	}
	return nil
}

func appendRow(dst []byte, row backend.Row) []byte {
	dst = append(dst, '(')
	for i, value := range row {
		if i > 0 {
			dst = append(dst, ',')
		}
		if value == nil {
			dst = append(dst, "NULL"...)
		} else {
			dst = rewrite.AppendString(dst, string(value), 0)
		}
	}
	return append(dst, ')')
}
