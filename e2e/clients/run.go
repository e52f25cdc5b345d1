package clients

// run.go: one run of one client's program, and what its lines say.

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Features are what programs try, in the order of the page's columns.
var Features = []string{"connect", "migrate", "autoincrement", "types", "crud", "prepared", "transactions", "distributed", "savepoints", "stream",
	"errors", "reconnect", "reset", "metadata", "dump", "dump_options", "dump_consistent", "dump_locked", "load", "load_sharded", "views", "sharded_ddl"}

// Run is what a program printed.
type Run struct {
	Version string
	Status  map[string]string   // feature → "" or why it failed
	Out     map[string][]string // feature → its out lines
	Log     string              // everything
	Time    time.Duration
}

// Place is where a program connects to.
type Place struct {
	Address, Database, Kind string
	StopAfter               string // feature after which it ends, "" for all
}

const runTimeout = 2 * time.Minute

// Start runs the client's program to its end in dir (e2e/clients).
func (c *Client) Start(ctx context.Context, dir string, at Place) (*Run, error) {
	host, port, err := net.SplitHostPort(at.Address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Run[0], c.Run[1:]...)
	cmd.Dir = dir
	cmd.Env = append(Environment(), "DB_HOST="+host, "DB_PORT="+port, "DB_USER=app", "DB_PASSWORD=app", "DB_NAME="+at.Database,
		"DB_KIND="+at.Kind, "STOP_AFTER="+at.StopAfter)
	// A shell script's children end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	var printed bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &printed
	start := time.Now()
	err = cmd.Run()
	run := parse(printed.Bytes())
	run.Time = time.Since(start)
	if err != nil {
		return run, fmt.Errorf("%v ended after %v with %w", c.Run, run.Time.Round(time.Millisecond), err)
	}
	return run, nil
}

// parse reads the lines that doc.go describes; others are for people.
func parse(printed []byte) *Run {
	r := &Run{Status: map[string]string{}, Out: map[string][]string{}, Log: string(printed)}
	lines := bufio.NewScanner(bytes.NewReader(printed))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "version":
			r.Version = rest
		case "ok":
			r.Status[rest] = ""
		case "not":
			feature, why, _ := strings.Cut(strings.TrimPrefix(rest, "ok "), ": ")
			if why == "" {
				why = "it says no more"
			}
			r.Status[feature] = why
		case "out":
			feature, text, _ := strings.Cut(rest, " ")
			r.Out[feature] = append(r.Out[feature], text)
		}
	}
	return r
}

// Cell is one feature of one client on one make of server.
type Cell struct {
	Tried      bool
	Plain, Why string // what failed on the plain server and through Serval, "" when nothing
}

// Compare makes a cell for every feature. A feature fails through Serval when its program says so, did not get to it, or
// printed something else than on the plain server.
func Compare(plain, serval *Run) map[string]Cell {
	cells := map[string]Cell{}
	for _, f := range Features {
		p, tried := plain.Status[f]
		s, reached := serval.Status[f]
		if !tried && !reached {
			continue
		}
		c := Cell{Tried: true, Plain: p, Why: s}
		if !reached {
			c.Why = "the program ended before it"
		} else if s == "" && p == "" {
			c.Why = difference(plain.Out[f], serval.Out[f])
		}
		cells[f] = c
	}
	return cells
}

func difference(plain, serval []string) string {
	if slices.Equal(plain, serval) {
		return ""
	}
	for i, want := range plain {
		if i >= len(serval) {
			return fmt.Sprintf("%d lines instead of %d; the first missing: %s", len(serval), len(plain), want)
		}
		if serval[i] != want {
			return fmt.Sprintf("line %d is %q, and %q on the plain server", i+1, serval[i], want)
		}
	}
	return fmt.Sprintf("%d lines instead of %d; the first: %s", len(serval), len(plain), serval[len(plain)])
}
