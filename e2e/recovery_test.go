package e2e

// recovery_test.go: what is left of transactions over several groups when their coordinator has gone, and who finishes it.
// Branches are made by hand on the servers; a txn.Manager finds the verdict and finishes them.

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"serval/config"
	"serval/e2e/servers"
	"serval/proxy/backend"
	"serval/proxy/txn"
)

// doubt is some groups with a table d.t each, and what is in doubt between them.
type doubt struct {
	nodes  []*servers.Server
	groups []config.Group
	user   string // an account that is its own password; "" is the servers' own
}

func startDoubt(t *testing.T, kind servers.Kind, nodes int) *doubt {
	t.Helper()
	d := &doubt{}
	for i := range nodes {
		n := servers.Start(t, kind)
		d.nodes = append(d.nodes, n)
		if err := n.Exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v INT)"); err != nil {
			t.Fatal(err)
		}
		d.groups = append(d.groups, config.Group{Name: fmt.Sprintf("g%d", i),
			Primary: config.Node{Address: n.Addr(), User: servers.User, Password: servers.Password}})
	}
	return d
}

// manager makes a manager of its own, as another Serval would have.
func (d *doubt) manager(t *testing.T) *txn.Manager {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	cluster := backend.Open(d.groups, log)
	t.Cleanup(cluster.Close)
	return txn.New(cluster, config.Transactions{AcrossGroups: config.Atomic, Database: "serval"}, log)
}

func (d *doubt) connect(t *testing.T, node int) *client.Conn {
	t.Helper()
	user, password := servers.User, servers.Password
	if d.user != "" {
		user, password = d.user, d.user
	}
	c, err := client.Connect(d.nodes[node].Addr(), user, password, "d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// run runs statements on a connection.
func run(t *testing.T, c *client.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if _, err := c.Execute(sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func storeOf(t *testing.T, m *txn.Manager, group string) string {
	t.Helper()
	id, err := m.Store(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// branch prepares a branch of id on a node that inserts a row, and leaves its connection open.
func (d *doubt) branch(t *testing.T, node int, id txn.ID, row int) (txn.XID, *client.Conn) {
	t.Helper()
	c := d.connect(t, node)
	x := txn.XID{ID: id, Thread: c.GetConnectionID()}
	run(t, c, "XA START "+x.SQL(), fmt.Sprintf("INSERT INTO d.t VALUES (%d, 0)", row), "XA END "+x.SQL(), "XA PREPARE "+x.SQL())
	return x, c
}

// rows tells which rows of d.t a node has.
func (d *doubt) rows(t *testing.T, node int) string {
	t.Helper()
	rows, err := d.nodes[node].Query("SELECT id FROM d.t ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(rows)
}

// recover runs managers until the end of the test.
func recoverWith(t *testing.T, managers ...*txn.Manager) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, m := range managers {
		running.Go(func() { m.Run(ctx) })
	}
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// listed is what a node has prepared.
func (d *doubt) listed(t *testing.T, node int) []string {
	t.Helper()
	rows, err := d.nodes[node].Query("XA RECOVER")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, r := range rows {
		list = append(list, r[3])
	}
	sort.Strings(list)
	return list
}

// emptyWithin waits until nothing is prepared but what is to stay, for at most the ten seconds that are promised.
func (d *doubt) emptyWithin(t *testing.T, since time.Time, stay ...string) {
	t.Helper()
	sort.Strings(stay)
	for {
		var rest []string
		for node := range d.nodes {
			rest = append(rest, d.listed(t, node)...)
		}
		sort.Strings(rest)
		if slices.Equal(rest, stay) {
			t.Logf("finished after %v", time.Since(since).Round(10*time.Millisecond))
			return
		}
		if time.Since(since) > 10*time.Second {
			t.Fatalf("still prepared after %v: %v, want %v", time.Since(since), rest, stay)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestRecovery makes every kind of leftover at once, restarts a group in the middle of it, and has two Servals finish
// what is theirs.
func TestRecovery(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			d := startDoubt(t, kind, 2)
			m := d.manager(t)
			s0, s1 := storeOf(t, m, "g0"), storeOf(t, m, "g1")
			decider := d.connect(t, 0)

			committed := txn.NewID(s0, decider.GetConnectionID())
			_, c := d.branch(t, 1, committed, 1)
			_ = c.Close()
			run(t, decider, "BEGIN", "INSERT INTO t VALUES (1, 0)", m.DecisionSQL(committed, []string{s1}), "COMMIT")

			attached := txn.NewID(s0, decider.GetConnectionID())
			d.branch(t, 1, attached, 2) // its connection stays
			run(t, decider, "BEGIN", "INSERT INTO t VALUES (2, 0)", m.DecisionSQL(attached, []string{s1}), "COMMIT")

			undecided := txn.NewID(s0, decider.GetConnectionID())
			_, c = d.branch(t, 1, undecided, 3)
			_ = c.Close()
			d.branch(t, 1, txn.NewID(s0, decider.GetConnectionID()), 4) // undecided and attached

			holder := d.connect(t, 0) // a frozen coordinator's
			held := txn.NewID(s0, holder.GetConnectionID())
			d.branch(t, 1, held, 5)
			run(t, holder, "BEGIN", "INSERT INTO t VALUES (5, 0)", m.DecisionSQL(held, []string{s1}))

			back := d.connect(t, 1) // the other way round: g1 decides
			turned := txn.NewID(s1, back.GetConnectionID())
			_, c = d.branch(t, 0, turned, 6)
			_ = c.Close()
			run(t, back, "BEGIN", "INSERT INTO t VALUES (6, 0)", m.DecisionSQL(turned, []string{s0}), "COMMIT")

			stranger := txn.NewID("00000000000000ff", 7)
			x, _ := d.branch(t, 1, stranger, 7)
			stay := []string{fmt.Sprintf("%s%d", stranger, x.Thread), "theirs1"}
			foreign := d.connect(t, 1)
			run(t, foreign, "XA START 'theirs','1'", "INSERT INTO t VALUES (8, 0)", "XA END 'theirs','1'", "XA PREPARE 'theirs','1'")
			bystander := d.connect(t, 1)
			run(t, bystander, "BEGIN", "INSERT INTO t VALUES (9, 0)")

			begun := time.Now()
			recoverWith(t, m)
			d.emptyWithin(t, begun, stay...)
			run(t, bystander, "COMMIT")
			if _, err := holder.Execute("COMMIT"); err == nil {
				t.Error("the frozen coordinator has committed")
			}
			ours := txn.NewID(s0, decider.GetConnectionID()) // a session of this Serval's is at it
			m.Start(ours)
			mine, _ := d.branch(t, 1, ours, 10)
			time.Sleep(4500 * time.Millisecond) // longer than others' are left alone
			d.emptyWithin(t, time.Now(), append(slices.Clone(stay), fmt.Sprintf("%s%d", ours, mine.Thread))...)
			m.Later(ours)
			begun = time.Now()
			d.emptyWithin(t, begun, stay...)
			if took := time.Since(begun); took > 2500*time.Millisecond {
				t.Errorf("what its session gave up was finished after %v", took)
			}
			if got := d.rows(t, 0); got != "[[1] [2] [6]]" {
				t.Errorf("rows in g0 %s", got)
			}
			if got := d.rows(t, 1); got != "[[1] [2] [6] [9]]" {
				t.Errorf("rows in g1 %s", got)
			}
			time.Sleep(1100 * time.Millisecond) // one more look
			var stats string
			for _, s := range m.Stats() {
				stats += fmt.Sprintf("%+v ", s)
			}
			want := "{Group:g0 InDoubt:0 Strangers:0 Foreign:0 Committed:1 RolledBack:0} {Group:g1 InDoubt:0 Strangers:1 Foreign:1 Committed:2 RolledBack:4} "
			if stats != want {
				t.Errorf("stats %s\nwant  %s", stats, want)
			}
		})
	}
}

// TestRecoveryOverCrashes: the branches' group is killed, then the deciding one; recovery goes on as soon as both are back.
func TestRecoveryOverCrashes(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			d := startDoubt(t, kind, 2)
			m, other := d.manager(t), d.manager(t)
			s0, s1 := storeOf(t, m, "g0"), storeOf(t, m, "g1")
			want := "["
			for row := range 60 {
				decider := d.connect(t, 0)
				id := txn.NewID(s0, decider.GetConnectionID())
				d.branch(t, 1, id, 100+row)
				run(t, decider, "BEGIN", fmt.Sprintf("INSERT INTO t VALUES (%d, 0)", 100+row), m.DecisionSQL(id, []string{s1}))
				if row%3 == 0 {
					run(t, decider, "COMMIT")
					want += fmt.Sprintf("[%d] ", 100+row)
				}
			}
			want = strings.TrimSuffix(want, " ") + "]"
			d.nodes[0].Kill()
			d.nodes[1].Kill()
			recoverWith(t, m, other)
			if err := d.nodes[1].Restart(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(4 * time.Second)
			if n := len(d.listed(t, 1)); n != 60 {
				t.Fatalf("%d branches are prepared while nobody can decide, want 60", n)
			}
			if err := d.nodes[0].Restart(); err != nil {
				t.Fatal(err)
			}
			d.emptyWithin(t, time.Now())
			for node := range d.nodes {
				if got := d.rows(t, node); got != want {
					t.Errorf("rows in g%d %s\nwant %s", node, got, want)
				}
			}
		})
	}
}

// TestRecoveryBesideAFrozenGroup: a server that is stopped keeps only what it decides or has itself.
func TestRecoveryBesideAFrozenGroup(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			d := startDoubt(t, kind, 3)
			m := d.manager(t)
			s0, s1, s2 := storeOf(t, m, "g0"), storeOf(t, m, "g1"), storeOf(t, m, "g2")
			frozen, lively := d.connect(t, 0), d.connect(t, 2)
			stuck := txn.NewID(s0, frozen.GetConnectionID())
			x, c := d.branch(t, 1, stuck, 1)
			_ = c.Close()
			run(t, frozen, "BEGIN", "INSERT INTO t VALUES (1, 0)", m.DecisionSQL(stuck, []string{s1}), "COMMIT")
			recoverWith(t, m, d.manager(t))
			time.Sleep(500 * time.Millisecond) // it is being looked at when the server stops
			pid := d.nodes[0].PID()
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			resume := sync.OnceFunc(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
			t.Cleanup(resume)

			for row := range 40 { // more than are finished at once
				id := txn.NewID(s2, lively.GetConnectionID())
				_, c := d.branch(t, 1, id, 10+row)
				_ = c.Close()
				run(t, lively, "BEGIN", fmt.Sprintf("INSERT INTO t VALUES (%d, 0)", 10+row), m.DecisionSQL(id, []string{s1}), "COMMIT")
			}
			others := &doubt{nodes: d.nodes[1:]}
			others.emptyWithin(t, time.Now(), fmt.Sprintf("%s%d", stuck, x.Thread))
			time.Sleep(6 * time.Second) // tries have failed meanwhile
			resume()
			d.emptyWithin(t, time.Now())
			for node, want := range []int{1, 41, 40} {
				if got := strings.Count(d.rows(t, node), "[") - 1; got != want {
					t.Errorf("%d rows in g%d, want %d", got, node, want)
				}
			}
		})
	}
}

// TestRecoveryWithFewPrivileges: what docs/configuration.md says is enough, also to cut off who holds something.
func TestRecoveryWithFewPrivileges(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			d := startDoubt(t, kind, 2)
			grants := []string{"CREATE USER few@'%' IDENTIFIED BY 'few'", "GRANT SELECT, INSERT ON d.* TO few@'%'",
				"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE ON serval.* TO few@'%'"}
			if kind == servers.MySQL {
				grants = append(grants, "GRANT XA_RECOVER_ADMIN ON *.* TO few@'%'")
			}
			d.user = "few"
			for i, n := range d.nodes {
				if err := n.Exec(grants...); err != nil {
					t.Fatal(err)
				}
				d.groups[i].Primary.User, d.groups[i].Primary.Password = d.user, d.user
			}
			m := d.manager(t)
			s0, s1 := storeOf(t, m, "g0"), storeOf(t, m, "g1")
			holder := d.connect(t, 0)
			held := txn.NewID(s0, holder.GetConnectionID())
			d.branch(t, 1, held, 1)
			run(t, holder, "BEGIN", m.DecisionSQL(held, []string{s1}))
			decider := d.connect(t, 0)
			committed := txn.NewID(s0, decider.GetConnectionID())
			d.branch(t, 1, committed, 2)
			run(t, decider, m.DecisionSQL(committed, []string{s1}))
			recoverWith(t, m)
			d.emptyWithin(t, time.Now())
			if got := d.rows(t, 1); got != "[[2]]" {
				t.Errorf("rows in g1 %s", got)
			}
			for range 2 {
				if _, err := m.Collect(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestRecoveryOfMany: a frozen Serval with a hundred clients in the middle of COMMIT holds decisions and branches.
func TestRecoveryOfMany(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			d := startDoubt(t, kind, 2)
			m := d.manager(t)
			s0, s1 := storeOf(t, m, "g0"), storeOf(t, m, "g1")
			for row := range 100 {
				decider := d.connect(t, 0)
				id := txn.NewID(s0, decider.GetConnectionID())
				d.branch(t, 1, id, row)
				run(t, decider, "BEGIN", m.DecisionSQL(id, []string{s1}))
			}
			recoverWith(t, m, d.manager(t))
			d.emptyWithin(t, time.Now())
		})
	}
}
