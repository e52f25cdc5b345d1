package txn

// detector.go: the goroutine that finds deadlocks over several groups and has them ended. While no transaction over several
// groups has waited for a while it does nothing at all, and asks no server. Then, a few times a second, it reads the lock
// waits of the groups that such transactions have (lockwaits.go). One that waits in a group and is waited for in another may
// be in a circle: it is published to the other Servals (waits.go). When all of a circle is known (deadlock.go), the
// Serval whose transaction is to be the victim ends it.

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	lookEvery    = 200 * time.Millisecond // about
	waitsAtLeast = 400 * time.Millisecond // statements that run shorter are not looked at
	busyShare    = 4                      // readings pause for so many times the time that a server needs for one
	longestPause = 5 * time.Second
	momentsKept  = 16
	endAgain     = time.Second // when a victim that goes on is ended again
	leaveTimeout = time.Second
)

// Waiter is a transaction over several groups whose statement has been running for a while.
type Waiter struct {
	ID      string // no other transaction of this Serval has had it
	Started time.Time
	Threads []Thread
}

// Thread is a connection by its server's number.
type Thread struct {
	Group string
	ID    uint64
}

// Sessions are those of this Serval.
type Sessions interface {
	// Waiting gives the transactions over several groups whose statement has been running for at least so long.
	Waiting(least time.Duration) []Waiter
	// EndDeadlock ends the statement of a transaction that waits on these of its connections, and the transaction with
	// it, by error 1213. It does nothing when the transaction has got on meanwhile.
	EndDeadlock(id string, on []Thread)
}

type detector struct {
	m        *Manager
	sessions Sessions
	name     string // of this Serval in the table waits, with a slash
	readers  map[string]*lockReader

	facts     *facts
	moments   []time.Time          // at which a graph can be made, the last ones
	published map[string][]row     // by group: what stands in the table waits
	ended     map[string]time.Time // victims, until they are gone
}

// WatchDeadlocks finds and ends deadlocks over several groups until ctx ends.
func (m *Manager) WatchDeadlocks(ctx context.Context, sessions Sessions) {
	var b [8]byte
	rand.Read(b[:]) // never fails
	d := &detector{m: m, sessions: sessions, name: hex.EncodeToString(b[:]) + "/", readers: map[string]*lockReader{}, facts: newFacts(),
		ended: map[string]time.Time{}}
	for _, g := range m.cluster.Groups() {
		d.readers[g.Name()] = &lockReader{m: m, group: g.Name()}
	}
	if len(d.readers) < 2 {
		return
	}
	writing, end := outlive(ctx, leaveTimeout)
	defer end()
	defer d.leave(writing)
	wait, before := lookEvery, time.Duration(0)
	for pause(ctx, wait-wait/8+mathrand.N(wait/4)) { // not in step with other Servals
		asked := d.round(ctx, writing)
		wait = min(max(lookEvery, busyShare*min(asked, before)), longestPause) // slow once is no reason
		before = asked
	}
}

// outlive gives a context that ends some time after another one: what was begun to be written is not cut off, or nobody
// would know whether it is still on its way. stop gives it up.
func outlive(ctx context.Context, by time.Duration) (longer context.Context, stop func()) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var watching sync.WaitGroup
	watching.Go(func() {
		defer cancel()
		select {
		case <-ctx.Done():
			pause(longer, by)
		case <-longer.Done():
		}
	})
	return longer, func() { cancel(); watching.Wait() }
}

// leave takes back what other Servals would see for a while otherwise.
func (d *detector) leave(ctx context.Context) {
	var wait sync.WaitGroup
	for g, rows := range d.published {
		wait.Go(func() { d.readers[g].publish(ctx, nil, rows) })
	}
	wait.Wait()
	d.rest()
}

// rest gives up what is only needed while somebody waits.
func (d *detector) rest() {
	for _, r := range d.readers {
		r.rest()
	}
	d.facts, d.moments = newFacts(), nil
	clear(d.ended)
}

// waiting are this Serval's transactions that have waited for a while.
func (d *detector) waiting() map[string]Waiter {
	found := map[string]Waiter{}
	for _, w := range d.sessions.Waiting(waitsAtLeast) {
		w.ID = d.name + w.ID
		found[w.ID] = w
	}
	return found
}

// round looks once, and shows others what it saw until writing ends. It returns how long the servers needed.
func (d *detector) round(ctx, writing context.Context) (asked time.Duration) {
	first := d.waiting()
	if len(first) == 0 && len(d.published) == 0 {
		if d.moments != nil {
			d.rest()
		}
		return 0
	}
	seen := time.Now()
	readings := d.readAll(ctx, d.groupsOf(first))
	moment := time.Now()
	d.learn(readings, first, seen)
	d.endCircles(first)
	if ctx.Err() != nil {
		return 0 // leave has the rest
	}
	d.publish(writing, readings, first)
	d.moments = append(d.moments, moment)
	d.moments = d.moments[max(0, len(d.moments)-momentsKept):]
	for _, r := range readings {
		asked = max(asked, r.end.Sub(r.begin))
	}
	return asked
}

// groupsOf are the groups that waiting and published transactions have.
func (d *detector) groupsOf(waiters map[string]Waiter) map[string]bool {
	groups := map[string]bool{}
	for _, w := range waiters {
		for _, t := range w.Threads {
			groups[t.Group] = true
		}
	}
	for g := range d.published {
		groups[g] = true
	}
	return groups
}

// readAll reads groups side by side, and all groups when another Serval has published something: the way on from its
// transactions may lead anywhere.
func (d *detector) readAll(ctx context.Context, groups map[string]bool) map[string]*reading {
	readings := d.read(ctx, groups)
	for _, r := range readings {
		for _, w := range r.rows {
			if d.foreign(w, r) {
				rest := map[string]bool{}
				for g := range d.readers {
					rest[g] = !groups[g]
				}
				for g, r := range d.read(ctx, rest) {
					readings[g] = r
				}
				return readings
			}
		}
	}
	return readings
}

func (d *detector) read(ctx context.Context, groups map[string]bool) map[string]*reading {
	var (
		mu       sync.Mutex
		wait     sync.WaitGroup
		readings = map[string]*reading{}
	)
	for g, wanted := range groups {
		if !wanted {
			continue
		}
		wait.Go(func() {
			if got := d.readers[g].read(ctx); got != nil {
				mu.Lock()
				readings[g] = got
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return readings
}

// foreign tells whether a row is another Serval's and was renewed lately.
func (d *detector) foreign(w row, r *reading) bool { return !d.own(w.id) && r.age(w) < freshFor }

// learn puts what was read to what is known. A transaction of this Serval's counts when it is still there after the
// readings: then its connections were its own all the time.
func (d *detector) learn(readings map[string]*reading, first map[string]Waiter, seen time.Time) {
	verified := time.Now()
	still := d.waiting()
	maps.DeleteFunc(first, func(id string, _ Waiter) bool { _, there := still[id]; return !there })
	var own []seenPart
	for id, w := range first {
		for _, t := range w.Threads {
			own = append(own, seenPart{part{id, t.Group, t.ID}, span{seen, verified}, w.Started.UnixMicro()})
		}
	}
	d.facts.sawParts(func(p part) bool { return d.own(p.id) }, own)
	for g := range d.readers {
		r := readings[g]
		if r == nil {
			d.facts.forgetWaits(g)
			r = &reading{}
		} else {
			d.facts.sawWaits(g, r.waits, r.begin.Add(-r.old), r.end)
		}
		var others []seenPart
		for _, w := range r.rows {
			if d.foreign(w, r) { // the later beginning and the earlier end that its server's clock may mean
				s := span{r.at(w.since).Add(r.end.Sub(r.begin)), r.at(w.seen)}
				others = append(others, seenPart{part{w.id, g, w.thread}, s, w.started})
			}
		}
		d.facts.sawParts(func(p part) bool { return p.group == g && !d.own(p.id) }, others)
	}
	d.facts.tidy()
}

func (d *detector) own(id string) bool { return strings.HasPrefix(id, d.name) }

// publish shows the other Servals this one's transactions that may be in a circle, and takes back what was shown of
// others. What cannot be taken back now counts for a moment only, and is taken back later: until then it is known.
func (d *detector) publish(ctx context.Context, readings map[string]*reading, waiters map[string]Waiter) {
	rows := d.rows(readings, waiters)
	var (
		mu   sync.Mutex
		wait sync.WaitGroup
		left = map[string][]row{}
	)
	for g, r := range d.readers {
		old := slices.Clone(d.published[g])
		if got := readings[g]; got != nil {
			for _, w := range got.rows {
				if (d.own(w.id) || got.age(w) > keptFor) && !slices.ContainsFunc(old, w.same) {
					old = append(old, w)
				}
			}
		}
		old = slices.DeleteFunc(old, func(w row) bool { return slices.ContainsFunc(rows[g], w.same) })
		if len(rows[g])+len(old) == 0 {
			continue
		}
		wait.Go(func() {
			if r.conn == nil || !r.publish(ctx, rows[g], old) {
				mu.Lock()
				left[g] = slices.DeleteFunc(old, func(w row) bool { return !d.own(w.id) })
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	for g := range left {
		if len(left[g]) > 0 {
			rows[g] = append(rows[g], left[g]...)
		}
	}
	d.published = rows
}

// rows are those to be published, by group.
func (d *detector) rows(readings map[string]*reading, waiters map[string]Waiter) map[string][]row {
	rows := map[string][]row{}
	for id := range d.facts.between() {
		w, own := waiters[id]
		if _, ended := d.ended[id]; !own || ended {
			continue
		}
		for _, t := range w.Threads {
			if r := readings[t.Group]; r != nil {
				now := row{id: id, thread: t.ID, started: w.Started.UnixMicro(), since: r.now, seen: r.now}
				if i := slices.IndexFunc(d.published[t.Group], now.same); i >= 0 {
					now.since = d.published[t.Group][i].since
				}
				rows[t.Group] = append(rows[t.Group], now)
			}
		}
	}
	return rows
}

// endCircles ends this Serval's transactions that are to be victims.
func (d *detector) endCircles(waiters map[string]Waiter) {
	for id, at := range d.ended {
		if _, there := waiters[id]; !there || time.Since(at) > endAgain {
			delete(d.ended, id)
		}
	}
	for i := len(d.moments) - 1; i >= 0; i-- {
		victims := d.facts.victims(d.moments[i])
		for _, id := range victims {
			w, own := waiters[id]
			if _, already := d.ended[id]; !own || already {
				continue
			}
			on := d.facts.waitsOf(id)
			d.m.log.Info("a deadlock over several groups: one of its transactions is ended", "transaction", strings.TrimPrefix(id, d.name), "waits", fmt.Sprint(on))
			d.sessions.EndDeadlock(strings.TrimPrefix(id, d.name), on)
			d.ended[w.ID] = time.Now()
		}
		if len(victims) > 0 {
			return
		}
	}
}
