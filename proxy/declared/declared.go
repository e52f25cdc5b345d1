// Package declared keeps the layouts that tables were given in SQL, in the table `tables` of Serval's own database on the
// first group's primary. It knows the words of declarations (config), not what is done with the tables.
package declared

import (
	"context"
	"errors"
	"fmt"

	"serval/config"
	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
)

// The servers' errors for what is not there.
const (
	codeDatabaseDenied  = 1044
	codeUnknownDatabase = 1049
	codeTableDenied     = 1142
	codeNoTable         = 1146
)

func table(database string) string { return "`" + database + "`.`tables`" }

// Make makes the table when it is missing; the database is there.
func Make(c *backend.Conn, database string) error {
	_, err := c.Exec("CREATE TABLE IF NOT EXISTS " + table(database) + " (db VARBINARY(255) NOT NULL, name VARBINARY(255) NOT NULL," +
		" words VARBINARY(8000) NOT NULL, PRIMARY KEY (db, name)) ENGINE=InnoDB")
	return err
}

// Keep keeps a declaration in place of an older one of the same table.
func Keep(c *backend.Conn, database string, d router.SchemaDeclaration) error {
	_, err := c.Exec("REPLACE INTO " + table(database) + " (db, name, words) VALUES (" + literal(d.Table.Database) + ", " +
		literal(d.Table.Name) + ", " + literal(d.Words) + ")")
	return err
}

// Forget forgets a table, if it was kept.
func Forget(c *backend.Conn, database string, k router.TableKey) error {
	_, err := c.Exec("DELETE FROM " + table(database) + " WHERE " + is(k))
	return err
}

// Rename gives declarations their tables' new names. Tables may change names with each other: all of them are taken out
// before they are put in again. It belongs into a transaction.
func Rename(c *backend.Conn, database string, renames []router.TableRename) error {
	words := make([]string, len(renames))
	for i, r := range renames {
		rows, err := c.Query("SELECT words FROM " + table(database) + " WHERE " + is(r.From) + " FOR UPDATE")
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			words[i] = string(rows[0][0])
		}
	}
	for _, r := range renames {
		if err := Forget(c, database, r.From); err != nil {
			return err
		}
	}
	for i, r := range renames {
		if words[i] == "" {
			continue
		}
		if err := Keep(c, database, router.SchemaDeclaration{Table: r.To, Words: words[i]}); err != nil {
			return err
		}
	}
	return nil
}

// Read reads all declarations; none where nothing was ever declared.
func Read(ctx context.Context, node *backend.Node, database string) ([]config.DeclaredTable, error) {
	var list []config.DeclaredTable
	err := node.Beside(ctx, func(c *backend.Conn) error {
		rows, err := c.Query("SELECT db, name, words FROM " + table(database) + " ORDER BY db, name")
		var refused *wire.Error
		if errors.As(err, &refused) {
			switch refused.Code {
			case codeUnknownDatabase, codeNoTable, codeDatabaseDenied, codeTableDenied: // who may not read has declared none
				return nil
			}
		}
		if err != nil {
			return err
		}
		for _, row := range rows {
			d, err := config.ParseDeclaration(string(row[2]))
			if err == nil && d == nil {
				err = fmt.Errorf("%q declares nothing", row[2])
			}
			if err != nil {
				return fmt.Errorf("table %s.%s, declared in SQL: %w", row[0], row[1], err)
			}
			list = append(list, config.DeclaredTable{Database: string(row[0]), Name: string(row[1]), Declaration: *d})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the tables that were declared in SQL: %w", err)
	}
	return list, nil
}

func is(k router.TableKey) string {
	return "db = " + literal(k.Database) + " AND name = " + literal(k.Name)
}

// literal is a text as SQL that means the same in every state of a session.
func literal(s string) string { return fmt.Sprintf("x'%x'", s) }
