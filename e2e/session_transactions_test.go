package e2e

// session_transactions_test.go: transactions end whole, or the client is told that they did not: errors and refusals in
// them, locks that are waited for, backend connections that are killed, cut or lost with their server.

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"serval/e2e/raw"
	"serval/e2e/servers"
	"serval/proxy"
)

func sessionHighError(t *testing.T, bed *sessionBed) {
	if bed.Kind != servers.MySQL {
		return
	}
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	done(t, c, "BEGIN", "UPDATE kv SET v = 'first' WHERE id = 0")
	if a := say(t, c, "SELECT JSON_EXTRACT(v, '$.a') FROM kv WHERE id IN (0, 1)"); a.Kind != raw.Error {
		t.Fatalf("%+v", a)
	}
	done(t, c, "UPDATE kv SET v = 'second' WHERE id = 1", "ROLLBACK")
	for id := range int64(2) {
		if v := bed.value(t, id); v != "old" {
			t.Errorf("row %d is %q after ROLLBACK", id, v)
		}
	}
}

func sessionChain(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	done(t, c, "COMMIT AND CHAIN", "UPDATE kv SET v = 'chained' WHERE id = 0", "ROLLBACK")
	if v := bed.value(t, 0); v != "old" {
		t.Errorf("row 0 is %q after ROLLBACK of a chained transaction", v)
	}
}

func sessionSnapshot(t *testing.T, bed *sessionBed) {
	a, b := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "sbtest")
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

func sessionIsolation(t *testing.T, bed *sessionBed) {
	a, b := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "sbtest")
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

func sessionRefusedScatter(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
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

func sessionLockWait(t *testing.T, bed *sessionBed) {
	a, b := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "sbtest")
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
		if v := bed.value(t, int64(id)); v != want {
			t.Errorf("row %d is %q, want %q", id, v, want)
		}
	}
	onTime(t, bed)
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

func sessionLostBackend(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Cut()
	done(t, c, "BEGIN", "UPDATE kv SET v = 'first' WHERE id = 0")
	killApp(t, bed.Nodes[0])
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
	if v := bed.value(t, 2); v != "old" {
		t.Errorf("half of a transaction is there (third %q, first %q); COMMIT said %q", v, bed.value(t, 0), last)
	}
	if last == "" {
		t.Error("COMMIT of a transaction that was lost said OK")
	}
}

func sessionLostRollback(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Cut()
	done(t, c, "BEGIN", "UPDATE kv SET v = 'first' WHERE id = 0")
	killApp(t, bed.Nodes[0])
	answers, err := c.Query("ROLLBACK")
	if err == nil && answers[0].Kind == raw.Error && strings.Contains(answers[0].Message, "whether it was committed") {
		t.Errorf("a lost ROLLBACK is said to be perhaps a COMMIT: %s", answers[0].Message)
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

// sessionLostBehind: a transaction is lost while Serval asks for the warnings of a statement that was answered OK.
func sessionLostBehind(t *testing.T, bed *sessionBed) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	k := &cutter{listener: l, to: bed.Nodes[0].Addr(), at: "SHOW WARNINGS"}
	go k.run()
	cfg := *bed.Config
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
	if a, b := bed.value(t, 1), bed.value(t, 2); a == "old" && b != "old" {
		t.Errorf("half of a transaction is there: %q, %q; the client was told %q", a, b, said)
	}
}

// sessionKilledPooled: a connection that the server has killed is not given to the next statement.
func sessionKilledPooled(t *testing.T, bed *sessionBed) {
	a, b := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "sbtest")
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
			rows, err := bed.Nodes[0].Query("SELECT id FROM information_schema.processlist WHERE info LIKE 'UPDATE%SLEEP(4.25%'")
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) > 0 {
				_ = bed.Nodes[0].Exec("KILL " + rows[0][0])
				break
			}
		}
		if x := <-ended; x == nil || x.Kind != raw.Error {
			t.Errorf("round %d: %+v", round, x)
		}
	}
}

// sessionGroupDown: scatters that fail since one group is down leave the other group's connections alone.
func sessionGroupDown(t *testing.T, bed *sessionBed) {
	count := func() int {
		rows, err := bed.Nodes[0].Query("SHOW GLOBAL STATUS LIKE 'Connections'")
		if err != nil {
			t.Fatal(err)
		}
		var n int
		_, _ = fmt.Sscan(rows[0][1], &n)
		return n
	}
	c := dial(t, bed.addr, "sbtest")
	defer c.Cut()
	done(t, c, "SELECT * FROM kv")
	bed.Nodes[1].Kill()
	before := count()
	for range 20 {
		if a := say(t, c, "SELECT * FROM kv"); a.Kind != raw.Error {
			t.Errorf("%+v", a)
		}
	}
	if n := count() - before; n > 10 {
		t.Errorf("20 scatters that failed made %d connections to the other group", n)
	}
	if err := bed.Nodes[1].Restart(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	done(t, c, "SELECT * FROM kv")
}

// sessionWrongVictim: a server that was restarted gives the old numbers to new threads. What is left of a scatter from
// before must not be killed there.
func sessionWrongVictim(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Cut()
	var locks []*raw.Conn // every leg waits
	for _, p := range bed.Tables[0].Places {
		lock := dial(t, p.Node.Addr(), "")
		defer lock.Cut()
		done(t, lock, fmt.Sprintf("LOCK TABLES `%s`.`%s` WRITE", p.Database, p.Table))
		locks = append(locks, lock)
	}
	if err := c.Send("SELECT id, v FROM kv"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	if err := bed.Nodes[1].Restart(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan string, 60)
	for range cap(ended) { // sessions of the same numbers
		go func() { ended <- asleep(bed.Nodes[1]) }()
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
