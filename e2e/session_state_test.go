package e2e

// session_state_test.go: what a session keeps is its own and is what a plain server would keep: variables, ids, the time
// that a statement freezes, what SHOW asks for on the side. None of it stays on a pooled connection for the next client.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

// sessionScripts compares with the plain server what scripts of one session are answered, status flags included.
func sessionScripts(t *testing.T, bed *sessionBed) {
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
		plain, serval := dial(t, bed.Plain.Addr(), "sbtest"), dial(t, bed.addr, "sbtest")
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

// sessionVariables: what one client sets is not there for the next one.
func sessionVariables(t *testing.T, bed *sessionBed) {
	names := []string{"sql_mode", "time_zone", "sql_safe_updates", "foreign_key_checks", "unique_checks", "group_concat_max_len", "innodb_lock_wait_timeout",
		"lock_wait_timeout", "net_read_timeout", "wait_timeout", "lc_time_names", "sort_buffer_size", "div_precision_increment", "sql_notes", "default_week_format",
		"character_set_client", "character_set_connection", "character_set_results", "collation_connection", "autocommit", "transaction_isolation", "tx_isolation", "max_statement_time", "max_execution_time"}
	read := func() string {
		c := dial(t, bed.addr, "sbtest")
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
		c := dial(t, bed.addr, "sbtest")
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
	if v := bed.value(t, 0); v != "old" {
		t.Errorf("row 0 is %q", v)
	}
}

func sessionForeignIDs(t *testing.T, bed *sessionBed) {
	a, b := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "sbtest")
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
	for _, sql := range []string{"SHOW VARIABLES LIKE 'last_insert_id'", "SHOW SESSION VARIABLES LIKE 'identity'"} {
		done(t, a, "INSERT INTO counters (label) VALUES ('a')")
		if x := texts(say(t, b, sql)); len(x) > 0 && !strings.HasSuffix(x[0], "/0") {
			t.Errorf("%s: %q of another client", sql, x)
		}
	}
	done(t, b, "INSERT INTO counters (id, label) VALUES (1000, 'b')")
	if got := texts(say(t, b, "SELECT LAST_INSERT_ID()")); got[0] != "0" {
		t.Errorf("LAST_INSERT_ID() after an explicit id is %q", got)
	}
}

func sessionFrozenTime(t *testing.T, bed *sessionBed) {
	a := dial(t, bed.addr, "sbtest")
	defer a.Close()
	done(t, a, "SET autocommit = 0")
	if x := say(t, a, "SELECT id, NOW(6), nope FROM kv WHERE id IN (0, 1)"); x.Kind != raw.Error {
		t.Fatalf("%+v", x)
	}
	onTime(t, bed)
}

func sessionFrozenDeadlock(t *testing.T, bed *sessionBed) {
	a, b := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "sbtest")
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
	onTime(t, bed)
}

func sessionSecondTime(t *testing.T, bed *sessionBed) {
	c, err := raw.Dial(bed.addr, raw.Options{User: servers.User, Password: servers.Password, Database: "sbtest", MultiStatements: true})
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

func sessionShowInTransaction(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	done(t, c, "BEGIN", "UPDATE kv SET v = 'x' WHERE id = 4") // in the second group
	for _, sql := range []string{"SHOW COLUMNS FROM kv", "SHOW VARIABLES LIKE 'sql_mode'", "SHOW CREATE TABLE kv", "SHOW TABLES"} {
		if a := say(t, c, sql); a.Kind == raw.Error {
			t.Errorf("%s in a transaction: %d %s", sql, a.Code, a.Message)
		}
	}
	done(t, c, "ROLLBACK")
}

// sessionShowOpens: what the session asks for itself must not leave a transaction open on a pooled connection.
func sessionShowOpens(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	done(t, c, "SET autocommit = 0", "SHOW TABLES", "SHOW CREATE TABLE kv", "SHOW DATABASES", "SET sql_safe_updates = 0", "SHOW COLUMNS FROM kv", "SHOW INDEX FROM counters")
	if _, err := c.FieldList("kv", ""); err != nil {
		t.Fatal(err)
	}
	for _, n := range bed.Nodes {
		if rows := openTransactions(t, n); len(rows) > 0 {
			t.Errorf("open transactions on %s: %v", n.Addr(), rows)
		}
	}
}

// openTransactions are those that a server still has after a while: it takes a moment to end that of a connection that
// was closed (the tests before this one cut some).
func openTransactions(t *testing.T, n *servers.Server) [][]string {
	t.Helper()
	for end := time.Now().Add(3 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		rows, err := n.Query("SELECT trx_mysql_thread_id, trx_state FROM information_schema.innodb_trx WHERE trx_mysql_thread_id > 0")
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 || time.Now().After(end) {
			return rows
		}
	}
}
