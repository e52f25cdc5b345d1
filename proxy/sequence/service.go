package sequence

// service.go: what sessions ask for. How numbers come about is in counter.go (segments) and snowflake.go.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"serval/config"
	"serval/proxy/backend"
)

// Source is what ids are for: a table's AUTO_INCREMENT column, or a named sequence.
type Source struct {
	Name      string // under which its counter is kept: see Table and Named
	Snowflake bool
	Max       uint64 // the largest id that fits
	Column    string
	Places    []Place // where rows are; none for a named sequence
}

// Place is one physical table.
type Place struct{ Group, Database, Table string }

// Row is one row of a statement.
type Row struct {
	ID    uint64 // what the statement says when Given (0: a number that pushes nothing forward), else what Fill makes
	Given bool
}

// ErrExhausted says that no number is left.
var ErrExhausted = errors.New("the ids are used up")

// Service is safe for use by many goroutines.
type Service struct {
	ctx     context.Context // ends with the server
	running *sync.WaitGroup // of the server: fetches ahead, the lease
	store   store
	log     *slog.Logger
	segment uint64

	mu       sync.Mutex
	counters map[string]*counter

	flakes *snowflakes
}

// New makes the service of a server. Its goroutines end with ctx and are counted in running.
func New(ctx context.Context, running *sync.WaitGroup, cluster *backend.Cluster, cfg config.IDs, database string, log *slog.Logger) *Service {
	return newService(ctx, running, newServerStore(cluster, cfg.Group, database), uint64(cfg.Segment), log)
}

func newService(ctx context.Context, running *sync.WaitGroup, st store, segment uint64, log *slog.Logger) *Service {
	s := &Service{ctx: ctx, running: running, store: st, log: log, segment: segment, counters: map[string]*counter{}}
	s.flakes = newSnowflakes(s)
	return s
}

// Close closes the connections. The server's goroutines have ended.
func (s *Service) Close() {
	if s != nil { // else the server was never started
		s.store.close()
	}
}

// Table is the name of a table's counter.
func Table(database, table string) string { return database + "." + table }

// Named is the name of a named sequence's counter.
func Named(own, name string) string { return own + "." + name }

// Fill numbers the rows that have no id, in their order, and sees that numbers that are given are not made again. first
// is the first number made, 0 when none was. As on a server, a statement of n rows takes n numbers, also where some
// rows bring theirs, and the numbers are consecutive. Done has to be called when the statement has ended, also after an
// error.
func (s *Service) Fill(ctx context.Context, src *Source, rows []Row) (first uint64, err error) {
	if src.Snowflake {
		return s.flakes.fill(ctx, src, rows)
	}
	c := s.counter(src)
	err = c.take(ctx)
	c.using.Add(1)
	if err != nil {
		return 0, err
	}
	defer c.leave()
	var mine span
	for i := range rows {
		r := &rows[i]
		if r.Given {
			mine = mine.above(r.ID)
			if r.ID == 0 {
				continue
			}
			if err := c.above(ctx, r.ID); err != nil {
				return first, failed(src, err)
			}
			continue
		}
		if mine.size() == 0 {
			if mine, err = c.reserve(ctx, uint64(wanted(rows, i, first))); err != nil {
				return first, failed(src, err)
			}
		}
		r.ID = mine.next
		mine.next++
		if first == 0 {
			first = r.ID
		}
		if r.ID > src.Max {
			return first, failed(src, ErrExhausted)
		}
	}
	return first, nil
}

// wanted is how many numbers are taken at row i: for the first time as many as the statement has rows.
func wanted(rows []Row, i int, first uint64) int {
	if first == 0 {
		return len(rows)
	}
	n := 0
	for _, r := range rows[i:] {
		if !r.Given {
			n++
		}
	}
	return n
}

func failed(src *Source, err error) error {
	if errors.Is(err, ErrExhausted) {
		return err
	}
	return fmt.Errorf("ids of %s: %w", src.Name, err)
}

// Done says that the statement for which Fill was called has ended: its rows are in the tables, or will never be.
func (s *Service) Done(src *Source) {
	if !src.Snowflake {
		s.counter(src).using.Add(-1)
	}
}

// Next gives n consecutive numbers.
func (s *Service) Next(ctx context.Context, src *Source, n int) (first uint64, err error) {
	defer s.Done(src)
	return s.Fill(ctx, src, make([]Row, n))
}

// Ensure has numbers begin at atLeast or behind: a table was made or altered with AUTO_INCREMENT = atLeast.
func (s *Service) Ensure(ctx context.Context, src *Source, atLeast uint64) error {
	if src.Snowflake || atLeast < 2 {
		return nil
	}
	defer s.Done(src)
	_, err := s.Fill(ctx, src, []Row{{ID: atLeast - 1, Given: true}})
	return err
}

// Forget is for a table that was dropped or truncated: the next number follows from what the servers say of the table
// then. Where other Servals may have numbers of the old table in hand, or statements do not end, it goes on where it was,
// since numbers would come twice.
func (s *Service) Forget(ctx context.Context, name string) error {
	c := s.counter(&Source{Name: name})
	if err := c.take(ctx); err != nil {
		return err
	}
	defer c.leave()
	if !c.idle(ctx) {
		return nil
	}
	if _, err := c.drop(ctx); err != nil {
		return err
	}
	return s.store.forget(ctx, name)
}

// Rename has a table's counter go on under another name. The old name's is forgotten.
func (s *Service) Rename(ctx context.Context, from, to string) error {
	old, now := s.counter(&Source{Name: from}), s.counter(&Source{Name: to})
	if err := old.take(ctx); err != nil {
		return err
	}
	defer old.leave()
	had, err := old.drop(ctx)
	if err != nil {
		return err
	}
	if err := s.store.copy(ctx, from, to); err != nil {
		return err
	}
	if err := now.take(ctx); err != nil {
		return err
	}
	if now.hand.end < had.next {
		now.hand = had
	}
	now.leave()
	return s.store.forget(ctx, from)
}

// counter finds the counter of a source. What the catalog says of the table may have changed since the last time.
func (s *Service) counter(src *Source) *counter {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counters[src.Name]
	if c == nil {
		c = newCounter(s, src.Name)
		s.counters[src.Name] = c
	}
	if src.Max != 0 {
		c.source.Store(src)
	}
	return c
}
