package e2e

// crashevent_test.go: one fault of the crash matrix, which strikes many transactions at once, each waiting at its step of
// the commit; and what has to be true when it is over.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/cut"
	"serval/e2e/failpoint"
	"serval/e2e/servers"
)

const (
	crashGroups = 3

	// crashReachTimeout is how long a transaction may take to come to its step.
	crashReachTimeout = 20 * time.Second
	// crashSettle is the promise: no branch stays prepared for longer when its group can be reached.
	crashSettle = 10 * time.Second
	// crashGiveUp is when a test that has failed is ended.
	crashGiveUp = 2 * crashPatience
	// crashPatience is how long a client may have to wait for its answer while a server does not answer.
	crashPatience = 90 * time.Second
)

const crashDDL = `USE bank;
CREATE TABLE account (
  id BIGINT NOT NULL PRIMARY KEY,
  balance BIGINT NOT NULL
);
`

const crashLayout = `
listeners: ["{{.Listen}}"]
admin: off
log: {level: info}
users: {app: {password: app}}
defaults: {user: app, password: app, pool: {max: 200}}
groups:
  g0: {primary: "{{.Node 0}}"}
  g1: {primary: "{{.Node 1}}"}
  g2: {primary: "{{.Node 2}}"}
databases:
  bank:
    default_group: g0
    tables:
      account:
        shard: {column: id, by: hash_mod, shards: 3, groups: [g0, g1, g2], database: "bank_{shard}"}
`

// crashBed is what the events of one kind of server have in common.
type crashBed struct {
	*cluster.Cluster
	program string
	next    atomic.Int64 // cells made
	done    []*crashCell // to be looked at again at the end
}

func newCrashBed(t *testing.T, kind servers.Kind, program string) *crashBed {
	t.Helper()
	return &crashBed{program: program, Cluster: cluster.Start(t, kind, cluster.Shape{Schema: crashDDL, Layout: crashLayout, Nodes: crashGroups})}
}

// crashEvent is one fault and what it strikes.
type crashEvent struct {
	*crashBed
	cells      []*crashCell
	fp         *failpoint.Listener
	serval     *cluster.Binary
	networks   []*cut.Forwarder // between serval and the nodes
	keepsLocks bool             // see crashFault.locks
	reachable  time.Time        // since when all groups can be reached
	released   time.Time        // when the transactions were let go

	mu       sync.Mutex
	byID     map[string]*crashCell
	starting *crashCell // whose gtrid is not known yet
	free     bool       // no one is held any more
}

// event starts a Serval of its own, and brings each cell's transaction to its step. What it could not bring there is an
// error of the test's, and is left out.
func (b *crashBed) event(t *testing.T, cells []*crashCell) *crashEvent {
	t.Helper()
	e := &crashEvent{crashBed: b, cells: cells, fp: failpoint.Listen(t), byID: map[string]*crashCell{}, reachable: time.Now()}
	addrs := make([]string, crashGroups)
	for i, n := range b.Nodes {
		f := cut.New(t, n.Addr())
		e.networks, addrs[i] = append(e.networks, f), f.Addr()
	}
	b.openAccounts(t, cells)
	e.serval = b.Serve(t, cluster.Run{Program: b.program, Nodes: addrs, Env: []string{e.fp.Env(failpoint.Session()...)}})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() {
		e.letGo() // whatever failed: clients end by their timeout at the latest, as Serval is gone
		e.serval.Kill()
		cancel()
		running.Wait()
	})
	running.Go(func() { e.route(ctx) })
	for _, c := range cells {
		e.mu.Lock()
		e.starting = c
		e.mu.Unlock()
		running.Go(func() { c.run(e.serval.Addr) })
		select {
		case <-c.began:
		case <-c.answered: // it never came to a step; said below
		case <-time.After(crashReachTimeout):
		}
	}
	e.awaitSteps(t)
	b.done = append(b.done, cells...)
	return e
}

// awaitSteps waits until every transaction is where it has to be.
func (e *crashEvent) awaitSteps(t *testing.T) {
	t.Helper()
	deadline := time.After(crashReachTimeout)
	for _, c := range e.cells {
		select {
		case <-c.reached:
		case <-c.answered:
			t.Errorf("%s: never there; its client was told: %s", c, c.answer.text)
		case <-deadline:
			t.Fatalf("%s: not there after %v, came to %v; serval says\n%s", c, crashReachTimeout, c.counts, lastLines(e.serval.Log(), 20))
		}
	}
}

// accounts is the physical table of a group.
func (b *crashBed) accounts(group int) string {
	p := b.Tables[0].Places[group]
	return "`" + p.Database + "`.`" + p.Table + "`"
}

// ids are the accounts of the event's cells in a group.
func (e *crashEvent) ids(group int) []string {
	var ids []string
	for _, c := range e.cells {
		ids = append(ids, strconv.FormatInt(c.base+int64(group), 10))
	}
	return ids
}

func (b *crashBed) openAccounts(t *testing.T, cells []*crashCell) {
	t.Helper()
	for g, n := range b.Nodes {
		var rows []string
		for _, c := range cells {
			rows = append(rows, fmt.Sprintf("(%d, %d)", c.base+int64(g), crashBalance))
		}
		if err := n.Exec(fmt.Sprintf("INSERT INTO %s VALUES %s", b.accounts(g), strings.Join(rows, ","))); err != nil {
			t.Fatal(err)
		}
	}
}

// route takes the hits and holds those that a cell waits for.
func (e *crashEvent) route(ctx context.Context) {
	for {
		select {
		case h := <-e.fp.Hits():
			if !e.holds(h) {
				h.Continue()
			}
		case <-ctx.Done():
			return
		}
	}
}

func (e *crashEvent) holds(h *failpoint.Hit) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.byID[h.ID]
	if c == nil {
		c = e.starting
		e.byID[h.ID], c.id = c, h.ID
		close(c.began)
	}
	c.counts[h.Name]++
	if e.free || h.Name != c.step || c.counts[h.Name] != c.nth {
		return false
	}
	c.hit = h
	close(c.reached)
	return true
}

// letGo lets all transactions go on.
func (e *crashEvent) letGo() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.free, e.released = true, time.Now()
	for _, c := range e.cells {
		if c.hit != nil {
			c.hit.Continue()
		}
	}
}

// crash kills Serval.
func (e *crashEvent) crash() {
	e.serval.Kill()
	for _, c := range e.cells {
		c.killed = true
	}
	e.letGo()
	e.back()
}

// back says that from now on all groups can be reached by everyone.
func (e *crashEvent) back() { e.reachable = time.Now() }

// settle waits for the promises: no branch stays prepared for crashSettle while all groups can be reached, every client has
// its answer in time, nothing is locked any more, and what is there agrees with the answers.
func (e *crashEvent) settle(t *testing.T) {
	t.Helper()
	e.noneInDoubt(t, e.allAnswered)
	e.awaitAnswers(t)
	if !e.keepsLocks {
		e.locksAreFree(t)
	}
	e.judge(t, e.cells)
}

// noneInDoubt waits until XA RECOVER lists no branch of the event's on any server and nobody is at work any more, and
// complains of branches that take too long.
func (e *crashEvent) noneInDoubt(t *testing.T, idle func() bool) {
	t.Helper()
	seen, late := map[string]time.Time{}, map[string]bool{}
	for {
		ended, now := idle() || time.Since(e.released) > crashPatience, time.Now()
		list := e.inDoubt()
		if ended && len(list) == 0 {
			break
		}
		for _, branch := range list {
			if seen[branch].IsZero() {
				seen[branch] = now
			}
			if since := laterOf(seen[branch], e.reachable); now.Sub(since) > crashSettle && !late[branch] {
				late[branch] = true
				t.Errorf("in doubt for more than %v: %s", crashSettle, branch)
			}
		}
		if ended && now.Sub(e.reachable) > crashGiveUp {
			t.Fatalf("%v after the groups were reachable %d branches are in doubt, serval says\n%s", crashGiveUp, len(list), lastLines(e.serval.Log(), 20))
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("over %v after the groups were reachable", time.Since(e.reachable).Round(10*time.Millisecond))
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (e *crashEvent) allAnswered() bool {
	return !slices.ContainsFunc(e.cells, func(c *crashCell) bool { return !c.knows() })
}

// inDoubt lists the branches that are prepared; a server that cannot be asked is in the list too.
func (e *crashEvent) inDoubt() []string {
	var list []string
	for g, n := range e.Nodes {
		rows, err := n.Query("XA RECOVER")
		if err != nil {
			list = append(list, err.Error())
		}
		for _, r := range rows {
			length, _ := strconv.Atoi(r[1])
			if c := e.byIDOf(r[3][:min(length, len(r[3]))]); c != nil {
				list = append(list, fmt.Sprintf("g%d %s: %s", g, r[3], c))
			}
		}
	}
	return list
}

func (e *crashEvent) byIDOf(gtrid string) *crashCell {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.byID[gtrid]
}

// awaitAnswers complains of clients that do not know yet.
func (e *crashEvent) awaitAnswers(t *testing.T) {
	t.Helper()
	longest, slowest := time.Duration(0), "nobody was"
	for _, c := range e.cells {
		if !c.knows() {
			t.Fatalf("%s: its client has no answer after %v", c, crashPatience)
		}
		if took := c.answer.at.Sub(e.released); c.answer.commit && took > longest {
			longest, slowest = took, fmt.Sprintf("%s: %s", c, c.answer.text)
		}
	}
	t.Logf("the last COMMIT was answered after %v, %s", longest.Round(10*time.Millisecond), slowest)
}

// locksAreFree waits until nothing holds the accounts any more.
func (e *crashEvent) locksAreFree(t *testing.T) {
	t.Helper()
	var errs error
	for end := time.Now().Add(crashSettle); ; time.Sleep(100 * time.Millisecond) {
		errs = nil
		for g, n := range e.Nodes {
			_, err := n.Query(fmt.Sprintf("SELECT id FROM %s WHERE id IN (%s) FOR UPDATE NOWAIT", e.accounts(g), strings.Join(e.ids(g), ",")))
			errs = errors.Join(errs, err)
		}
		if errs == nil {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%v after every client was answered accounts are locked: %v", crashSettle, errs)
			return
		}
	}
}

// judge compares the accounts of cells with what their clients were told.
func (b *crashBed) judge(t *testing.T, cells []*crashCell) {
	t.Helper()
	balances := b.balances(t)
	told, fates := map[crashTruth]int{}, map[crashFate]int{}
	for _, c := range cells {
		fate := c.fate(balances)
		told[c.answer.truth]++
		fates[fate]++
		if wrong := c.judge(fate); wrong != "" {
			t.Errorf("%s: %s (accounts %v; told: %s; %s)", c, wrong, []int{balances[c.base], balances[c.base+1], balances[c.base+2]}, c.answer.text, c.id)
		}
	}
	t.Logf("%d transactions: %d committed, %d not; clients told OK %d, rolled back %d, not known %d", len(cells), fates[crashAll], fates[crashNone],
		told[crashCommitted], told[crashRefused], told[crashUnknown])
}

func (b *crashBed) balances(t *testing.T) map[int64]int {
	t.Helper()
	balances := map[int64]int{}
	for g, n := range b.Nodes {
		rows, err := n.Query("SELECT id, balance FROM " + b.accounts(g))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			id, _ := strconv.ParseInt(r[0], 10, 64)
			balances[id], _ = strconv.Atoi(r[1])
		}
	}
	return balances
}

// servalEnds stops serval as an operator does: it hangs on nothing.
func (e *crashEvent) servalEnds(t *testing.T) {
	t.Helper()
	if err := e.serval.Stop(); err != nil {
		t.Errorf("serval does not end when it is told to: %v\n%s", err, lastLines(e.serval.Log(), 20))
	}
	if log := e.serval.Log(); strings.Contains(log, "panic") {
		t.Errorf("serval's log tells of a panic:\n%s", lastLines(log, 60))
	}
}
