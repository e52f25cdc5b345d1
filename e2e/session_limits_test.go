package e2e

// session_limits_test.go: a session takes no more than its share and holds up nobody: Close and Start, small pools, memory
// after a big statement, costly patterns, clients that send ahead or have left.

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"serval/e2e/raw"
	"serval/e2e/servers"
	"serval/proxy"
)

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

func sessionCloseInCommit(t *testing.T, bed *sessionBed) {
	before := goleak.IgnoreCurrent()
	s, addr := bed.serval(t)
	c := dial(t, addr, "sbtest")
	done(t, c, "BEGIN", "UPDATE kv SET v = 'x' WHERE id = 0")
	lock := dial(t, bed.Nodes[0].Addr(), "")
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

// sessionCloseFrozen: a server that has stopped answering keeps nobody from ending.
func sessionCloseFrozen(t *testing.T, bed *sessionBed) {
	if bed.Kind == servers.MySQL {
		return // the process that is known is the one around the server
	}
	s, addr := bed.serval(t)
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
	pid := bed.Nodes[0].PID()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var asked sync.WaitGroup
	for i, f := range ask {
		asked.Go(func() { f(conns[i]) })
	}
	time.Sleep(300 * time.Millisecond)
	closesSoon(t, s, func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	asked.Wait()
}

func sessionStart(t *testing.T, bed *sessionBed) {
	func() {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("Close before Start: panic: %v", p)
			}
		}()
		_ = proxy.NewServer(bed.Config, slog.New(slog.DiscardHandler)).Close()
	}()
	before := goleak.IgnoreCurrent()
	cfg := *bed.Config
	cfg.Listeners = append(cfg.Listeners[:0:0], cfg.Listeners...)
	cfg.Listeners[0].Address = bed.Plain.Addr() // taken
	busy := proxy.NewServer(&cfg, slog.New(slog.DiscardHandler))
	if err := busy.Start(context.Background()); err == nil {
		t.Error("a taken port is no error")
	}
	_ = busy.Close()
	down := *bed.Config
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

// sessionSmallPool: sessions in transactions have all connections of a group; what they go on to ask must not wait for
// one another.
func sessionSmallPool(t *testing.T, bed *sessionBed) {
	cfg := *bed.Config
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
		"SET net_read_timeout = 31, @a = 1", "SELECT @a, @@net_read_timeout", "SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SHOW WARNINGS", "USE sbtest", "SHOW TABLES", "SHOW CREATE TABLE kv", "SHOW COLUMNS FROM kv", "SELEC 1", "COMMIT"} {
		if x := say(t, a, sql); x.Kind == raw.Error && x.Code != 1064 {
			t.Errorf("%s: %d %s", sql, x.Code, x.Message)
		}
	}
}

func sessionPipelined(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
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

func sessionQuitBehind(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	if err := c.Send("SELECT SLEEP(12.5) FROM kv WHERE id = 0"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	c.Close() // COM_QUIT, and the end
	time.Sleep(2500 * time.Millisecond)
	rows, err := bed.Nodes[0].Query("SELECT id, info FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP(12%'")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Errorf("still runs for a client that has left: %v", row)
		_ = bed.Nodes[0].Exec("KILL " + row[0])
	}
}

func sessionIdleMemory(t *testing.T, bed *sessionBed) {
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
		c := dial(t, bed.addr, "sbtest")
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

func sessionPattern(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
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
