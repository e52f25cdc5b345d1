package e2e

// implicit_commit_test.go: which statements commit what is open. router.Commits says it of a statement's words, and
// Serval acts on it: with a transaction in several groups it has to know before any server does. Both servers are asked
// here, statement by statement, and so is Serval.

import (
	"fmt"
	"slices"
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
