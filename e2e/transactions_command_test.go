package e2e

// transactions_command_test.go: the operator's command, the real program, on servers where something is in doubt.

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"serval/config"
	"serval/e2e/cluster"
	"serval/e2e/servers"
	"serval/proxy"
	"serval/proxy/txn"
)

// doubtConfig is the two groups as a configuration file.
const doubtConfig = `listeners: ["127.0.0.1:0"]
admin: 127.0.0.1:0
users: {app: {password: app}}
defaults: {user: %s, password: %s}
groups: {g0: "%s", g1: "%s"}
databases: {d: {default_group: g0}}
`

// configFile writes the first two groups as a configuration file.
func (d *doubt) configFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "serval.yaml")
	text := fmt.Sprintf(doubtConfig, servers.User, servers.Password, d.nodes[0].Addr(), d.nodes[1].Addr())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTransactionsCommand(t *testing.T) {
	program, err := cluster.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			d := startDoubt(t, kind, 2)
			file := d.configFile(t)
			// ask runs the command; want are parts of what it prints, in their order.
			ask := func(code int, args []string, want ...string) {
				t.Helper()
				out, err := exec.Command(program, append([]string{"transactions", "-c", file}, args...)...).CombinedOutput()
				var exit *exec.ExitError
				if err != nil && !errors.As(err, &exit) {
					t.Fatal(err)
				}
				got := 0
				if exit != nil {
					got = exit.ExitCode()
				}
				var quoted []string
				for _, w := range want {
					quoted = append(quoted, regexp.QuoteMeta(w))
				}
				if !regexp.MustCompile("(?s)"+strings.Join(quoted, ".*")).Match(out) || got != code {
					t.Errorf("%v: exit code %d, want %d; printed\n%s\nwant %q", args, got, code, out, want)
				}
			}
			ask(0, nil, "0 transactions in doubt\n")

			m := d.manager(t)
			s0, s1 := storeOf(t, m, "g0"), storeOf(t, m, "g1")
			decider := d.connect(t, 0)
			made := func(row int) string {
				id := txn.NewID(s0, decider.GetConnectionID())
				_, c := d.branch(t, 1, id, row)
				_ = c.Close()
				return id.String()
			}
			committed := txn.NewID(s0, decider.GetConnectionID())
			d.branch(t, 1, committed, 1) // its connection stays
			run(t, decider, m.DecisionSQL(committed, []string{s1}))
			undecided, half, lost := made(2), made(3), made(4)
			foreign := d.connect(t, 1)
			run(t, foreign, "XA START 'theirs','1'", "INSERT INTO t VALUES (8, 0)", "XA END 'theirs','1'", "XA PREPARE 'theirs','1'")

			ask(0, nil, "GTRID", "4 transactions in doubt", "group g1: 1 prepared transaction that is not Serval's")
			ask(0, nil, committed.String(), "g1", "g0", "commit\n")
			ask(0, nil, undecided, "g1", "g0", "undecided\n")
			ask(2, []string{"commit", "theirs"}, "is not the gtrid of a transaction of Serval's")
			ask(2, []string{"forget", undecided}, "unexpected argument")
			ask(1, []string{"commit", txn.NewID(s0, 1).String()}, "no group that could be asked has")
			ask(1, []string{"rollback", committed.String()}, "there already: commit")
			ask(0, []string{"commit", committed.String()}, "group g1: committed")
			ask(0, []string{"rollback", undecided}, "group g1: rolled back")
			ask(0, []string{"commit", half}, "Nothing was decided", "group g1: committed")
			ask(1, []string{"commit", lost, "-without-decision"}, "leave -without-decision out")
			d.nodes[0].Kill()
			ask(1, nil, lost, "?", "unknown", "group g0 could not be asked")
			ask(1, []string{"rollback", lost}, "-without-decision ends the branches without it")
			ask(0, []string{"rollback", lost, "--without-decision"}, "group g0 could not be asked", "half done", "group g1: rolled back")
			if got := d.rows(t, 1); got != "[[1] [3]]" {
				t.Errorf("rows in g1 %s", got)
			}
			if got := fmt.Sprint(d.listed(t, 1)); got != "[theirs1]" {
				t.Errorf("prepared in g1 %s", got)
			}
		})
	}
}

// TestServerRecovers: the server starts recovery, shows it, and ends it.
func TestServerRecovers(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			d := startDoubt(t, kind, 2)
			settings, err := config.Load(d.configFile(t))
			if err != nil {
				t.Fatal(err)
			}
			m := d.manager(t)
			id := txn.NewID(storeOf(t, m, "g0"), 1)
			d.branch(t, 1, id, 1)
			foreign := d.connect(t, 1)
			run(t, foreign, "XA START 'theirs','1'", "INSERT INTO t VALUES (8, 0)", "XA END 'theirs','1'", "XA PREPARE 'theirs','1'")

			before := goleak.IgnoreCurrent()
			s := proxy.NewServer(settings, slog.New(slog.DiscardHandler))
			if err := s.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			d.emptyWithin(t, time.Now(), "theirs1")
			time.Sleep(1100 * time.Millisecond)
			text := scrape(t, s.AdminAddr().String())
			for _, line := range []string{
				`serval_transactions_recovered_total{group="g1",verdict="rollback"} 1`,
				`serval_transactions_in_doubt{group="g1",whose="own"} 0`,
				`serval_transactions_in_doubt{group="g1",whose="foreign"} 1`,
			} {
				if !strings.Contains(text, line+"\n") {
					t.Errorf("no %s in the metrics", line)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if err := goleak.Find(before, goleak.IgnoreAnyFunction("serval/e2e/servers.supervise")); err != nil {
				t.Errorf("left behind: %v", err)
			}
		})
	}
}

func scrape(t *testing.T, addr string) string {
	t.Helper()
	response, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultClient.CloseIdleConnections()
	return string(text)
}
