package txn

// commit.go: the coordinator. Every step is asked of all branches at once. Until the deciding group's COMMIT is sent, every
// failure rolls back; from then on only its outcome counts, and where that cannot be heard, the decision table tells.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"serval/proxy/wire"
)

const (
	// resolveTimeout is how long a client waits to hear what became of a COMMIT whose connection broke.
	resolveTimeout = 10 * time.Second
	// finishTimeout is how long a client waits for a branch whose connection broke after the decision.
	finishTimeout = 5 * time.Second
	// decidedTimeout is how long a client waits after the decision for what recovery would do as well.
	decidedTimeout = 10 * time.Second
)

// Unknown is a COMMIT whose outcome could not be learned.
type Unknown struct {
	Group string
	ID    ID // zero: no recovery will end it
	Err   error
}

func (e *Unknown) Error() string {
	text := fmt.Sprintf("Lost connection to group %s while it committed the transaction: whether it was committed is not known (%v)", e.Group, e.Err)
	if e.ID != (ID{}) {
		text += fmt.Sprintf("; transaction %s is ended by recovery in all groups alike", e.ID)
	}
	return text
}

func (e *Unknown) Unwrap() error { return e.Err }

// Aborted is a COMMIT that came to nothing: the transaction was rolled back in all groups.
type Aborted struct{ Err error }

func (e *Aborted) Error() string {
	return fmt.Sprintf("The transaction was rolled back in all groups, nothing was committed: %v", e.Err)
}

func (e *Aborted) Unwrap() error { return e.Err }

// Partly is a commit group after group that ended half-way.
type Partly struct {
	Done []string // groups that have committed
	Err  error    // what the next one said
}

func (e *Partly) Error() string { return e.Err.Error() + " " + e.Note() }

// Note says what has become of the groups.
func (e *Partly) Note() string {
	return fmt.Sprintf("(serval_transactions is best_effort: %s had committed, the others were rolled back)", strings.Join(e.Done, ", "))
}

func (e *Partly) Unwrap() error { return e.Err }

// Commit commits a transaction whose first branch is the deciding one. Its errors are *Unknown, and *Aborted, in which a
// *wire.Error is a server's refusal. Branches whose connections broke are marked.
func (m *Manager) Commit(ctx context.Context, id ID, branches []*Branch) error {
	writers := writing(branches)
	switch len(writers) {
	case 0:
		return readersEnded(branches)
	case 1:
		return commitOne(writers[0], branches)
	}
	m.Start(id, branches...)
	defer m.Finish(id, branches...)
	deciding := branches[0]
	if err := m.prepare(id, deciding, branches); err != nil {
		m.abort(id, branches)
		return &Aborted{err}
	}
	if err := m.commitDecision(ctx, id, deciding, branches); err != nil {
		return err
	}
	m.carryOut(ctx, id, branches)
	_ = endReaders(branches, deciding) // it is committed
	return nil
}

func writing(branches []*Branch) []*Branch {
	var writers []*Branch
	for _, b := range branches {
		if b.Wrote {
			writers = append(writers, b)
		}
	}
	return writers
}

// commitOne commits the only branch that has written, then ends the others.
func commitOne(writer *Branch, branches []*Branch) error {
	if err := stillThere(branches); err != nil {
		RollBack(branches)
		return &Aborted{err}
	}
	writer.commitAlone()
	writer.deadline(time.Time{}) // as in a transaction of one group: nothing else waits for it
	err := writer.settle()
	switch {
	case err == nil:
		_ = endReaders(branches, writer) // it is committed
		return nil
	case writer.Broken:
		RollBack(branches) // the others: they have only read
		return &Unknown{Group: writer.Group, Err: err}
	}
	RollBack(branches)
	return &Aborted{err}
}

// stillThere looks, without asking them, whether the servers have the connections of the branches that have only read:
// with a connection its locks are gone, under whose protection the others have written.
func stillThere(branches []*Branch) error {
	for _, b := range branches {
		if b.Wrote {
			continue
		}
		if err := b.Conn.Quiet(); err != nil {
			b.breaks()
			return fmt.Errorf("lost connection to group %s, in which the transaction has read: %w", b.Group, err)
		}
	}
	return nil
}

// readersEnded ends a transaction that has only read. Where one of its connections was lost, its locks were lost before it
// had read everything, maybe: what it has seen need not be what there ever was, and the client has to hear of that.
func readersEnded(branches []*Branch) error {
	if err := endReaders(branches, nil); err != nil {
		return &Aborted{err}
	}
	return nil
}

// endReaders ends the branches that have only read, but for one, and returns what went wrong first. That changes no data.
func endReaders(branches []*Branch, but *Branch) (failed error) {
	for _, b := range branches {
		if !b.Wrote && b != but {
			b.commitAlone()
			if but != nil { // the client waits for its OK, and a dead connection of a reader is no reason to
				b.deadline(time.Now().Add(finishTimeout))
			}
		}
	}
	for _, b := range branches {
		if b.Wrote || b == but {
			continue
		}
		err := b.settle()
		if err != nil && !b.Broken {
			b.breaks()
		}
		if err != nil && failed == nil {
			failed = err
		}
	}
	return failed
}

// prepare makes every branch ready to commit and writes the decision, which counts when it is committed.
func (m *Manager) prepare(id ID, deciding *Branch, branches []*Branch) error {
	if err := stillThere(branches); err != nil {
		return err
	}
	participants, err := m.participants(branches)
	if err != nil {
		return err
	}
	for _, b := range branches {
		switch {
		case b == deciding:
			continue
		case !b.Wrote:
			b.askReader()
			continue
		}
		Failpoint("before-prepare", id)
		b.prepared = true // from now on it may be
		b.ask("XA END "+b.XID.SQL(), "XA PREPARE "+b.XID.SQL())
	}
	Failpoint("before-decision", id)
	deciding.ask(m.DecisionSQL(id, participants))
	var failed error
	for _, b := range branches {
		if err := b.settle(); err != nil && failed == nil {
			failed = err
		}
		switch {
		case b == deciding:
			Failpoint("after-decision", id)
		case b.prepared:
			Failpoint("after-prepare", id)
		}
	}
	return failed
}

// participants are the stores of the branches that are prepared. Nothing has been asked of the branches yet: an error
// leaves no answer unread.
func (m *Manager) participants(branches []*Branch) (stores []string, err error) {
	for _, b := range branches {
		if !b.XA() || !b.Wrote {
			continue
		}
		store, err := m.Store(context.Background(), b.Group)
		if err != nil {
			return nil, err
		}
		stores = append(stores, store)
	}
	return stores, nil
}

// abort rolls back everywhere. The deciding branch goes first: with it goes the decision.
func (m *Manager) abort(id ID, branches []*Branch) {
	all := true
	for _, b := range branches {
		b.rollBack()
	}
	for _, b := range branches {
		all = b.rolledBack() && all
	}
	if !all {
		m.Later(id)
	}
}

// commitDecision commits the deciding branch, and with it the transaction.
func (m *Manager) commitDecision(ctx context.Context, id ID, deciding *Branch, branches []*Branch) error {
	Failpoint("before-commit-decision", id)
	sent := time.Now()
	deciding.ask("COMMIT")
	err := deciding.settle()
	Failpoint("after-commit-decision", id)
	if err == nil {
		return nil
	}
	var refused *wire.Error
	if errors.As(err, &refused) { // that is no proof that it was not committed
		deciding.rollBack()
		deciding.rolledBack()
	}
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	verdict, unresolved := m.Resolve(ctx, id)
	switch {
	case unresolved != nil:
		leave(branches)
		m.Later(id)
		return &Unknown{Group: deciding.Group, ID: id, Err: errors.Join(err, unresolved)}
	case verdict == Committed:
		return nil
	case forgotten(sent, time.Now()):
		leave(branches)
		m.Later(id)
		return &Unknown{Group: deciding.Group, ID: id, Err: errors.Join(err, errForgotten)}
	}
	m.abort(id, branches)
	return &Aborted{err}
}

var errForgotten = errors.New("this Serval stood still for so long that the decision may have been deleted meanwhile")

// forgotten tells whether a commit that was sent then may have been carried out, finished by others, and its decision deleted
// as an old one: this process may have been frozen in between. Then no decision is no news. The clocks of two Servals may differ
// by twice the tolerance; the monotonic clock stands still while a machine sleeps, the other one can be set.
func forgotten(sent, now time.Time) bool {
	return max(now.Sub(sent), now.Round(0).Sub(sent.Round(0))) > keepCommits-2*clockTolerance-resolveTimeout
}

// leave gives up the connections of branches that recovery has to end: on MariaDB only then it can.
func leave(branches []*Branch) {
	for _, b := range branches {
		b.breaks()
	}
}

// carryOut commits the prepared branches after the decision. A branch that cannot be reached is left to recovery: the
// transaction is committed.
func (m *Manager) carryOut(ctx context.Context, id ID, branches []*Branch) {
	for _, b := range branches {
		if b.prepared {
			Failpoint("before-xa-commit", id)
			b.ask("XA COMMIT " + b.XID.SQL())
			b.deadline(time.Now().Add(decidedTimeout))
		}
	}
	var left []*Branch
	for _, b := range branches {
		if !b.prepared {
			continue
		}
		if err := b.settle(); err != nil {
			m.log.Warn("a branch could not be committed at once", "group", b.Group, "transaction", id.String(), "error", err)
			left = append(left, b)
		}
		Failpoint("after-xa-commit", id)
	}
	ctx, cancel := context.WithTimeout(ctx, finishTimeout)
	defer cancel()
	for _, b := range left {
		b.breaks()
		if err := m.FinishBranch(ctx, b.Group, b.XID, Committed); err != nil {
			m.log.Warn("a branch is left to recovery", "group", b.Group, "transaction", id.String(), "error", err)
			m.Later(id)
		}
	}
}

// CommitInTurn commits group after group, first those that have written. Its errors are *Unknown, *Partly, and *Aborted.
func CommitInTurn(branches []*Branch) error {
	var done []string
	for _, b := range writing(branches) {
		b.commitAlone()
		err := b.settle()
		if err == nil {
			done = append(done, b.Group)
			continue
		}
		unknown := b.Broken
		RollBack(rest(branches, done))
		if unknown {
			err = &Unknown{Group: b.Group, Err: err}
		}
		switch {
		case len(done) > 0:
			return &Partly{Done: done, Err: err}
		case unknown:
			return err
		}
		return &Aborted{err}
	}
	if len(done) == 0 {
		return readersEnded(branches)
	}
	_ = endReaders(branches, nil)
	return nil
}

// rest are the branches of groups that have not committed.
func rest(branches []*Branch, done []string) []*Branch {
	return slices.DeleteFunc(slices.Clone(branches), func(b *Branch) bool { return slices.Contains(done, b.Group) })
}
