package proxy

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestRounds(t *testing.T) {
	var (
		r       rounds
		clock   atomic.Int64 // counts up with every change
		read    int64        // what the last round saw
		count   int
		callers sync.WaitGroup
	)
	work := func() error {
		count++
		saw := clock.Load()
		time.Sleep(5 * time.Millisecond)
		read = saw
		return nil
	}
	for range 50 {
		callers.Go(func() {
			changed := clock.Add(1)
			err := r.do(work)
			r.mu.Lock()
			defer r.mu.Unlock()
			if err != nil || read < changed {
				t.Errorf("%v: change %d, read %d", err, changed, read)
			}
		})
	}
	callers.Wait()
	if count >= 50 {
		t.Errorf("%d rounds for 50 callers: none was shared", count)
	}
}

func TestRoundsFail(t *testing.T) {
	var r rounds
	failure := errors.New("no")
	if err := r.do(func() error { return failure }); !errors.Is(err, failure) {
		t.Errorf("%v", err)
	}
	done := false
	if err := r.do(func() error { done = true; return nil }); err != nil || !done {
		t.Errorf("after one that failed: %v, done %v", err, done)
	}
}
