// Package merge makes one stream of rows out of many, in memory that depends on the number of streams and not on the
// number of rows.
//
// Rows are payloads of the text protocol, as the backends sent them: a merge reads only the columns it sorts by and
// passes the bytes on. The package knows packets' row format (proxy/wire) and nothing of connections, plans or SQL.
package merge

import (
	"errors"
	"fmt"
	"io"
)

// stream.go: what all parts of the package read from and are.

// Stream gives rows one by one: Next returns the payload of one text-protocol row, valid until the next call, and
// io.EOF after the last. After an error the stream is over. A Stream is used by one goroutine at a time.
type Stream interface {
	Next() ([]byte, error)
}

// ErrMalformedRow says that a payload is no row, or has fewer columns than asked for.
var ErrMalformedRow = errors.New("merge: malformed row")

// StreamError says which of a merge's streams failed; errors.As finds the backend's own error behind it.
type StreamError struct {
	Stream int // counts from 0, in the order in which the streams were given
	Err    error
}

// Error names the stream and what happened to it.
func (e *StreamError) Error() string { return fmt.Sprintf("merge: stream %d: %v", e.Stream, e.Err) }

// Unwrap returns the stream's own error.
func (e *StreamError) Unwrap() error { return e.Err }

// streamError gives an error its stream; the end of a stream is no error and stays io.EOF.
func streamError(stream int, err error) error {
	if err == io.EOF {
		return err
	}
	return &StreamError{Stream: stream, Err: err}
}
