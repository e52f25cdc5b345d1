package txn

// branch.go: one group's part of a transaction, and how it is asked. All branches are asked before the first answer is
// waited for: what they do takes as long as the slowest of them.

import (
	"errors"
	"fmt"
	"time"

	"serval/proxy/backend"
	"serval/proxy/wire"
)

// stepTimeout is how long a server may take for one step of a commit. It is longer than a fault of the network that TCP
// mends by itself, and than most waits for a semi-synchronous replica.
const stepTimeout = 30 * time.Second

// Branch is one group's part of a transaction. It belongs to the session that has the connection.
type Branch struct {
	Conn  *backend.Conn
	Group string
	XID   XID  // zero: an ordinary transaction
	Wrote bool // it may have: anything but plain reads was carried out

	Broken bool    // the connection is of no more use: its server ends what is not prepared
	OK     wire.OK // of the COMMIT

	asked    int // statements whose answers have not been read
	prepared bool
	ended    bool // XA END has been done
}

// XA tells whether the branch is one of two-phase commit.
func (b *Branch) XA() bool { return b.XID != XID{} }

// ask sends statements; a connection that cannot take them is broken.
func (b *Branch) ask(statements ...string) {
	if b.Broken {
		return
	}
	b.asked = len(statements)
	err := b.Conn.NetConn().SetDeadline(time.Now().Add(stepTimeout))
	if err == nil {
		err = b.Conn.SendAll(statements...)
	}
	if err != nil {
		b.breaks()
	}
}

var errBroken = errors.New("the connection was lost before")

// answers reads what was asked for. Its error is a connection that broke.
func (b *Branch) answers() ([]backend.Answer, error) {
	if b.Broken {
		return nil, fmt.Errorf("group %s: %w", b.Group, errBroken)
	}
	answers, err := b.Conn.ReadAnswers(b.asked)
	b.asked = 0
	if err == nil {
		err = b.Conn.NetConn().SetDeadline(time.Time{})
	}
	if err != nil {
		b.breaks()
		return nil, fmt.Errorf("group %s: %w", b.Group, err)
	}
	return answers, nil
}

// settle reads the answers; a server's refusal is an error too, the first if there are several.
func (b *Branch) settle() error {
	answers, err := b.answers()
	if err != nil {
		return err
	}
	for i := range answers {
		if e := answers[i].Err; e != nil {
			return e
		}
		b.OK = answers[i].OK
		b.OK.Warnings = answers[i].Warnings
	}
	return nil
}

// deadline bounds what is waited for on the connection; zero ends the bounds. It may be called by another goroutine than
// the session's. An error is a connection that has been closed.
func (b *Branch) deadline(at time.Time) { _ = b.Conn.NetConn().SetDeadline(at) }

// breaks gives the connection up at once, so that its server hears of it.
func (b *Branch) breaks() {
	b.Broken = true
	_ = b.Conn.NetConn().Close()
}

// rollBack asks for the end of the branch, whatever state it is in.
func (b *Branch) rollBack() {
	if !b.XA() {
		b.ask("ROLLBACK")
		return
	}
	// XA END is refused where it was done before, or where the server has rolled back already.
	b.ask("XA END "+b.XID.SQL(), "XA ROLLBACK "+b.XID.SQL())
}

// rolledBack reads the answer to rollBack. false: the connection broke, and a branch that was prepared may be still.
func (b *Branch) rolledBack() bool {
	answers, err := b.answers()
	if err != nil {
		return !b.prepared
	}
	last := &answers[len(answers)-1]
	if last.Err != nil {
		b.breaks() // what state it is in is not known: its server rolls back what is not prepared
		return !b.prepared
	}
	b.OK = last.OK
	b.OK.Warnings = last.Warnings
	return true
}

// askReader asks a branch that has only read whether it is still there, with its locks: behind a network that forgets
// connections the socket does not show it.
func (b *Branch) askReader() {
	if !b.XA() {
		b.ask("DO 0")
		return
	}
	b.ended = true
	b.ask("XA END " + b.XID.SQL())
}

// commitAlone asks for the commit of a branch that needs no other.
func (b *Branch) commitAlone() {
	switch {
	case !b.XA():
		b.ask("COMMIT")
	case b.ended:
		b.ask("XA COMMIT " + b.XID.SQL() + " ONE PHASE")
	default:
		b.ask("XA END "+b.XID.SQL(), "XA COMMIT "+b.XID.SQL()+" ONE PHASE")
	}
}

// RollBack ends all branches of a transaction that is not being committed. Where a connection breaks, its server does.
func RollBack(branches []*Branch) {
	for _, b := range branches {
		b.rollBack()
	}
	for _, b := range branches {
		b.rolledBack()
	}
}
