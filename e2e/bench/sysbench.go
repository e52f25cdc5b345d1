package main

// sysbench.go: one run of sysbench and what it prints.

import (
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"time"

	"serval/e2e/servers"
)

// result is one measurement.
type result struct {
	perSecond float64 // statements
	p95       float64 // milliseconds of a sysbench event: one statement, or one transaction
	cpu       float64 // microseconds of Serval for a statement
}

var (
	queries    = regexp.MustCompile(`queries:\s+(\d+)\s+\(([\d.]+) per sec`)
	percentile = regexp.MustCompile(`95th percentile:\s+([\d.]+)`)
)

func measure(t target, w workload, threads int, d time.Duration) (result, error) {
	var before time.Duration
	var err error
	if t.serval != nil {
		if before, err = t.serval.CPU(); err != nil {
			return result{}, err
		}
	}
	out, err := sysbench(t, w, threads, d)
	if err != nil {
		return result{}, err
	}
	q, p := queries.FindSubmatch(out), percentile.FindSubmatch(out)
	if q == nil || p == nil {
		return result{}, fmt.Errorf("sysbench printed no rates:\n%s", out)
	}
	var r result
	count, err1 := strconv.ParseFloat(string(q[1]), 64)
	rate, err2 := strconv.ParseFloat(string(q[2]), 64)
	p95, err3 := strconv.ParseFloat(string(p[1]), 64)
	if err1 != nil || err2 != nil || err3 != nil || count == 0 {
		return result{}, fmt.Errorf("sysbench printed odd rates:\n%s", out)
	}
	r.perSecond, r.p95 = rate, p95
	if t.serval != nil {
		after, err := t.serval.CPU()
		if err != nil {
			return result{}, err
		}
		r.cpu = float64((after - before).Microseconds()) / count
	}
	return r, nil
}

func sysbench(t target, w workload, threads int, d time.Duration) ([]byte, error) {
	_, port, err := net.SplitHostPort(t.addr)
	if err != nil {
		return nil, err
	}
	arguments := []string{w.script, "--db-driver=mysql", "--mysql-host=127.0.0.1", "--mysql-port=" + port,
		"--mysql-user=" + servers.User, "--mysql-password=" + servers.Password, "--mysql-db=" + t.database, "--db-ps-mode=disable",
		"--tables=1", fmt.Sprintf("--table-size=%d", tableSize), fmt.Sprintf("--threads=%d", threads),
		// Deadlocks are sysbench's own with so few rows; it repeats the transaction.
		"--mysql-ignore-errors=1213,1205", "--rand-type=uniform", fmt.Sprintf("--time=%d", int(d.Seconds()))}
	out, err := exec.Command("sysbench", append(append(arguments, w.arguments...), "run")...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("sysbench %s through %s: %w\n%s", w.name, t.name, err, out)
	}
	return out, nil
}

func median[R any](results []R, value func(R) float64) float64 {
	if len(results) == 0 {
		return 0
	}
	var all []float64
	for _, r := range results {
		all = append(all, value(r))
	}
	slices.Sort(all)
	return all[len(all)/2]
}
