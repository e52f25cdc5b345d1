package proxy

// branch.go: how a group joins a transaction. The first group's part is an ordinary transaction, so that a transaction on
// one group costs what it costs without Serval. Groups that join later begin with XA START, for a commit in two phases;
// where there is nothing to be committed atomically (READ ONLY, best effort) theirs are ordinary ones too.

import (
	"serval/config"
	"serval/proxy/backend"
	"serval/proxy/txn"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/router"
)

// branch is a transaction's part in one group. Its connection is the session's until the transaction ends.
type branch struct {
	txn.Branch
	flags  uint16 // the server's last status flags
	begun  bool   // the server has said that a transaction is open
	warned bool   // it had warnings when it began
	cannot error  // why it cannot take part in two-phase commit
}

// changes tells whether a statement makes its group one that takes part in the commit: anything but plain reads.
func changes(p *router.Plan) bool {
	return p.Verb != router.VerbSelect && p.Verb != router.VerbShow || p.Calls || p.Procedure != nil
}

// join gives the transaction's connection for a group in which a statement reads, or writes, beginning the transaction
// there when it has not.
func (c *session) join(group string, state *backend.State, writes bool) (*backend.Conn, error) {
	b := c.txn.in(group)
	if b != nil {
		if err := c.hold(b.Conn); err != nil {
			return nil, err
		}
		if err := c.prepare(b.Conn, state); err != nil {
			return nil, err
		}
	} else {
		if err := c.mayJoin(group); err != nil {
			return nil, err
		}
		var err error
		if b, err = c.beginIn(group, state); err != nil {
			return nil, err
		}
	}
	if writes && !b.Wrote && !c.txn.readOnly {
		if err := c.mayWriteIn(b); err != nil {
			return nil, err
		}
		b.Wrote = true
	}
	return b.Conn, nil
}

// mayJoin makes a transaction ready for a further group. Where two-phase commit cannot be had, it may read there.
func (c *session) mayJoin(group string) error {
	t := &c.txn
	if !t.open() {
		return c.beginTemporaries(group)
	}
	if t.mode != "" {
		return nil
	}
	t.mode = c.acrossGroups()
	if t.mode == config.Atomic && !t.readOnly {
		store, err := c.srv.txns.Store(c.waiting(), t.branches[0].Group)
		if err != nil {
			t.mode, t.cannot = config.Single, err
			return nil
		}
		t.id = txn.NewID(store, t.branches[0].Conn.ThreadID())
	}
	return nil
}

// joinsPrepared tells whether the transaction's part in a group is, or will be, a branch of two-phase commit.
func (c *session) joinsPrepared(group string) bool {
	t := &c.txn
	if b := t.in(group); b != nil {
		return b.XA()
	}
	return t.open() && (t.id != (txn.ID{}) || t.mode == "" && !t.readOnly && c.acrossGroups() == config.Atomic)
}

// mayWriteIn refuses a second group that writes where the mode says so, or where it could not be committed with the first.
func (c *session) mayWriteIn(b *branch) error {
	t := &c.txn
	for _, other := range t.branches {
		if other == b || !other.Wrote {
			continue
		}
		switch {
		case t.cannot != nil:
			return t.cannot
		case t.mode == config.Single:
			return notSupported("Serval does not write in several groups in one transaction here (serval_transactions is single): this one has written in group %s, the statement needs group %s", other.Group, b.Group)
		case b.cannot != nil:
			return b.cannot
		case other.cannot != nil:
			return other.cannot
		}
	}
	return nil
}

// beginTemporaries begins the transaction where the session has temporary tables, before it begins in another group: MySQL
// does not let them be used in branches of two-phase commit.
func (c *session) beginTemporaries(group string) error {
	want := c.state.want // what the caller has been given; there is one
	defer func() { c.state.want = want }()
	for _, table := range c.temporaries.tables {
		if home := table.Shards[0].Group; home != group && c.txn.in(home) == nil && len(c.known.catalog.Groups) > 1 {
			_, err := c.beginIn(home, c.state.backend(""))
			if err != nil {
				return err
			}
			return c.mayJoin(group)
		}
	}
	return nil
}

// beginIn begins the transaction in a group. A pooled connection that turns out to be dead is replaced once.
func (c *session) beginIn(group string, state *backend.State) (*branch, error) {
	t := &c.txn
	for attempt := 0; ; attempt++ {
		conn, err := c.borrowJoining(group, state)
		if err != nil {
			return nil, err
		}
		if t.begin == "" && !t.open() && !c.next.empty() { // autocommit=0: the first statement begins it
			t.next, c.next = c.next, nextTransaction{}
		}
		b := &branch{Branch: txn.Branch{Conn: conn, Group: group}}
		if t.id != (txn.ID{}) {
			if _, b.cannot = c.srv.txns.Store(c.waiting(), group); b.cannot == nil {
				b.XID = txn.XID{ID: t.id, Thread: conn.ThreadID()}
				txn.Failpoint("before-xa-start", t.id)
			}
		}
		if err = c.beginOn(b); err == nil {
			b.begun = b.flags&wire.StatusInTrans != 0
			t.branches = append(t.branches, b)
			if len(t.branches) > 1 {
				c.spreads()
			}
			if b.XA() {
				txn.Failpoint("after-xa-start", t.id)
			}
			return b, nil
		}
		again := attempt == 0 && c.pinOf(conn) == nil && !serverRefused(err)
		c.giveUpUnbegun(b, err)
		if !again {
			return nil, execFailed(conn, err)
		}
	}
}

// borrowJoining takes the connection for a group that joins. Only a transaction's first one waits for a place in a pool:
// transactions that have connections of one group must not wait for each other's of another.
func (c *session) borrowJoining(group string, state *backend.State) (*backend.Conn, error) {
	if !c.txn.open() || c.pins[group] != nil {
		return c.borrowAs(group, state)
	}
	node := c.srv.cluster.Group(group).Primary()
	return c.borrowSetting(node.AcquireMore, func(conn *backend.Conn) error { return conn.SetState(state) })
}

// beginOn begins the transaction on a branch's connection, in one write, with its savepoints.
func (c *session) beginOn(b *branch) error {
	t := &c.txn
	statements := t.next.statements()
	switch {
	case b.XA():
		statements = append(statements, "XA START "+b.XID.SQL())
	case t.begin != "":
		statements = append(statements, t.begin)
	}
	for _, name := range t.savepoints {
		statements = append(statements, "SAVEPOINT "+rewrite.Quote(name))
	}
	if b.XA() && t.snapshot { // what the branch reads is what there was at this moment
		statements = append(statements, c.srv.txns.SnapshotSQL())
	}
	switch len(statements) {
	case 0:
		return nil
	case 1:
		ok, err := b.Conn.Exec(statements[0])
		b.flags, b.warned = ok.Status, ok.Warnings > 0
		return err
	}
	answers, err := b.Conn.Pipeline(statements...)
	if err != nil {
		return err
	}
	for i := range answers {
		if answers[i].Err != nil {
			return answers[i].Err
		}
		b.flags, b.warned = answers[i].OK.Status, answers[i].OK.Warnings > 0
	}
	return nil
}

// giveUpUnbegun gives up a connection on which the transaction could not be begun: it is closed, but for a pinned one whose
// server has answered.
func (c *session) giveUpUnbegun(b *branch, err error) {
	if serverRefused(err) && c.pinOf(b.Conn) != nil {
		txn.RollBack([]*txn.Branch{&b.Branch}) // a part may have been done
		if !b.Broken {
			c.giveBack(b.Conn)
			return
		}
	}
	c.discard(b.Conn)
}

// giveUpUnasked gives up a connection on which a statement could not be prepared for: it is closed, but for a pinned one
// whose server has answered.
func (c *session) giveUpUnasked(conn *backend.Conn, err error) {
	if serverRefused(err) && c.pinOf(conn) != nil {
		c.giveBack(conn)
	} else {
		c.discard(conn)
	}
}
