package e2e

// prepared_scenarios_test.go: what happens to prepared statements over time: definitions change under them, connections to
// servers are lost, servers have no room for more, statements have very many parameters. The plain server says what is right.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

func TestPreparedStatements(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			bed := newSessionBed(t, kind)
			for _, s := range []struct {
				name string
				run  func(*testing.T, *sessionBed)
			}{
				{"changed table", preparedChanged}, {"question marks", preparedMarks}, {"many parameters", preparedMany},
				{"text statements", preparedTexts}, {"connections lost", preparedLost}, {"long data", preparedLong},
				{"cursors", preparedCursors}, {"no room on the server", preparedNoRoom},
			} {
				t.Run(s.name, func(t *testing.T) {
					bed.reset(t)
					s.run(t, bed)
				})
			}
		})
	}
}

// onBoth runs a scenario on the plain server and through Serval and compares what it notes, line by line.
func onBoth(t *testing.T, bed *sessionBed, scenario func(t *testing.T, c *raw.Conn, note func(what string, a any))) {
	t.Helper()
	var notes [2][]string
	for i, addr := range []string{bed.Plain.Addr(), bed.addr} {
		c := dial(t, addr, "sbtest")
		scenario(t, c, func(what string, a any) {
			text := fmt.Sprint(a)
			switch a := a.(type) {
			case []raw.Answer:
				text = told(&a[len(a)-1])
			case *raw.Answer:
				text = told(a)
			}
			notes[i] = append(notes[i], fmt.Sprintf("%.80s: %.300s", what, text))
		})
		c.Close()
	}
	for i := range notes[0] {
		if i >= len(notes[1]) || notes[0][i] != notes[1][i] {
			t.Errorf("step %d\n plain  %s\n serval %s", i+1, notes[0][i], append(notes[1], "nothing")[min(i, len(notes[1]))])
		}
	}
}

// preparedOn prepares a statement that must be one.
func preparedOn(t *testing.T, c *raw.Conn, sql string) *raw.Statement {
	t.Helper()
	s, a, err := c.Prepare(sql)
	if err != nil || a != nil {
		t.Fatalf("prepare %.100s: %+v %v", sql, a, err)
	}
	return s
}

// executed runs a statement whose connection must not fail.
func executed(t *testing.T, s *raw.Statement, parameters ...raw.Parameter) []raw.Answer {
	t.Helper()
	answers, err := s.Execute(parameters...)
	if err != nil {
		t.Fatalf("execute: %v", err)
	}
	return answers
}

// preparedChanged: ALTER TABLE and DROP TABLE between executions.
func preparedChanged(t *testing.T, bed *sessionBed) {
	onBoth(t, bed, func(t *testing.T, c *raw.Conn, note func(string, any)) {
		done(t, c, "DROP TABLE IF EXISTS notes", "CREATE TABLE notes (id INT PRIMARY KEY, a VARCHAR(20))", "INSERT INTO notes VALUES (1, 'one'), (2, 'two')")
		all, one := preparedOn(t, c, "SELECT * FROM notes ORDER BY id"), preparedOn(t, c, "SELECT a FROM notes WHERE id = ?")
		in := preparedOn(t, c, "INSERT INTO notes VALUES (?, ?)")
		step := func(what string) {
			answers := executed(t, all)
			note(what+": all", answers)
			note(what+": columns", answers[0].Columns)
			note(what+": one", executed(t, one, raw.BigInt(2)))
		}
		step("before")
		done(t, c, "ALTER TABLE notes ADD COLUMN b INT DEFAULT 7")
		step("a column more")
		note("insert", executed(t, in, raw.BigInt(3), raw.String("three")))
		done(t, c, "DELETE FROM notes", "ALTER TABLE notes MODIFY a BIGINT UNSIGNED NULL, DROP COLUMN b", "INSERT INTO notes VALUES (2, 18446744073709551615)")
		step("another type")
	})
	onBoth(t, bed, func(t *testing.T, c *raw.Conn, note func(string, any)) {
		done(t, c, "DROP TABLE IF EXISTS notes", "CREATE TABLE notes (id INT PRIMARY KEY, a VARCHAR(20))", "INSERT INTO notes VALUES (1, 'one'), (2, 'two')")
		one := preparedOn(t, c, "SELECT a FROM notes WHERE id = ?")
		note("before", executed(t, one, raw.BigInt(1)))
		done(t, c, "DROP TABLE notes")
		note("dropped", executed(t, one, raw.BigInt(1)))
		done(t, c, "CREATE TABLE notes (id INT PRIMARY KEY, z INT, a DOUBLE)", "INSERT INTO notes VALUES (1, 5, 2.5)")
		answers := executed(t, one, raw.BigInt(1))
		note("another of the name", answers)
		note("its columns", answers[0].Columns)
		done(t, c, "DROP TABLE notes")
	})
}

// preparedMarks: question marks that are no parameters.
func preparedMarks(t *testing.T, bed *sessionBed) {
	onBoth(t, bed, func(t *testing.T, c *raw.Conn, note func(string, any)) {
		for _, sql := range []string{
			"SELECT '?', \"a?\", 'it''s ?', '\\'?', ? AS `q?` /* ? */ -- ?\n FROM kv WHERE id = ? # ?",
			"SELECT '?' FROM kv /* ? */ WHERE id = 3 -- ?", "SELECT v AS `?` FROM kv WHERE id = ? AND v <> '?'",
			"SELECT /*! ? + */ ? AS n", "SELECT ?/?", "SELECT ? IN (?,?), ?", "SELECT @a := ?, ?",
		} {
			s, a, err := c.Prepare(sql)
			if err != nil {
				t.Fatal(err)
			}
			if s == nil {
				note(sql, a)
				continue
			}
			note(sql+" parameters", len(s.Parameters))
			var values []raw.Parameter
			for i := range s.Parameters {
				values = append(values, raw.BigInt(int64(i+2)))
			}
			note(sql, executed(t, s, values...))
		}
	})
}

// preparedMany: as many parameters as there can be, and one more.
func preparedMany(t *testing.T, bed *sessionBed) {
	onBoth(t, bed, func(t *testing.T, c *raw.Conn, note func(string, any)) {
		marks := func(n int) string { return strings.Repeat("?,", n-1) + "?" }
		s := preparedOn(t, c, "SELECT v FROM kv WHERE id IN ("+marks(65535)+") ORDER BY id")
		note("parameters", len(s.Parameters))
		values := make([]raw.Parameter, 65535)
		for i := range values {
			values[i] = raw.BigInt(int64(i - 65000))
		}
		note("all", executed(t, s, values...))
		values[0] = raw.Null()
		note("with a NULL", executed(t, s, values...))
		_, a, err := c.Prepare("SELECT v FROM kv WHERE id IN (" + marks(65536) + ")")
		if err != nil {
			t.Fatal(err)
		}
		note("one more", a)
		one := preparedOn(t, c, "SELECT LENGTH(CONCAT("+marks(5000)+")) FROM kv WHERE id = 1")
		note("one shard", executed(t, one, values[1:5001]...))
	})
}

// preparedTexts: PREPARE, EXECUTE and DEALLOCATE as texts.
func preparedTexts(t *testing.T, bed *sessionBed) {
	onBoth(t, bed, func(t *testing.T, c *raw.Conn, note func(string, any)) {
		for _, sql := range []string{
			"PREPARE s FROM 'SELECT v FROM kv WHERE id = ?'", "SET @a = 3, @b = 'x', @n = NULL", "EXECUTE s USING @a", "EXECUTE s USING @n", "EXECUTE s USING @never",
			"EXECUTE s", "EXECUTE s USING @a, @b", "EXECUTE nosuch", "DEALLOCATE PREPARE nosuch", "PREPARE s FROM 'SELEC'", "EXECUTE s USING @a",
			"SET @q = 'SELECT v, ? FROM kv WHERE id IN (?, 5) ORDER BY id'", "PREPARE s FROM @q", "EXECUTE s USING @b, @a", "SET @a = 0", "EXECUTE s USING @b, @a",
			"PREPARE u FROM 'UPDATE kv SET v = ? WHERE id = ?'", "EXECUTE u USING @b, @a", "SELECT ROW_COUNT()", "SELECT v FROM kv WHERE id = 0",
			"DEALLOCATE PREPARE u", "EXECUTE u USING @b, @a", "DROP PREPARE s", "EXECUTE s", "PREPARE p FROM 'PREPARE q FROM ''SELECT 1'''", "PREPARE m FROM 'SELECT 1; SELECT 2'",
			"PREPARE z FROM ''", "BEGIN", "PREPARE t FROM 'INSERT INTO kv VALUES (?, ?)'", "SET @id = 100", "EXECUTE t USING @id, @b", "EXECUTE t USING @id, @b", "ROLLBACK",
			"SELECT COUNT(*) FROM kv WHERE id = 100", "DEALLOCATE PREPARE t",
		} {
			note(sql, say(t, c, sql))
		}
	})
}

// preparedLost: the servers close Serval's connections between executions, and are restarted.
func preparedLost(t *testing.T, bed *sessionBed) {
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	one := preparedOn(t, c, "SELECT v FROM kv WHERE id = ?")
	all := preparedOn(t, c, "SELECT id, v FROM kv WHERE id >= ? ORDER BY id")
	check := func(when string) {
		t.Helper()
		for id := range int64(8) {
			if got := told(&executed(t, one, raw.BigInt(id))[0]); !strings.HasPrefix(got, `["old"]`) {
				t.Errorf("%s: row %d is %s", when, id, got)
			}
		}
		if a := executed(t, all, raw.BigInt(0))[0]; len(a.Rows) != 8 {
			t.Errorf("%s: %s", when, told(&a))
		}
		again, err := all.ExecuteAgain(raw.BigInt(4))
		if err != nil || len(again[0].Rows) != 4 {
			t.Errorf("%s, without types: %+v %v", when, again, err)
		}
	}
	check("first")
	for _, n := range bed.Nodes {
		rows, err := n.Query("SELECT id FROM information_schema.processlist WHERE user = 'app' AND id <> CONNECTION_ID()")
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			_ = n.Exec("KILL " + r[0]) // may have gone by itself
		}
	}
	time.Sleep(200 * time.Millisecond)
	check("killed")
	for _, n := range bed.Nodes {
		if err := n.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(1500 * time.Millisecond) // a server that was found away is left alone for a moment
	check("restarted")
}

// preparedLong: long data of several pieces, forgotten by RESET and by an execution.
func preparedLong(t *testing.T, bed *sessionBed) {
	onBoth(t, bed, func(t *testing.T, c *raw.Conn, note func(string, any)) {
		s := preparedOn(t, c, "SELECT LENGTH(?), CRC32(?), v FROM kv WHERE id = ?")
		long := func(n int, text string) {
			if err := s.SendLong(n, []byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		for range 5 {
			long(0, strings.Repeat("x", 1<<20))
		}
		long(1, "abc")
		note("pieces", executed(t, s, raw.LongData(mysql.MYSQL_TYPE_BLOB), raw.LongData(mysql.MYSQL_TYPE_VAR_STRING), raw.BigInt(5)))
		note("forgotten", executed(t, s, raw.String("a"), raw.String("b"), raw.BigInt(1)))
		long(0, "reset")
		a, err := s.Reset()
		if err != nil {
			t.Fatal(err)
		}
		note("reset", a)
		note("after", executed(t, s, raw.String("abcd"), raw.String("b"), raw.BigInt(1)))
		if bed.Kind == servers.MySQL { // MariaDB 10.11 does not find the row
			long(2, "7") // the key itself
			note("long key", executed(t, s, raw.String("abcd"), raw.String("b"), raw.LongData(mysql.MYSQL_TYPE_VAR_STRING)))
		}
		long(77, "no such parameter")
		note("of no parameter", executed(t, s, raw.String("abcd"), raw.String("b"), raw.BigInt(1)))
		note("afterwards", executed(t, s, raw.String("abcd"), raw.String("b"), raw.BigInt(1)))
		if a, err = s.Reset(); err != nil {
			t.Fatal(err)
		}
		note("second reset", a)
		note("at last", executed(t, s, raw.String("abcd"), raw.String("b"), raw.BigInt(1)))
	})
}

// preparedCursors: rows are fetched in pieces, from one shard and from several.
func preparedCursors(t *testing.T, bed *sessionBed) {
	onBoth(t, bed, func(t *testing.T, c *raw.Conn, note func(string, any)) {
		for _, sql := range []string{"SELECT id, v FROM kv WHERE id >= ? ORDER BY id", "SELECT id, v FROM kv WHERE id = ?", "SELECT ?"} {
			s := preparedOn(t, c, sql)
			answers, err := s.Open(raw.BigInt(2))
			if err != nil {
				t.Fatal(err)
			}
			note(sql+" open", fmt.Sprintf("%d rows, cursor %#x", len(answers[0].Rows), answers[0].Status&0xc0))
			note("another statement beside it", say(t, c, "SELECT v FROM kv WHERE id = 1"))
			for range 5 {
				a, err := s.Fetch(2)
				if err != nil {
					t.Fatal(err)
				}
				if a.Kind == raw.Error {
					note("fetch", a)
					continue
				}
				var rows []string
				for _, r := range a.Rows {
					values, err := raw.BinaryValues(r, answers[0].Columns)
					if err != nil {
						t.Fatal(err)
					}
					rows = append(rows, fmt.Sprint(values))
				}
				note("fetch", fmt.Sprintf("%v status %#x", rows, a.Status&0xc3))
			}
			if _, err := s.Reset(); err != nil {
				t.Fatal(err)
			}
			a, err := s.Fetch(1)
			if err != nil {
				t.Fatal(err)
			}
			note("fetch behind a reset", a)
		}
	})
}

// preparedNoRoom: the servers take a few statements only; the client's are more than that, and stay in use.
func preparedNoRoom(t *testing.T, bed *sessionBed) {
	for _, n := range bed.Nodes {
		if err := n.Exec("SET GLOBAL max_prepared_stmt_count = 5"); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := n.Exec("SET GLOBAL max_prepared_stmt_count = 16382"); err != nil {
				t.Error(err)
			}
		}()
	}
	c := dial(t, bed.addr, "sbtest")
	defer c.Close()
	var all []*raw.Statement
	for i := range 20 {
		s, a, err := c.Prepare(fmt.Sprintf("SELECT v, %d FROM kv WHERE id = ?", i))
		if err != nil {
			t.Fatal(err)
		}
		if a != nil && a.Code == 1461 { // as a server says it: the client's own count is limited too
			break
		}
		if a != nil {
			t.Fatalf("prepare %d: %s", i, told(a))
		}
		all = append(all, s)
	}
	if len(all) < 4 {
		t.Errorf("only %d statements could be prepared where a server takes 5", len(all))
	}
	for range 3 {
		for i, s := range all {
			a := executed(t, s, raw.BigInt(int64(i%8)))[0]
			if want := fmt.Sprintf(`["old/%d"]`, i); !strings.HasPrefix(told(&a), want) {
				t.Errorf("statement %d: %s, want %s", i, told(&a), want)
			}
		}
	}
}
