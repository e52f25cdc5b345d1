// Package schema reads what tables look like on a server: columns, tables and the weights of collations. It knows
// information_schema of MySQL and MariaDB, and nothing of logical tables or shards.
package schema

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"serval/proxy/backend"
)

// schema.go: tables and columns of one physical database.

// Column is one column as information_schema.columns describes it.
type Column struct {
	Table         string // physical table
	Name          string
	DataType      string // in lower case: "bigint", "varchar", "enum"
	ColumnType    string // with everything: "bigint(20) unsigned", "enum('a','b')"
	Unsigned      bool
	CharLength    uint64 // characters that a string column can hold; 0 for other types
	Collation     string // "" for types without one
	Nullable      bool
	HasDefault    bool // a default other than NULL
	AutoIncrement bool
	Generated     bool // computed, virtual or stored
	Invisible     bool // not in SELECT *, nor in an INSERT without a column list
	Primary       bool // in the primary key, or in the unique key over NOT NULL columns that takes its place
}

// ReadColumns reads the columns of all tables and views of one physical database: table → columns in their order. A
// database that is not there has none.
func ReadColumns(ctx context.Context, node *backend.Node, database string) (map[string][]Column, error) {
	rows, err := run(ctx, node, `SELECT TABLE_SCHEMA, @@lower_case_table_names, VERSION(), TABLE_NAME, COLUMN_NAME, DATA_TYPE, `+
		`COLUMN_TYPE, CHARACTER_MAXIMUM_LENGTH, COLLATION_NAME, IS_NULLABLE, COLUMN_DEFAULT, EXTRA, COLUMN_KEY `+
		`FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = `+quote(database)+` ORDER BY TABLE_NAME, ORDINAL_POSITION`)
	if err != nil {
		return nil, fmt.Errorf("read columns of %s: %w", database, err)
	}
	tables := make(map[string][]Column)
	for _, row := range rows {
		if !sameDatabase(row, database) {
			continue
		}
		c, err := column(row)
		if err != nil {
			return nil, fmt.Errorf("read columns of %s: %w", database, err)
		}
		tables[c.Table] = append(tables[c.Table], c)
	}
	return tables, nil
}

// ReadCallingViews reads the names of the views of one physical database that may call stored functions: all of them, where
// the server has any.
func ReadCallingViews(ctx context.Context, node *backend.Node, database string) (map[string]bool, error) {
	rows, err := run(ctx, node, `SELECT TABLE_SCHEMA, @@lower_case_table_names, TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = `+quote(database)+
		` AND EXISTS (SELECT 1 FROM information_schema.ROUTINES WHERE ROUTINE_TYPE = 'FUNCTION' AND ROUTINE_SCHEMA NOT IN ('sys', 'mysql'))`)
	if err != nil {
		return nil, fmt.Errorf("read views of %s: %w", database, err)
	}
	views := map[string]bool{}
	for _, row := range rows {
		if sameDatabase(row, database) {
			views[string(row[2])] = true
		}
	}
	return views, nil
}

// ReadCollation reads a physical database's default collation, "" when it is not there.
func ReadCollation(ctx context.Context, node *backend.Node, database string) (string, error) {
	rows, err := run(ctx, node, `SELECT SCHEMA_NAME, @@lower_case_table_names, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = `+quote(database))
	if err != nil {
		return "", fmt.Errorf("read the collation of %s: %w", database, err)
	}
	for _, row := range rows {
		if sameDatabase(row, database) {
			return string(row[2]), nil
		}
	}
	return "", nil
}

// ReadConstraints reads the names of the foreign keys and checks of one physical database: table → names.
func ReadConstraints(ctx context.Context, node *backend.Node, database string) (map[string][]string, error) {
	rows, err := run(ctx, node, `SELECT CONSTRAINT_SCHEMA, @@lower_case_table_names, TABLE_NAME, CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS`+
		` WHERE CONSTRAINT_SCHEMA = `+quote(database)+` AND CONSTRAINT_TYPE IN ('FOREIGN KEY', 'CHECK')`)
	if err != nil {
		return nil, fmt.Errorf("read constraints of %s: %w", database, err)
	}
	names := map[string][]string{}
	for _, row := range rows {
		if sameDatabase(row, database) {
			names[string(row[2])] = append(names[string(row[2])], string(row[3]))
		}
	}
	return names, nil
}

// ReadComment reads a table's comment.
func ReadComment(ctx context.Context, node *backend.Node, database, table string) (string, error) {
	rows, err := run(ctx, node, `SELECT TABLE_SCHEMA, @@lower_case_table_names, TABLE_COMMENT FROM information_schema.TABLES WHERE TABLE_SCHEMA = `+quote(database)+` AND TABLE_NAME = `+quote(table))
	if err != nil {
		return "", fmt.Errorf("read the comment of %s.%s: %w", database, table, err)
	}
	for _, row := range rows {
		if sameDatabase(row, database) {
			return string(row[2]), nil
		}
	}
	return "", nil
}

// sameDatabase tells whether a row (TABLE_SCHEMA, lower_case_table_names, …) is of this database: MariaDB compares
// the names in information_schema without case, also where Shop and shop are two databases.
func sameDatabase(row backend.Row, database string) bool {
	return string(row[1]) != "0" || string(row[0]) == database
}

// column reads a row of ReadColumns.
func column(row backend.Row) (Column, error) {
	version, extra := string(row[2]), strings.ToUpper(string(row[11]))
	c := Column{
		Table:         string(row[3]),
		Name:          string(row[4]),
		DataType:      strings.ToLower(string(row[5])),
		ColumnType:    string(row[6]),
		Collation:     string(row[8]),
		Nullable:      string(row[9]) == "YES",
		HasDefault:    row[10] != nil,
		AutoIncrement: strings.Contains(extra, "AUTO_INCREMENT"),
		Generated:     generated(extra),
		Invisible:     strings.Contains(extra, "INVISIBLE"),
		Primary:       string(row[12]) == "PRI",
	}
	// MariaDB shows defaults as expressions: NULL is the word, the string 'NULL' has its quotes.
	if strings.Contains(version, "MariaDB") && string(row[10]) == "NULL" {
		c.HasDefault = false
	}
	if c.DataType != "enum" && c.DataType != "set" { // their members may hold the word
		c.Unsigned = strings.Contains(strings.ToLower(c.ColumnType), " unsigned")
	}
	if row[7] != nil {
		length, err := strconv.ParseUint(string(row[7]), 10, 64)
		if err != nil {
			return c, fmt.Errorf("length of %s.%s: %w", c.Table, c.Name, err)
		}
		c.CharLength = length
	}
	return c, nil
}

// generated reads EXTRA, where MySQL's DEFAULT_GENERATED means a default that is an expression.
func generated(extra string) bool {
	return strings.Contains(extra, "VIRTUAL GENERATED") || strings.Contains(extra, "STORED GENERATED") ||
		strings.Contains(extra, "PERSISTENT")
}

// queryState is the state in which this package's SQL means what it says: no mode changes how literals are read.
var queryState = backend.State{Vars: "sql_mode=''"}

// run asks node one question on a connection of its pool; ctx ends it.
func run(ctx context.Context, node *backend.Node, sql string) ([]backend.Row, error) {
	c, err := node.AcquireOne(ctx, false)
	if err != nil {
		return nil, err
	}
	// Discard takes the connection from under a query that runs when ctx is done; after Release it does nothing.
	stop := context.AfterFunc(ctx, c.Discard)
	defer c.Release()
	defer stop()
	var rows []backend.Row
	if err = c.SetState(&queryState); err == nil {
		rows, err = c.Query(sql)
	}
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return rows, err
}

// quote makes a string literal for a session without NO_BACKSLASH_ESCAPES.
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
}
