package e2e

// groups_test.go: transactions over two groups as sessions see them: connections that are lost in the middle or in the
// commit, clients that leave, pools that are small, accounts that may not do all that two-phase commit needs.

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"serval/config"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

func TestTransactionsAcrossGroups(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			bed := newSessionBed(t, kind)
			for _, c := range []struct {
				name string
				run  func(*testing.T, *sessionBed)
			}{
				{"backend lost in the second group", groupsLostBranch},
				{"deadlock in the second group", groupsDeadlock},
				{"client gone", groupsClientGone},
				{"pool of two", groupsSmallPool},
				{"best effort", groupsBestEffort},
				{"account without rights", groupsNoRights},
				{"temporary table", groupsTemporary},
				{"prepared statements", groupsPrepared},
				{"release", groupsRelease},
				{"view that writes", groupsWritingView},
				{"autocommit switched on", groupsAutocommit},
				{"snapshot of all groups", groupsSnapshot},
				{"read only", groupsReadOnly},
				{"kill of a waiting statement", groupsKill},
				{"kills between a statement and its commit", groupsKillOwn},
			} {
				t.Run(c.name, func(t *testing.T) {
					bed.reset(t)
					c.run(t, bed)
					bed.nothingPrepared(t)
				})
			}
		})
	}
}

// nothingPrepared fails when a branch is left behind.
func (bed *sessionBed) nothingPrepared(t *testing.T) {
	t.Helper()
	for i, n := range bed.Nodes {
		rows, err := n.Query("XA RECOVER")
		if err != nil || len(rows) > 0 {
			t.Errorf("prepared on node %d: %v %v", i, rows, err)
		}
	}
}

// values are rows 0 and 4: one in each group.
func (bed *sessionBed) values(t *testing.T, want string) {
	t.Helper()
	if got := bed.value(t, 0) + " " + bed.value(t, 4); got != want {
		t.Errorf("the rows are %q, want %q", got, want)
	}
}

// fails runs a statement that has to fail and gives its answer.
func fails(t *testing.T, c *raw.Conn, sql string, code uint16, words string) *raw.Answer {
	t.Helper()
	a := say(t, c, sql)
	if a.Kind != raw.Error || a.Code != code || !strings.Contains(a.Message, words) {
		t.Errorf("%s: %s %q, want error %d with %q", sql, told(a), a.Message, code, words)
	}
	return a
}

func groupsLostBranch(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	done(t, c, "BEGIN", "UPDATE kv SET v = 'a' WHERE id = 0", "UPDATE kv SET v = 'a' WHERE id = 4")
	killApp(t, bed.Nodes[1])
	fails(t, c, "UPDATE kv SET v = 'b' WHERE id = 4", 2013, "g1")
	fails(t, c, "UPDATE kv SET v = 'b' WHERE id = 0", 2013, "ROLLBACK")
	if other := dial(t, bed.addr, "sbtest"); true { // its locks in the first group are gone at once
		done(t, other, "UPDATE kv SET v = 'free' WHERE id = 0")
		other.Close()
	}
	fails(t, c, "COMMIT", 2013, "nothing was committed")
	done(t, c, "BEGIN", "UPDATE kv SET v = 'c' WHERE id = 0", "UPDATE kv SET v = 'c' WHERE id = 4")
	killApp(t, bed.Nodes[1])
	fails(t, c, "COMMIT", 2013, "rolled back in all groups")
	bed.values(t, "free old")
	done(t, c, "UPDATE kv SET v = 'd' WHERE id IN (0, 4)")
	bed.values(t, "d d")
}

// groupsDeadlock: a deadlock that the second group's server finds ends the transaction in the first one too.
func groupsDeadlock(t *testing.T, bed *sessionBed) {
	a, b := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "sbtest")
	defer a.Close()
	defer b.Close()
	done(t, b, "BEGIN", "UPDATE kv SET v = 'b' WHERE id = 4", "UPDATE kv SET v = 'b' WHERE id = 5", "UPDATE kv SET v = 'b' WHERE id = 6")
	done(t, a, "BEGIN", "UPDATE kv SET v = 'a' WHERE id = 0", "UPDATE kv SET v = 'a' WHERE id = 7")
	if err := b.Send("UPDATE kv SET v = 'b' WHERE id = 7"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	x := say(t, a, "UPDATE kv SET v = 'a' WHERE id = 4")
	if x.Code != 1213 {
		t.Fatalf("%+v", x)
	}
	if y := say(t, a, "SELECT v FROM kv WHERE id = 0"); texts(y)[0] != "old" || y.Status&1 != 0 {
		t.Errorf("after a deadlock: %s", told(y))
	}
	if answers, err := b.Receive(); err != nil || answers[0].Kind == raw.Error {
		t.Errorf("%v %+v", err, answers)
	}
	done(t, b, "COMMIT")
	bed.values(t, "old b")
}

func groupsClientGone(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	done(t, c, "BEGIN", "UPDATE kv SET v = 'gone' WHERE id = 0", "UPDATE kv SET v = 'gone' WHERE id = 4")
	c.Cut()
	other := dial(t, bed.addr, "sbtest")
	defer other.Close()
	done(t, other, "SET innodb_lock_wait_timeout = 5", "UPDATE kv SET v = 'next' WHERE id IN (0, 4)")
	bed.values(t, "next next")
}

// groupsSmallPool: transactions that begin in different groups and then need the other one do not wait for each other's
// connections.
func groupsSmallPool(t *testing.T, bed *sessionBed) {
	small := *bed.Config
	small.Groups = append([]config.Group(nil), small.Groups...)
	for i := range small.Groups {
		small.Groups[i].Primary.Pool.Max, small.Groups[i].Primary.Pool.MaxIdle = 2, 2
		small.Groups[i].Primary.Pool.AcquireTimeout = 20 * time.Second
	}
	full := *bed.Cluster
	full.Config = &small
	of := &sessionBed{Cluster: &full}
	_, addr := of.serval(t)
	var clients sync.WaitGroup
	for i := range 12 {
		clients.Go(func() {
			c, err := raw.Dial(addr, raw.Options{User: servers.User, Password: servers.Password, Database: "sbtest"})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			first, second := 1000+16*i, 1004+16*i
			if i%2 == 0 {
				first, second = second, first
			}
			for _, sql := range []string{"BEGIN", fmt.Sprintf("INSERT INTO kv VALUES (%d, 'x')", first), "SELECT SLEEP(0.05) FROM kv WHERE id = 0",
				fmt.Sprintf("INSERT INTO kv VALUES (%d, 'x')", second), "COMMIT", fmt.Sprintf("DELETE FROM kv WHERE id IN (%d, %d)", first, second)} {
				answers, err := c.Query(sql)
				if err != nil || answers[0].Kind == raw.Error {
					t.Errorf("%s: %v %+v", sql, err, answers)
					return
				}
			}
		})
	}
	clients.Wait()
}

func groupsBestEffort(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	done(t, c, "SET serval_transactions = 'best_effort'")
	done(t, c, "BEGIN", "UPDATE kv SET v = 'e' WHERE id = 0", "UPDATE kv SET v = 'e' WHERE id = 4", "COMMIT")
	bed.values(t, "e e")
	done(t, c, "BEGIN", "UPDATE kv SET v = 'f' WHERE id = 0", "UPDATE kv SET v = 'f' WHERE id = 4")
	killApp(t, bed.Nodes[1])
	fails(t, c, "COMMIT", 2013, "g0 had committed")
	bed.values(t, "f e")
	fails(t, c, "INSERT INTO kv VALUES (8, 'new'), (4, 'there')", 1062, "best_effort: g0 had committed")
	done(t, c, "DELETE FROM kv WHERE id = 8")
	done(t, c, "SET serval_transactions = 'single'", "BEGIN", "UPDATE kv SET v = 'g' WHERE id = 0", "SELECT * FROM kv WHERE id = 4")
	fails(t, c, "UPDATE kv SET v = 'g' WHERE id = 4", 1235, "single")
	done(t, c, "COMMIT")
	bed.values(t, "g e")
	fails(t, c, "UPDATE kv SET v = 'h'", 1235, "single")
	bed.values(t, "g e")
}

// groupsNoRights: without the rights that two-phase commit needs a transaction still reads in several groups, and is told
// what is missing when it writes in a second one.
func groupsNoRights(t *testing.T, bed *sessionBed) {
	poor := *bed.Config
	poor.Transactions.Database = "not_mine"
	poor.Groups = append([]config.Group(nil), poor.Groups...)
	for i, n := range bed.Nodes {
		err := n.Exec("CREATE USER IF NOT EXISTS poor IDENTIFIED BY 'poor'", "GRANT PROCESS ON *.* TO poor",
			"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE TEMPORARY TABLES ON `sb\\_%`.* TO poor", "GRANT SELECT ON sbtest.* TO poor")
		if err != nil {
			t.Fatal(err)
		}
		poor.Groups[i].Primary.User, poor.Groups[i].Primary.Password = "poor", "poor"
	}
	c := *bed.Cluster
	c.Config = &poor
	_, addr := (&sessionBed{Cluster: &c}).serval(t)
	s := dial(t, addr, "sbtest")
	defer s.Close()
	done(t, s, "BEGIN", "SELECT * FROM kv", "UPDATE kv SET v = 'one' WHERE id = 4", "SELECT * FROM kv ORDER BY id")
	fails(t, s, "UPDATE kv SET v = 'two' WHERE id = 0", 1142, "needs the privilege")
	done(t, s, "COMMIT")
	bed.values(t, "old one")
	fails(t, s, "UPDATE kv SET v = 'three'", 1142, "not_mine")
	bed.values(t, "old one")
	done(t, s, "START TRANSACTION WITH CONSISTENT SNAPSHOT", "SELECT * FROM kv", "COMMIT")
}

// groupsTemporary: MySQL has no temporary tables in branches of two-phase commit.
func groupsTemporary(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	done(t, c, "CREATE TEMPORARY TABLE mine (id INT)", "BEGIN", "UPDATE kv SET v = 'temp' WHERE id = 4",
		"INSERT INTO mine VALUES (1)", "UPDATE kv SET v = 'temp' WHERE id = 0", "INSERT INTO mine VALUES (2)", "COMMIT")
	if got := texts(say(t, c, "SELECT COUNT(*) FROM mine")); got[0] != "2" {
		t.Errorf("%q", got)
	}
	bed.values(t, "temp temp")
}

func groupsPrepared(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	st, refused, err := c.Prepare("UPDATE kv SET v = ? WHERE id = ?")
	if err != nil || refused != nil {
		t.Fatalf("%v %+v", err, refused)
	}
	all, refused, err := c.Prepare("UPDATE kv SET v = ?")
	if err != nil || refused != nil {
		t.Fatalf("%v %+v", err, refused)
	}
	for _, end := range []string{"ROLLBACK", "COMMIT"} {
		done(t, c, "BEGIN")
		for _, id := range []int64{0, 4} {
			if answers, err := st.Execute(raw.String("p"), raw.BigInt(id)); err != nil || answers[0].AffectedRows != 1 {
				t.Fatalf("%v %+v", err, answers)
			}
		}
		done(t, c, end)
		want := "old old"
		if end == "COMMIT" {
			want = "p p"
		}
		bed.values(t, want)
	}
	if answers, err := all.Execute(raw.String("q")); err != nil || answers[0].AffectedRows != 8 {
		t.Fatalf("%v %+v", err, answers)
	}
	bed.values(t, "q q")
}

func groupsRelease(t *testing.T, bed *sessionBed) {
	for _, end := range []string{"COMMIT RELEASE", "ROLLBACK RELEASE"} {
		c := dial(t, bed.addr, "sbtest")
		done(t, c, "BEGIN", "UPDATE kv SET v = 'r' WHERE id = 0", "UPDATE kv SET v = 'r' WHERE id = 4", end)
		if _, err := c.Query("SELECT 1"); err == nil {
			t.Errorf("the connection outlived %s", end)
		}
		c.Cut()
		if end == "COMMIT RELEASE" {
			bed.values(t, "r r")
			bed.reset(t)
		}
	}
	bed.values(t, "old old")
}

func groupsSnapshot(t *testing.T, bed *sessionBed) {
	a, b := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "sbtest")
	defer a.Close()
	defer b.Close()
	done(t, a, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
	done(t, b, "UPDATE kv SET v = 'later'")
	for _, id := range []int{0, 4} {
		if got := texts(say(t, a, fmt.Sprintf("SELECT v FROM kv WHERE id = %d", id))); got[0] != "old" {
			t.Errorf("a snapshot shows row %d as %q, written after it was taken", id, got)
		}
	}
	done(t, a, "UPDATE kv SET v = 'mine' WHERE id = 4", "COMMIT")
	bed.values(t, "later mine")
}

func groupsReadOnly(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	done(t, c, "START TRANSACTION READ ONLY", "SELECT * FROM kv ORDER BY id", "SELECT v FROM kv WHERE id = 4")
	fails(t, c, "UPDATE kv SET v = 'x' WHERE id = 4", 1792, "READ ONLY")
	fails(t, c, "UPDATE kv SET v = 'x'", 1792, "READ ONLY")
	done(t, c, "COMMIT")
	bed.values(t, "old old")
}

// groupsKill: KILL QUERY ends the statement; the transaction goes on in both groups.
func groupsKill(t *testing.T, bed *sessionBed) {
	a, b := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "sbtest")
	defer a.Close()
	defer b.Close()
	done(t, b, "BEGIN", "UPDATE kv SET v = 'b' WHERE id = 5")
	done(t, a, "SET innodb_lock_wait_timeout = 30", "BEGIN", "UPDATE kv SET v = 'a' WHERE id = 0", "UPDATE kv SET v = 'a' WHERE id = 4")
	if err := a.Send("UPDATE kv SET v = 'a' WHERE id IN (1, 5)"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	done(t, b, fmt.Sprintf("KILL QUERY %d", a.ID()))
	if answers, err := a.Receive(); err != nil || answers[0].Code != 1317 {
		t.Fatalf("%v %+v", err, answers)
	}
	done(t, a, "COMMIT")
	done(t, b, "COMMIT")
	bed.values(t, "a a")
	if v := bed.value(t, 1); v != "old" {
		t.Errorf("a killed statement has left %q", v)
	}
}

// groupsKillOwn: a KILL QUERY that comes between a statement over both groups and the commit of its own transaction leaves
// no locks and no connections behind.
func groupsKillOwn(t *testing.T, bed *sessionBed) {
	a, b := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "sbtest")
	defer a.Close()
	defer b.Close()
	killed := 0
	for i := range 300 {
		if err := a.Send(fmt.Sprintf("UPDATE kv SET v = 'k%d' WHERE id IN (0, 4)", i)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i%60) * 50 * time.Microsecond)
		done(t, b, fmt.Sprintf("KILL QUERY %d", a.ID()))
		answers, err := a.Receive()
		switch {
		case err != nil:
			t.Fatal(err)
		case answers[0].Code == 1317:
			killed++
		case answers[0].Kind == raw.Error:
			t.Fatalf("after %d kills: %d %s", killed, answers[0].Code, answers[0].Message)
		}
		if one, two := bed.value(t, 0), bed.value(t, 4); one != two {
			t.Fatalf("half of a killed statement: %q and %q", one, two)
		}
	}
	done(t, b, "UPDATE kv SET v = 'free' WHERE id IN (0, 4)")
	if killed == 0 {
		t.Error("no statement was killed")
	}
}

// groupsAutocommit: SET autocommit = 1 commits, in all groups or in none.
func groupsAutocommit(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	done(t, c, "SET autocommit = 0", "UPDATE kv SET v = 's' WHERE id = 0", "UPDATE kv SET v = 's' WHERE id = 4")
	fails(t, c, "SET autocommit = 1, @a = 1", 1235, "by itself")
	fails(t, c, "SET autocommit = 0 + 1", 1235, "by itself")
	bed.values(t, "old old")
	done(t, c, "SET @a = 1, sql_mode = ''", "SET autocommit = 1")
	bed.values(t, "s s")
	done(t, c, "SET autocommit = 1, @a = 2", "BEGIN", "UPDATE kv SET v = 't'", "SET autocommit = 1, @a = 3", "ROLLBACK")
	bed.values(t, "s s")
}

// groupsWritingView: a SELECT from a view may write, through a stored function that the view calls.
func groupsWritingView(t *testing.T, bed *sessionBed) {
	err := bed.Nodes[0].Exec("SET GLOBAL log_bin_trust_function_creators = 1", "USE sbtest",
		"CREATE FUNCTION note(l VARCHAR(40)) RETURNS INT BEGIN INSERT INTO counters (label) VALUES (l); RETURN 1; END",
		"CREATE VIEW noting AS SELECT note('seen') AS n")
	if err == nil {
		err = bed.srv.Reload(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	decisions := func() string {
		rows, err := bed.Nodes[0].Query("SELECT COUNT(*) FROM serval.xa_decision")
		if err != nil {
			t.Fatal(err)
		}
		return rows[0][0]
	}
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	done(t, c, "UPDATE kv SET v = 'x'") // makes the table
	before := decisions()
	done(t, c, "BEGIN", "SELECT * FROM noting", "UPDATE kv SET v = 'y' WHERE id = 4", "COMMIT")
	after := decisions()
	if after == before {
		t.Errorf("%s decisions: the view's write took no part in the commit", after)
	}
	done(t, c, "BEGIN", "SELECT * FROM counters", "UPDATE kv SET v = 'y' WHERE id = 4", "COMMIT")
	if again := decisions(); again != after {
		t.Errorf("%s decisions, %s after a transaction that has read in one group and written in the other", after, again)
	}
}
