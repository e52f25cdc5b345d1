package proxy

// plancache.go: plans by the shape of their statements. Bounded: a flood of shapes pushes out what is not used. It
// knows no SQL; a new catalog begins with an empty cache.

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"serval/rewrite/fingerprint"
	"serval/router"
)

const (
	cacheParts = 16
	// maxCachedKey keeps giant statements (their text is the key) out.
	maxCachedKey = 16 << 10
	// maxVariants bounds the plans of one shape that were made for particular literals (ORDER BY 1, ORDER BY 2).
	maxVariants = 8
)

// planCache maps shape, database and sql_mode to plans.
type planCache struct {
	seed  maphash.Seed
	parts [cacheParts]cachePart

	*cacheCounters
}

// cacheCounters outlive the caches of one server: each catalog has its own cache.
type cacheCounters struct{ hits, misses, evictions atomic.Uint64 }

// cachePart is a clock: entries in a ring, each with a mark that a hit sets and the hand takes away.
type cachePart struct {
	mu    sync.RWMutex
	byKey map[string]*cacheEntry
	ring  []*cacheEntry
	hand  int
	limit int
}

type cacheEntry struct {
	key   string
	plans []*router.Plan
	used  atomic.Bool
}

func newPlanCache(entries int, counters *cacheCounters) *planCache {
	c := &planCache{seed: maphash.MakeSeed(), cacheCounters: counters}
	for i := range c.parts {
		c.parts[i].byKey = map[string]*cacheEntry{}
		c.parts[i].limit = max(1, entries/cacheParts)
	}
	return c
}

func (c *planCache) part(key []byte) *cachePart {
	return &c.parts[maphash.Bytes(c.seed, key)%cacheParts]
}

// get finds the plan for a statement whose key is key; nil when there is none.
func (c *planCache) get(key []byte, st *fingerprint.Statement) *router.Plan {
	if len(key) > maxCachedKey {
		c.misses.Add(1)
		return nil
	}
	p := c.part(key)
	p.mu.RLock()
	e := p.byKey[string(key)]
	var plans []*router.Plan
	if e != nil {
		plans = e.plans
	}
	p.mu.RUnlock()
	for _, plan := range plans {
		if plan.Pinned(st) {
			if !e.used.Load() {
				e.used.Store(true)
			}
			c.hits.Add(1)
			return plan
		}
	}
	c.misses.Add(1)
	return nil
}

// put keeps a plan. key is copied.
func (c *planCache) put(key []byte, plan *router.Plan) {
	if len(key) > maxCachedKey {
		return
	}
	p := c.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.byKey[string(key)]; e != nil {
		plans := append([]*router.Plan{plan}, e.plans...) // readers hold the old slice
		e.plans = plans[:min(len(plans), maxVariants)]
		return
	}
	e := &cacheEntry{key: string(key), plans: []*router.Plan{plan}}
	p.byKey[e.key] = e
	if len(p.ring) < p.limit {
		p.ring = append(p.ring, e)
		return
	}
	for p.ring[p.hand].used.Swap(false) {
		p.hand = (p.hand + 1) % len(p.ring)
	}
	delete(p.byKey, p.ring[p.hand].key)
	p.ring[p.hand] = e
	p.hand = (p.hand + 1) % len(p.ring)
	c.evictions.Add(1)
}

// entries counts the shapes that are kept.
func (c *planCache) entries() int {
	n := 0
	for i := range c.parts {
		p := &c.parts[i]
		p.mu.RLock()
		n += len(p.byKey)
		p.mu.RUnlock()
	}
	return n
}
