package backend

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"serval/config"
)

// node.go: one server, and how a connection to it is acquired: a place in the pool first, then a connection for it,
// pooled or new.

// Pool settings for what the configuration leaves at zero.
const (
	defaultMax            = 100
	defaultAcquireTimeout = 10 * time.Second
	defaultConnectTimeout = 5 * time.Second
)

// Node is one server and the pool of connections to it. It is safe for use by many goroutines.
type Node struct {
	group    string
	name     string // "group g0, 127.0.0.1:3306": how errors and logs call it
	cfg      config.Node
	settings config.Pool // with defaults filled in
	log      *slog.Logger

	pool pool
	gate gate

	statements atomic.Int32 // prepared ones that a connection keeps: fewer on a server that had too many
	connects   atomic.Uint64
	failures   atomic.Uint64
}

// PoolStats is a pool at one moment.
type PoolStats struct {
	InUse   int // places taken by statements, those still dialling included
	Idle    int // connections that wait for use
	Max     int // limit of InUse + Idle
	Waiting int // acquisitions in the queue

	Connects uint64 // connections made since the start
	Errors   uint64 // dials that failed since the start, those answered by the short circuit not included
}

func newNode(group string, cfg *config.Node, log *slog.Logger) *Node {
	n := &Node{group: group, name: "group " + group + ", " + cfg.Address, cfg: *cfg, settings: cfg.Pool}
	n.statements.Store(maxStatements)
	n.log = log.With("group", group, "node", cfg.Address)
	s := &n.settings
	if s.Max <= 0 { // not from config, which fills in everything
		s.Max, s.MaxIdle = defaultMax, defaultMax
	}
	if s.AcquireTimeout <= 0 {
		s.AcquireTimeout = defaultAcquireTimeout
	}
	if s.ConnectTimeout <= 0 {
		s.ConnectTimeout = defaultConnectTimeout
	}
	n.pool.max, n.pool.maxIdle, n.pool.idleTimeout = s.Max, s.MaxIdle, s.IdleTimeout
	return n
}

// Address is the server's address as configured.
func (n *Node) Address() string { return n.cfg.Address }

// Group is the name of the group that the node is in.
func (n *Node) Group() string { return n.group }

// String is "group g0, 127.0.0.1:3306": what errors call the node.
func (n *Node) String() string { return n.name }

// Stats tells what the pool holds.
func (n *Node) Stats() PoolStats {
	s := n.pool.stats()
	s.Connects, s.Errors = n.connects.Load(), n.failures.Load()
	return s
}

// AcquireOne gives one connection, in the state in which its last user left it (SetState). foundRows asks for a
// connection with CLIENT_FOUND_ROWS. Acquisitions are served in the order in which they came, those of several
// connections included. The connection is to be given back by Release, Discard or Kill.
//
// Errors: *wire.Error 2003 (or the server's own) when the server cannot be reached, *wire.Error 1040 when the pool was
// full for AcquireTimeout, ctx's error, ErrClosed.
func (n *Node) AcquireOne(ctx context.Context, foundRows bool) (*Conn, error) {
	c, granted, err := n.pool.takeOne(foundRows)
	if err != nil {
		return nil, err
	}
	if !granted {
		w, err := n.wait(ctx, 1, foundRows)
		if err != nil {
			return nil, err
		}
		c = w.conns[0]
	}
	return n.ready(ctx, c, foundRows)
}

// AcquireMore is AcquireOne for a session that holds a connection of this node already. It does not wait for a place,
// since those who have the places may all be waiting so: when there is none it makes a connection beside the pool, which
// is closed when it is given back.
func (n *Node) AcquireMore(ctx context.Context, foundRows bool) (*Conn, error) {
	c, granted, err := n.pool.takeOne(foundRows)
	if err != nil {
		return nil, err
	}
	if granted {
		return n.ready(ctx, c, foundRows)
	}
	return n.connectBeside(ctx, foundRows)
}

// AcquireBeside makes a new connection that has no place in the pool, and never has one: Release closes it.
func (n *Node) AcquireBeside(ctx context.Context) (*Conn, error) { return n.connectBeside(ctx, false) }

func (n *Node) connectBeside(ctx context.Context, foundRows bool) (*Conn, error) {
	c, err := n.connect(ctx, foundRows)
	if err != nil {
		return nil, err
	}
	c.beside = true
	c.out.Store(true)
	return c, nil
}

// Acquire gives count connections at once or none, so that two statements which each need several cannot hold a part
// and wait for the other's. A caller that needs connections of several nodes takes the nodes in one fixed order for
// the same reason. A count over the pool's limit is a *wire.Error 1040 at once; the other errors are AcquireOne's.
func (n *Node) Acquire(ctx context.Context, count int, foundRows bool) ([]*Conn, error) {
	if count > n.pool.max {
		return nil, n.tooManyAtOnce(count)
	}
	if count <= 0 {
		return nil, nil
	}
	w, err := n.wait(ctx, count, foundRows)
	if err != nil {
		return nil, err
	}
	return n.readyAll(ctx, w.conns, foundRows)
}

// wait queues for count places and returns when they are granted.
func (n *Node) wait(ctx context.Context, count int, foundRows bool) (*waiter, error) {
	w, err := n.pool.enqueue(count, foundRows)
	if err != nil {
		return nil, err
	}
	select {
	case <-w.done: // at once, when there was room
		return w, w.err
	default:
	}
	timeout := time.NewTimer(n.settings.AcquireTimeout)
	defer timeout.Stop()
	select {
	case <-w.done:
		return w, w.err
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-timeout.C:
		err = n.poolFull()
	}
	if n.pool.abandon(w) {
		return nil, err
	}
	return w, w.err // granted at the last moment
}

// readyAll makes a usable connection of every place, dialling in parallel; one after the other while the node is
// thought to be down, so that the first may find out for the rest.
func (n *Node) readyAll(ctx context.Context, conns []*Conn, foundRows bool) ([]*Conn, error) {
	errs := make([]error, len(conns))
	var wg sync.WaitGroup
	for i, c := range conns {
		if c != nil && c.usable(time.Now()) {
			c.out.Store(true)
			continue
		}
		if n.gate.suspect() {
			conns[i], errs[i] = n.ready(ctx, c, foundRows)
			continue
		}
		wg.Go(func() { conns[i], errs[i] = n.ready(ctx, c, foundRows) })
	}
	wg.Wait()
	for _, err := range errs {
		if err == nil {
			continue
		}
		for _, c := range conns {
			if c != nil {
				c.Release()
			}
		}
		return nil, err
	}
	return conns, nil
}

// ready makes a usable connection for a place that the caller holds: c if it is fit, else another idle one, else a new
// one. When that fails the place is given back.
func (n *Node) ready(ctx context.Context, c *Conn, foundRows bool) (*Conn, error) {
	for now := time.Now(); c != nil; c = n.pool.nextIdle(foundRows) {
		if c.usable(now) {
			c.out.Store(true)
			return c, nil
		}
		c.quit()
	}
	c, err := n.connect(ctx, foundRows)
	if err != nil {
		n.pool.free(1)
		return nil, err
	}
	c.out.Store(true)
	return c, nil
}

// connect dials, unless the node has just been found to be down.
func (n *Node) connect(ctx context.Context, foundRows bool) (*Conn, error) {
	if err := n.gate.enter(time.Now()); err != nil {
		return nil, err
	}
	c, err := dial(ctx, n, foundRows)
	if err != nil && ctx.Err() != nil {
		n.gate.leave() // the caller gave up: nothing is known of the server
		return nil, errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		n.failures.Add(1)
		shown := cannotConnect(n, err)
		if n.gate.fail(time.Now(), shown) {
			n.log.Warn("backend cannot be reached", "error", shown.Message)
		}
		return nil, shown
	}
	n.connects.Add(1)
	if n.gate.succeed() {
		n.log.Info("backend is reached again")
	}
	return c, nil
}
