package txn

// verdict.go: what was decided of a transaction, asked of its deciding group's store, and carried out on a branch. Both can
// be done by any Serval at any time, several times and at once.

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"serval/proxy/backend"
)

// Resolve finds out what was decided of a transaction, and decides for rollback when nothing was: after that nobody can
// commit it. It tries until ctx ends; the error then says what is in the way.
func (m *Manager) Resolve(ctx context.Context, id ID) (Verdict, error) {
	return m.decide(ctx, id, RolledBack)
}

// decide is Resolve with another verdict for what is undecided. When several groups have the store they are on one server,
// or copies of each other: then each of them is asked, and a verdict other than v that one of them has is the verdict.
func (m *Manager) decide(ctx context.Context, id ID, v Verdict) (Verdict, error) {
	var deciders []string
	err := retry(ctx, func(ctx context.Context) (err error) {
		deciders, err = m.deciders(ctx, id.Store)
		return err
	})
	if err != nil {
		return "", err
	}
	for _, group := range deciders {
		got, err := m.decideIn(ctx, group, id, v)
		if err != nil || got != v {
			return got, err
		}
	}
	return v, nil
}

func (m *Manager) decideIn(ctx context.Context, group string, id ID, v Verdict) (got Verdict, err error) {
	err = retry(ctx, func(ctx context.Context) error {
		return m.own(ctx, group, func(ctx context.Context, c *backend.Conn) error {
			got, err = m.decideOn(ctx, c, id, v)
			return err
		})
	})
	if err != nil {
		return "", fmt.Errorf("the verdict on %s cannot be had of group %s: %w", id, group, err)
	}
	return got, nil
}

// decideOn asks on a connection. The unique key of the table is what makes it a decision: whoever inserts first wins. A row
// that is inserted and not committed is not waited for: recovery has waited already, and a coordinator has lost the connection that
// holds it. The holder is cut off, which ends its transaction, or finds that it was just committed.
func (m *Manager) decideOn(ctx context.Context, c *backend.Conn, id ID, v Verdict) (Verdict, error) {
	for begun := time.Now(); ; {
		got, err := m.lastingVerdict(c, id)
		if err != nil || got != "" {
			return got, err
		}
		held, err := m.held(c, id)
		if err == nil && !held {
			_, err = c.Exec(m.verdictSQL(id, v, nil))
		}
		switch code(err) {
		case 0:
			if err != nil || !held {
				return v, err
			}
		case codeDuplicate, codeDeadlock, codeLockWait:
		default:
			return "", err
		}
		if time.Since(begun) > holderPatience {
			if err := m.cutHolder(c, id); err != nil {
				return "", err
			}
		}
		if !pause(ctx, firstPause) {
			return "", context.Cause(ctx)
		}
	}
}

// holderPatience is for how long somebody may hold what is to be decided or finished before his connection is cut off: it
// could be another recovery at the same thing, and numbers of connections begin anew when a server starts, so that
// the one in the name may be somebody else's by now.
const holderPatience = 300 * time.Millisecond

// lastingVerdict is readVerdict, with a commit made sure of.
func (m *Manager) lastingVerdict(c *backend.Conn, id ID) (Verdict, error) {
	got, err := m.readVerdict(c, id)
	if err != nil || got != Committed {
		return got, err
	}
	if lasts, err := m.confirm(c, id); err != nil || !lasts {
		return "", err // it has just gone
	}
	return got, nil
}

// held tells, without waiting, whether somebody has inserted a transaction's decision and not committed it.
func (m *Manager) held(c *backend.Conn, id ID) (bool, error) {
	_, err := c.Query("SELECT 1 FROM " + m.table("xa_decision") + " WHERE gtrid = _binary'" + id.String() + "' FOR UPDATE NOWAIT")
	switch code(err) {
	case codeLockNoWait, codeLockWait:
		return true, nil
	case codeSyntax: // a server that is older than NOWAIT: the insertion will tell, after a second
		return false, nil
	}
	return false, err
}

// confirm makes sure that a commit which can be read is one that a crash of the server does not take back. InnoDB shows a
// transaction before its log is on disk, and a primary may show it before its replica has it (rpl_semi_sync_master_wait_point
// = AFTER_COMMIT): a write that is committed after it is there only when everything before it is. A rollback needs no
// such care: the crash that would lose it ends the coordinator's transaction too.
func (m *Manager) confirm(c *backend.Conn, id ID) (lasts bool, err error) {
	ok, err := c.Exec("UPDATE " + m.table("xa_decision") + " SET decided_at = decided_at + 1 WHERE gtrid = _binary'" + id.String() + "'")
	return ok.AffectedRows > 0, err
}

// readVerdict is "" when nothing was decided, or not committed yet.
func (m *Manager) readVerdict(c *backend.Conn, id ID) (Verdict, error) {
	rows, err := c.Query("SELECT verdict FROM " + m.table("xa_decision") + " WHERE gtrid = _binary'" + id.String() + "'")
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return Verdict(rows[0][0]), nil
}

// cutHolder ends the deciding connection of a transaction whose decision row it holds uncommitted. One that has no
// transaction with writes is not meant. Nor is one that is at work: a COMMIT
// that waits for a semi-synchronous replica would be carried out without it, and the decision be lost with the primary.
func (m *Manager) cutHolder(c *backend.Conn, id ID) error {
	rows, err := c.Query("SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_rows_modified > 0 AND trx_mysql_thread_id = " +
		strconv.FormatUint(uint64(id.Thread), 10))
	if err != nil && code(err) == 0 {
		return err
	}
	if err == nil && len(rows) == 1 && string(rows[0][0]) == "0" { // without the privilege PROCESS nothing is known
		return nil
	}
	if busy, err := working(c, id.Thread); err != nil || busy {
		return err
	}
	return m.cut(c, id.Thread, id)
}

// working tells whether a connection carries a command out.
func working(c *backend.Conn, thread uint32) (bool, error) {
	rows, err := c.Query("SELECT 1 FROM information_schema.processlist WHERE command <> 'Sleep' AND id = " + strconv.FormatUint(uint64(thread), 10))
	return len(rows) > 0, err
}

// cut ends a connection of Serval's on c's server, if there is one of that number with c's account. One that is ending its
// part itself is left to it: it may wait for its replica, and MariaDB would commit without that when it is killed.
func (m *Manager) cut(c *backend.Conn, thread uint32, id ID) error {
	rows, err := c.Query("SHOW PROCESSLIST")
	if err != nil {
		return err
	}
	self, other := process(rows, c.ThreadID()), process(rows, thread)
	if self == nil || other == nil || thread == c.ThreadID() || !bytes.Equal(self.user, other.user) || other.ending() {
		return nil
	}
	m.log.Info("a connection is cut off that holds a transaction in doubt", "gtrid", id.String(), "group", c.Node().Group(), "thread", thread)
	if _, err = c.Exec("KILL " + strconv.FormatUint(uint64(thread), 10)); code(err) == codeUnknownThread {
		return nil // it has just ended
	}
	return err
}

// serverProcess is a line of the process list.
type serverProcess struct {
	user []byte
	info string // the statement that runs
}

// process finds a connection in the process list; nil when it is not there.
func process(processes []backend.Row, thread uint32) *serverProcess {
	number := strconv.FormatUint(uint64(thread), 10)
	for _, p := range processes {
		if len(p) > 7 && string(p[0]) == number {
			return &serverProcess{user: p[1], info: strings.ToUpper(string(p[7]))}
		}
	}
	return nil
}

// ending tells whether the connection is in the middle of a statement that prepares or ends a transaction.
func (p *serverProcess) ending() bool {
	return strings.HasPrefix(p.info, "COMMIT") || strings.HasPrefix(p.info, "XA ")
}

// FinishBranch commits or rolls back a prepared branch on a connection of its own. It tries until ctx ends. A branch that
// is not there (any more) is finished.
func (m *Manager) FinishBranch(ctx context.Context, group string, x XID, v Verdict) error {
	_, err := m.finishBranch(ctx, group, x, v)
	return err
}

// finishBranch is FinishBranch; done is false when there was nothing (left) to do.
func (m *Manager) finishBranch(ctx context.Context, group string, x XID, v Verdict) (done bool, err error) {
	err = retry(ctx, func(ctx context.Context) error {
		return m.own(ctx, group, func(ctx context.Context, c *backend.Conn) error {
			done, err = m.finishOn(ctx, c, x, v)
			return err
		})
	})
	if err != nil {
		return false, fmt.Errorf("branch %s in group %s is not finished: %w", x.ID, group, err)
	}
	return done, nil
}

// attachedPause is between the tries at a branch that is listed and yet unknown.
const attachedPause = 100 * time.Millisecond

// finishOn finishes a branch. "Unknown" is said of a branch that is finished, and also (by MariaDB, and by MySQL with
// xa_detach_on_prepare=OFF) of one that the connection still has which prepared it.
func (m *Manager) finishOn(ctx context.Context, c *backend.Conn, x XID, v Verdict) (done bool, err error) {
	do := "XA ROLLBACK "
	if v == Committed {
		do = "XA COMMIT "
	}
	for begun := time.Now(); ; {
		_, err := c.Exec(do + x.SQL())
		if v == RolledBack && rolledBack(err) {
			return true, nil
		}
		if code(err) != codeUnknownXID {
			return err == nil, err
		}
		list, err := recoverList(c)
		if err != nil || !list.has(x) {
			return false, err
		}
		if time.Since(begun) > holderPatience {
			if err := m.cut(c, x.Thread, x.ID); err != nil {
				return false, err
			}
		}
		if !pause(ctx, attachedPause) {
			return false, fmt.Errorf("it is held by connection %d: %w", x.Thread, context.Cause(ctx))
		}
	}
}

// rolledBack tells whether a server answered an XA ROLLBACK by saying that it had done so already.
func rolledBack(err error) bool {
	return slices.Contains([]uint16{codeXARolledBack, codeXATimeout, codeXADeadlock}, code(err))
}
