package merge

import (
	"errors"
	"fmt"
	"io"
	"math/rand"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// streamsOf makes streams of one-column rows.
func streamsOf(columns ...[]string) []Stream {
	var streams []Stream
	for _, texts := range columns {
		l := &list{}
		for _, t := range texts {
			l.rows = append(l.rows, row(t))
		}
		streams = append(streams, l)
	}
	return streams
}

func texts(t *testing.T, rows []string) []string {
	t.Helper()
	var out []string
	for _, r := range rows {
		text, isNull, err := (*Layout)(nil).Field([]byte(r), 0)
		if err != nil {
			t.Fatal(err)
		}
		if isNull {
			text = []byte(null)
		}
		out = append(out, string(text))
	}
	return out
}

func TestSorted(t *testing.T) {
	up, down := []Key{{Kind: Integer}}, []Key{{Kind: Integer, Desc: true}}
	for name, c := range map[string]struct {
		streams [][]string
		keys    []Key
		want    []string
	}{
		"none":             {nil, up, nil},
		"one":              {[][]string{{"1", "2"}}, up, []string{"1", "2"}},
		"one empty":        {[][]string{{}}, up, nil},
		"all empty":        {[][]string{{}, {}, {}}, up, nil},
		"some empty":       {[][]string{{}, {"2"}, {}, {"1"}, {}}, up, []string{"1", "2"}},
		"three":            {[][]string{{"1", "4", "9"}, {"2", "10"}, {"3"}}, up, []string{"1", "2", "3", "4", "9", "10"}},
		"descending":       {[][]string{{"9", "4", "1"}, {"10", "2"}, {"3"}}, down, []string{"10", "9", "4", "3", "2", "1"}},
		"NULL first":       {[][]string{{null, "1"}, {null, "-1"}}, up, []string{null, null, "-1", "1"}},
		"NULL last":        {[][]string{{"1", null}, {"-1", null}}, down, []string{"1", "-1", null, null}},
		"ties by stream":   {[][]string{{"1", "01"}, {"001"}, {"0001", "2"}}, up, []string{"1", "01", "001", "0001", "2"}},
		"without any keys": {[][]string{{"b"}, {"a"}}, nil, []string{"b", "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			sorted := NewSorted(streamsOf(c.streams...), c.keys, nil)
			if got := texts(t, drain(t, sorted)); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if _, err := sorted.Next(); err != io.EOF {
				t.Errorf("after the end: %v", err)
			}
		})
	}
}

// TestSortedRandom compares a merge with a plain sort: all kinds, several keys, mixed directions, many ties, keys in
// columns of any order and twice the same column.
func TestSortedRandom(t *testing.T) {
	kinds := []Kind{Integer, Decimal, Float, Bytes, Padded, Time}
	for seed := range int64(400) {
		r := rand.New(rand.NewSource(seed))
		columns := make([]Kind, 1+r.Intn(4))
		for i := range columns {
			columns[i] = kinds[r.Intn(len(kinds))]
		}
		var keys []Key
		for range 1 + r.Intn(4) {
			c := r.Intn(len(columns))
			keys = append(keys, Key{Column: c, Kind: columns[c], Desc: r.Intn(2) == 0, SpaceWeight: []byte(" ")})
		}
		streams, all := randomStreams(t, r, columns, keys)
		want := sortRows(t, all, keys)
		if got := drain(t, NewSorted(streams, keys, nil)); !slices.Equal(got, want) {
			t.Fatalf("seed %d, keys %+v:\n got %q\nwant %q", seed, keys, got, want)
		}
	}
}

// randomStreams gives sorted streams, and their rows one stream after the other.
func randomStreams(t *testing.T, r *rand.Rand, columns []Kind, keys []Key) (streams []Stream, all []string) {
	for range r.Intn(10) {
		var rows []string
		for range r.Intn(20) {
			var cells []string
			for _, kind := range columns {
				cells = append(cells, randomText(r, kind))
			}
			rows = append(rows, string(row(cells...)))
		}
		rows = sortRows(t, rows, keys)
		l := &list{}
		for _, p := range rows {
			l.rows = append(l.rows, []byte(p))
		}
		streams, all = append(streams, l), append(all, rows...)
	}
	return streams, all
}

func randomText(r *rand.Rand, kind Kind) string {
	if r.Intn(6) == 0 {
		return null
	}
	switch kind {
	case Integer:
		return strconv.Itoa(r.Intn(7) - 3)
	case Decimal:
		return randomDecimal(r)
	case Float:
		return strconv.FormatFloat(float64(r.Intn(7)-3)*1e15, 'g', -1, 64)
	case Time:
		return fmt.Sprintf("%s%02d:00:00.%d", []string{"", "-"}[r.Intn(2)], 98+r.Intn(4), r.Intn(3))
	default:
		text := ""
		for range r.Intn(4) {
			text += string("a \t"[r.Intn(3)])
		}
		return text
	}
}

// sortRows is what one server would do: a stable sort of rows that are decoded column by column.
func sortRows(t *testing.T, rows []string, keys []Key) []string {
	t.Helper()
	rows = slices.Clone(rows)
	sort.SliceStable(rows, func(i, j int) bool {
		for n := range keys {
			if c := keys[n].compare(cell(t, rows[i], &keys[n]), cell(t, rows[j], &keys[n])); c != 0 {
				return c < 0
			}
		}
		return false
	})
	return rows
}

func cell(t *testing.T, payload string, key *Key) *value {
	t.Helper()
	var v value
	text, isNull, err := (*Layout)(nil).Field([]byte(payload), key.Column)
	if err == nil {
		err = key.load(&v, text, isNull)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &v
}

func TestSortedErrors(t *testing.T) {
	broken := errors.New("connection lost")
	long := strings.Repeat("x", checkedLength)
	for name, c := range map[string]struct {
		streams []Stream
		keys    []Key
		stream  int // that the error names; -1: no error
		want    error
	}{
		"of a stream at once":    {[]Stream{&list{}, &list{err: broken}}, []Key{{}}, 1, broken},
		"of a stream later":      {[]Stream{&list{rows: [][]byte{row("1")}, err: broken}, &list{rows: [][]byte{row("2")}}}, []Key{{}}, 0, broken},
		"of the only stream":     {[]Stream{&list{err: broken}}, []Key{{}}, 0, broken},
		"no such column":         {streamsOf([]string{"1"}, []string{"2"}), []Key{{Column: 1}}, 0, ErrMalformedRow},
		"negative column":        {streamsOf([]string{"1"}, []string{"2"}), []Key{{Column: -1}}, 0, ErrMalformedRow},
		"not of its kind":        {streamsOf([]string{"1"}, []string{"x"}), []Key{{}}, 1, errKeyText},
		"not sorted":             {streamsOf([]string{"1"}, []string{"2", "3", "2"}), []Key{{}}, 1, ErrNotSorted},
		"not sorted, NULL":       {streamsOf([]string{"1"}, []string{"2", null}), []Key{{}}, 1, ErrNotSorted},
		"not sorted, strings":    {streamsOf([]string{"a"}, []string{"b" + long, "a" + long}), []Key{{Kind: Bytes}}, 1, ErrNotSorted},
		"not sorted, short":      {streamsOf([]string{"a"}, []string{"bb", "b"}), []Key{{Kind: Bytes}}, 1, ErrNotSorted},
		"not sorted behind 1000": {streamsOf([]string{"a"}, []string{long + "b", long + "a"}), []Key{{Kind: Bytes}}, -1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			sorted := NewSorted(c.streams, c.keys, nil)
			_, err := collect(sorted)
			if c.stream < 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var failed *StreamError
			if !errors.Is(err, c.want) || !errors.As(err, &failed) || failed.Stream != c.stream {
				t.Fatalf("got %v, want %v of stream %d", err, c.want, c.stream)
			}
			if _, again := sorted.Next(); again != err {
				t.Errorf("the error is not kept: %v", again)
			}
		})
	}
}

// cycle is an endless sorted stream.
type cycle struct{ payload []byte }

func (c *cycle) Next() ([]byte, error) { return c.payload, nil }

func benchKeys() []Key {
	return []Key{{Column: 2, Kind: Integer}, {Column: 3, Kind: Padded, SpaceWeight: []byte(" ")}, {Column: 4, Kind: Float}, {Column: 5, Kind: Decimal, Desc: true}, {Column: 6, Kind: Time}}
}

func benchRow() []byte {
	return row("1", "some visible text of a row", "12345678", strings.Repeat("weight ", 9), "1.2345678901234567e-10", "-12345.6700", "-12:34:56.789")
}

func TestSortedAllocations(t *testing.T) {
	streams := []Stream{&cycle{benchRow()}, &cycle{benchRow()}, &cycle{benchRow()}}
	sorted := NewSorted(streams, benchKeys(), nil)
	for range 10 {
		if _, err := sorted.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(1000, func() { _, _ = sorted.Next() }); n != 0 {
		t.Errorf("%v allocations per row", n)
	}
}

// counter is a stream of ascending integers, start, start+step, …
type counter struct {
	next, step int
	payload    []byte
}

func (c *counter) Next() ([]byte, error) {
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], int64(c.next), 10)
	c.payload = append(append(append(c.payload[:0], "\x05hello"...), byte(len(text))), text...)
	c.next += c.step
	return c.payload, nil
}

func BenchmarkSorted(b *testing.B) {
	for _, n := range []int{2, 8, 64} {
		b.Run(fmt.Sprintf("integer/%d", n), func(b *testing.B) {
			var streams []Stream
			for i := range n {
				streams = append(streams, &counter{next: 1e6 + i, step: n})
			}
			run(b, NewSorted(streams, []Key{{Column: 1, Kind: Integer}}, nil))
		})
		b.Run(fmt.Sprintf("five keys/%d", n), func(b *testing.B) {
			var streams []Stream
			for range n {
				streams = append(streams, &cycle{benchRow()})
			}
			run(b, NewSorted(streams, benchKeys(), nil))
		})
	}
}

func run(b *testing.B, s Stream) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Next(); err != nil {
			b.Fatal(err)
		}
	}
}
