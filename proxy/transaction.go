package proxy

// transaction.go: a transaction on one group. Its connection is taken when its first statement needs one, and given
// back when the server says that no transaction is open any more: the server's flag decides, so that implicit commits
// and deadlocks are seen as they are. A transaction whose connection is lost was rolled back by its server; the client
// has to hear of it before anything else is done in its name.

import (
	"context"
	"errors"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
)

type transaction struct {
	begin    string          // the BEGIN that was asked for and has not reached a server yet, or did on conn
	readOnly bool            // begin says READ ONLY, or the session does
	next     nextTransaction // what SET TRANSACTION said before it
	conn     *backend.Conn
	group    string
	flags    uint16 // the server's last status flags on conn
	lost     bool   // its connection broke: nothing but ROLLBACK is carried out

	savepoints []string                 // that no server has yet, in order
	snapshots  map[string]*backend.Conn // WITH CONSISTENT SNAPSHOT: its beginning in every group, until one is chosen
}

const inTransaction = wire.StatusInTrans | wire.StatusInTransReadonly

// status are the client's transaction flags. Flags from the transaction's own connection count as they are. A lost
// transaction shows as open, so that drivers send the ROLLBACK that ends it.
func (t *transaction) status(backendFlags uint16) uint16 {
	switch {
	case t.conn != nil && backendFlags != 0:
		return backendFlags & inTransaction
	case t.conn != nil:
		return t.flags & inTransaction
	case t.lost:
		return wire.StatusInTrans
	case t.begin == "":
		return 0
	case t.readOnly:
		return inTransaction
	}
	return wire.StatusInTrans
}

// inTransaction tells whether a statement has to run on the transaction's connection.
func (c *session) inTransaction() bool {
	return c.txn.begin != "" || c.txn.conn != nil || !c.state.autocommit
}

// errLost is the answer to everything between the loss of a transaction and its ROLLBACK.
func errLost() *wire.Error {
	return protocolError(codeLostConnection, "HY000", "The transaction was lost with its server's connection and rolled back: ROLLBACK before anything else")
}

// join gives the transaction's connection for a group, beginning the transaction there when it is nowhere yet.
func (c *session) join(group string, state *backend.State) (*backend.Conn, error) {
	t := &c.txn
	if t.snapshots != nil {
		if err := c.chooseSnapshot(group); err != nil {
			return nil, err
		}
	}
	if t.conn != nil {
		if t.group != group {
			return nil, notSupported("Serval does not support a transaction over several groups: this one is in group %s, the statement needs group %s", t.group, group)
		}
		if err := c.hold(t.conn); err != nil {
			return nil, err
		}
		return t.conn, c.prepare(t.conn, state)
	}
	for attempt := 0; ; attempt++ {
		conn, err := c.borrowAs(group, state)
		if err != nil {
			return nil, err
		}
		if t.begin == "" { // autocommit=0: the first statement begins it
			t.next, c.next = c.next, nextTransaction{}
		}
		ok, err := c.beginOn(conn)
		if err == nil {
			t.conn, t.group, t.flags = conn, group, ok.Status
			return conn, nil
		}
		again := attempt == 0 && c.pinOf(conn) == nil && !serverRefused(err)
		c.giveUpUnasked(conn, err)
		if !again {
			return nil, execFailed(conn, err)
		}
	}
}

// giveUpUnasked gives up a connection on which a transaction could not be begun: it is closed, but for a pinned one whose
// server has answered.
func (c *session) giveUpUnasked(conn *backend.Conn, err error) {
	if serverRefused(err) && c.pinOf(conn) != nil {
		c.giveBack(conn)
	} else {
		c.discard(conn)
	}
}

// beginOn begins the transaction on a connection.
func (c *session) beginOn(conn *backend.Conn) (ok wire.OK, err error) {
	t := &c.txn
	if err = t.next.on(conn); err == nil && t.begin != "" {
		ok, err = conn.Exec(t.begin)
	}
	if err != nil {
		return ok, err
	}
	return ok, t.setSavepoints(conn)
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

// prepare brings the transaction's connection to the session's state. Where that fails its state is not known, and to
// reset it would end the transaction in silence: it is lost.
func (c *session) prepare(conn *backend.Conn, state *backend.State) error {
	if err := conn.SetState(state); err != nil {
		if serverRefused(err) && c.pinOf(conn) != nil { // never reset: its state is set anew next time
			return err
		}
		c.loseTransaction()
		return execFailed(conn, err)
	}
	return nil
}

// borrow takes a pooled connection in the session's state.
func (c *session) borrow(group, database string) (*backend.Conn, error) {
	return c.borrowAs(group, c.state.backend(database))
}

// borrowAs takes the session's pinned connection of a group, or a pooled one, and brings it to a state. A pooled one
// that turns out to be dead is replaced once: nothing has been asked yet.
func (c *session) borrowAs(group string, state *backend.State) (*backend.Conn, error) {
	if p := c.pins[group]; p != nil {
		return c.borrowPinned(p, state)
	}
	return c.borrowPooled(group, state)
}

func (c *session) borrowPooled(group string, state *backend.State) (*backend.Conn, error) {
	node := c.srv.cluster.Group(group).Primary()
	return c.borrowSetting(node.AcquireOne, func(conn *backend.Conn) error { return conn.SetState(state) })
}

// borrowMore is borrowPooled for a session that may have a connection of the group already.
func (c *session) borrowMore(group string, state *backend.State) (*backend.Conn, error) {
	node := c.srv.cluster.Group(group).Primary()
	acquire := node.AcquireOne
	if c.txn.conn != nil && c.txn.group == group || c.pins[group] != nil {
		acquire = node.AcquireMore
	}
	return c.borrowSetting(acquire, func(conn *backend.Conn) error { return conn.SetState(state) })
}

// borrowSetting takes a connection and has set bring it to a state.
func (c *session) borrowSetting(acquire func(context.Context, bool) (*backend.Conn, error), set func(*backend.Conn) error) (*backend.Conn, error) {
	for attempt := 0; ; attempt++ {
		conn, err := acquire(c.waiting(), c.foundRows())
		if err != nil {
			return nil, err
		}
		if err := c.hold(conn); err != nil {
			conn.Release()
			return nil, err
		}
		err = set(conn)
		if err == nil {
			return conn, nil
		}
		if serverRefused(err) {
			c.giveBack(conn)
			return nil, err
		}
		c.discard(conn)
		if attempt > 0 {
			return nil, execFailed(conn, err)
		}
	}
}

// after notes the server's flags at the end of a statement on the transaction's connection, and ends the transaction
// when the server has ended it.
func (c *session) after(flags uint16) {
	t := &c.txn
	if t.conn == nil {
		return
	}
	t.flags = flags
	if flags&wire.StatusInTrans == 0 {
		if !t.next.empty() {
			t.conn.Forget() // whether they were used up is not told
		}
		c.giveBack(t.conn)
		*t = transaction{}
	}
}

// afterError finds out whether an error ended the transaction. Only a few do; for those the server is asked.
func (c *session) afterError(code uint16) {
	t := &c.txn
	if t.conn == nil {
		return
	}
	switch code {
	case codeDeadlock, codeLockWait, 1180, 1181, 1792, 3058, 3101, 3572:
	default:
		if t.flags&wire.StatusInTrans != 0 {
			return
		}
	}
	ok, err := t.conn.Exec("DO 0")
	if err != nil {
		c.loseTransaction()
		return
	}
	c.after(ok.Status)
}

// loseTransaction ends a transaction whose connection is lost: its server rolls it back.
func (c *session) loseTransaction() {
	if c.txn.conn != nil {
		c.discard(c.txn.conn)
	}
	c.txn = transaction{lost: true}
}

// begin handles BEGIN and START TRANSACTION: the server hears of it with the first statement that names a table.
func (c *session) begin(s *ast.BeginStmt) error {
	text := string(c.st.Text[:c.st.End])
	words := strings.ToLower(strings.Join(strings.Fields(text), " "))
	next := c.next
	if err := c.commitOpen(); err != nil {
		return err
	}
	readOnly := s.ReadOnly || strings.Contains(words, "read only") || !strings.Contains(words, "read write") && next.readOnly(c.readsOnly())
	if err := c.freeTables(); err != nil {
		return err
	}
	c.txn = transaction{begin: text, readOnly: readOnly, next: next}
	if strings.Contains(words, "consistent snapshot") {
		if err := c.beginSnapshot(); err != nil {
			return err
		}
	}
	return c.done()
}

// commitOpen commits what is open, as statements do that imply it.
func (c *session) commitOpen() error {
	t := &c.txn
	if t.lost {
		return errLost()
	}
	c.next = nextTransaction{}
	if t.conn == nil {
		c.dropSnapshots("")
		*t = transaction{}
		return nil
	}
	if err := c.hold(t.conn); err != nil {
		return err
	}
	ok, err := t.conn.Exec("COMMIT")
	if err != nil {
		return c.commitFailed(err)
	}
	c.trackWritten(&ok)
	c.after(ok.Status)
	return nil
}

// finish handles COMMIT and ROLLBACK.
func (c *session) finish(completion ast.CompletionType, rollback bool) error {
	t := &c.txn
	c.next = nextTransaction{}
	switch {
	case completion == ast.CompletionTypeRelease:
		return notSupported("Serval does not support COMMIT or ROLLBACK with RELEASE: close the connection after it")
	case t.lost:
		*t = transaction{}
		if !rollback {
			return protocolError(codeLostConnection, "HY000", "The transaction was lost with its server's connection: it was rolled back, nothing was committed")
		}
	case t.conn == nil:
		c.dropSnapshots("")
		readOnly := t.readOnly
		*t = transaction{}
		if completion == ast.CompletionTypeChain {
			t.chain(readOnly)
		}
	default:
		readOnly := t.readOnly
		if err := c.finishOn(t.conn, rollback); err != nil {
			return err
		}
		if t.conn == nil && completion == ast.CompletionTypeChain { // its connection was lost with the ROLLBACK
			t.chain(readOnly)
		}
	}
	return c.done()
}

// chain begins the transaction that follows one that ended with AND CHAIN.
func (t *transaction) chain(readOnly bool) {
	t.begin, t.readOnly = "BEGIN", readOnly
	if readOnly {
		t.begin = "START TRANSACTION READ ONLY"
	}
}

// finishOn passes COMMIT or ROLLBACK on. A lost ROLLBACK has done its work.
func (c *session) finishOn(conn *backend.Conn, rollback bool) error {
	if err := c.hold(conn); err != nil {
		return err
	}
	ok, err := conn.Exec(string(c.st.Text[:c.st.End]))
	switch {
	case err == nil:
		c.trackWritten(&ok)
		return c.finished(conn, &ok)
	case rollback && !serverRefused(err):
		c.loseTransaction()
		c.txn = transaction{}
		return nil
	}
	return c.commitFailed(err)
}

// finished does the books of a COMMIT or ROLLBACK. It may have warnings: temporary tables stay.
func (c *session) finished(conn *backend.Conn, ok *wire.OK) error {
	if ok.Warnings > 0 {
		c.patch.start(&router.Plan{})
		c.warnings, c.composing = nil, true
		err := c.collectWarnings(conn)
		c.composing = false
		if err != nil {
			c.loseTransaction()
			c.txn = transaction{} // it has ended before
		}
		c.warned = true
	}
	c.after(ok.Status)
	return nil
}

// commitFailed is an error of COMMIT or ROLLBACK: the server's own, or a connection lost with the outcome unknown.
func (c *session) commitFailed(err error) error {
	if serverRefused(err) {
		c.afterError(codeDeadlock)
		return err
	}
	group := c.txn.group
	c.loseTransaction()
	c.txn = transaction{}
	return protocolError(codeCommitUnknown, "HY000", "Lost connection to group %s while it ended the transaction: whether it was committed is not known (%v)", group, err)
}

// done answers OK to a statement that is about the session and not about rows.
func (c *session) done() error {
	c.rowCount = 0
	if c.warned {
		c.warned = false
		return clientError(c.ok(&wire.OK{Warnings: uint16(len(c.warnings))}))
	}
	if !c.known.flavor.mariadb { // MariaDB keeps the warnings of the statement before
		c.warnings = c.warnings[:0]
	}
	c.trackBegin(c.txn.begin)
	return clientError(c.ok(&wire.OK{}))
}

// legConn gives the connection for a statement's one leg; pooled: it is the statement's, not the transaction's.
// Statements that name no table need not begin a transaction, nor leave its group.
func (c *session) legConn(p *router.Plan, group, database string) (conn *backend.Conn, pooled bool, err error) {
	if c.inTransaction() && !(p.Anywhere && (c.txn.conn == nil || c.txn.group != group)) {
		conn, err = c.join(group, c.state.backend(database))
		return conn, false, err
	}
	if c.setsTogether(p, group) {
		state := c.state.backend(database)
		node := c.srv.cluster.Group(group).Primary()
		conn, err = c.borrowSetting(node.AcquireOne, func(conn *backend.Conn) error { return conn.SetStateWith(state) })
		return conn, true, err
	}
	conn, err = c.borrow(group, database)
	if err == nil && !p.Anywhere {
		if err = c.useNext(conn); err != nil {
			c.discard(conn)
			return nil, true, execFailed(conn, err)
		}
	}
	return conn, true, err
}

// setsTogether tells whether the session's state may go to a connection together with the statement: one that changes
// nothing, so that it does not matter when it was carried out in another state.
func (c *session) setsTogether(p *router.Plan, group string) bool {
	return p.Verb == router.VerbSelect && !p.Locking && !p.Calls && p.InsertID == router.InsertIDNone && len(p.Users.Assigned) == 0 &&
		c.prepared == nil && c.pins[group] == nil && c.next.empty()
}

func (c *session) foundRows() bool { return c.client.Capabilities&wire.CapFoundRows != 0 }
