package main

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	gms "github.com/dolthub/go-mysql-server/sql"
	"go.uber.org/goleak"
)

// demo_test.go: the whole demo as a newcomer meets it.

// TestTheDemo starts everything, reads the printed page, asks questions as a client and ends it.
func TestTheDemo(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, interrupt := context.WithCancel(context.Background())
	defer interrupt()
	page, output := io.Pipe()
	var complaints bytes.Buffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"--listen", "127.0.0.1:0"}, output, &complaints)
		_ = output.Close()
	}()
	text := readPage(t, page)
	if text == "" {
		t.Fatalf("nothing was printed; exit code %d; %s", <-code, complaints.String())
	}
	t.Log("\n" + text)
	for i, s := range tour {
		if !strings.Contains(text, s.statement) {
			t.Errorf("statement %d is not on the page", i+1)
		}
	}
	askQuestions(t, addressOn(t, text))

	start := time.Now()
	interrupt()
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("ending took %v", d)
	}
	if complaints.Len() > 0 {
		t.Errorf("complaints: %s", complaints.String())
	}
}

// readPage reads what is printed at the start: run writes it at once.
func readPage(t *testing.T, r io.Reader) string {
	t.Helper()
	buffer := make([]byte, 64<<10)
	n, err := r.Read(buffer)
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return string(buffer[:n])
}

// addressOn finds the address in the page's first line, which ends in "listens on host:port."
func addressOn(t *testing.T, page string) string {
	t.Helper()
	line, _, _ := strings.Cut(page, "\n")
	_, address, found := strings.Cut(line, "listens on ")
	if !found {
		t.Fatalf("no address in %q", line)
	}
	return strings.TrimSuffix(address, ".")
}

func askQuestions(t *testing.T, address string) {
	t.Helper()
	db, err := openClient(address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, c := range []struct {
		question string
		rows     int
	}{
		{"SELECT user_id FROM users ORDER BY user_id", shopUsers},
		{"SELECT order_id FROM orders", 2 * shopUsers}, // 1, 2 or 3 orders a user
		{"SELECT name FROM users ORDER BY name, user_id LIMIT 5", 5},
		{"SELECT title FROM products ORDER BY title", len(products)},
		{"SELECT id FROM audit_log", 2},
		{"SELECT u.name, o.total FROM users u JOIN orders o ON o.user_id = u.user_id WHERE u.user_id = 8", 3},
	} {
		if got := countRows(t, db, c.question); got != c.rows {
			t.Errorf("%s: got %d rows, want %d", c.question, got, c.rows)
		}
	}
	for _, s := range tour {
		if strings.HasPrefix(s.statement, "SELECT") {
			if countRows(t, db, s.statement) == 0 {
				t.Errorf("%s: no rows", s.statement)
			}
		} else if _, err := db.Exec(s.statement); err != nil {
			t.Errorf("%s: %v", s.statement, err)
		}
	}
}

// busy tells whether an engine runs a statement.
func (c *cluster) busy() bool {
	for _, e := range c.engines {
		for _, p := range e.sql.ProcessList.Processes() {
			if p.Command == gms.ProcessCommandQuery {
				return true
			}
		}
	}
	return false
}

func countRows(t *testing.T, db *sql.DB, question string) int {
	t.Helper()
	rows, err := db.Query(question)
	if err != nil {
		t.Errorf("%s: %v", question, err)
		return -1
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		n++
	}
	if err := rows.Err(); err != nil {
		t.Errorf("%s: %v", question, err)
	}
	return n
}

// TestEndsWhileAStatementRuns: somebody's long query must not keep the terminal.
func TestEndsWhileAStatementRuns(t *testing.T) {
	defer goleak.VerifyNone(t)
	d, err := startDemo(context.Background(), "127.0.0.1:0", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	db, err := openClient(d.proxy.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	asked := make(chan error, 1)
	go func() {
		var slept int
		asked <- db.QueryRow("SELECT SLEEP(30)").Scan(&slept)
	}()
	for !d.cluster.busy() && len(asked) == 0 {
		time.Sleep(time.Millisecond)
	}
	start := time.Now()
	if err := d.close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("ending took %v", took)
	}
	if err := <-asked; err == nil {
		t.Error("the statement went on")
	}
}

func TestWrongCommandLines(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"busy port", []string{"--listen", busy.Addr().String()}, 1, "is in use by another program; choose another address"},
		{"no address", []string{"--listen", "3307"}, 1, "write host:port"},
		{"an argument", []string{"3307"}, 2, "the only option is --listen"},
		{"unknown option", []string{"--port", "3307"}, 2, "-listen"},
		{"help", []string{"-h"}, 0, "-listen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, complaints bytes.Buffer
			if code := run(context.Background(), c.args, &out, &complaints); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if !strings.Contains(complaints.String(), c.says) {
				t.Errorf("got %q, want it to say %q", complaints.String(), c.says)
			}
			if out.Len() > 0 {
				t.Errorf("printed %q", out.String())
			}
		})
	}
}

// TestInterruptedStart: Ctrl-C before the page is printed ends the demo as well.
func TestInterruptedStart(t *testing.T) {
	defer goleak.VerifyNone(t)
	ctx, interrupt := context.WithCancel(context.Background())
	interrupt()
	var out, complaints bytes.Buffer
	if code := run(ctx, []string{"--listen", "127.0.0.1:0"}, &out, &complaints); code != 0 {
		t.Errorf("exit code %d: %s", code, complaints.String())
	}
}

// TestStartFailsWhole: when Serval cannot listen, the engines are stopped too.
func TestStartFailsWhole(t *testing.T) {
	defer goleak.VerifyNone(t)
	if d, err := startDemo(context.Background(), "not an address", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error")
		_ = d.close()
	}
}
