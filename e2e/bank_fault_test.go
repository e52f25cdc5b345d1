package e2e

// bank_fault_test.go: what is broken while the bank works: Servals and servers killed and started again, frozen for a
// while, and the network between them reset or silent. Faults come in phases, with quiet times in between, in which the
// clients must not notice anything.

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"serval/e2e/cut"
)

const (
	bankFirstQuiet = 3500 * time.Millisecond // at the beginning
	bankQuiet      = 14 * time.Second        // between phases
	bankPhase      = 25 * time.Second        // in which faults begin
	// bankSettle is how long after the last fault nothing may be noticed any more: what a lost Serval has left prepared is
	// finished by then.
	bankSettle = 10 * time.Second
)

// bankFault is one way to break something: a target that is chosen by index, and how long it lasts, both in advance.
type bankFault struct {
	name    string
	targets int
	longest time.Duration
	do      func(target int, d time.Duration) error
}

// bankFaults breaks things.
type bankFaults struct {
	b *bank
	r *rand.Rand

	end    time.Time
	broken sync.WaitGroup

	mu      sync.Mutex
	busy    map[string]bool // targets that are broken now
	lastEnd time.Time
	counts  map[string]int
	log     []string
	failed  []error // things that could not be put back
}

// bankGate holds clients back before they commit, so that many commits are under way when something breaks.
type bankGate struct {
	mu     sync.Mutex
	shut   chan struct{} // nil: the gate is open
	before int           // clients that wait
}

// pass waits until the gate is open.
func (g *bankGate) pass() {
	g.mu.Lock()
	shut := g.shut
	if shut != nil {
		g.before++
	}
	g.mu.Unlock()
	if shut != nil {
		<-shut
	}
}

// gather shuts the gate until n clients wait, and no longer than d. It does nothing when another has shut it.
func (g *bankGate) gather(n int, d time.Duration) {
	g.mu.Lock()
	if g.shut != nil {
		g.mu.Unlock()
		return
	}
	g.shut, g.before = make(chan struct{}), 0
	g.mu.Unlock()
	for began, enough := time.Now(), false; !enough && time.Since(began) < d; {
		time.Sleep(time.Millisecond)
		g.mu.Lock()
		enough = g.before >= n
		g.mu.Unlock()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.shut)
	g.shut = nil
}

func newBankFaults(b *bank, r *rand.Rand) *bankFaults {
	return &bankFaults{b: b, r: r, busy: map[string]bool{}, counts: map[string]int{}}
}

// deck is every kind of fault, as often as it is to come.
func (f *bankFaults) deck() []bankFault {
	nodes, proxies := len(f.b.Nodes), len(f.b.proxies)
	kill := bankFault{"Serval killed", proxies, 1500 * time.Millisecond, f.killProxy}
	killServer := bankFault{"server killed", nodes, 700 * time.Millisecond, f.killServer}
	deck := []bankFault{
		kill, kill, killServer, killServer,
		{"Serval frozen", proxies, 3 * time.Second, f.freezeProxy},
		{"server frozen", nodes, 3 * time.Second, f.freezeServer},
		{"network reset", proxies * nodes, time.Second, f.reset},
		{"network silent", proxies * nodes, 3 * time.Second, f.silence},
	}
	if time.Until(f.end) > time.Minute { // long enough for the other Serval to finish what this one has begun
		deck = append(deck, bankFault{"Serval frozen for long", proxies, 12 * time.Second, f.freezeProxy},
			bankFault{"network lost", proxies * nodes, 8 * time.Second, f.lose})
	}
	f.r.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
	return deck
}

// run breaks things for as long as d says, and leaves some broken: see over. First there is a quiet time, which lasts until
// the readers have seen enough.
func (f *bankFaults) run(d time.Duration) {
	f.end = time.Now().Add(d)
	for quiet := time.Now().Add(bankFirstQuiet); time.Now().Before(quiet) || f.b.seen.totalsQuiet.Load() < 2 && time.Now().Before(quiet.Add(bankFirstQuiet*4)); {
		time.Sleep(50 * time.Millisecond)
	}
	f.end = later(f.end, time.Now().Add(min(d, bankPhase)-bankFirstQuiet))
	phase := time.Now()
	for deck := f.deck(); f.sleep(0); deck = deck[1:] {
		if len(deck) == 0 {
			deck = f.deck()
		}
		f.begin(deck[0])
		f.sleep(100*time.Millisecond + drawn(f.r, 1300*time.Millisecond))
		if time.Since(phase) > bankPhase {
			f.over()
			f.sleep(bankSettle + bankQuiet)
			phase = time.Now()
		}
	}
}

// over waits until nothing is broken any more.
func (f *bankFaults) over() { f.broken.Wait() }

func later(one, other time.Time) time.Time {
	if one.Before(other) {
		return other
	}
	return one
}

// sleep returns false when it is time to end.
func (f *bankFaults) sleep(d time.Duration) bool {
	time.Sleep(min(d, time.Until(f.end)))
	return time.Now().Before(f.end)
}

// begin breaks one of the kind's targets that is whole.
func (f *bankFaults) begin(kind bankFault) {
	target, d, late := f.r.IntN(kind.targets), kind.longest/10+drawn(f.r, kind.longest*9/10), drawn(f.r, 5*time.Millisecond)
	name, _, _ := strings.Cut(kind.name, " ")
	key := fmt.Sprint(name, " ", target)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy[key] {
		return
	}
	f.busy[key] = true
	f.counts[kind.name]++
	f.log = append(f.log, fmt.Sprintf("%s %s (%d) for %v", time.Now().Format("05.000"), kind.name, target, d))
	f.broken.Go(func() {
		f.b.gate.gather(bankClients/2, 100*time.Millisecond)
		time.Sleep(late)
		err := kind.do(target, d)
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.busy, key)
		f.lastEnd = time.Now()
		f.log = append(f.log, fmt.Sprintf("%s %s (%d) is over", f.lastEnd.Format("05.000"), kind.name, target))
		if err != nil {
			f.failed = append(f.failed, fmt.Errorf("%s (%d): %w", kind.name, target, err))
		}
	})
}

// calmSince tells whether nothing was broken between a moment and now, nor shortly before it.
func (f *bankFaults) calmSince(t time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.busy) == 0 && f.lastEnd.Add(bankSettle).Before(t)
}

func (f *bankFaults) killProxy(i int, d time.Duration) error {
	f.b.proxies[i].Kill()
	time.Sleep(d)
	return again(f.b.proxies[i].Restart)
}

func (f *bankFaults) killServer(i int, d time.Duration) error {
	f.b.Nodes[i].Kill()
	time.Sleep(d)
	return again(f.b.Nodes[i].Restart)
}

// again tries a second time: another program may have had the port for a moment.
func again(start func() error) error {
	err := start()
	if err != nil {
		time.Sleep(time.Second)
		err = start()
	}
	return err
}

func (f *bankFaults) freezeProxy(i int, d time.Duration) error {
	if err := f.b.proxies[i].Freeze(); err != nil {
		return err
	}
	time.Sleep(d)
	return f.b.proxies[i].Thaw()
}

func (f *bankFaults) freezeServer(i int, d time.Duration) error {
	if err := f.b.Nodes[i].Freeze(); err != nil {
		return err
	}
	time.Sleep(d)
	return f.b.Nodes[i].Thaw()
}

// link is the network between a Serval and a server.
func (f *bankFaults) link(i int) *cut.Forwarder {
	nodes := len(f.b.Nodes)
	return f.b.links[i/nodes][i%nodes]
}

// reset ends all connections, and has no new ones for a while.
func (f *bankFaults) reset(i int, d time.Duration) error {
	f.link(i).Refuse()
	f.link(i).Reset()
	time.Sleep(d)
	f.link(i).Pass()
	return nil
}

// silence loses what one side or both say, and in the end it arrives after all, or never.
func (f *bankFaults) silence(i int, d time.Duration) error {
	f.link(i).Hold(1 + cut.Direction(d)%cut.Both)
	time.Sleep(d)
	if d%2 == 0 {
		f.link(i).Reset()
	}
	f.link(i).Pass()
	return nil
}

// lose is a silence for the connections that there are, while new ones work: the server keeps the old ones' locks.
func (f *bankFaults) lose(i int, d time.Duration) error {
	f.link(i).Forget()
	time.Sleep(d)
	f.link(i).Reset()
	return nil
}

func (f *bankFaults) String() string { return counted(f.counts) }

func (f *bankFaults) history() string { return strings.Join(f.log, "\n") }

// drawn draws a duration.
func drawn(r *rand.Rand, longest time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(longest)))
}
