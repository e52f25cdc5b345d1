package merge

import (
	"cmp"
	"errors"
	"io"
	"math"
	"slices"
)

// externalsort.go: a stream sorted anew, in bounded memory: sorted runs of rows go to a file without a name, and are
// merged when the stream has ended.

const (
	// valueSize and rowCost are what a key and a row cost in memory beside their bytes.
	valueSize = 120
	rowCost   = 48
	// sortBlock is the size of the blocks in which rows lie; a larger row has its own.
	sortBlock = 256 << 10
	// mostRuns is how many runs are merged at once: each has a buffer of spoolBuffer.
	mostRuns = 64
)

// ErrSortClosed says that an ExternalSort was used after Close.
var ErrSortClosed = errors.New("merge: sort is closed")

// ExternalSort is the rows of a stream in the order of keys; equal ones in the order of the stream. It is for one goroutine.
type ExternalSort struct {
	in     Stream
	keys   []Key
	layout *Layout
	limit  int    // of memory
	first  uint64 // rows that are wanted
	loader *Sorted
	memory int
	blocks [][]byte
	used   int // blocks
	rows   []sortRow
	values []value // of rows, len(keys) each
	runs   *runFile
	out    Stream
	closed bool
	err    error
}

// sortRow is a row in memory: its bytes and where its keys are in values.
type sortRow struct {
	row  []byte
	keys int
}

// NewExternalSort sorts a stream by keys within memory bytes (a run in memory, or the buffers of runs on disk).
func NewExternalSort(in Stream, keys []Key, layout *Layout, memory int) *ExternalSort {
	return &ExternalSort{in: in, keys: slices.Clone(keys), layout: layout, limit: memory, first: math.MaxUint64, loader: NewSorted(nil, keys, layout)}
}

// First says that only the first n rows of the order are wanted: others need not be kept.
func (s *ExternalSort) First(n uint64) { s.first = n }

// Next returns the next row, valid until the next call, and io.EOF after the last. The first call reads the whole
// stream, whose errors are returned as they are.
func (s *ExternalSort) Next() ([]byte, error) {
	if s.closed {
		return nil, ErrSortClosed
	}
	if s.err == nil && s.out == nil {
		s.err = s.readAll()
	}
	if s.err != nil {
		return nil, s.err
	}
	row, err := s.out.Next()
	s.err = err
	return row, err
}

// Close frees the memory and the disk space.
func (s *ExternalSort) Close() error {
	s.closed, s.blocks, s.rows, s.values, s.out = true, nil, nil, nil, nil
	if s.runs == nil {
		return nil
	}
	runs := s.runs
	s.runs = nil
	return runs.close()
}

func (s *ExternalSort) readAll() error {
	for {
		row, err := s.in.Next()
		if err == io.EOF {
			return s.finish()
		}
		if err != nil {
			return err
		}
		if err := s.take(row); err != nil {
			return err
		}
	}
}

// take keeps a copy of a row and its keys.
func (s *ExternalSort) take(row []byte) error {
	cost := len(row) + rowCost + valueSize*len(s.keys)
	if s.memory+cost > s.limit && len(s.rows) > 0 {
		if err := s.makeRoom(); err != nil {
			return err
		}
	}
	kept := s.keep(row)
	src := source{row: kept, values: s.grow()}
	if err := s.loader.load(&src); err != nil { // the texts of binary rows' keys have memory of their own
		return err
	}
	s.memory += cost + len(src.scratch)
	s.rows = append(s.rows, sortRow{row: kept, keys: len(s.values) - len(s.keys)})
	return nil
}

// keep copies a row into the blocks.
func (s *ExternalSort) keep(row []byte) []byte {
	for s.used < len(s.blocks) {
		block := s.blocks[s.used]
		if cap(block)-len(block) >= len(row) {
			break
		}
		s.used++
	}
	if s.used == len(s.blocks) {
		s.blocks = append(s.blocks, make([]byte, 0, max(len(row), min(sortBlock, s.limit/4))))
	}
	block := s.blocks[s.used]
	start := len(block)
	block = append(block, row...)
	s.blocks[s.used] = block
	return block[start:len(block):len(block)]
}

// grow makes room for the keys of a row.
func (s *ExternalSort) grow() []value {
	n := len(s.values)
	for range s.keys {
		s.values = append(s.values, value{})
	}
	return s.values[n:]
}

// makeRoom drops the rows that nobody wants, or writes all as a run.
func (s *ExternalSort) makeRoom() error {
	s.order()
	if s.first < uint64(len(s.rows))/2 {
		return s.shrink()
	}
	if s.runs == nil {
		runs, err := newRunFile()
		if err != nil {
			return err
		}
		s.runs = runs
	}
	if err := s.writeRun(); err != nil {
		return err
	}
	if len(s.runs.runs) < mostRuns {
		return nil
	}
	return s.mergeRuns()
}

// order sorts the rows in memory.
func (s *ExternalSort) order() {
	slices.SortFunc(s.rows, func(a, b sortRow) int {
		for i := range s.keys {
			if c := s.keys[i].compare(&s.values[a.keys+i], &s.values[b.keys+i]); c != 0 {
				return c
			}
		}
		return cmp.Compare(a.keys, b.keys)
	})
}

// shrink keeps the first rows, which have been sorted, in new blocks.
func (s *ExternalSort) shrink() error {
	rows := s.rows[:s.first]
	s.blocks, s.used, s.rows, s.values, s.memory = nil, 0, nil, nil, 0
	for _, r := range rows {
		if err := s.take(r.row); err != nil {
			return err
		}
	}
	return nil
}

func (s *ExternalSort) writeRun() error {
	for _, r := range s.rows {
		if err := s.runs.append(r.row); err != nil {
			return err
		}
	}
	clear(s.values) // the texts of binary rows
	s.rows, s.values, s.memory, s.used = s.rows[:0], s.values[:0], 0, 0
	for i := range s.blocks {
		s.blocks[i] = s.blocks[i][:0]
	}
	s.runs.end()
	return nil
}

// mergeRuns makes one run of all.
func (s *ExternalSort) mergeRuns() error {
	merged, err := newRunFile()
	if err != nil {
		return err
	}
	old := s.runs
	s.runs = merged
	err = merged.appendAll(NewLimit(NewSorted(old.streams(), s.keys, s.layout), 0, s.first))
	return errors.Join(err, old.close())
}

// finish makes the stream of the result.
func (s *ExternalSort) finish() error {
	s.order()
	var out Stream = (*sortedRows)(s)
	if s.runs != nil {
		if err := s.writeRun(); err != nil {
			return err
		}
		s.blocks, s.rows, s.values = nil, nil, nil
		out = NewSorted(s.runs.streams(), s.keys, s.layout)
	}
	s.out = NewLimit(out, 0, s.first)
	return nil
}

// sortedRows is the rows of a sort that fits into memory.
type sortedRows ExternalSort

// Next implements Stream.
func (s *sortedRows) Next() ([]byte, error) {
	if len(s.rows) == 0 {
		return nil, io.EOF
	}
	row := s.rows[0].row
	s.rows = s.rows[1:]
	return row, nil
}
