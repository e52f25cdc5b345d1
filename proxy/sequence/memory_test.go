package sequence

// memory_test.go: a store in memory, which several services may share as Servals share a database.

import (
	"context"
	"errors"
	"sync"
	"time"
)

type memory struct {
	mu       sync.Mutex
	counters map[string]*memoryRow
	begin    uint64 // what opened counters begin at
	takes    int
	fail     bool
	slow     time.Duration
	nodes    map[int]*memoryNode
	now      int64 // the server's clock
}

type memoryRow struct {
	next   uint64
	owner  *memoryView
	shared bool
}

type memoryNode struct {
	owner         *memoryView
	expires, last int64
}

// memoryView is the memory as one service has it.
type memoryView struct{ *memory }

var errDown = errors.New("the server is down")

func newMemory() *memory {
	return &memory{counters: map[string]*memoryRow{}, begin: 1, nodes: map[int]*memoryNode{}}
}

func (v *memoryView) take(_ context.Context, name string, floor, n uint64) (uint64, bool, error) {
	time.Sleep(v.slow)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fail {
		return 0, false, errDown
	}
	r := v.counters[name]
	if r == nil {
		return 0, false, nil
	}
	v.takes++
	first := max(r.next, floor)
	r.shared = r.shared || r.owner != v
	r.next, r.owner = first+n, v
	return first, true, nil
}

func (v *memoryView) open(_ context.Context, name string, _ *Source) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.counters[name] == nil {
		v.counters[name] = &memoryRow{next: v.begin, owner: v}
	}
	return nil
}

func (v *memoryView) forget(_ context.Context, name string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r := v.counters[name]; r != nil && r.owner == v && !r.shared {
		delete(v.counters, name)
	}
	return nil
}

func (v *memoryView) copy(_ context.Context, from, to string) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r := v.counters[from]; r != nil {
		row := *r
		if old := v.counters[to]; old != nil {
			row.next, row.shared = max(row.next, old.next), true
		}
		v.counters[to] = &row
	}
	return nil
}

func (v *memoryView) lease(_ context.Context, have int, promised int64) (int, int64, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fail {
		return -1, 0, errDown
	}
	expires := v.now + leaseAhead.Milliseconds()
	if n := v.nodes[have]; n != nil && n.owner == v {
		n.expires, n.last = expires, max(n.last, promised)
		return have, 0, nil
	}
	for id, n := range v.nodes {
		if n.expires < v.now {
			after := n.last
			*n = memoryNode{v, expires, max(promised, after+leaseAhead.Milliseconds())}
			return id, after, nil
		}
	}
	id := len(v.nodes)
	v.nodes[id] = &memoryNode{v, expires, promised}
	return id, 0, nil
}

func (v *memoryView) close() {}
