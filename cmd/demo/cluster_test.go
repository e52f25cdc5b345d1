package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	gms "github.com/dolthub/go-mysql-server/sql"
	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// cluster_test.go: the embedded engine does what Serval needs of a backend.

func TestMain(m *testing.M) {
	quietEngines()
	os.Exit(m.Run())
}

// TestEngineServesServalsDialect logs in as Serval's pools do, with classic EOF framing, and asks what they ask.
func TestEngineServesServalsDialect(t *testing.T) {
	e := startTestEngine(t)
	c := login(t, e)
	if err := c.UseDB("shop"); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ sql, want string }{
		{"SET NAMES utf8mb4", ""},
		{"SET NAMES utf8mb4 COLLATE utf8mb4_general_ci", ""},
		{"SET sql_mode='ANSI_QUOTES',time_zone='+00:00'", ""},
		{"SET sql_mode=DEFAULT,time_zone=DEFAULT", ""},
		{"CREATE TABLE t (id BIGINT PRIMARY KEY, name VARCHAR(20) NOT NULL)", ""},
		{"INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three')", ""},
		{"SELECT name FROM t ORDER BY name DESC LIMIT 2", "two|three|"},
		{"START TRANSACTION", ""},
		{"UPDATE t SET name = 'zwei' WHERE id = 2", ""},
		{"SELECT name FROM t WHERE id = 2", "zwei|"},
		{"ROLLBACK", ""},
		{"SELECT name FROM t WHERE id = 2", "two|"},
		{"SELECT CONCAT(COLUMN_NAME, ' ', DATA_TYPE, ' ', IFNULL(COLLATION_NAME, '-')) FROM information_schema.columns " +
			"WHERE TABLE_SCHEMA = 'shop' AND TABLE_NAME = 't' ORDER BY ORDINAL_POSITION",
			"id bigint -|name varchar utf8mb4_0900_bin|"},
	} {
		r, err := c.Execute(step.sql)
		if err != nil {
			t.Fatalf("%s: %v", step.sql, err)
		}
		var got strings.Builder
		if r.Resultset != nil {
			for i := range r.Values {
				s, err := r.GetString(i, 0)
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString(s + "|")
			}
		}
		if got.String() != step.want {
			t.Errorf("%s: got %q, want %q", step.sql, got.String(), step.want)
		}
	}
}

// TestEngineKeepsConcurrentWrites has many sessions write and read one table at once.
func TestEngineKeepsConcurrentWrites(t *testing.T) {
	const writers, rows = 8, 25
	e := startTestEngine(t)
	if err := e.run(context.Background(), "CREATE TABLE t (id BIGINT PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)/shop", engineUser, enginePassword, e.address))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range rows {
				if _, err := db.Exec(fmt.Sprintf("INSERT INTO t VALUES (%d)", w*rows+i)); err != nil {
					t.Error(err)
				}
				var n int
				if err := db.QueryRow("SELECT COUNT(*) FROM t").Scan(&n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	var n int
	if err := db.QueryRow("SELECT COUNT(*) FROM t").Scan(&n); err != nil || n != writers*rows {
		t.Errorf("got %d rows (%v), want %d", n, err, writers*rows)
	}
}

// TestEngineClosesWithOpenConnections: pools keep connections; closing must not wait for them.
func TestEngineClosesWithOpenConnections(t *testing.T) {
	e, err := startEngine("g0", "shop")
	if err != nil {
		t.Fatal(err)
	}
	c := login(t, e)
	start := time.Now()
	if err := e.close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("close took %v", d)
	}
	if err := c.Ping(); err == nil {
		t.Error("the connection still works")
	}
}

// TestEngineClosesWhileItWorks: Ctrl-C must not wait for a statement, nor for those that wait for their turn behind it.
func TestEngineClosesWhileItWorks(t *testing.T) {
	e, err := startEngine("g0", "shop")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	for range cap(ended) {
		c := login(t, e)
		go func() {
			_, err := c.Execute("SELECT SLEEP(30)")
			ended <- err
		}()
	}
	for e.sql.ProcessList.Processes()[0].Command != gms.ProcessCommandQuery {
		time.Sleep(time.Millisecond)
	}
	start := time.Now()
	if err := e.close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > time.Second {
		t.Errorf("close took %v", d)
	}
	for range cap(ended) {
		if err := <-ended; err == nil {
			t.Error("a statement went on")
		}
	}
}

func startTestEngine(t *testing.T) *engine {
	t.Helper()
	e, err := startEngine("g0", "shop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// login connects with the client and the capabilities that Serval's pools use.
func login(t *testing.T, e *engine) *client.Conn {
	t.Helper()
	c, err := client.Connect(e.address, engineUser, enginePassword, "", func(c *client.Conn) error {
		c.UnsetCapability(mysql.CLIENT_DEPRECATE_EOF)
		c.UnsetCapability(mysql.CLIENT_QUERY_ATTRIBUTES)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
