package e2e

// across_groups_test.go: the session variable serval_transactions: the ways in which it is set and read, what resets it, and
// that no server hears of it. What it does is in the tests of transactions over several groups.

import (
	"strings"
	"testing"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

func TestServalTransactions(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			bed := newSessionBed(t, kind)
			t.Run("set", func(t *testing.T) { acrossGroupsSet(t, bed) })
			t.Run("prepared", func(t *testing.T) { acrossGroupsPrepared(t, bed) })
			t.Run("own database", func(t *testing.T) { ownDatabaseHidden(t, bed) })
			t.Run("reset", func(t *testing.T) { acrossGroupsReset(t, bed) })
		})
	}
}

// wantAcross checks the variable in all ways in which it can be read.
func wantAcross(t *testing.T, c *raw.Conn, want string) {
	t.Helper()
	for _, sql := range []string{"SELECT @@serval_transactions", "SELECT @@session.serval_transactions", "SHOW VARIABLES LIKE 'serval%'"} {
		got := texts(say(t, c, sql))
		if len(got) != 1 || !strings.HasSuffix(got[0], want) {
			t.Errorf("%s: %q, want %s", sql, got, want)
		}
	}
}

func acrossGroupsSet(t *testing.T, bed *sessionBed) {
	c, other := dial(t, bed.addr, "sbtest"), dial(t, bed.addr, "sbtest")
	defer c.Close()
	defer other.Close()
	wantAcross(t, c, "atomic")
	done(t, c, "SET @way = 'single', @none = NULL")
	for _, x := range []struct{ sql, want string }{
		{"SET serval_transactions = 'best_effort'", "best_effort"},
		{"SET SESSION serval_transactions = single", "single"},
		{"SET LOCAL serval_transactions = \"ATOMIC\"", "atomic"},
		{"SET @@serval_transactions := 'single'", "single"},
		{"set @@session.Serval_Transactions = Best_Effort", "best_effort"},
		{"SET serval_transactions = DEFAULT", "atomic"},
		{"SET serval_transactions = @way", "single"},
		{"SET serval_transactions = atomic, sql_mode = 'ANSI_QUOTES'", "atomic"},
		{"SET @a = 1, SESSION serval_transactions = \"single\", sql_mode = '', autocommit = 1", "single"},
		{"SET @@serval_transactions = 'atomic', serval_transactions = 'best_effort', @b = 2", "best_effort"},
		{"SET @c = @@serval_transactions, serval_transactions = 'single'", "single"},
	} {
		done(t, c, x.sql)
		wantAcross(t, c, x.want)
	}
	if got := texts(say(t, c, "SELECT @a, @b, @c, @@sql_mode, CONCAT(@@serval_transactions, '!') AS x, @@serval_transactions = 'SINGLE'")); got[0] != "1/2/best_effort//single!/1" {
		t.Errorf("%q", got)
	}
	if a := say(t, c, "SELECT @@serval_transactions"); a.Columns[0].Name != "@@serval_transactions" {
		t.Errorf("the column is called %q", a.Columns[0].Name)
	}
	wantAcross(t, other, "atomic")
	for sql, code := range map[string]uint16{
		"SET serval_transactions = 'twice'": 1231, "SET serval_transactions = ''": 1231, "SET serval_transactions = NULL": 1231, "SET serval_transactions = 1": 1231,
		"SET serval_transactions = @none": 1231, "SET @a = 7, serval_transactions = 'no', @b = 7": 1231,
		"SET @a = 7, serval_transactions = 'atomic', nosuch = 1": 1193,
		"SET GLOBAL serval_transactions = 'atomic'":              1235, "SET PERSIST serval_transactions = 'atomic'": 1235, "SET @@global.serval_transactions = 'atomic'": 1235,
		"SET serval_transactions = CONCAT('at', 'omic')": 1235,
	} {
		if bed.Kind == servers.MariaDB && strings.Contains(sql, "PERSIST") {
			continue
		}
		if a := say(t, c, sql); a.Kind != raw.Error || a.Code != code {
			t.Errorf("%s: %s, want error %d", sql, told(a), code)
		}
		wantAcross(t, c, "single")
	}
	if a := say(t, c, "SET GLOBAL serval_transactions = 'atomic'"); !strings.Contains(a.Message, "transactions.across_groups") {
		t.Errorf("no hint at the configuration: %s", a.Message)
	}
	if got := texts(say(t, c, "SELECT @a")); got[0] != "1" {
		t.Errorf("a SET that failed has done a part of it: %q", got)
	}
	if got := texts(say(t, c, "SHOW GLOBAL VARIABLES LIKE 'serval_transactions'")); len(got) != 1 || !strings.HasSuffix(got[0], "atomic") {
		t.Errorf("SHOW GLOBAL VARIABLES: %q", got)
	}
	done(t, c, "BEGIN", "UPDATE kv SET v = 'x' WHERE id = 0", "SET serval_transactions = 'best_effort'")
	wantAcross(t, c, "best_effort")
	done(t, c, "ROLLBACK")
	wantAcross(t, c, "best_effort")
}

func acrossGroupsPrepared(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	for _, sql := range []string{"SET serval_transactions = ?", "SET @a = ?, serval_transactions = ?"} {
		s, refused, err := c.Prepare(sql)
		if err != nil || refused != nil {
			t.Fatalf("%s: %v %+v", sql, err, refused)
		}
		for _, want := range []string{"single", "best_effort", "no"} {
			p := []raw.Parameter{raw.String(want)}
			if strings.Contains(sql, "@a") {
				p = append([]raw.Parameter{raw.BigInt(5)}, p...)
			}
			answers, err := s.Execute(p...)
			if err != nil {
				t.Fatal(err)
			}
			if want == "no" {
				if answers[0].Code != 1231 {
					t.Errorf("%s: %s", sql, told(&answers[0]))
				}
				continue
			}
			wantAcross(t, c, want)
		}
		_ = s.Close()
	}
	s, refused, err := c.Prepare("SELECT @@serval_transactions AS w, ? AS n")
	if err != nil || refused != nil {
		t.Fatalf("%v %+v", err, refused)
	}
	defer func() { _ = s.Close() }()
	for _, want := range []string{"single", "atomic"} {
		done(t, c, "SET serval_transactions = '"+want+"'")
		answers, err := s.Execute(raw.BigInt(1))
		if err != nil || answers[0].Kind != raw.Rows {
			t.Fatalf("%v %+v", err, answers)
		}
		if v, err := raw.BinaryValues(answers[0].Rows[0], answers[0].Columns); err != nil || string(v[0].Text) != want {
			t.Errorf("%v %q", err, v)
		}
	}
	done(t, c, "PREPARE p FROM 'SET serval_transactions = ?'", "SET @way = 'best_effort'", "EXECUTE p USING @way")
	wantAcross(t, c, "best_effort")
}

func acrossGroupsReset(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	done(t, c, "SET serval_transactions = 'single'")
	if a, err := c.ResetConnection(); err != nil || a.Kind == raw.Error {
		t.Fatalf("%v %+v", err, a)
	}
	wantAcross(t, c, "atomic")
	done(t, c, "SET serval_transactions = 'single'")
	if a, err := c.ChangeUser(servers.User, servers.Password, "sbtest"); err != nil || a.Kind == raw.Error {
		t.Fatalf("%v %+v", err, a)
	}
	wantAcross(t, c, "atomic")
}

// ownDatabaseHidden: clients do not see the database in which Serval keeps its decisions.
func ownDatabaseHidden(t *testing.T, bed *sessionBed) {
	for _, n := range bed.Nodes {
		if err := n.Exec("CREATE DATABASE IF NOT EXISTS serval", "CREATE TABLE IF NOT EXISTS serval.xa_decision (gtrid VARBINARY(64) PRIMARY KEY)"); err != nil {
			t.Fatal(err)
		}
	}
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	for _, sql := range []string{
		"SHOW DATABASES", "SHOW DATABASES LIKE 'serv%'", "SHOW SCHEMAS WHERE `Database` = 'serval'", "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA",
		"SELECT TABLE_SCHEMA FROM information_schema.TABLES", "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'serval'",
		"SELECT TABLE_SCHEMA FROM information_schema.COLUMNS", "SELECT TABLE_SCHEMA FROM information_schema.STATISTICS",
		"SELECT CONSTRAINT_SCHEMA FROM information_schema.KEY_COLUMN_USAGE", "SELECT CONSTRAINT_SCHEMA FROM information_schema.TABLE_CONSTRAINTS",
		"SHOW OPEN TABLES",
	} {
		a := say(t, c, sql)
		if a.Kind == raw.Error {
			t.Errorf("%s: %s", sql, told(a))
		}
		for _, row := range texts(a) {
			if strings.HasPrefix(row, "serval") || strings.Contains(row, "xa_decision") {
				t.Errorf("%s shows %q", sql, row)
			}
		}
	}
	for _, sql := range []string{
		"USE serval", "SELECT * FROM serval.xa_decision", "SHOW TABLES FROM serval", "SHOW CREATE TABLE serval.xa_decision", "DELETE FROM serval.xa_decision",
		"DESCRIBE serval.xa_decision", "SHOW INDEX FROM serval.xa_decision", "DROP TABLE serval.xa_decision", "LOCK TABLES serval.xa_decision READ", "SHOW CREATE DATABASE serval",
	} {
		if a := say(t, c, sql); a.Kind != raw.Error || a.Code != 1049 {
			t.Errorf("%s: %s", sql, told(a))
		}
	}
}
