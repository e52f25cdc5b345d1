package proxy

// snapshot.go: START TRANSACTION WITH CONSISTENT SNAPSHOT. It begins in every group at once, since the moment counts; the
// first statement that names a table decides for one group, in the others the transaction is rolled back with nothing
// done.

import (
	"serval/proxy/backend"
	"serval/proxy/wire"
)

// beginSnapshot begins the transaction in every group.
func (c *session) beginSnapshot() error {
	t := &c.txn
	t.snapshots = map[string]*backend.Conn{}
	for _, group := range c.known.catalog.Groups {
		conn, err := c.borrow(group, "")
		if err != nil {
			c.dropSnapshots("")
			*t = transaction{}
			return err
		}
		if _, err = c.beginOn(conn); err != nil {
			c.giveUpUnasked(conn, err)
			c.dropSnapshots("")
			*t = transaction{}
			return execFailed(conn, err)
		}
		t.snapshots[group] = conn
	}
	return nil
}

// chooseSnapshot makes the transaction that of one group.
func (c *session) chooseSnapshot(group string) error {
	t := &c.txn
	conn := t.snapshots[group]
	c.dropSnapshots(group)
	if conn == nil {
		return nil
	}
	t.conn, t.group, t.flags = conn, group, wire.StatusInTrans
	if err := t.setSavepoints(conn); err != nil {
		c.loseTransaction()
		return execFailed(conn, err)
	}
	return nil
}

// dropSnapshots ends the transaction in all groups but one.
func (c *session) dropSnapshots(except string) {
	for group, conn := range c.txn.snapshots {
		if group == except {
			continue
		}
		if _, err := conn.Exec("ROLLBACK"); err != nil {
			c.discard(conn)
		} else {
			c.giveBack(conn)
		}
	}
	c.txn.snapshots = nil
}
