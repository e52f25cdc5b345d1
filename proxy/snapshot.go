package proxy

// snapshot.go: START TRANSACTION WITH CONSISTENT SNAPSHOT. It begins in every group at once, since the moment counts.

import (
	"serval/config"
)

// beginSnapshot begins the transaction in every group. Where a commit in two phases cannot be had, it reads everywhere and
// writes in one group.
func (c *session) beginSnapshot() error {
	t := &c.txn
	t.snapshot = true
	groups := c.known.catalog.Groups
	if len(groups) > 1 && !t.readOnly && c.acrossGroups() == config.Atomic {
		for _, group := range groups {
			if _, err := c.srv.txns.Store(c.waiting(), group); err != nil {
				t.mode, t.cannot = config.Single, err
			}
		}
	}
	for _, group := range groups {
		if _, err := c.join(group, c.state.backend(""), false); err != nil {
			c.rollBackBranches()
			*t = transaction{}
			return err
		}
	}
	b := t.branches[0]
	if !b.warned {
		return nil
	}
	if err := c.fetchWarnings(b.Conn); err != nil { // at READ COMMITTED there is no snapshot
		c.loseTransaction(b.Conn)
		return execFailed(b.Conn, err)
	}
	c.warned = true
	return nil
}
