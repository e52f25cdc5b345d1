package e2e

// lost_reader_test.go: a transaction over two groups loses its connection to one in which it has only read. Its locks are
// gone with it, so what it reads or writes afterwards elsewhere need not fit: COMMIT is refused.

import (
	"strings"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/cut"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

func TestLostReader(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			c := cluster.Start(t, kind, cluster.Shape{Schema: bankDDL, Layout: bankLayout, Nodes: 2})
			(&bank{Cluster: c}).fill(t)
			network := cut.New(t, c.Nodes[0].Addr())
			c.Config.Groups[0].Primary.Address = network.Addr()
			l := &lostReader{node: c.Nodes[0], addr: startServal(t, c)}
			for _, way := range []struct {
				name string
				lose func(thread string) error
			}{
				{"killed", func(thread string) error { return c.Nodes[0].Exec("KILL " + thread) }},
				{"reset", func(string) error { network.Reset(); return nil }},
			} {
				l.lose = way.lose
				for _, begin := range []string{"BEGIN", "START TRANSACTION READ ONLY", "SET SESSION serval_transactions = 'best_effort'; BEGIN"} {
					t.Run(way.name+" "+begin, func(t *testing.T) { l.run(t, begin, "SELECT balance FROM accounts WHERE id = 4") })
				}
				t.Run(way.name+" writer", func(t *testing.T) { l.run(t, "BEGIN", "UPDATE accounts SET balance = 0 WHERE id = 4") })
			}
		})
	}
}

// lostReader is a Serval whose connections to a node can be lost.
type lostReader struct {
	node *servers.Server
	addr string
	lose func(thread string) error
}

// run reads in the first group, loses that connection and commits after a statement in the second.
func (l *lostReader) run(t *testing.T, begin, statement string) {
	t.Helper()
	conn := dial(t, l.addr, "bank")
	defer conn.Close()
	before, rest, several := strings.Cut(begin, "; ")
	if !several {
		before, rest = "DO 0", begin
	}
	for _, sql := range []string{before, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", rest, "SELECT balance FROM accounts WHERE id = 1"} {
		if a := say(t, conn, sql); a.Kind == raw.Error {
			t.Fatalf("%s: %s", sql, told(a))
		}
	}
	rows := transactionsOf(t, l.node, 1)
	if a := say(t, conn, statement); a.Kind == raw.Error {
		t.Fatalf("%s: %s", statement, told(a))
	}
	if err := l.lose(rows[0][0]); err != nil {
		t.Fatal(err)
	}
	transactionsOf(t, l.node, 0)
	if a := say(t, conn, "COMMIT"); a.Kind != raw.Error || !strings.Contains(a.Message, "rolled back") {
		t.Errorf("COMMIT: %s, want an error that says that it was rolled back", told(a))
	}
	if got := texts(say(t, conn, "SELECT id, balance FROM accounts WHERE id IN (1, 4) ORDER BY id")); strings.Join(got, " ") != "1/1000 4/1000" {
		t.Errorf("afterwards there is %v", got)
	}
}

// transactionsOf waits until a server has n transactions and returns their threads.
func transactionsOf(t *testing.T, s *servers.Server, n int) [][]string {
	t.Helper()
	for began := time.Now(); ; {
		time.Sleep(200 * time.Millisecond) // the table is made anew when nobody has asked for 100 ms
		rows, err := s.Query("SELECT trx_mysql_thread_id FROM information_schema.innodb_trx")
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == n {
			return rows
		}
		if time.Since(began) > 5*time.Second {
			t.Fatalf("transactions of threads %v, want %d", rows, n)
		}
	}
}
