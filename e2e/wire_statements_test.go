package e2e

// wire_statements_test.go: what the servers are asked for a transaction, statement by statement, from their general logs: a
// transaction of one group costs nothing more than without Serval, and no other one more than two-phase commit needs.

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"serval/e2e/servers"
)

func TestTransactionStatements(t *testing.T) {
	cases := []struct {
		name       string
		statements []string
		want       [2][]string // of the first and the second group
	}{
		{"one group", []string{"BEGIN", "UPDATE kv SET v = 'a' WHERE id = 0", "SELECT v FROM kv WHERE id = 1", "COMMIT"},
			[2][]string{{"BEGIN", "UPDATE", "SELECT", "COMMIT"}, nil}},
		{"autocommit", []string{"UPDATE kv SET v = 'b' WHERE id = 5"}, [2][]string{nil, {"UPDATE"}}},
		{"two groups", []string{"BEGIN", "UPDATE kv SET v = 'c' WHERE id = 0", "UPDATE kv SET v = 'c' WHERE id = 5", "UPDATE kv SET v = 'd' WHERE id = 1", "COMMIT"},
			[2][]string{{"BEGIN", "UPDATE", "UPDATE", "INSERT decision", "COMMIT"}, {"XA START", "UPDATE", "XA END", "XA PREPARE", "XA COMMIT"}}},
		{"second group reads", []string{"BEGIN", "UPDATE kv SET v = 'e' WHERE id = 0", "SELECT v FROM kv WHERE id = 5", "COMMIT"},
			[2][]string{{"BEGIN", "UPDATE", "COMMIT"}, {"XA START", "SELECT", "XA END", "XA COMMIT"}}},
		{"first group reads", []string{"BEGIN", "SELECT v FROM kv WHERE id = 0", "UPDATE kv SET v = 'f' WHERE id = 5", "COMMIT"},
			[2][]string{{"BEGIN", "SELECT", "COMMIT"}, {"XA START", "UPDATE", "XA END", "XA COMMIT"}}},
		{"both read", []string{"BEGIN", "SELECT v FROM kv WHERE id IN (0, 5)", "COMMIT"},
			[2][]string{{"BEGIN", "SELECT", "COMMIT"}, {"XA START", "SELECT", "XA END", "XA COMMIT"}}},
		{"read only", []string{"START TRANSACTION READ ONLY", "SELECT v FROM kv WHERE id IN (0, 5)", "COMMIT"},
			[2][]string{{"START", "SELECT", "COMMIT"}, {"START", "SELECT", "COMMIT"}}},
		{"rollback", []string{"BEGIN", "UPDATE kv SET v = 'g' WHERE id IN (0, 5)", "ROLLBACK"},
			[2][]string{{"BEGIN", "SAVEPOINT", "UPDATE", "RELEASE", "ROLLBACK"}, {"XA START", "SAVEPOINT", "UPDATE", "RELEASE", "XA END", "XA ROLLBACK"}}},
		{"autocommit over both", []string{"UPDATE kv SET v = 'h' WHERE id IN (0, 5)"},
			[2][]string{{"START", "UPDATE", "INSERT decision", "COMMIT"}, {"XA START", "UPDATE", "XA END", "XA PREPARE", "XA COMMIT"}}},
		{"best effort", []string{"SET serval_transactions = 'best_effort'", "BEGIN", "UPDATE kv SET v = 'i' WHERE id = 0", "UPDATE kv SET v = 'i' WHERE id = 5", "COMMIT"},
			[2][]string{{"BEGIN", "UPDATE", "COMMIT"}, {"BEGIN", "UPDATE", "COMMIT"}}},
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			bed := newSessionBed(t, kind)
			c := dial(t, bed.addr, "sbtest")
			done(t, c, "BEGIN", "UPDATE kv SET v = 'warm' WHERE id IN (0, 5)", "COMMIT") // the store is made, connections are open
			c.Close()
			for _, x := range cases {
				t.Run(x.name, func(t *testing.T) {
					c := dial(t, bed.addr, "sbtest")
					defer c.Close()
					done(t, c, "SELECT COUNT(v) FROM kv WHERE id = 0") // connections are in the session's state
					got := bed.asked(t, func() { done(t, c, x.statements...) })
					for i := range got {
						if !slices.Equal(got[i], x.want[i]) {
							t.Errorf("group %d was asked\n%q, want\n%q", i, got[i], x.want[i])
						}
					}
				})
			}
		})
	}
}

// noise is what Serval asks beside: its recovery, and what brings a connection to a session's state.
var noise = regexp.MustCompile(`(?i)^(XA RECOVER|SET GLOBAL |SELECT .*(xa_decision|general_log|processlist|innodb)|SHOW )`)

// asked are the statements that clients' connections gave each group while f ran, by their first words.
func (bed *sessionBed) asked(t *testing.T, f func()) (groups [2][]string) {
	t.Helper()
	for _, n := range bed.Nodes {
		if err := n.Exec("SET GLOBAL log_output = 'TABLE'", "SET GLOBAL general_log = 0", "TRUNCATE mysql.general_log", "SET GLOBAL general_log = 1"); err != nil {
			t.Fatal(err)
		}
	}
	f()
	time.Sleep(20 * time.Millisecond)
	for i, n := range bed.Nodes[:2] {
		if err := n.Exec("SET GLOBAL general_log = 0"); err != nil {
			t.Fatal(err)
		}
		rows, err := n.Query("SELECT IF(command_type IN ('Query', 'Execute', 'Prepare'), CONVERT(argument USING utf8mb4), CONCAT('command:', command_type)) FROM mysql.general_log WHERE command_type NOT IN ('Connect', 'Quit')")
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			sql := strings.TrimSpace(row[0])
			if noise.MatchString(sql) {
				continue
			}
			words := strings.Fields(sql)
			word := strings.ToUpper(words[0])
			switch {
			case word == "XA":
				word = fmt.Sprint(word, " ", strings.ToUpper(words[1]))
			case strings.Contains(sql, "xa_decision"):
				word += " decision"
			}
			groups[i] = append(groups[i], word)
		}
	}
	return groups
}
