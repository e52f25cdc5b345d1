package e2e

// bank_test.go: sixteen clients move money among ten thousand accounts over two groups, through two Servals, while Servals,
// servers and the network between them fail at random. Every account's balance has to be its start and the sum of its rows
// in the ledger, and the ledger has to be what the clients were told: what was acknowledged, all of it; what was refused,
// none of it; what is not known, whole or not at all. This file sets the bank up; bank_client_test.go moves the money,
// bank_fault_test.go breaks things, bank_reader_test.go looks meanwhile, bank_audit_test.go at the end.

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/cut"
	"serval/e2e/servers"
)

const (
	bankClients  = 16
	bankReaders  = 2
	bankAccounts = 10_000 // ids 1 to bankAccounts
	bankHot      = 24     // of those, the ones that everybody wants
	bankVault    = 64     // the last ones: money moves among them, not in and not out, so that their sum can be asked for often
	bankStart    = 1000   // what each account has at first
	bankProxies  = 2
)

const bankDDL = `USE bank;
CREATE TABLE accounts (
  id BIGINT NOT NULL PRIMARY KEY,
  balance BIGINT NOT NULL
);
CREATE TABLE ledger (
  account BIGINT NOT NULL,
  transfer BIGINT NOT NULL,
  leg TINYINT NOT NULL,
  amount BIGINT NOT NULL,
  PRIMARY KEY (account, transfer, leg)
);
`

const bankLayout = `
listeners: ["{{.Listen}}"]
admin: off
log: {level: info}
users: {app: {password: app}}
defaults: {user: app, password: app, pool: {max: 100, acquire_timeout: 5s, connect_timeout: 2s}}
groups:
  g0: {primary: "{{.Node 0}}"}
  g1: {primary: "{{.Node 1}}"}
databases:
  bank:
    default_group: g0
    tables:
      accounts: {shard: {column: id, by: hash_mod, shards: 8, groups: [g0, g1], database: "bank_{shard}", binding: account}}
      ledger: {shard: {column: account, by: hash_mod, shards: 8, groups: [g0, g1], database: "bank_{shard}", binding: account}}
`

// bankLogs is the environment variable that names a directory for what the servers have heard (general logs) and Servals
// have printed, for whoever has to find out what happened.
const (
	bankLogs    = "SERVAL_E2E_BANK_LOGS"
	bankLogFile = "general.log"
)

// bank is one run.
type bank struct {
	*cluster.Cluster
	proxies []*cluster.Binary
	links   [][]*cut.Forwarder // of each proxy to each node
	journal *bankJournal
	faults  *bankFaults
	closing chan struct{} // closed when nothing new is to be begun

	fresh  chan *bankEntry // acknowledged a moment ago
	lasted time.Duration
	gate   bankGate
	seen   bankSeen
}

func TestBank(t *testing.T) {
	if testing.Short() {
		t.Skip("a scenario: not with -short")
	}
	seed := bankSeed(t)
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			t.Logf("SERVAL_E2E_SEED=%d", seed)
			b := openBank(t, kind)
			b.run(t, seed)
			b.audit(t)
			b.keepLogs(t)
			b.report(t)
		})
	}
}

// bankSeed is what the faults and the clients are drawn from. The same seed makes the same draws, not the same run.
func bankSeed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("SERVAL_E2E_SEED")
	if text == "" {
		return rand.Uint64()
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("SERVAL_E2E_SEED=%q is not a number", text)
	}
	return n
}

// openBank starts servers, forwarders and Servals and fills the accounts.
func openBank(t *testing.T, kind servers.Kind) *bank {
	t.Helper()
	options := []string{"--innodb-lock-wait-timeout=2"}
	if kind == servers.MySQL {
		options = append(options, "--performance-schema=ON") // as it is unless told otherwise: deadlocks over both groups are found with it
	}
	if os.Getenv(bankLogs) != "" {
		options = append(options, "--general-log=1", "--log-output=FILE", "--general-log-file="+bankLogFile)
	}
	c := cluster.Start(t, kind, cluster.Shape{Schema: bankDDL, Layout: bankLayout, Nodes: 2, Server: options})
	b := &bank{Cluster: c, journal: newBankJournal(), closing: make(chan struct{}), fresh: make(chan *bankEntry, 64)}
	b.fill(t)
	program, err := cluster.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for range bankProxies {
		var links []*cut.Forwarder
		var addrs []string
		for _, n := range c.Nodes {
			f := cut.New(t, n.Addr())
			links, addrs = append(links, f), append(addrs, f.Addr())
		}
		b.links = append(b.links, links)
		b.proxies = append(b.proxies, c.Serve(t, cluster.Run{Program: program, Nodes: addrs}))
	}
	return b
}

// fill gives every account its first money, on the nodes themselves.
func (b *bank) fill(t *testing.T) {
	t.Helper()
	for shard, p := range b.Tables[0].Places {
		var values []string
		for id := int64(1); id <= bankAccounts; id++ {
			if shardOf(id) == shard {
				values = append(values, fmt.Sprintf("(%d, %d)", id, bankStart))
			}
		}
		if err := p.Node.Exec(fmt.Sprintf("INSERT INTO `%s`.`%s` VALUES %s", p.Database, p.Table, strings.Join(values, ","))); err != nil {
			t.Fatal(err)
		}
	}
}

// run has everybody work until the end, and returns when nothing is broken any more.
func (b *bank) run(t *testing.T, seed uint64) {
	t.Helper()
	b.faults = newBankFaults(b, rand.New(rand.NewPCG(seed, 0)))
	var everybody sync.WaitGroup
	for i := range bankClients {
		everybody.Go(func() { newBankClient(b, i, rand.New(rand.NewPCG(seed, uint64(1+i)))).work() })
	}
	for i := range bankReaders {
		everybody.Go(func() { b.watchAcknowledged(rand.New(rand.NewPCG(seed, uint64(100+i)))) })
	}
	everybody.Go(func() { b.watchTotal(rand.New(rand.NewPCG(seed, 200))) })
	began := time.Now()
	b.faults.run(duration(t, 13*time.Second))
	close(b.closing)
	b.lasted = time.Since(began)
	b.faults.over()
	everybody.Wait()
	for _, err := range b.faults.failed {
		t.Error(err)
	}
}

// open tells whether the bank still works.
func (b *bank) open() bool {
	select {
	case <-b.closing:
		return false
	default:
		return true
	}
}

// report says how much happened, and fails when it was too little to mean anything.
func (b *bank) report(t *testing.T) {
	t.Helper()
	n := b.journal.count()
	t.Logf("%d transfers in %v: %d acknowledged, %d refused, %d not known", n.all, b.lasted.Round(time.Second), n.acknowledged, n.refused, n.unknown)
	t.Logf("refused for: %s", b.journal.reasons())
	t.Logf("faults: %s", b.faults)
	t.Logf("left half done and finished: %s", b.recovered())
	t.Logf("acknowledged transfers looked for: %d at once in quiet times, %d in others, the latest after %v; totals: %d in quiet times, %d in others; refused: %s",
		b.seen.atOnce.Load(), b.seen.later.Load(), time.Duration(b.seen.latest.Load()).Round(time.Millisecond),
		b.seen.totalsQuiet.Load(), b.seen.totals.Load(), counted(b.seen.refused))
	if n.acknowledged < 100 || b.seen.atOnce.Load() == 0 || b.seen.totalsQuiet.Load() == 0 {
		t.Errorf("too little happened: %d transfers acknowledged, %d looked for at once, %d totals", n.acknowledged, b.seen.atOnce.Load(), b.seen.totalsQuiet.Load())
	}
	if t.Failed() {
		t.Logf("what was done:\n%s", b.faults.history())
		for i, p := range b.proxies {
			t.Logf("the log of Serval %d ends:\n%s", i, lastLines(p.Log(), 40))
		}
	}
}

// keepLogs copies all logs to where bankLogs says.
func (b *bank) keepLogs(t *testing.T) {
	t.Helper()
	dir := os.Getenv(bankLogs)
	if dir == "" {
		return
	}
	keep := func(name, text string, err error) {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, string(b.Kind)+"-"+name+".log"), []byte(text), 0o600)
		}
		if err != nil {
			t.Error(err)
		}
	}
	for i, n := range b.Nodes {
		rows, err := n.Query("SELECT @@datadir")
		var text []byte
		if err == nil {
			text, err = os.ReadFile(filepath.Join(rows[0][0], bankLogFile))
		}
		keep(fmt.Sprint("g", i), string(text), err)
	}
	for i, p := range b.proxies {
		keep(fmt.Sprint("serval", i), p.Log(), nil)
	}
	var entries strings.Builder
	for _, e := range b.journal.entries {
		fmt.Fprintln(&entries, e)
	}
	keep("journal", entries.String(), nil)
	keep("faults", b.faults.history(), nil)
}

// recovered counts in the Servals' logs what was finished that had been left half done.
func (b *bank) recovered() string {
	count := map[string]int{}
	for _, p := range b.proxies {
		for line := range strings.Lines(p.Log()) {
			_, verdict, _ := strings.Cut(line, "verdict=")
			switch {
			case strings.Contains(line, "a transaction in doubt was finished"):
				count["by recovery, with "+strings.TrimSpace(verdict)]++
			case strings.Contains(line, "a branch could not be committed at once"):
				count["by the session itself"]++
			case strings.Contains(line, "a connection is cut off"):
				count["connections cut off"]++
			}
		}
	}
	return counted(count)
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
