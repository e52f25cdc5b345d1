package main

// queries.go: SELECTs in which all shards have a part, against one server that holds all rows. Rows are read and dropped.

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

// mostAskers is how many clients ask queries over all rows: each keeps all servers busy.
const mostAskers = 16

// queryText is a query; a %d in it is a number up to tableSize.
type queryText struct {
	name, sql string
	numbered  bool
}

var queryTexts = []queryText{
	{name: "ORDER BY k LIMIT 10", sql: "SELECT id, k FROM sbtest1 WHERE k > %d ORDER BY k LIMIT 10", numbered: true},
	{name: "id IN (10 keys)", sql: "SELECT id, k FROM sbtest1 WHERE id IN (%[1]d, %[1]d + 1, 17, 1017, 2018, 30019, 40020, 50021, 60022, 70023)", numbered: true},
	{name: "COUNT, SUM of a range", sql: "SELECT COUNT(*), SUM(k) FROM sbtest1 WHERE k BETWEEN %[1]d AND %[1]d + 1000", numbered: true},
	{name: "COUNT, SUM, AVG of all", sql: "SELECT COUNT(*), SUM(k), AVG(k) FROM sbtest1"},
	{name: "GROUP BY, 100 groups", sql: "SELECT k % 100 AS g, COUNT(*), MAX(id) FROM sbtest1 GROUP BY k % 100 ORDER BY g"},
	{name: "join of 1,000 × 100,000", sql: "SELECT f.id, t.k FROM few AS f JOIN sbtest1 AS t ON t.id = f.ref ORDER BY f.id"},
}

// queryResult is one measurement.
type queryResult struct {
	perSecond    float64
	latency      [2]float64 // milliseconds: median and 99th percentile
	cpu, servers float64    // microseconds for a statement
}

// compareQuery measures a query through every target in alternating rounds and prints the lines.
func (b *bench) compareQuery(q queryText, clients int, o options) error {
	results := make([][]queryResult, len(b.targets))
	for range o.rounds {
		for i, t := range b.targets {
			r, err := b.measureQuery(q, t, clients, time.Duration(o.seconds)*time.Second)
			if err != nil {
				return fmt.Errorf("%s through %s: %w", q.name, t.name, err)
			}
			results[i] = append(results[i], r)
		}
	}
	of := func(i int, value func(queryResult) float64) float64 { return median(results[i], value) }
	rate := func(r queryResult) float64 { return r.perSecond }
	work := func(r queryResult) float64 { return r.servers }
	for i, t := range b.targets {
		cpu := ""
		if t.serval != nil {
			cpu = fmt.Sprintf("%.0f", of(i, func(r queryResult) float64 { return r.cpu }))
		}
		fmt.Printf("| %s | %d | %s | %.0f | %.2f | %.2f | %.2f | %s | %.0f | %.2f |\n", q.name, clients, t.name, of(i, rate), of(i, rate)/of(0, rate),
			of(i, func(r queryResult) float64 { return r.latency[0] }), of(i, func(r queryResult) float64 { return r.latency[1] }), cpu,
			of(i, work), of(i, work)/of(0, work))
	}
	return nil
}

// processorTime is what Serval and the servers have used.
func (b *bench) processorTime() (serval, nodes time.Duration, err error) {
	serval, err = b.serval.CPU()
	for _, n := range b.cluster.Nodes {
		t, failed := cluster.CPU(n.PID())
		nodes, err = nodes+t, errors.Join(err, failed)
	}
	return serval, nodes, err
}

// measureQuery has clients ask it for a time.
func (b *bench) measureQuery(q queryText, t target, clients int, d time.Duration) (r queryResult, err error) {
	askers := make([]asker, clients)
	for i := range askers {
		if askers[i].conn, err = raw.Dial(t.addr, raw.Options{User: servers.User, Password: servers.Password, Database: t.database}); err != nil {
			return r, err
		}
		defer askers[i].conn.Close()
	}
	serval, nodes, err := b.processorTime()
	if err != nil {
		return r, err
	}
	start := time.Now()
	var wg sync.WaitGroup
	for i := range askers {
		wg.Go(func() { askers[i].run(q, start.Add(d)) })
	}
	wg.Wait()
	took := time.Since(start)
	servalAfter, nodesAfter, err := b.processorTime()
	if err != nil {
		return r, err
	}
	var latency []time.Duration
	for i := range askers {
		if askers[i].err != nil {
			return r, askers[i].err
		}
		latency = append(latency, askers[i].latency...)
	}
	n := float64(len(latency))
	r.perSecond, r.latency = n/took.Seconds(), percentiles(latency)
	r.cpu, r.servers = float64((servalAfter-serval).Microseconds())/n, float64((nodesAfter-nodes).Microseconds())/n
	return r, nil
}

// asker is one client.
type asker struct {
	conn    *raw.Conn
	latency []time.Duration
	err     error
}

// run asks at least once.
func (a *asker) run(q queryText, end time.Time) {
	for first := true; first || time.Now().Before(end); first = false {
		sql := q.sql
		if q.numbered {
			sql = fmt.Sprintf(q.sql, 1+rand.IntN(tableSize))
		}
		start := time.Now()
		answers, err := a.conn.Query(sql)
		if err == nil && answers[0].Kind == raw.Error {
			err = fmt.Errorf("%s: error %d (%s): %s", sql, answers[0].Code, answers[0].State, answers[0].Message)
		}
		if a.err = err; err != nil {
			return
		}
		a.latency = append(a.latency, time.Since(start))
	}
}
