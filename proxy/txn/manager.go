package txn

// manager.go: what all sessions of one Serval share of distributed transactions. Sessions commit with it (commit.go), and its
// goroutines, one a group, finish what was left half done, here or by another Serval (recovery.go).

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"serval/config"
	"serval/proxy/backend"
)

// Manager is safe for use by many goroutines.
type Manager struct {
	cluster *backend.Cluster
	cfg     config.Transactions
	log     *slog.Logger

	stores map[string]*groupStore // by group; the map does not change

	scanners []*scanner

	collecting sync.Mutex
	lastLists  lists // of the last Collect

	mu     sync.Mutex
	active map[ID][]*Branch // being committed by a session: recovery leaves them alone for ownGrace
	later  map[ID]time.Time // given up by their session, when: recovery takes them at once
}

// New makes the manager of a cluster; Run has to be called for recovery.
func New(cluster *backend.Cluster, cfg config.Transactions, log *slog.Logger) *Manager {
	m := &Manager{cluster: cluster, cfg: cfg, log: log, stores: newStores(cluster), active: map[ID][]*Branch{}, later: map[ID]time.Time{}}
	for _, g := range cluster.Groups() {
		m.scanners = append(m.scanners, newScanner(m, g))
	}
	return m
}

// Start says that a session commits this transaction from now on, with these branches: recovery gives it more time than
// others' until Finish.
func (m *Manager) Start(id ID, branches ...*Branch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.active[id] = branches
}

// Finish ends what Start began.
func (m *Manager) Finish(id ID, branches ...*Branch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.active, id)
	for _, b := range branches {
		if !b.Broken {
			b.deadline(time.Time{}) // see overtake
		}
	}
}

// overtake ends the waiting of the session that commits a transaction, if it is one of this process: recovery knows what
// became of it. What the session waits for is a connection from which nothing comes any more, or a server that is very slow.
func (m *Manager) overtake(id ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.active[id] {
		b.deadline(time.Now())
	}
}

// Later is Finish for a transaction that could not be finished: recovery takes it at once, as nobody else is at it.
func (m *Manager) Later(id ID) {
	m.mu.Lock()
	delete(m.active, id)
	m.later[id] = time.Now()
	m.mu.Unlock()
	for _, s := range m.scanners {
		s.hurry()
	}
}

// grace tells for how long a prepared branch of id is left to whoever commits it.
func (m *Manager) grace(id ID) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, given := m.later[id]; given {
		return 0
	}
	if _, own := m.active[id]; own {
		return ownGrace
	}
	return othersGrace
}

// forgetLater drops what was given up long ago: whatever of it is found from now on has the usual grace.
func (m *Manager) forgetLater(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, at := range m.later {
		if now.Sub(at) > time.Hour {
			delete(m.later, id)
		}
	}
}

// Run recovers, at once and then continuously, until ctx ends. One group alone needs no recovery.
func (m *Manager) Run(ctx context.Context) {
	if len(m.scanners) < 2 {
		return
	}
	var running sync.WaitGroup
	for _, s := range m.scanners {
		running.Go(func() { s.run(ctx) })
	}
	running.Go(func() { m.collectUntil(ctx) })
	running.Wait()
}

// Verdict is what was decided of a transaction.
type Verdict string

// The verdicts, as they stand in the decision table.
const (
	Committed  Verdict = "commit"
	RolledBack Verdict = "rollback"
)
