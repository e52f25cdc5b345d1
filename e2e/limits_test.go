package e2e

// limits_test.go: guard rails (limits: of users and databases), a group where gathered rows go, and that a gather or a
// scatter leaves nothing running and no temporary table behind when it is killed, or its client is cut off.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

const limitsSchema = `
USE shop;
CREATE TABLE wide (id BIGINT NOT NULL PRIMARY KEY, n INT, w TEXT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE small (id INT NOT NULL PRIMARY KEY, n INT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
USE tight;
CREATE TABLE narrow (id BIGINT NOT NULL PRIMARY KEY, n INT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
`

const limitsLayout = `
listeners: ["{{.Listen}}"]
admin: off
log: {level: warn}
gather: {rows: 100000, group: g2}
users:
  app: {password: app, admin: true}
  few: {password: app, limits: {max_scatter_shards: 2, max_gather_rows: 10}}
  none: {password: app, limits: {allow_scatter: false}}
  quick: {password: app, limits: {max_gather_time: 500ms, max_gather_bytes: 64KiB}}
defaults: {user: app, password: app}
groups: {g0: {primary: "{{.Node 0}}"}, g1: {primary: "{{.Node 1}}"}, g2: {primary: "{{.Node 2}}"}}
databases:
  shop:
    default_group: g0
    tables:
      wide: {shard: {column: id, by: hash_mod, shards: 4, groups: [g0, g1]}}
      small: {group: g1}
  tight:
    default_group: g0
    limits: {max_scatter_shards: 3, max_gather_rows: 5}
    tables:
      narrow: {shard: {column: id, by: hash_mod, shards: 4, groups: [g0, g1]}}
`

func TestLimits(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			c := cluster.Start(t, kind, cluster.Shape{Schema: limitsSchema, Layout: limitsLayout, Nodes: 3, Server: bedServer})
			if err := c.Nodes[2].Exec("DROP DATABASE shop", "DROP DATABASE tight"); err != nil {
				t.Fatal(err)
			}
			addr := startServal(t, c)
			app := dialUser(t, addr, "app")
			var rows, narrow []string
			for i := range 200 {
				rows = append(rows, fmt.Sprintf("(%d, %d, REPEAT('w', 4000))", i, i%10))
				narrow = append(narrow, fmt.Sprintf("(%d, %d)", i, i))
			}
			done(t, app, "INSERT INTO wide VALUES "+strings.Join(rows, ","), "INSERT INTO tight.narrow VALUES "+strings.Join(narrow, ","),
				"INSERT INTO small VALUES (0, 0), (1, 1), (2, 2)")
			limitsOfShards(t, addr)
			limitsOfGather(t, addr)
			for _, way := range []string{"KILL QUERY", "KILL", "cut"} {
				for _, sql := range endless {
					stopped(t, c, addr, way, sql)
				}
			}
			if rows, err := c.Nodes[2].Query("SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ('serval', 'shop')"); err != nil || rows[0][0] != "1" {
				t.Errorf("the scratch group has %v %v of the two databases, not Serval's own", rows, err)
			}
		})
	}
}

func dialUser(t *testing.T, addr, user string) *raw.Conn {
	t.Helper()
	c, err := raw.Dial(addr, raw.Options{User: user, Password: "app", Database: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func limitsOfShards(t *testing.T, addr string) {
	few, none, app := dialUser(t, addr, "few"), dialUser(t, addr, "none"), dialUser(t, addr, "app")
	for _, sql := range []string{"SELECT id FROM wide WHERE n = 1", "UPDATE wide SET n = n WHERE n = 1", "DELETE FROM wide WHERE n = 77", "SELECT a.id FROM wide a JOIN wide b ON b.id = a.n",
		"UPDATE wide SET n = n ORDER BY id LIMIT 1"} {
		fails(t, few, sql, 1104, "4 shards of 'shop.wide', allowed are 2 (users.few.limits.max_scatter_shards, ")
		fails(t, none, sql, 1235, "users.none.limits.allow_scatter, ")
	}
	at := fails(t, few, "SELECT id FROM wide", 1104, "serval.yaml:").Message
	if !strings.Contains(at, ".yaml:8)") {
		t.Errorf("the limit is in line 8: %s", at)
	}
	gives(t, few, "SELECT id FROM wide WHERE id IN (1, 2) ORDER BY id", "1 2")
	fails(t, none, "SELECT id FROM wide WHERE id IN (1, 2) ORDER BY id", 1235, "id one value")
	gives(t, none, "SELECT a.id, b.id, s.n FROM wide a JOIN wide b ON b.n = a.n + 1 JOIN small s ON s.id = a.id WHERE a.id = 1 AND b.id = 2", "1/2/1")
	done(t, none, "INSERT INTO wide (id, n) VALUES (1000, 0), (1001, 0), (1002, 0)", "DELETE FROM wide WHERE id = 1000", "DELETE FROM wide WHERE id = 1001", "DELETE FROM wide WHERE id = 1002")
	fails(t, app, "SELECT id FROM tight.narrow", 1104, "databases.tight.limits.max_scatter_shards")
	fails(t, few, "SELECT id FROM tight.narrow", 1104, "users.few.limits.max_scatter_shards")
	if got := texts(say(t, none, "EXPLAIN ROUTE SELECT id FROM wide")); len(got) == 0 || !strings.Contains(got[0], "users.none.limits.allow_scatter") {
		t.Errorf("%q", got)
	}
	say(t, few, "PREPARE p FROM 'SELECT id FROM wide WHERE id > ?'")
	say(t, few, "SET @x = 5")
	fails(t, few, "EXECUTE p USING @x", 1104, "max_scatter_shards")
}

func limitsOfGather(t *testing.T, addr string) {
	few, quick, app := dialUser(t, addr, "few"), dialUser(t, addr, "quick"), dialUser(t, addr, "app")
	const join = "SELECT COUNT(*), SUM(a.n) FROM wide a JOIN small s ON s.n = a.n WHERE a.id IN "
	gives(t, few, join+"(1, 5)", "1/1")
	fails(t, few, "SELECT STDDEV(n) FROM wide WHERE n < 10 AND id IN (1,2,5,6,9,10,13,14,17,18,21,22)", 1104, "10 rows (users.few.limits.max_gather_rows, ")
	fails(t, app, "SELECT STDDEV(n) FROM tight.narrow WHERE id IN (1,2,5,6,9,10,13,14,17,18,21,22)", 1104, "5 rows (databases.tight.limits.max_gather_rows, ")
	fails(t, quick, "SELECT MAX(a.w), STDDEV(a.n) FROM wide a JOIN small s ON s.n >= a.n", 1104, "'shop.wide'")
	start := time.Now()
	fails(t, quick, "SELECT STDDEV(n + SLEEP(1)) FROM wide WHERE id < 12", 1104, "at most 500ms (users.quick.limits.max_gather_time, ")
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("stopped after %v, allowed are 500ms", d)
	}
	gives(t, quick, "SELECT COUNT(*) FROM small", "3")
	gives(t, quick, "SELECT COUNT(*) FROM tight.narrow WHERE id = 3 AND n + 0 IN (SELECT id FROM wide WHERE id = 3)", "1")
}

// endless statements, each busy in another place.
var endless = []string{
	"SELECT SLEEP(20), id FROM wide WHERE SLEEP(20) = 0",
	"SELECT STDDEV(n + SLEEP(5)) FROM wide",
	"SELECT COUNT(*) FROM wide a JOIN wide b JOIN wide c JOIN wide d ON d.n <> a.n + b.n + c.n WHERE a.w < CONCAT(b.w, c.w, d.w)",
	"SELECT id, w FROM wide WHERE BENCHMARK(100000000, SHA2(w, 256)) = 0 ORDER BY n",
}

// stopped has a statement ended while it runs: within a second nothing of it runs on any server.
func stopped(t *testing.T, c *cluster.Cluster, addr, way, sql string) {
	t.Helper()
	victim, app := dialUser(t, addr, "app"), dialUser(t, addr, "app")
	if err := victim.Send(sql); err != nil {
		t.Fatal(err)
	}
	waitFor(t, way+" "+sql+": runs", 5*time.Second, func() bool { return running(t, c) > 0 })
	if way == "cut" {
		victim.Close()
	} else {
		done(t, app, fmt.Sprintf("%s %d", way, victim.ID()))
	}
	limit := time.Second
	if way == "cut" { // the watcher looks at sessions that have been busy for half a second, twice a second
		limit = 2 * time.Second
	}
	waitFor(t, way+" "+sql+": is stopped", limit, func() bool { return running(t, c) == 0 })
	if way == "KILL QUERY" {
		if a, err := victim.Receive(); err != nil || a[0].Kind == raw.Error && a[0].Code != 1317 {
			t.Errorf("%s %s: %v %+v", way, sql, err, a)
		}
		gives(t, victim, "SELECT COUNT(*) FROM wide a JOIN small s ON s.id = a.id", "3")
	}
	for _, n := range c.Nodes {
		waitFor(t, way+" "+sql+": leaves no temporary table", limit, func() bool { return temporary(t, n) == "0" })
	}
}

// running counts the statements that run for Serval on all servers.
func running(t *testing.T, c *cluster.Cluster) int {
	t.Helper()
	count := 0
	for _, n := range c.Nodes {
		rows, err := n.Query("SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND IN ('Query', 'Execute') AND (INFO LIKE '%wide%')  AND INFO NOT LIKE '%PROCESSLIST%'")
		if err != nil {
			t.Fatal(err)
		}
		count += len(rows)
	}
	return count
}

// waitFor fails when something does not become true in time.
func waitFor(t *testing.T, what string, limit time.Duration, is func() bool) {
	t.Helper()
	for start := time.Now(); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}
