package proxy

// statementcount.go: how many statements all clients of this server have prepared: each takes memory here.

import (
	"sync/atomic"
)

// statementCount counts up to a limit.
type statementCount struct {
	limit int64
	open  atomic.Int64
}

// take counts one more, or gives the error of a server that has too many.
func (n *statementCount) take() error {
	if n.open.Add(1) > n.limit {
		n.open.Add(-1)
		return protocolError(1461, "42000", "Can't create more than max_prepared_stmt_count statements (current value: %d)", n.limit)
	}
	return nil
}

// give counts n that are closed.
func (n *statementCount) give(k int) { n.open.Add(-int64(k)) }
