package e2e

// session_crossing_test.go: many clients that change their session's state at random, over few backend connections. Each
// keeps a model of what its session must be and asks at random moments whether it is. What another client set and is seen
// is a failure, told with both clients' histories. The model is in session_crossing_model_test.go, what clients do in
// session_crossing_steps_test.go, the variables in session_crossing_vars_test.go.

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
	"serval/proxy"
)

// crossingLayout has ten connections to each of two groups, and a database in each.
const crossingLayout = `
listeners: ["{{.Listen}}"]
admin: off
log: {level: warn}
users: {app: {password: app}, app2: {password: other}}
defaults: {user: app, password: app, pool: {max: 10, acquire_timeout: 60s}}
groups:
  g0: {primary: "{{.Node 0}}"}
  g1: {primary: "{{.Node 1}}"}
databases:
  sbtest:
    default_group: g0
    tables:
      kv:
        shard: {column: id, by: hash_mod, shards: 8, groups: [g0, g1], database: "sb_{shard}"}
  other:
    default_group: g1
`

const crossingDDL = `USE sbtest;
CREATE TABLE kv (
  id BIGINT NOT NULL PRIMARY KEY,
  v VARCHAR(200) NOT NULL
);

CREATE TABLE place (
  label VARCHAR(40) NOT NULL PRIMARY KEY
);

CREATE TABLE ids (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  label VARCHAR(40) NOT NULL
);

USE other;
CREATE TABLE place (
  label VARCHAR(40) NOT NULL PRIMARY KEY
);
`

// crossingPins is how many clients may hold a backend connection for themselves at a time: fewer than there are.
const crossingPins = 6

// rowsEach is how many rows of kv a client has, one in each shard.
const rowsEach = 8

// crossing is one run.
type crossing struct {
	addr     string
	end      time.Time
	vars     []crossVar
	baseline map[string]string // what a fresh session has

	// What a session has behind SET … = DEFAULT, COM_RESET_CONNECTION and COM_CHANGE_USER. Servers have surprises there: MySQL
	// 9.7 turns foreign_key_checks off by DEFAULT.
	byDefault, afterReset, afterChange map[string]string

	pins    chan struct{}
	clients []*crossClient

	statements, assertions, logins atomic.Int64

	mu    sync.Mutex
	wrong []string
}

func TestStateCrossing(t *testing.T) {
	kind := scenarioKind(t)
	usual, clients := 10*time.Second, 200
	if text := os.Getenv("SERVAL_E2E_CLIENTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("SERVAL_E2E_CLIENTS=%q is not a number of clients", text)
		}
		clients = n
	}
	c := cluster.Start(t, kind, cluster.Shape{Schema: crossingDDL, Layout: crossingLayout, Nodes: 2, Server: []string{"--max-connections=300"}})
	fillCrossing(t, c, clients)
	log := &lockedBuffer{}
	s := proxy.NewServer(c.Config, slog.New(slog.NewTextHandler(log, nil)))
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	x := &crossing{addr: s.Addr().String(), pins: make(chan struct{}, crossingPins)}
	x.learn(t, kind)
	x.ask(t, c.Nodes[0])
	x.end = time.Now().Add(duration(t, usual))
	x.run(clients)
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if text := log.String(); strings.Contains(strings.ToLower(text), "panic") {
		t.Errorf("serval's log tells of a panic:\n%.3000s", text)
	}
	for _, n := range c.Nodes {
		idle(t, n)
	}
	x.report(t)
}

// fillCrossing gives each client its rows, and each database its label.
func fillCrossing(t *testing.T, c *cluster.Cluster, clients int) {
	t.Helper()
	for _, table := range c.Tables {
		for shard, p := range table.Places {
			var values []string
			switch table.Name {
			case "kv":
				for i := range clients {
					values = append(values, fmt.Sprintf("(%d, '%s')", rowID(i, shard), firstValue(i)))
				}
			case "place":
				values = []string{"('" + table.Database + "')"}
			default:
				continue
			}
			if err := p.Node.Exec(fmt.Sprintf("INSERT INTO `%s`.`%s` VALUES %s", p.Database, p.Table, strings.Join(values, ","))); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func rowID(client, shard int) int64 { return int64(rowsEach*(client+1) + shard) }

func firstValue(client int) string { return fmt.Sprintf("c%d-0", client) }

// learn finds out which of the variables sessions may set: all of them.
func (x *crossing) learn(t *testing.T, kind servers.Kind) {
	t.Helper()
	c := dial(t, x.addr, "sbtest")
	defer c.Close()
	for _, v := range crossVars(kind) {
		sql, _ := v.value(1, 1)
		if a := say(t, c, "SET SESSION "+v.name+" = "+sql); a.Kind == raw.Error {
			t.Errorf("SET %s: ERROR %d %s", v.name, a.Code, a.Message)
			continue
		}
		x.vars = append(x.vars, v)
	}
	t.Logf("%d variables and %d kinds of step", len(x.vars), len(crossSteps))
}

// ask asks a server itself what sessions begin with, and Serval whether it says the same of a fresh one.
func (x *crossing) ask(t *testing.T, s *servers.Server) {
	t.Helper()
	names := slices.Clone(namesVars)
	for _, v := range x.vars {
		names = append(names, v.name)
	}
	read := func(c *raw.Conn) map[string]string {
		values := map[string]string{}
		for _, name := range names {
			values[name] = texts(say(t, c, "SELECT @@SESSION."+name))[0]
		}
		return values
	}
	plain, serval := dial(t, s.Addr(), ""), dial(t, x.addr, "sbtest")
	defer plain.Close()
	defer serval.Close()
	x.baseline = read(plain)
	for name, got := range read(serval) {
		if got != x.baseline[name] {
			t.Errorf("@@%s of a fresh session is %q, on a server %q", name, got, x.baseline[name])
		}
	}
	for _, v := range x.vars {
		done(t, plain, "SET SESSION "+v.name+" = DEFAULT")
	}
	x.byDefault = read(plain)
	if _, err := plain.ResetConnection(); err != nil {
		t.Fatal(err)
	}
	x.afterReset = read(plain)
	if _, err := plain.ChangeUser(servers.User, servers.Password, ""); err != nil {
		t.Fatal(err)
	}
	x.afterChange = read(plain)
}

// run lets all clients work until the end.
func (x *crossing) run(clients int) {
	for i := range clients {
		c := &crossClient{x: x, id: i, r: rand.New(rand.NewPCG(11, uint64(i))), rows: map[int64]string{}}
		for shard := range rowsEach {
			c.rows[rowID(i, shard)] = firstValue(i)
		}
		x.clients = append(x.clients, c)
	}
	var all sync.WaitGroup
	for _, c := range x.clients {
		all.Go(c.live)
	}
	all.Wait()
}

func (x *crossing) failed() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.wrong) >= 20
}

func (x *crossing) report(t *testing.T) {
	t.Helper()
	t.Logf("%d clients, %d statements, %d assertions, %d logins", len(x.clients), x.statements.Load(), x.assertions.Load(), x.logins.Load())
	for _, w := range x.wrong[:min(len(x.wrong), 5)] {
		t.Errorf("of %d: %s", len(x.wrong), w)
	}
	if x.assertions.Load() < 1000 {
		t.Errorf("only %d assertions", x.assertions.Load())
	}
}

// crossClient is one client.
type crossClient struct {
	x    *crossing
	id   int
	r    *rand.Rand
	conn *raw.Conn
	m    crossModel
	n    int              // makes values of its own
	rows map[int64]string // what is committed

	mu      sync.Mutex
	history []string
}

// live is one session after the other until the end.
func (c *crossClient) live() {
	for time.Now().Before(c.x.end) && !c.x.failed() {
		conn, err := raw.Dial(c.x.addr, raw.Options{User: "app", Password: "app", Database: "sbtest"})
		if err != nil {
			c.fail("connect: %v", err)
			return
		}
		c.x.logins.Add(1)
		c.note("-- login as app")
		c.conn = conn
		c.begin("app", "sbtest")
		ok := true
		for ok && c.conn != nil && time.Now().Before(c.x.end) && !c.x.failed() {
			ok = c.step()
		}
		c.leave(!ok)
	}
}

// leave ends the session; what was not committed is gone.
func (c *crossClient) leave(rude bool) {
	if c.conn != nil {
		if rude {
			c.note("-- connection cut")
			c.conn.Cut()
		} else {
			c.note("-- quit")
			c.conn.Close()
		}
	}
	c.conn = nil
	c.m.open = false
	c.unpin()
}

// step does one thing, chosen at random among those that are possible.
func (c *crossClient) step() bool {
	for {
		s := &crossSteps[c.r.IntN(len(crossSteps))]
		if c.r.IntN(100) >= s.percent {
			continue
		}
		c.m.status = 0
		return s.run(c) && (c.conn == nil || c.m.status == 0 || c.settled())
	}
}

// note keeps what was done last.
func (c *crossClient) note(line string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.history) >= 40 {
		c.history = slices.Delete(c.history, 0, 1)
	}
	c.history = append(c.history, time.Now().Format("05.000 ")+line)
}

// past is the client's history as text.
func (c *crossClient) past() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.history, "\n    ")
}

// fail reports what is wrong with this client's history.
func (c *crossClient) fail(format string, args ...any) bool {
	text := fmt.Sprintf("client %d: ", c.id) + fmt.Sprintf(format, args...) + "\n  its history:\n    " + c.past()
	if other := c.x.owner(fmt.Sprintf(format, args...), c.id); other != nil {
		text += fmt.Sprintf("\n  the history of client %d, whose value it seems to be:\n    %s", other.id, other.past())
	}
	c.x.mu.Lock()
	defer c.x.mu.Unlock()
	c.x.wrong = append(c.x.wrong, text)
	return false
}
