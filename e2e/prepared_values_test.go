package e2e

// prepared_values_test.go: prepared statements whose parameters are of any type and value, against every kind of shard
// key, compared with the plain server; and sessions that share backend connections with other settings.

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

// named is a parameter with what it is called in messages.
type named struct {
	name string
	raw.Parameter
}

// oddParameters are values at the borders, in every type that a client can send.
func oddParameters() []named {
	all := []named{{"NULL", raw.Null()}, {"NULL of BIGINT", raw.NullOf(mysql.MYSQL_TYPE_LONGLONG)},
		{"DOUBLE -0", raw.Double(math.Copysign(0, -1))}, {"DOUBLE 1e300", raw.Double(1e300)},
		{"TIME 10:00", raw.Time(false, 0, 10, 0, 0, 0)}, {"TIME 0", raw.Time(false, 0, 0, 0, 5, 0)}}
	for _, n := range []uint64{0, 1, 5, 42, 150, 1<<53 + 1, 1 << 63, math.MaxUint64, math.MaxUint64 - 4} {
		for _, unsigned := range []bool{false, true} {
			for _, typ := range []byte{mysql.MYSQL_TYPE_TINY, mysql.MYSQL_TYPE_SHORT, mysql.MYSQL_TYPE_LONG, mysql.MYSQL_TYPE_LONGLONG} {
				all = append(all, named{fmt.Sprintf("int type %d unsigned %t %d", typ, unsigned, n), raw.Int(typ, unsigned, n)})
			}
		}
	}
	for _, f := range []float64{5, 42, 42.5, 1 << 53} {
		all = append(all, named{fmt.Sprint("DOUBLE ", f), raw.Double(f)}, named{fmt.Sprint("FLOAT ", f), raw.Float(float32(f))})
	}
	for _, s := range []string{"", "5", "42", "042", "42 ", " 42", "4.2e1", "42.0", "-5", "42abc", "DE", "de", "de ", "d\u00e9", "Ca", "jp\x00", "\xff\xfe", "s-1", "2026-02-03", "2026-02-03 00:00:00",
		"2026-2-3", "20260203", "2026-01-31 23:59:59.9", "2026-01-01"} {
		for _, typ := range []byte{mysql.MYSQL_TYPE_VAR_STRING, mysql.MYSQL_TYPE_STRING, mysql.MYSQL_TYPE_BLOB, mysql.MYSQL_TYPE_NEWDECIMAL} {
			if typ == mysql.MYSQL_TYPE_NEWDECIMAL && (s == "" || strings.Trim(s, "0123456789.-") != "" || strings.Count(s, "-") > 1) {
				continue
			}
			all = append(all, named{fmt.Sprintf("text type %d %q", typ, s), raw.Text(typ, s)})
		}
	}
	for _, typ := range []byte{mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_TIMESTAMP} {
		all = append(all, named{fmt.Sprintf("date type %d", typ), raw.DateTime(typ, 2026, 2, 3, 0, 0, 0, 0)},
			named{fmt.Sprintf("month end type %d", typ), raw.DateTime(typ, 2026, 1, 31, 23, 59, 59, 900000)},
			named{fmt.Sprintf("zero type %d", typ), raw.DateTime(typ, 0, 0, 0, 0, 0, 0, 0)})
	}
	return all
}

// keyed are the tables of the shop by their shard keys, with a column to tell rows by.
var keyed = [][3]string{{"users", "user_id", "user_id"}, {"events", "id", "id"}, {"regions", "code", "id"}, {"logs", "at", "id"}, {"sessions", "sid", "sid"}, {"devices", "device_id", "device_id"}, {"tags", "tag_id", "tag_id"}}

func TestPreparedValues(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			p := newPair(b)
			defer p.close()
			for _, k := range keyed {
				t.Run(k[0], func(t *testing.T) { readOddKeys(t, p, k[0], k[1], k[2]) })
			}
		})
	}
}

// readOddKeys looks for every value by every comparison.
func readOddKeys(t *testing.T, p *pair, table, key, id string) {
	wrong := 0
	for _, cond := range []string{"%s = ?", "%s <=> ?", "? = %s", "%s IN (?, ?)", "%s BETWEEN ? AND ?", "%s < ?", "%s >= ?", "%s = -?", "%s > -?", "%[1]s = ? OR %[1]s = ?", "%s IN (?, 7, ?)"} {
		sql := fmt.Sprintf("SELECT "+id+", "+key+" FROM "+table+" WHERE "+cond+" ORDER BY 1, 2", key)
		c := &testCase{sql: sql, ignore: "warnings"}
		s, err := p.session(c)
		if err != nil {
			t.Fatal(err)
		}
		list := oddParameters()
		for i, v := range list {
			both := &both{session: s, c: c, sql: sql} // anew: a MySQL server's statements remember the types of their executions
			if d := both.prepare(); d != "" {
				t.Fatalf("%s\n%s", sql, d)
			}
			second := list[(i*7+3)%len(list)]
			if second.Type != v.Type || second.Unsigned != v.Unsigned { // MySQL compares two types by the access path that it takes
				second = v
			}
			args := []raw.Parameter{v.Parameter, second.Parameter}
			c := &testCase{sql: sql, ignore: "warnings"}
			if d := both.execute(v.name, c, (*raw.Statement).Execute, args[:strings.Count(sql, "?")]); d != "" {
				if wrong++; wrong < 12 {
					t.Errorf("%s with %s, %s\n%s", sql, v.name, second.name, d)
				}
			}
			if both.serval == nil || both.plain == nil {
				t.Fatalf("%s with %s: connection lost", sql, v.name)
			}
			both.close()
		}
	}
	if wrong > 0 {
		t.Logf("%d wrong", wrong)
	}
}
