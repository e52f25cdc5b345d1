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
printed and left behind was the same; a number points to the reason below; – means that the client was not asked (it has no such
thing, or it is another client's to show).

`

// page is the whole document.
func (m *matrix) page(list []Client, kinds []servers.Kind) []byte {
	var b strings.Builder
	b.WriteString(pageHead)
	var notes []string
	columns := slices.DeleteFunc(slices.Clone(Features), func(f string) bool {
		for _, r := range m.rows {
			if r.cells[f].Tried {
				return false
			}
		}
		return true
	})
	fmt.Fprintf(&b, "| client | version | server | %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)+3))
	for i := range list {
		for _, kind := range kinds {
			r := m.rows[list[i].Name+" "+string(kind)]
			if r == nil {
				continue
			}
			fmt.Fprintf(&b, "| %s | %s | %s |", list[i].Title, r.version, kind)
			for _, f := range columns {
				fmt.Fprintf(&b, " %s |", m.mark(&list[i], kind, r, f, &notes))
			}
			b.WriteByte('\n')
		}
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
	why, plain := cell.Why, false
	if why == "" {
		why, plain = cell.Plain, true
	}
	text := "FAILS: " + why
	if i := gap(c.Name, kind, feature, why, plain); i >= 0 {
		text = Gaps()[i].Why
	}
	if plain {
		return "yes, " + note(notes, text)
	}
	return note(notes, text)
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
* **dump**, **load**: a dump through Serval is the plain server's, and loads again, the rows of sharded tables by themselves. **dump_consistent**:
  with LOCK TABLES or in a snapshot. **load_sharded**: a dump that makes the sharded tables and fills them with long INSERTs.
* **views**: CREATE VIEW and DROP VIEW of an unsharded table. **sharded_ddl**: ALTER TABLE of a sharded table.
`
