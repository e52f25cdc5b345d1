package proxy

// relay.go: a statement that one server carries out whole. Its answer passes through as it comes.

import (
	"errors"
	"slices"
	"strconv"
	"time"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
)

// relay carries out a routed statement of one leg.
func (c *session) relay(p *router.Plan) (group string, err error) {
	if p.Temporary {
		return c.temporary(p)
	}
	group = c.legGroup(p)
	if p.Commits {
		if err := c.commitOpen(); err != nil {
			return group, err
		}
	}
	return group, c.relayLeg(p, group)
}

// relayLeg asks a group for the only leg.
func (c *session) relayLeg(p *router.Plan, group string) error {
	c.sql = c.route.SQL(c.sql[:0], 0, &c.st, &c.args)
	err := c.relaySQL(p, group, c.route.Database(0))
	if p.Named != nil {
		c.syncTemporaries(group, p.Named)
	}
	return err
}

// legGroup is the group of the only leg. Where several have what is needed, a transaction's own comes first; else the
// sessions are spread over them.
func (c *session) legGroup(p *router.Plan) string {
	if g := c.route.Legs[0].Group; g != "" {
		return g
	}
	if len(p.Groups) == 1 && !p.Anywhere {
		return p.Groups[0]
	}
	if c.lockedGroup != "" && slices.Contains(p.Groups, c.lockedGroup) {
		return c.lockedGroup
	}
	for _, b := range c.txn.branches {
		if p.Anywhere || slices.Contains(p.Groups, b.Group) {
			return b.Group
		}
	}
	return p.Groups[int(c.id)%len(p.Groups)]
}

// relaySQL asks a group c.sql. A read whose connection turns out dead before any answer is tried once more.
func (c *session) relaySQL(p *router.Plan, group, database string) error {
	for attempt := 0; ; attempt++ {
		conn, pooled, err := c.legConn(p, group, database)
		if err != nil {
			return err
		}
		c.patch.elsewhere = pooled && c.txn.open()
		start := time.Now()
		out, err := c.relayOn(conn)
		c.srv.metrics.Backend(group, conn.Node().Address(), time.Since(start))
		var side *wire.SideError
		// At once: the connection was dead before. Later: the statement ran, and somebody may have meant to end it.
		again := pooled && attempt == 0 && time.Since(start) < retryWithin && !p.Writes() && !p.Locking && !out.Started && c.pinOf(conn) == nil && c.srv.ctx.Err() == nil
		if errors.As(err, &side) && side.Side == wire.SideBackend && again {
			c.discard(conn)
			continue
		}
		return c.relayed(p, conn, pooled, out, err)
	}
}

// retryWithin is how soon a connection must break for a read to be tried on another.
const retryWithin = 50 * time.Millisecond

// relayOn sends the statement and relays its answers.
func (c *session) relayOn(conn *backend.Conn) (wire.Outcome, error) {
	if c.patch.plan.InsertID == router.InsertIDAsk { // so that what is asked afterwards is this session's
		if _, err := conn.Query("SELECT LAST_INSERT_ID(" + strconv.FormatUint(c.lastInsertID, 10) + ") LIMIT 1"); err != nil {
			return wire.Outcome{}, &wire.SideError{Side: wire.SideBackend, Err: err}
		}
	}
	if err := c.askSQL(conn, 0, false); err != nil {
		return c.refusedToPrepare(err)
	}
	if err := conn.Settle(); err != nil {
		return wire.Outcome{}, &wire.SideError{Side: wire.SideBackend, Err: err}
	}
	switch {
	case c.wantsCursor() && c.patch.plan.Verb == router.VerbSelect:
		return c.relayToCursor(conn)
	case c.retypes():
		return c.relayRetyped(conn)
	}
	for {
		out, err := wire.Relay(c.conn, conn.Conn, &c.patch)
		if err != nil || out.Status&wire.StatusMoreResultsExists == 0 {
			return out, err
		}
	}
}

// relayed does the books after an answer has passed, and gives the connection back.
func (c *session) relayed(p *router.Plan, conn *backend.Conn, pooled bool, out wire.Outcome, err error) error {
	if err != nil {
		return c.relayBroke(conn, pooled, out, err)
	}
	c.statementAnswered()
	c.note(out)
	if p.Verb == router.VerbDDL && out.Kind == wire.OutcomeOK {
		defer c.schemaChanged(tablesOnly(p))
	}
	err = c.aftermath(p, conn, out)
	if err == nil {
		err = c.rememberUserVariables(conn, c.assigns(p, conn.Node().Group()))
	}
	if err != nil {
		c.giveUp(conn, pooled)
		if isConnectionError(err) {
			return err
		}
		return nil // the statement's own answer has been given
	}
	if p.Verb == router.VerbDDL && c.pinOf(conn) == nil {
		conn.Forget()
	}
	c.settle(conn, pooled, out)
	if out.Kind == wire.OutcomeError {
		return errAnswered
	}
	return nil
}

// aftermath asks the server what the client may want to know next, while the connection is still held.
func (c *session) aftermath(p *router.Plan, conn *backend.Conn, out wire.Outcome) error {
	if out.Warnings > 0 && out.Kind != wire.OutcomeError {
		if err := c.collectWarnings(conn); err != nil {
			return err
		}
	}
	if out.Kind == wire.OutcomeRows && (p.FoundRows || out.Rows == 0 && p.Skipped(&c.st) > 0) {
		if err := c.askFoundRows(conn); err != nil {
			return err
		}
	}
	return c.noteInsertID(conn, out)
}

// settle gives a pooled connection back, or does the transaction's books.
func (c *session) settle(conn *backend.Conn, pooled bool, out wire.Outcome) {
	switch {
	case c.patch.plan.Verb == router.VerbCall:
		c.settleCall(conn, pooled, out)
	case !pooled && out.Kind == wire.OutcomeError:
		c.afterError(conn, out.ErrCode)
	case !pooled:
		c.after(conn, out.Status)
	case out.Kind != wire.OutcomeError && out.Status&wire.StatusInTrans != 0:
		c.discard(conn) // something began a transaction that the session does not know of
	default:
		if c.route.Gathered {
			conn.Reset() // copies of rows are not kept on idle connections
		}
		c.giveBack(conn)
	}
}

// giveUp closes a connection whose state is not known.
func (c *session) giveUp(conn *backend.Conn, pooled bool) {
	if pooled {
		c.discard(conn)
	} else {
		c.loseTransaction(conn)
	}
}

// relayBroke handles a connection that broke in the middle.
func (c *session) relayBroke(conn *backend.Conn, pooled bool, out wire.Outcome, err error) error {
	var side *wire.SideError
	if errors.As(err, &side) && side.Side == wire.SideClient || errors.Is(err, errClientGone) {
		c.stop(conn) // nobody waits for the rest
		if !pooled {
			c.loseTransaction(conn)
		}
		return clientError(err)
	}
	var state *backend.ErrState
	if errors.As(err, &state) { // the statement may still run
		c.stop(conn)
		return execFailed(conn, state.Refused)
	}
	c.giveUp(conn, pooled)
	if out.Torn {
		return clientError(err)
	}
	if c.isGone() {
		return errClientGone
	}
	return lostBackend("group "+conn.Node().Group(), err)
}

// note keeps what LAST_INSERT_ID(), ROW_COUNT() and SHOW WARNINGS tell of the statement.
func (c *session) note(out wire.Outcome) {
	if !(c.patch.plan.Anywhere && c.patch.plan.Verb == router.VerbSelect && c.known.flavor.mariadb && out.Warnings == 0) { // MariaDB keeps them then
		c.warnings = c.warnings[:0]
	}
	switch out.Kind {
	case wire.OutcomeOK:
		c.rowCount = int64(out.AffectedRows)
		c.noteFoundWrite(out.AffectedRows)
	case wire.OutcomeRows:
		c.rowCount = -1
		c.noteFound(out.Rows)
	case wire.OutcomeError:
		c.rowCount = -1
		c.warnings = append(c.warnings, warning{"Error", c.patch.failed.Code, c.fromResults(c.patch.failed.Message)})
	}
}

// noteInsertID keeps LAST_INSERT_ID(). The id in an OK packet may be an explicit one, which does not count: where the
// plan cannot tell, the server is asked while its connection is held.
func (c *session) noteInsertID(conn *backend.Conn, out wire.Outcome) error {
	if out.Kind != wire.OutcomeOK && !(out.Kind == wire.OutcomeRows && c.patch.plan.Returning) {
		return nil
	}
	switch {
	case c.made.inserted:
		return nil
	case c.made.of != nil && out.Kind == wire.OutcomeRows && out.Rows > 0 && !c.made.of.Keeps: // RETURNING
		c.lastInsertID = c.made.first
		return nil
	}
	switch c.patch.plan.InsertID {
	case router.InsertIDGenerated:
		if out.LastInsertID != 0 {
			c.lastInsertID = out.LastInsertID
		}
	case router.InsertIDAsk:
		rows, err := conn.Query("SELECT LAST_INSERT_ID() LIMIT 1")
		if err != nil {
			return err
		}
		id, err := strconv.ParseUint(string(rows[0][0]), 10, 64)
		if err == nil {
			c.lastInsertID = id
		}
	}
	return nil
}
