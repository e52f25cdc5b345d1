package proxy

// rounds.go: work that many ask for at once, each wanting it done anew after its own request: reading the catalog after a
// schema change. It knows nothing of what the work is.

import (
	"sync"
	"sync/atomic"
)

// rounds does a piece of work one at a time. Those who ask while it is being done share the next round.
type rounds struct {
	mu     sync.Mutex
	wanted atomic.Uint64 // requests so far
	served uint64        // the requests that came before the last round that succeeded began
}

// do returns after a round of work that began after the call. What a round fails with is its own caller's only: others try
// for themselves.
func (r *rounds) do(work func() error) error {
	request := r.wanted.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.served >= request {
		return nil
	}
	before := r.wanted.Load()
	if err := work(); err != nil {
		return err
	}
	r.served = before
	return nil
}
