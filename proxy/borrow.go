package proxy

// borrow.go: connections for a session: the transaction's own, the one it is pinned to, or a pooled one, brought to the
// session's state.

import (
	"context"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
)

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
	if c.txn.in(group) != nil || c.pins[group] != nil {
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

// legConn gives the connection for a statement's one leg; pooled: it is the statement's, not the transaction's.
// Statements that name no table need not begin a transaction, nor leave its group.
func (c *session) legConn(p *router.Plan, group, database string) (conn *backend.Conn, pooled bool, err error) {
	if c.inTransaction() && !(p.Anywhere && c.txn.in(group) == nil) {
		conn, err = c.join(group, c.state.backend(database), changes(p))
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
