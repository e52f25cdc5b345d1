package clients

// matrix_test.go: runs the clients on both sides and compares.

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"serval/e2e/cluster"
	"serval/e2e/servers"
	"serval/proxy"
)

// matrix collects the cells of all clients.
type matrix struct {
	mu   sync.Mutex
	rows map[string]*row // client and kind
	used map[int]bool    // gaps that explained something
}

type row struct {
	version, missing string
	cells            map[string]Cell
}

// chosen are the clients that this run is about: SERVAL_CLIENTS is "all" or a list of names, and else what is quick.
func chosen(t *testing.T) []Client {
	t.Helper()
	want := os.Getenv("SERVAL_CLIENTS")
	names := strings.Split(want, ",")
	list := slices.DeleteFunc(All(), func(c Client) bool {
		if want == "" || want == "all" {
			return want == "" && !c.Quick
		}
		return !slices.Contains(names, c.Name)
	})
	if len(list) == 0 {
		t.Fatalf("SERVAL_CLIENTS=%s names no client", want)
	}
	return list
}

func TestClients(t *testing.T) {
	if out, err := exec.Command("bash", "install.sh", "build").CombinedOutput(); err != nil {
		t.Fatalf("build the clients' programs: %v\n%s", err, out)
	}
	m := &matrix{rows: map[string]*row{}, used: map[int]bool{}}
	list := chosen(t)
	kinds := servers.Kinds(t)
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) { m.run(t, kind, list) })
	}
	m.stale(t, kinds, list)
	if page := os.Getenv("SERVAL_CLIENTS_PAGE"); page != "" {
		if err := os.WriteFile(page, m.page(list, kinds), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// run runs all clients on one make of server, some side by side.
func (m *matrix) run(t *testing.T, kind servers.Kind, list []Client) {
	var databases []string
	for i := range list {
		databases = append(databases, list[i].Database())
	}
	c := cluster.Start(t, kind, Shape(databases))
	if err := FillBulk(c); err != nil {
		t.Fatal(err)
	}
	addr := startServal(t, c)
	for i := range list {
		t.Run(list[i].Name, func(t *testing.T) {
			t.Parallel()
			m.client(t, c, addr, &list[i])
		})
	}
}

// startServal runs Serval in this process, with a log of all statements in SERVAL_CLIENTS_LOG if that is set.
func startServal(t *testing.T, c *cluster.Cluster) string {
	t.Helper()
	level, out := slog.LevelWarn, t.Output()
	if path := os.Getenv("SERVAL_CLIENTS_LOG"); path != "" {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		level, out = slog.LevelDebug, f
	}
	s := proxy.NewServer(c.Config, slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level})))
	if err := s.Start(t.Context()); err != nil {
		t.Fatalf("start serval: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close serval: %v", err)
		}
	})
	return s.Addr().String()
}

// client runs one client, first on the plain server, and judges.
func (m *matrix) client(t *testing.T, c *cluster.Cluster, addr string, x *Client) {
	if missing := x.Missing(); missing != "" {
		m.keep(x, c.Kind, &row{missing: missing})
		t.Skipf("SKIPPED: %s (bash e2e/clients/install.sh)", missing)
	}
	plain := x.start(t, Place{Address: c.Plain.Addr(), Database: x.Database(), Kind: string(c.Kind)})
	serval := x.start(t, Place{Address: addr, Database: x.Database(), Kind: string(c.Kind)})
	cells := Compare(plain, serval)
	m.keep(x, c.Kind, &row{version: plain.Version, cells: cells})
	if len(cells) == 0 {
		t.Errorf("it tried nothing:\n%s", plain.Log)
	}
	clean := true
	for _, f := range Features {
		cell, tried := cells[f]
		if !tried {
			continue
		}
		clean = clean && cell.Plain == "" && cell.Why == ""
		if cell.Plain != "" && !m.explained(x, c.Kind, f, cell.Plain, true) {
			t.Errorf("%s on the plain server: %s", f, cell.Plain)
		}
		if cell.Why != "" && !m.explained(x, c.Kind, f, cell.Why, false) {
			t.Errorf("%s: %s", f, cell.Why)
		}
	}
	for _, table := range []string{"types", "accounts", "plain"} {
		typed, tried := cells["types"]
		if clean || table == "types" && tried && typed == (Cell{Tried: true}) { // what failed may have left other rows
			compareTable(t, c, x.Database(), table)
		}
	}
	t.Logf("%s %s: plain %.1f s, serval %.1f s", x.Name, plain.Version, plain.Time.Seconds(), serval.Time.Seconds())
}

func (x *Client) start(t *testing.T, at Place) *Run {
	t.Helper()
	run, err := x.Start(t.Context(), ".", at)
	if err != nil {
		t.Errorf("on %s: %v\n%s", at.Address, err, run.Log)
	}
	return run
}

func (m *matrix) keep(x *Client, kind servers.Kind, r *row) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[x.Name+" "+string(kind)] = r
}

// gap is the number of the gap that explains a failure, or -1.
func gap(client string, kind servers.Kind, feature, why string, plain bool) int {
	return slices.IndexFunc(Gaps(), func(g Gap) bool {
		return g.Plain == plain && g.Covers(client, string(kind), feature, why)
	})
}

func (m *matrix) explained(x *Client, kind servers.Kind, feature, why string, plain bool) bool {
	i := gap(x.Name, kind, feature, why, plain)
	if i < 0 {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used[i] = true
	return true
}

// stale finds gaps that explained nothing although their clients ran: they are gone, and the list has to say so.
func (m *matrix) stale(t *testing.T, kinds []servers.Kind, list []Client) {
	t.Helper()
	for i, g := range Gaps() {
		ran := slices.ContainsFunc(list, func(c Client) bool {
			return slices.ContainsFunc(kinds, func(k servers.Kind) bool {
				r := m.rows[c.Name+" "+string(k)]
				_, tried := map[string]Cell{}, false
				if r != nil {
					_, tried = r.cells[g.Feature]
				}
				return r != nil && r.missing == "" && (tried || g.Feature == "") && (g.Kind == "" || g.Kind == string(k)) &&
					(g.Clients == nil || slices.Contains(g.Clients, c.Name))
			})
		})
		if ran && !m.used[i] {
			t.Errorf("gaps.go says that this does not work, and it does: %+v", g)
		}
	}
}

// compareTable checks that the rows that a client left in all shards of a table are those on the plain server.
func compareTable(t *testing.T, c *cluster.Cluster, database, name string) {
	t.Helper()
	i := slices.IndexFunc(c.Tables, func(x cluster.Table) bool { return x.Database == database && x.Name == name })
	var got []string
	for _, p := range c.Tables[i].Places {
		got = append(got, rowsOf(t, p.Node, p.Database, p.Table)...)
	}
	want := rowsOf(t, c.Plain, database, name)
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("%s.%s has %d rows in all shards, and %d other ones on the plain server\n%.300s\n%.300s", database, name, len(got), len(want),
			strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func rowsOf(t *testing.T, s *servers.Server, database, table string) []string {
	t.Helper()
	rows, err := s.Query(fmt.Sprintf("SELECT * FROM `%s`.`%s`", database, table))
	if err != nil {
		t.Fatal(err)
	}
	all := make([]string, len(rows))
	for i, r := range rows {
		all[i] = fmt.Sprintf("%q", r)
	}
	return all
}
