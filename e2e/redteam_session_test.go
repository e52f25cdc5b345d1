package e2e

// redteam_session_test.go: what a session may not do to its client or to the others: transactions that end half done,
// state that stays on a pooled connection, statements that Close or a vanished client cannot stop, memory that stays.

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
	"serval/proxy"
)

const redteamDDL = `USE sbtest;
CREATE TABLE kv (
  id BIGINT NOT NULL PRIMARY KEY,
  v VARCHAR(200) NOT NULL
);

CREATE TABLE counters (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  label VARCHAR(40) NOT NULL
);
`

// redteam is a cluster with eight rows 'old' in kv, ids 0 to 7, one for each shard: 0 to 3 in the first group.
type redteam struct {
	*cluster.Cluster
	addr string
	srv  *proxy.Server
}

func newRedteam(t *testing.T, kind servers.Kind) *redteam {
	t.Helper()
	r := &redteam{Cluster: cluster.Start(t, kind, cluster.Shape{Schema: redteamDDL, Layout: fmt.Sprintf(eightShards, "kv"),
		Nodes: 2, Plain: true, Server: []string{"--innodb-lock-wait-timeout=1"}})}
	r.reset(t)
	r.srv, r.addr = r.serval(t)
	return r
}

// reset puts the rows back.
func (r *redteam) reset(t *testing.T) {
	t.Helper()
	for shard, p := range r.Tables[0].Places {
		if err := p.Node.Exec(fmt.Sprintf("REPLACE INTO `%s`.`%s` VALUES (%d, 'old')", p.Database, p.Table, shard)); err != nil {
			t.Fatal(err)
		}
		if err := r.Plain.Exec(fmt.Sprintf("REPLACE INTO sbtest.kv VALUES (%d, 'old')", shard)); err != nil {
			t.Fatal(err)
		}
	}
}

// serval starts one more Serval on the cluster; it is closed at the end of the test if it was not before.
func (r *redteam) serval(t *testing.T) (*proxy.Server, string) {
	t.Helper()
	s := proxy.NewServer(r.Config, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})))
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, s.Addr().String()
}

// value is what the server of a row says of it.
func (r *redteam) value(t *testing.T, id int64) string {
	t.Helper()
	p := r.Tables[0].Places[shardOf(id)]
	rows, err := p.Node.Query(fmt.Sprintf("SELECT v FROM `%s`.`%s` WHERE id = %d", p.Database, p.Table, id))
	if err != nil || len(rows) != 1 {
		t.Fatalf("row %d: %v %v", id, rows, err)
	}
	return rows[0][0]
}

// say runs a statement and gives its last answer.
func say(t *testing.T, c *raw.Conn, sql string) *raw.Answer {
	t.Helper()
	answers, err := c.Query(sql)
	if err != nil {
		t.Fatalf("%.100s: %v", sql, err)
	}
	return &answers[len(answers)-1]
}

// done runs statements that have to work.
func done(t *testing.T, c *raw.Conn, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if a := say(t, c, sql); a.Kind == raw.Error {
			t.Fatalf("%.100s: ERROR %d %s", sql, a.Code, a.Message)
		}
	}
}

func TestRedteamSession(t *testing.T) {
	last := scenarioKind(t)
	cases := []struct {
		name string
		run  func(*testing.T, *redteam)
		both bool // on every kind of server; the others only on one, to save time
	}{
		{"frozen time", redteamFrozenTime, false},
		{"frozen time after a deadlock", redteamFrozenDeadlock, true},
		{"error over 2000 in a transaction", redteamHighError, false},
		{"backend lost in a transaction", redteamLostBackend, true},
		{"commit and chain", redteamChain, false},
		{"scripts", redteamScripts, true},
		{"consistent snapshot", redteamSnapshot, false},
		{"ids of others", redteamForeignIDs, false},
		{"close while a commit waits", redteamCloseInCommit, false},
		{"close with a server that hangs", redteamCloseFrozen, true},
		{"quit behind a statement", redteamQuitBehind, false},
		{"memory of idle sessions", redteamIdleMemory, false},
		{"pattern", redteamPattern, false},
		{"show in a transaction", redteamShowInTransaction, false},
		{"transaction of a show", redteamShowOpens, false},
		{"refused scatter", redteamRefusedScatter, false},
		{"isolation set after begin", redteamIsolation, false},
		{"pool of two", redteamSmallPool, false},
		{"time of the second statement", redteamSecondTime, false},
		{"pipelined commands", redteamPipelined, false},
		{"lock wait in the second shard", redteamLockWait, false},
		{"variables of others", redteamVariables, true},
		{"start in vain", redteamStart, false},
		{"rollback of a lost transaction", redteamLostRollback, false},
		{"group down", redteamGroupDown, false},
		{"killed in passing", redteamWrongVictim, false},
		{"connection killed in a statement", redteamKilledPooled, false},
		{"backend lost behind an answer", redteamLostBehind, false},
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			r := newRedteam(t, kind)
			for _, c := range cases {
				if !c.both && kind != last {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					r.reset(t)
					c.run(t, r)
				})
			}
		})
	}
}

// onTime fails when a fresh session's clock stands still.
func onTime(t *testing.T, r *redteam) {
	t.Helper()
	time.Sleep(1500 * time.Millisecond)
	for range 3 {
		c := dial(t, r.addr, "sbtest")
		a := say(t, c, "SELECT TIMESTAMPDIFF(MICROSECOND, NOW(6), SYSDATE(6)) FROM kv WHERE id = 0")
		got := texts(a)
		var behind int
		if _, err := fmt.Sscan(strings.Join(got, ""), &behind); err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		if behind > 1_000_000 {
			t.Errorf("another client's NOW() is %d µs behind", behind)
		}
		c.Close()
	}
}

func redteamFrozenTime(t *testing.T, r *redteam) {
	a := dial(t, r.addr, "sbtest")
	defer a.Close()
	done(t, a, "SET autocommit = 0")
	if x := say(t, a, "SELECT id, NOW(6), nope FROM kv WHERE id IN (0, 1)"); x.Kind != raw.Error {
		t.Fatalf("%+v", x)
	}
	onTime(t, r)
}

func redteamFrozenDeadlock(t *testing.T, r *redteam) {
	a, b := dial(t, r.addr, "sbtest"), dial(t, r.addr, "sbtest")
	defer a.Close()
	defer b.Close()
	done(t, a, "BEGIN", "UPDATE kv SET v = 'a' WHERE id = 1")
	// b is heavier, so that a is the victim
	done(t, b, "BEGIN", "UPDATE kv SET v = 'b' WHERE id = 0", "UPDATE kv SET v = 'b' WHERE id = 2", "UPDATE kv SET v = 'b' WHERE id = 3")
	if err := b.Send("UPDATE kv SET v = 'b' WHERE id = 1"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	if x := say(t, a, "UPDATE kv SET v = CONCAT('a', NOW(6)) WHERE id IN (0, 2)"); x.Code != 1213 {
		t.Fatalf("no deadlock: %+v", x)
	}
	b.Cut()
	onTime(t, r)
}

func redteamHighError(t *testing.T, r *redteam) {
	if r.Kind != servers.MySQL {
		return
	}
	c := dial(t, r.addr, "sbtest")
	defer c.Close()
	done(t, c, "BEGIN", "UPDATE kv SET v = 'first' WHERE id = 0")
	if a := say(t, c, "SELECT JSON_EXTRACT(v, '$.a') FROM kv WHERE id IN (0, 1)"); a.Kind != raw.Error {
		t.Fatalf("%+v", a)
	}
	done(t, c, "UPDATE kv SET v = 'second' WHERE id = 1", "ROLLBACK")
	for id := range int64(2) {
		if v := r.value(t, id); v != "old" {
			t.Errorf("row %d is %q after ROLLBACK", id, v)
		}
	}
}

// killApp ends the backend connections that have a transaction open on a node.
func killApp(t *testing.T, n *servers.Server) {
	t.Helper()
	rows, err := n.Query("SELECT trx_mysql_thread_id FROM information_schema.innodb_trx WHERE trx_mysql_thread_id > 0")
	if err != nil || len(rows) == 0 {
		t.Fatalf("%v %v", rows, err)
	}
	for _, row := range rows {
		if err := n.Exec("KILL " + row[0]); err != nil {
			t.Log(err)
		}
	}
	time.Sleep(200 * time.Millisecond)
}

func redteamLostBackend(t *testing.T, r *redteam) {
	c := dial(t, r.addr, "sbtest")
	defer c.Cut()
	done(t, c, "BEGIN", "UPDATE kv SET v = 'first' WHERE id = 0")
	killApp(t, r.Nodes[0])
	last := ""
	for _, sql := range []string{"UPDATE kv SET v = 'second' WHERE id = 1", "UPDATE kv SET v = 'third' WHERE id = 2", "COMMIT"} {
		answers, err := c.Query(sql)
		if err != nil {
			last = err.Error()
			break
		}
		last = ""
		if a := answers[0]; a.Kind == raw.Error {
			last = a.Message
		}
	}
	if v := r.value(t, 2); v != "old" {
		t.Errorf("half of a transaction is there (third %q, first %q); COMMIT said %q", v, r.value(t, 0), last)
	}
	if last == "" {
		t.Error("COMMIT of a transaction that was lost said OK")
	}
}

func redteamChain(t *testing.T, r *redteam) {
	c := dial(t, r.addr, "sbtest")
	defer c.Close()
	done(t, c, "COMMIT AND CHAIN", "UPDATE kv SET v = 'chained' WHERE id = 0", "ROLLBACK")
	if v := r.value(t, 0); v != "old" {
		t.Errorf("row 0 is %q after ROLLBACK of a chained transaction", v)
	}
}

// redteamScripts compares with the plain server what scripts of one session are answered, status flags included.
func redteamScripts(t *testing.T, r *redteam) {
	for _, script := range [][]string{
		{"UPDATE kv SET v = 'x' WHERE id = 0", "COMMIT", "SELECT ROW_COUNT()"},
		{"UPDATE kv SET v = 'x' WHERE id = 0", "BEGIN", "SELECT ROW_COUNT()", "ROLLBACK", "SELECT ROW_COUNT()"},
		{"SELECT 1/0, CAST('x' AS SIGNED)", "SHOW WARNINGS", "BEGIN", "SHOW WARNINGS"},
		{"SELECT CAST('x' AS SIGNED)", "COMMIT", "SHOW WARNINGS"},
		{"BEGIN", "SELECT 1", "UPDATE kv SET v = 'y' WHERE id = 1", "SELECT 2", "COMMIT", "SELECT 3"},
		{"SET autocommit = 0", "SELECT 1", "SELECT v FROM kv WHERE id = 1", "SELECT 1", "COMMIT", "SELECT 1", "SET autocommit = 1", "SELECT 1"},
		{"SET autocommit = 0", "UPDATE kv SET v = 'z' WHERE id = 1", "SET autocommit = 1", "SELECT v FROM kv WHERE id = 1", "ROLLBACK", "SELECT v FROM kv WHERE id = 1"},
		{"BEGIN", "UPDATE kv SET v = 'q' WHERE id = 1", "SET autocommit = 0", "ROLLBACK", "SELECT v FROM kv WHERE id = 1", "SELECT 1", "SET autocommit = 1"},
		{"BEGIN", "UPDATE kv SET v = 'q' WHERE id = 1", "COMMIT AND CHAIN", "UPDATE kv SET v = 'r' WHERE id = 1", "ROLLBACK", "SELECT v FROM kv WHERE id = 1"},
		{"BEGIN", "UPDATE kv SET v = 'q' WHERE id = 1", "ROLLBACK AND CHAIN", "UPDATE kv SET v = 'r' WHERE id = 1", "ROLLBACK", "SELECT v FROM kv WHERE id = 1"},
		{"BEGIN", "COMMIT AND CHAIN", "UPDATE kv SET v = 'c1' WHERE id = 1", "ROLLBACK", "SELECT v FROM kv WHERE id = 1"},
		{"START TRANSACTION READ ONLY", "SELECT 1", "SELECT v FROM kv WHERE id = 1", "UPDATE kv SET v = 'q' WHERE id = 1", "COMMIT"},
		{"START TRANSACTION READ  ONLY", "SELECT 1", "COMMIT"},
		{"BEGIN", "UPDATE kv SET v = 'ddl' WHERE id = 1", "CREATE TABLE counters (id INT)", "ROLLBACK", "SELECT v FROM kv WHERE id = 1"},
		{"SET autocommit = 0", "UPDATE kv SET v = 'ddl2' WHERE id = 1", "CREATE TABLE counters (id INT)", "ROLLBACK", "SELECT v FROM kv WHERE id = 1", "SET autocommit = 1"},
		{"SET NAMES latin1", "SET character_set_results = DEFAULT", "SELECT @@character_set_results, @@character_set_client", "SELECT v FROM kv WHERE id = 1", "SET NAMES utf8mb4"},
		{"SET NAMES latin1", "SET character_set_client = DEFAULT", "SELECT @@character_set_results, @@character_set_client", "SET NAMES utf8mb4"},
		{"SET character_set_results = NULL", "SELECT @@character_set_results", "SET NAMES utf8mb4", "SELECT @@character_set_results"},
		{"SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'", `SELECT 'a\b', "v" FROM "kv" WHERE id = 1`, `SELECT '\' FROM kv WHERE id = 1`, "SET sql_mode = DEFAULT", `SELECT 'a\\b', "v"`},
		{"SET sql_mode = ANSI_QUOTES, time_zone = '+03:00', sql_mode = 'nope'", "SELECT @@sql_mode LIKE '%ANSI%', @@time_zone"},
		{"SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')", "SELECT @@sql_mode LIKE '%ANSI%'", "SET sql_mode = DEFAULT"},
		{"SET group_concat_max_len = 5 + 6", "SELECT @@group_concat_max_len", "SET group_concat_max_len = @@global.group_concat_max_len", "SELECT @@group_concat_max_len"},
		{"SET NAMES utf8mb4, group_concat_max_len = 99, nosuch = 1", "SELECT @@group_concat_max_len"},
		{"SET autocommit = 0, group_concat_max_len = 'x'", "SELECT @@autocommit"},
		{"SET autocommit = 'ON'", "SET @@autocommit = 1", "SET SESSION autocommit = TRUE", "SET autocommit = 5", "SELECT @@autocommit"},
		{"SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SELECT @@collation_connection", "SET collation_connection = 'utf8mb4_unicode_ci'", "SELECT @@collation_connection, @@character_set_connection", "SET NAMES utf8mb4"},
		{"UPDATE kv SET v = 'n' WHERE id IN (0, 1)", "SELECT ROW_COUNT()", "SELECT ROW_COUNT()"},
		{"INSERT INTO kv VALUES (100, 'x'), (101, 'y')", "SELECT ROW_COUNT()", "DELETE FROM kv WHERE id IN (100, 101)"},
		{"BEGIN", "INSERT INTO kv VALUES (200, 'x')", "INSERT INTO kv VALUES (201, 'y'), (202, 'z'), (2, 'dup')", "SHOW WARNINGS", "SELECT ROW_COUNT()", "COMMIT", "SELECT id FROM kv WHERE id IN (200, 201, 202) AND id > 100", "DELETE FROM kv WHERE id IN (200)"},
		{"SET autocommit = 0", "INSERT INTO kv VALUES (208, 'x'), (209, 'y'), (2, 'dup')", "SELECT 1", "INSERT INTO kv VALUES (208, 'x')", "COMMIT", "SELECT id FROM kv WHERE id IN (208, 209)", "DELETE FROM kv WHERE id = 208", "SET autocommit = 1"},
		{"USE nosuch", "SELECT DATABASE()", "SELECT ROW_COUNT()"},
		{"SELECT v FROM kv WHERE id = 1", "DO 1", "SELECT ROW_COUNT()"},
		{"UPDATE kv SET v = 'n2' WHERE id = 0", "SHOW WARNINGS", "SELECT ROW_COUNT()"},
		{"UPDATE kv SET v = 'n3' WHERE id = 0", "USE sbtest", "SELECT ROW_COUNT()"},
		{"SELECT nope", "SELECT ROW_COUNT()", "SHOW WARNINGS"},
		{"BEGIN", "BEGIN", "BEGIN", "SELECT 1", "ROLLBACK"},
		{"SET @@transaction_isolation = 'READ-COMMITTED'", "SELECT v FROM kv WHERE id = 1", "SELECT @@session.transaction_isolation"},
		{"BEGIN", "UPDATE kv SET v = 'u' WHERE id = 1", "SELECT v FROM kv WHERE id IN (0, 1, 2) ORDER BY id", "SELECT CAST(v AS SIGNED) FROM kv WHERE id IN (1, 2)", "SHOW WARNINGS", "ROLLBACK"},
	} {
		name := strings.Join(script, "; ")
		plain, serval := dial(t, r.Plain.Addr(), "sbtest"), dial(t, r.addr, "sbtest")
		for i, sql := range script {
			want, got := told(say(t, plain, sql)), told(say(t, serval, sql))
			if want != got && !strings.Contains(got, "ERROR 1235") {
				t.Errorf("%s: statement %d: %s\n plain  %s\n serval %s", name, i+1, sql, want, got)
			}
		}
		plain.Close()
		serval.Close()
	}
}

// told is what a client is told, but for what differs between the sides of itself.
func told(a *raw.Answer) string {
	switch a.Kind {
	case raw.Error:
		return fmt.Sprintf("ERROR %d (%s)", a.Code, a.State)
	case raw.OK:
		return fmt.Sprintf("OK affected %d id %d status %#x warnings %d", a.AffectedRows, a.LastInsertID, a.Status&0x2003, a.Warnings)
	}
	return fmt.Sprintf("%q status %#x warnings %d", texts(a), a.Status&0x2003, a.Warnings)
}

func redteamSnapshot(t *testing.T, r *redteam) {
	a, b := dial(t, r.addr, "sbtest"), dial(t, r.addr, "sbtest")
	defer a.Close()
	defer b.Close()
	if x := say(t, a, "START TRANSACTION WITH CONSISTENT SNAPSHOT"); x.Kind == raw.Error {
		return // a refusal is right, too
	}
	done(t, b, "UPDATE kv SET v = 'later' WHERE id = 0")
	if got := texts(say(t, a, "SELECT v FROM kv WHERE id = 0")); got[0] != "old" {
		t.Errorf("a snapshot shows %q, written after it was taken", got)
	}
}

func redteamForeignIDs(t *testing.T, r *redteam) {
	a, b := dial(t, r.addr, "sbtest"), dial(t, r.addr, "sbtest")
	defer a.Close()
	defer b.Close()
	for range 3 {
		done(t, a, "INSERT INTO counters (label) VALUES ('a')")
	}
	for _, sql := range []string{"SELECT @@last_insert_id", "SELECT @@identity", "SELECT @@insert_id", "SELECT LAST_INSERT_ID()"} {
		if x := say(t, b, sql); x.Kind == raw.Rows && texts(x)[0] != "0" {
			t.Errorf("%s: %q of another client", sql, texts(x))
		}
	}
	done(t, b, "INSERT INTO counters (id, label) VALUES (1000, 'b')")
	if got := texts(say(t, b, "SELECT LAST_INSERT_ID()")); got[0] != "0" {
		t.Errorf("LAST_INSERT_ID() after an explicit id is %q", got)
	}
}

// closesSoon fails when Close waits for a server.
func closesSoon(t *testing.T, s *proxy.Server, free func()) {
	t.Helper()
	ended := make(chan struct{})
	go func() { _ = s.Close(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(2500 * time.Millisecond):
		t.Error("Close waits for a server's answer")
		select {
		case <-ended:
		case <-time.After(3 * time.Second):
			t.Error("and goes on waiting")
		}
		free()
		<-ended
		return
	}
	free()
}

func redteamCloseInCommit(t *testing.T, r *redteam) {
	before := goleak.IgnoreCurrent()
	s, addr := r.serval(t)
	c := dial(t, addr, "sbtest")
	done(t, c, "BEGIN", "UPDATE kv SET v = 'x' WHERE id = 0")
	lock := dial(t, r.Nodes[0].Addr(), "")
	done(t, lock, "FLUSH TABLES WITH READ LOCK")
	if err := c.Send("COMMIT"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	closesSoon(t, s, lock.Close)
	c.Cut()
	if err := goleak.Find(before, goleak.IgnoreAnyFunction("serval/e2e/servers.supervise")); err != nil {
		t.Error(err)
	}
}

// redteamCloseFrozen: a server that has stopped answering keeps nobody from ending.
func redteamCloseFrozen(t *testing.T, r *redteam) {
	if r.Kind == servers.MySQL {
		return // the process that is known is the one around the server
	}
	s, addr := r.serval(t)
	ask := []func(*raw.Conn){
		func(c *raw.Conn) { _, _ = c.FieldList("kv", "") },
		func(c *raw.Conn) { _, _ = c.Query("SHOW TABLES") },
		func(c *raw.Conn) { _, _ = c.Query("SHOW CREATE TABLE kv") },
		func(c *raw.Conn) { _, _ = c.Query("SET sql_safe_updates = 1") },
	}
	var conns []*raw.Conn
	for range ask {
		c := dial(t, addr, "sbtest")
		defer c.Cut()
		conns = append(conns, c)
	}
	done(t, conns[0], "SELECT v FROM kv") // now there are four idle connections
	pid := r.Nodes[0].PID()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for i, f := range ask {
		go f(conns[i])
	}
	time.Sleep(300 * time.Millisecond)
	closesSoon(t, s, func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
}

func redteamQuitBehind(t *testing.T, r *redteam) {
	c := dial(t, r.addr, "sbtest")
	if err := c.Send("SELECT SLEEP(12.5) FROM kv WHERE id = 0"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	c.Close() // COM_QUIT, and the end
	time.Sleep(2500 * time.Millisecond)
	rows, err := r.Nodes[0].Query("SELECT id, info FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(12%'")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Errorf("still runs for a client that has left: %v", row)
		_ = r.Nodes[0].Exec("KILL " + row[0])
	}
}

func redteamIdleMemory(t *testing.T, r *redteam) {
	const clients, size = 12, 8 << 20
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var conns []*raw.Conn
	for range clients {
		c := dial(t, r.addr, "sbtest")
		defer c.Close()
		conns = append(conns, c)
	}
	before := heap()
	for i, c := range conns {
		sql := "SELECT LENGTH('" + strings.Repeat("x", size) + "') FROM kv WHERE id = 0"
		if i%2 == 1 {
			sql = "SELECT v FROM kv WHERE id IN (" + strings.Repeat("0,", size/128) + "0)"
		}
		done(t, c, sql)
	}
	time.Sleep(100 * time.Millisecond)
	after := heap()
	if after > before+8<<20 {
		t.Errorf("%d idle sessions keep %d MiB of their last statement", clients, (after-before)>>20)
	}
}

func redteamPattern(t *testing.T, r *redteam) {
	c := dial(t, r.addr, "sbtest")
	defer c.Cut()
	ended := make(chan struct{})
	go func() {
		_, _ = c.Query("SHOW TABLES LIKE '" + strings.Repeat("%", 31) + "x'")
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(500 * time.Millisecond):
		t.Error("a pattern of 31 wildcards takes more than half a second of CPU")
		<-ended
	}
}

func redteamShowInTransaction(t *testing.T, r *redteam) {
	c := dial(t, r.addr, "sbtest")
	defer c.Close()
	done(t, c, "BEGIN", "UPDATE kv SET v = 'x' WHERE id = 4") // in the second group
	for _, sql := range []string{"SHOW COLUMNS FROM kv", "SHOW VARIABLES LIKE 'sql_mode'", "SHOW CREATE TABLE kv", "SHOW TABLES"} {
		if a := say(t, c, sql); a.Kind == raw.Error {
			t.Errorf("%s in a transaction: %d %s", sql, a.Code, a.Message)
		}
	}
	done(t, c, "ROLLBACK")
}

// redteamShowOpens: what the session asks for itself must not leave a transaction open on a pooled connection.
func redteamShowOpens(t *testing.T, r *redteam) {
	c := dial(t, r.addr, "sbtest")
	defer c.Close()
	done(t, c, "SET autocommit = 0", "SHOW TABLES", "SHOW CREATE TABLE kv", "SHOW DATABASES", "SET sql_safe_updates = 0", "SHOW COLUMNS FROM kv", "SHOW INDEX FROM counters")
	if _, err := c.FieldList("kv", ""); err != nil {
		t.Fatal(err)
	}
	for _, n := range r.Nodes {
		rows, err := n.Query("SELECT trx_mysql_thread_id, trx_state FROM information_schema.innodb_trx WHERE trx_mysql_thread_id > 0")
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) > 0 {
			t.Errorf("open transactions on %s: %v", n.Addr(), rows)
		}
	}
}

func redteamRefusedScatter(t *testing.T, r *redteam) {
	c := dial(t, r.addr, "sbtest")
	defer c.Close()
	done(t, c, "SET autocommit = 0")
	if a := say(t, c, "SELECT * FROM kv"); a.Kind != raw.Error {
		return
	}
	if a := say(t, c, "SELECT v FROM kv WHERE id = 4"); a.Kind == raw.Error {
		t.Errorf("a refused statement has begun a transaction: %d %s", a.Code, a.Message)
	}
	done(t, c, "ROLLBACK")
}

func redteamIsolation(t *testing.T, r *redteam) {
	a, b := dial(t, r.addr, "sbtest"), dial(t, r.addr, "sbtest")
	defer a.Close()
	defer b.Close()
	done(t, a, "BEGIN")
	if x := say(t, a, "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED"); x.Kind == raw.Error {
		return
	}
	done(t, b, "BEGIN", "UPDATE kv SET v = 'dirty' WHERE id = 0")
	if got := texts(say(t, a, "SELECT v FROM kv WHERE id = 0")); got[0] != "old" {
		t.Errorf("a transaction begun before its session's isolation level was changed shows %q", got)
	}
	done(t, b, "ROLLBACK")
}

// redteamSmallPool: sessions in transactions have all connections of a group; what they go on to ask must not wait for
// one another.
func redteamSmallPool(t *testing.T, r *redteam) {
	cfg := *r.Config
	cfg.Groups = append(cfg.Groups[:0:0], cfg.Groups...)
	for i := range cfg.Groups {
		cfg.Groups[i].Primary.Pool.Max, cfg.Groups[i].Primary.Pool.MaxIdle = 2, 2
		cfg.Groups[i].Primary.Pool.AcquireTimeout = 300 * time.Millisecond
	}
	s := proxy.NewServer(&cfg, slog.New(slog.DiscardHandler))
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a, b := dial(t, s.Addr().String(), "sbtest"), dial(t, s.Addr().String(), "sbtest")
	defer a.Cut()
	defer b.Cut()
	done(t, a, "BEGIN", "UPDATE kv SET v = 'a' WHERE id = 0")
	done(t, b, "BEGIN", "UPDATE kv SET v = 'b' WHERE id = 1")
	for _, sql := range []string{"SELECT v FROM kv WHERE id IN (0, 1, 2, 3)", "UPDATE kv SET v = 'c' WHERE id IN (0, 2)", "SELECT @@version", "SHOW VARIABLES LIKE 'sql_mode'",
		"SHOW WARNINGS", "USE sbtest", "SHOW TABLES", "SHOW CREATE TABLE kv", "SHOW COLUMNS FROM kv", "SELEC 1", "COMMIT"} {
		if x := say(t, a, sql); x.Kind == raw.Error && x.Code != 1064 {
			t.Errorf("%s: %d %s", sql, x.Code, x.Message)
		}
	}
}

func redteamSecondTime(t *testing.T, r *redteam) {
	c, err := raw.Dial(r.addr, raw.Options{User: servers.User, Password: servers.Password, Database: "sbtest", MultiStatements: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a := say(t, c, "DO SLEEP(1.5); SELECT UNIX_TIMESTAMP(NOW(6)) FROM kv WHERE id IN (0, 1)")
	var at float64
	if _, err := fmt.Sscan(strings.Join(texts(a), " "), &at); err != nil {
		t.Fatalf("%+v", a)
	}
	if late := float64(time.Now().UnixMicro())/1e6 - at; late > 1 {
		t.Errorf("NOW() of the second statement is that of the first, %.1f s ago", late)
	}
}

func redteamPipelined(t *testing.T, r *redteam) {
	c := dial(t, r.addr, "sbtest")
	defer c.Cut()
	for range 3 {
		if err := c.Send("SELECT id, v FROM kv WHERE id IN (0, 4) ORDER BY id"); err != nil {
			t.Fatal(err)
		}
	}
	first := say(t, c, "SELECT 'fourth'") // reads the first answer
	if got := strings.Join(texts(first), " "); got != "0/old 4/old" {
		t.Errorf("%q", got)
	}
}

func redteamLockWait(t *testing.T, r *redteam) {
	a, b := dial(t, r.addr, "sbtest"), dial(t, r.addr, "sbtest")
	defer a.Close()
	defer b.Close()
	done(t, b, "BEGIN", "UPDATE kv SET v = 'b' WHERE id = 2")
	done(t, a, "BEGIN", "UPDATE kv SET v = 'kept' WHERE id = 1")
	if x := say(t, a, "UPDATE kv SET v = CONCAT('a', NOW()) WHERE id IN (0, 2)"); x.Code != 1205 {
		t.Errorf("%+v", x)
	}
	done(t, b, "ROLLBACK")
	done(t, a, "COMMIT")
	for id, want := range []string{"old", "kept", "old"} {
		if v := r.value(t, int64(id)); v != want {
			t.Errorf("row %d is %q, want %q", id, v, want)
		}
	}
	onTime(t, r)
}

// redteamVariables: what one client sets is not there for the next one.
func redteamVariables(t *testing.T, r *redteam) {
	names := []string{"sql_mode", "time_zone", "sql_safe_updates", "foreign_key_checks", "unique_checks", "group_concat_max_len", "innodb_lock_wait_timeout",
		"lock_wait_timeout", "net_read_timeout", "wait_timeout", "lc_time_names", "sort_buffer_size", "div_precision_increment", "sql_notes", "default_week_format",
		"character_set_client", "character_set_connection", "character_set_results", "collation_connection", "autocommit", "transaction_isolation", "tx_isolation", "max_statement_time", "max_execution_time"}
	read := func() string {
		c := dial(t, r.addr, "sbtest")
		defer c.Close()
		var out []string
		for _, n := range names {
			if a := say(t, c, "SELECT @@"+n+" FROM kv WHERE id = 0"); a.Kind == raw.Rows {
				out = append(out, n+"="+texts(a)[0])
			}
		}
		return strings.Join(out, " ")
	}
	before := read()
	for _, sets := range [][]string{
		{"SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES', time_zone = '+05:00', sql_safe_updates = 1", "SET foreign_key_checks = 0, unique_checks = 0"},
		{"SET NAMES latin1", "SET character_set_results = NULL", "SET group_concat_max_len = 7"},
		{"SET character_set_client = latin1", "SET collation_connection = latin1_bin", "SET autocommit = 0", "SET innodb_lock_wait_timeout = 7, lock_wait_timeout = 8"},
		{"SET NAMES utf8mb4 COLLATE utf8mb4_bin, sort_buffer_size = 65536", "SET div_precision_increment = 9", "SET sql_notes = 0, default_week_format = 3, lc_time_names = 'de_DE'"},
		{"SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET wait_timeout = 100, net_read_timeout = 99"},
	} {
		c := dial(t, r.addr, "sbtest")
		for _, sql := range sets {
			if a := say(t, c, sql); a.Kind == raw.Error {
				t.Errorf("%s: %d %s", sql, a.Code, a.Message)
			}
		}
		if a := say(t, c, "SELECT v FROM kv WHERE id = 0"); a.Kind == raw.Error {
			t.Errorf("%v: %+v", sets, a)
		}
		say(t, c, "UPDATE kv SET v = 'autocommit off' WHERE id = 0 AND @@autocommit = 0")
		c.Close()
		if after := read(); after != before {
			t.Errorf("after %v\n%s\nwas\n%s", sets, after, before)
		}
	}
	if v := r.value(t, 0); v != "old" {
		t.Errorf("row 0 is %q", v)
	}
}

func redteamStart(t *testing.T, r *redteam) {
	func() {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("Close before Start: panic: %v", p)
			}
		}()
		_ = proxy.NewServer(r.Config, slog.New(slog.DiscardHandler)).Close()
	}()
	before := goleak.IgnoreCurrent()
	cfg := *r.Config
	cfg.Listeners = append(cfg.Listeners[:0:0], cfg.Listeners...)
	cfg.Listeners[0].Address = r.Plain.Addr() // taken
	busy := proxy.NewServer(&cfg, slog.New(slog.DiscardHandler))
	if err := busy.Start(context.Background()); err == nil {
		t.Error("a taken port is no error")
	}
	_ = busy.Close()
	down := *r.Config
	down.Groups = append(down.Groups[:0:0], down.Groups...)
	for i := range down.Groups {
		down.Groups[i].Primary.Address = "127.0.0.1:1"
	}
	s := proxy.NewServer(&down, slog.New(slog.DiscardHandler))
	start := time.Now()
	if err := s.Start(context.Background()); err == nil {
		t.Error("no server is no error")
	}
	_ = s.Close()
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
	if err := goleak.Find(before, goleak.IgnoreAnyFunction("serval/e2e/servers.supervise")); err != nil {
		t.Error(err)
	}
}

func redteamLostRollback(t *testing.T, r *redteam) {
	c := dial(t, r.addr, "sbtest")
	defer c.Cut()
	done(t, c, "BEGIN", "UPDATE kv SET v = 'first' WHERE id = 0")
	killApp(t, r.Nodes[0])
	answers, err := c.Query("ROLLBACK")
	if err == nil && answers[0].Kind == raw.Error && strings.Contains(answers[0].Message, "whether it was committed") {
		t.Errorf("a lost ROLLBACK is said to be perhaps a COMMIT: %s", answers[0].Message)
	}
}

// redteamGroupDown: scatters that fail since one group is down leave the other group's connections alone.
func redteamGroupDown(t *testing.T, r *redteam) {
	count := func() int {
		rows, err := r.Nodes[0].Query("SHOW GLOBAL STATUS LIKE 'Connections'")
		if err != nil {
			t.Fatal(err)
		}
		var n int
		_, _ = fmt.Sscan(rows[0][1], &n)
		return n
	}
	c := dial(t, r.addr, "sbtest")
	defer c.Cut()
	done(t, c, "SELECT * FROM kv")
	r.Nodes[1].Kill()
	before := count()
	for range 20 {
		if a := say(t, c, "SELECT * FROM kv"); a.Kind != raw.Error {
			t.Errorf("%+v", a)
		}
	}
	if n := count() - before; n > 10 {
		t.Errorf("20 scatters that failed made %d connections to the other group", n)
	}
	if err := r.Nodes[1].Restart(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	done(t, c, "SELECT * FROM kv")
}

// redteamWrongVictim: a server that was restarted gives the old numbers to new threads. What is left of a scatter from
// before must not be killed there.
func redteamWrongVictim(t *testing.T, r *redteam) {
	c := dial(t, r.addr, "sbtest")
	defer c.Cut()
	var locks []*raw.Conn // every leg waits
	for _, p := range r.Tables[0].Places {
		lock := dial(t, p.Node.Addr(), "")
		defer lock.Cut()
		done(t, lock, fmt.Sprintf("LOCK TABLES `%s`.`%s` WRITE", p.Database, p.Table))
		locks = append(locks, lock)
	}
	if err := c.Send("SELECT id, v FROM kv"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	if err := r.Nodes[1].Restart(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan string, 60)
	for range cap(ended) { // sessions of the same numbers
		go func() { ended <- asleep(r.Nodes[1]) }()
	}
	time.Sleep(500 * time.Millisecond)
	for _, lock := range locks[:4] {
		lock.Cut()
	}
	for range cap(ended) {
		if e := <-ended; e != "" {
			t.Errorf("a stranger's query: %s", e)
		}
	}
}

// asleep is what happens to a session that does no harm; "" for nothing.
func asleep(s *servers.Server) string {
	v, err := raw.Dial(s.Addr(), raw.Options{User: servers.User, Password: servers.Password})
	if err != nil {
		return err.Error()
	}
	defer v.Close()
	answers, err := v.Query("SELECT SLEEP(2.5)")
	switch {
	case err != nil:
		return err.Error()
	case answers[0].Kind == raw.Error:
		return answers[0].Message
	case texts(&answers[0])[0] != "0":
		return "interrupted"
	}
	return ""
}

// redteamKilledPooled: a connection that the server has killed is not given to the next statement.
func redteamKilledPooled(t *testing.T, r *redteam) {
	a, b := dial(t, r.addr, "sbtest"), dial(t, r.addr, "sbtest")
	defer a.Cut()
	defer b.Cut()
	for round := range 3 {
		ended := make(chan *raw.Answer, 1)
		go func() {
			answers, err := a.Query("UPDATE kv SET v = SLEEP(4.25) WHERE id = 0")
			if err != nil {
				t.Error(err)
				ended <- nil
				return
			}
			x := say(t, b, "UPDATE kv SET v = 'after' WHERE id = 0")
			if x.Kind == raw.Error {
				t.Errorf("round %d: after %d, another client's UPDATE: %d %s", round, answers[0].Code, x.Code, x.Message)
			}
			ended <- &answers[0]
		}()
		for range 100 {
			time.Sleep(10 * time.Millisecond)
			rows, err := r.Nodes[0].Query("SELECT id FROM information_schema.processlist WHERE info LIKE 'UPDATE%SLEEP(4.25%'")
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) > 0 {
				_ = r.Nodes[0].Exec("KILL " + rows[0][0])
				break
			}
		}
		if x := <-ended; x == nil || x.Kind != raw.Error {
			t.Errorf("round %d: %+v", round, x)
		}
	}
}

// cutter passes bytes to a server and cuts a connection when a client sends a text.
type cutter struct {
	listener net.Listener
	to, at   string
	armed    atomic.Bool
}

func (k *cutter) run() {
	for {
		c, err := k.listener.Accept()
		if err != nil {
			return
		}
		s, err := net.Dial("tcp", k.to)
		if err != nil {
			_ = c.Close()
			continue
		}
		go func() { _, _ = io.Copy(c, s); _ = c.Close() }()
		go func() {
			defer s.Close()
			defer c.Close()
			buf := make([]byte, 32<<10)
			for {
				n, err := c.Read(buf)
				if err != nil || k.armed.Load() && strings.Contains(string(buf[:n]), k.at) {
					return
				}
				if _, err := s.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}

// redteamLostBehind: a transaction is lost while Serval asks for the warnings of a statement that was answered OK.
func redteamLostBehind(t *testing.T, r *redteam) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	k := &cutter{listener: l, to: r.Nodes[0].Addr(), at: "SHOW WARNINGS"}
	go k.run()
	cfg := *r.Config
	cfg.Groups = append(cfg.Groups[:0:0], cfg.Groups...)
	cfg.Groups[0].Primary.Address = l.Addr().String()
	s := proxy.NewServer(&cfg, slog.New(slog.DiscardHandler))
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := dial(t, s.Addr().String(), "sbtest")
	defer c.Cut()
	done(t, c, "BEGIN", "UPDATE kv SET v = 'first' WHERE id = 1")
	k.armed.Store(true)
	done(t, c, "INSERT IGNORE INTO kv VALUES (0, 'twice')")
	k.armed.Store(false)
	var said []string
	for _, sql := range []string{"UPDATE kv SET v = 'second' WHERE id = 2", "COMMIT"} {
		answers, err := c.Query(sql)
		if err != nil {
			said = append(said, err.Error())
			break
		}
		said = append(said, told(&answers[0]))
	}
	if a, b := r.value(t, 1), r.value(t, 2); a == "old" && b != "old" {
		t.Errorf("half of a transaction is there: %q, %q; the client was told %q", a, b, said)
	}
}
