package clients

// page_test.go: docs/clients.md, made from what the test found.

import (
	"fmt"
	"slices"
	"strings"

	"serval/e2e/servers"
)

const pageHead = `# Clients

Made by ` + "`make clients`" + ` from what it found: do not edit. Every program of [e2e/clients](../e2e/clients/doc.go) ran on one plain server
and then through Serval before a sharded cluster of the same servers. **yes** means that it worked and that everything it read,
printed and left in the tables was the same; a number points to the reason below; – means that the client was not asked (it has no such
thing, or it is another client's to show).

`

// page is the whole document.
func (m *matrix) page(list []Client, kinds []servers.Kind) []byte {
	var b strings.Builder
	b.WriteString(pageHead)
	var notes []string
	for _, tools := range []bool{false, true} {
		b.WriteString(map[bool]string{false: "## Drivers and ORMs\n\n", true: "\n## Command lines and tools\n\n"}[tools])
		m.table(&b, slices.DeleteFunc(slices.Clone(list), func(c Client) bool { return c.Tool != tools }), kinds, &notes)
	}
	if len(notes) > 0 {
		b.WriteString("\n## What does not work, and why\n\n")
		for i, n := range notes {
			fmt.Fprintf(&b, "%d. %s\n", i+1, n)
		}
	}
	b.WriteString(pageFeatures)
	return []byte(b.String())
}

// table has a row for each client, or one for each server where they differ.
func (m *matrix) table(b *strings.Builder, list []Client, kinds []servers.Kind, notes *[]string) {
	columns := slices.DeleteFunc(slices.Clone(Features), func(f string) bool {
		return !slices.ContainsFunc(list, func(c Client) bool {
			return slices.ContainsFunc(kinds, func(k servers.Kind) bool {
				r := m.rows[c.Name+" "+string(k)]
				return r != nil && r.cells[f].Tried
			})
		})
	})
	fmt.Fprintf(b, "| client | version | server | %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)+3))
	for i := range list {
		var texts []string
		version := ""
		for _, kind := range kinds {
			r := m.rows[list[i].Name+" "+string(kind)]
			text := ""
			for _, f := range columns {
				text += " " + m.mark(&list[i], kind, r, f, notes) + " |"
			}
			texts, version = append(texts, text), r.version
		}
		if len(slices.Compact(slices.Clone(texts))) == 1 && len(kinds) > 1 {
			fmt.Fprintf(b, "| %s | %s | both |%s\n", list[i].Title, version, texts[0])
			continue
		}
		for k, kind := range kinds {
			fmt.Fprintf(b, "| %s | %s | %s |%s\n", list[i].Title, version, kind, texts[k])
		}
	}
}

// mark is one cell.
func (m *matrix) mark(c *Client, kind servers.Kind, r *row, feature string, notes *[]string) string {
	if r.missing != "" {
		return note(notes, "Not run: "+r.missing+".")
	}
	cell := r.cells[feature]
	switch {
	case !cell.Tried:
		return "–"
	case cell.Plain == "" && cell.Why == "":
		return "yes"
	}
	why := func(text string, plain bool) string {
		if i := gap(c.Name, kind, feature, text, plain); i >= 0 {
			return note(notes, Gaps()[i].Why)
		}
		return note(notes, "Fails: "+text)
	}
	if cell.Why == "" {
		return "yes, " + why(cell.Plain, true)
	}
	return why(cell.Why, false)
}

// note is the number of a text among the notes.
func note(notes *[]string, text string) string {
	i := slices.Index(*notes, text)
	if i < 0 {
		i = len(*notes)
		*notes = append(*notes, text)
	}
	return fmt.Sprintf("%d", i+1)
}

const pageFeatures = `
## What was tried

* **connect**: login, character set, the statements that the client sends at start.
* **migrate**: CREATE and ALTER of unsharded tables with the client's own tools; sharded tables are made by configuration.
* **autoincrement**: generated ids of unsharded tables, batches, joins, upserts, relations.
* **types**: every column type written by parameters into a sharded table, read by key and over all shards in order: integers to
  their limits, DECIMAL, FLOAT, DOUBLE, BIT, temporal types with microseconds, text with emoji, binary, ENUM, SET, JSON, NULL.
* **crud**: insert, update, delete by key with the counts that the client reports, IN lists, pages ordered over all shards.
* **prepared**: statements prepared once and executed often, long data, cursors, as far as the client has them.
* **transactions**: rollback and commit, isolation levels, locking reads. **savepoints**: nested transactions.
  **distributed**: one transaction that writes on two servers.
* **stream**: 20,000 rows of all shards in order, unbuffered where the client can.
* **errors**: duplicate key (1062), syntax (1064), unknown table (1146) as the client's own exceptions.
* **reconnect**: its connection is killed with KILL through Serval; the client comes back.
* **reset**: COM_CHANGE_USER, COM_RESET_CONNECTION, COM_STATISTICS, COM_INIT_DB.
* **metadata**: column definitions of results and the introspection of its ORM, compared line by line.
* **dump**, **load**: a dump through Serval is the plain server's (mysqldump with --set-gtid-purged=OFF), and loads again, the
  rows of sharded tables by themselves. **dump_consistent**: in a snapshot (--single-transaction). **dump_locked**:
  with LOCK TABLES, which is the programs' default; mydumper's FLUSH TABLES WITH READ LOCK. **load_sharded**: a dump
  that makes the sharded tables, too.
* **views**: CREATE VIEW and DROP VIEW of an unsharded table. **sharded_ddl**: ALTER TABLE of a sharded table.

## Not here

* mysql-connector-python: Debian 12 has no package of it. PyMySQL, mysqlclient and, through them, SQLAlchemy and Django stand for Python.
* MySQL's own Connector/J and Connector/ODBC: no package; MariaDB's are here.
* Prisma's migrations: they need its schema engine, a program that is on no package registry. Its client needs none and is here.
* Graphical clients: what they say at start and about the schema is compared statement by statement ([e2e/cases](../e2e/cases), startup_* and tools_*). What the
  clients above say when they connect is recorded in [e2e/clients/startup](../e2e/clients/startup).
`
