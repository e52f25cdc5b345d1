package e2e

// crashmatrix_test.go: the crash matrix. At every step of the commit of a transaction over several groups Serval is killed
// or frozen, a server is killed or frozen, the network is cut, the client is cut, and a recovery is killed at each of its
// own steps. Afterwards all branches of a transaction are committed or none, none is in doubt for long, and no client was
// told a thing that is not so. One fault strikes many transactions at once, each at its step (crashevent_test.go).
//
// The usual run is the short form; SERVAL_E2E_CRASH=all (make crash) is the whole matrix. One row:
// go test ./e2e -run 'TestCrashMatrix/mysql/serval_killed'.

import (
	"os"
	"slices"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/cut"
	"serval/e2e/failpoint"
	"serval/e2e/servers"
)

// crashFault is a row of the matrix.
type crashFault struct {
	name   string
	short  bool                          // part of the short form
	strike func(*testing.T, *crashEvent) // while the transactions wait at their steps; it lets them go
	dies   bool                          // Serval: it need not end in good order
	alone  bool                          // no other Serval recovers
	locks  bool                          // connections stay on the server that no one knows of any more: their locks do
}

// crashFaults are the rows but for recovery's. Group 0 is the one that they hit: it decides in some cells and does not in
// the others. Where Serval lives each fault strikes twice, with another Serval that recovers and without.
func crashFaults() []crashFault {
	hit := func(strike func(*testing.T, *crashEvent, int)) func(*testing.T, *crashEvent) {
		return func(t *testing.T, e *crashEvent) { strike(t, e, 0) }
	}
	faults := []crashFault{
		{name: "serval killed", short: true, strike: killServal, dies: true},
		{name: "serval killed, started again", strike: restartServal, dies: true, alone: true},
		{name: "serval and server killed", strike: hit(killBoth), dies: true},
		{name: "serval frozen", short: true, strike: freezeServal},
		{name: "server killed", short: true, strike: hit(killServer)},
		{name: "server killed, back before it is needed", strike: hit(restartServer)},
		{name: "all servers killed", strike: killServers},
		{name: "server frozen", strike: hit(freezeServer(7 * time.Second))},
		{name: "server frozen for long", strike: hit(freezeServer(50 * time.Second))},
		{name: "connections reset", short: true, strike: hit(resetNetwork)},
		{name: "network refuses", strike: hit(refuseNetwork)},
		{name: "black hole", strike: hit(blackHole(cut.Both, 8*time.Second))},
		{name: "black hole for statements", strike: hit(blackHole(cut.ToServer, 8*time.Second))},
		{name: "black hole for answers", strike: hit(blackHole(cut.FromServer, 8*time.Second))},
		{name: "black hole for long", strike: hit(blackHole(cut.Both, 55*time.Second))},
		{name: "black hole for answers for long", strike: hit(blackHole(cut.FromServer, 55*time.Second))},
		{name: "network back without the connections", strike: hit(forgetNetwork), locks: true},
		{name: "client killed", short: true, strike: cutClients},
	}
	for _, f := range faults {
		if !f.dies && f.name != "serval frozen" {
			f.name, f.alone, f.short = f.name+", one Serval", true, false
			faults = append(faults, f)
		}
	}
	return faults
}

func crashAllRows() bool { return os.Getenv("SERVAL_E2E_CRASH") == "all" }

func TestCrashMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("servers are killed")
	}
	program, err := cluster.Build(t.TempDir(), "failpoints")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel() // the events wait most of the time
			newCrashBed(t, kind, program).matrix(t)
		})
	}
}

func (b *crashBed) matrix(t *testing.T) {
	for _, f := range crashFaults() {
		if f.short || crashAllRows() {
			t.Run(f.name, func(t *testing.T) { b.row(t, &f) })
		}
	}
	t.Run("between END and PREPARE", b.cutBeforePrepare)
	t.Run("recovery killed", b.recoveryKilled)
	if crashAllRows() {
		t.Run("recovery held", b.recoveryHeld)
		t.Run("recovery struck", b.recoveryStruck)
		t.Run("several recoveries", b.severalRecoveries)
	}
	t.Run("at the end", func(t *testing.T) { b.judge(t, b.done) })
}

// row is one fault and all cells.
func (b *crashBed) row(t *testing.T, f *crashFault) {
	e := b.event(t, b.cells(failpoint.Session()))
	if !f.alone { // not before, as it would roll back what waits at a step on a slow machine
		b.Serve(t, cluster.Run{Program: b.program})
	}
	f.strike(t, e)
	e.keepsLocks = f.locks
	e.settle(t)
	if !f.dies {
		e.servalEnds(t)
	}
}

// cells are those of an event: in the short form every step of two groups with both roles of the group that is hit, and
// what the other shapes add; else all shapes, with each role.
func (b *crashBed) cells(steps []string) []*crashCell {
	if crashAllRows() {
		var cells []*crashCell
		for _, shape := range []crashShape{crashTwo, crashThree, crashReader, crashDecider} {
			cells = append(cells, crashCells(&b.next, shape, []int{0, 1, 2}, steps)...)
		}
		return append(cells, crashCells(&b.next, crashAlone, []int{0}, steps)...)
	}
	perBranch := slices.DeleteFunc(slices.Clone(steps), func(s string) bool { return crashThree.times(s) == 1 })
	return slices.Concat(
		crashCells(&b.next, crashTwo, []int{0, 2}, steps),
		crashCells(&b.next, crashThree, []int{1}, perBranch),
		crashCells(&b.next, crashAlone, []int{0}, []string{"after-xa-start", "before-prepare", "after-prepare", "after-decision", "before-commit-decision", "before-xa-commit"}),
		crashCells(&b.next, crashReader, []int{1}, []string{"before-decision", "before-commit-decision"}),
		crashCells(&b.next, crashDecider, []int{0}, []string{"after-prepare", "before-commit-decision"}))
}

func killServal(_ *testing.T, e *crashEvent) {
	e.crash()
}

func restartServal(t *testing.T, e *crashEvent) {
	e.crash()
	e.Serve(t, cluster.Run{Program: e.program})
	e.back()
}

// freezeServal stops Serval until another has ended all that it had left, then lets it go on as if nothing had been.
func freezeServal(t *testing.T, e *crashEvent) {
	if err := e.serval.Freeze(); err != nil {
		t.Fatal(err)
	}
	e.back()
	e.noneInDoubt(t, func() bool { return true })
	if err := e.serval.Thaw(); err != nil {
		t.Fatal(err)
	}
	e.letGo()
	e.back()
}

func killBoth(t *testing.T, e *crashEvent, group int) {
	e.Nodes[group].Kill()
	e.crash()
	time.Sleep(time.Second)
	e.restart(t, group)
}

func killServer(t *testing.T, e *crashEvent, group int) {
	e.Nodes[group].Kill()
	e.letGo()
	time.Sleep(time.Second)
	e.restart(t, group)
}

// restartServer has the server back before anyone has seen that it was gone.
func restartServer(t *testing.T, e *crashEvent, group int) {
	e.Nodes[group].Kill()
	e.restart(t, group)
	e.letGo()
}

func killServers(t *testing.T, e *crashEvent) {
	for _, n := range e.Nodes {
		n.Kill()
	}
	e.letGo()
	time.Sleep(time.Second)
	for g := range e.Nodes {
		e.restart(t, g)
	}
}

func (e *crashEvent) restart(t *testing.T, group int) {
	t.Helper()
	if err := e.Nodes[group].Restart(); err != nil {
		t.Fatal(err)
	}
	e.back()
}

func freezeServer(d time.Duration) func(*testing.T, *crashEvent, int) {
	return func(t *testing.T, e *crashEvent, group int) {
		if err := e.Nodes[group].Freeze(); err != nil {
			t.Fatal(err)
		}
		e.letGo()
		time.Sleep(d)
		if err := e.Nodes[group].Thaw(); err != nil {
			t.Fatal(err)
		}
		e.back()
	}
}

func resetNetwork(_ *testing.T, e *crashEvent, group int) {
	e.networks[group].Reset()
	e.letGo()
	e.back()
}

// refuseNetwork resets the connections and lets no new ones through for a while.
func refuseNetwork(_ *testing.T, e *crashEvent, group int) {
	e.networks[group].Refuse()
	e.networks[group].Reset()
	e.letGo()
	time.Sleep(4 * time.Second)
	e.networks[group].Pass()
	e.back()
}

// blackHole swallows what goes in a direction; the other Serval, if there is one, reaches all groups all the time.
func blackHole(d cut.Direction, lasts time.Duration) func(*testing.T, *crashEvent, int) {
	return func(_ *testing.T, e *crashEvent, group int) {
		e.networks[group].Hold(d)
		e.letGo()
		time.Sleep(lasts)
		e.networks[group].Pass()
		e.back()
	}
}

// forgetNetwork is a black hole after which the connections are dead, and neither side is told.
func forgetNetwork(_ *testing.T, e *crashEvent, group int) {
	e.networks[group].Hold(cut.Both)
	e.letGo()
	time.Sleep(3 * time.Second)
	e.networks[group].Forget()
	e.back()
}

func cutClients(_ *testing.T, e *crashEvent) {
	for _, c := range e.cells {
		_ = c.conn.NetConn().Close()
	}
	e.letGo()
	e.back()
}

// cutBeforePrepare is the step that has no failpoint, as XA END and XA PREPARE go out in one write: the server gets the
// one and not the other.
func (b *crashBed) cutBeforePrepare(t *testing.T) {
	b.Serve(t, cluster.Run{Program: b.program})
	steps := []string{"before-prepare"}
	e := b.event(t, slices.Concat(crashCells(&b.next, crashTwo, []int{0, 1, 2}, steps), crashCells(&b.next, crashThree, []int{0, 1, 2}, steps),
		crashCells(&b.next, crashReader, []int{0, 1, 2}, steps), crashCells(&b.next, crashDecider, []int{0, 1, 2}, steps)))
	for _, f := range e.networks {
		f.HoldBefore("XA PREPARE")
	}
	e.letGo()
	e.awaitCaught(t)
	for _, f := range e.networks {
		f.Pass()
		f.Reset()
	}
	e.back()
	e.settle(t)
	e.servalEnds(t)
}

func (e *crashEvent) awaitCaught(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(crashReachTimeout); ; time.Sleep(20 * time.Millisecond) {
		caught := 0
		for _, f := range e.networks {
			caught += f.Caught()
		}
		if caught >= len(e.cells) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d XA PREPARE for %d transactions", caught, len(e.cells))
		}
	}
}
