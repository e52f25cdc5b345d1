package proxy

// show.go: which SHOW statement is answered in which way. Those about what is stored become queries on the tables that
// Serval fills (showquery.go), those about one table are asked at its first place (showtable.go, showcreate.go), what is
// the same on every server is asked anywhere.

import (
	"io"
	"maps"
	"slices"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
)

func (c *session) showStatement(s *router.Show) error {
	switch s.What {
	case "DATABASES":
		return c.showDatabases(s)
	case "TABLES", "TABLE STATUS", "TRIGGERS", "EVENTS":
		return c.showStored(s)
	case "PROCEDURE STATUS", "FUNCTION STATUS", "PACKAGE STATUS", "PACKAGE BODY STATUS":
		return c.showRoutines(s)
	case "OPEN TABLES":
		return c.showOpenTables(s)
	case "COLUMNS":
		return c.showColumns(s)
	case "INDEX":
		return c.showIndex(s)
	case "CREATE DATABASE":
		return c.showCreateDatabase(s)
	case "CREATE TABLE", "CREATE VIEW":
		return c.showCreateTable(s)
	case "CREATE TRIGGER", "CREATE PROCEDURE", "CREATE FUNCTION", "CREATE EVENT":
		return c.showCreateProgram(s)
	case "GRANTS":
		return c.showGrants()
	case "CREATE USER":
		return notSupported("Serval does not support SHOW CREATE USER: its users are in its configuration")
	case "ENGINE":
		return needsPrivilege("PROCESS")
	case "REPLICATION":
		return needsPrivilege("SUPER, REPLICATION CLIENT")
	}
	plan := &router.Plan{Verb: router.VerbShow}
	if s.What == "VARIABLES" {
		if s.HasLike && strings.HasPrefix(strings.ToLower(s.Pattern), "serval") {
			return c.showOwnVariables(s)
		}
		plan.InsertID = router.InsertIDAsk // the connection is given the session's id: last_insert_id is one of them
	}
	return c.relayText(c.defaultGroup(), string(c.st.Text[:c.st.End]), plan)
}

// needsPrivilege is what a server says to a user without rights on the server itself.
func needsPrivilege(names string) *wire.Error {
	return protocolError(codeSpecificAccess, "42000", "Access denied; you need (at least one of) the %s privilege(s) for this operation", names)
}

// visible is a database that the user may look at; "" means the current one.
func (c *session) visible(name string) (*router.Database, error) {
	if name == "" {
		name = c.namesDB()
	}
	d := c.known.catalog.Databases[name]
	switch {
	case name == "":
		return nil, &router.NoDatabase{}
	case d == nil && router.SystemDatabase(name) != "":
		return nil, c.denied(name)
	case d == nil:
		return nil, &router.UnknownDatabase{Name: name}
	case !c.user.MayUse(name):
		return nil, c.denied(name)
	}
	return d, nil
}

// systemVisible gives the system database that a name ("" for the current one) means, if everybody may look at it.
func (c *session) systemVisible(name string) string {
	if name == "" {
		name = c.namesDB()
	}
	system := router.SystemDatabase(name)
	if c.known.catalog.Databases[name] != nil || system != router.InformationSchema && system != "performance_schema" {
		return ""
	}
	return system
}

// tableOf is a table for SHOW. One that is not in the catalog (it is new, or there is none) is where new tables go.
func (c *session) tableOf(d *router.Database, name string) (*router.Table, error) {
	switch t := d.Tables[name]; {
	case t != nil:
		return t, nil
	case d.Hidden[name]:
		return nil, &router.NoSuchTable{Database: d.Name, Table: name}
	}
	return &router.Table{Database: d.Name, Name: name, Shards: []router.Shard{{Group: d.DefaultGroup, Database: d.Physical, Table: name}}}, nil
}

// learn asks a group something small that changes nothing, in the session's state, and reads all of the answer.
func (c *session) learn(group, database, sql string) (*table, error) {
	conn, pooled, err := c.describeConn(group, database)
	if err != nil {
		return nil, err
	}
	t, err := c.readTable(conn, sql)
	switch {
	case err == nil || serverRefused(err):
		if pooled {
			c.giveBackAsked(conn)
		}
		return t, err
	default:
		c.giveUp(conn, pooled)
		return nil, lostBackend("group "+group, err)
	}
}

func (c *session) readTable(conn *backend.Conn, sql string) (*table, error) {
	if err := conn.Send([]byte(sql)); err != nil {
		return nil, err
	}
	r, err := wire.ReadResult(conn.Conn)
	if err != nil {
		return nil, err
	}
	t := &table{columns: make([]wire.Column, len(r.Columns))}
	for i, def := range r.Columns {
		if err := wire.ParseColumn(def, &t.columns[i]); err != nil {
			return nil, err
		}
		c.decodeColumn(&t.columns[i])
	}
	for {
		p, err := r.Next()
		if err == io.EOF {
			return t, nil
		}
		if err != nil {
			return nil, err
		}
		row, err := backend.DecodeRow(p, len(r.Columns))
		if err != nil {
			return nil, err
		}
		for i, v := range row {
			if v != nil {
				row[i] = []byte(c.fromResults(string(v)))
			}
		}
		t.rows = append(t.rows, row)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// withConn asks a group something that changes nothing: on the transaction's own connection where that is to the group,
// so that transactions that have a whole pool do not wait for each other, else on a pooled one.
func (c *session) withConn(group string, ask func(*backend.Conn) error) error {
	if b := c.txn.in(group); b != nil {
		err := ask(b.Conn)
		if err != nil && !serverRefused(err) {
			c.loseTransaction(b.Conn)
			return lostBackend("group "+group, err)
		}
		return err
	}
	conn, err := c.borrow(group, "")
	if err != nil {
		return err
	}
	if err := ask(conn); err != nil {
		c.giveUpUnasked(conn, err)
		return execFailed(conn, err)
	}
	c.giveBackAsked(conn)
	return nil
}
