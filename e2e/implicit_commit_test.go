package e2e

// implicit_commit_test.go: which statements commit what is open. router.Commits says it of a statement's words, and
// Serval acts on it: with a transaction in several groups it has to know before any server does. Both servers are asked
// here, statement by statement, and so is Serval.

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"serval/e2e/raw"
	"serval/e2e/servers"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// committer is a statement to be tried inside a transaction that has written.
type committer struct {
	sql     string
	before  []string // statements that it needs, outside of the transaction
	after   []string // what clears up behind it; may fail
	only    servers.Kind
	nowhere bool // no database is chosen
	differs bool // between the two servers: Serval refuses it
	wraps   bool // another statement, which its first words do not tell: likewise
}

const inTrans = 1

func implicitCommitters() []committer {
	temporary, view := []string{"CREATE TEMPORARY TABLE x (i INT)"}, []string{"CREATE VIEW w AS SELECT 1 AS a"}
	table, routine := []string{"CREATE TABLE x (i INT)"}, []string{"CREATE PROCEDURE q() SELECT 1"}
	dropX, dropQ, dropW := []string{"DROP TABLE x"}, []string{"DROP PROCEDURE q"}, []string{"DROP VIEW w"}
	return []committer{
		// what Serval lets through
		{sql: "CREATE TABLE x (i INT)", after: dropX},
		{sql: "CREATE TABLE x (i INT)", before: table, after: dropX}, // fails, and commits
		{sql: "CREATE TABLE IF NOT EXISTS x (i INT)", before: table, after: dropX},
		{sql: "CREATE TABLE x LIKE counters", after: dropX},
		{sql: "CREATE TEMPORARY TABLE x (i INT)", after: dropX},
		{sql: "CREATE TEMPORARY TABLE x AS SELECT 1 AS i", after: dropX},
		{sql: "DROP TEMPORARY TABLE x", before: temporary},
		{sql: "DROP TEMPORARY TABLE IF EXISTS x"},
		{sql: "DROP TEMPORARY TABLE x"}, // there is none
		{sql: "DROP TABLE x", before: table},
		{sql: "DROP TABLE x"},
		{sql: "DROP TABLE IF EXISTS x"},
		{sql: "CREATE TABLE nosuch.x (i INT)"},
		{sql: "CREATE VIEW nosuch.w AS SELECT 1"},
		{sql: "CREATE TABLE information_schema.x (i INT)"},
		{sql: "CREATE TABLE x (i INT)", nowhere: true},
		{sql: "DROP TABLE x", nowhere: true},
		{sql: "ALTER TABLE x ADD j INT", before: table, after: dropX},
		{sql: "ALTER TABLE x ADD i INT", before: table, after: dropX},
		{sql: "ALTER TABLE nosuch ADD i INT"},
		{sql: "ALTER TABLE x RENAME TO y", before: table, after: []string{"DROP TABLE y"}},
		{sql: "TRUNCATE TABLE x", before: table, after: dropX},
		{sql: "TRUNCATE x", before: table, after: dropX},
		{sql: "CREATE INDEX a ON x (i)", before: table, after: dropX},
		{sql: "DROP INDEX a ON x", before: []string{"CREATE TABLE x (i INT, INDEX a (i))"}, after: dropX},
		{sql: "DROP INDEX a ON x", before: table, after: dropX},
		{sql: "RENAME TABLE x TO y", before: table, after: []string{"DROP TABLE y"}},
		{sql: "RENAME TABLE nosuch TO y"},
		{sql: "ANALYZE TABLE x", before: table, after: dropX},
		{sql: "ANALYZE NO_WRITE_TO_BINLOG TABLE x", before: table, after: dropX},
		{sql: "ANALYZE TABLE nosuch"},
		{sql: "CREATE VIEW w AS SELECT 1 AS a", after: dropW},
		{sql: "CREATE OR REPLACE VIEW w AS SELECT 2 AS a", before: view, after: dropW},
		{sql: "ALTER VIEW w AS SELECT 3 AS a", before: view, after: dropW},
		{sql: "DROP VIEW w", before: view},
		{sql: "DROP VIEW w"},
		{sql: "CREATE PROCEDURE q() SELECT 1", after: dropQ},
		{sql: "CREATE PROCEDURE q() SELECT 1", before: routine, after: dropQ},
		{sql: "ALTER PROCEDURE q COMMENT 'c'", before: routine, after: dropQ},
		{sql: "DROP PROCEDURE q", before: routine},
		{sql: "DROP PROCEDURE q"},
		{sql: "DROP PROCEDURE IF EXISTS q"},
		{sql: "CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1", after: []string{"DROP FUNCTION f"}},
		{sql: "DROP FUNCTION f", before: []string{"CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1"}},
		{sql: "CREATE TRIGGER g BEFORE INSERT ON counters FOR EACH ROW SET @g = 1", after: []string{"DROP TRIGGER g"}},
		{sql: "DROP TRIGGER g", before: []string{"CREATE TRIGGER g BEFORE INSERT ON counters FOR EACH ROW SET @g = 1"}},
		{sql: "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SET @e = 1", after: []string{"DROP EVENT e"}},
		{sql: "ALTER EVENT e COMMENT 'c'", before: []string{"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SET @e = 1"}, after: []string{"DROP EVENT e"}},
		{sql: "DROP EVENT e", before: []string{"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SET @e = 1"}},
		{sql: "FLUSH TABLES"},
		{sql: "FLUSH TABLES counters"},
		{sql: "FLUSH LOCAL TABLES counters"},
		{sql: "LOCK TABLES counters WRITE", after: []string{"UNLOCK TABLES"}},
		{sql: "LOCK TABLES nosuch WRITE", after: []string{"UNLOCK TABLES"}},
		{sql: "UNLOCK TABLES"}, // there are none
		{sql: "BEGIN"},
		{sql: "START TRANSACTION READ ONLY"},
		{sql: "START TRANSACTION WITH CONSISTENT SNAPSHOT"},
		{sql: "SET autocommit = 1"}, // it was 1
		{sql: "SET autocommit = 0", after: []string{"SET autocommit = 1"}},
		{sql: "SET SESSION TRANSACTION READ WRITE"},
		{sql: "SET TRANSACTION READ WRITE"},
		{sql: "USE sbtest"},
		{sql: "SAVEPOINT s"},
		{sql: "SHOW TABLES"},
		{sql: "DESCRIBE counters"},
		{sql: "EXPLAIN SELECT * FROM counters"},
		{sql: "HANDLER counters OPEN", after: []string{"HANDLER counters CLOSE"}},
		{sql: "DO SLEEP(0)"},
		{sql: "SELECT GET_LOCK('l', 0)", after: []string{"DO RELEASE_LOCK('l')"}},
		{sql: "PREPARE p FROM 'DROP TABLE IF EXISTS x'", after: []string{"DEALLOCATE PREPARE p"}},
		{sql: "EXECUTE p", before: []string{"PREPARE p FROM 'DROP TABLE IF EXISTS x'"}, after: []string{"DEALLOCATE PREPARE p"}},
		{sql: "EXECUTE p", before: []string{"PREPARE p FROM 'SELECT 1'"}, after: []string{"DEALLOCATE PREPARE p"}},
		{sql: "DROP PREPARE p", before: []string{"PREPARE p FROM 'SELECT 1'"}},
		{sql: "/* comment */ DROP TABLE IF EXISTS x"},
		{sql: "/*! DROP TABLE IF EXISTS x */"},
		{sql: "EXECUTE IMMEDIATE 'DROP TABLE IF EXISTS x'", only: servers.MariaDB, wraps: true},
		{sql: "SET STATEMENT max_statement_time = 1 FOR DROP TABLE IF EXISTS x", only: servers.MariaDB, wraps: true},
		{sql: "BEGIN NOT ATOMIC COMMIT; END", only: servers.MariaDB, wraps: true},
		{sql: "/*M! DROP TABLE IF EXISTS x */", only: servers.MariaDB},
		{sql: "DROP TABLE"}, // syntax errors commit nothing
		{sql: "ALTER TABLE x ADD"},
		{sql: "CREATE TABLE x (i NOSUCH)"},
		// of temporary tables
		{sql: "DROP TABLE x", before: temporary},
		{sql: "ALTER TABLE x ADD j INT", before: temporary, after: dropX},
		{sql: "TRUNCATE TABLE x", before: temporary, after: dropX},
		{sql: "CREATE INDEX a ON x (i)", before: temporary, after: dropX},
		{sql: "DROP INDEX a ON x", before: []string{"CREATE TEMPORARY TABLE x (i INT, INDEX a (i))"}, after: dropX},
		{sql: "ALTER TABLE x RENAME TO y", before: temporary, after: []string{"DROP TABLE y"}},
		// what it refuses
		{sql: "OPTIMIZE TABLE counters"}, {sql: "REPAIR TABLE counters"}, {sql: "CHECK TABLE counters"}, {sql: "CHECKSUM TABLE counters"},
		{sql: "CREATE DATABASE IF NOT EXISTS sbtest"}, {sql: "ALTER DATABASE sbtest COMMENT 'x'", only: servers.MariaDB},
		{sql: "DROP DATABASE nosuch"}, {sql: "CREATE USER IF NOT EXISTS u"}, {sql: "ALTER USER u ACCOUNT UNLOCK"},
		{sql: "GRANT SELECT ON sbtest.* TO u"}, {sql: "REVOKE SELECT ON sbtest.* FROM u"}, {sql: "RENAME USER u TO v"}, {sql: "DROP USER IF EXISTS u, v"},
		{sql: "CREATE ROLE IF NOT EXISTS r"}, {sql: "DROP ROLE IF EXISTS r"}, {sql: "SET PASSWORD FOR nosuch = 'x'"},
		{sql: "FLUSH STATUS"}, {sql: "FLUSH PRIVILEGES"}, {sql: "FLUSH LOGS"},
		{sql: "RESET BINARY LOGS AND GTIDS", only: servers.MySQL}, {sql: "RESET QUERY CACHE", only: servers.MariaDB},
		{sql: "CACHE INDEX counters IN hot", differs: true}, {sql: "LOAD INDEX INTO CACHE counters", differs: true},
		{sql: "INSTALL PLUGIN nosuch SONAME 'nosuch.so'"}, {sql: "UNINSTALL PLUGIN nosuch"}, {sql: "UNINSTALL COMPONENT 'file://nosuch'", only: servers.MySQL},
		{sql: "LOCK INSTANCE FOR BACKUP", after: []string{"UNLOCK INSTANCE"}, only: servers.MySQL}, {sql: "BACKUP STAGE START", after: []string{"BACKUP STAGE END"}, only: servers.MariaDB},
		{sql: "STOP REPLICA", differs: true}, {sql: "START REPLICA"}, {sql: "CHANGE MASTER TO MASTER_HOST = 'nowhere'", only: servers.MariaDB},
		{sql: "KILL QUERY 1"}, {sql: "HELP 'x'"}, {sql: "SET ROLE NONE"},
		{sql: "XA START 'x'", after: []string{"XA END 'x'", "XA ROLLBACK 'x'"}}, {sql: "XA RECOVER"}, {sql: "XA COMMIT 'x'"}, {sql: "XA ROLLBACK 'x'"},
	}
}

func TestImplicitCommits(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			bed := newSessionBed(t, kind)
			for _, c := range implicitCommitters() {
				if c.only != "" && c.only != kind {
					continue
				}
				t.Run(c.sql, func(t *testing.T) { c.run(t, bed) })
			}
		})
	}
}

// run tries the statement on the plain server and through Serval.
func (c *committer) run(t *testing.T, bed *sessionBed) {
	plain, plainFlags, plainCommitted := c.try(t, bed.Plain.Addr())
	if said := c.said(plain); said != nil && *said != plainCommitted {
		t.Errorf("router.Commits says %t, the server %t (%s)", *said, plainCommitted, told(plain))
	}
	serval, servalFlags, servalCommitted := c.try(t, bed.addr)
	refused := serval.Kind == raw.Error && serval.Code == 1235
	if (c.differs || c.wraps) && !refused {
		t.Errorf("it is not refused: %s", told(serval))
	}
	if refused {
		if servalCommitted || servalFlags&inTrans == 0 {
			t.Errorf("refused, and committed: %s", serval.Message)
		}
		return
	}
	if told(plain) != told(serval) || plainFlags != servalFlags || plainCommitted != servalCommitted {
		t.Errorf("the server: %s %s, status %#x, committed %t\nserval: %s %s, status %#x, committed %t",
			told(plain), plain.Message, plainFlags, plainCommitted, told(serval), serval.Message, servalFlags, servalCommitted)
	}
}

// said is what router.Commits says; nil for what it does not have to know: what is the session's, and errors that are found
// in reading the statement.
func (c *committer) said(plain *raw.Answer) *bool {
	if c.differs || c.wraps || plain.Kind == raw.Error && slices.Contains([]uint16{1044, 1046, 1064, 4161}, plain.Code) {
		return nil
	}
	var st fingerprint.Statement
	st.Scan([]byte(c.sql), 0)
	if st.Executable || st.Begins("begin") || st.Begins("start") || st.Begins("execute") {
		return nil
	}
	said := router.Commits(&st)
	return &said
}

// try runs the statement in a transaction that has written a row: the answer, the status behind it, and whether the row
// is there after a ROLLBACK.
func (c *committer) try(t *testing.T, addr string) (a *raw.Answer, flags uint16, committed bool) {
	t.Helper()
	database := "sbtest"
	if c.nowhere {
		database = ""
	}
	conn, watcher := dial(t, addr, database), dial(t, addr, database)
	defer conn.Close()
	defer watcher.Close()
	done(t, conn, c.before...)
	done(t, conn, "BEGIN", "INSERT INTO sbtest.counters (label) VALUES ('open')")
	a = say(t, conn, c.sql)
	flags = say(t, conn, "DO 0").Status & (inTrans | 2)
	say(t, conn, "ROLLBACK")
	for _, sql := range c.after {
		say(t, conn, sql)
	}
	say(t, conn, "ROLLBACK") // of what autocommit = 0 has begun
	committed = fmt.Sprint(texts(say(t, watcher, "SELECT COUNT(*) FROM sbtest.counters"))) == "[1]"
	done(t, watcher, "DELETE FROM sbtest.counters")
	return a, flags, committed
}

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
