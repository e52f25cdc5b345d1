package e2e

// clients_test.go: what clients meet beside their statements: logins, clients that are gone, commands. What other people's
// clients do is in e2e/clients.

import (
	"database/sql"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

func TestClients(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			t.Run("native password", func(t *testing.T) { nativePassword(t, b) })
			t.Run("logins", func(t *testing.T) { logins(t, b) })
			t.Run("abandoned", func(t *testing.T) { abandoned(t, b) })
			t.Run("commands", func(t *testing.T) { commands(t, b) })
			t.Run("statement prepared last", func(t *testing.T) { preparedLast(t, b) })
			t.Run("explain route", func(t *testing.T) { explainRoute(t, b) })
		})
	}
}

// nativePassword logs in with the plugin that old clients begin with, and that MySQL 9 has no more.
func nativePassword(t *testing.T, b *bed) {
	t.Helper()
	host, port, _ := strings.Cut(b.addr, ":")
	out, err := exec.Command("mariadb", "--no-defaults", "--default-auth=mysql_native_password", "--host="+host, "--port="+port, "--protocol=tcp",
		"--user="+servers.User, "--password="+servers.Password, "--batch", "--skip-column-names", "shop", "-e", "SELECT DATABASE()").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "shop" {
		t.Errorf("%s: %v", out, err)
	}
}

// logins are refused with the error that a server gives.
func logins(t *testing.T, b *bed) {
	t.Helper()
	for _, c := range []struct {
		name, dsn string
		code      uint16
	}{
		{"wrong password", "app:wrong@tcp(" + b.addr + ")/shop", 1045},
		{"no password", "app@tcp(" + b.addr + ")/shop", 1045},
		{"unknown user", "nobody:x@tcp(" + b.addr + ")/shop", 1045},
		{"unknown database", "app:app@tcp(" + b.addr + ")/nosuch", 1049},
		{"other's database", "shoponly:secret@tcp(" + b.addr + ")/crm", 1044},
		{"own database", "shoponly:secret@tcp(" + b.addr + ")/shop", 0},
		{"no database", "app:app@tcp(" + b.addr + ")/", 0},
	} {
		db, err := sql.Open("mysql", c.dsn)
		if err != nil {
			t.Fatal(err)
		}
		var code uint16
		var refused *mysql.MySQLError
		if err := db.Ping(); errors.As(err, &refused) {
			code = refused.Number
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if code != c.code {
			t.Errorf("%s: error %d, want %d", c.name, code, c.code)
		}
		_ = db.Close()
	}
}

// abandoned checks that a query whose client is gone does not run on.
func abandoned(t *testing.T, b *bed) {
	t.Helper()
	for _, query := range []string{
		"SELECT SLEEP(300), 'abandoned' FROM users WHERE user_id = 42",
		"SELECT user_id, REPEAT('abandoned', 400000) FROM users", // more than all buffers on the way
		"UPDATE users SET name = CONCAT(SLEEP(300), 'abandoned') WHERE user_id = 42",
	} {
		c := dial(t, b.addr, "shop")
		if err := c.Send(query); err != nil {
			t.Fatal(err)
		}
		if n := b.running(t, "abandoned", func(n int) bool { return n > 0 }); n == 0 {
			t.Errorf("%s does not run", query)
		}
		c.Cut()
		if n := b.running(t, "abandoned", func(n int) bool { return n == 0 }); n != 0 {
			t.Errorf("%s: still runs on %d connections after its client is gone", query, n)
		}
	}
}

// running counts the connections of the nodes whose statement contains word, for up to 5 s until enough says so.
func (b *bed) running(t *testing.T, word string, enough func(int) bool) int {
	t.Helper()
	n := 0
	for range 100 {
		n = 0
		for _, node := range b.Nodes {
			rows, err := node.Query("SELECT id FROM information_schema.processlist WHERE info LIKE '%" + word + "%' AND id <> CONNECTION_ID()")
			if err != nil {
				t.Fatal(err)
			}
			n += len(rows)
		}
		if enough(n) {
			return n
		}
		time.Sleep(50 * time.Millisecond)
	}
	return n
}

// commands compares what is not COM_QUERY.
func commands(t *testing.T, b *bed) {
	t.Helper()
	plain, serval := dial(t, b.Plain.Addr(), "shop"), dial(t, b.addr, "shop")
	defer plain.Close()
	defer serval.Close()
	for _, c := range []struct {
		name     string
		command  byte
		argument string
		fails    bool
	}{
		{"ping", 0x0e, "", false},
		{"init db", 0x02, "crm", false},
		{"init unknown db", 0x02, "nosuch", true},
		{"init db again", 0x02, "shop", false},
		{"unknown command", 0x63, "", true},
		{"ping", 0x0e, "", false},
	} {
		p, err1 := plain.Command(c.command, c.argument)
		s, err2 := serval.Command(c.command, c.argument)
		if err1 != nil || err2 != nil {
			t.Fatalf("%s: plain %v, serval %v", c.name, err1, err2)
		}
		p.Warnings, s.Warnings = 0, 0 // MySQL repeats in them what an earlier command had
		if d := answerDifference(p, s, &testCase{}); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
	for _, table := range []string{"users", "orders", "products", "settings", "audit_log", "nosuch"} {
		p, err1 := plain.FieldList(table, "")
		s, err2 := serval.FieldList(table, "")
		if err1 != nil || err2 != nil {
			t.Fatalf("field list of %s: plain %v, serval %v", table, err1, err2)
		}
		if d := answerDifference(p, s, &testCase{}); d != "" {
			t.Errorf("field list of %s: %s", table, d)
		}
	}
}

// preparedLast compares executions of "the statement prepared last", as MariaDB's drivers send them right behind a
// preparation. MySQL knows no such thing.
func preparedLast(t *testing.T, b *bed) {
	t.Helper()
	const last = 1<<32 - 1
	var answers [2][]string
	for side, addr := range []string{b.Plain.Addr(), b.addr} {
		c := dial(t, addr, "shop")
		defer c.Close()
		run := func(s *raw.Statement) {
			got, err := s.Execute()
			if err != nil {
				t.Fatal(err)
			}
			answers[side] = append(answers[side], describe(got))
		}
		var first *raw.Statement
		for _, sql := range []string{"SELECT name FROM users WHERE user_id = 42", "SELECT title FROM products WHERE product_id = 7"} {
			s, _, err := c.Prepare(sql)
			if err != nil || s == nil {
				t.Fatalf("%s: %v", sql, err)
			}
			first = s
			s.ID = last
			run(s)
			run(s)
		}
		if _, refused, err := c.Prepare("SELEC"); err != nil || refused == nil {
			t.Fatalf("a syntax error: %v", err)
		}
		run(first)
		s, _, err := c.Prepare("SELECT 1")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s.ID = last
		run(s)
	}
	if !slices.Equal(answers[0], answers[1]) {
		t.Errorf("plain:  %q\nserval: %q", answers[0], answers[1])
	}
}

// explainRoute checks the rows of EXPLAIN ROUTE: where, and what is asked there.
func explainRoute(t *testing.T, b *bed) {
	t.Helper()
	c := dial(t, b.addr, "shop")
	defer c.Close()
	for _, x := range []struct {
		sql      string
		rows     int
		contains []string
	}{
		{"SELECT * FROM users WHERE user_id = 42", 1, []string{"g0", "shop_2", "users"}},
		{"SELECT * FROM orders WHERE user_id = '7'", 1, []string{"g1", "orders_7"}},
		{"SELECT * FROM users ORDER BY name", 8, []string{"g0", "g1", "shop_0", "shop_7"}},
		{"SELECT * FROM events WHERE id BETWEEN 100 AND 199", 1, []string{"events_1"}},
		{"SELECT * FROM tags WHERE tag_id = 7", 1, []string{"shop_misc"}},
		{"SELECT * FROM devices WHERE device_id = 7", 1, []string{"shop_misc"}},
		{"SELECT * FROM sessions WHERE sid = 'alice'", 1, []string{"shop_misc"}},
		{"SELECT * FROM audit_log", 1, []string{"side"}},
	} {
		answers, err := c.Query("EXPLAIN ROUTE " + x.sql)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(texts(&answers[0]), "\n")
		if len(answers[0].Rows) != x.rows {
			t.Errorf("%s: %d rows, want %d: %s %s", x.sql, len(answers[0].Rows), x.rows, describe(answers), text)
		}
		for _, want := range x.contains {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in %s", x.sql, want, text)
			}
		}
	}
}
