package txn

// recovery.go: the loop that finds prepared branches which nobody commits any more, and finishes them as their verdict says.
// One goroutine a group looks, so that a dead group holds up nothing but itself; one goroutine a branch finishes. It works
// without whoever began the transaction; several Servals may do it at once; names that are not Serval's it never touches.

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"serval/proxy/backend"
)

// The loop's times. From the moment in which a group can be reached, a branch is there for a second until it is seen, for
// the grace until it is taken for left behind, and for the time that two or three short statements take; two or three
// seconds more when a connection has to be cut off that holds it.
const (
	scanEvery   = time.Second
	othersGrace = 3 * time.Second // a commit of another Serval's takes milliseconds
	ownGrace    = 5 * time.Second // a session of this process may wait on a connection from which nothing comes any more
	reconnect   = 30 * time.Second
	recoverTime = 8 * time.Second // for one branch; what has failed is tried again at the next scan

	strangerAgain = 3 * time.Second // another Serval may have made a group's store since it was looked for
)

// atOnce bounds the branches of one group and one deciding store that are finished at the same time.
const atOnce = 32

// scanner looks after one group. Its goroutine has all fields but those of the counters.
type scanner struct {
	m     *Manager
	group *backend.Group
	log   *slog.Logger
	wake  chan struct{}

	conn      *backend.Conn // nil: to be made
	connected time.Time
	uncut     func() bool // ends the watch that cuts conn at the loop's end
	complaint string      // the last error that was logged

	mu    sync.Mutex
	seen  map[XID]*sighting
	slots map[string]chan struct{} // by deciding store
	stats GroupStats
}

// sighting is a prepared branch.
type sighting struct {
	since    time.Time // when this Serval saw it first
	next     time.Time // when it may be tried again
	busy     bool      // somebody is finishing it
	failed   bool      // and could not, once at least
	stranger bool      // no group here has its store: another Serval's
}

// GroupStats is what recovery knows of a group.
type GroupStats struct {
	Group     string
	InDoubt   int // branches of Serval's that are prepared and left behind
	Strangers int // branches of Servals that have other groups than this one
	Foreign   int // prepared transactions that are not Serval's

	Committed, RolledBack uint64 // branches that this process finished
}

func newScanner(m *Manager, g *backend.Group) *scanner {
	return &scanner{m: m, group: g, log: m.log.With("group", g.Name()), wake: make(chan struct{}, 1),
		seen: map[XID]*sighting{}, slots: map[string]chan struct{}{}, stats: GroupStats{Group: g.Name()}}
}

// hurry has the next scan begin now.
func (s *scanner) hurry() {
	select {
	case s.wake <- struct{}{}:
	default: // it is on its way already
	}
}

// run scans until ctx ends, and then waits for those who finish branches.
func (s *scanner) run(ctx context.Context) {
	var finishing sync.WaitGroup
	defer finishing.Wait()
	defer s.disconnect()
	tick := time.NewTicker(scanEvery)
	defer tick.Stop()
	for {
		s.round(ctx, &finishing)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.wake:
		}
	}
}

// round is one look at the group.
func (s *scanner) round(ctx context.Context, finishing *sync.WaitGroup) {
	list, err := s.scan(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.complain(err)
		}
		return
	}
	s.complaint = ""
	now := time.Now()
	s.m.forgetLater(now)
	for _, x := range s.due(list, now) {
		slot := s.slot(x.ID.Store)
		finishing.Go(func() {
			select {
			case slot <- struct{}{}:
				defer func() { <-slot }()
				s.finish(ctx, x)
			case <-ctx.Done():
			}
		})
	}
}

// complain logs an error once for as long as it stays the same. That a server cannot be reached is logged where it is
// dialled; one that has no XA has nothing to recover.
func (s *scanner) complain(err error) {
	text := err.Error()
	if text == s.complaint {
		return
	}
	s.complaint = text
	switch code(err) {
	case 0, codeCannotConnect:
	case codeSyntax, codeUnknown:
		s.log.Info("the server has no XA: it cannot take part in a commit in several groups", "error", err)
	case codeXAFailed, codeSpecificAccess:
		s.log.Warn("transactions in doubt cannot be looked for: the account needs the privilege XA_RECOVER_ADMIN", "error", err)
	default:
		s.log.Warn("transactions in doubt cannot be looked for", "error", err)
	}
}

// scan lists what is prepared. A connection that was there may have ended while nothing was asked: then a new one is tried.
func (s *scanner) scan(ctx context.Context) (*prepared, error) {
	if s.conn != nil && time.Since(s.connected) < reconnect {
		if list, err := s.list(); err == nil || code(err) != 0 {
			return list, err
		}
	}
	s.disconnect()
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	return s.list()
}

func (s *scanner) connect(ctx context.Context) error {
	dialling, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	c, err := s.group.Primary().AcquireBeside(dialling)
	if err != nil {
		return err
	}
	s.conn, s.connected, s.uncut = c, time.Now(), context.AfterFunc(ctx, c.Discard)
	if err = c.NetConn().SetDeadline(time.Now().Add(attemptTimeout)); err == nil {
		err = prepare(c)
	}
	if err == nil {
		err = s.learn(dialling)
	}
	if err != nil {
		s.disconnect()
	}
	return err
}

// learn reads the group's store again: there may be another server behind the address now.
func (s *scanner) learn(ctx context.Context) error {
	store := s.m.stores[s.group.Name()]
	if err := store.take(ctx); err != nil {
		return err
	}
	defer store.leave()
	return s.m.learn(s.conn)
}

func (s *scanner) disconnect() {
	if s.conn != nil {
		s.uncut()
		s.conn.Release()
		s.conn = nil
	}
}

// list asks with a deadline: a frozen server must not hang the loop.
func (s *scanner) list() (*prepared, error) {
	if err := s.conn.NetConn().SetDeadline(time.Now().Add(attemptTimeout)); err != nil {
		return nil, err
	}
	return recoverList(s.conn)
}

// due takes note of what is listed and gives the branches that are to be finished now.
func (s *scanner) due(list *prepared, now time.Time) (due []XID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	listed := map[XID]bool{}
	s.stats.InDoubt, s.stats.Strangers, s.stats.Foreign = 0, 0, list.foreign
	for _, x := range list.ours {
		listed[x] = true
		at := s.seen[x]
		if at == nil {
			at = &sighting{since: now}
			s.seen[x] = at
		}
		if now.Sub(at.since) < s.m.grace(x.ID) {
			continue
		}
		if at.stranger {
			s.stats.Strangers++
		} else {
			s.stats.InDoubt++
		}
		if !at.busy && now.After(at.next) {
			at.busy = true
			due = append(due, x)
		}
	}
	for x, at := range s.seen {
		if !listed[x] && !at.busy {
			delete(s.seen, x)
		}
	}
	return due
}

func (s *scanner) slot(store string) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots[store] == nil {
		s.slots[store] = make(chan struct{}, atOnce)
	}
	return s.slots[store]
}

// finish finds the verdict on a branch and carries it out.
func (s *scanner) finish(ctx context.Context, x XID) {
	ctx, cancel := context.WithTimeout(ctx, recoverTime)
	defer cancel()
	Failpoint("recovery-before-verdict", x.ID)
	v, err := s.m.Resolve(ctx, x.ID)
	Failpoint("recovery-after-verdict", x.ID)
	done := false
	if err == nil {
		s.m.overtake(x.ID)
		Failpoint("recovery-before-finish", x.ID)
		done, err = s.m.finishBranch(ctx, s.group.Name(), x, v)
		Failpoint("recovery-after-finish", x.ID)
	}
	s.finished(x, v, done, err, time.Now())
}

// finished keeps books of an attempt to finish a branch.
func (s *scanner) finished(x XID, v Verdict, done bool, err error, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.seen[x]
	at.busy = false
	log := s.log.With("gtrid", x.ID.String(), "branch", x.Thread)
	switch {
	case errors.Is(err, errUnknownStore):
		if !at.stranger {
			log.Info("a prepared transaction of another Serval's is left alone")
		}
		at.stranger, at.next = true, now.Add(strangerAgain)
	case errors.Is(err, context.Canceled): // the end
	case err != nil:
		if !at.failed {
			log.Warn("a transaction in doubt cannot be finished yet", "since", at.since, "error", err)
		}
		at.failed = true
	case done:
		if v == Committed {
			s.stats.Committed++
		} else {
			s.stats.RolledBack++
		}
		log.Info("a transaction in doubt was finished", "verdict", string(v))
	}
}

// Stats tells for each group what is in doubt there.
func (m *Manager) Stats() []GroupStats {
	all := make([]GroupStats, 0, len(m.scanners))
	for _, s := range m.scanners {
		s.mu.Lock()
		all = append(all, s.stats)
		s.mu.Unlock()
	}
	return all
}
