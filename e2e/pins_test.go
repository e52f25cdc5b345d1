package e2e

// pins_test.go: what ties a session to a connection of its own (temporary tables, named locks) is nobody else's, goes
// with the client, and is lost aloud; KILL ends what it names and nothing else.

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"serval/config"
	"serval/e2e/raw"
	"serval/e2e/servers"
	"serval/proxy"
)

func TestPins(t *testing.T) {
	last := scenarioKind(t)
	cases := []struct {
		name string
		run  func(*testing.T, *sessionBed)
		both bool
	}{
		{"pool of two", pinsSmallPool, true},
		{"nobody else's", pinsPrivate, false},
		{"locks of a client that is gone", pinsLocksFreed, true},
		{"lock waits", pinsLockWaits, false},
		{"connection killed on the server", pinsLost, true},
		{"connection killed in a transaction", pinsLostTransaction, false},
		{"kill query", killQuery, true},
		{"kill connection", killConnection, true},
		{"kill waits", killWaiting, false},
		{"kill in passing", killInPassing, true},
		{"processlist", processlist, true},
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			bed := newSessionBed(t, kind)
			for _, c := range cases {
				if !c.both && kind != last {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					bed.reset(t)
					c.run(t, bed)
				})
			}
		})
	}
}

// changed starts a Serval with a changed configuration.
func (bed *sessionBed) changed(t *testing.T, change func(*config.Config)) string {
	t.Helper()
	cfg := *bed.Config
	cfg.Groups = append(cfg.Groups[:0:0], cfg.Groups...)
	cfg.Users = append(cfg.Users[:0:0], cfg.Users...)
	change(&cfg)
	s := proxy.NewServer(&cfg, slog.New(slog.DiscardHandler))
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s.Addr().String()
}

// poolOf limits all pools.
func poolOf(n int, wait time.Duration) func(*config.Config) {
	return func(cfg *config.Config) {
		for i := range cfg.Groups {
			cfg.Groups[i].Primary.Pool.Max, cfg.Groups[i].Primary.Pool.MaxIdle = n, n
			cfg.Groups[i].Primary.Pool.AcquireTimeout = wait
		}
	}
}

// id is a connection's id.
func id(t *testing.T, c *raw.Conn) string {
	t.Helper()
	return strings.Join(texts(say(t, c, "SELECT CONNECTION_ID()")), "")
}

// failsWith checks the code of an error.
func failsWith(t *testing.T, c *raw.Conn, sql string, code uint16) {
	t.Helper()
	if a := say(t, c, sql); a.Kind != raw.Error || a.Code != code {
		t.Errorf("%s: %s, not error %d: %s", sql, told(a), code, a.Message)
	}
}

// gives checks the rows of an answer.
func gives(t *testing.T, c *raw.Conn, sql, want string) {
	t.Helper()
	if got := strings.Join(texts(say(t, c, sql)), " "); got != want {
		t.Errorf("%s: %q, want %q", sql, got, want)
	}
}

func pinsSmallPool(t *testing.T, bed *sessionBed) {
	addr := bed.changed(t, poolOf(2, 10*time.Second))
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			c := dial(t, addr, "sbtest")
			defer c.Close()
			for k := range 4 {
				want := fmt.Sprintf("%d", i*10+k)
				done(t, c, "CREATE TEMPORARY TABLE mine (a INT PRIMARY KEY)", "INSERT INTO mine VALUES ("+want+")")
				gives(t, c, "SELECT a FROM mine", want)
				gives(t, c, "SELECT k.id FROM kv k JOIN mine m ON m.a >= 0 WHERE k.id IN (0, 1) ORDER BY k.id", "0 1")
				done(t, c, "DROP TEMPORARY TABLE mine")
			}
		})
	}
	wg.Wait()
	c := dial(t, addr, "sbtest")
	defer c.Close()
	failsWith(t, c, "SELECT * FROM mine", 1146)
}

func pinsPrivate(t *testing.T, bed *sessionBed) {
	a, b := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "sbtest")
	defer a.Close()
	defer b.Close()
	done(t, a, "CREATE TEMPORARY TABLE counters (id INT)", "INSERT INTO counters VALUES (1), (2)", "CREATE TEMPORARY TABLE kv (v INT)")
	gives(t, a, "SELECT COUNT(*) FROM counters", "2")
	gives(t, a, "SELECT COUNT(*) FROM kv", "0")
	for range 20 {
		gives(t, b, "SELECT v FROM kv WHERE id = 0", "old")
		gives(t, b, "SELECT COUNT(*) FROM counters WHERE label = 'none'", "0")
	}
	done(t, a, "DROP TABLE kv")
	gives(t, a, "SELECT v FROM kv WHERE id = 5", "old")
	done(t, a, "BEGIN", "UPDATE kv SET v = 'mine' WHERE id = 1", "INSERT INTO counters VALUES (3)", "ROLLBACK")
	gives(t, a, "SELECT COUNT(*) FROM counters", "2")
	gives(t, a, "SELECT v FROM kv WHERE id = 1", "old")
}

func pinsLocksFreed(t *testing.T, bed *sessionBed) {
	other := dial(t, bed.addr, "sbtest")
	defer other.Close()
	for range 5 {
		c := dial(t, bed.addr, "sbtest")
		gives(t, c, "SELECT GET_LOCK('job', 1)", "1")
		gives(t, other, "SELECT GET_LOCK('job', 0)", "0")
		gives(t, other, "SELECT IS_USED_LOCK('job')", id(t, c))
		c.Cut()
		gives(t, other, "SELECT GET_LOCK('job', 2)", "1")
		gives(t, other, "SELECT RELEASE_LOCK('job')", "1")
	}
	busy := dial(t, bed.addr, "sbtest") // gone while its statement runs
	gives(t, busy, "SELECT GET_LOCK('job', 1)", "1")
	if err := busy.Send("SELECT SLEEP(30)"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	busy.Cut()
	gives(t, other, "SELECT GET_LOCK('job', 4)", "1")
}

// pinsLockWaits: a hundred increments under a named lock by sessions of two Servals lose none.
func pinsLockWaits(t *testing.T, bed *sessionBed) {
	_, second := bed.serval(t)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			c := dial(t, []string{bed.addr, second}[i%2], "sbtest")
			defer c.Close()
			for range 10 {
				gives(t, c, "SELECT GET_LOCK('count', 10)", "1")
				var n int
				_, _ = fmt.Sscan(strings.Join(texts(say(t, c, "SELECT v + 0 FROM kv WHERE id = 3")), ""), &n)
				done(t, c, fmt.Sprintf("UPDATE kv SET v = '%d' WHERE id = 3", n+1), "DO RELEASE_LOCK('count')")
			}
		})
	}
	wg.Wait()
	if got := bed.value(t, 3); got != "60" {
		t.Errorf("%s of 60 increments", got)
	}
}

// killPinned kills the server's connection on which a session has something.
func (bed *sessionBed) killPinned(t *testing.T, c *raw.Conn) {
	t.Helper()
	gives(t, c, "SELECT GET_LOCK('who', 0)", "1")
	rows, err := bed.Nodes[0].Query("SELECT IS_USED_LOCK('who')")
	if err != nil {
		t.Fatal(err)
	}
	if err := bed.Nodes[0].Exec("KILL " + rows[0][0]); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
}

func pinsLost(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	done(t, c, "CREATE TEMPORARY TABLE mine (a INT)", "INSERT INTO mine VALUES (1)")
	bed.killPinned(t, c)
	failsWith(t, c, "SELECT * FROM mine", 2013)
	failsWith(t, c, "SELECT * FROM mine", 1146)
	gives(t, c, "SELECT v FROM kv WHERE id = 0", "old")
	done(t, c, "CREATE TEMPORARY TABLE mine (a INT)")
	gives(t, c, "SELECT COUNT(*) FROM mine", "0")
	bed.killPinned(t, c)
	failsWith(t, c, "SELECT v FROM kv WHERE id = 5", 2013) // in the other group: the client hears of it at once
	gives(t, c, "SELECT v FROM kv WHERE id = 5", "old")
}

func pinsLostTransaction(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	done(t, c, "CREATE TEMPORARY TABLE mine (a INT)", "BEGIN", "UPDATE kv SET v = 'lost' WHERE id = 0")
	bed.killPinned(t, c)
	failsWith(t, c, "COMMIT", 2013)
	failsWith(t, c, "SELECT * FROM kv WHERE id = 0", 2013)
	done(t, c, "ROLLBACK")
	failsWith(t, c, "SELECT * FROM mine", 1146)
	gives(t, c, "SELECT v FROM kv WHERE id = 0", "old")
}

// whileIt runs a statement on c, and what is done meanwhile after a moment.
func whileIt(t *testing.T, c *raw.Conn, sql string, meanwhile func()) *raw.Answer {
	t.Helper()
	if err := c.Send(sql); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	start := time.Now()
	meanwhile()
	answers, err := c.Receive()
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("%s went on for %v after KILL", sql, d)
	}
	return &answers[len(answers)-1]
}

func killQuery(t *testing.T, bed *sessionBed) {
	victim, killer := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "sbtest")
	defer victim.Close()
	defer killer.Close()
	victimID := id(t, victim)
	kill := func() { done(t, killer, "KILL QUERY "+victimID) }
	plain, plainKiller := dial(t, bed.Plain.Addr(), "sbtest"), dial(t, bed.Plain.Addr(), "sbtest")
	defer plain.Close()
	defer plainKiller.Close()
	plainID := id(t, plain)
	for _, sql := range []string{
		"SELECT SLEEP(20)", "SELECT SLEEP(20) FROM kv WHERE id = 0", "SELECT id, SLEEP(5) FROM kv WHERE id = 1", "DO SLEEP(20)",
		"SELECT COUNT(*) FROM counters a JOIN information_schema.collations b JOIN information_schema.collations c2 JOIN information_schema.collations d WHERE CONCAT(b.id, c2.id, d.id) = 'x'",
		"UPDATE kv SET v = SLEEP(20) WHERE id = 2",
	} {
		if strings.Contains(sql, "information_schema") {
			sql = "SELECT BENCHMARK(4000000000, 1 + 1)"
		}
		want := told(whileIt(t, plain, sql, func() { done(t, plainKiller, "KILL QUERY "+plainID) }))
		got := told(whileIt(t, victim, sql, kill))
		if want != got {
			t.Errorf("%s: plain %s, serval %s", sql, want, got)
		}
		gives(t, victim, "SELECT v FROM kv WHERE id = 0", "old")
	}
	a := whileIt(t, victim, "SELECT id, SLEEP(3) FROM kv WHERE id IN (0, 1, 5)", kill)
	if a.Kind != raw.Error && strings.Count(strings.Join(texts(a), " "), "/1") == 0 {
		t.Errorf("a scatter: %s", told(a))
	}
	done(t, victim, "BEGIN", "UPDATE kv SET v = 'kept' WHERE id = 0")
	whileIt(t, victim, "SELECT SLEEP(20) FROM kv WHERE id = 0", kill)
	done(t, victim, "COMMIT")
	if got := bed.value(t, 0); got != "kept" {
		t.Errorf("the transaction is lost: %s", got)
	}
	kill() // nothing runs
	gives(t, victim, "SELECT v FROM kv WHERE id = 1", "old")
	failsWith(t, killer, "KILL QUERY 4000000", 1094)
	failsWith(t, killer, "KILL 4000000", 1094)
	if want, got := told(say(t, plain, "KILL QUERY CONNECTION_ID()")), told(say(t, victim, "KILL QUERY CONNECTION_ID()")); want != got {
		t.Errorf("KILL QUERY of itself: plain %s, serval %s", want, got)
	}
}

func killConnection(t *testing.T, bed *sessionBed) {
	addr := bed.changed(t, func(cfg *config.Config) {
		cfg.Users = append(cfg.Users, config.User{Name: "other", Password: "other"}, config.User{Name: "root", Password: "root", Admin: true})
	})
	dialAs := func(user string) *raw.Conn {
		c, err := raw.Dial(addr, raw.Options{User: user, Password: user, Database: "sbtest"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	idle, busy, killer, other, root := dial(t, addr, "sbtest"), dial(t, addr, "sbtest"), dial(t, addr, "sbtest"), dialAs("other"), dialAs("root")
	defer killer.Close()
	defer other.Close()
	defer root.Close()
	gives(t, idle, "SELECT GET_LOCK('idle', 0)", "1")
	failsWith(t, other, "KILL "+id(t, idle), 1095)
	gives(t, idle, "SELECT 1", "1")
	idleID, busyID := id(t, idle), id(t, busy)
	done(t, killer, "KILL "+idleID)
	if _, err := idle.Query("SELECT 1"); err == nil {
		t.Error("a killed session goes on")
	}
	gives(t, killer, "SELECT GET_LOCK('idle', 2)", "1")
	if err := busy.Send("SELECT SLEEP(20) FROM kv WHERE id = 0"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	if want := strings.Join(texts(say(t, root, "SELECT info FROM information_schema.processlist WHERE id = "+busyID)), ""); want != "SELECT SLEEP(20) FROM kv WHERE id = 0" {
		t.Errorf("an administrator sees %q", want)
	}
	gives(t, other, "SELECT COUNT(*) FROM information_schema.processlist", "1")
	n, err := strconv.ParseUint(busyID, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if _, err := root.Command(0x0c, string([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)})); err != nil {
		t.Fatal(err)
	}
	_, _ = busy.Receive()
	if _, err := busy.Query("SELECT 1"); err == nil || time.Since(start) > 3*time.Second {
		t.Errorf("a killed session goes on: %v", time.Since(start))
	}
	if a, err := killer.Query("KILL CONNECTION_ID()"); err == nil && a[len(a)-1].Kind != raw.Error {
		t.Errorf("KILL of itself: %s", told(&a[0]))
	}
	if _, err := killer.Query("SELECT 1"); err == nil {
		t.Error("a session that killed itself goes on")
	}
}

// killWaiting: a victim that waits for a pool's connection is woken.
func killWaiting(t *testing.T, bed *sessionBed) {
	addr := bed.changed(t, poolOf(1, 30*time.Second))
	holder, waiter, killer := dial(t, addr, "sbtest"), dial(t, addr, "sbtest"), dial(t, addr, "sbtest")
	defer holder.Close()
	defer waiter.Close()
	defer killer.Close()
	waiterID := id(t, waiter)
	done(t, holder, "BEGIN", "UPDATE kv SET v = 'x' WHERE id = 0")
	a := whileIt(t, waiter, "SELECT v FROM kv WHERE id = 1", func() { done(t, killer, "KILL QUERY "+waiterID) })
	if a.Kind != raw.Error || a.Code != 1317 {
		t.Errorf("a waiting victim: %s %s", told(a), a.Message)
	}
	done(t, holder, "ROLLBACK")
	gives(t, waiter, "SELECT v FROM kv WHERE id = 1", "old")
}

// killInPassing: statements of others are never hit, and the victim's later ones neither.
func killInPassing(t *testing.T, bed *sessionBed) {
	addr := bed.changed(t, poolOf(3, 10*time.Second))
	victim, killer := dial(t, addr, "sbtest"), dial(t, addr, "sbtest")
	defer victim.Close()
	defer killer.Close()
	victimID := id(t, victim)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			c := dial(t, addr, "sbtest")
			defer c.Close()
			for {
				select {
				case <-stop:
					return
				default:
					gives(t, c, "SELECT v FROM kv WHERE id = 0", "old")
					gives(t, c, "SELECT SLEEP(0.002) FROM kv WHERE id = 1", "0")
				}
			}
		})
	}
	end := time.Now().Add(duration(t, 3*time.Second))
	wg.Go(func() {
		for time.Now().Before(end) {
			done(t, killer, "KILL QUERY "+victimID)
		}
		close(stop)
	})
	killed := 0
	for time.Now().Before(end) {
		switch a := say(t, victim, "SELECT v FROM kv WHERE id = 2"); {
		case a.Kind == raw.Error && a.Code == 1317:
			killed++
		case a.Kind == raw.Error:
			t.Errorf("the victim: %d %s", a.Code, a.Message)
		}
	}
	wg.Wait()
	gives(t, victim, "SELECT v FROM kv WHERE id = 2", "old")
	t.Logf("%d statements of the victim killed", killed)
}

func processlist(t *testing.T, bed *sessionBed) {
	c, other := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "")
	defer c.Close()
	defer other.Close()
	done(t, other, "CREATE TEMPORARY TABLE sbtest.mine (a INT)")
	find := func(sql string) []string {
		a := say(t, c, sql)
		for _, r := range a.Rows {
			values, err := raw.Values(r, len(a.Columns))
			if err != nil {
				t.Fatal(err)
			}
			var row []string
			for _, v := range values {
				row = append(row, string(v.Text))
			}
			if row[0] == id(t, other) {
				return row
			}
		}
		t.Fatalf("%s: the session is not there: %s", sql, told(a))
		return nil
	}
	row := find("SHOW PROCESSLIST")
	if row[1] != "app" || !strings.HasPrefix(row[2], "127.0.0.1:") || row[4] != "Sleep" || !strings.Contains(row[6], "temporary table sbtest.mine") {
		t.Errorf("%q", row)
	}
	long := "SELECT '" + strings.Repeat("x", 200) + "', SLEEP(1)"
	if err := other.Send(long); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	a, b := say(t, c, "SHOW PROCESSLIST"), say(t, c, "SHOW FULL PROCESSLIST")
	if short, full := strings.Join(texts(a), "\n"), strings.Join(texts(b), "\n"); strings.Contains(short, long) || !strings.Contains(short, long[:100]) || !strings.Contains(full, long) {
		t.Errorf("%s\n%s", short, full)
	}
	plain := dial(t, bed.Plain.Addr(), "sbtest")
	defer plain.Close()
	for _, sql := range []string{"SHOW PROCESSLIST", "SHOW FULL PROCESSLIST"} {
		want, got := say(t, plain, sql), say(t, c, sql)
		if len(want.Columns) != len(got.Columns) {
			t.Errorf("%s: %d columns, want %d", sql, len(got.Columns), len(want.Columns))
		}
	}
	if _, err := other.Receive(); err != nil {
		t.Fatal(err)
	}
}
