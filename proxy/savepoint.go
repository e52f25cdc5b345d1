package proxy

// savepoint.go: savepoints. They are set in every group that the transaction has, and noted: a group that joins later is
// given them behind its beginning, so that ROLLBACK TO finds them there too, and undoes all that the group did.

import (
	"slices"
	"strings"

	"serval/proxy/backend"
)

// statementSavepoint is what a statement that writes in several shards of a client's transaction goes back to.
const statementSavepoint = "serval_statement"

// savepoint handles SAVEPOINT. Outside of a transaction it does nothing, as on a server.
func (c *session) savepoint(name string) error {
	t := &c.txn
	switch {
	case ownSavepoint(name):
		return notSupported("Serval does not support a savepoint called %s: it has its own of that name", name)
	case t.lost:
		return errLost()
	case !c.inTransaction():
		return c.done()
	}
	return c.savepointOn(func() {
		if i := t.noted(name); i >= 0 { // another of that name takes its place
			t.savepoints = slices.Delete(t.savepoints, i, i+1)
		}
		t.savepoints = append(t.savepoints, name)
	})
}

// rollbackTo handles ROLLBACK TO SAVEPOINT and, with release, RELEASE SAVEPOINT: both forget the later savepoints.
func (c *session) rollbackTo(name string, release bool) error {
	t := &c.txn
	if t.lost {
		return errLost()
	}
	i := t.noted(name)
	if i < 0 {
		return protocolError(1305, "42000", "SAVEPOINT %s does not exist", name)
	}
	if !release {
		i++
	}
	return c.savepointOn(func() { t.savepoints = t.savepoints[:i] })
}

// noted is the place of a savepoint, -1 when there is none of that name.
func (t *transaction) noted(name string) int {
	return slices.IndexFunc(t.savepoints, func(s string) bool { return strings.EqualFold(s, name) })
}

// savepointOn has every group of the transaction carry the statement out, and notes it.
func (c *session) savepointOn(note func()) error {
	var conns []*backend.Conn
	for _, b := range c.txn.branches {
		if err := c.hold(b.Conn); err != nil {
			return err
		}
		conns = append(conns, b.Conn)
	}
	if err := c.onAll(conns, string(c.st.Text[:c.st.End])); err != nil {
		return err
	}
	if c.inTransaction() {
		note()
	}
	return c.done()
}

// onAll has connections of the transaction carry out a statement that all of them can, at the same time. Its error is the
// first refusal, or the loss of a connection, and with it of the transaction.
func (c *session) onAll(conns []*backend.Conn, sql string) error {
	asked := 0
	var (
		failed error
		broken *backend.Conn
	)
	for _, conn := range conns {
		if err := conn.SendAll(sql); err != nil {
			broken, failed = conn, execFailed(conn, err)
			break
		}
		asked++
	}
	for _, conn := range conns[:asked] {
		answers, err := conn.ReadAnswers(1)
		switch {
		case err != nil:
			c.txn.of(conn).Broken = true
			broken, failed = conn, execFailed(conn, err)
		case answers[0].Err != nil && failed == nil:
			failed = answers[0].Err
		case answers[0].Err == nil && broken == nil:
			c.after(conn, answers[0].OK.Status)
		}
	}
	if broken != nil {
		c.loseTransaction(broken)
	}
	return failed
}
