// Command bench measures what Serval costs: sysbench's point-select and read-write, text protocol, against one server
// directly, through HAProxy (TCP), through Serval with the table whole on that server, and through Serval with the
// table in 8 shards over two servers. Rounds alternate, so that a busy machine is busy for all. It prints a
// Markdown table: statements a second (median of the rounds), the ratio to direct, the 95th percentile of latency, and
// the processor time that Serval used for a statement, from /proc/PID/stat.
//
//	go run ./e2e/bench                                    about 12 minutes
//	go run ./e2e/bench -rounds 2 -seconds 3 -threads 16   about one
//
// read-write runs only where the table is whole: over shards it sums, which this version refuses.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/servers"
)

// main.go: the options and the order of things; sysbench.go runs one measurement, setup.go builds what is measured.

type options struct {
	rounds, seconds int
	threads         []int
	kind            servers.Kind
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parseOptions() (options, error) {
	var o options
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the median counts")
	flag.IntVar(&o.seconds, "seconds", 15, "seconds of one measurement")
	threads := flag.String("threads", "8,64", "numbers of clients")
	kind := flag.String("kind", "", "mysql or mariadb; default mysql where it is there")
	flag.Parse()
	for _, text := range strings.Split(*threads, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return o, fmt.Errorf("-threads %s: not numbers", *threads)
		}
		o.threads = append(o.threads, n)
	}
	o.kind = servers.Kind(*kind)
	if o.kind == "" {
		o.kind = servers.MySQL
		if err := o.kind.Available(); err != nil {
			fmt.Fprintln(os.Stderr, "bench: on MariaDB, as", err)
			o.kind = servers.MariaDB
		}
	}
	return o, nil
}

func run() error {
	o, err := parseOptions()
	if err != nil {
		return err
	}
	b, err := setUp(o.kind)
	if err != nil {
		return err
	}
	defer b.close()
	fmt.Printf("sysbench, --db-ps-mode=disable, %d rows, %s, %d rounds of %d s\n\n", tableSize, o.kind, o.rounds, o.seconds)
	fmt.Println("| workload | clients | through | statements/s | to direct | p95 ms | Serval CPU µs/statement |")
	fmt.Println("|---|---:|---|---:|---:|---:|---:|")
	for _, script := range []string{"oltp_point_select", "oltp_read_write"} {
		for _, threads := range o.threads {
			if err := b.compare(script, threads, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// target is one way to the data.
type target struct {
	name, addr, database string
	sharded              bool
	serval               *cluster.Binary // whose processor time counts; nil for the others
}

// compare measures all targets in alternating rounds and prints their lines.
func (b *bench) compare(script string, threads int, o options) error {
	results := make([][]result, len(b.targets))
	for range o.rounds {
		for i, t := range b.targets {
			if t.sharded && script == "oltp_read_write" {
				continue
			}
			r, err := measure(t, script, threads, time.Duration(o.seconds)*time.Second)
			if err != nil {
				return err
			}
			results[i] = append(results[i], r)
		}
	}
	direct := median(results[0], func(r result) float64 { return r.perSecond })
	for i, t := range b.targets {
		if len(results[i]) == 0 {
			continue
		}
		rate := median(results[i], func(r result) float64 { return r.perSecond })
		cpu := ""
		if t.serval != nil {
			cpu = fmt.Sprintf("%.1f", median(results[i], func(r result) float64 { return r.cpu }))
		}
		fmt.Printf("| %s | %d | %s | %.0f | %.2f | %.2f | %s |\n", strings.TrimPrefix(script, "oltp_"), threads, t.name,
			rate, rate/direct, median(results[i], func(r result) float64 { return r.p95 }), cpu)
	}
	return nil
}
