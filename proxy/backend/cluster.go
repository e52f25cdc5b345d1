// Package backend holds the MySQL servers behind Serval: groups of nodes, a pool of connections for each node, and
// the session state that each connection is in. It knows packets (proxy/wire) and the configuration; it knows neither
// what statements mean nor which shard is where.
package backend

import (
	"log/slog"
	"sync"
	"time"

	"serval/config"
)

// cluster.go: all groups of a configuration, and the one goroutine that looks after idle connections.

// The janitor comes as often as the shortest of the pools' times asks for, within these bounds.
const (
	minSweep = 20 * time.Millisecond
	maxSweep = 10 * time.Second
)

// Cluster is every server that Serval may ask. It is safe for use by many goroutines.
type Cluster struct {
	groups []*Group
	byName map[string]*Group

	stop   chan struct{}
	closed sync.Once
	wait   sync.WaitGroup
}

// Open makes the pools of all groups. Nothing is dialled: a server that is down is found out by the first statement
// that needs it. A nil log means none. The Cluster is to be closed.
func Open(groups []config.Group, log *slog.Logger) *Cluster {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	c := &Cluster{byName: make(map[string]*Group, len(groups)), stop: make(chan struct{})}
	for i := range groups {
		g := newGroup(&groups[i], log)
		c.groups = append(c.groups, g)
		c.byName[g.name] = g
	}
	c.wait.Go(c.janitor)
	return c
}

// Group is the group of that name, or nil.
func (c *Cluster) Group(name string) *Group { return c.byName[name] }

// Groups are all groups in the configuration's order. The slice is the Cluster's own.
func (c *Cluster) Groups() []*Group { return c.groups }

// Close closes idle connections and makes every acquisition, also those that wait, fail with ErrClosed. Connections in
// use stay usable and are closed when they are released. Close returns when the janitor has ended.
func (c *Cluster) Close() {
	c.closed.Do(func() { close(c.stop) })
	c.wait.Wait()
	c.eachNode(func(n *Node) { n.pool.close() })
}

func (c *Cluster) eachNode(do func(*Node)) {
	for _, g := range c.groups {
		do(g.primary)
		for _, r := range g.replicas {
			do(r)
		}
	}
}

// janitor closes idle connections whose time is up or whose server has gone, so that a quiet proxy holds nothing that
// nobody needs.
func (c *Cluster) janitor() {
	tick := time.NewTicker(c.sweepInterval())
	defer tick.Stop()
	for {
		select {
		case <-c.stop:
			return
		case now := <-tick.C:
			c.eachNode(func(n *Node) { n.pool.sweep(now) })
		}
	}
}

func (c *Cluster) sweepInterval() time.Duration {
	interval := maxSweep
	c.eachNode(func(n *Node) {
		for _, d := range []time.Duration{n.settings.IdleTimeout, n.settings.MaxLifetime} {
			if d > 0 {
				interval = min(interval, d/2)
			}
		}
	})
	return max(interval, minSweep)
}
