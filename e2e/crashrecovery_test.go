package e2e

// crashrecovery_test.go: the rows of the crash matrix that are about recovery itself: it is killed at each of its steps,
// held at them while another one does the work, and several begin at once.

import (
	"context"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/cut"
	"serval/e2e/failpoint"
)

// leftBehind is a Serval that has died with a transaction at every step.
func (b *crashBed) leftBehind(t *testing.T) *crashEvent {
	t.Helper()
	e := b.event(t, b.cells(failpoint.Session()))
	e.crash()
	return e
}

// crashRecoverer is a Serval that stops at a step of its recovery.
type crashRecoverer struct {
	*cluster.Binary
	step string
	fp   *failpoint.Listener
	net  *cut.Forwarder // between it and group 0
	hit  chan struct{}  // closed when it waits
	free chan struct{}  // closed by release
}

// recoverer starts one that is held when it comes to the step for the nth time, until release.
func (b *crashBed) recoverer(t *testing.T, step string, nth int) *crashRecoverer {
	t.Helper()
	r := &crashRecoverer{step: step, fp: failpoint.Listen(t), net: cut.New(t, b.Nodes[0].Addr()), hit: make(chan struct{}), free: make(chan struct{})}
	r.Binary = b.Serve(t, cluster.Run{Program: b.program, Nodes: []string{r.net.Addr()}, Env: []string{r.fp.Env(step)}})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.hold(ctx, nth)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return r
}

func (r *crashRecoverer) hold(ctx context.Context, nth int) {
	for n := 1; ; n++ {
		select {
		case h := <-r.fp.Hits():
			if n == nth {
				close(r.hit)
			}
			if n >= nth {
				select {
				case <-r.free:
				case <-ctx.Done():
				}
			}
			h.Continue()
		case <-ctx.Done():
			return
		}
	}
}

// await waits until the recovery is held.
func (r *crashRecoverer) await(t *testing.T) {
	t.Helper()
	select {
	case <-r.hit:
	case <-time.After(crashReachTimeout):
		t.Fatalf("no recovery came to %s often enough\n%s", r.step, lastLines(r.Log(), 20))
	}
}

// recoveryKilled kills a recovery at each of its steps; the next one ends the transactions. The short form kills three at
// once, that are at three steps.
func (b *crashBed) recoveryKilled(t *testing.T) {
	if !crashAllRows() {
		b.killRecoveries(t, 1, "recovery-before-verdict", "recovery-after-verdict", "recovery-before-finish")
		return
	}
	for _, step := range failpoint.Recovery() {
		for _, nth := range []int{1, 2, 9} {
			t.Run(step, func(t *testing.T) { b.killRecoveries(t, nth, step) })
		}
	}
}

func (b *crashBed) killRecoveries(t *testing.T, nth int, steps ...string) {
	e := b.leftBehind(t)
	var all []*crashRecoverer
	for _, step := range steps {
		all = append(all, b.recoverer(t, step, nth))
	}
	for _, r := range all {
		r.await(t)
	}
	for _, r := range all {
		r.Kill()
	}
	b.Serve(t, cluster.Run{Program: b.program})
	e.back()
	e.settle(t)
}

// recoveryHeld holds a recovery at each step while another does all the work, and lets it go on with what it knew.
func (b *crashBed) recoveryHeld(t *testing.T) {
	for _, step := range failpoint.Recovery() {
		t.Run(step, func(t *testing.T) {
			e := b.leftBehind(t)
			r := b.recoverer(t, step, 1)
			r.await(t)
			b.Serve(t, cluster.Run{Program: b.program})
			e.back()
			e.settle(t)
			close(r.free)
			time.Sleep(3 * time.Second) // it goes on, and looks again
			e.settle(t)
			if err := r.Stop(); err != nil {
				t.Errorf("the recovery that was held does not end: %v", err)
			}
		})
	}
}

// recoveryStruck holds the only recovery at each of its steps while something befalls it or a group: it goes on by itself.
func (b *crashBed) recoveryStruck(t *testing.T) {
	for _, fault := range []struct {
		name   string
		strike func(*testing.T, *crashEvent, *crashRecoverer)
	}{
		{"server killed", func(t *testing.T, e *crashEvent, r *crashRecoverer) {
			e.Nodes[0].Kill()
			close(r.free)
			time.Sleep(time.Second)
			e.restart(t, 0)
		}},
		{"server frozen", func(t *testing.T, e *crashEvent, r *crashRecoverer) {
			if err := e.Nodes[0].Freeze(); err != nil {
				t.Fatal(err)
			}
			close(r.free)
			time.Sleep(12 * time.Second)
			if err := e.Nodes[0].Thaw(); err != nil {
				t.Fatal(err)
			}
		}},
		{"recovery frozen", func(t *testing.T, _ *crashEvent, r *crashRecoverer) {
			if err := r.Freeze(); err != nil {
				t.Fatal(err)
			}
			close(r.free)
			time.Sleep(12 * time.Second)
			if err := r.Thaw(); err != nil {
				t.Fatal(err)
			}
		}},
		{"connections reset", func(_ *testing.T, _ *crashEvent, r *crashRecoverer) {
			r.net.Reset()
			close(r.free)
		}},
		{"black hole", func(_ *testing.T, _ *crashEvent, r *crashRecoverer) {
			r.net.Hold(cut.Both)
			close(r.free)
			time.Sleep(12 * time.Second)
			r.net.Pass()
		}},
		{"black hole for answers", func(_ *testing.T, _ *crashEvent, r *crashRecoverer) {
			r.net.Hold(cut.FromServer)
			close(r.free)
			time.Sleep(12 * time.Second)
			r.net.Pass()
		}},
		{"network back without the connections", func(_ *testing.T, _ *crashEvent, r *crashRecoverer) {
			r.net.Hold(cut.Both)
			close(r.free)
			time.Sleep(2 * time.Second)
			r.net.Forget()
		}},
	} {
		for _, step := range failpoint.Recovery() {
			t.Run(fault.name+" at "+step, func(t *testing.T) {
				e := b.leftBehind(t)
				r := b.recoverer(t, step, 1)
				r.await(t)
				fault.strike(t, e, r)
				e.back()
				e.settle(t)
				if err := r.Stop(); err != nil {
					t.Errorf("the recovery does not end when it is told to: %v", err)
				}
			})
		}
	}
}

// severalRecoveries starts four at the same moment.
func (b *crashBed) severalRecoveries(t *testing.T) {
	e := b.leftBehind(t)
	for range 4 {
		b.Serve(t, cluster.Run{Program: b.program})
	}
	e.back()
	e.settle(t)
}
