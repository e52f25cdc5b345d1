package proxy

// held.go: the pooled connections that work for a session at this moment. The watcher (and Close) may stop them from
// another goroutine; so a connection is taken off the list before it goes back to its pool, where it is anybody's.

import (
	"context"
	"slices"
	"sync"
	"time"

	"serval/proxy/backend"
)

// killTimeout bounds the stopping of one session's statements.
const killTimeout = time.Second

// hold puts connections on the list; errClientGone when nobody waits for them any more.
func (c *session) hold(conns ...*backend.Conn) error {
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	switch {
	case c.gone:
		return errClientGone
	case c.killing.killed && !c.killing.answered && c.killing.running:
		return errKilled()
	}
	for _, conn := range conns {
		if !slices.Contains(c.held, conn) {
			c.held = append(c.held, conn)
		}
	}
	return nil
}

// letGo takes a connection off the list; hit: a KILL QUERY was sent to it.
func (c *session) letGo(conn *backend.Conn) (hit bool) {
	c.heldMu.Lock()
	hit = c.killing.hit[conn]
	if i := slices.Index(c.held, conn); i >= 0 {
		c.held = slices.Delete(c.held, i, i+1)
	}
	c.heldMu.Unlock()
	return hit
}

// giveBack returns a clean connection to its pool, unless the session is pinned to it.
func (c *session) giveBack(conn *backend.Conn) {
	hit := c.letGo(conn)
	switch {
	case c.pinOf(conn) != nil:
	case hit && !swallow(conn):
		conn.Discard()
	default:
		conn.Release()
	}
}

// giveBackAsked returns a pooled connection that was asked something on the side: without autocommit that may have begun
// a transaction, which is nobody's.
func (c *session) giveBackAsked(conn *backend.Conn) {
	if !c.state.autocommit {
		if _, err := conn.Exec("ROLLBACK"); err != nil {
			c.discard(conn)
			return
		}
	}
	c.giveBack(conn)
}

// discard closes a connection whose state is not known.
func (c *session) discard(conn *backend.Conn) {
	c.letGo(conn)
	c.losePin(conn)
	conn.Discard()
}

// stop ends what runs on a connection and closes it.
func (c *session) stop(conn *backend.Conn) {
	c.letGo(conn)
	c.losePin(conn)
	ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
	defer cancel()
	kill(ctx, conn)
}

// kill stops the statement of a connection whose server still has it. After a restart of the server the same id is
// somebody else's.
func kill(ctx context.Context, conn *backend.Conn) {
	if conn.Gone() != nil {
		conn.Discard()
		return
	}
	conn.Kill(ctx)
}

// isGone tells whether the watcher has found the client gone.
func (c *session) isGone() bool {
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	return c.gone
}

// stopWork ends what runs on the servers for a session without client. The lock is kept to the end: a connection that
// the session gives back meanwhile is somebody else's.
func (c *session) stopWork() {
	c.cut()
	ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
	defer cancel()
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	c.gone = true
	var kills sync.WaitGroup // side by side: one server that hangs must not keep the others' statements alive
	for _, conn := range c.held {
		kills.Go(func() { kill(ctx, conn) })
	}
	kills.Wait()
}
