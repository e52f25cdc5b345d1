package admin

import "github.com/prometheus/client_golang/prometheus"

// gauges.go: numbers that others keep anyway (pools, the plan cache), read when somebody scrapes and at no other
// time.

// PoolStats is one node's connection pool at one moment.
type PoolStats struct {
	Group, Node string // the group's name and the node's address
	InUse       int    // connections lent to sessions
	Idle        int    // connections open and free
	Max         int    // the pool's limit
	Waiting     int    // sessions waiting for a connection
	Connects    uint64 // connections made since the start
	Errors      uint64 // attempts to connect that failed since the start
}

// CacheStats is the plan cache at one moment; the counts are since the start.
type CacheStats struct {
	Entries                 int
	Hits, Misses, Evictions uint64
}

// WatchPools has every scrape read the pools through read, which must be safe for concurrent use. Call it once.
func (m *Metrics) WatchPools(read func() []PoolStats) {
	if m == nil {
		return
	}
	labels := []string{"group", "node"}
	m.registry.MustRegister(&poolCollector{
		read: read,
		connections: prometheus.NewDesc("serval_pool_connections",
			"Backend connections by node and state: in_use or idle.", append(labels, "state"), nil),
		limit: prometheus.NewDesc("serval_pool_max_connections",
			"Most backend connections that the node's pool may hold.", labels, nil),
		waiting: prometheus.NewDesc("serval_pool_waiting",
			"Sessions that wait for a connection to the node.", labels, nil),
		connects: prometheus.NewDesc("serval_pool_connects_total",
			"Backend connections that were made.", labels, nil),
		errors: prometheus.NewDesc("serval_pool_connect_errors_total",
			"Attempts to connect to the node that failed.", labels, nil),
	})
}

// WatchPlanCache has every scrape read the plan cache through read, which must be safe for concurrent use. Call it
// once.
func (m *Metrics) WatchPlanCache(read func() CacheStats) {
	if m == nil {
		return
	}
	m.registry.MustRegister(&cacheCollector{
		read:    read,
		entries: prometheus.NewDesc("serval_plan_cache_entries", "Plans in the cache.", nil, nil),
		hits: prometheus.NewDesc("serval_plan_cache_hits_total",
			"Statements whose plan was in the cache.", nil, nil),
		misses: prometheus.NewDesc("serval_plan_cache_misses_total",
			"Statements that had to be parsed and planned.", nil, nil),
		evictions: prometheus.NewDesc("serval_plan_cache_evictions_total",
			"Plans that left the cache to make room.", nil, nil),
	})
}

// WatchPrepared has every scrape read how many statements clients have prepared. Call it once.
func (m *Metrics) WatchPrepared(read func() int64) {
	if m == nil {
		return
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "serval_prepared_statements", Help: "Statements that clients have prepared and not closed.",
	}, func() float64 { return float64(read()) }))
}

type poolCollector struct {
	read                                          func() []PoolStats
	connections, limit, waiting, connects, errors *prometheus.Desc
}

// Describe is part of prometheus.Collector.
func (c *poolCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.connections, c.limit, c.waiting, c.connects, c.errors} {
		out <- d
	}
}

// Collect is part of prometheus.Collector.
func (c *poolCollector) Collect(out chan<- prometheus.Metric) {
	for _, p := range c.read() {
		gauge := func(d *prometheus.Desc, v int, more ...string) {
			labels := append([]string{p.Group, p.Node}, more...)
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
		}
		count := func(d *prometheus.Desc, v uint64) {
			out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), p.Group, p.Node)
		}
		gauge(c.connections, p.InUse, "in_use")
		gauge(c.connections, p.Idle, "idle")
		gauge(c.limit, p.Max)
		gauge(c.waiting, p.Waiting)
		count(c.connects, p.Connects)
		count(c.errors, p.Errors)
	}
}

type cacheCollector struct {
	read                             func() CacheStats
	entries, hits, misses, evictions *prometheus.Desc
}

// Describe is part of prometheus.Collector.
func (c *cacheCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.entries, c.hits, c.misses, c.evictions} {
		out <- d
	}
}

// Collect is part of prometheus.Collector.
func (c *cacheCollector) Collect(out chan<- prometheus.Metric) {
	s := c.read()
	out <- prometheus.MustNewConstMetric(c.entries, prometheus.GaugeValue, float64(s.Entries))
	out <- prometheus.MustNewConstMetric(c.hits, prometheus.CounterValue, float64(s.Hits))
	out <- prometheus.MustNewConstMetric(c.misses, prometheus.CounterValue, float64(s.Misses))
	out <- prometheus.MustNewConstMetric(c.evictions, prometheus.CounterValue, float64(s.Evictions))
}
