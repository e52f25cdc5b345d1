package sequence

// snowflake.go: ids that need no counter in a database: 63 bits of which the first 41 are milliseconds since 2024, the
// next 10 the number of a Serval, the last 12 a counter. A number of a Serval is leased, together with the times that its
// ids may have: who gets the number next begins behind them, whatever the clocks say.

import (
	"context"
	"errors"
	"time"
)

// Epoch is the time 0 of snowflakes, in milliseconds of Unix time: 2024-01-01 00:00:00 UTC.
const Epoch = 1_704_067_200_000

const (
	nodeBits    = 10
	counterBits = 12
	maxNodes    = 1 << nodeBits
	perTime     = 1 << counterBits // ids of one node and one millisecond
	maxTime     = 1<<41 - 1
)

// A lease is for the times up to ahead from now on, and is renewed long before.
const (
	leaseAhead = 15 * time.Second
	leaseRenew = 3 * time.Second
)

// errNoNode says that all numbers of Servals are taken.
var errNoNode = errors.New("all 1024 node numbers for snowflake ids are leased by other Servals")

// snowflakes makes the ids of this Serval, of all tables from one counter.
type snowflakes struct {
	s    *Service
	turn chan struct{}
	wall func() int64 // milliseconds since Epoch

	node     int   // -1: none
	time     int64 // of the last id
	counter  int   // the next id of that time
	promised int64 // ids have times up to this
	renewing bool  // a goroutine renews the lease
}

func newSnowflakes(s *Service) *snowflakes {
	return &snowflakes{s: s, turn: make(chan struct{}, 1), node: -1, wall: func() int64 { return time.Now().UnixMilli() - Epoch }}
}

// fill numbers the rows that have no id. Up to 4096 numbers of one statement follow each other.
func (f *snowflakes) fill(ctx context.Context, src *Source, rows []Row) (first uint64, err error) {
	left := 0
	for _, r := range rows {
		if !r.Given {
			left++
		}
	}
	if left == 0 {
		return 0, nil
	}
	select {
	case f.turn <- struct{}{}:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	defer func() { <-f.turn }()
	var mine span
	for i := range rows {
		if rows[i].Given {
			continue
		}
		if mine.size() == 0 {
			if mine, err = f.reserve(ctx, min(left, perTime)); err != nil {
				return first, failed(src, err)
			}
		}
		rows[i].ID = mine.next
		mine.next++
		left--
		if first == 0 {
			first = rows[i].ID
		}
		if rows[i].ID > src.Max {
			return first, failed(src, ErrExhausted)
		}
	}
	return first, nil
}

// reserve gives n ids that follow each other, n ≤ perTime. A clock that goes backwards, or one that is slower than the
// ids are asked for, is not waited for: the last time is counted on.
func (f *snowflakes) reserve(ctx context.Context, n int) (span, error) {
	for {
		if f.node < 0 {
			if err := f.renew(ctx); err != nil {
				return span{}, err
			}
		}
		if now := f.wall(); now > f.time {
			f.time, f.counter = now, 0
		}
		if f.counter+n > perTime {
			f.time, f.counter = f.time+1, 0
		}
		if f.time > maxTime {
			return span{}, ErrExhausted
		}
		if f.time <= f.promised {
			break
		}
		if err := f.renew(ctx); err != nil {
			return span{}, err
		}
	}
	at := uint64(f.time)<<(nodeBits+counterBits) | uint64(f.node)<<counterBits | uint64(f.counter)
	f.counter += n
	return span{at, at + uint64(n)}, nil
}

// renew leases the node number for longer, or another one. Who calls it has the turn.
func (f *snowflakes) renew(ctx context.Context) error {
	promised := max(f.wall(), f.time) + leaseAhead.Milliseconds()
	node, after, err := f.s.store.lease(ctx, f.node, promised)
	if err != nil {
		return err
	}
	switch {
	case after >= f.time: // others may have given ids of this node up to there
		f.time, f.counter = after+1, 0
	case node != f.node:
		f.time, f.counter = f.time+1, 0
	}
	f.node = node
	f.promised = max(promised, after+leaseAhead.Milliseconds())
	if !f.renewing && f.s.ctx.Err() == nil {
		f.renewing = true
		f.s.running.Go(f.keep)
	}
	return nil
}

// keep renews the lease until the server ends. While that fails, ids are given as long as the last lease reaches.
func (f *snowflakes) keep() {
	t := time.NewTicker(leaseRenew)
	defer t.Stop()
	for {
		select {
		case <-f.s.ctx.Done():
			return
		case <-t.C:
		}
		select {
		case f.turn <- struct{}{}:
			if err := f.renew(f.s.ctx); err != nil && f.s.ctx.Err() == nil {
				f.s.log.Warn("the lease of the node number for snowflake ids could not be renewed", "node", f.node, "error", err)
			}
			<-f.turn
		case <-f.s.ctx.Done():
			return
		}
	}
}
