package merge

import (
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"slices"
	"testing"
)

// TestExternalSortRandom compares with a plain sort, in memories that hold all rows, some of them, and one.
func TestExternalSortRandom(t *testing.T) {
	kinds := []Kind{Integer, Decimal, Float, Bytes, Padded, Time}
	for seed := range int64(150) {
		r := rand.New(rand.NewSource(seed))
		columns := []Kind{kinds[r.Intn(len(kinds))], kinds[r.Intn(len(kinds))]}
		var keys []Key
		for range 1 + r.Intn(2) {
			c := r.Intn(len(columns))
			keys = append(keys, Key{Column: c, Kind: columns[c], Desc: r.Intn(2) == 0, SpaceWeight: []byte(" ")})
		}
		in := &list{}
		var all []string
		for range r.Intn(400) {
			p := row(randomText(r, columns[0]), randomText(r, columns[1]))
			in.rows, all = append(in.rows, p), append(all, string(p))
		}
		s := NewExternalSort(in, keys, nil, []int{1, 1000, 20_000, 1 << 20}[r.Intn(4)])
		first := len(all)
		if r.Intn(2) == 0 {
			first = r.Intn(50)
			s.First(uint64(first))
		}
		want := sortRows(t, all, keys)
		if got := drain(t, s); !slices.Equal(got, want[:min(first, len(want))]) {
			t.Fatalf("seed %d, keys %+v, first %d:\n got %q\nwant %q", seed, keys, first, got, want)
		}
		if _, err := s.Next(); err != io.EOF {
			t.Errorf("after the end: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.Next(); err != ErrSortClosed {
			t.Errorf("after Close: %v", err)
		}
	}
}

// TestExternalSortBinary sorts binary rows by a number and by a column whose text is not in the row.
func TestExternalSortBinary(t *testing.T) {
	layout, err := NewBinaryLayout(columns(bigint, varchar))
	if err != nil {
		t.Fatal(err)
	}
	for _, memory := range []int{500, 1 << 20} {
		in := &list{}
		for i := range 1000 {
			in.rows = append(in.rows, layoutRow(t, layout, []string{fmt.Sprint(i * 7919 % 1000), "x"}))
		}
		s := NewExternalSort(in, []Key{{Kind: Integer, Desc: true}}, layout, memory)
		for i, texts := range rowTexts(t, layout, drain(t, s), 2) {
			if texts[0] != fmt.Sprint(999-i) {
				t.Fatalf("memory %d: row %d is %q", memory, i, texts)
			}
		}
		s.Close()
	}
}

// TestExternalSortManyRuns has more runs than are merged at once.
func TestExternalSortManyRuns(t *testing.T) {
	in := &list{}
	for i := range 20 * mostRuns {
		in.rows = append(in.rows, row(fmt.Sprint(i*7919%10007), fmt.Sprint(i)))
	}
	s := NewExternalSort(in, []Key{{Kind: Integer}}, nil, 1)
	defer s.Close()
	rows := drain(t, s)
	if len(rows) != len(in.rows) {
		t.Fatalf("%d rows of %d", len(rows), len(in.rows))
	}
	if n := len(s.runs.runs); n > mostRuns {
		t.Errorf("%d runs were merged at once", n)
	}
}

func TestExternalSortErrors(t *testing.T) {
	broken := errors.New("broken")
	s := NewExternalSort(&list{rows: [][]byte{row("1")}, err: broken}, []Key{{Kind: Integer}}, nil, 1000)
	for range 2 {
		if _, err := s.Next(); err != broken {
			t.Errorf("a broken stream: %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = NewExternalSort(&list{rows: [][]byte{row("x")}}, []Key{{Kind: Integer}}, nil, 1000)
	if _, err := s.Next(); !errors.Is(err, errKeyText) {
		t.Errorf("a key of another type: %v", err)
	}
	t.Setenv("TMPDIR", "/nowhere")
	s = NewExternalSort(&list{rows: [][]byte{row("1"), row("2"), row("3")}}, []Key{{Kind: Integer}}, nil, 1)
	if _, err := s.Next(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory for the file: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
