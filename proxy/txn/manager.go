package txn

// manager.go: what all sessions of one Serval share of distributed transactions. Sessions commit with it (commit.go), and its
// one goroutine finishes what was left half done, here or by another Serval (recovery.go).

import (
	"context"
	"log/slog"
	"sync"

	"serval/config"
	"serval/proxy/backend"
)

// Manager is safe for use by many goroutines.
type Manager struct {
	cluster *backend.Cluster
	cfg     config.Transactions
	log     *slog.Logger

	stores map[string]*groupStore // by group; the map does not change

	mu     sync.Mutex
	active map[ID]bool // being committed by a session: recovery leaves them alone
	later  map[ID]bool // given up by their session: recovery takes them at once
	wake   chan struct{}
}

// New makes the manager of a cluster; Run has to be called for recovery.
func New(cluster *backend.Cluster, cfg config.Transactions, log *slog.Logger) *Manager {
	return &Manager{cluster: cluster, cfg: cfg, log: log, stores: newStores(cluster), active: map[ID]bool{}, later: map[ID]bool{}, wake: make(chan struct{}, 1)}
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
	defer m.mu.Unlock()
	delete(m.active, id)
	m.later[id] = true
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Run recovers, at once and then continuously, until ctx ends.
func (m *Manager) Run(ctx context.Context) { <-ctx.Done() }

// Verdict is what was decided of a transaction.
type Verdict string

// The verdicts, as they stand in the decision table.
const (
	Committed  Verdict = "commit"
	RolledBack Verdict = "rollback"
)
