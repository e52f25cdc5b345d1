package e2e

// session_test.go: what a session may not do to its client or to the others. TestSessions lists the scenarios; they share
// the cluster and the helpers that are here, and are written out by concept in session_transactions_test.go,
// session_state_test.go and session_limits_test.go.

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
	"serval/proxy"
)

const sessionDDL = `USE sbtest;
CREATE TABLE kv (
  id BIGINT NOT NULL PRIMARY KEY,
  v VARCHAR(200) NOT NULL
);

CREATE TABLE counters (
  id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  label VARCHAR(40) NOT NULL
);
`

// sessionBed is a cluster with eight rows 'old' in kv, ids 0 to 7, one for each shard: 0 to 3 in the first group.
type sessionBed struct {
	*cluster.Cluster
	addr string
	srv  *proxy.Server
}

func newSessionBed(t *testing.T, kind servers.Kind) *sessionBed {
	t.Helper()
	bed := &sessionBed{Cluster: cluster.Start(t, kind, cluster.Shape{Schema: sessionDDL, Layout: fmt.Sprintf(eightShards, "kv"),
		Nodes: 2, Plain: true, Server: []string{"--innodb-lock-wait-timeout=1"}})}
	bed.reset(t)
	bed.srv, bed.addr = bed.serval(t)
	return bed
}

// reset puts the rows back.
func (bed *sessionBed) reset(t *testing.T) {
	t.Helper()
	for shard, p := range bed.Tables[0].Places {
		if err := p.Node.Exec(fmt.Sprintf("REPLACE INTO `%s`.`%s` VALUES (%d, 'old')", p.Database, p.Table, shard)); err != nil {
			t.Fatal(err)
		}
		if err := bed.Plain.Exec(fmt.Sprintf("REPLACE INTO sbtest.kv VALUES (%d, 'old')", shard)); err != nil {
			t.Fatal(err)
		}
	}
}

// serval starts one more Serval on the cluster; it is closed at the end of the test if it was not before.
func (bed *sessionBed) serval(t *testing.T) (*proxy.Server, string) {
	t.Helper()
	s := proxy.NewServer(bed.Config, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})))
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, s.Addr().String()
}

// value is what the server of a row says of it.
func (bed *sessionBed) value(t *testing.T, id int64) string {
	t.Helper()
	p := bed.Tables[0].Places[shardOf(id)]
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

// onTime fails when a fresh session's clock stands still.
func onTime(t *testing.T, bed *sessionBed) {
	t.Helper()
	time.Sleep(1500 * time.Millisecond)
	for range 3 {
		c := dial(t, bed.addr, "sbtest")
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

func TestSessions(t *testing.T) {
	last := scenarioKind(t)
	cases := []struct {
		name string
		run  func(*testing.T, *sessionBed)
		both bool // on every kind of server; the others only on one, to save time
	}{
		{"frozen time", sessionFrozenTime, false},
		{"frozen time after a deadlock", sessionFrozenDeadlock, true},
		{"error over 2000 in a transaction", sessionHighError, false},
		{"backend lost in a transaction", sessionLostBackend, true},
		{"commit and chain", sessionChain, false},
		{"scripts", sessionScripts, true},
		{"consistent snapshot", sessionSnapshot, false},
		{"ids of others", sessionForeignIDs, false},
		{"close while a commit waits", sessionCloseInCommit, false},
		{"close with a server that hangs", sessionCloseFrozen, true},
		{"quit behind a statement", sessionQuitBehind, false},
		{"memory of idle sessions", sessionIdleMemory, false},
		{"pattern", sessionPattern, false},
		{"show in a transaction", sessionShowInTransaction, false},
		{"transaction of a show", sessionShowOpens, false},
		{"refused scatter", sessionRefusedScatter, false},
		{"isolation set after begin", sessionIsolation, false},
		{"pool of two", sessionSmallPool, false},
		{"time of the second statement", sessionSecondTime, false},
		{"pipelined commands", sessionPipelined, false},
		{"lock wait in the second shard", sessionLockWait, false},
		{"variables of others", sessionVariables, true},
		{"start in vain", sessionStart, false},
		{"rollback of a lost transaction", sessionLostRollback, false},
		{"group down", sessionGroupDown, false},
		{"killed in passing", sessionWrongVictim, false},
		{"connection killed in a statement", sessionKilledPooled, false},
		{"backend lost behind an answer", sessionLostBehind, false},
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
