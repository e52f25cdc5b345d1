// Command bench measures what Serval costs, in alternating rounds, so that a busy machine is busy for all.
//
// sysbench's point-select and read-write, text protocol: against one server directly, through HAProxy (TCP), through Serval
// with the table whole on that server, and through Serval with the table in 8 shards over two servers. It prints a Markdown
// table: statements a second (median of the rounds), the ratio to direct, the 95th percentile of latency, and the processor
// time that Serval used for a statement, from /proc/PID/stat. Over shards read-write runs without its sums and DISTINCT,
// which this version refuses there; so it does, once more, for the others.
//
// Transactions of two UPDATEs (transactions.go), within one group and over two: the latency of COMMIT and of all of it.
//
// Queries that all shards have a part in (queries.go), beside one server that holds all rows: their latency, and the processor
// time of Serval and of the servers.
//
//	go run ./e2e/bench                                    about 25 minutes
//	go run ./e2e/bench -rounds 2 -seconds 3 -threads 16   about two
//	go run ./e2e/bench -only transactions -threads 1,8    a part of it
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
	only            string
	flush           int // innodb_flush_log_at_trx_commit
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
	flag.IntVar(&o.seconds, "seconds", 10, "seconds of one measurement")
	threads := flag.String("threads", "1,8,64", "numbers of clients")
	flag.StringVar(&o.only, "only", "", "sysbench, transactions or queries; default all")
	flag.IntVar(&o.flush, "flush", 2, "the servers' innodb_flush_log_at_trx_commit; 1 waits for the disk with every COMMIT")
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
	b, err := setUp(o)
	if err != nil {
		return err
	}
	defer b.close()
	fmt.Printf("%d rows, %s, innodb_flush_log_at_trx_commit = %d, %d rounds of %d s\n\n", tableSize, o.kind, o.flush, o.rounds, o.seconds)
	for _, part := range []struct {
		name    string
		compare func(options) error
	}{{"sysbench", b.compareStatements}, {"transactions", b.compareTransactions}, {"queries", b.compareQueries}} {
		if o.only == "" || o.only == part.name {
			if err := part.compare(o); err != nil {
				return err
			}
		}
	}
	return nil
}

// workload is one of sysbench's.
type workload struct {
	name, script string
	arguments    []string
	whole        bool // not over shards
}

var workloads = []workload{
	{name: "point_select", script: "oltp_point_select"},
	{name: "read_write", script: "oltp_read_write", whole: true},
	{name: "read_write without sums and DISTINCT", script: "oltp_read_write", arguments: []string{"--sum-ranges=0", "--distinct-ranges=0"}},
}

func (b *bench) compareStatements(o options) error {
	fmt.Println("sysbench, --db-ps-mode=disable:")
	fmt.Println()
	fmt.Println("| workload | clients | through | statements/s | to direct | p95 ms | Serval CPU µs/statement |")
	fmt.Println("|---|---:|---|---:|---:|---:|---:|")
	for _, w := range workloads {
		for _, threads := range o.threads {
			if err := b.compare(w, threads, o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) compareQueries(o options) error {
	fmt.Println()
	fmt.Println("Queries over all rows; processor times in µs for a statement:")
	fmt.Println()
	fmt.Println("| query | clients | through | statements/s | to direct | p50 ms | p99 | Serval CPU | servers' CPU | to direct |")
	fmt.Println("|---|---:|---|---:|---:|---:|---:|---:|---:|---:|")
	for _, q := range queryTexts {
		for _, clients := range o.threads {
			if clients > mostAskers {
				continue
			}
			if err := b.compareQuery(q, clients, o); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bench) compareTransactions(o options) error {
	fmt.Println()
	fmt.Println("BEGIN, two UPDATEs, COMMIT:")
	fmt.Println()
	fmt.Println("| clients | through | transactions/s | to direct | COMMIT p50 ms | p99 | all of it p50 ms | p99 | Serval CPU µs/transaction |")
	fmt.Println("|---:|---|---:|---:|---:|---:|---:|---:|---:|")
	for _, clients := range o.threads {
		if err := b.compareCommits(clients, o); err != nil {
			return err
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
func (b *bench) compare(w workload, threads int, o options) error {
	results := make([][]result, len(b.targets))
	for range o.rounds {
		for i, t := range b.targets {
			if t.sharded && w.whole {
				continue
			}
			r, err := measure(t, w, threads, time.Duration(o.seconds)*time.Second)
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
		fmt.Printf("| %s | %d | %s | %.0f | %.2f | %.2f | %s |\n", w.name, threads, t.name,
			rate, rate/direct, median(results[i], func(r result) float64 { return r.p95 }), cpu)
	}
	return nil
}
