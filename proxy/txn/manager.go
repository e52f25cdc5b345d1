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
	active map[ID]bool      // being committed by a session: recovery leaves them alone
	later  map[ID]time.Time // given up by their session, when: recovery takes them at once
}

// New makes the manager of a cluster; Run has to be called for recovery.
func New(cluster *backend.Cluster, cfg config.Transactions, log *slog.Logger) *Manager {
	m := &Manager{cluster: cluster, cfg: cfg, log: log, stores: newStores(cluster), active: map[ID]bool{}, later: map[ID]time.Time{}}
	for _, g := range cluster.Groups() {
		m.scanners = append(m.scanners, newScanner(m, g))
	}
	return m
}

// Start says that a session commits this transaction from now on: recovery leaves it alone until Finish.
func (m *Manager) Start(id ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.active[id] = true
}

// Finish ends what Start began.
func (m *Manager) Finish(id ID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.active, id)
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

// leftByOthers tells for how long a prepared branch of id is left to whoever commits it: for ever is ok = false.
func (m *Manager) leftByOthers(id ID) (grace time.Duration, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.active[id] {
		return 0, false
	}
	if _, given := m.later[id]; given {
		return 0, true
	}
	return othersGrace, true
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
