package proxy

// kill.go: KILL and COM_PROCESS_KILL: one client ends another's statement or session. What runs for the victim on the
// servers is stopped there with KILL QUERY, while the lock on the victim's connections keeps each of them its own: a
// connection that it gives back meanwhile waits. A KILL QUERY that comes after the statement's end must not hit what
// comes next on that connection, so the victim asks a question of its own before it uses a connection that was hit.

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"serval/config"
	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
)

// killing is what KILL does to a session. It is behind the session's heldMu.
type killing struct {
	running  bool         // a command is being carried out
	answered bool         // its statement has ended: what runs on the servers now is the session's own
	killed   bool         // the command is to end
	victim   bool         // the statement is to end with its transaction, see deadlock.go
	overdue  config.Limit // killed because it ran into this one, see limits.go
	ended    bool         // the session is to end
	serial   uint64
	hit      map[*backend.Conn]bool // connections whose statement was killed

	ctx    context.Context // of waiting for connections
	cancel context.CancelCauseFunc
}

// errKilled is what a killed statement is answered.
func errKilled() *wire.Error {
	return protocolError(codeQueryInterrupted, "70100", "Query execution was interrupted")
}

// beginCommand opens the session to KILL QUERY.
func (c *session) beginCommand() {
	c.heldMu.Lock()
	k := &c.killing
	k.running, k.answered = true, false
	k.serial++
	c.heldMu.Unlock()
}

// nextStatementBegins opens it again for the next statement of a command.
func (c *session) nextStatementBegins() {
	c.heldMu.Lock()
	k := &c.killing
	victim := k.victim
	k.victim, k.answered = false, false
	c.heldMu.Unlock()
	if victim {
		c.clearHits()
	}
}

// statementAnswered closes it: the statement has had its answer.
func (c *session) statementAnswered() {
	c.heldMu.Lock()
	c.killing.answered = true
	c.heldMu.Unlock()
}

// goesOn opens it again: what has had its answer was a step of the statement.
func (c *session) goesOn() {
	c.heldMu.Lock()
	c.killing.answered = false
	c.heldMu.Unlock()
}

// endCommand ends what KILL could hit; over: the session was killed too.
func (c *session) endCommand() (over bool) {
	c.heldMu.Lock()
	k := &c.killing
	k.running = false
	killed, hit := k.killed, k.killed || k.victim
	k.killed, k.victim, k.overdue = false, false, config.Limit{}
	over = k.ended
	if killed {
		k.ctx, k.cancel = nil, nil
	}
	c.heldMu.Unlock()
	if hit && !over {
		c.clearHits()
	}
	return over
}

// clearHits makes sure that the connections which the session keeps have no KILL QUERY left over.
func (c *session) clearHits() {
	conns := map[*backend.Conn]bool{}
	for _, b := range c.txn.branches {
		conns[b.Conn] = true
	}
	for _, p := range c.pins {
		conns[p.conn] = true
	}
	for conn := range conns {
		if c.wasHit(conn) && !swallow(conn) {
			c.lose(conn)
		}
	}
	c.heldMu.Lock()
	c.killing.hit = nil
	c.heldMu.Unlock()
}

func (c *session) wasHit(conn *backend.Conn) bool {
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	return c.killing.hit[conn]
}

// swallow asks something on a connection, so that a KILL QUERY that is still in the air hits that; false when the
// connection is lost.
func swallow(conn *backend.Conn) bool {
	for range 2 {
		_, err := conn.Exec("DO 0")
		if err == nil {
			return true
		}
		if !serverRefused(err) {
			return false
		}
	}
	return false
}

// waiting is the context of waiting for a connection; KILL ends it.
func (c *session) waiting() context.Context {
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	k := &c.killing
	if k.killed {
		ctx, cancel := context.WithCancelCause(c.srv.ctx)
		cancel(errKilled())
		return ctx
	}
	if k.ctx == nil {
		k.ctx, k.cancel = context.WithCancelCause(c.srv.ctx)
	}
	return k.ctx
}

// resendAfter is when a KILL QUERY is sent again to a statement that goes on: it may have come to a server before the
// statement did.
func resendAfter() []time.Duration {
	return []time.Duration{20 * time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond}
}

// interrupt ends the session's command; connection: and the session. It is called by another session's goroutine.
func (c *session) interrupt(connection bool) {
	serial, goes := c.interruptOnce(connection, 0)
	for _, pause := range resendAfter() {
		if !goes {
			return
		}
		time.Sleep(pause)
		_, goes = c.interruptOnce(connection, serial)
	}
}

// interruptOnce sends KILL QUERY to what works for the session; serial: only if it is still the same command (0: any).
func (c *session) interruptOnce(connection bool, serial uint64) (now uint64, goes bool) {
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	k := &c.killing
	if serial != 0 && serial != k.serial {
		return serial, false
	}
	k.ended = k.ended || connection
	if !k.running {
		if connection {
			c.cut()
		}
		return k.serial, false
	}
	k.killed = true
	if k.cancel != nil {
		k.cancel(errKilled())
	}
	if k.answered {
		return k.serial, false
	}
	if k.hit == nil {
		k.hit = map[*backend.Conn]bool{}
	}
	ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
	defer cancel()
	var kills sync.WaitGroup
	for _, conn := range c.held {
		k.hit[conn] = true
		kills.Go(func() { conn.Interrupt(ctx) })
	}
	kills.Wait()
	return k.serial, true
}

// kill carries out KILL.
func (c *session) kill(id uint64, queryOnly bool) error {
	if id == uint64(c.id) {
		return c.killSelf(queryOnly)
	}
	c.srv.mu.Lock()
	var victim *session
	if id <= uint64(^uint32(0)) {
		victim = c.srv.sessions[uint32(id)]
	}
	c.srv.mu.Unlock()
	owner := ""
	if victim != nil {
		owner = victim.process.owner()
	}
	switch {
	case owner == "":
		return protocolError(1094, "HY000", "Unknown thread id: %d", id)
	case owner != c.user.Name && !c.user.Admin:
		return protocolError(1095, "HY000", "You are not owner of thread %d", id)
	}
	victim.interrupt(!queryOnly)
	return nil
}

func (c *session) killSelf(queryOnly bool) error {
	if queryOnly {
		return errKilled()
	}
	c.heldMu.Lock()
	c.killing.ended = true
	c.heldMu.Unlock()
	if c.known.flavor.mariadb {
		return protocolError(1927, "70100", "Connection was killed")
	}
	return errKilled()
}

// killStatement answers KILL.
func (c *session) killStatement(k *router.Kill) error {
	id := k.ID
	if k.Own {
		id = uint64(c.id)
	}
	if err := c.kill(id, k.Query); err != nil {
		return err
	}
	return c.okUnless(nil)
}

// processKill handles COM_PROCESS_KILL.
func (c *session) processKill(p []byte) error {
	if len(p) != 4 {
		c.fail(errMalformedPacket())
		return nil
	}
	c.known = c.overlaid(c.srv.known.Load())
	return c.answer(c.kill(uint64(binary.LittleEndian.Uint32(p)), false))
}
