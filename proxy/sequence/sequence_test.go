package sequence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

// newTest is a service on a memory. Its goroutines are waited for when the test ends.
func newTest(t *testing.T, m *memory, segment uint64) *Service {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return newService(ctx, &running, &memoryView{m}, segment, slog.New(slog.DiscardHandler))
}

func table(name string) *Source { return &Source{Name: name, Max: 1<<63 - 1} }

// fill gives rows as words: "-" is to be numbered. It returns them with their numbers.
func fill(t *testing.T, s *Service, src *Source, words string) string {
	t.Helper()
	var rows []Row
	for _, w := range strings.Fields(words) {
		var r Row
		if w != "-" {
			r.Given = true
			if _, err := fmt.Sscan(w, &r.ID); err != nil {
				t.Fatal(err)
			}
		}
		rows = append(rows, r)
	}
	defer s.Done(src)
	first, err := s.Fill(t.Context(), src, rows)
	if err != nil {
		return err.Error()
	}
	out := fmt.Sprint(first, ":")
	for _, r := range rows {
		out += fmt.Sprint(" ", r.ID)
	}
	return out
}

func TestFill(t *testing.T) {
	for _, c := range []struct {
		name    string
		segment uint64
		steps   []string // statement, what became of it, …
	}{
		{"one by one", 3, []string{"-", "1: 1", "-", "2: 2", "-", "3: 3", "-", "4: 4", "-", "5: 5"}},
		{"several rows follow each other", 4, []string{"-", "1: 1", "- - -", "2: 2 3 4", "- - - - - - - - -", "5: 5 6 7 8 9 10 11 12 13"}},
		{"explicit values push", 10, []string{"-", "1: 1", "5", "0: 5", "-", "6: 6", "3", "0: 3", "-", "7: 7", "500", "0: 500", "-", "501: 501"}},
		{"mixed takes as many as there are rows", 100, []string{"- 1 -", "1: 1 1 2", "-", "4: 4", "7 - -", "8: 7 8 9", "-", "11: 11"}},
		{"explicit between", 100, []string{"- 50 -", "1: 1 50 51", "-", "52: 52"}},
		{"explicit among those taken", 100, []string{"- 2 -", "1: 1 2 3", "-", "4: 4"}},
		{"0 is no number to count on from", 100, []string{"0", "0: 0", "-", "1: 1"}},
		{"explicit at first", 100, []string{"41", "0: 41", "-", "42: 42"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newTest(t, newMemory(), c.segment)
			for i := 0; i < len(c.steps); i += 2 {
				if got := fill(t, s, table("t"), c.steps[i]); got != c.steps[i+1] {
					t.Errorf("step %d, %s: %s, want %s", i/2, c.steps[i], got, c.steps[i+1])
				}
			}
		})
	}
}

// A column's end is an error, and small columns are not used up by what is fetched.
func TestEnd(t *testing.T) {
	s := newTest(t, newMemory(), 1000)
	small := &Source{Name: "t", Max: 127}
	for i := 1; i <= 127; i++ {
		if got, want := fill(t, s, small, "-"), fmt.Sprintf("%d: %d", i, i); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	if _, err := s.Next(t.Context(), small, 1); !errors.Is(err, ErrExhausted) {
		t.Errorf("after the last: %v", err)
	}
	if got := fill(t, s, &Source{Name: "u", Max: 1<<64 - 1}, "18446744073709551615"); got != "0: 18446744073709551615" {
		t.Errorf("the largest of all: %s", got)
	}
}

// Several services share a memory, and one of them ends in between: no number comes twice.
func TestManyServices(t *testing.T) {
	m := newMemory()
	m.slow = time.Millisecond
	var (
		mu   sync.Mutex
		seen = map[uint64]bool{}
		wg   sync.WaitGroup
	)
	for range 4 {
		s := newTest(t, m, 20)
		for range 8 {
			wg.Go(func() {
				for i := range 200 {
					n := 1 + i%3
					first, err := s.Next(context.Background(), table("t"), n)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for id := first; id < first+uint64(n); id++ {
						if seen[id] {
							t.Errorf("%d twice", id)
						}
						seen[id] = true
					}
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
}

func TestFetchAhead(t *testing.T) {
	m := newMemory()
	s := newTest(t, m, 10)
	for range 6 {
		fill(t, s, table("t"), "-")
	}
	c := s.counter(table("t"))
	for wait := time.Now().Add(5 * time.Second); len(c.ahead) == 0 && time.Now().Before(wait); {
		time.Sleep(time.Millisecond)
	}
	m.mu.Lock()
	m.fail = true // numbers in hand and those fetched ahead are there all the same
	m.mu.Unlock()
	for i := 7; i <= 20; i++ {
		if got, want := fill(t, s, table("t"), "-"), fmt.Sprintf("%d: %d", i, i); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	if _, err := s.Next(t.Context(), table("t"), 1); !errors.Is(err, errDown) {
		t.Errorf("without any: %v", err)
	}
	m.mu.Lock()
	m.fail = false
	m.mu.Unlock()
	if got := fill(t, s, table("t"), "-"); got != "21: 21" {
		t.Error(got)
	}
}

// What becomes of a table's numbers with the table.
func TestFollow(t *testing.T) {
	m := newMemory()
	s, other := newTest(t, m, 10), newTest(t, m, 10)
	fill(t, s, table("a"), "- - -")
	if err := s.Rename(t.Context(), "a", "b"); err != nil {
		t.Fatal(err)
	}
	if got := fill(t, s, table("b"), "-"); got != "4: 4" {
		t.Errorf("renamed: %s", got)
	}
	if got := fill(t, s, table("a"), "-"); got != "1: 1" {
		t.Errorf("another of the old name: %s", got)
	}
	if err := s.Forget(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if got := fill(t, s, table("b"), "-"); got != "1: 1" {
		t.Errorf("truncated: %s", got)
	}
	if err := s.Ensure(t.Context(), table("b"), 100); err != nil {
		t.Fatal(err)
	}
	if got := fill(t, s, table("b"), "-"); got != "100: 100" {
		t.Errorf("AUTO_INCREMENT = 100: %s", got)
	}
	held := fill(t, other, table("b"), "-")
	if err := s.Forget(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if got := fill(t, s, table("b"), "-"); got == "1: 1" || got == held {
		t.Errorf("truncated, while another Serval has numbers: %s", got)
	}
}

// flakeTest is a service with a clock of its own.
func flakeTest(t *testing.T, m *memory, clock *int64) *Service {
	s := newTest(t, m, 10)
	s.flakes.wall = func() int64 { return *clock }
	s.flakes.renewing = true // nothing runs beside the test
	return s
}

func flake(t *testing.T, s *Service, n int) uint64 {
	t.Helper()
	first, err := s.Next(t.Context(), &Source{Name: "t", Snowflake: true, Max: 1<<63 - 1}, n)
	if err != nil {
		t.Fatal(err)
	}
	return first
}

func TestSnowflake(t *testing.T) {
	m, clock := newMemory(), int64(1_000_000)
	s := flakeTest(t, m, &clock)
	last := uint64(0)
	next := func(what string, n int) {
		t.Helper()
		id := flake(t, s, n)
		if id <= last {
			t.Errorf("%s: %d is not greater than %d", what, id, last)
		}
		last = id + uint64(n) - 1
	}
	next("the first", 1)
	if at := int64(last >> 22); at != clock {
		t.Errorf("time %d, want %d", at, clock)
	}
	next("the second", 1)
	next("many", 4096)
	next("more than a millisecond has", 3)
	clock += 50
	next("later", 1)
	clock -= 40_000
	next("the clock went backwards", 1)
	next("and again", 4000)
	clock += 100_000
	next("a long time after the lease", 1)
}

// A node's number that passes to another Serval: its ids begin behind those of the first, whatever the clocks say.
func TestSnowflakeRestart(t *testing.T) {
	m, clock := newMemory(), int64(1_000_000)
	first := flakeTest(t, m, &clock)
	last := flake(t, first, 1)
	m.now += 60_000 // the lease has ended
	clock -= 30_000 // and the next one's clock is behind
	second := flakeTest(t, m, &clock)
	if id := flake(t, second, 1); id <= last || id>>12&1023 != last>>12&1023 {
		t.Errorf("%d after %d", id, last)
	}
	late := flake(t, first, 1) // has not noticed: its times are still its own
	if late>>22 > uint64(1_000_000+leaseAhead.Milliseconds()) {
		t.Errorf("%d has a time that was not promised", late)
	}
	clock += 30_000 + 2*leaseAhead.Milliseconds()
	if id := flake(t, first, 1); id>>12&1023 == last>>12&1023 {
		t.Errorf("%d is of a node that another Serval has", id)
	}
}

func TestSnowflakeWithoutLease(t *testing.T) {
	m, clock := newMemory(), int64(1_000_000)
	s := flakeTest(t, m, &clock)
	flake(t, s, 1)
	m.fail = true
	clock += leaseAhead.Milliseconds()
	flake(t, s, 1) // promised
	clock++
	if _, err := s.Next(t.Context(), &Source{Name: "t", Snowflake: true, Max: 1<<63 - 1}, 1); !errors.Is(err, errDown) {
		t.Errorf("behind the lease: %v", err)
	}
}
