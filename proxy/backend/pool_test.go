package backend

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"serval/config"
	"serval/proxy/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func acquire(t testing.TB, n *Node) *Conn {
	t.Helper()
	c, err := n.AcquireOne(context.Background(), false)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantStats(t *testing.T, n *Node, inUse, idle, waiting int) {
	t.Helper()
	if s := n.Stats(); s.InUse != inUse || s.Idle != idle || s.Waiting != waiting {
		t.Errorf("in use %d, idle %d, waiting %d; want %d, %d, %d", s.InUse, s.Idle, s.Waiting, inUse, idle, waiting)
	}
}

func TestReuse(t *testing.T) {
	f := startFake(t)
	_, n := f.open(config.Pool{Max: 4, MaxIdle: 4})
	first := acquire(t, n)
	if first.ThreadID() != 77 || first.ServerVersion() != "8.0.99-fake" || first.Node() != n {
		t.Errorf("thread %d, version %q", first.ThreadID(), first.ServerVersion())
	}
	wantStats(t, n, 1, 0, 0)
	first.Release()
	first.Release() // a second time does nothing
	wantStats(t, n, 0, 1, 0)
	if second := acquire(t, n); second != first {
		t.Error("the idle connection was not used")
	} else {
		second.Discard()
		second.Release()
	}
	wantStats(t, n, 0, 0, 0)
	if s := n.Stats(); s.Connects != 1 || s.Errors != 0 || s.Max != 4 {
		t.Errorf("%+v", s)
	}
}

func TestCapabilities(t *testing.T) {
	f := startFake(t)
	_, n := f.open(config.Pool{Max: 2, MaxIdle: 2})
	c, err := n.AcquireOne(context.Background(), true)
	if err != nil {
		t.Fatal(err)
	}
	c.Release()
	plain := acquire(t, n)
	if plain == c {
		t.Error("a FOUND_ROWS connection was given to a session without it")
	}
	plain.Release()
	const never = wire.CapDeprecateEOF | wire.CapQueryAttributes | wire.CapMultiStatements | wire.CapCompress
	for i, caps := range f.caps {
		if caps&never != 0 || caps&wire.CapMultiResults == 0 || (caps&wire.CapFoundRows != 0) != (i == 0) {
			t.Errorf("login %d asked for %#x", i, caps)
		}
	}
}

// A place for the one kind may need the room of the other kind's idle connection.
func TestKindsShareTheLimit(t *testing.T) {
	f := startFake(t)
	_, n := f.open(config.Pool{Max: 2, MaxIdle: 2})
	conns, err := n.Acquire(context.Background(), 2, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range conns {
		c.Release()
	}
	wantStats(t, n, 0, 2, 0)
	acquire(t, n).Release()
	wantStats(t, n, 0, 2, 0)
	eventually(t, "one connection closed", func() bool { return f.count(func() int { return len(f.conns) }) == 2 })
}

func TestAtomicFIFO(t *testing.T) {
	f := startFake(t)
	_, n := f.open(config.Pool{Max: 3, MaxIdle: 3})
	held, err := n.Acquire(context.Background(), 2, false)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var order []string
	var wg sync.WaitGroup
	queue := func(name string, count, position int) {
		wg.Go(func() {
			conns, err := n.Acquire(context.Background(), count, false)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			time.Sleep(5 * time.Millisecond)
			for _, c := range conns {
				c.Release()
			}
		})
		eventually(t, name+" queued", func() bool { return n.Stats().Waiting == position })
	}
	queue("three", 3, 1) // one is free, three are needed: none is taken
	queue("one", 1, 2)   // would fit at once, but stands behind
	queue("two", 2, 3)
	wantStats(t, n, 2, 0, 3)
	held[0].Release()
	time.Sleep(10 * time.Millisecond)
	wantStats(t, n, 1, 1, 3) // two are free now: still not enough, and nobody overtakes
	held[1].Release()
	wg.Wait()
	if got := strings.Join(order, " "); !strings.HasPrefix(got, "three ") {
		t.Errorf("order %q", got)
	}
	wantStats(t, n, 0, 3, 0)
}

// Statements that each need most of the pool, from many goroutines: all come through, the limit is never passed.
func TestManyScatters(t *testing.T) {
	f := startFake(t)
	_, n := f.open(config.Pool{Max: 5, MaxIdle: 3})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for round := range 20 {
				conns, err := n.Acquire(context.Background(), 1+(i+round)%5, i%2 == 0)
				if err != nil {
					t.Error(err)
					return
				}
				if s := n.Stats(); s.InUse+s.Idle > 5 {
					t.Errorf("%+v", s)
				}
				for j, c := range conns {
					if (round+j)%7 == 0 {
						c.Discard()
					} else {
						c.Release()
					}
				}
			}
		})
	}
	wg.Wait()
	if s := n.Stats(); s.InUse != 0 || s.Waiting != 0 || s.Idle > 3 {
		t.Errorf("%+v", s)
	}
}

func TestAcquireErrors(t *testing.T) {
	f := startFake(t)
	cluster, n := f.open(config.Pool{Max: 2, MaxIdle: 2, AcquireTimeout: 30 * time.Millisecond})
	var refused *wire.Error
	if _, err := n.Acquire(context.Background(), 3, false); !errors.As(err, &refused) || refused.Code != 1040 {
		t.Errorf("too many at once: %v", err)
	}
	if conns, err := n.Acquire(context.Background(), 0, false); len(conns) != 0 || err != nil {
		t.Errorf("none: %v, %v", conns, err)
	}
	a, b := acquire(t, n), acquire(t, n)
	start := time.Now()
	_, err := n.AcquireOne(context.Background(), false)
	if !errors.As(err, &refused) || refused.Code != 1040 || refused.State != "08004" ||
		!strings.Contains(refused.Message, "Too many connections") || !strings.Contains(refused.Message, "group g0") {
		t.Errorf("full pool: %v", err)
	}
	if d := time.Since(start); d < 30*time.Millisecond || d > time.Second {
		t.Errorf("full pool: after %v", d)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(5*time.Millisecond, cancel)
	if _, err := n.AcquireOne(ctx, false); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	wantStats(t, n, 2, 0, 0)
	done := make(chan error)
	go func() { _, err := n.AcquireOne(context.Background(), false); done <- err }()
	eventually(t, "waiting", func() bool { return n.Stats().Waiting == 1 })
	cluster.Close()
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("waiting while closed: %v", err)
	}
	if _, err := n.AcquireOne(context.Background(), false); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	a.Release()
	b.Discard()
	eventually(t, "connections closed", func() bool { return f.count(func() int { return len(f.conns) }) == 0 })
}

// When a large need gives up, what stood behind it is served.
func TestHeadGivesUp(t *testing.T) {
	f := startFake(t)
	_, n := f.open(config.Pool{Max: 2, MaxIdle: 2})
	held := acquire(t, n)
	defer held.Release()
	ctx, cancel := context.WithCancel(context.Background())
	big := make(chan error)
	go func() { _, err := n.Acquire(ctx, 2, false); big <- err }()
	eventually(t, "two queued", func() bool { return n.Stats().Waiting == 1 })
	small := make(chan *Conn)
	go func() { c, _ := n.AcquireOne(context.Background(), false); small <- c }()
	eventually(t, "one queued", func() bool { return n.Stats().Waiting == 2 })
	cancel()
	if err := <-big; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if c := <-small; c == nil {
		t.Error("not served")
	} else {
		c.Release()
	}
}

func TestServerRestart(t *testing.T) {
	f := startFake(t)
	_, n := f.open(config.Pool{Max: 4, MaxIdle: 4})
	conns, err := n.Acquire(context.Background(), 3, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range conns {
		c.Release()
	}
	f.stop()
	f.start()
	c := acquire(t, n) // no error: the dead ones are seen before use
	if _, err := c.Exec("DO 1"); err != nil {
		t.Error(err)
	}
	c.Release()
	wantStats(t, n, 0, 1, 0)
	f.stop()
	var refused *wire.Error
	for range 20 {
		if _, err = n.Acquire(context.Background(), 2, false); !errors.As(err, &refused) || refused.Code != 2003 {
			t.Fatalf("down: %v", err)
		}
		refused.Message = "edited by a session"
	}
	if s := n.Stats(); s.Errors < 1 || s.Errors > 6 {
		t.Errorf("%d dials to a server that is down", s.Errors)
	}
	wantStats(t, n, 0, 0, 0)
	_, err = n.AcquireOne(context.Background(), false)
	if want := "Can't connect to MySQL server on 'group g0, " + f.addr + "' (connect: connection refused)"; !errors.As(err, &refused) ||
		refused.Message != want || refused.State != "HY000" {
		t.Errorf("%v, want %s", err, want)
	}
	f.start()
	eventually(t, "back by itself", func() bool {
		conns, err := n.Acquire(context.Background(), 3, false)
		for _, c := range conns {
			c.Release()
		}
		return err == nil
	})
}

// A server that accepts and is silent costs one caller the connect timeout; the others fail at once.
func TestSilentServer(t *testing.T) {
	f := startFake(t)
	f.locked(func() bool { f.hang = true; return true })
	_, n := f.open(config.Pool{Max: 4, MaxIdle: 4, ConnectTimeout: 250 * time.Millisecond})
	var refused *wire.Error
	if _, err := n.AcquireOne(context.Background(), false); !errors.As(err, &refused) || !strings.HasSuffix(refused.Message, "(timeout)") {
		t.Fatal(err)
	}
	time.Sleep(retryAfter + 10*time.Millisecond)
	probe := make(chan time.Duration)
	go func() {
		start := time.Now()
		_, _ = n.AcquireOne(context.Background(), false)
		probe <- time.Since(start)
	}()
	eventually(t, "the probe dials", func() bool { return n.Stats().InUse == 1 && f.count(func() int { return len(f.conns) }) > 0 })
	for range 5 {
		start := time.Now()
		if _, err := n.AcquireOne(context.Background(), false); err == nil || time.Since(start) > 50*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	}
	if d := <-probe; d < 200*time.Millisecond {
		t.Errorf("the probe took %v", d)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	time.Sleep(retryAfter + 10*time.Millisecond)
	if _, err := n.AcquireOne(ctx, false); err == nil {
		t.Error("no error")
	}
	wantStats(t, n, 0, 0, 0)
}

func TestLoginRefused(t *testing.T) {
	f := startFake(t)
	f.answer("login", fakeReply{err: &wire.Error{Code: 1045, State: "28000", Message: "Access denied for user 'u'@'h'"}})
	_, n := f.open(config.Pool{Max: 1, MaxIdle: 1})
	_, err := n.AcquireOne(context.Background(), false)
	var refused *wire.Error
	if !errors.As(err, &refused) || refused.Code != 1045 || refused.State != "28000" || !strings.Contains(refused.Message, "group g0") {
		t.Error(err)
	}
}

func TestJanitor(t *testing.T) {
	f := startFake(t)
	for name, p := range map[string]config.Pool{
		"idle":     {Max: 3, MaxIdle: 3, IdleTimeout: 50 * time.Millisecond},
		"lifetime": {Max: 3, MaxIdle: 3, MaxLifetime: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			cluster, n := f.open(p)
			defer cluster.Close()
			c := acquire(t, n)
			c.Release()
			eventually(t, "closed", func() bool { return n.Stats().Idle == 0 && f.count(func() int { return len(f.conns) }) == 0 })
		})
	}
	t.Run("server gone", func(t *testing.T) {
		cluster, n := f.open(config.Pool{Max: 3, MaxIdle: 3, IdleTimeout: 10 * time.Minute})
		defer cluster.Close()
		acquire(t, n).Release()
		f.stop()
		f.start()
		n.pool.sweep(time.Now())
		wantStats(t, n, 0, 0, 0)
	})
	t.Run("max idle", func(t *testing.T) {
		cluster, n := f.open(config.Pool{Max: 3, MaxIdle: 1})
		defer cluster.Close()
		conns, err := n.Acquire(context.Background(), 3, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range conns {
			c.Release()
		}
		wantStats(t, n, 0, 1, 0)
	})
}

func TestKill(t *testing.T) {
	f := startFake(t)
	_, n := f.open(config.Pool{Max: 1, MaxIdle: 1})
	c := acquire(t, n)
	f.said()
	c.Kill(context.Background())
	c.Release() // the session's own, too late
	if got := f.said(); !strings.HasSuffix(got, "Q KILL QUERY 77") {
		t.Error(got)
	}
	wantStats(t, n, 0, 0, 0)
	c = acquire(t, n)
	c.Release()
	f.said()
	c.Kill(context.Background()) // somebody else's already
	if got := f.said(); got != "" {
		t.Errorf("killed after release: %s", got)
	}
	wantStats(t, n, 0, 1, 0)
}

func TestHotPathAllocations(t *testing.T) {
	f := startFake(t)
	_, n := f.open(config.Pool{Max: 4, MaxIdle: 4, MaxLifetime: time.Hour})
	want := &State{Database: "shop", Vars: "time_zone='+00:00'"}
	ctx := context.Background()
	round := func() {
		c, err := n.AcquireOne(ctx, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetState(want); err != nil {
			t.Fatal(err)
		}
		c.Release()
	}
	round()
	if got := testing.AllocsPerRun(200, round); got > 1 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkAcquireSetStateRelease(b *testing.B) {
	f := startFake(b)
	_, n := f.open(config.Pool{Max: 4, MaxIdle: 4, MaxLifetime: time.Hour})
	want := &State{Database: "shop", Vars: "time_zone='+00:00'"}
	b.ReportAllocs()
	for b.Loop() {
		c := acquire(b, n)
		if err := c.SetState(want); err != nil {
			b.Fatal(err)
		}
		c.Release()
	}
}
