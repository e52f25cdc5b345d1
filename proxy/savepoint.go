package proxy

// savepoint.go: savepoints of a transaction on one group. While no server has the transaction yet they are only noted:
// the server is given them behind its BEGIN, so that ROLLBACK TO finds them however late the first statement came.

import (
	"slices"
	"strings"

	"serval/proxy/backend"
	"serval/rewrite"
)

// savepoint handles SAVEPOINT. Outside of a transaction it does nothing, as on a server.
func (c *session) savepoint(name string) error {
	t := &c.txn
	switch {
	case t.lost:
		return errLost()
	case t.conn != nil:
		return c.savepointOn(t.conn)
	case c.inTransaction():
		if i := t.noted(name); i >= 0 { // another of that name takes its place
			t.savepoints = slices.Delete(t.savepoints, i, i+1)
		}
		t.savepoints = append(t.savepoints, name)
	}
	return c.done()
}

// rollbackTo handles ROLLBACK TO SAVEPOINT and, with release, RELEASE SAVEPOINT: both forget the later savepoints.
func (c *session) rollbackTo(name string, release bool) error {
	t := &c.txn
	switch {
	case t.lost:
		return errLost()
	case t.conn != nil:
		return c.savepointOn(t.conn)
	}
	i := t.noted(name)
	if i < 0 {
		return protocolError(1305, "42000", "SAVEPOINT %s does not exist", name)
	}
	if !release {
		i++
	}
	t.savepoints = t.savepoints[:i]
	return c.done()
}

// noted is the place of a savepoint that no server has yet, -1 when there is none of that name.
func (t *transaction) noted(name string) int {
	return slices.IndexFunc(t.savepoints, func(s string) bool { return strings.EqualFold(s, name) })
}

// savepointOn has the transaction's server carry the statement out.
func (c *session) savepointOn(conn *backend.Conn) error {
	if err := c.hold(conn); err != nil {
		return err
	}
	ok, err := conn.Exec(string(c.st.Text[:c.st.End]))
	if err != nil {
		if !serverRefused(err) {
			c.loseTransaction()
		}
		return execFailed(conn, err)
	}
	c.after(ok.Status)
	return c.done()
}

// setSavepoints gives a server that has just begun the transaction the savepoints that were noted.
func (t *transaction) setSavepoints(conn *backend.Conn) error {
	for _, name := range t.savepoints {
		if _, err := conn.Exec("SAVEPOINT " + rewrite.Quote(name)); err != nil {
			return err
		}
	}
	t.savepoints = nil
	return nil
}
