package merge

import (
	"io"
	"testing"

	"serval/proxy/wire"
)

// helpers_test.go: streams and rows for the tests of this package.

// null stands for NULL in row.
const null = "\x00NULL"

// row makes a payload of texts.
func row(texts ...string) []byte {
	var p []byte
	for _, t := range texts {
		if t == null {
			p = wire.AppendNull(p)
			continue
		}
		p = wire.AppendLenEncBytes(p, []byte(t))
	}
	return p
}

// list is a stream that gives its rows in one buffer that it overwrites, as a connection does, so that a reader which
// keeps a row too long is found out.
type list struct {
	rows   [][]byte
	err    error // after the rows; nil: io.EOF
	buffer []byte
	reads  int
}

func (l *list) Next() ([]byte, error) {
	for i := range l.buffer {
		l.buffer[i] = 0xee
	}
	if l.reads == len(l.rows) {
		if l.err != nil {
			return nil, l.err
		}
		return nil, io.EOF
	}
	l.buffer = append(l.buffer[:0], l.rows[l.reads]...)
	l.reads++
	return l.buffer, nil
}

// drain reads a stream to its end and copies the rows.
func drain(t *testing.T, s Stream) []string {
	t.Helper()
	rows, err := collect(s)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func collect(s Stream) ([]string, error) {
	var rows []string
	for {
		r, err := s.Next()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		rows = append(rows, string(r))
	}
}
