package proxy

// show.go: SHOW statements about logical databases and tables. Rows are the catalog's; the shape of the result is taken
// from a server, so that a client sees the same columns as without a proxy.

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/router"
)

func (c *session) showDatabases(s *ast.ShowStmt) error {
	match, like, err := pattern(s)
	if err != nil {
		return err
	}
	header := "Database"
	if like != "" {
		header += " (" + like + ")"
	}
	t, err := c.shape(c.defaultGroup(), "SHOW DATABASES LIKE ''", header)
	if err != nil {
		return err
	}
	for _, name := range sortedKeys(c.known.catalog.Databases) {
		if c.user.MayUse(name) && match(name) {
			t.add(name)
		}
	}
	c.warnings = c.warnings[:0]
	return c.answerTable(t)
}

func (c *session) showTables(s *ast.ShowStmt) error {
	d, err := c.visible(s.DBName)
	if err != nil {
		return err
	}
	match, like, err := pattern(s)
	if err != nil {
		return err
	}
	header, full := "Tables_in_"+d.Name, ""
	if like != "" {
		header += " (" + like + ")"
	}
	if s.Full {
		full = "FULL "
	}
	t, err := c.shape(d.DefaultGroup, "SHOW "+full+"TABLES FROM "+rewrite.Quote(d.Physical)+" LIKE ''", header)
	if err != nil {
		return err
	}
	for _, table := range sortedKeys(d.Tables) {
		switch {
		case !match(table):
		case s.Full:
			t.add(table, "BASE TABLE")
		default:
			t.add(table)
		}
	}
	c.warnings = c.warnings[:0]
	return c.answerTable(t)
}

// visible is a database that the user may look at; "" means the current one.
func (c *session) visible(name string) (*router.Database, error) {
	if name == "" {
		name = c.db
	}
	d := c.known.catalog.Databases[name]
	switch {
	case name == "":
		return nil, &router.NoDatabase{}
	case d == nil:
		return nil, &router.UnknownDatabase{Name: name}
	case !c.user.MayUse(name):
		return nil, c.denied(name)
	}
	return d, nil
}

// shape is an empty result with the columns that a server gives for a statement, the first one under another name.
func (c *session) shape(group, sql, header string) (*table, error) {
	var r *wire.Result
	err := c.withConn(group, func(conn *backend.Conn) (err error) {
		if err = conn.Send([]byte(sql)); err != nil {
			return err
		}
		if r, err = wire.ReadResult(conn.Conn); err != nil {
			return err
		}
		return r.Discard()
	})
	if err != nil {
		return nil, err
	}
	t := &table{columns: make([]wire.Column, len(r.Columns))}
	for i, def := range r.Columns {
		if err := wire.ParseColumn(def, &t.columns[i]); err != nil {
			return nil, err
		}
	}
	first := &t.columns[0]
	if string(first.OrgName) == string(first.Name) {
		first.OrgName = []byte(header)
	}
	first.Name = []byte(header)
	return t, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// showTable answers SHOW COLUMNS, DESCRIBE, SHOW INDEX and SHOW CREATE TABLE from the table's first place.
func (c *session) showTable(s *ast.ShowStmt) error {
	name := s.Table.Schema.O
	if name == "" {
		name = s.DBName
	}
	d, err := c.visible(name)
	if err != nil {
		return err
	}
	t := d.Tables[s.Table.Name.O]
	if t == nil {
		return protocolError(1146, "42S02", "Table '%s.%s' doesn't exist", d.Name, s.Table.Name.O)
	}
	place := t.Shards[0]
	plan := &router.Plan{Verb: router.VerbShow, Renames: []router.Rename{{Table: t}}}
	physical := rewrite.Quote(place.Database) + "." + rewrite.Quote(place.Table)
	switch s.Tp {
	case ast.ShowCreateTable:
		if place.Table == t.Name {
			return c.relayText(place.Group, "SHOW CREATE TABLE "+physical, plan)
		}
		return c.showCreateTable(t, place)
	case ast.ShowIndex:
		if place.Table != t.Name {
			return notSupported("Serval does not support SHOW INDEX of the sharded table '%s.%s' yet: SHOW CREATE TABLE shows its indexes", d.Name, t.Name)
		}
		return c.relayText(place.Group, "SHOW INDEX FROM "+physical+tail(s), plan)
	}
	if s.Column != nil {
		return c.relayText(place.Group, "DESCRIBE "+physical+" "+rewrite.Quote(s.Column.Name.O), plan)
	}
	extended, full := "", ""
	if s.Extended {
		extended = "EXTENDED "
	}
	if s.Full {
		full = "FULL "
	}
	return c.relayText(place.Group, "SHOW "+extended+full+"COLUMNS FROM "+physical+tail(s), plan)
}

// tail is the LIKE or WHERE of a SHOW statement.
func tail(s *ast.ShowStmt) string {
	switch {
	case s.Pattern != nil:
		return " LIKE " + expression(s.Pattern.Pattern)
	case s.Where != nil:
		return " WHERE " + expression(s.Where)
	}
	return ""
}

// logicalDefinition exchanges the name at the head of a definition, in whichever quotes the session has names written.
func logicalDefinition(def, physical, logical string) string {
	for _, quote := range []string{"`", "\"", ""} {
		head := "CREATE TABLE " + quote + physical + quote + " ("
		if strings.HasPrefix(def, head) {
			return "CREATE TABLE " + quote + logical + quote + " (" + def[len(head):]
		}
	}
	return def
}

// withConn asks a group something that changes nothing: on the transaction's own connection where that is to the group,
// so that transactions that have a whole pool do not wait for each other, else on a pooled one.
func (c *session) withConn(group string, ask func(*backend.Conn) error) error {
	if c.txn.conn != nil && c.txn.group == group {
		err := ask(c.txn.conn)
		if err != nil && !serverRefused(err) {
			conn := c.txn.conn
			c.loseTransaction()
			return lostBackend("group "+conn.Node().Group(), err)
		}
		return err
	}
	conn, err := c.borrow(group, "")
	if err != nil {
		return err
	}
	if err := ask(conn); err != nil {
		c.discard(conn)
		return execFailed(conn, err)
	}
	c.giveBack(conn)
	return nil
}

// showCreateTable gives the first shard's definition under the logical name.
func (c *session) showCreateTable(t *router.Table, place router.Shard) error {
	sql := "SHOW CREATE TABLE " + rewrite.Quote(place.Database) + "." + rewrite.Quote(place.Table)
	out, err := c.shape(place.Group, sql, "Table")
	if err != nil {
		e := *toClient(err)
		e.Message = logicalNames(e.Message, t)
		return &e
	}
	var rows []backend.Row
	err = c.withConn(place.Group, func(conn *backend.Conn) (err error) {
		rows, err = conn.Query(sql)
		return err
	})
	if err != nil {
		return err
	}
	if len(rows) != 1 || len(rows[0]) != 2 {
		return fmt.Errorf("SHOW CREATE TABLE gave %d rows", len(rows))
	}
	physical := c.fromResults(string(rows[0][1]))
	def := logicalDefinition(physical, place.Table, t.Name)
	const shortest = 1024 // characters that servers give this column at least
	column := &out.columns[1]
	column.Length = column.Length / uint32(max(len(physical), shortest)) * uint32(max(len(def), shortest))
	out.add(t.Name, def)
	c.warnings = c.warnings[:0]
	return c.answerTable(out)
}
