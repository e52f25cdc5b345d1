package merge

import "io"

// sequence.go: streams one after the other, and the cut that LIMIT makes.

// Sequence is the streams' rows in the order of the streams: a scatter whose statement gives no order.
type Sequence struct {
	streams []Stream
	current int
	err     error
}

// NewSequence reads the first stream to its end, then the second, and so on.
func NewSequence(streams []Stream) *Sequence { return &Sequence{streams: streams} }

// Next returns the next row, valid until the next call, io.EOF after the last stream's last row, or a *StreamError.
func (s *Sequence) Next() ([]byte, error) {
	for s.err == nil {
		if s.current == len(s.streams) {
			s.err = io.EOF
			break
		}
		row, err := s.streams[s.current].Next()
		switch err {
		case nil:
			return row, nil
		case io.EOF:
			s.current++
		default:
			s.err = streamError(s.current, err)
		}
	}
	return nil, s.err
}

// Limit passes on a window of a stream's rows.
type Limit struct {
	stream  Stream
	skip    uint64
	skipped uint64
	left    uint64
	err     error
}

// NewLimit leaves out the first offset rows and then passes on at most count (math.MaxUint64: all).
func NewLimit(stream Stream, offset, count uint64) *Limit {
	return &Limit{stream: stream, skip: offset, left: count}
}

// Next returns the next row, valid until the next call. It returns io.EOF as soon as the window is full without
// asking the stream for more, so that the caller can stop what still runs on the backends (see Cut).
func (l *Limit) Next() ([]byte, error) {
	if l.err != nil {
		return nil, l.err
	}
	if l.left == 0 {
		l.err = io.EOF
		return nil, l.err
	}
	for ; l.skip > 0; l.skip-- {
		if _, err := l.stream.Next(); err != nil {
			return nil, l.end(err)
		}
		l.skipped++
	}
	row, err := l.stream.Next()
	if err != nil {
		return nil, l.end(err)
	}
	l.left--
	return row, nil
}

func (l *Limit) end(err error) error {
	l.err = err
	return err
}

// Skipped is the number of rows that were left out so far.
func (l *Limit) Skipped() uint64 { return l.skipped }

// Cut reports whether the window is full, that is, whether the stream may have rows that nobody will read.
func (l *Limit) Cut() bool { return l.left == 0 }
