package merge

import (
	"errors"
	"io"
	"math"
	"reflect"
	"testing"
)

func TestSequence(t *testing.T) {
	for name, c := range map[string]struct {
		streams [][]string
		want    []string
	}{
		"none":   {nil, nil},
		"empty":  {[][]string{{}, {}}, nil},
		"order":  {[][]string{{"3", "1"}, {}, {"2"}}, []string{"3", "1", "2"}},
		"single": {[][]string{{"1"}}, []string{"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := NewSequence(streamsOf(c.streams...))
			if got := texts(t, drain(t, s)); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if _, err := s.Next(); err != io.EOF {
				t.Errorf("after the end: %v", err)
			}
		})
	}
}

func TestSequenceError(t *testing.T) {
	broken := errors.New("connection lost")
	s := NewSequence([]Stream{&list{rows: [][]byte{row("1")}}, &list{err: broken}, &list{rows: [][]byte{row("2")}}})
	rows, err := collect(s)
	var failed *StreamError
	if len(rows) != 1 || !errors.Is(err, broken) || !errors.As(err, &failed) || failed.Stream != 1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if _, again := s.Next(); again != err {
		t.Errorf("the error is not kept: %v", again)
	}
}

func TestLimit(t *testing.T) {
	for name, c := range map[string]struct {
		offset, count uint64
		want          []string
		cut           bool
		reads         int // rows taken from the stream
	}{
		"all":                {0, math.MaxUint64, []string{"1", "2", "3"}, false, 3},
		"nothing":            {0, 0, nil, true, 0},
		"nothing, offset":    {2, 0, nil, true, 0},
		"beginning":          {0, 2, []string{"1", "2"}, true, 2},
		"middle":             {1, 1, []string{"2"}, true, 2},
		"end":                {2, 5, []string{"3"}, false, 3},
		"exactly to the end": {0, 3, []string{"1", "2", "3"}, true, 3},
		"beyond":             {3, 1, nil, false, 3},
		"far beyond":         {math.MaxUint64, math.MaxUint64, nil, false, 3},
	} {
		t.Run(name, func(t *testing.T) {
			source := &list{rows: [][]byte{row("1"), row("2"), row("3")}}
			l := NewLimit(source, c.offset, c.count)
			if got := texts(t, drain(t, l)); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if l.Cut() != c.cut || source.reads != c.reads {
				t.Errorf("cut %v after %d rows, want %v after %d", l.Cut(), source.reads, c.cut, c.reads)
			}
			if _, err := l.Next(); err != io.EOF {
				t.Errorf("after the end: %v", err)
			}
		})
	}
}

func TestLimitError(t *testing.T) {
	broken := errors.New("connection lost")
	for _, offset := range []uint64{0, 5} {
		l := NewLimit(&list{rows: [][]byte{row("1")}, err: broken}, offset, 5)
		if _, err := collect(l); err != broken {
			t.Errorf("offset %d: %v", offset, err)
		}
		if _, err := l.Next(); err != broken {
			t.Errorf("offset %d: the error is not kept: %v", offset, err)
		}
	}
}
