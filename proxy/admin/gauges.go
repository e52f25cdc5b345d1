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

// TransactionStats is what recovery knows of one group's transactions over several groups at one moment; the counts are since
// the start.
type TransactionStats struct {
	Group                 string
	InDoubt               int    // prepared branches that nobody commits any more
	Strangers             int    // prepared branches of Servals with other groups
	Foreign               int    // prepared transactions that are not Serval's
	Committed, RolledBack uint64 // branches that recovery finished
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

// WatchTransactions has every scrape read what recovery knows through read, which must be safe for concurrent use. Call it
// once.
func (m *Metrics) WatchTransactions(read func() []TransactionStats) {
	if m == nil {
		return
	}
	m.registry.MustRegister(&transactionCollector{
		read: read,
		prepared: prometheus.NewDesc("serval_transactions_in_doubt",
			"Prepared transactions that no session commits, by whose they are: own, stranger (a Serval with other groups) or foreign.", []string{"group", "whose"}, nil),
		recovered: prometheus.NewDesc("serval_transactions_recovered_total",
			"Branches of transactions in doubt that recovery finished, by verdict: commit or rollback.", []string{"group", "verdict"}, nil),
	})
}

type transactionCollector struct {
	read                func() []TransactionStats
	prepared, recovered *prometheus.Desc
}

// Describe is part of prometheus.Collector.
func (c *transactionCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.prepared
	out <- c.recovered
}

// Collect is part of prometheus.Collector.
func (c *transactionCollector) Collect(out chan<- prometheus.Metric) {
	for _, t := range c.read() {
		for whose, n := range map[string]int{"own": t.InDoubt, "stranger": t.Strangers, "foreign": t.Foreign} {
			out <- prometheus.MustNewConstMetric(c.prepared, prometheus.GaugeValue, float64(n), t.Group, whose)
		}
		for verdict, n := range map[string]uint64{"commit": t.Committed, "rollback": t.RolledBack} {
			out <- prometheus.MustNewConstMetric(c.recovered, prometheus.CounterValue, float64(n), t.Group, verdict)
		}
	}
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
