package e2e

// ddl_crash_test.go: schema changes that a crash interrupts. At each of their steps Serval or a server is killed while many
// different statements wait there. Then each statement that was not answered with OK is run again through another Serval:
// it completes, all shards are alike, and nothing is left in the log.

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/failpoint"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

// ddlSteps are the failpoints of a schema change, in their order; those of places come once for each.
var ddlSteps = []string{"ddl-locked", "ddl-logged", "ddl-before-place", "ddl-after-place", "ddl-noted-place", "ddl-carried-out"}

// ddlStatements are what is interrupted, each on a table of its own. TABLE stands for its name.
var ddlStatements = []struct {
	name, sql string
	absent    bool // the table is not there before
	renamed   bool // it is called otherwise afterwards
	dropped   bool
	emptied   bool
}{
	{name: "create", sql: "CREATE TABLE TABLE (id BIGINT PRIMARY KEY, v INT, KEY by_v (v)) COMMENT 'shard_by=id; shards=4'", absent: true},
	{name: "add", sql: "ALTER TABLE TABLE ADD COLUMN w INT NOT NULL DEFAULT 7, ADD INDEX (v)"},
	{name: "dropcol", sql: "ALTER TABLE TABLE DROP COLUMN v"},
	{name: "index", sql: "CREATE INDEX more ON TABLE (v, id)"},
	{name: "rename", sql: "RENAME TABLE TABLE TO NEW", renamed: true},
	{name: "truncate", sql: "TRUNCATE TABLE TABLE", emptied: true},
	{name: "drop", sql: "DROP TABLE TABLE", dropped: true},
}

func TestSchemaCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("servers are killed")
	}
	program, err := cluster.Build(t.TempDir(), "failpoints")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newDDLBed(t, kind, program)
			other := b.Serve(t, cluster.Run{Program: program})
			number := 0
			for _, step := range ddlSteps {
				for _, nth := range []int{1, 3} {
					if nth > 1 && !strings.HasSuffix(step, "-place") {
						continue
					}
					for _, fault := range []string{"serval", "log", "node"} {
						if !crashAllRows() && (nth > 1 || fault != "serval" && step != "ddl-after-place") {
							continue // the short form: Serval at every step, the servers at one
						}
						number++
						e := &ddlCrash{ddlBed: b, step: step, nth: nth, fault: fault, number: number, other: other}
						t.Run(fmt.Sprintf("%s %d %s", step, nth, fault), e.run)
					}
				}
			}
		})
	}
}

// ddlCrash is one fault while statements wait at one step.
type ddlCrash struct {
	*ddlBed
	step   string
	nth    int
	fault  string // serval: Serval is killed; log: the server with the log; node: the other one
	number int
	other  *cluster.Binary

	mu   sync.Mutex
	seen map[string]int
	held []*failpoint.Hit
}

func (e *ddlCrash) table(i int) string { return fmt.Sprintf("%s%d", ddlStatements[i].name, e.number) }

func (e *ddlCrash) sql(i int) string {
	sql := strings.Replace(ddlStatements[i].sql, " TABLE TABLE", " TABLE "+e.table(i), 1)
	sql = strings.Replace(sql, " ON TABLE", " ON "+e.table(i), 1)
	return strings.Replace(sql, " NEW", " new"+e.table(i), 1)
}

func (e *ddlCrash) run(t *testing.T) {
	made := e.dial(t, e.other)
	for i, s := range ddlStatements {
		if !s.absent {
			must(t, made, "CREATE TABLE "+e.table(i)+" (id BIGINT PRIMARY KEY, v INT) COMMENT 'shard_by=id; shards=4'",
				"INSERT INTO "+e.table(i)+" (id, v) VALUES (0, 0), (1, 1), (2, 2), (3, 3)")
		}
	}
	made.Close()
	l := failpoint.Listen(t)
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { e.watch(l, stop) })
	serval := e.Serve(t, cluster.Run{Program: e.program, Env: []string{l.Env(e.step)}})
	var answered [8]bool // with OK
	var clients sync.WaitGroup
	for i := range ddlStatements {
		c, err := raw.Dial(serval.Addr, raw.Options{User: servers.User, Password: servers.Password, Database: "d"})
		if err != nil {
			t.Fatal(err)
		}
		clients.Go(func() {
			defer c.Cut()
			a, err := c.Query(e.sql(i))
			answered[i] = err == nil && a[0].Kind == raw.OK
		})
	}
	e.await(len(ddlStatements))
	e.strike(serval)
	close(stop)
	watching.Wait()
	l.Close()
	clients.Wait()
	if e.fault != "serval" {
		if err := e.Nodes[map[string]int{"log": 0, "node": 1}[e.fault]].Restart(); err != nil {
			t.Fatal(err)
		}
	}
	e.complete(t, answered[:])
}

// watch holds each statement's nth hit and lets all others go on.
func (e *ddlCrash) watch(l *failpoint.Listener, stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case h := <-l.Hits():
			e.mu.Lock()
			if e.seen == nil {
				e.seen = map[string]int{}
			}
			e.seen[h.ID]++
			if h.ID == "0" || e.seen[h.ID] == e.nth { // 0: it has no number yet
				e.held = append(e.held, h)
			} else {
				h.Continue()
			}
			e.mu.Unlock()
		}
	}
}

// await waits until so many are held, or no more come.
func (e *ddlCrash) await(n int) {
	for end, last, since := time.Now().Add(20*time.Second), 0, time.Now(); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		e.mu.Lock()
		now := len(e.held)
		e.mu.Unlock()
		if now != last {
			last, since = now, time.Now()
		}
		if now >= n || now > 0 && time.Since(since) > 2*time.Second {
			return
		}
	}
}

// strike kills, and lets go on what is left.
func (e *ddlCrash) strike(serval *cluster.Binary) {
	switch e.fault {
	case "serval":
		serval.Kill()
	case "log":
		e.Nodes[0].Kill()
	case "node":
		e.Nodes[1].Kill()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, h := range e.held {
		h.Continue()
	}
}

// complete runs what was not done again, and looks at the tables.
func (e *ddlCrash) complete(t *testing.T, answered []bool) {
	c := e.dial(t, e.other)
	for i := range ddlStatements {
		for end := time.Now().Add(30 * time.Second); !answered[i]; time.Sleep(100 * time.Millisecond) {
			a, err := c.Query(e.sql(i))
			if err != nil {
				t.Fatal(err)
			}
			if answered[i] = a[0].Kind == raw.OK; !answered[i] && time.Now().After(end) {
				t.Fatalf("%s: %s\n%s", e.sql(i), describe(a), e.command(t))
			}
		}
	}
	for i, s := range ddlStatements {
		table, want := e.table(i), 4
		if s.renamed {
			if places, _ := e.shapes(t, table); places != 0 {
				t.Errorf("%s: %d places are left", table, places)
			}
			table = "new" + table
		}
		if s.dropped {
			want = 0
		}
		if places, shapes := e.shapes(t, table); places != want || len(shapes) > 1 {
			t.Errorf("%s: %d places, %d shapes: %s", e.sql(i), places, len(shapes), strings.Join(shapes, "\n"))
		}
		if want == 0 {
			continue
		}
		rows := 4
		if s.absent || s.emptied {
			rows = 0
		}
		if got := fmt.Sprint(texts(one(t, c, "SELECT id FROM "+table))); got != map[int]string{0: "[]", 4: "[0 1 2 3]"}[rows] {
			t.Errorf("%s: rows %s", table, got)
		}
	}
	if list := e.command(t); !strings.HasPrefix(list, "0 schema changes") {
		t.Error(list)
	}
}
