package proxy

// commit.go: BEGIN, COMMIT and ROLLBACK. A transaction of one group is ended by the client's own words on its connection;
// one of several groups by package txn.

import (
	"errors"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/config"
	"serval/proxy/txn"
	"serval/proxy/wire"
)

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
	if !readOnly && next.readOnly(c.readsOnly()) { // XA START cannot say READ WRITE
		next.access = "SET TRANSACTION READ WRITE"
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
	switch len(t.branches) {
	case 0:
		*t = transaction{}
		return nil
	case 1:
		b := t.branches[0]
		if err := c.hold(b.Conn); err != nil {
			return err
		}
		ok, err := b.Conn.Exec("COMMIT")
		if err != nil {
			return c.commitFailed(b, err)
		}
		c.trackWritten(&ok)
		c.after(b.Conn, ok.Status)
		return nil
	}
	_, err := c.commitBranches()
	return err
}

// finish handles COMMIT and ROLLBACK.
func (c *session) finish(completion ast.CompletionType, rollback bool) error {
	t := &c.txn
	c.next = nextTransaction{}
	readOnly, next := t.readOnly, t.next
	var err error
	switch {
	case t.lost:
		*t = transaction{}
		if !rollback {
			return protocolError(codeLostConnection, "HY000", "The transaction was lost with its server's connection: it was rolled back, nothing was committed")
		}
	case len(t.branches) == 0:
		*t = transaction{}
	case len(t.branches) == 1:
		err = c.finishOn(t.branches[0], completion, rollback)
	default:
		err = c.finishBranches(rollback)
	}
	if err != nil {
		return err
	}
	switch {
	case completion == ast.CompletionTypeChain && !t.open():
		t.chain(readOnly, next)
	case completion == ast.CompletionTypeRelease:
		c.endAfter()
	}
	return c.done()
}

// chain begins the transaction that follows one that ended with AND CHAIN: of the same kind.
func (t *transaction) chain(readOnly bool, next nextTransaction) {
	t.begin, t.readOnly, t.next = "BEGIN", readOnly, next
	if readOnly {
		t.begin = "START TRANSACTION READ ONLY"
	}
}

// endAfter ends the session when its command has been answered.
func (c *session) endAfter() {
	c.heldMu.Lock()
	c.killing.ended = true
	c.heldMu.Unlock()
}

// finishOn passes COMMIT or ROLLBACK on. A lost ROLLBACK has done its work.
func (c *session) finishOn(b *branch, completion ast.CompletionType, rollback bool) error {
	if err := c.hold(b.Conn); err != nil {
		return err
	}
	sql := string(c.st.Text[:c.st.End])
	switch {
	case completion == ast.CompletionTypeRelease && rollback: // the session ends, the connection does not
		sql = "ROLLBACK"
	case completion == ast.CompletionTypeRelease:
		sql = "COMMIT"
	}
	ok, err := b.Conn.Exec(sql)
	switch {
	case err == nil:
		c.trackWritten(&ok)
		b.Wrote = false // a chained transaction goes on here
		c.txn.savepoints, c.txn.mode, c.txn.id, c.txn.snapshot = nil, "", txn.ID{}, false
		return c.finished(b, &ok)
	case rollback && !serverRefused(err):
		c.loseTransaction(b.Conn)
		c.txn = transaction{}
		return nil
	}
	return c.commitFailed(b, err)
}

// finished does the books of a COMMIT or ROLLBACK. It may have warnings: temporary tables stay.
func (c *session) finished(b *branch, ok *wire.OK) error {
	if ok.Warnings > 0 {
		if err := c.fetchWarnings(b.Conn); err != nil {
			c.loseTransaction(b.Conn)
			c.txn = transaction{} // it has ended before
		}
		c.warned = true
	}
	c.after(b.Conn, ok.Status)
	return nil
}

// commitFailed is an error of COMMIT or ROLLBACK: the server's own, or a connection lost with the outcome unknown.
func (c *session) commitFailed(b *branch, err error) error {
	if serverRefused(err) {
		c.afterError(b.Conn, codeDeadlock)
		return err
	}
	c.loseTransaction(b.Conn)
	c.txn = transaction{}
	return toldOutcome(&txn.Unknown{Group: b.Group, Err: err})
}

// finishBranches ends a transaction of several groups.
func (c *session) finishBranches(rollback bool) error {
	commit := c.rollBackParts
	if !rollback {
		commit = c.commitBranches
	}
	warned, err := commit()
	if err == nil && len(warned) > 0 {
		c.warnings, c.warned = warned, true
	}
	return err
}

// commitBranches commits in every group. Whatever comes of it, the transaction has ended.
func (c *session) commitBranches() ([]warning, error) {
	t := &c.txn
	for _, b := range t.branches {
		if err := c.hold(b.Conn); err != nil {
			return nil, err
		}
	}
	c.spreadEnds()
	var err error
	if t.mode == config.BestEffort {
		err = txn.CommitInTurn(t.parts())
	} else {
		err = c.srv.txns.Commit(c.srv.ctx, t.id, t.parts())
	}
	for _, b := range t.branches {
		c.trackWritten(&b.OK)
	}
	return c.branchesEnded(), toldOutcome(err)
}

// rollBackParts rolls back in every group.
func (c *session) rollBackParts() ([]warning, error) {
	for _, b := range c.txn.branches {
		if err := c.hold(b.Conn); err != nil {
			return nil, err
		}
	}
	txn.RollBack(c.txn.parts())
	return c.branchesEnded(), nil
}

// branchesEnded gives the connections of a transaction back that has ended in every group, with the warnings of the end.
func (c *session) branchesEnded() []warning {
	var all []warning
	for _, b := range c.txn.branches {
		if b.Broken || b.OK.Warnings == 0 {
			continue
		}
		if err := c.fetchWarnings(b.Conn); err != nil {
			b.Broken = true
		}
		all = append(all, c.warnings...)
	}
	c.letBranchesGo()
	c.txn = transaction{}
	return all
}

// toldOutcome is what a client is told of a commit that failed: a server's refusal in its own words, where the transaction
// was rolled back as it says.
func toldOutcome(err error) error {
	var (
		refused *wire.Error
		unknown *txn.Unknown
		partly  *txn.Partly
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &partly):
		e := *toClient(partly.Err)
		if errors.As(err, &unknown) {
			e = *protocolError(codeCommitUnknown, "HY000", "%s", unknown.Error())
		}
		e.Message += " " + partly.Note()
		return &e
	case errors.As(err, &unknown):
		return protocolError(codeCommitUnknown, "HY000", "%s", unknown.Error())
	case errors.As(err, &refused):
		return rolledBackAs(refused)
	}
	return protocolError(codeLostConnection, "HY000", "%s", err.Error())
}

// rolledBackAs is a refusal to commit after which the transaction was rolled back: what XA says of a deadlock or of a
// recovery that was faster is a deadlock to the client, who may try again.
func rolledBackAs(refused *wire.Error) error {
	switch refused.Code {
	case 1062, 1402, 1613, 1614:
		return protocolError(codeDeadlock, "40001", "Deadlock found when trying to get lock; try restarting transaction (rolled back in all groups at COMMIT: %s)", refused.Message)
	}
	return refused
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
