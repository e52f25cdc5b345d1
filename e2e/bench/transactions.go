package main

// transactions.go: what a COMMIT costs. Clients move one from a row to another: BEGIN, two UPDATEs by primary key, COMMIT,
// within one group and over two, and the time of each COMMIT and of each transaction is noted. sysbench has neither of them.

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

// commits is one way to carry transactions out.
type commits struct {
	name   string
	target target
	groups int    // that a transaction writes in
	setup  string // what each client says first
}

// commitResult is one measurement.
type commitResult struct {
	perSecond      float64
	commit, whole  [2]float64 // milliseconds: median and 99th percentile
	cpu            float64    // microseconds of Serval for a transaction
	failed, worked int
}

// waysToCommit are the lines of the table, the direct one first.
func (b *bench) waysToCommit() []commits {
	var ways []commits
	for _, t := range b.targets {
		if t.sharded {
			ways = append(ways,
				commits{name: t.name + ", one group", target: t, groups: 1},
				commits{name: t.name + ", two groups, atomic", target: t, groups: 2},
				commits{name: t.name + ", two groups, best_effort", target: t, groups: 2, setup: "SET serval_transactions = 'best_effort'"})
			continue
		}
		ways = append(ways, commits{name: t.name, target: t, groups: 1})
	}
	return ways
}

// compareCommits measures all ways in alternating rounds and prints their lines.
func (b *bench) compareCommits(clients int, o options) error {
	ways := b.waysToCommit()
	results := make([][]commitResult, len(ways))
	for range o.rounds {
		for i, w := range ways {
			r, err := w.measure(clients, time.Duration(o.seconds)*time.Second)
			if err != nil {
				return fmt.Errorf("transactions through %s: %w", w.name, err)
			}
			results[i] = append(results[i], r)
		}
	}
	of := func(i int, value func(commitResult) float64) float64 { return median(results[i], value) }
	direct := of(0, func(r commitResult) float64 { return r.perSecond })
	for i, w := range ways {
		rate := of(i, func(r commitResult) float64 { return r.perSecond })
		cpu := ""
		if w.target.serval != nil {
			cpu = fmt.Sprintf("%.0f", of(i, func(r commitResult) float64 { return r.cpu }))
		}
		fmt.Printf("| %d | %s | %.0f | %.2f | %.2f | %.2f | %.2f | %.2f | %s |\n", clients, w.name, rate, rate/direct,
			of(i, func(r commitResult) float64 { return r.commit[0] }), of(i, func(r commitResult) float64 { return r.commit[1] }),
			of(i, func(r commitResult) float64 { return r.whole[0] }), of(i, func(r commitResult) float64 { return r.whole[1] }), cpu)
	}
	return nil
}

// measure has clients carry out transactions for a time.
func (w *commits) measure(clients int, d time.Duration) (r commitResult, err error) {
	workers := make([]committer, clients)
	for i := range workers {
		if err := workers[i].open(w); err != nil {
			return r, err
		}
		defer workers[i].conn.Close()
	}
	var before, after time.Duration
	if w.target.serval != nil {
		if before, err = w.target.serval.CPU(); err != nil {
			return r, err
		}
	}
	start := time.Now()
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() { workers[i].run(w, start.Add(d)) })
	}
	wg.Wait()
	took := time.Since(start)
	if w.target.serval != nil {
		if after, err = w.target.serval.CPU(); err != nil {
			return r, err
		}
	}
	var commit, whole []time.Duration
	for i := range workers {
		c := &workers[i]
		if c.err != nil {
			return r, c.err
		}
		commit, whole = append(commit, c.commit...), append(whole, c.whole...)
		r.failed += c.failed
	}
	if r.worked = len(whole); r.worked == 0 {
		return r, errors.New("no transaction was committed")
	}
	r.perSecond, r.cpu = float64(r.worked)/took.Seconds(), float64((after-before).Microseconds())/float64(r.worked)
	r.commit, r.whole = percentiles(commit), percentiles(whole)
	return r, nil
}

// percentiles are the 50th and the 99th.
func percentiles(all []time.Duration) [2]float64 {
	slices.Sort(all)
	at := func(p int) float64 { return float64(all[min(len(all)-1, len(all)*p/100)].Microseconds()) / 1000 }
	return [2]float64{at(50), at(99)}
}

// committer is one client.
type committer struct {
	conn          *raw.Conn
	commit, whole []time.Duration
	failed        int
	err           error
}

func (c *committer) open(w *commits) (err error) {
	c.conn, err = raw.Dial(w.target.addr, raw.Options{User: servers.User, Password: servers.Password, Database: w.target.database})
	if err == nil && w.setup != "" {
		_, err = c.ask(w.setup)
	}
	return err
}

// ask runs a statement; worked is false when it is the victim of a deadlock or has waited too long for a lock.
func (c *committer) ask(sql string) (worked bool, err error) {
	answers, err := c.conn.Query(sql)
	if err != nil {
		return false, err
	}
	a := &answers[len(answers)-1]
	switch {
	case a.Kind != raw.Error:
		return true, nil
	case a.Code == 1213 || a.Code == 1205:
		return false, nil
	}
	return false, fmt.Errorf("%s: error %d (%s): %s", sql, a.Code, a.State, a.Message)
}

func (c *committer) run(w *commits, end time.Time) {
	for time.Now().Before(end) {
		if c.err = c.transaction(w); c.err != nil {
			return
		}
	}
}

// transaction is one transfer; the lower id comes first, so that two within a group do not wait for each other.
func (c *committer) transaction(w *commits) error {
	from, to := pairOfRows(w.groups)
	start := time.Now()
	for _, sql := range []string{"BEGIN", fmt.Sprintf("UPDATE sbtest1 SET k = k - 1 WHERE id = %d", from), fmt.Sprintf("UPDATE sbtest1 SET k = k + 1 WHERE id = %d", to)} {
		if worked, err := c.ask(sql); err != nil || !worked {
			c.failed++
			return errors.Join(err, c.rollBack())
		}
	}
	before := time.Now()
	worked, err := c.ask("COMMIT")
	if err != nil || !worked {
		c.failed++
		return err
	}
	end := time.Now()
	c.commit, c.whole = append(c.commit, end.Sub(before)), append(c.whole, end.Sub(start))
	return nil
}

func (c *committer) rollBack() error {
	_, err := c.ask("ROLLBACK")
	return err
}

// pairOfRows are two ids in the same shard, or in shards of different groups: the first four of eight are in the first.
func pairOfRows(groups int) (from, to int) {
	from, to = 8*rand.IntN(tableSize/8-1)+8, 8*rand.IntN(tableSize/8-1)+8
	if groups == 1 {
		shard := rand.IntN(8)
		return min(from, to) + shard, max(from, to) + shard
	}
	if from, to = min(from, to)+rand.IntN(4), max(from, to)+4+rand.IntN(4); rand.IntN(2) == 0 {
		from, to = to, from
	}
	return from, to
}
