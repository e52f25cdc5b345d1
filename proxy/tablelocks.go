package proxy

// tablelocks.go: LOCK TABLES, UNLOCK TABLES, HANDLER and FLUSH TABLES. The first two and open HANDLERs pin the session.

import (
	"slices"

	"serval/proxy/backend"
	"serval/proxy/txn"
	"serval/proxy/wire"
	"serval/router"
)

// lockTables carries out LOCK TABLES. It commits, and gives up the locks before it even when it fails, as on a server.
func (c *session) lockTables(p *router.Plan) (group string, err error) {
	group = p.Groups[0]
	if err := c.commitOpen(); err != nil {
		return group, err
	}
	if c.lockedGroup != "" && c.lockedGroup != group {
		if err := c.freeTables(); err != nil {
			return group, err
		}
	}
	reason := pinReason{kind: pinTables}
	if err := c.pin(group, reason); err != nil {
		return group, err
	}
	c.lockedGroup = group
	if err := c.relayLeg(p, group); err != nil {
		c.lockedGroup = ""
		c.unpin(group, reason)
		return group, err
	}
	return group, nil
}

// unlockTables carries out UNLOCK TABLES, which commits when there were locks.
func (c *session) unlockTables() error {
	if c.lockedGroup != "" {
		if err := c.commitOpen(); err != nil {
			return err
		}
		if err := c.freeTables(); err != nil {
			return err
		}
	}
	return c.okUnless(nil)
}

// freeTables gives up the locks of LOCK TABLES.
func (c *session) freeTables() error {
	group := c.lockedGroup
	if group == "" {
		return nil
	}
	err := c.onPinned(group, func(conn *backend.Conn) error {
		_, err := conn.Exec("UNLOCK TABLES")
		return err
	})
	c.lockedGroup = ""
	c.unpin(group, pinReason{kind: pinTables})
	if err != nil && !serverRefused(err) {
		return lostBackend("group "+group, err)
	}
	return err
}

// mayUnderLocks refuses what cannot be done while LOCK TABLES holds: other groups' tables are not locked, and a transaction
// of the statement's own would free the locks.
func (c *session) mayUnderLocks(p *router.Plan) error {
	if c.lockedGroup == "" || p.Anywhere || p.Kind == router.KindVirtual {
		return nil
	}
	for _, l := range c.route.Legs {
		if l.Group != c.lockedGroup && !(l.Group == "" && slices.Contains(p.Groups, c.lockedGroup)) {
			return errTablesLocked("tables of other groups than " + c.lockedGroup)
		}
	}
	if len(c.route.Legs) > 1 && !c.route.Merged && !c.inTransaction() {
		return errTablesLocked("a statement that writes on several shards")
	}
	return nil
}

// openHandler is the table of the HANDLER that a plan is about, nil when it is not open.
func (c *session) openHandler(p *router.Plan) *router.Table {
	if p.Handler == nil {
		return nil
	}
	return c.handlers[p.Handler.Alias]
}

// handler carries out HANDLER.
func (c *session) handler(p *router.Plan) (group string, err error) {
	h := p.Handler
	open := c.openHandler(p)
	group = p.Groups[0]
	if open != nil {
		group = open.Shards[0].Group
	}
	reason := pinReason{pinHandler, h.Alias}
	own := *p
	switch h.Verb {
	case "open":
		if open != nil {
			return group, protocolError(1066, "42000", "Not unique table/alias: '%s'", h.Alias)
		}
		if err := c.pin(group, reason); err != nil {
			return group, err
		}
		if err := c.relayLeg(p, group); err != nil {
			c.unpin(group, reason)
			return group, err
		}
		if c.handlers == nil {
			c.handlers = map[string]*router.Table{}
		}
		t := *h.Table
		t.Shards = []router.Shard{{Group: group, Database: t.Shards[0].Database, Table: t.Shards[0].Table}}
		c.handlers[h.Alias] = &t
		return group, nil
	case "read":
		if open != nil {
			own.Renames = []router.Rename{{Table: open}}
		}
	}
	c.patch.start(&own)
	err = c.relayLeg(&own, group)
	if open != nil && (h.Verb == "close" && err == nil || err == errAnswered && c.patch.failed.Code == 1109) {
		delete(c.handlers, h.Alias)
		c.unpin(group, reason)
	}
	return group, err
}

// flushTables asks every group to FLUSH TABLES.
func (c *session) flushTables() error {
	if err := c.commitOpen(); err != nil {
		return err
	}
	text := string(c.st.Text[:c.st.End])
	for _, group := range c.known.catalog.Groups {
		if c.lockedGroup != "" && group != c.lockedGroup {
			continue
		}
		err := c.withConn(group, func(conn *backend.Conn) error {
			_, err := conn.Exec(text)
			return err
		})
		if err != nil {
			return err
		}
	}
	return c.okUnless(nil)
}

// call carries out CALL. What a procedure may leave on its connection pins the session when its text says so; its session
// variables are undone by the reset before the connection's next user.
func (c *session) call(p *router.Plan) (group string, err error) {
	group = p.Groups[0]
	if err := c.mayCall(group); err != nil {
		return group, err
	}
	text, err := c.readProcedure(p.Procedure, group)
	if err != nil {
		return group, err
	}
	if text.rows && c.client.Capabilities&wire.CapMultiResults == 0 { // a server finds out when it comes to the rows
		return group, notSupported("Serval does not support CALL of the procedure '%s.%s', which may return rows, for a client without CLIENT_MULTI_RESULTS", p.Procedure.Database, p.Procedure.Name)
	}
	if text.leaves {
		if err := c.pin(group, pinReason{pinProcedure, p.Procedure.Database + "." + p.Procedure.Name}); err != nil {
			return group, err
		}
	}
	return group, c.relayLeg(p, group)
}

// mayCall refuses CALL in a transaction that has a part in another group: the procedure could end the part that it sees.
func (c *session) mayCall(group string) error {
	other := ""
	for _, b := range c.txn.branches {
		if b.Group != group {
			other = b.Group
		}
	}
	for _, t := range c.temporaries.tables { // the transaction would begin there: see beginTemporaries
		if home := t.Shards[0].Group; home != group && c.inTransaction() {
			other = home
		}
	}
	if other == "" {
		return nil
	}
	return notSupported("Serval does not support CALL in a transaction over several groups (a part of it is in group %s, the procedure runs in group %s): a COMMIT in the procedure would end one part alone; call it before the transaction touches another group, or outside of it", other, group)
}

// settleCall does the books behind a CALL, which may have begun or ended a transaction on its way, also to an error.
func (c *session) settleCall(conn *backend.Conn, pooled bool, out wire.Outcome) {
	status := out.Status
	if out.Kind == wire.OutcomeError {
		ok, err := conn.Exec("DO 0")
		if err != nil {
			c.giveUp(conn, pooled)
			return
		}
		status = ok.Status
	}
	conn.Keep() // to be reset before its next user has it
	if !pooled {
		c.after(conn, status)
		return
	}
	if status&wire.StatusInTrans != 0 && !c.txn.open() {
		c.txn = transaction{branches: []*branch{{Branch: txn.Branch{Conn: conn, Group: conn.Node().Group(), Wrote: true}, flags: status, begun: true}}}
		return
	}
	c.giveBack(conn)
}
