package e2e

// session_reset_test.go: COM_RESET_CONNECTION and COM_CHANGE_USER leave of a session what they leave on a plain server.

import (
	"fmt"
	"testing"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

// resetSteps are statements and the two commands: "RESET", "USER database".
var resetSteps = []string{
	"SET NAMES latin1, sql_mode = 'ANSI_QUOTES', time_zone = '+03:00', @a = 1, @b = 'x'", "SET sql_safe_updates = 1",
	"SELECT @a, @b, @@sql_mode, @@time_zone, @@sql_safe_updates", "INSERT INTO counters (label) VALUES ('reset 1')",
	"SET TRANSACTION READ ONLY", "RESET",
	"SELECT @a, @b, @@time_zone, @@sql_safe_updates, @@autocommit", "SELECT @@sql_mode LIKE '%ANSI_QUOTES%'",
	"SELECT @@character_set_client, @@character_set_connection, @@character_set_results",
	"SELECT LAST_INSERT_ID(), ROW_COUNT(), FOUND_ROWS()", "SELECT DATABASE()", "SHOW WARNINGS",
	"UPDATE settings SET n = n + 1 WHERE name = 'theme'",
	"BEGIN", "UPDATE settings SET n = 1000 WHERE name = 'theme'", "RESET", "SELECT n < 1000 FROM settings WHERE name = 'theme'",
	"SET autocommit = 0", "UPDATE users SET level = 99 WHERE user_id = 1", "RESET", "SELECT @@autocommit", "SELECT level FROM users WHERE user_id = 1",
	"BEGIN", "RESET", "SELECT 1", "SELECT 1/0", "RESET", "SHOW WARNINGS",
	"CREATE TEMPORARY TABLE tmp_reset (id INT)", "RESET", "SELECT * FROM tmp_reset",
	"SELECT GET_LOCK('reset', 0)", "RESET", "SELECT IS_FREE_LOCK('reset')",
	"SET @a = 5, time_zone = '+04:00'", "BEGIN", "UPDATE users SET level = 98 WHERE user_id = 1", "USER shop",
	"SELECT @a, @@time_zone, DATABASE()", "SELECT level FROM users WHERE user_id = 1",
	"SELECT @@character_set_client, @@collation_connection", "SELECT USER() LIKE 'app@%'",
	"INSERT INTO counters (label) VALUES ('reset 2')", "USER ", "SELECT DATABASE(), LAST_INSERT_ID()", "SELECT * FROM settings", "USE shop",
	"SELECT n < 1000 FROM settings WHERE name = 'theme'",
}

func TestResetAndChangeUser(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			plain, serval := dial(t, b.Plain.Addr(), "shop"), dial(t, b.addr, "shop")
			defer plain.Close()
			defer serval.Close()
			for i, step := range resetSteps {
				want, got := told(resetStep(t, plain, step)), told(resetStep(t, serval, step))
				if want != got {
					t.Errorf("step %d, %s:\n plain  %s\n serval %s", i+1, step, want, got)
				}
			}
			prepared(t, plain)
			prepared(t, serval)
			refusedUsers(t, b)
		})
	}
}

func resetStep(t *testing.T, c *raw.Conn, step string) *raw.Answer {
	t.Helper()
	var a *raw.Answer
	var err error
	var database string
	switch n, _ := fmt.Sscanf(step, "USER %s", &database); {
	case step == "RESET":
		a, err = c.ResetConnection()
	case n == 1 || step == "USER ":
		a, err = c.ChangeUser(servers.User, servers.Password, database)
	default:
		return say(t, c, step)
	}
	if err != nil {
		t.Fatalf("%s: %v", step, err)
	}
	return a
}

// prepared statements are closed.
func prepared(t *testing.T, c *raw.Conn) {
	t.Helper()
	for _, step := range []string{"RESET", "USER shop"} {
		s, a, err := c.Prepare("SELECT n FROM settings WHERE name = ?")
		if err != nil || a != nil && a.Kind == raw.Error {
			t.Fatalf("prepare: %v %+v", err, a)
		}
		resetStep(t, c, step)
		answers, err := s.Execute(raw.String("theme"))
		if err != nil || len(answers) != 1 || answers[0].Code != 1243 {
			t.Errorf("a statement prepared before %s: %+v %v", step, answers, err)
		}
	}
}

// refusedUsers: a failed COM_CHANGE_USER ends the connection; rights are the new user's.
func refusedUsers(t *testing.T, b *bed) {
	c := dial(t, b.addr, "shop")
	defer c.Cut()
	if a, err := c.ChangeUser("shoponly", "secret", "shop"); err != nil || a.Kind != raw.OK {
		t.Fatalf("shoponly: %+v %v", a, err)
	}
	if a := say(t, c, "USE crm"); a.Code != 1044 {
		t.Errorf("another user's database: %s", told(a))
	}
	if got := texts(say(t, c, "SELECT SUBSTRING_INDEX(USER(), '@', 1), @@sql_mode = @@global.sql_mode")); got[0] != "shoponly/1" {
		t.Errorf("the user is %q", got)
	}
	if a, err := c.ChangeUser(servers.User, "wrong", "shop"); err != nil || a.Code != 1045 {
		t.Fatalf("a wrong password: %+v %v", a, err)
	}
	if _, err := c.Query("SELECT 1"); err == nil {
		t.Error("the connection goes on after a wrong password")
	}
	c = dial(t, b.addr, "shop")
	defer c.Cut()
	if a, err := c.ChangeUser("shoponly", "secret", "crm"); err != nil || a.Code != 1044 {
		t.Fatalf("a database that is not the user's: %+v %v", a, err)
	}
	if _, err := c.Query("SELECT 1"); err == nil {
		t.Error("the connection goes on without the database")
	}
}
