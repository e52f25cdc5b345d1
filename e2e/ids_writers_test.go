package e2e

// ids_writers_test.go: many writers through several Servals, of which one is killed: no number comes twice, and every row
// that was acknowledged is there, once, under the number that its writer was told.

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

const writersDDL = `USE shop;
CREATE TABLE beside (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  owner BIGINT NOT NULL,
  tag VARCHAR(40) NOT NULL
);

CREATE TABLE byid (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  tag VARCHAR(40) NOT NULL
);
`

// writersLayout has both tables numbered in the way %[1]s.
const writersLayout = `
listeners: ["{{.Listen}}"]
admin: off
log: {level: warn}
users: {app: {password: app}}
defaults: {user: app, password: app, pool: {max: 60, acquire_timeout: 30s}}
groups:
  g0: {primary: "{{.Node 0}}"}
  g1: {primary: "{{.Node 1}}"}
databases:
  shop:
    default_group: g0
    tables:
      beside: {ids: %[1]s, shard: {column: owner, by: hash_mod, shards: 4, groups: [g0, g1], database: "sb_{shard}"}}
      byid: {ids: %[1]s, shard: {column: id, by: hash_mod, shards: 4, groups: [g0, g1], database: "sb_{shard}"}}
`

const (
	writers     = 64
	writersVia  = 4 // Servals
	writersRows = 3 // of a statement of several rows
)

func TestIDsOfManyWriters(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		for _, way := range []string{"segment", "snowflake"} {
			t.Run(string(kind)+"/"+way, func(t *testing.T) { manyWriters(t, kind, way) })
		}
	}
}

// writing is what all writers of a run share.
type writing struct {
	via  []*cluster.Binary
	end  time.Time
	mu   sync.Mutex
	done map[string]string // "table tag" → the number that its writer was told
}

func manyWriters(t *testing.T, kind servers.Kind, way string) {
	c := cluster.Start(t, kind, cluster.Shape{Schema: writersDDL, Layout: fmt.Sprintf(writersLayout, way), Nodes: 2})
	program, err := cluster.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	length := duration(t, 6*time.Second)
	w := &writing{done: map[string]string{}}
	for range writersVia {
		w.via = append(w.via, c.Serve(t, cluster.Run{Program: program}))
	}
	w.end = time.Now().Add(length)
	var wg sync.WaitGroup
	errs := make(chan error, writers)
	for i := range writers {
		wg.Go(func() { errs <- w.write(i) })
	}
	time.Sleep(length / 2)
	w.via[0].Kill()
	if err := w.via[0].Restart(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	w.check(t, c)
}

// write inserts until the time is up, through another Serval when its own has gone.
func (w *writing) write(n int) error {
	var conn *raw.Conn
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	via := n
	for count := 0; time.Now().Before(w.end); count++ {
		var err error
		if conn == nil {
			if conn, err = raw.Dial(w.via[via%writersVia].Addr, raw.Options{User: servers.User, Password: servers.Password, Database: "shop"}); err != nil {
				conn = nil
				via++
				time.Sleep(20 * time.Millisecond)
				continue
			}
		}
		table, rows := "beside", 1+rand.IntN(2)*(writersRows-1)
		if rand.IntN(2) == 0 {
			table = "byid"
		}
		tag := fmt.Sprintf("w%d-%d", n, count)
		answers, err := conn.Query(insertOf(table, tag, rows))
		if err != nil { // the Serval is gone: what became of the statement is not known
			conn.Cut()
			conn = nil
			via++
			continue
		}
		a := answers[0]
		if a.Kind == raw.Error {
			return fmt.Errorf("%s: %s", tag, describe(answers))
		}
		if a.AffectedRows != uint64(rows) || a.LastInsertID == 0 {
			return fmt.Errorf("%s: %s", tag, describe(answers))
		}
		w.mu.Lock()
		for i := range rows {
			w.done[fmt.Sprintf("%s %s.%d", table, tag, i)] = strconv.FormatUint(a.LastInsertID+uint64(i), 10)
		}
		w.mu.Unlock()
	}
	return nil
}

// insertOf is a statement of some rows.
func insertOf(table, tag string, rows int) string {
	var values []string
	for i := range rows {
		if table == "byid" {
			values = append(values, fmt.Sprintf("('%s.%d')", tag, i))
		} else {
			values = append(values, fmt.Sprintf("(%d, '%s.%d')", rand.IntN(1000), tag, i))
		}
	}
	if table == "byid" {
		return "INSERT INTO byid (tag) VALUES " + strings.Join(values, ", ")
	}
	return "INSERT INTO beside (owner, tag) VALUES " + strings.Join(values, ", ")
}

// check reads all shards.
func (w *writing) check(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	total, acknowledged := 0, len(w.done)
	for _, table := range c.Tables {
		seen := map[string]string{}
		for _, p := range table.Places {
			rows, err := p.Node.Query(fmt.Sprintf("SELECT id, tag FROM `%s`.`%s`", p.Database, p.Table))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				total++
				if other, twice := seen[r[0]]; twice {
					t.Errorf("%s: the rows %s and %s have the number %s", table.Name, other, r[1], r[0])
				}
				seen[r[0]] = r[1]
				key := table.Name + " " + r[1]
				if id, told := w.done[key]; told && id != r[0] {
					t.Errorf("%s: the row %s has the number %s, its writer was told %s", table.Name, r[1], r[0], id)
				}
				delete(w.done, key)
			}
		}
	}
	for key, id := range w.done {
		t.Errorf("the row %s, acknowledged with the number %s, is not there", key, id)
	}
	if acknowledged == 0 {
		t.Error("nothing was written")
	}
	t.Logf("%d rows acknowledged, %d in the tables", acknowledged, total)
}
