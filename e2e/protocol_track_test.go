package e2e

// protocol_track_test.go: what OK packets tell of session state changes (CLIENT_SESSION_TRACK) is to the byte what a
// plain server tells for the same statements.

import (
	"fmt"
	"regexp"
	"slices"
	"testing"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

func TestSessionTracking(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			for name, statements := range trackedSessions {
				for _, deprecateEOF := range []bool{true, false} {
					t.Run(fmt.Sprintf("%s %v", name, deprecateEOF), func(t *testing.T) { compareTracked(t, b, deprecateEOF, statements) })
				}
			}
		})
	}
}

var trackedSessions = map[string][]string{
	"variables": {
		"SET autocommit = 0", "SET autocommit = 1", "SET autocommit = 1", "SET NAMES utf8mb4", "SET NAMES latin1", "SET NAMES utf8mb4",
		"SET time_zone = '+02:00'", "SET time_zone = DEFAULT", "SET sql_mode = ''", "SET time_zone = 'nonsense'",
		"SET session_track_system_variables = 'sql_mode,wait_timeout'", "SET sql_mode = 'ANSI'", "SET wait_timeout = 1000", "SET autocommit = 1",
		"SET session_track_system_variables = ''", "SET time_zone = '+01:00'", "SET session_track_system_variables = 'autocommit'", "SET autocommit = 1",
	},
	"schema": {"USE crm", "USE crm", "USE nosuch", "USE shop", "SET session_track_schema = OFF", "USE crm", "SET session_track_schema = ON", "USE shop"},
	"state change": {"SET session_track_state_change = ON", "USE crm", "SET time_zone = '+02:00'", "DO 0", "SET autocommit = 1", "SELECT 1",
		"SET session_track_schema = OFF", "USE shop", "SET session_track_state_change = OFF", "USE shop"},
	"transactions": {
		"SET session_track_transaction_info = 'STATE'", "USE shop", "BEGIN", "SELECT 1", "DO 0", "SELECT * FROM users WHERE user_id = 42",
		"INSERT INTO settings VALUES ('x', 'y')", "UPDATE users SET level = 1 WHERE user_id = 42", "COMMIT", "SELECT * FROM users WHERE user_id = 42",
		"UPDATE users SET level = 2 WHERE user_id = 42", "BEGIN", "UPDATE users SET level = 3 WHERE user_id = 42", "ROLLBACK",
		"BEGIN", "SELECT * FROM users WHERE user_id = 42 FOR UPDATE", "COMMIT", "START TRANSACTION READ ONLY", "SELECT COUNT(*) FROM settings",
		"COMMIT AND CHAIN", "ROLLBACK", "COMMIT", "SET autocommit = 0", "SELECT 1", "SELECT * FROM settings", "COMMIT",
		"DELETE FROM settings WHERE name = 'x'", "BEGIN", "ROLLBACK", "SET autocommit = 1", "DO 0",
		"BEGIN; SELECT * FROM settings; COMMIT", "BEGIN", "SELECT 1 FROM nosuch", "SELECT user_id FROM users WHERE user_id = 42", "BEGIN", "COMMIT",
	},
	"characteristics": {
		"SET session_track_transaction_info = 'CHARACTERISTICS'", "BEGIN", "SELECT * FROM settings", "COMMIT",
		"START TRANSACTION READ ONLY", "COMMIT", "START TRANSACTION READ WRITE", "ROLLBACK",
		"SET TRANSACTION READ ONLY", "DO 0", "BEGIN", "COMMIT", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", "BEGIN", "COMMIT", "BEGIN", "COMMIT",
		"SET TRANSACTION READ WRITE", "UPDATE users SET level = 1 WHERE user_id = 42", "BEGIN", "ROLLBACK",
	},
}

func compareTracked(t *testing.T, b *bed, deprecateEOF bool, statements []string) {
	t.Helper()
	o := raw.Options{User: servers.User, Password: servers.Password, Database: "shop", MultiStatements: true, DeprecateEOF: deprecateEOF, SessionTrack: true}
	plain, err := raw.Dial(b.Plain.Addr(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	serval, err := raw.Dial(b.addr, o)
	if err != nil {
		t.Fatal(err)
	}
	defer serval.Close()
	for _, sql := range statements {
		p, err1 := plain.Query(sql)
		s, err2 := serval.Query(sql)
		if err1 != nil || err2 != nil || len(p) != len(s) {
			t.Fatalf("%s: plain %v, %v; serval %v, %v", sql, describe(p), err1, describe(s), err2)
		}
		for i := range p {
			const changed = 0x4000
			if trackedChanges(t, p[i].Track) != trackedChanges(t, s[i].Track) || p[i].Status&changed != s[i].Status&changed || p[i].Kind != s[i].Kind {
				t.Errorf("%s (%d): plain %#x %q, serval %#x %q %s", sql, i+1, p[i].Status, p[i].Track, s[i].Status, s[i].Track, s[i].Message)
			}
		}
	}
	b.restore(t)
}

// trackedChanges are the changes in an OK packet; variables in the order of their names, since MariaDB's order differs
// from one run of a server to the next.
func trackedChanges(t *testing.T, track []byte) string {
	t.Helper()
	var variables, others []string
	for rest := track; len(rest) > 0; {
		if len(rest) < 2 || int(rest[1]) > len(rest)-2 { // all of the tests' are short
			t.Fatalf("session state %q", track)
		}
		change := string(rest[:2+int(rest[1])])
		if rest = rest[len(change):]; change[0] == 0 {
			variables = append(variables, change)
		} else {
			others = append(others, change)
		}
	}
	slices.Sort(variables)
	return fmt.Sprintf("%q %q", variables, others)
}

// TestGTIDTracking: what a server tells of a transaction's GTID reaches the client: to the letter where one server wrote.
func TestGTIDTracking(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			shape := shopShape(t)
			shape.Plain = false
			shape.Server = append(shape.Server, "--log-bin=binlog", "--server-id=7")
			setting := "SET session_track_system_variables = 'last_gtid'"
			if kind == servers.MySQL {
				shape.Server = append(shape.Server, "--gtid-mode=ON", "--enforce-gtid-consistency=ON")
				setting = "SET session_track_gtids = OWN_GTID"
			}
			c := cluster.Start(t, kind, shape)
			s, err := raw.Dial(startServal(t, c), raw.Options{User: servers.User, Password: servers.Password, Database: "shop", DeprecateEOF: true, SessionTrack: true})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			for _, x := range []struct {
				sql  string
				told bool
			}{
				{setting, false}, {"INSERT INTO settings (name) VALUES ('a')", true}, {"DO 0", false}, {"BEGIN", false},
				{"UPDATE settings SET value = 'x' WHERE name = 'a'", false}, {"COMMIT", true}, {"BEGIN", false}, {"COMMIT", false},
				{"INSERT INTO users (user_id) VALUES (16)", true}, {"INSERT INTO users (user_id) VALUES (0), (1)", true},
			} {
				answers, err := s.Query(x.sql)
				if err != nil || answers[0].Kind != raw.OK {
					t.Fatalf("%s: %s, %v", x.sql, describe(answers), err)
				}
				if told := gtid.Match(answers[0].Track); told != x.told {
					t.Errorf("%s: %q", x.sql, answers[0].Track)
				}
			}
		})
	}
}

// gtid is one of MySQL's (type 3), or MariaDB's variable.
var gtid = regexp.MustCompile(`(?s)^(\x03..?.?[0-9a-f-]{36}:[0-9]+|\x00.\tlast_gtid.0-7-[0-9]+)`)
