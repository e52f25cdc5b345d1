package merge

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestSpool appends rows of many sizes under many limits and reads them back, twice at once.
func TestSpool(t *testing.T) {
	for _, limit := range []int{0, 1, 100, 5000, 200 << 10, 64 << 20} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			r := rand.New(rand.NewSource(int64(limit)))
			s := &Spool{dir: t.TempDir(), limit: limit}
			var want []string
			for range 2000 {
				size := r.Intn(100)
				if r.Intn(100) == 0 {
					size = r.Intn(200 << 10)
				}
				want = append(want, strings.Repeat(string(rune('a'+r.Intn(26))), size))
				if err := s.Append([]byte(want[len(want)-1])); err != nil {
					t.Fatal(err)
				}
			}
			if s.memory > limit {
				t.Errorf("%d bytes in memory, limit %d", s.memory, limit)
			}
			first, second := s.Stream(), s.Stream()
			head, err := first.Next()
			if err != nil || string(head) != want[0] {
				t.Fatalf("%.20q, %v", head, err)
			}
			if got := drain(t, second); !slices.Equal(got, want) {
				t.Errorf("%d rows, want %d", len(got), len(want))
			}
			if got := drain(t, first); !slices.Equal(got, want[1:]) {
				t.Errorf("%d more rows, want %d", len(got), len(want)-1)
			}
			if left, err := os.ReadDir(s.dir); err != nil || len(left) != 0 {
				t.Errorf("left in the directory: %v, %v", left, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSpoolSnapshot: a stream has the rows that were there when it was made.
func TestSpoolSnapshot(t *testing.T) {
	for _, limit := range []int{0, 40, 1 << 20} {
		s := NewSpool(limit)
		var want []string
		for i := range 10 {
			stream := s.Stream()
			text := fmt.Sprint("row ", i)
			if err := s.Append([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if got := drain(t, stream); !slices.Equal(got, want) {
				t.Fatalf("limit %d: %q, want %q", limit, got, want)
			}
			want = append(want, text)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSpoolAppendAllError(t *testing.T) {
	broken := errors.New("connection lost")
	s := NewSpool(1 << 20)
	if err := s.AppendAll(&list{rows: [][]byte{row("1")}, err: broken}); err != broken {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestSpoolFullDisk writes to the device that is always full.
func TestSpoolFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{10, spoolBuffer * 2} { // found at Stream and at Append
		s := &Spool{dir: "/some/dir", file: full, out: bufio.NewWriter(full)}
		err = s.Append(make([]byte, size))
		if err == nil {
			_, err = s.Stream().Next()
		}
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "/some/dir") {
			t.Errorf("row of %d bytes: %v", size, err)
		}
		if again := s.Append(nil); again != err {
			t.Errorf("the error is not kept: %v", again)
		}
		if _, again := s.Stream().Next(); again != err {
			t.Errorf("a stream hides the error: %v", again)
		}
	}
	if err := full.Close(); err != nil {
		t.Error(err)
	}
}

func TestSpoolNoDirectory(t *testing.T) {
	s := &Spool{dir: "/no/such/dir"}
	if err := s.Append([]byte("x")); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "/no/such/dir") {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestSpoolClosed(t *testing.T) {
	for _, limit := range []int{0, 1 << 20} {
		s := NewSpool(limit)
		if err := s.Append([]byte("x")); err != nil {
			t.Fatal(err)
		}
		stream := s.Stream()
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		if _, err := stream.Next(); err != ErrSpoolClosed {
			t.Error(err)
		}
		if err := s.Append(nil); err != ErrSpoolClosed {
			t.Error(err)
		}
		if _, err := s.Stream().Next(); err != ErrSpoolClosed {
			t.Error(err)
		}
	}
}

func TestSpoolAllocations(t *testing.T) {
	payload := []byte(strings.Repeat("x", 100))
	s := NewSpool(0)
	for range 3000 {
		if err := s.Append(payload); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(1000, func() { _ = s.Append(payload) }); n != 0 {
		t.Errorf("Append: %v allocations per row", n)
	}
	stream := s.Stream()
	if n := testing.AllocsPerRun(1000, func() { _, _ = stream.Next() }); n != 0 {
		t.Errorf("Next: %v allocations per row", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func BenchmarkSpoolFile(b *testing.B) {
	payload := []byte(strings.Repeat("x", 100))
	s := NewSpool(0)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Append(payload); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
