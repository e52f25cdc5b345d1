package e2e

// scenario_test.go: what the scenarios share: how long they take, on which server, and the small table that they use.

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

// duration is how long a scenario runs: $SERVAL_E2E_SECONDS, else what `make test` can afford.
func duration(t *testing.T, usual time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv("SERVAL_E2E_SECONDS")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("SERVAL_E2E_SECONDS=%q is not a number of seconds", text)
	}
	return time.Duration(n) * time.Second
}

// scenarioKind is the server for scenarios that run on one: MySQL where it is there.
func scenarioKind(t *testing.T) servers.Kind {
	t.Helper()
	if testing.Short() {
		t.Skip("a scenario: not with -short")
	}
	kinds := servers.Kinds(t)
	return kinds[len(kinds)-1]
}

// eightShards is a layout with one table, cut by id into 8 shards over two groups. %s is the table's name.
const eightShards = `
listeners: ["{{.Listen}}"]
admin: off
log: {level: warn}
users: {app: {password: app}}
defaults: {user: app, password: app, pool: {max: 400, acquire_timeout: 30s}}
groups:
  g0: {primary: "{{.Node 0}}"}
  g1: {primary: "{{.Node 1}}"}
databases:
  sbtest:
    default_group: g0
    tables:
      %s:
        shard: {column: id, by: hash_mod, shards: 8, groups: [g0, g1], database: "sb_{shard}"}
`

// shardOf is the mission's rule: id modulo 8, by value.
func shardOf(id int64) int { return int(((id % 8) + 8) % 8) }

// binaryShape is the shape of a cluster for the real program, which is told a fixed address.
func binaryShape(t *testing.T, s cluster.Shape) cluster.Shape {
	t.Helper()
	addr, err := cluster.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	s.Listen = addr
	return s
}

// dial connects to Serval or to a server.
func dial(t *testing.T, addr, database string) *raw.Conn {
	t.Helper()
	c, err := raw.Dial(addr, raw.Options{User: servers.User, Password: servers.Password, Database: database})
	if err != nil {
		t.Fatalf("connect to %s: %v", addr, err)
	}
	return c
}

// eachShard runs a statement with %s for the physical table in every shard of the cluster's first table and returns
// the rows by shard.
func eachShard(t *testing.T, c *cluster.Cluster, sql string) [][][]string {
	t.Helper()
	all := make([][][]string, len(c.Tables[0].Places))
	for i, p := range c.Tables[0].Places {
		rows, err := p.Node.Query(strings.ReplaceAll(sql, "%s", fmt.Sprintf("`%s`.`%s`", p.Database, p.Table)))
		if err != nil {
			t.Fatal(err)
		}
		all[i] = rows
	}
	return all
}

// idle waits until no connection but the asking one is left on a server, and fails when some stay.
func idle(t *testing.T, s *servers.Server) {
	t.Helper()
	var rows [][]string
	for range 50 {
		var err error
		rows, err = s.Query("SELECT id, command, LEFT(COALESCE(info, ''), 80) FROM information_schema.processlist WHERE user = 'app' AND id <> CONNECTION_ID()")
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%d connections are left on %s: %v", len(rows), s.Addr(), rows)
}

// texts are an answer's rows, the values of each with slashes between them.
func texts(a *raw.Answer) []string {
	var rows []string
	for _, r := range a.Rows {
		values, err := rowValues(r, a)
		if err != nil {
			return append(rows, err.Error())
		}
		var parts []string
		for _, v := range values {
			parts = append(parts, string(v.Text))
		}
		rows = append(rows, strings.Join(parts, "/"))
	}
	return rows
}
