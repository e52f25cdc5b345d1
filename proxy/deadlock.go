package proxy

// deadlock.go: the sessions' side of deadlocks over several groups, which package txn finds: what it may know of a
// transaction, and how the victim's statement is ended. That is done as KILL does it (kill.go), but only on the connections
// that wait for locks: one that has got its lock meanwhile answers as if nothing had been. The server's "interrupted"
// becomes a deadlock's error, and the transaction is rolled back in all groups.

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"serval/proxy/backend"
	"serval/proxy/txn"
	"serval/proxy/wire"
)

// spread is a transaction over several groups as others may know it. It is behind the session's heldMu; its connections
// are the session's for as long as they stand here.
type spread struct {
	id    string // no other of this Serval's has had it; "" when there is none
	began time.Time
	conns []*backend.Conn
}

// spreads notes that the transaction has joined a further group.
func (c *session) spreads() {
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	if c.spread.id == "" {
		c.spread.id = strconv.FormatUint(uint64(c.id), 10) + "." + strconv.FormatUint(c.srv.spreadCount.Add(1), 10)
		c.spread.began = time.Now()
		c.srv.spreading.Add(1)
	}
	c.spread.conns = c.spread.conns[:0]
	for _, b := range c.txn.branches {
		c.spread.conns = append(c.spread.conns, b.Conn)
	}
}

// spreadEnds is for a transaction that waits for no lock any more: it is being committed or rolled back.
func (c *session) spreadEnds() {
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	if c.spread.id != "" {
		c.spread = spread{conns: c.spread.conns[:0]}
		c.srv.spreading.Add(-1)
	}
}

// Waiting implements txn.Sessions. While no transaction has more than one group it looks at nothing.
func (s *Server) Waiting(least time.Duration) []txn.Waiter {
	if s.spreading.Load() == 0 {
		return nil
	}
	var waiters []txn.Waiter
	for _, c := range s.busySessions(time.Now().Add(-least)) {
		if w, waits := c.waiter(); waits {
			waiters = append(waiters, w)
		}
	}
	return waiters
}

// waiter is what the detector may know of the session's transaction.
func (c *session) waiter() (w txn.Waiter, waits bool) {
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	if c.spread.id == "" || !c.mayBeVictim() {
		return w, false
	}
	w = txn.Waiter{ID: c.spread.id, Started: c.spread.began}
	for _, conn := range c.spread.conns {
		w.Threads = append(w.Threads, threadOf(conn))
	}
	return w, true
}

func threadOf(conn *backend.Conn) txn.Thread {
	return txn.Thread{Group: conn.Node().Group(), ID: uint64(conn.ThreadID())}
}

// mayBeVictim tells whether a statement runs that nobody else is ending. heldMu is held.
func (c *session) mayBeVictim() bool {
	k := &c.killing
	return k.running && !k.answered && !k.killed && !c.gone
}

// EndDeadlock implements txn.Sessions.
func (s *Server) EndDeadlock(id string, on []txn.Thread) {
	number, _, _ := strings.Cut(id, ".")
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return
	}
	s.mu.Lock()
	c := s.sessions[uint32(n)]
	s.mu.Unlock()
	if c != nil {
		c.endDeadlock(id, on)
	}
}

// endDeadlock stops the statement that waits on these connections, if it is still the same transaction's. The lock is kept
// to the end, see interruptOnce.
func (c *session) endDeadlock(id string, on []txn.Thread) {
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	if c.spread.id != id || !c.mayBeVictim() {
		return
	}
	k := &c.killing
	k.victim = true
	if k.hit == nil {
		k.hit = map[*backend.Conn]bool{}
	}
	ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
	defer cancel()
	var kills sync.WaitGroup
	for _, conn := range c.spread.conns {
		if slices.Contains(on, threadOf(conn)) {
			k.hit[conn] = true
			kills.Go(func() { conn.Interrupt(ctx) })
		}
	}
	kills.Wait()
}

// isVictim tells whether the statement is to end so that others can go on.
func (c *session) isVictim() bool {
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	return c.killing.victim && !c.killing.killed
}

// asVictim makes a deadlock's error of what a server says to a victim's statement.
func (c *session) asVictim(e *wire.Error) {
	if e.Code == codeQueryInterrupted && c.isVictim() {
		c.srv.metrics.Deadlock()
		e.Code, e.State, e.Message = codeDeadlock, "40001", "Deadlock found when trying to get lock; try restarting transaction"
	}
}
