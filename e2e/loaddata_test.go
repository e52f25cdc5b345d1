package e2e

// loaddata_test.go: LOAD DATA LOCAL INFILE into tables in several places does what it does on one server: the same file
// is loaded into the plain server and through Serval, and everything that can be seen afterwards is compared.

import (
	"database/sql"
	"fmt"
	"io"
	"sort"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"serval/e2e/servers"
)

func TestLoadData(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			localInfile(t, b, "ON")
			for _, l := range loads {
				t.Run(l.name, func(t *testing.T) {
					if l.only != "" && l.only != string(kind) {
						return
					}
					b.restore(t)
					newLoadPair(t, b).compare(t, l)
				})
			}
		})
	}
}

// load is a file and a statement for it; FILE stands for the file's name.
type load struct {
	name, only string
	before     []string
	sql        string
	file       string
	loose      bool   // the order of the warnings is not compared
	refused    string // what Serval's refusal says
	ask        []string
}

var loads = []load{
	{name: "columns in the table's order", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders",
		file: "9001\t1\tnew\t1.50\t2026-01-02 03:04:05\tone\n9002\t2\tpaid\t2\t\\N\ttwo\n9003\t3\tx\t3.999\t2026-01-02\tthree\n"},
	{name: "a column list", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders FIELDS TERMINATED BY ',' ENCLOSED BY '\"' IGNORE 1 LINES (user_id, order_id, note)",
		file: "user,order,note\n1,9001,\"a,b\"\n2,9002,\"c\nd\"\n3,9003,\"e\"\"f\"\n4,9004,NULL\n"},
	{name: "no last terminator", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders FIELDS TERMINATED BY ',' (user_id, order_id)", file: "1,9001\n2,9002\n3,9003"},
	{name: "an empty file", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders (user_id, order_id)", file: ""},
	{name: "duplicates are left out", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE users FIELDS TERMINATED BY ',' (user_id, name)", file: "1,again\n9001,new\n9002,new\n9001,twice\n2,again\n", loose: true},
	{name: "REPLACE", sql: "LOAD DATA LOCAL INFILE FILE REPLACE INTO TABLE users FIELDS TERMINATED BY ',' (user_id, name)", file: "1,again\n9001,new\n9002,new\n9001,twice\n2,again\n"},
	{name: "REPLACE is strict", sql: "LOAD DATA LOCAL INFILE FILE REPLACE INTO TABLE orders FIELDS TERMINATED BY ',' (user_id, order_id, total)", file: "1,9001,1\n2,9002,2\n3,9003,x\n4,9004,y\n"},
	{name: "conversions warn", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders FIELDS TERMINATED BY ',' (user_id, order_id, total, placed)", file: "1,9001,1x,2026-13-01\n2,9002,abc,\n3,9003,99999999999,nonsense\n4,9004\n5,9005,1,2026-01-01,more,than\n"},
	{name: "SET and variables", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders FIELDS TERMINATED BY ',' (@u, order_id, @n, @unused) SET user_id = @u, note = CONCAT(UPPER(@n), '-', @u), placed = NOW()",
		before: []string{"SET timestamp = 1767323045"}, file: "1,9001,a,z\n2,9002,b,y\n3,9003,c,x\n4,9004\n", ask: []string{"SELECT @u, @n, @unused"}},
	{name: "the key is a literal", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders FIELDS TERMINATED BY ',' (order_id, note) SET user_id = 7", file: "9001,a\n9002,b\n"},
	{name: "the key is a literal of no shard", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders (order_id) SET user_id = 'x'", file: "9001\n", refused: "where to load"},
	{name: "the session's functions", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders (order_id, user_id) SET note = CONCAT(DATABASE(), LAST_INSERT_ID())", file: "9001\t1\n9002\t2\n"},
	{name: "an empty key is 0", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders FIELDS TERMINATED BY ',' (user_id, order_id)", file: ",9001\n1,9002\n"},
	{name: "NULL for a key that cannot be", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders FIELDS TERMINATED BY ',' (user_id, order_id)", file: "\\N,9001\n1,9002\n"},
	{name: "a line without the key", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders FIELDS TERMINATED BY ',' (order_id, user_id)", file: "9001\n9002,1\n"},
	{name: "a key that cannot be mapped", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders FIELDS TERMINATED BY ',' (user_id, order_id)", file: "1,9001\n2x,9002\n", refused: "line 2"},
	{name: "a range that is not there", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE logs FIELDS TERMINATED BY ','", file: "1999-01-01\n", refused: "line 1"},
	{name: "bytes that are no characters", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' (user_id, order_id, note)", file: "1,9001,a\n1,9002,\xff\n", refused: "line 2"},
	{name: "latin1", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders CHARACTER SET latin1 FIELDS TERMINATED BY ',' (user_id, order_id, note)", file: "1,9001,\xe4\n2,9002,\xf6\n"},
	{name: "gbk", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders CHARACTER SET gbk FIELDS TERMINATED BY ',' (user_id, order_id, note)", file: "1,9001,\xb0\xa1\x81\x5c\n2,9002,\x81\x5c,\n"},
	{name: "text keys", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE sessions FIELDS TERMINATED BY ',' (sid)", file: "ab\nÄb\n\"x\"\n"},
	{name: "text keys of latin1", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE sessions CHARACTER SET latin1 FIELDS TERMINATED BY ',' (sid)", file: "ab\n\xc4b\n"},
	{name: "a broadcast table", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE products FIELDS TERMINATED BY ','", file: "9001,t1,c,1.5\n9002,t2,\\N,x\n1,again,c,2\n"},
	{name: "unknown column", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders (user_id, order_id, nothing)", file: "1\t9001\t1\n"},
	{name: "LINES STARTING BY", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders FIELDS TERMINATED BY ',' LINES STARTING BY 'xx' (user_id, order_id)", file: "xx1,9001\nno\nyy xx2,9002\n3,9003\n"},
	{name: "one terminator for both", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders FIELDS TERMINATED BY ',' LINES TERMINATED BY ',' (user_id, order_id)", file: "1,9001,2,9002,3"},
	{name: "an old name of the character set", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE orders CHARACTER SET utf8mb3 (user_id, order_id)", file: "1\t9001\n2\t9002\n"},
	{name: "a table that is qualified", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE shop.orders (user_id, order_id)", file: "1\t9001\n2\t9002\n"},
}

// loadPair is a connection to the plain server and one to Serval.
type loadPair struct {
	b     *bed
	conns [2]*sql.Conn
}

func newLoadPair(t *testing.T, b *bed) *loadPair {
	p := &loadPair{b: b}
	for i, addr := range []string{b.Plain.Addr(), b.addr} {
		p.conns[i] = openDB(t, "app:app@tcp("+addr+")/shop?charset=utf8mb4")
	}
	return p
}

// both runs a statement on both sides and compares the outcome.
func (p *loadPair) both(t *testing.T, statement string) {
	t.Helper()
	var outcome [2]string
	for i, c := range p.conns {
		outcome[i] = loadOutcome(t, c, statement)
	}
	if outcome[0] != outcome[1] {
		t.Errorf("%s: %s, want %s", statement, outcome[1], outcome[0])
	}
}

// loadOutcome is what a client is told.
func loadOutcome(t *testing.T, c *sql.Conn, statement string) (told string) {
	t.Helper()
	r, err := c.ExecContext(t.Context(), statement)
	if err != nil {
		return err.Error()
	}
	n, _ := r.RowsAffected()
	id, _ := r.LastInsertId()
	return fmt.Sprintf("%d rows, id %d", n, id)
}

// compare loads the file on both sides.
func (p *loadPair) compare(t *testing.T, l load) {
	t.Helper()
	mysql.RegisterReaderHandler("load", func() io.Reader { return strings.NewReader(l.file) })
	statement := strings.Replace(l.sql, "INFILE FILE", "INFILE 'Reader::load'", 1)
	for _, before := range l.before {
		p.both(t, before)
	}
	if l.refused != "" {
		if got := loadOutcome(t, p.conns[1], statement); !strings.Contains(got, "1235") || !strings.Contains(got, l.refused) {
			t.Errorf("%s: %s, want a refusal with %q", l.sql, got, l.refused)
		}
		return
	}
	p.both(t, statement)
	p.warnings(t, l)
	for _, ask := range append([]string{"SELECT ROW_COUNT()", "SELECT LAST_INSERT_ID()"}, l.ask...) {
		if want, got := sqlRows(t, p.conns[0], ask), sqlRows(t, p.conns[1], ask); want != got {
			t.Errorf("%s: %s: %s, want %s", l.sql, ask, got, want)
		}
	}
	p.b.compareContents(t)
}

// warnings compares SHOW WARNINGS and the counts.
func (p *loadPair) warnings(t *testing.T, l load) {
	t.Helper()
	var lists [2]string
	for i, c := range p.conns {
		lists[i] = sqlRows(t, c, "SHOW WARNINGS")
		if l.loose {
			rows := strings.Split(lists[i], ";")
			sort.Strings(rows)
			lists[i] = strings.Join(rows, ";")
		}
	}
	if lists[0] != lists[1] {
		t.Errorf("%s: warnings %s, want %s", l.sql, lists[1], lists[0])
	}
	if want, got := sqlRows(t, p.conns[0], "SELECT @@warning_count"), sqlRows(t, p.conns[1], "SELECT @@warning_count"); want != got {
		t.Errorf("%s: %s warnings, want %s", l.sql, got, want)
	}
}
