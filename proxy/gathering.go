package proxy

// gathering.go: queries over several places that no merge can put together (router/gather.go). The rows that each table of
// the statement can need are read from their places and put, as they come, into temporary tables on one pooled connection,
// the scratch connection, where the statement then runs as it is. Inside a transaction the rows are read on the
// transaction's own connections, and every table is copied, since another connection does not see what it has written.

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"serval/config"
	"serval/proxy/backend"
	"serval/proxy/gather"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/router"
)

// codeTooBig is the error of a SELECT that looks at too many rows: ER_TOO_BIG_SELECT.
const codeTooBig = 1104

// gathering is the work on one statement.
type gathering struct {
	session  *session
	plan     *router.Plan
	group    string        // where the statement runs
	scratch  *backend.Conn // on which it runs
	database string        // the physical database of temporary tables whose own is not in the group
	copies   []*gather.Copy
	of       []*router.Copy           // what each copy is of
	legs     map[string]*backend.Conn // by group
	state    *backend.State           // of the legs' connections
	view     *router.Copy             // what could not be copied, since it is a view
	limits   config.Limits
	rows     int // gathered so far
	bytes    int
}

// gather carries out a routed statement on gathered rows.
func (c *session) gather(p *router.Plan) (group string, err error) {
	g := &gathering{session: c, plan: p, limits: c.limits(p)}
	defer c.within(g.limits.Time)()
	err = g.fillAll()
	g.letLegsGo()
	if err != nil {
		g.letScratchGo()
		return g.group, c.overdueOr(err)
	}
	c.patch.elsewhere = c.txn.open()
	c.sql = c.route.SQL(c.sql[:0], 0, &c.st, &c.args)
	out, err := c.relayOn(g.scratch)
	return g.group, c.relayed(p, g.scratch, true, out, err)
}

// fillAll makes all copies and brings the scratch connection to the session's state.
func (g *gathering) fillAll() error {
	c := g.session
	if err := g.beginBeside(); err != nil {
		return err
	}
	for i, cp := range g.copies {
		rows, bytes := g.rows, g.bytes
		err := g.fill(cp, g.of[i])
		if errors.Is(err, gather.ErrDuplicate) {
			g.rows, g.bytes = rows, bytes
			err = g.fillPlain(cp, g.of[i])
		}
		if err != nil {
			return g.told(err)
		}
	}
	if err := g.settleScratch(); err != nil {
		return err
	}
	if c.pinsTime(g.plan) {
		if _, err := g.scratch.Exec(c.timestamp()); err != nil {
			return g.scratchFailed(err)
		}
	}
	return nil
}

// beginBeside begins, in the group of a view when there is one.
func (g *gathering) beginBeside() error {
	c := g.session
	g.group = c.scratchGroup()
	err := g.begin()
	if view := g.view; view != nil && view.Table.Shards[0].Group != g.group && c.readsInPlace(view) {
		g.letScratchGo()
		g.group, g.view, g.copies, g.of = view.Table.Shards[0].Group, nil, nil, nil
		err = g.begin()
	}
	return err
}

// begin takes the connections and makes the tables, which are empty.
func (g *gathering) begin() error {
	c := g.session
	if g.legs == nil {
		g.legs = map[string]*backend.Conn{}
	}
	if g.database = c.scratchDatabase(g.group); c.known.catalog.Databases[c.namesDB()] != nil {
		g.database = g.databaseOf(c.namesDB()) // that of the session: some columns are said to be in it
	}
	if g.database == "" {
		g.database = c.srv.cfg.Transactions.Database
	}
	g.state = c.legState()
	c.patch.start(g.plan)
	if err := g.takeScratch(); err != nil {
		return err
	}
	for i := range c.route.Copies {
		of := &c.route.Copies[i]
		if place, ok := of.StaysIn(g.group); ok && c.readsInPlace(of) {
			c.route.StandIn(i, place.Full())
			continue
		}
		shape, err := g.shape(of)
		if err != nil {
			return err
		}
		cp := &gather.Copy{Table: gather.Table{Database: g.databaseOf(of.Table.Database), Name: fmt.Sprintf("serval %d %s", i, of.Table.Name)}, Shape: shape}
		if err := cp.Create(g.scratch); err != nil {
			return g.notMade(of, err)
		}
		g.copies, g.of = append(g.copies, cp), append(g.of, of)
		c.route.StandIn(i, cp.Quoted())
		c.patch.standIns = append(c.patch.standIns, standIn{database: cp.Database, name: cp.Name, table: of.Table})
	}
	return nil
}

// settleScratch brings the scratch connection to the session's state.
func (g *gathering) settleScratch() error {
	if err := g.scratch.SetState(g.session.state.backend(g.database)); err != nil {
		return g.scratchFailed(err)
	}
	g.scratch.Forget() // there are tables on it
	return nil
}

// scratchGroup is the group in which most of what is needed is already.
func (c *session) scratchGroup() string {
	if group := c.srv.cfg.Gather.Group; group != "" {
		return group
	}
	best, most := "", -1
	groups := c.known.catalog.Groups
	for i := range groups {
		group := groups[(i+int(c.id))%len(groups)]
		n := 0
		for k := range c.route.Copies {
			if _, ok := c.route.Copies[k].StaysIn(group); ok {
				n++
			}
		}
		if n > most && c.scratchDatabase(group) != "" {
			best, most = group, n
		}
	}
	return best
}

// readsInPlace tells whether another connection than the session's own may read a table for it.
func (c *session) readsInPlace(of *router.Copy) bool {
	return !c.inTransaction() && len(c.pins) == 0 && !of.Table.Temporary
}

// databaseOf is the database of a copy: that of the original where the group has it, since some errors name it.
func (g *gathering) databaseOf(database string) string {
	d := g.session.known.catalog.Databases[database]
	if d == nil {
		return g.database
	}
	if d.DefaultGroup == g.group {
		return d.Physical
	}
	for _, t := range d.Tables {
		if s, ok := t.In(g.group); ok && s.Database == d.Physical {
			return d.Physical
		}
	}
	return g.database
}

// legState is the state in which rows are read: the session's, but for what would change how they are told.
func (c *session) legState() *backend.State {
	state := c.state.clone()
	for _, name := range append(charsetVariables[:], "sql_select_limit", "timestamp") {
		delete(state.vars, name)
	}
	state.users = nil
	state.vars["character_set_results"], state.vars["sql_mode"], state.vars["time_zone"] = "NULL", "''", "'+00:00'"
	state.names, state.clientTable = backend.DefaultNames, nil
	state.render()
	return state.backend("")
}

// takeScratch takes the connection on which the statement will run. A session that has connections already does not wait for
// a place in a pool.
func (g *gathering) takeScratch() (err error) {
	c := g.session
	node := c.srv.cluster.Group(g.group).Primary()
	acquire := node.AcquireOne
	if c.inTransaction() || len(c.pins) > 0 {
		acquire = node.AcquireMore
	}
	g.scratch, err = c.borrowSetting(acquire, func(conn *backend.Conn) error {
		conn.Forget() // a session's tables of the names that the copies get, say
		return g.settleFill(conn)
	})
	return err
}

// settleFill brings the scratch connection to the state in which tables are filled. Where no database is, Serval's own is made.
func (g *gathering) settleFill(conn *backend.Conn) error {
	own := g.session.srv.cfg.Transactions.Database
	err := conn.SetState(&backend.State{Database: g.database, Vars: gather.FillState})
	var e *wire.Error
	if g.database != own || !errors.As(err, &e) || e.Code != codeUnknownDatabase {
		return err
	}
	if _, err := conn.Exec("CREATE DATABASE IF NOT EXISTS " + rewrite.Quote(own)); err != nil {
		return err
	}
	return conn.SetState(&backend.State{Database: g.database, Vars: gather.FillState})
}

// leg is the connection on which a group's rows are read: the transaction's or the pinned one, or a pooled one.
func (g *gathering) leg(group string) (*backend.Conn, error) {
	c := g.session
	switch conn := g.legs[group]; {
	case c.inTransaction():
		return c.join(group, g.state, changes(g.plan))
	case conn != nil:
		return conn, nil
	}
	var (
		conn *backend.Conn
		err  error
	)
	if c.pins[group] != nil {
		conn, err = c.borrowAs(group, g.state)
	} else { // with the scratch connection taken, waiting for another could be for ever
		conn, err = c.borrowSetting(c.srv.cluster.Group(group).Primary().AcquireMore, func(conn *backend.Conn) error { return conn.SetState(g.state) })
	}
	if err == nil {
		g.legs[group] = conn
	}
	return conn, err
}

// shape asks one of a table's places what it looks like.
func (g *gathering) shape(of *router.Copy) (*gather.Shape, error) {
	at := 0
	if len(of.Places) > 0 {
		at = of.Places[0]
	}
	place := of.Table.Shards[at]
	conn, err := g.leg(place.Group)
	if err != nil {
		return nil, err
	}
	shape, err := gather.ReadShape(conn, place.Full())
	if errors.Is(err, gather.ErrView) {
		g.view = of
		return nil, notSupported("Serval does not support the view '%s.%s' in a query over several shards that does not run in its group (%s), or inside a transaction: name the tables behind it", of.Table.Database, of.Table.Name, place.Group)
	}
	if err != nil {
		return nil, g.legFailed(conn, err)
	}
	return shape, nil
}

// fillPlain makes a copy anew, whose keys are not unique, and fills it.
func (g *gathering) fillPlain(cp *gather.Copy, of *router.Copy) error {
	if err := cp.Abandon(); err != nil {
		return g.scratchFailed(err)
	}
	if err := cp.Drop(); err != nil {
		return g.scratchFailed(err)
	}
	cp.Plain = true
	if err := cp.Create(g.scratch); err != nil {
		return g.notMade(of, err)
	}
	return g.fill(cp, of)
}

// fill reads all places of a table into its copy.
func (g *gathering) fill(cp *gather.Copy, of *router.Copy) error {
	for _, at := range of.Places {
		if err := g.fillFrom(cp, of, at); err != nil {
			return err
		}
	}
	if err := cp.Flush(); err != nil {
		return g.scratchFailed(err)
	}
	return nil
}

func (g *gathering) fillFrom(cp *gather.Copy, of *router.Copy, at int) error {
	place := of.Table.Shards[at]
	conn, err := g.leg(place.Group)
	if err != nil {
		return err
	}
	if err := conn.Send([]byte(of.Read(cp.Shape.Fields(), at))); err != nil {
		return g.legFailed(conn, err)
	}
	r, err := wire.ReadResult(conn.Conn)
	if err != nil {
		return g.legFailed(conn, err)
	}
	var failed error // of the scratch connection: the leg's rows are read to their end all the same
	for {
		row, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return g.legFailed(conn, err)
		}
		if failed != nil {
			continue
		}
		if failed = g.add(cp, of, place, row); failed != nil && g.abandon(conn) {
			return failed
		}
	}
	g.session.after(conn, r.Status|wire.StatusInTrans)
	return failed
}

// add puts a row into a copy, within the limits.
func (g *gathering) add(cp *gather.Copy, of *router.Copy, place router.Shard, row []byte) error {
	g.rows++
	g.bytes += len(row)
	limit := ""
	switch l := &g.limits; {
	case g.rows > l.Rows.Max:
		limit = fmt.Sprintf("%d rows (%s)", l.Rows.Max, l.Rows)
	case g.bytes > l.Bytes.Max:
		limit = fmt.Sprintf("%d bytes (%s)", l.Bytes.Max, l.Bytes)
	}
	if limit != "" {
		return protocolError(codeTooBig, "42000", "Serval gathers at most %s for one statement: it had to stop in table '%s.%s', at its place %s in group %s; narrow the rows by a condition on that table, or raise the limit",
			limit, of.Table.Database, of.Table.Name, place.Full(), place.Group)
	}
	if err := cp.Add(row); err != nil {
		return g.scratchFailed(err)
	}
	return nil
}

// abandon stops a leg that still sends rows; false when its connection must stay, and its rows have to be read.
func (g *gathering) abandon(conn *backend.Conn) bool {
	c := g.session
	if c.txn.of(conn) != nil || c.pinOf(conn) != nil {
		return false
	}
	for group, have := range g.legs {
		if have == conn {
			delete(g.legs, group)
		}
	}
	c.stop(conn)
	return true
}

// legFailed makes the failure of a leg the statement's error.
func (g *gathering) legFailed(conn *backend.Conn, err error) error {
	c := g.session
	var e *wire.Error
	if errors.As(err, &e) {
		plain := *e
		plain.FromServer = false // results came in UTF-8
		c.patch.names(&plain)
		c.afterError(conn, e.Code)
		return &plain
	}
	for group, have := range g.legs {
		if have == conn {
			delete(g.legs, group)
		}
	}
	c.lose(conn)
	return lostBackend("group "+conn.Node().Group(), err)
}

// scratchFailed is what a failure of the scratch connection is to the client.
func (g *gathering) scratchFailed(err error) error {
	if errors.Is(err, gather.ErrDuplicate) {
		return err
	}
	var e *wire.Error
	switch {
	case errors.As(err, &e):
		return g.told(plainly(err))
	case g.scratch != nil:
		g.session.discard(g.scratch)
		g.scratch = nil
	}
	return lostBackend("group "+g.group, err)
}

// told gives an error the names that the client knows.
func (g *gathering) told(err error) error {
	var e *wire.Error
	if errors.As(err, &e) {
		plain := *e
		g.session.patch.names(&plain)
		return &plain
	}
	return err
}

// notMade says why there is no temporary table.
func (g *gathering) notMade(of *router.Copy, err error) error {
	var e *wire.Error
	if !errors.As(err, &e) || e.Code == codeQueryInterrupted {
		return g.scratchFailed(err)
	}
	return notSupported("Serval does not support this query over several shards: it needs a temporary table for '%s.%s' in group %s, which the server refuses (%d: %s)",
		of.Table.Database, of.Table.Name, g.group, e.Code, e.Message)
}

// letLegsGo gives the connections back on which rows were read; the transaction's stay.
func (g *gathering) letLegsGo() {
	for _, conn := range g.legs {
		g.session.giveBack(conn)
	}
	g.legs = nil
}

// letScratchGo gives the scratch connection back without its tables.
func (g *gathering) letScratchGo() {
	if g.scratch != nil {
		for _, cp := range g.copies {
			_ = cp.Abandon() // a connection that is lost fails in the reset, too
		}
		g.scratch.Reset()
		g.session.giveBack(g.scratch)
		g.scratch = nil
	}
}

// describeGathered prepares a statement that runs on gathered rows, on empty copies, for its description.
func (c *session) describeGathered(p *router.Plan) (*wire.Prepared, error) {
	g := &gathering{session: c, plan: p}
	err := g.beginBeside()
	if err == nil {
		err = g.settleScratch()
	}
	g.letLegsGo()
	if err != nil {
		g.letScratchGo()
		return nil, err
	}
	c.sql = c.route.SQL(c.sql[:0], 0, &c.st, &c.args)
	answer, err := c.prepareOn(g.scratch, g.database)
	g.scratch.Reset()
	return answer, c.described(g.scratch, true, g.group, err)
}

// gatheredColumn gives a column of a result that comes from a copy the names of the original; false when it does not.
func (p *patcher) gatheredColumn(column *wire.Column) bool {
	at := slices.IndexFunc(p.standIns, func(s standIn) bool { return s.table != nil && s.name == string(column.OrgTable) })
	if at < 0 {
		return false
	}
	t := p.standIns[at].table
	column.OrgTable = []byte(t.Name)
	if len(column.Schema) > 0 {
		column.Schema = []byte(t.Database)
	}
	return true
}

// asReopened says what it is that MySQL cannot do with temporary tables.
func (c *session) asReopened(e *wire.Error) {
	const cannotReopen = 1137
	if e.Code == cannotReopen && c.route.Gathered {
		*e = *notSupported("Serval does not support a WITH query that is named more than once, over several shards, on MySQL: it reads a temporary table, which MySQL opens once only; write the query twice")
	}
}
