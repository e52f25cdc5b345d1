package proxy

// transaction.go: a transaction on one group. Its connection is taken when its first statement needs one, and given
// back when the server says that no transaction is open any more: the server's flag decides, so that implicit commits
// and deadlocks are seen as they are.

import (
	"errors"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
)

type transaction struct {
	begin string // the BEGIN that was asked for and has not reached a server yet, or did on conn
	conn  *backend.Conn
	group string
	flags uint16 // the server's last status flags on conn
}

const inTransaction = wire.StatusInTrans | wire.StatusInTransReadonly

// status are the client's transaction flags. Flags from the transaction's own connection count as they are.
func (t *transaction) status(backendFlags uint16) uint16 {
	switch {
	case t.conn != nil && backendFlags != 0:
		return backendFlags & inTransaction
	case t.conn != nil:
		return t.flags & inTransaction
	case t.begin == "":
		return 0
	case strings.Contains(strings.ToUpper(t.begin), "READ ONLY"):
		return inTransaction
	}
	return wire.StatusInTrans
}

// inTransaction tells whether a statement has to run on the transaction's connection.
func (c *session) inTransaction() bool {
	return c.txn.begin != "" || c.txn.conn != nil || !c.state.autocommit
}

// join gives the transaction's connection for a group, beginning the transaction there when it is nowhere yet.
func (c *session) join(group string, state *backend.State) (*backend.Conn, error) {
	t := &c.txn
	if t.conn != nil {
		if t.group != group {
			return nil, notSupported("Serval does not support a transaction over several groups: this one is in group %s, the statement needs group %s", t.group, group)
		}
		return t.conn, c.prepare(t.conn, state)
	}
	for attempt := 0; ; attempt++ {
		conn, err := c.borrowAs(group, state)
		if err != nil {
			return nil, err
		}
		if t.begin == "" { // autocommit=0: the first statement begins it
			t.conn, t.group = conn, group
			return conn, nil
		}
		ok, err := conn.Exec(t.begin)
		if err == nil {
			t.conn, t.group, t.flags = conn, group, ok.Status
			return conn, nil
		}
		conn.Discard()
		if serverRefused(err) || attempt > 0 {
			return nil, execFailed(conn, err)
		}
	}
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

// prepare brings the transaction's connection to the session's state.
func (c *session) prepare(conn *backend.Conn, state *backend.State) error {
	err := conn.SetState(state)
	if err != nil && !serverRefused(err) {
		c.txn.drop()
	}
	if err != nil {
		return execFailed(conn, err)
	}
	return nil
}

// borrow takes a pooled connection in the session's state.
func (c *session) borrow(group, database string) (*backend.Conn, error) {
	return c.borrowAs(group, c.state.backend(database))
}

// borrowAs takes a pooled connection and brings it to a state. One that turns out to be dead is replaced once: nothing
// has been asked yet.
func (c *session) borrowAs(group string, state *backend.State) (*backend.Conn, error) {
	node := c.srv.cluster.Group(group).Primary()
	for attempt := 0; ; attempt++ {
		conn, err := node.AcquireOne(c.srv.ctx, c.foundRows())
		if err != nil {
			return nil, err
		}
		err = conn.SetState(state)
		if err == nil {
			return conn, nil
		}
		if serverRefused(err) {
			conn.Release()
			return nil, err
		}
		conn.Discard()
		if attempt > 0 {
			return nil, execFailed(conn, err)
		}
	}
}

// after notes the server's flags at the end of a statement on the transaction's connection, and ends the transaction
// when the server has ended it.
func (t *transaction) after(flags uint16) {
	if t.conn == nil {
		return
	}
	t.flags = flags
	if flags&wire.StatusInTrans == 0 {
		t.conn.Release()
		*t = transaction{}
	}
}

// afterError finds out whether an error ended the transaction. Only a few do; for those the server is asked.
func (t *transaction) afterError(code uint16) {
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
		t.drop()
		return
	}
	t.after(ok.Status)
}

// drop ends a transaction whose connection is lost: the server rolls it back.
func (t *transaction) drop() {
	if t.conn != nil {
		t.conn.Discard()
	}
	*t = transaction{}
}

// abandon ends the transaction of a session that ends.
func (t *transaction) abandon(c *session) { t.drop() }

// begin handles BEGIN and START TRANSACTION: the server hears of it with the first statement that names a table.
func (c *session) begin(s *ast.BeginStmt) error {
	if err := c.commitOpen(); err != nil {
		return err
	}
	c.txn.begin = strings.TrimRight(string(c.st.Text[:c.st.End]), " \t\r\n")
	return c.ok(&wire.OK{})
}

// commitOpen commits what is open, as statements do that imply it.
func (c *session) commitOpen() error {
	t := &c.txn
	if t.conn == nil {
		*t = transaction{}
		return nil
	}
	ok, err := t.conn.Exec("COMMIT")
	if err != nil {
		return c.commitFailed(err)
	}
	t.after(ok.Status)
	return nil
}

// finish handles COMMIT and ROLLBACK.
func (c *session) finish(completion ast.CompletionType, savepoint string) error {
	t := &c.txn
	if completion == ast.CompletionTypeRelease {
		return notSupported("Serval does not support COMMIT or ROLLBACK with RELEASE: close the connection after it")
	}
	if savepoint != "" {
		return notSupported("Serval does not support savepoints yet (ROLLBACK TO %s)", savepoint)
	}
	if t.conn == nil {
		if completion != ast.CompletionTypeChain {
			*t = transaction{}
		}
		return c.ok(&wire.OK{})
	}
	ok, err := t.conn.Exec(string(c.st.Text[:c.st.End]))
	if err != nil {
		return c.commitFailed(err)
	}
	t.after(ok.Status)
	return c.ok(&wire.OK{})
}

// commitFailed is an error of COMMIT or ROLLBACK: the server's own, or a connection lost with the outcome unknown.
func (c *session) commitFailed(err error) error {
	if e, refused := err.(*wire.Error); refused && e.Code < 2000 {
		c.txn.afterError(codeDeadlock)
		return err
	}
	group := c.txn.group
	c.txn.drop()
	return protocolError(codeCommitUnknown, "HY000", "Lost connection to group %s while it ended the transaction: whether it was committed is not known (%v)", group, err)
}

// legConn gives the connection for a statement's one leg; pooled: it is the statement's, not the transaction's.
func (c *session) legConn(p *router.Plan, group, database string) (conn *backend.Conn, pooled bool, err error) {
	if c.inTransaction() && !(p.Anywhere && c.txn.conn == nil) {
		conn, err = c.join(group, c.state.backend(database))
		return conn, false, err
	}
	conn, err = c.borrow(group, database)
	return conn, true, err
}

func (c *session) foundRows() bool { return c.client.Capabilities&wire.CapFoundRows != 0 }
