package e2e

// tpcc_test.go: TPC-C by go-tpc, sharded by warehouse over two groups, items on both. go-tpc makes its tables and rows through
// Serval, runs its five transactions, and checks what the standard (clause 3.3.2) says of a consistent database.

import (
	"bytes"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

// tpccShards says which column of a table is the warehouse.
var tpccShards = [][2]string{{"warehouse", "w_id"}, {"district", "d_w_id"}, {"customer", "c_w_id"}, {"history", "h_w_id"}, {"new_order", "no_w_id"},
	{"orders", "o_w_id"}, {"order_line", "ol_w_id"}, {"stock", "s_w_id"}}

const tpccWarehouses = 2 // one in each group: a warehouse's orders take from the other's stock, too

// tpccLayout is Serval's configuration: four shards, so that each group has shards that stay empty.
func tpccLayout() string {
	var b strings.Builder
	b.WriteString(`
listeners: ["{{.Listen}}"]
admin: off
log: {level: warn}
users: {app: {password: app}}
defaults: {user: app, password: app, pool: {max: 100, acquire_timeout: 30s}}
groups:
  g0: {primary: "{{.Node 0}}"}
  g1: {primary: "{{.Node 1}}"}
databases:
  tpcc:
    default_group: g0
    tables:
      item: {broadcast: true}
`)
	for _, t := range tpccShards {
		fmt.Fprintf(&b, "      %s: {shard: {column: %s, by: hash_mod, shards: 4, groups: [g0, g1], database: tpcc, table: \"{table}_{shard}\", binding: warehouse}}\n", t[0], t[1])
	}
	return b.String()
}

func TestTPCC(t *testing.T) {
	kind := scenarioKind(t)
	program := goTPC(t)
	c := cluster.Start(t, kind, binaryShape(t, cluster.Shape{Layout: tpccLayout(), Nodes: 2}))
	b := cluster.StartBinary(t, c)
	start := time.Now()
	tpcc(t, program, b.Addr, "prepare", "--no-check", "-T", "4")
	t.Logf("prepare: %.0f s", time.Since(start).Seconds())
	start = time.Now()
	out := tpcc(t, program, b.Addr, "run", "-T", "16", "--time", duration(t, 10*time.Second).String(), "--ignore-error=false")
	t.Logf("run: %s", figures(t, out))
	t.Logf("run: %.0f s", time.Since(start).Seconds())
	tpccMoney(t, c)
	tpccOrders(t, c)
	tpccCheck(t, program, b.Addr)
	if err := b.Stop(); err != nil {
		t.Errorf("serval ended with %v; its log:\n%s", err, b.Log())
	}
}

// tpccCheck has go-tpc check the database. Check 3.3.2.10 looks up each customer's payments in history, by columns of which
// go-tpc indexes only the warehouse, so that every look-up reads the whole of a warehouse's history, on a single server too.
// It is given the index that the standard's foreign key from history to customer comes with.
func tpccCheck(t *testing.T, program, addr string) {
	t.Helper()
	start := time.Now()
	conn, err := raw.Dial(addr, raw.Options{User: servers.User, Password: servers.Password, Database: "tpcc"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers, err := conn.Query("ALTER TABLE history ADD INDEX h_customer (h_c_w_id, h_c_d_id, h_c_id)")
	if err != nil || answers[0].Kind == raw.Error {
		t.Fatalf("an index of history: %v, %v", err, answers)
	}
	t.Logf("index: %.0f s", time.Since(start).Seconds())
	start = time.Now()
	out := tpcc(t, program, addr, "check", "-T", "2") // not --check-all: 3.3.2.11 holds only until the first delivery
	checks := bytes.Count(out, []byte("begin to check"))
	t.Logf("check: %d checks passed, %.0f s", checks, time.Since(start).Seconds())
	if checks != 11*tpccWarehouses {
		t.Errorf("%d checks, want 11 for each of %d warehouses", checks, tpccWarehouses)
	}
}

// tpccMoney checks clauses 3.3.2.1, 3.3.2.3, 3.3.2.6 and 3.3.2.8 on the nodes themselves: every one is about a warehouse's own rows.
func tpccMoney(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	for shard := 1; shard <= tpccWarehouses; shard++ {
		for _, sql := range []string{
			"SELECT (SELECT SUM(d_ytd) FROM tpcc.district_%[1]d) - (SELECT SUM(w_ytd) FROM tpcc.warehouse_%[1]d)",
			"SELECT (SELECT SUM(h_amount) FROM tpcc.history_%[1]d) - (SELECT SUM(w_ytd) FROM tpcc.warehouse_%[1]d)",
			"SELECT (SELECT SUM(o_ol_cnt) FROM tpcc.orders_%[1]d) - (SELECT COUNT(*) FROM tpcc.order_line_%[1]d)",
			"SELECT SUM(d) FROM (SELECT MAX(no_o_id) - MIN(no_o_id) + 1 - COUNT(*) d FROM tpcc.new_order_%[1]d GROUP BY no_d_id) x",
			"SELECT SUM(d_next_o_id - 1 - (SELECT MAX(o_id) FROM tpcc.orders_%[1]d WHERE o_d_id = d_id)) FROM tpcc.district_%[1]d",
		} {
			sql = fmt.Sprintf(sql, shard)
			rows, err := c.Nodes[shard/2].Query(sql)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Trim(rows[0][0], "0.") != "" {
				t.Errorf("%s: %s, want 0", sql, rows[0][0])
			}
		}
	}
}

// goTPC builds go-tpc, or finds it built.
func goTPC(t *testing.T) string {
	t.Helper()
	if out, err := exec.Command("bash", "tpcc/install.sh").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: go-tpc could not be built (bash e2e/tpcc/install.sh): %v\n%s", err, out)
	}
	return filepath.Join(servers.CacheDir(), "tpcc", "go-tpc")
}

// tpcc runs a command of go-tpc and returns what it printed.
func tpcc(t *testing.T, program, addr, command string, options ...string) []byte {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"tpcc", command, "-H", host, "-P", port, "-U", servers.User, "-p", servers.Password, "-D", "tpcc",
		"--warehouses", fmt.Sprint(tpccWarehouses)}, options...)
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil || tpccFailed.Match(out) {
		t.Fatalf("go-tpc %s: %v\n%s", command, err, clip(string(tpccProgress.ReplaceAll(out, nil))))
	}
	return out
}

var (
	tpccFailed   = regexp.MustCompile(`(?i)\bfailed\b|panic|_ERR\b`)
	tpccProgress = regexp.MustCompile(`(?m)^(load to|begin to check|creating|\[Current\]).*\n`)
	tpccSummary  = regexp.MustCompile(`(?m)^\[Summary\] (\S+) - .*?Count: (\d+).*?Avg\(ms\): (\S+), .*?99th\(ms\): (\S+),`)
	tpmC         = regexp.MustCompile(`tpmC: [\d.]+`)
)

// figures are the run's throughput, and each transaction's count and times.
func figures(t *testing.T, out []byte) string {
	t.Helper()
	rate := tpmC.Find(out)
	if rate == nil {
		t.Fatalf("go-tpc run told no tpmC:\n%s", out)
	}
	list := []string{string(rate)}
	for _, m := range tpccSummary.FindAllSubmatch(out, -1) {
		list = append(list, fmt.Sprintf("%s: %s, %s ms, 99 %% in %s ms", m[1], m[2], m[3], m[4]))
	}
	return strings.Join(list, "; ")
}

// tpccOrders checks that every row is in the shard of its warehouse, and that both groups have some.
func tpccOrders(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	for _, table := range tpccShards {
		for shard := range 4 {
			node := c.Nodes[shard/2]
			rows, err := node.Query(fmt.Sprintf("SELECT COUNT(*), COALESCE(SUM(%s MOD 4 <> %d), 0) FROM tpcc.%s_%d", table[1], shard, table[0], shard))
			if err != nil {
				t.Fatal(err)
			}
			if rows[0][1] != "0" {
				t.Errorf("%s of %s rows of %s in shard %d do not belong there", rows[0][1], rows[0][0], table[0], shard)
			}
			if filled := shard == 1 || shard == 2; (rows[0][0] == "0") == filled {
				t.Errorf("shard %d of %s has %s rows", shard, table[0], rows[0][0])
			}
		}
	}
}
