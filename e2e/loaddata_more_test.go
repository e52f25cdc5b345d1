package e2e

// loaddata_more_test.go: LOAD DATA into tables that Serval numbers the rows of, in transactions, and what goes wrong.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"serval/e2e/servers"
)

var numberedLoads = []load{
	{name: "numbers in front", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE posts FIELDS TERMINATED BY ',' (user_id, title)", file: "1,a\n2,b\n3,c\n1,d\n1,f\n5,e\n"},
	{name: "of the shard key", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE notes FIELDS TERMINATED BY ',' ENCLOSED BY '\"' LINES STARTING BY '>' IGNORE 1 LINES (v)", file: "v\n>\"a\"\n>\"b,c\",x\nno\n>d"},
	{name: "the numbers go on", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE notes (v, n)", file: "a\t1\nb\t2\n"},
	{name: "numbers that are given", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE notes FIELDS TERMINATED BY ','", file: "40,a,1\n\\N,b,2\n0,c,3\n50,d,4\n45,e,5\n"},
	{name: "behind them", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE notes FIELDS TERMINATED BY ',' (v, id)", file: "x,NULL0\n", refused: "line 1"},
	{name: "NO_AUTO_VALUE_ON_ZERO", before: []string{"SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'"}, sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE notes FIELDS TERMINATED BY ','", file: "0,zero,1\n\\N,b,2\n"},
	{name: "a broadcast table", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE kinds FIELDS TERMINATED BY ',' (name)", file: "a\nb\nc\n"},
	{name: "a line without its number", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE notes FIELDS TERMINATED BY ',' (v, id)", file: "a\n", refused: "line 1"},
	{name: "a number of no type", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE notes FIELDS TERMINATED BY ',' (v, id)", file: "a,1x\n", refused: "line 1"},
	{name: "digits as separators", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE notes FIELDS TERMINATED BY '1' (v)", file: "a\n", refused: "digits"},
	{name: "SET of the number", sql: "LOAD DATA LOCAL INFILE FILE INTO TABLE posts (user_id, title) SET id = 7", file: "a\n", refused: "AUTO_INCREMENT"},
}

func TestLoadDataNumbers(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newIDsBed(t, kind)
			localInfile(t, b, "ON")
			p := newLoadPair(t, b)
			for _, l := range numberedLoads {
				t.Run(l.name, func(t *testing.T) { p.compare(t, l) })
			}
		})
	}
}

func TestLoadDataOutcomes(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			localInfile(t, b, "ON")
			t.Run("in a transaction", func(t *testing.T) { loadInTransaction(t, b) })
			t.Run("many warnings", func(t *testing.T) { loadManyWarnings(t, b) })
			t.Run("command line", func(t *testing.T) { loadInfo(t, b) })
			t.Run("prepared", func(t *testing.T) { loadPrepared(t, b) })
			t.Run("killed", func(t *testing.T) { loadKilled(t, b) })
			t.Run("failing source", func(t *testing.T) { loadFailingSource(t, b) })
			localInfile(t, b, "OFF")
			t.Run("disabled", func(t *testing.T) { loadShardedDisabled(t, b) })
		})
	}
}

const loadOrders = "LOAD DATA LOCAL INFILE 'Reader::load' %s INTO TABLE orders FIELDS TERMINATED BY ',' (order_id, user_id, note)"

// ordersFile is n lines, from 900001 on.
func ordersFile(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "%d,%d,%s\n", 900001+i, i%97, strings.Repeat("n", 60+i%9))
	}
	return b.Bytes()
}

// loadInTransaction: a load is part of the client's transaction, and one that fails leaves the rest of it as it is.
func loadInTransaction(t *testing.T, b *bed) {
	b.restore(t)
	p := newLoadPair(t, b)
	file := string(ordersFile(3000))
	mysql.RegisterReaderHandler("load", func() io.Reader { return strings.NewReader(file) })
	for _, sql := range []string{"BEGIN", "UPDATE orders SET note = 'before' WHERE user_id = 1", fmt.Sprintf(loadOrders, ""), "ROLLBACK"} {
		p.both(t, sql)
	}
	b.compareContents(t)
	for _, sql := range []string{"BEGIN", "UPDATE orders SET note = 'before' WHERE user_id = 1", fmt.Sprintf(loadOrders, ""), "SAVEPOINT a",
		"DELETE FROM orders WHERE user_id = 2", "ROLLBACK TO a"} {
		p.both(t, sql)
	}
	const broken = "LOAD DATA LOCAL INFILE 'Reader::broken' REPLACE INTO TABLE orders FIELDS TERMINATED BY ',' (order_id, user_id, total)"
	mysql.RegisterReaderHandler("broken", func() io.Reader { return strings.NewReader("990001,1,1\n990002,2,2\n990003,3,x\n990004,4,y\n") })
	for _, sql := range []string{broken, "UPDATE orders SET note = 'after' WHERE user_id = 3", "COMMIT"} {
		p.both(t, sql)
	}
	b.compareContents(t)
}

// loadManyWarnings: more than are kept.
func loadManyWarnings(t *testing.T, b *bed) {
	b.restore(t)
	p := newLoadPair(t, b)
	var file bytes.Buffer
	for i := range 3000 {
		fmt.Fprintf(&file, "%d,%d,%s\n", 900001+i, i%97, []string{"1", "x", "1y"}[i%3])
	}
	mysql.RegisterReaderHandler("load", func() io.Reader { return bytes.NewReader(file.Bytes()) })
	for _, limit := range []string{"DEFAULT", "10", "0"} {
		p.both(t, "SET max_error_count = "+limit)
		p.both(t, "LOAD DATA LOCAL INFILE 'Reader::load' INTO TABLE orders FIELDS TERMINATED BY ',' (order_id, user_id, total)")
		lists := [2]string{sqlRows(t, p.conns[0], "SHOW WARNINGS"), sqlRows(t, p.conns[1], "SHOW WARNINGS")}
		if lists[0] != lists[1] {
			t.Errorf("max_error_count %s: %.300s, want %.300s", limit, lists[1], lists[0])
		}
		p.both(t, "DELETE FROM orders WHERE order_id > 900000")
	}
}

// loadInfo: what the command line client says of a load: rows, warnings and the info text.
func loadInfo(t *testing.T, b *bed) {
	b.restore(t)
	file := filepath.Join(t.TempDir(), "orders.csv")
	if err := os.WriteFile(file, append(ordersFile(200), "900001,0,again\nx,1,bad\n900300,5\n"...), 0o644); err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, word := range []string{"", "REPLACE"} {
		for _, addr := range []string{b.Plain.Addr(), b.addr} {
			args := append([]string{"--no-defaults", "--local-infile=1", "-vvv", "--user=app", "--password=app", "shop", "-e",
				strings.Replace(fmt.Sprintf(loadOrders, word), "Reader::load", file, 1) + "; SHOW COUNT(*) WARNINGS"}, at(addr)...)
			out, err := exec.Command("mariadb", args...).CombinedOutput()
			kept := []string{fmt.Sprint(err)}
			for _, line := range strings.Split(string(out), "\n") {
				if i := strings.Index(line, " ("); strings.HasPrefix(line, "Query OK") && i > 0 {
					line = line[:i] // the time
				}
				if !strings.Contains(line, "rows in set") && !strings.Contains(line, "row in set") {
					kept = append(kept, line)
				}
			}
			told = append(told, strings.Join(kept, "\n"))
		}
		if n := len(told); told[n-1] != told[n-2] || !strings.Contains(told[n-1], "Records: 203") && word == "" {
			t.Errorf("%s: %s\nwant %s", word, told[n-1], told[n-2])
		}
	}
}

// loadPrepared: MariaDB prepares a load, MySQL does not.
func loadPrepared(t *testing.T, b *bed) {
	b.restore(t)
	p := newLoadPair(t, b)
	mysql.RegisterReaderHandler("load", func() io.Reader { return bytes.NewReader(ordersFile(10)) })
	p.both(t, `PREPARE s FROM "LOAD DATA LOCAL INFILE 'Reader::load' INTO TABLE orders (order_id, user_id)"`)
	if strings.HasPrefix(loadOutcome(t, p.conns[0], "EXECUTE s"), "10 rows") { // MariaDB
		if got := loadOutcome(t, p.conns[1], "EXECUTE s"); !strings.HasPrefix(got, "10 rows") {
			t.Errorf("EXECUTE: %s", got)
		}
	}
	b.compareContents(t)
	b.restore(t)
	var told [2]string
	for i, c := range p.conns {
		_, err := c.PrepareContext(t.Context(), fmt.Sprintf(loadOrders, ""))
		told[i] = fmt.Sprint(err)
	}
	if told[0] != told[1] {
		t.Errorf("%s, want %s", told[1], told[0])
	}
	if got := sqlRows(t, p.conns[1], "EXPLAIN ROUTE "+fmt.Sprintf(loadOrders, "")); !strings.Contains(got, "each line goes to the shard of its user_id") {
		t.Errorf("EXPLAIN ROUTE: %s", got)
	}
}

// slowReader waits in the middle of a file until it is told to go on.
type slowReader struct {
	head, tail io.Reader
	reached    chan struct{}
	goOn       chan struct{}
	waited     bool
}

func (s *slowReader) Read(p []byte) (int, error) {
	if n, err := s.head.Read(p); err != io.EOF {
		return n, err
	}
	if !s.waited {
		s.waited = true
		close(s.reached)
		<-s.goOn
	}
	return s.tail.Read(p)
}

// loadKilled: KILL QUERY in the middle of a file: nothing is loaded, and the connection goes on.
func loadKilled(t *testing.T, b *bed) {
	b.restore(t)
	c := openDB(t, "app:app@tcp("+b.addr+")/shop")
	slow := &slowReader{head: bytes.NewReader(ordersFile(60_000)), tail: strings.NewReader("999999,1,last\n"), reached: make(chan struct{}), goOn: make(chan struct{})}
	mysql.RegisterReaderHandler("load", func() io.Reader { return slow })
	id := strings.TrimSuffix(sqlRows(t, c, "SELECT CONNECTION_ID()"), ";")
	result := make(chan error, 1)
	go func() {
		_, err := c.ExecContext(context.Background(), fmt.Sprintf(loadOrders, ""))
		result <- err
	}()
	<-slow.reached
	killer := openDB(t, "app:app@tcp("+b.addr+")/shop")
	if _, err := killer.ExecContext(t.Context(), "KILL QUERY "+id); err != nil {
		t.Error(err)
	}
	close(slow.goOn)
	select {
	case err := <-result:
		if err == nil || !strings.Contains(err.Error(), "1317") {
			t.Errorf("killed: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the load has not ended")
	}
	if got := sqlRows(t, c, "SELECT COUNT(*) FROM orders WHERE user_id = 1 AND order_id > 900000"); got != "0;" {
		t.Errorf("%s rows of a killed load", got)
	}
	b.compareContents(t)
}

// loadFailingSource: a client that cannot read its file has loaded nothing that is not in it.
func loadFailingSource(t *testing.T, b *bed) {
	b.restore(t)
	p := newLoadPair(t, b)
	mysql.RegisterReaderHandler("load", func() io.Reader {
		return io.MultiReader(bytes.NewReader(ordersFile(10)), brokenReader{})
	})
	c := p.conns[1]
	if _, err := c.ExecContext(t.Context(), fmt.Sprintf(loadOrders, "")); err == nil {
		t.Error("no error")
	}
	if got := sqlRows(t, c, "SELECT 1"); got != "1;" {
		t.Error(got)
	}
}

// loadShardedDisabled: the servers' own error, and that of clients without files.
func loadShardedDisabled(t *testing.T, b *bed) {
	mysql.RegisterReaderHandler("load", func() io.Reader { t.Error("the file was asked for"); return strings.NewReader("") })
	newLoadPair(t, b).both(t, fmt.Sprintf(loadOrders, ""))
}
