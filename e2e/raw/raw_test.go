package raw_test

// raw_test.go: the client itself on real servers: what it sends is understood, what comes back is read.

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

func TestBinaryProtocol(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	for _, kind := range servers.Kinds(t) {
		s := servers.Start(t, kind)
		for _, o := range []raw.Options{{}, {DeprecateEOF: true, QueryAttributes: true, SessionTrack: true, MultiStatements: true}} {
			t.Run(fmt.Sprintf("%s/deprecateEOF=%t", kind, o.DeprecateEOF), func(t *testing.T) {
				o.User, o.Password = servers.User, servers.Password
				c, err := raw.Dial(s.Addr(), o)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				parameterTypes(t, c)
				longData(t, c)
				cursor(t, c)
				handles(t, c)
				otherUsers(t, c)
			})
		}
	}
}

func prepare(t *testing.T, c *raw.Conn, sql string) *raw.Statement {
	t.Helper()
	s, a, err := c.Prepare(sql)
	if err != nil || a != nil {
		t.Fatalf("prepare %s: %v %+v", sql, err, a)
	}
	return s
}

// row is the only row of an answer.
func row(t *testing.T, answers []raw.Answer, err error) string {
	t.Helper()
	if err != nil || len(answers) != 1 || len(answers[0].Rows) != 1 {
		t.Fatalf("answers %+v, error %v", answers, err)
	}
	return line(t, answers[0].Rows[0], answers[0].Columns)
}

func line(t *testing.T, row []byte, columns []raw.Column) string {
	t.Helper()
	values, err := raw.BinaryValues(row, columns)
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, v := range values {
		if v.Null {
			parts = append(parts, "NULL")
			continue
		}
		parts = append(parts, string(v.Text))
	}
	return strings.Join(parts, "|")
}

func parameterTypes(t *testing.T, c *raw.Conn) {
	all := []struct {
		p    raw.Parameter
		sql  string
		want string
	}{
		{raw.Int(mysql.MYSQL_TYPE_TINY, false, 0xff), "CAST(? AS SIGNED)", "-1"},
		{raw.Int(mysql.MYSQL_TYPE_TINY, true, 0xff), "CAST(? AS SIGNED)", "255"},
		{raw.Int(mysql.MYSQL_TYPE_SHORT, false, 0xfffe), "CAST(? AS SIGNED)", "-2"},
		{raw.Int(mysql.MYSQL_TYPE_LONG, false, 70000), "CAST(? AS SIGNED)", "70000"},
		{raw.BigInt(-1 << 63), "CAST(? AS SIGNED)", "-9223372036854775808"},
		{raw.Int(mysql.MYSQL_TYPE_LONGLONG, true, 1<<64-1), "CAST(? AS UNSIGNED)", "18446744073709551615"},
		{raw.Double(2.5), "CAST(? AS DECIMAL(5,2))", "2.50"},
		{raw.Float(0.25), "CAST(? AS DECIMAL(5,2))", "0.25"},
		{raw.Text(mysql.MYSQL_TYPE_NEWDECIMAL, "12.345"), "CAST(? AS DECIMAL(6,3))", "12.345"},
		{raw.String("it's"), "CONCAT(?, '!')", "it's!"},
		{raw.Text(mysql.MYSQL_TYPE_BLOB, "a\x00b"), "HEX(?)", "610062"},
		{raw.DateTime(mysql.MYSQL_TYPE_DATE, 2026, 11, 23, 0, 0, 0, 0), "CAST(? AS DATE)", "2026-11-23"},
		{raw.DateTime(mysql.MYSQL_TYPE_DATETIME, 2026, 11, 23, 1, 2, 3, 4), "CAST(? AS DATETIME(6))", "2026-11-23 01:02:03.000004"},
		{raw.DateTime(mysql.MYSQL_TYPE_TIMESTAMP, 2026, 11, 23, 1, 2, 3, 0), "CAST(? AS DATETIME)", "2026-11-23 01:02:03"},
		{raw.Time(true, 1, 2, 3, 4, 500000), "CAST(? AS TIME(2))", "-26:03:04.50"},
		{raw.Time(false, 0, 0, 0, 0, 0), "CAST(? AS TIME)", "00:00:00"},
		{raw.Null(), "?", "NULL"},
		{raw.NullOf(mysql.MYSQL_TYPE_LONG), "? IS NULL", "1"},
	}
	var sql, want []string
	var parameters []raw.Parameter
	for _, x := range all {
		sql, want, parameters = append(sql, x.sql), append(want, x.want), append(parameters, x.p)
	}
	s := prepare(t, c, "SELECT "+strings.Join(sql, ", "))
	if len(s.Parameters) != len(all) || len(s.Columns) != len(all) {
		t.Errorf("%d parameters and %d columns are described, want %d", len(s.Parameters), len(s.Columns), len(all))
	}
	for i, run := range []func(...raw.Parameter) ([]raw.Answer, error){s.Execute, s.Execute, s.ExecuteAgain} {
		answers, err := run(parameters...)
		if got := row(t, answers, err); got != strings.Join(want, "|") {
			t.Errorf("execution %d\n got %s\nwant %s", i+1, got, strings.Join(want, "|"))
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	values := prepare(t, c, "SELECT CAST(1.5 AS DOUBLE), 7, -7, CAST(2 AS UNSIGNED), 'x', NULL, CAST('2026-01-02' AS DATETIME(3))")
	answers, err := values.Execute()
	if got, want := row(t, answers, err), "1.5|7|-7|2|x|NULL|2026-01-02 00:00:00.000"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func longData(t *testing.T, c *raw.Conn) {
	s := prepare(t, c, "SELECT LENGTH(?), ?")
	for range 3 {
		if err := s.SendLong(0, []byte(strings.Repeat("x", 100000))); err != nil {
			t.Fatal(err)
		}
	}
	answers, err := s.Execute(raw.LongData(mysql.MYSQL_TYPE_BLOB), raw.String("b"))
	if got := row(t, answers, err); got != "300000|b" {
		t.Errorf("long data: %s", got)
	}
	if err := s.SendLong(0, []byte("gone")); err != nil {
		t.Fatal(err)
	}
	if a, err := s.Reset(); err != nil || a.Kind != raw.OK {
		t.Fatalf("reset: %+v, %v", a, err)
	}
	answers, err = s.Execute(raw.String("abc"), raw.String("c"))
	if got := row(t, answers, err); got != "3|c" {
		t.Errorf("after a reset: %s", got)
	}
}

func cursor(t *testing.T, c *raw.Conn) {
	s := prepare(t, c, "SELECT 1 UNION SELECT 2 UNION SELECT 3")
	answers, err := s.Open()
	if err != nil || len(answers) != 1 || len(answers[0].Rows) != 0 || answers[0].Status&0x40 == 0 {
		t.Fatalf("open: %+v, %v", answers, err)
	}
	var got []string
	for range 4 {
		a, err := s.Fetch(2)
		if err != nil || a.Kind == raw.Error {
			t.Fatalf("fetch: %+v, %v", a, err)
		}
		for _, r := range a.Rows {
			got = append(got, line(t, r, answers[0].Columns))
		}
		if a.Status&0x80 != 0 {
			break
		}
	}
	if fmt.Sprint(got) != "[1 2 3]" {
		t.Errorf("fetched %v", got)
	}
	if a, err := s.Fetch(1); err != nil || a.Kind != raw.Error {
		t.Errorf("fetch behind the end: %+v, %v", a, err)
	}
}

func handles(t *testing.T, c *raw.Conn) {
	if _, a, err := c.Prepare("SELEC 1"); err != nil || a == nil || a.Code != 1064 {
		t.Errorf("prepare of nonsense: %+v, %v", a, err)
	}
	answers, err := c.Unknown(4711).Execute()
	if err != nil || answers[0].Code != 1243 {
		t.Errorf("execute of an unknown handle: %+v, %v", answers, err)
	}
	s := prepare(t, c, "DO ?")
	if answers, err = s.Execute(raw.BigInt(1)); err != nil || answers[0].Kind != raw.OK {
		t.Errorf("DO: %+v, %v", answers, err)
	}
	if a, err := c.ResetConnection(); err != nil || a.Kind != raw.OK {
		t.Fatalf("reset connection: %+v, %v", a, err)
	}
	if answers, err = s.Execute(raw.BigInt(1)); err != nil || answers[0].Code != 1243 {
		t.Errorf("execute after a reset of the connection: %+v, %v", answers, err)
	}
}

func otherUsers(t *testing.T, c *raw.Conn) {
	for range 2 {
		if a, err := c.ChangeUser(servers.User, servers.Password, "mysql"); err != nil || a.Kind != raw.OK {
			t.Fatalf("change user: %+v, %v", a, err)
		}
	}
	answers, err := c.Query("SELECT DATABASE()")
	if err != nil || string(answers[0].Rows[0]) != "\x05mysql" {
		t.Errorf("database after the change: %+v, %v", answers, err)
	}
	if a, err := c.ChangeUser(servers.User, "wrong", ""); err == nil && a.Code != 1045 {
		t.Errorf("change user with a wrong password: %+v", a)
	}
}
