package proxy

// virtual.go: queries on system tables whose rows Serval makes (package schemaview). Each occurrence of such a table
// becomes a temporary table on one pooled connection (package gather), where the statement then runs as it is.

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"serval/proxy/backend"
	"serval/proxy/gather"
	"serval/proxy/schemaview"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/router"
)

// invisibleColumns is the first version of MySQL that knows them.
const invisibleColumns = 80023

// standIn is a temporary table that stands for a system table.
type standIn struct {
	database, name string
	shape          *schemaview.Shape
	table          *router.Table // in place of shape: it is a copy of this one
}

// shapeCache keeps what servers say of their system tables; a new catalog begins with an empty one.
type shapeCache struct {
	mu     sync.Mutex
	shapes map[string]*schemaview.Shape
}

func newShapeCache() *shapeCache { return &shapeCache{shapes: map[string]*schemaview.Shape{}} }

// virtual carries out a routed statement whose plan is KindVirtual. columns, where they are not nil, are how its result
// is described.
func (c *session) virtual(p *router.Plan, columns []wire.Column) (group string, err error) {
	group = c.legGroup(p)
	conn, err := c.standInConn(p, group)
	if err != nil {
		return group, err
	}
	c.patch.own = columns
	c.sql = c.route.SQL(c.sql[:0], 0, &c.st, &c.args)
	out, err := c.relayOn(conn)
	return group, c.relayed(p, conn, true, out, err)
}

// standInConn gives a pooled connection in the session's state on which the system tables of the plan have been made.
// The route knows their names afterwards, the patcher what their columns are called. The connection is reset before
// its next use.
func (c *session) standInConn(p *router.Plan, group string) (*backend.Conn, error) {
	tables, shapes, err := c.systemTables(p, group)
	if err != nil {
		return nil, err
	}
	conn, err := c.retried(group, func(conn *backend.Conn) error {
		conn.Forget()
		if err := conn.SetState(c.plainState()); err != nil {
			return err
		}
		for _, t := range tables {
			if err := gather.Make(conn, t); err != nil {
				return err
			}
		}
		return conn.SetState(c.state.backend(c.route.Database(0)))
	})
	if err != nil {
		return nil, err
	}
	conn.Forget()
	c.patch.start(p)
	c.patch.elsewhere = c.txn.open()
	for i, t := range tables {
		text := t.Quoted()
		if shapes[i].View {
			text = "(SELECT * FROM " + text + ")"
		}
		c.route.StandIn(i, text)
		c.patch.standIns = append(c.patch.standIns, standIn{database: t.Database, name: t.Name, shape: shapes[i]})
	}
	return conn, nil
}

// systemTables reads the rows of the plan's system tables. No connection is kept.
func (c *session) systemTables(p *router.Plan, group string) ([]*gather.Table, []*schemaview.Shape, error) {
	view := c.view()
	invisible := !c.known.flavor.mariadb && c.known.flavor.server.Version >= invisibleColumns
	database := c.scratchDatabase(group)
	var (
		tables []*gather.Table
		shapes []*schemaview.Shape
	)
	for i, v := range p.Virtuals {
		shape, err := c.systemShape(group, v.Database, v.Name)
		if err != nil {
			return nil, nil, err
		}
		databases, names := p.Only(i, &c.st, c.db)
		rows, err := view.Rows(shape, databases, names)
		if err != nil {
			return nil, nil, err
		}
		t := &gather.Table{Database: database, Name: fmt.Sprintf("serval %d %s", i, strings.ToLower(v.Name)), Columns: shape.Definitions(invisible), Rows: rows}
		if invisible {
			t.Into = shape.List()
		}
		tables, shapes = append(tables, t), append(shapes, shape)
	}
	return tables, shapes, nil
}

// view is what the session's user sees of the servers.
func (c *session) view() *schemaview.View {
	v := &schemaview.View{
		Catalog: c.srv.known.Load().catalog, Seen: c.user.MayUse, Query: c.readSystem,
		Systems: []string{router.InformationSchema},
		Grantee: "'" + c.user.Name + "'@'%'", User: c.user.Name, ID: c.id, Process: c.processes(0),
	}
	if !c.known.flavor.mariadb { // there it is seen by those who have rights on it
		v.Systems = append(v.Systems, "performance_schema")
	}
	for _, name := range slices.Sorted(maps.Keys(c.client.Attributes)) {
		v.Session = append(v.Session, schemaview.Attribute{Name: name, Value: c.client.Attributes[name]})
	}
	return v
}

// plainState is what system tables are read and filled under: text in UTF-8, and of the session only what decides how
// times and estimates are told.
func (c *session) plainState() *backend.State {
	vars := []string{"autocommit=1"}
	if value, ok := c.state.vars["information_schema_stats_expiry"]; ok {
		vars = append(vars, "information_schema_stats_expiry="+value)
	}
	vars = append(vars, "sql_mode=''")
	if zone, ok := c.state.vars["time_zone"]; ok {
		vars = append(vars, "time_zone="+zone)
	}
	return &backend.State{Vars: strings.Join(vars, ",")}
}

// readSystem asks a group about its system tables.
func (c *session) readSystem(group, sql string) (rows []backend.Row, err error) {
	conn, err := c.retried(group, func(conn *backend.Conn) (err error) {
		rows, err = conn.Query(sql)
		return err
	})
	if err == nil {
		c.giveBack(conn)
	}
	return rows, err
}

// retried takes a pooled connection in the plain state and does what changes nothing on it; once more on another one
// when it turns out to be dead.
func (c *session) retried(group string, do func(*backend.Conn) error) (*backend.Conn, error) {
	for attempt := 0; ; attempt++ {
		conn, err := c.borrowMore(group, c.plainState()) // beside a pinned one: what is made here must not stay there
		if err != nil {
			return nil, err
		}
		if err = do(conn); err == nil {
			return conn, nil
		}
		c.discard(conn)
		if serverRefused(err) || attempt > 0 || c.isGone() {
			return nil, plainly(execFailed(conn, err))
		}
	}
}

// systemShape is what a system table looks like on the servers.
func (c *session) systemShape(group, database, table string) (*schemaview.Shape, error) {
	cache, name := c.known.shapes, database+"."+table
	cache.mu.Lock()
	shape := cache.shapes[name]
	cache.mu.Unlock()
	if shape != nil {
		return shape, nil
	}
	conn, err := c.retried(group, func(conn *backend.Conn) (err error) {
		shape, err = schemaview.ReadShape(conn, database, table)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.giveBack(conn)
	cache.mu.Lock()
	cache.shapes[name] = shape
	cache.mu.Unlock()
	return shape, nil
}

// scratchDatabase is a database of a group in which temporary tables can be made.
func (c *session) scratchDatabase(group string) string {
	cat := c.known.catalog
	if d := cat.Databases[c.db]; d != nil && d.DefaultGroup == group {
		return d.Physical
	}
	for _, name := range sortedKeys(cat.Databases) {
		if d := cat.Databases[name]; d.DefaultGroup == group {
			return d.Physical
		}
	}
	for _, name := range sortedKeys(cat.Databases) {
		for _, t := range cat.Databases[name].Tables {
			if s, ok := t.In(group); ok {
				return s.Database
			}
		}
	}
	return ""
}

// systemPlanError makes an error of the planner about a system table what a server says; others stay as they are.
func (c *session) systemPlanError(err error) error {
	var (
		denied  *router.Denied
		unknown *router.UnknownSystemTable
	)
	switch {
	case errors.As(err, &denied):
		return c.systemError(denied)
	case errors.As(err, &unknown):
		return c.unknownSystemTable(unknown)
	}
	return err
}

// systemError is what a user is told who asks for what an ordinary user may not.
func (c *session) systemError(e *router.Denied) error {
	switch {
	case e.Process:
		return protocolError(codeSpecificAccess, "42000", "%s", e.Error())
	case e.Table == "":
		return c.denied(e.Database)
	case c.known.flavor.mariadb:
		return protocolError(codeTableAccessDenied, "42000", "%s command denied to user '%s'@'%s' for table `%s`.`%s`", e.Command, c.user.Name, c.host, e.Database, e.Table)
	}
	return protocolError(codeTableAccessDenied, "42000", "%s command denied to user '%s'@'%s' for table '%s'", e.Command, c.user.Name, c.host, e.Table)
}

// unknownSystemTable lets a server say that a table of information_schema does not exist. When it does, what is in it
// is not known here.
func (c *session) unknownSystemTable(e *router.UnknownSystemTable) error {
	if _, err := c.readSystem(c.defaultGroup(), "SELECT 1 FROM information_schema."+rewrite.Quote(e.Table)+" LIMIT 0"); err != nil {
		return err
	}
	return notSupported("%s: its rows may hold the servers' own names", e.Error())
}
