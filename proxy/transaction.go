package proxy

// transaction.go: a session's transaction. It has a branch in every group that its statements have touched: the first is an
// ordinary transaction, the others are made for two-phase commit when they join (branch.go). The servers' flags decide
// when it is over, so that implicit commits and deadlocks are seen as they are. A transaction that lost a connection is
// rolled back in all groups; the client has to hear of it before anything else is done in its name.

import (
	"errors"

	"serval/proxy/backend"
	"serval/proxy/txn"
	"serval/proxy/wire"
)

type transaction struct {
	begin    string          // the BEGIN that was asked for; a server gets it with the first statement that needs one
	readOnly bool            // begin says READ ONLY, or the session does
	next     nextTransaction // what SET TRANSACTION said before it
	lost     bool            // a connection broke: nothing but ROLLBACK is carried out
	own      bool            // it is one statement's: the client knows of no transaction

	branches   []*branch // in the order in which the groups joined
	mode       string    // how it is committed when it has written in several groups, once a second one has joined
	cannot     error     // why that is not atomic, where it should be
	id         txn.ID    // its name then
	steps      int       // how deep in statements that are carried out in steps it is
	savepoints []string  // all that there are, in order: groups that join later are given them
	snapshot   bool      // WITH CONSISTENT SNAPSHOT: it began in every group at once
}

const inTransaction = wire.StatusInTrans | wire.StatusInTransReadonly

// in is the branch in a group, nil when it has none there.
func (t *transaction) in(group string) *branch {
	for _, b := range t.branches {
		if b.Group == group {
			return b
		}
	}
	return nil
}

// of is the branch that has a connection, nil when none has.
func (t *transaction) of(conn *backend.Conn) *branch {
	for _, b := range t.branches {
		if b.Conn == conn {
			return b
		}
	}
	return nil
}

// open tells whether a server has a part of the transaction.
func (t *transaction) open() bool { return len(t.branches) > 0 }

// status are the client's transaction flags. Flags from the transaction's own connection count as they are, while there is
// one. A lost transaction shows as open, so that drivers send the ROLLBACK that ends it.
func (t *transaction) status(backendFlags uint16) uint16 {
	switch {
	case t.own:
		return 0
	case len(t.branches) == 1 && backendFlags != 0:
		return backendFlags & inTransaction
	case len(t.branches) == 1:
		return t.branches[0].flags & inTransaction
	case t.lost:
		return wire.StatusInTrans
	case t.begin == "" && len(t.branches) == 0:
		return 0
	case t.readOnly:
		return inTransaction
	}
	return wire.StatusInTrans
}

// inTransaction tells whether a statement has to run on the transaction's connections.
func (c *session) inTransaction() bool {
	return c.txn.begin != "" || c.txn.open() || !c.state.autocommit
}

// errLost is the answer to everything between the loss of a transaction and its ROLLBACK.
func errLost() *wire.Error {
	return protocolError(codeLostConnection, "HY000", "The transaction was lost with its server's connection and rolled back: ROLLBACK before anything else")
}

// serverRefused tells whether an error is the server's answer, and not the connection's end.
func serverRefused(err error) bool {
	var e *wire.Error
	return errors.As(err, &e)
}

// execFailed is the failure of a statement of the proxy's own as the client is told.
func execFailed(conn *backend.Conn, err error) error {
	if serverRefused(err) {
		return err
	}
	return lostBackend("group "+conn.Node().Group(), err)
}

// prepare brings a branch's connection to the session's state. Where that fails its state is not known, and to
// reset it would end the transaction in silence: it is lost.
func (c *session) prepare(conn *backend.Conn, state *backend.State) error {
	if err := conn.SetState(state); err != nil {
		if serverRefused(err) && c.pinOf(conn) != nil { // never reset: its state is set anew next time
			return err
		}
		c.loseTransaction(conn)
		return execFailed(conn, err)
	}
	return nil
}

// after notes the server's flags at the end of a statement on a branch's connection, and ends the transaction when the
// server has ended it.
func (c *session) after(conn *backend.Conn, flags uint16) {
	t := &c.txn
	b := t.of(conn)
	if b == nil {
		return
	}
	b.flags = flags
	switch {
	case flags&wire.StatusInTrans != 0:
		b.begun = true
	case len(t.branches) == 1:
		c.letBranchGo(b)
		*t = transaction{}
	case b.begun: // nothing that is let through does this: what the others hold must not be committed without it
		c.srv.log.Error("a server ended its part of a transaction over several groups", "session", c.id, "group", b.Group, "statement", c.st.Shape())
		c.rollBackBranches()
		*t = transaction{lost: true}
	}
}

// afterError finds out whether an error ended the transaction. Only a few do; for those the server is asked. What one server
// has rolled back is rolled back in all groups.
func (c *session) afterError(conn *backend.Conn, code uint16) {
	b := c.txn.of(conn)
	if b == nil {
		return
	}
	if (code == codeDeadlock || code == codeQueryInterrupted) && len(c.txn.branches) > 1 && c.isVictim() {
		c.rollBackBranches()
		c.txn = transaction{}
		return
	}
	switch code {
	case codeDeadlock, codeLockWait, 1180, 1181, 1399, 1402, 1613, 1614, 1792, 3058, 3101, 3572:
	default:
		if b.flags&wire.StatusInTrans != 0 {
			return
		}
	}
	ok, err := conn.Exec("DO 0")
	switch {
	case err != nil:
		c.loseTransaction(conn)
	case ok.Status&wire.StatusInTrans == 0 && b.begun && len(c.txn.branches) > 1:
		c.rollBackBranches()
		c.txn = transaction{}
	default:
		c.after(conn, ok.Status)
	}
}

// loseTransaction ends a transaction that has lost a connection: in all groups.
func (c *session) loseTransaction(conn *backend.Conn) {
	if b := c.txn.of(conn); b != nil {
		b.Broken = true
	} else if conn != nil {
		c.discard(conn)
	}
	c.rollBackBranches()
	c.txn = transaction{lost: true}
}

// rollBackBranches rolls back in every group and gives the connections back.
func (c *session) rollBackBranches() {
	for _, b := range c.txn.branches { // no KILL QUERY that comes late may hit the end
		if c.wasHit(b.Conn) && !swallow(b.Conn) {
			b.Broken = true
		}
	}
	txn.RollBack(c.txn.parts())
	c.letBranchesGo()
}

// parts are the branches as package txn knows them.
func (t *transaction) parts() []*txn.Branch {
	parts := make([]*txn.Branch, len(t.branches))
	for i, b := range t.branches {
		parts[i] = &b.Branch
	}
	return parts
}

// letBranchesGo gives up the connections of a transaction that has ended everywhere.
func (c *session) letBranchesGo() {
	c.spreadEnds()
	for _, b := range c.txn.branches {
		c.letBranchGo(b)
	}
	c.txn.branches = nil
}

// letBranchGo gives up a branch's connection.
func (c *session) letBranchGo(b *branch) {
	if b.Broken {
		c.discard(b.Conn)
		return
	}
	if !c.txn.next.empty() {
		b.Conn.Forget() // whether they were used up is not told
	}
	c.giveBack(b.Conn)
}
