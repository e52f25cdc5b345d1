package e2e

// loaddata_big_test.go: a file that is much longer than Serval's memory may grow, loaded into one server and through Serval.

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"serval/e2e/cluster"
	"serval/e2e/servers"
)

const loadDDL = `USE sbtest;
CREATE TABLE big (
  id BIGINT NOT NULL PRIMARY KEY,
  name VARCHAR(60) NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  at DATETIME NOT NULL,
  note VARCHAR(100),
  KEY by_at (at)
);
`

// bigFile is a CSV file of rows that are made as they are read.
type bigFile struct {
	rows, next int
	line, left []byte
}

func (f *bigFile) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(f.left) == 0 {
			if f.next == f.rows {
				return n, io.EOF
			}
			f.next++
			f.line = fmt.Appendf(f.line[:0], "%d,\"name, of %d\",%d.%02d,2026-01-%02d 03:04:05,some note of some length %d\n",
				f.next, f.next, f.next%1000, f.next%100, 1+f.next%28, f.next*7)
			f.left = f.line
		}
		k := copy(p[n:], f.left)
		n, f.left = n+k, f.left[k:]
	}
	return n, nil
}

func loadRows(t *testing.T) int {
	t.Helper()
	if s := os.Getenv("SERVAL_E2E_LOAD_ROWS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 100_000
}

func TestLoadDataBig(t *testing.T) {
	rows := loadRows(t)
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) { loadBig(t, kind, rows) })
	}
}

func loadBig(t *testing.T, kind servers.Kind, rows int) {
	shape := binaryShape(t, cluster.Shape{Schema: loadDDL, Layout: fmt.Sprintf(eightShards, "big"), Nodes: 2, Plain: true})
	shape.Server = append(shape.Server, "--local-infile=ON")
	c := cluster.Start(t, kind, shape)
	b := cluster.StartBinary(t, c)
	mysql.RegisterReaderHandler("big", func() io.Reader { return &bigFile{rows: rows} })
	const load = "LOAD DATA LOCAL INFILE 'Reader::big' INTO TABLE big FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"'"
	var took [2]time.Duration
	before, err := b.RSS()
	if err != nil {
		t.Fatal(err)
	}
	for i, addr := range []string{c.Plain.Addr(), b.Addr} {
		db := openDB(t, "app:app@tcp("+addr+")/sbtest")
		start := time.Now()
		r, err := db.ExecContext(t.Context(), load)
		if err != nil {
			t.Fatalf("%s: %v; serval's log:\n%s", addr, err, b.Log())
		}
		took[i] = time.Since(start)
		if n, _ := r.RowsAffected(); n != int64(rows) {
			t.Errorf("%s: %d rows, want %d", addr, n, rows)
		}
		if got, want := sqlRows(t, db, "SELECT COUNT(*) FROM big WHERE id <= 50"), "50;"; i == 0 && got != want {
			t.Errorf("%s: %s", addr, got)
		}
	}
	peak, err := b.PeakRSS()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows: one server %v, through Serval %v (%.2f times); Serval's memory %d MiB before, %d MiB at most", rows,
		took[0].Round(time.Millisecond), took[1].Round(time.Millisecond), took[1].Seconds()/took[0].Seconds(), before>>20, peak>>20)
	if grown := peak - before; grown > 128<<20 {
		t.Errorf("the process grew by %d MiB", grown>>20)
	}
	loadedShards(t, c, rows)
}

// loadedShards counts the rows of the shards, and sums what is in them.
func loadedShards(t *testing.T, c *cluster.Cluster, rows int) {
	t.Helper()
	const sums = "SELECT COUNT(*), COALESCE(SUM(id), 0), COALESCE(SUM(CRC32(CONCAT_WS('|', id, name, price, at, note))), 0) FROM "
	want, err := c.Plain.Query(sums + "sbtest.big")
	if err != nil {
		t.Fatal(err)
	}
	var total [3]uint64
	for _, p := range c.Tables[0].Places {
		got, err := p.Node.Query(fmt.Sprintf("%s`%s`.`%s`", sums, p.Database, p.Table))
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range got[0] {
			n, err := strconv.ParseUint(v, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			total[i] += n
		}
		if got[0][0] == "0" || got[0][0] == strconv.Itoa(rows) {
			t.Errorf("%s.%s has %s rows", p.Database, p.Table, got[0][0])
		}
	}
	if got := fmt.Sprint(total[0], total[1], total[2]); got != strings.Join(want[0], " ") {
		t.Errorf("the shards have %s, the plain server %v", got, want[0])
	}
}
