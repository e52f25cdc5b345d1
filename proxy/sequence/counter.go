package sequence

// counter.go: the numbers of one table that this Serval has in hand, and how it gets more: a range at a time, fetched
// before the last one is used up.

import (
	"context"
	"sync/atomic"
	"time"
)

// span is a range of numbers: next ≤ n < end.
type span struct{ next, end uint64 }

func (s span) size() uint64 { return s.end - s.next }

// above is what of the span is behind a number that is given.
func (s span) above(id uint64) span {
	switch {
	case id < s.next:
		return s
	case id < s.end:
		return span{id + 1, s.end}
	}
	return span{}
}

// fetched is what a fetch ahead came to.
type fetched struct {
	span
	err error
}

// counter is used by who has its turn.
type counter struct {
	s      *Service
	name   string
	source atomic.Pointer[Source] // as the last user had it; nil before
	turn   chan struct{}
	using  atomic.Int64 // statements that have numbers and have not ended

	hand     span         // what is given next
	spare    span         // what was fetched ahead and does not follow it
	ahead    chan fetched // the fetch ahead's outcome
	fetching bool         // it is under way
	step     uint64       // how much is fetched
	last     time.Time    // when that was last
}

// The step grows while ranges are used up faster than new ones come, up to maxGrowth segments, and falls back after calm.
const (
	maxGrowth = 64
	calm      = 10 * time.Second
)

func newCounter(s *Service, name string) *counter {
	return &counter{s: s, name: name, turn: make(chan struct{}, 1), ahead: make(chan fetched, 1), step: s.segment}
}

func (c *counter) take(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *counter) leave() { <-c.turn }

// reserve gives n numbers that follow each other. What is in hand and too short for them is skipped.
func (c *counter) reserve(ctx context.Context, n uint64) (span, error) {
	for c.hand.size() < n {
		if err := c.more(ctx, 0, n); err != nil {
			return span{}, err
		}
	}
	got := span{c.hand.next, c.hand.next + n}
	c.hand.next += n
	c.lookAhead()
	return got, nil
}

// above sees that id and what is below it are not given any more. A number beyond what is in hand takes a new range
// behind it, so that the next ones cost nothing.
func (c *counter) above(ctx context.Context, id uint64) error {
	if id > c.limit() { // the column does not hold it
		return nil
	}
	for id >= c.hand.end {
		if err := c.more(ctx, id+1, 1); err != nil {
			return err
		}
	}
	if id >= c.hand.next {
		c.hand.next = id + 1
		c.lookAhead()
	}
	return nil
}

// limit is the largest id to think about.
func (c *counter) limit() uint64 {
	const most = 1<<64 - 2
	if src := c.source.Load(); src != nil {
		return min(src.Max, most)
	}
	return most
}

// more gets another range: what was fetched ahead, or else one of n numbers or more from floor on.
func (c *counter) more(ctx context.Context, floor, n uint64) error {
	if c.fetching {
		select {
		case f := <-c.ahead:
			c.step = min(2*c.step, maxGrowth*c.s.segment) // it was not early enough
			c.arrived(f)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if c.spare.size() > 0 {
		c.add(c.spare)
		c.spare = span{}
		return nil
	}
	got, err := c.fetch(ctx, floor, max(n, c.size()))
	if err == nil {
		c.add(got)
	}
	return err
}

// arrived keeps what a fetch ahead brought. One that failed is forgotten: who needs numbers tries again.
func (c *counter) arrived(f fetched) {
	c.fetching = false
	if f.err == nil {
		c.spare = f.span
	}
}

// add takes a range into the hand: behind what is there, or in its place.
func (c *counter) add(got span) {
	if got.next == c.hand.end {
		c.hand.end = got.end
		return
	}
	c.hand = got
}

// size is how much to fetch now: little of the numbers of a small column.
func (c *counter) size() uint64 {
	now := time.Now()
	if now.Sub(c.last) > calm {
		c.step = c.s.segment
	}
	c.last = now
	return max(1, min(c.step, c.limit()/256))
}

// lookAhead fetches the next range when half of the one in hand is gone.
func (c *counter) lookAhead() {
	if c.fetching {
		select {
		case f := <-c.ahead:
			c.arrived(f)
		default:
			return
		}
	}
	if c.spare.size() > 0 || c.hand.size() > c.step/2 || c.limit()/256 < c.step || c.s.ctx.Err() != nil {
		return
	}
	c.fetching = true
	n := c.size()
	c.s.running.Go(func() {
		got, err := c.fetch(c.s.ctx, 0, n)
		c.ahead <- fetched{got, err}
	})
}

// fetch takes a range from the store, where it is opened the first time.
func (c *counter) fetch(ctx context.Context, floor, n uint64) (span, error) {
	for {
		first, known, err := c.s.store.take(ctx, c.name, floor, n)
		if err != nil {
			return span{}, err
		}
		if known {
			return span{first, first + n}, nil
		}
		if err := c.s.store.open(ctx, c.name, c.source.Load()); err != nil {
			return span{}, err
		}
	}
}

// patience is how long idle waits.
const patience = 2 * time.Second

// idle waits for the statements that have numbers to end. Who calls it has the turn, so that no others get some.
func (c *counter) idle(ctx context.Context) bool {
	for wait := time.Now().Add(patience); c.using.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(wait) || ctx.Err() != nil {
			return false
		}
	}
	return true
}

// drop gives up what is in hand, and tells what that was.
func (c *counter) drop(ctx context.Context) (span, error) {
	if c.fetching {
		select {
		case f := <-c.ahead:
			c.arrived(f)
		case <-ctx.Done():
			return span{}, context.Cause(ctx)
		}
	}
	had := c.hand
	c.hand, c.spare = span{}, span{}
	return had, nil
}
