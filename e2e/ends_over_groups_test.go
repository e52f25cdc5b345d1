package e2e

// ends_over_groups_test.go: statements that end a transaction, or could end a part of it, when it is in two groups.

import (
	"strings"
	"testing"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

// TestEndsOverGroups has statements that end a transaction, or could, in one that has written in two groups: it is committed
// in both or goes on in both.
func TestEndsOverGroups(t *testing.T) {
	cases := []struct {
		sql       []string // the last one is looked at
		committed bool
		code      uint16 // of its error
		auto      bool   // with autocommit = 0 in the place of BEGIN
	}{
		{sql: []string{"CREATE TABLE x (i INT)"}, committed: true},
		{sql: []string{"CREATE TABLE counters (i INT)"}, committed: true, code: 1050},
		{sql: []string{"DROP TABLE nosuch"}, committed: true, code: 1051},
		{sql: []string{"CREATE TABLE nosuch.y (i INT)"}, committed: true, code: 1049},
		{sql: []string{"CREATE TABLE y (i INT"}, code: 1064},
		{sql: []string{"CREATE TABLE kv (i INT)"}, code: 1235}, // sharded
		{sql: []string{"TRUNCATE counters"}, committed: true},
		{sql: []string{"RENAME TABLE x TO y"}, committed: true},
		{sql: []string{"DROP TABLE y"}, committed: true},
		{sql: []string{"ANALYZE TABLE counters"}, committed: true},
		{sql: []string{"CREATE VIEW w AS SELECT 1"}, committed: true},
		{sql: []string{"DROP VIEW w"}, committed: true},
		{sql: []string{"FLUSH TABLES"}, committed: true},
		{sql: []string{"FLUSH TABLES counters"}, committed: true},
		{sql: []string{"LOCK TABLES counters READ"}, committed: true},
		{sql: []string{"UNLOCK TABLES"}},
		{sql: []string{"BEGIN"}, committed: true},
		{sql: []string{"START TRANSACTION WITH CONSISTENT SNAPSHOT"}, committed: true},
		{sql: []string{"PREPARE p FROM 'CREATE TABLE IF NOT EXISTS z (i INT)'", "EXECUTE p"}, committed: true},
		{sql: []string{"PREPARE p FROM 'DROP TABLE z'"}},
		{sql: []string{"SET autocommit = 1"}},
		{sql: []string{"SET autocommit = 0"}},
		{sql: []string{"SET autocommit = 1"}, committed: true, auto: true},
		{sql: []string{"SET autocommit = 0"}, auto: true},
		{sql: []string{"SET autocommit = 1, sql_mode = ''"}, code: 1235, auto: true},
		{sql: []string{"SET @one = 1", "SET @@session.autocommit = @one"}, code: 1235, auto: true},
		{sql: []string{"SET completion_type = 1"}, code: 1235},
		{sql: []string{"CALL ends()"}, code: 1235},
		{sql: []string{"XA START 'x'"}, code: 1235},
		{sql: []string{"XA COMMIT 'x'"}, code: 1235},
		{sql: []string{"PREPARE p FROM 'XA RECOVER'"}, code: 1235},
		{sql: []string{"COMMIT"}, committed: true},
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			bed := newSessionBed(t, kind)
			c := dial(t, bed.addr, "sbtest")
			done(t, c, "CREATE PROCEDURE ends() BEGIN INSERT INTO counters (label) VALUES ('called'); COMMIT; END")
			c.Close()
			for _, x := range cases {
				last := x.sql[len(x.sql)-1]
				t.Run(last, func(t *testing.T) {
					bed.reset(t)
					c := dial(t, bed.addr, "sbtest")
					defer c.Close()
					begin := "BEGIN"
					if x.auto {
						begin = "SET autocommit = 0"
					}
					done(t, c, begin, "UPDATE kv SET v = 'new' WHERE id = 0", "UPDATE kv SET v = 'new' WHERE id = 5")
					done(t, c, x.sql[:len(x.sql)-1]...)
					if a := say(t, c, last); (a.Kind == raw.Error) != (x.code != 0) || a.Code != x.code {
						t.Errorf("%s %s, want error %d", told(a), a.Message, x.code)
					}
					bed.wantBoth(t, c, x.committed)
				})
			}
			t.Run("procedures", func(t *testing.T) { callInTransaction(t, bed) })
			t.Run("temporary tables", func(t *testing.T) { temporaryInTransaction(t, bed) })
		})
	}
}

// wantBoth looks whether both rows are new or both old, once what is open is rolled back.
func (bed *sessionBed) wantBoth(t *testing.T, c *raw.Conn, committed bool) {
	t.Helper()
	done(t, c, "ROLLBACK")
	want := map[bool]string{true: "new", false: "old"}[committed]
	if a, b := bed.value(t, 0), bed.value(t, 5); a != want || b != want {
		t.Errorf("the rows are %s in the first group and %s in the second, want %s", a, b, want)
	}
}

// callInTransaction calls a procedure that commits where a transaction is in its group alone, and where it is in another.
func callInTransaction(t *testing.T, bed *sessionBed) {
	c, err := raw.Dial(bed.addr, raw.Options{User: servers.User, Password: servers.Password, Database: "sbtest", MultiStatements: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	bed.reset(t)
	done(t, c, "BEGIN", "UPDATE kv SET v = 'new' WHERE id = 0")
	if a := say(t, c, "CALL ends()"); a.Kind == raw.Error || a.Status&inTrans != 0 {
		t.Errorf("%s %s", told(a), a.Message)
	}
	done(t, c, "UPDATE kv SET v = 'new' WHERE id = 5")
	bed.wantBoth(t, c, true)
	bed.reset(t)
	done(t, c, "BEGIN", "UPDATE kv SET v = 'new' WHERE id = 5")
	if a := say(t, c, "CALL ends()"); a.Code != 1235 || !strings.Contains(a.Message, "would end one part alone") {
		t.Errorf("%s %s", told(a), a.Message)
	}
	done(t, c, "UPDATE kv SET v = 'new' WHERE id = 0")
	bed.wantBoth(t, c, false)
}

// temporaryInTransaction makes a temporary table in the group that a transaction touches first, and second: there MySQL cannot.
func temporaryInTransaction(t *testing.T, bed *sessionBed) {
	for _, first := range []bool{true, false} {
		bed.reset(t)
		c := dial(t, bed.addr, "sbtest")
		done(t, c, "BEGIN")
		if first {
			done(t, c, "UPDATE kv SET v = 'new' WHERE id = 0")
		}
		done(t, c, "UPDATE kv SET v = 'new' WHERE id = 5")
		a := say(t, c, "CREATE TEMPORARY TABLE tt (i INT)")
		switch {
		case first || bed.Kind == servers.MariaDB:
			if a.Kind == raw.Error {
				t.Fatalf("%s %s", told(a), a.Message)
			}
			done(t, c, "INSERT INTO tt VALUES (1)")
		case a.Code != 1235 || !strings.Contains(a.Message, "make it before the transaction"):
			t.Errorf("%s %s", told(a), a.Message)
		}
		done(t, c, "UPDATE kv SET v = 'new' WHERE id = 0", "COMMIT")
		bed.wantBoth(t, c, true)
		c.Close()
	}
}
