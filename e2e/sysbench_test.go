package e2e

// sysbench_test.go: sysbench's writes and reads through Serval at 64 threads without an error, and afterwards the rows
// in the shards are those that the statements should have left.

import (
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/servers"
)

const sbtestDDL = `USE sbtest;
CREATE TABLE sbtest1 (
  id INT NOT NULL,
  k INT NOT NULL DEFAULT 0,
  c CHAR(120) NOT NULL DEFAULT '',
  pad CHAR(60) NOT NULL DEFAULT '',
  PRIMARY KEY (id),
  KEY k_1 (k)
);
`

// sysbenchRows is small enough that the deletes of the shortest run hit every row many times.
const sysbenchRows = 1000

func TestSysbench(t *testing.T) {
	kind := scenarioKind(t)
	if _, err := exec.LookPath("sysbench"); err != nil {
		t.Fatal("sysbench is not installed; run `bash e2e/install.sh`")
	}
	c := cluster.Start(t, kind, binaryShape(t, cluster.Shape{Schema: sbtestDDL, Layout: fmt.Sprintf(eightShards, "sbtest1"), Nodes: 2}))
	b := cluster.StartBinary(t, c)
	d := duration(t, 5*time.Second)

	// Into empty tables: sysbench takes its ids from all of INT.
	inserted := sysbench(t, b.Addr, "oltp_insert", d)
	checkInserted(t, c, inserted)

	fillSysbench(t, c)
	sysbench(t, b.Addr, "oltp_point_select", d)
	checkSysbenchRows(t, c, sysbenchRows, 0)
	updated := sysbench(t, b.Addr, "oltp_update_index", d)
	checkSysbenchRows(t, c, sysbenchRows, updated)
	deleted := sysbench(t, b.Addr, "oltp_delete", d)
	checkDeleted(t, c, deleted)

	if err := b.Stop(); err != nil {
		t.Errorf("serval ended with %v; its log:\n%s", err, b.Log())
	}
	for _, n := range c.Nodes {
		idle(t, n)
	}
}

var (
	transactions = regexp.MustCompile(`transactions:\s+(\d+)`)
	badCounts    = regexp.MustCompile(`(?:ignored errors|reconnects):\s+[1-9]`)
)

// sysbench runs one of its scripts and returns how many statements it ran.
func sysbench(t *testing.T, addr, script string, d time.Duration) int {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sysbench", script, "--db-driver=mysql", "--mysql-host=127.0.0.1", "--mysql-port="+port,
		"--mysql-user="+servers.User, "--mysql-password="+servers.Password, "--mysql-db=sbtest", "--db-ps-mode=auto", "--tables=1",
		fmt.Sprintf("--table-size=%d", sysbenchRows), "--auto_inc=off", "--skip_trx=on", "--rand-type=uniform", "--threads=64",
		fmt.Sprintf("--time=%d", int(d.Seconds())), "run").CombinedOutput()
	if err != nil {
		t.Fatalf("sysbench %s: %v\n%s", script, err, out)
	}
	m := transactions.FindSubmatch(out)
	if m == nil || badCounts.Match(out) {
		t.Fatalf("sysbench %s had errors:\n%s", script, out)
	}
	n, err := strconv.Atoi(string(m[1]))
	if err != nil || n == 0 {
		t.Fatalf("sysbench %s ran %s statements:\n%s", script, m[1], out)
	}
	t.Logf("%s: %d statements, %.0f a second", script, n, float64(n)/d.Seconds())
	return n
}

// checkInserted checks that there are as many rows as inserts, each in its shard.
func checkInserted(t *testing.T, c *cluster.Cluster, inserted int) {
	t.Helper()
	total := 0
	for shard, rows := range eachShard(t, c, "SELECT MOD(MOD(id, 8) + 8, 8) AS s, COUNT(*) FROM %s GROUP BY s") {
		for _, r := range rows {
			total += atoi(t, r[1])
			if atoi(t, r[0]) != shard {
				t.Errorf("shard %d holds %s rows of shard %s", shard, r[1], r[0])
			}
		}
	}
	if total != inserted {
		t.Errorf("%d rows in the shards after %d inserts", total, inserted)
	}
}

// fillSysbench replaces all rows by ids 1 to sysbenchRows with k = 0.
func fillSysbench(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	for shard, p := range c.Tables[0].Places {
		var values []string
		for id := int64(1); id <= sysbenchRows; id++ {
			if shardOf(id) == shard {
				values = append(values, fmt.Sprintf("(%d, 0, 'c-%d', 'p')", id, id))
			}
		}
		name := fmt.Sprintf("`%s`.`%s`", p.Database, p.Table)
		if err := p.Node.Exec("TRUNCATE "+name, "INSERT INTO "+name+" VALUES "+strings.Join(values, ",")); err != nil {
			t.Fatal(err)
		}
	}
}

// checkSysbenchRows checks that all ids are there, in their shards and otherwise as filled, and that k has been counted up
// once for each update.
func checkSysbenchRows(t *testing.T, c *cluster.Cluster, want, updates int) {
	t.Helper()
	rows, sum := 0, 0
	for shard, list := range eachShard(t, c, "SELECT id, k, c FROM %s") {
		for _, r := range list {
			id, k := atoi(t, r[0]), atoi(t, r[1])
			if shardOf(int64(id)) != shard || id < 1 || id > sysbenchRows || r[2] != fmt.Sprintf("c-%d", id) {
				t.Errorf("shard %d holds the row %v", shard, r)
			}
			rows, sum = rows+1, sum+k
		}
	}
	if rows != want || sum != updates {
		t.Errorf("%d rows with a sum of k of %d, want %d rows and %d", rows, sum, want, updates)
	}
}

// checkDeleted checks that nothing is left when every id must have been hit, and else that what is left is in place.
func checkDeleted(t *testing.T, c *cluster.Cluster, deletes int) {
	t.Helper()
	left := 0
	for shard, list := range eachShard(t, c, "SELECT id FROM %s") {
		left += len(list)
		for _, r := range list {
			if id := atoi(t, r[0]); shardOf(int64(id)) != shard {
				t.Errorf("shard %d holds id %d", shard, id)
			}
		}
	}
	// A row survives n uniform deletes with probability e^(-n/rows): at 30 a row, none of 1000 does in 10^10 runs.
	if left > 0 && deletes > 30*sysbenchRows {
		t.Errorf("%d of %d rows are left after %d random deletes", left, sysbenchRows, deletes)
	}
}

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
