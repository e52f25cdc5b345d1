package merge

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// sorted.go: the k-way merge of sorted streams, with a tree of losers: one path from leaf to root is played per row.

// ErrNotSorted says that a stream's rows do not come in the order of the keys, so that a merge of them would be wrong:
// the keys do not say what the shard sorted by.
var ErrNotSorted = errors.New("merge: rows do not come in the order of their sort keys")

// checkedLength is how many bytes of a string key count when a stream's own order is checked: servers sort by a prefix,
// behind which rows may come in any order (compare.go, "Long strings"). A session that sets max_sort_length to less than
// this has to be told to the merge by Key.MaxLength.
const checkedLength = 1000

// Sorted is the rows of many sorted streams as one sorted stream. Equal keys come in the order of the streams, so that
// the result is always the same. It holds one row reference and copies of two rows' keys per stream.
type Sorted struct {
	layout  *Layout
	keys    []Key
	columns []int // indexes of keys in the order of their columns, so that one pass over a row finds all
	sources []source
	tree    []int // tree[0]: the source with the next row; tree[n]: the source that lost the match at node n
	started bool
	err     error
}

// source is one stream and its current row.
type source struct {
	stream  Stream
	row     []byte // points into the stream's buffer, valid until its next Next
	values  []value
	checked []value // the values of the row before, with texts in held
	held    []byte
	scratch []byte // texts of the current row's binary values
	rows    uint64
	done    bool
}

// NewSorted merges streams each of which is sorted by keys; their rows are all of one layout.
func NewSorted(streams []Stream, keys []Key, layout *Layout) *Sorted {
	s := &Sorted{
		layout:  layout,
		keys:    slices.Clone(keys),
		columns: make([]int, len(keys)),
		sources: make([]source, len(streams)),
		tree:    make([]int, max(1, len(streams))),
	}
	for i := range s.columns {
		s.columns[i] = i
	}
	slices.SortStableFunc(s.columns, func(a, b int) int { return cmp.Compare(keys[a].Column, keys[b].Column) })
	for i, stream := range streams {
		s.sources[i] = source{stream: stream, values: make([]value, len(keys)), checked: make([]value, len(keys))}
	}
	return s
}

// Next returns the next row, valid until the next call, io.EOF when all streams have ended, or a *StreamError (one
// that holds ErrNotSorted or ErrMalformedRow where the rows are not what the keys say).
func (s *Sorted) Next() ([]byte, error) {
	if s.err == nil {
		s.err = s.step()
	}
	if s.err != nil {
		return nil, s.err
	}
	return s.sources[s.tree[0]].row, nil
}

// step makes tree[0] the source with the next row. The row returned last was still its stream's current one, since the
// stream is asked for another only here.
func (s *Sorted) step() error {
	if !s.started {
		s.started = true
		for i := range s.sources {
			if err := s.advance(i); err != nil {
				return err
			}
		}
		s.build()
	} else {
		winner := s.tree[0]
		if err := s.advance(winner); err != nil {
			return err
		}
		s.replay(winner)
	}
	if len(s.sources) == 0 || s.sources[s.tree[0]].done {
		return io.EOF
	}
	return nil
}

// advance reads a source's next row and decodes its keys.
func (s *Sorted) advance(n int) error {
	src := &s.sources[n]
	if len(s.sources) > 1 && src.rows > 0 {
		src.hold(s.keys)
	}
	row, err := src.stream.Next()
	if err == io.EOF {
		src.done, src.row = true, nil
		return nil
	}
	if err != nil {
		return streamError(n, err)
	}
	src.row = row
	src.rows++
	if len(s.sources) == 1 {
		return nil // nothing to compare with
	}
	if err := s.load(src); err != nil {
		return streamError(n, err)
	}
	if src.rows > 1 && !s.inOrder(src) {
		return streamError(n, fmt.Errorf("%w: row %d comes after row %d", ErrNotSorted, src.rows, src.rows-1))
	}
	return nil
}

// load decodes the keys of a source's row in one pass.
func (s *Sorted) load(src *source) error {
	at, err := s.layout.start(src.row)
	if err != nil {
		return err
	}
	src.scratch = src.scratch[:0]
	var text []byte
	var null bool
	for _, k := range s.columns {
		key := &s.keys[k]
		if key.Column < 0 {
			return noColumn(src.row, key.Column)
		}
		for at.column <= key.Column {
			if text, null, err = at.next(); err != nil {
				return err
			}
			if at.column > key.Column && !null {
				if text, src.scratch, err = s.layout.text(src.scratch, key.Column, text); err != nil {
					return err
				}
			}
		}
		if err := key.load(&src.values[k], text, null); err != nil {
			return err
		}
	}
	return nil
}

// hold keeps the current row's keys beyond the life of the row.
func (src *source) hold(keys []Key) {
	src.held = src.held[:0]
	for i := range src.values {
		v := src.values[i]
		if keys[i].isText() && len(v.text) > checkedLength {
			v.text = v.text[:checkedLength]
		}
		v.text, v.fraction = src.keep(v.text), src.keep(v.fraction)
		src.checked[i] = v
	}
}

// keep copies text behind what is held. When that moves to a larger buffer, the texts kept before stay valid in the old one.
func (src *source) keep(text []byte) []byte {
	start := len(src.held)
	src.held = append(src.held, text...)
	return src.held[start:]
}

// inOrder reports whether a source's row may stand after the one before.
func (s *Sorted) inOrder(src *source) bool {
	for i := range s.keys {
		key, before, now := &s.keys[i], &src.checked[i], src.values[i]
		cut := key.isText() && max(len(before.text), len(now.text)) >= checkedLength
		if cut {
			now.text = now.text[:min(len(now.text), checkedLength)]
		}
		if c := key.compare(before, &now); c != 0 {
			return c < 0
		}
		if cut {
			return true // the rest of the string decides, and the server may not have looked at it
		}
	}
	return true
}

// isText says that a key's text is a string and may be cut.
func (k *Key) isText() bool { return k.Kind == Bytes || k.Kind == Padded }

// before reports whether source a's row comes before source b's.
func (s *Sorted) before(a, b int) bool {
	x, y := &s.sources[a], &s.sources[b]
	if x.done || y.done {
		return !x.done || y.done && a < b
	}
	for i := range s.keys {
		if c := s.keys[i].compare(&x.values[i], &y.values[i]); c != 0 {
			return c < 0
		}
	}
	return a < b
}

// build plays all matches. With n sources, the leaves are the nodes n … 2n-1 and the parent of node i is i/2.
func (s *Sorted) build() {
	n := len(s.sources)
	if n == 0 {
		return
	}
	winners := make([]int, 2*n)
	for i := range n {
		winners[n+i] = i
	}
	for i := n - 1; i > 0; i-- {
		a, b := winners[2*i], winners[2*i+1]
		if s.before(b, a) {
			a, b = b, a
		}
		winners[i], s.tree[i] = a, b
	}
	s.tree[0] = winners[1] // with one source, its leaf
}

// replay plays the matches from a source's leaf to the root, after the source has got another row.
func (s *Sorted) replay(winner int) {
	for node := (len(s.sources) + winner) / 2; node > 0; node /= 2 {
		if s.before(s.tree[node], winner) {
			winner, s.tree[node] = s.tree[node], winner
		}
	}
	s.tree[0] = winner
}
