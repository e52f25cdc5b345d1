package merge

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// spool.go: rows kept for later, in bounded memory and then on disk. One backend connection gives its results one
// after the other; where several of them have to be merged, all but the last are spooled.

const (
	spoolFirst  = 4 << 10  // rows in memory lie in blocks, the first of this size, then twice as much memory each time,
	spoolBlock  = 64 << 10 // until they have this size; a larger row has its own block
	spoolBuffer = 32 << 10 // of file reads and writes
)

// ErrSpoolClosed says that a Spool was used after Close.
var ErrSpoolClosed = errors.New("merge: spool is closed")

// Spool keeps rows in the order in which they were appended. It is for one goroutine at a time, its streams included.
type Spool struct {
	dir    string
	limit  int      // of memory
	memory int      // bytes of all blocks
	blocks [][]byte // each row with its length before it; rows do not cross blocks
	file   *os.File // unlinked; nil while all rows fit into memory
	out    *bufio.Writer
	size   int64 // bytes written to out
	closed bool
	err    error // of an earlier Append: the file's end is unknown since
}

// NewSpool keeps up to limit bytes of rows in memory and the rest in a file in os.TempDir, which has no name from its
// beginning, so that nothing is left behind even when the process dies.
func NewSpool(limit int) *Spool { return &Spool{dir: os.TempDir(), limit: limit} }

// Append keeps a copy of row. An error, a full disk for one, names the directory; the spool is only good for Close then.
func (s *Spool) Append(row []byte) error {
	if s.err != nil {
		return s.err
	}
	if s.closed {
		return ErrSpoolClosed
	}
	if s.file == nil {
		if s.remember(row) {
			return nil
		}
		if s.err = s.open(); s.err != nil {
			return s.err
		}
	}
	s.err = s.write(row)
	return s.err
}

// AppendAll keeps all rows of a stream. Errors of the stream are returned as they are.
func (s *Spool) AppendAll(stream Stream) error {
	for {
		row, err := stream.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Append(row); err != nil {
			return err
		}
	}
}

// remember appends row to the last block, or to a new one when it does not fit. It reports false when there is no
// memory left for another block: from then on rows go to the file, so that their order is kept.
func (s *Spool) remember(row []byte) bool {
	need := binary.MaxVarintLen64 + len(row)
	last := len(s.blocks) - 1
	if last < 0 || cap(s.blocks[last])-len(s.blocks[last]) < need {
		size := min(max(spoolFirst, s.memory), spoolBlock) // a short result takes little
		size = min(max(size, need), s.limit-s.memory)
		if size < need {
			return false
		}
		s.blocks = append(s.blocks, make([]byte, 0, size))
		s.memory += size
		last++
	}
	block := binary.AppendUvarint(s.blocks[last], uint64(len(row)))
	s.blocks[last] = append(block, row...)
	return true
}

func (s *Spool) open() error {
	file, err := os.CreateTemp(s.dir, "serval-spool-*")
	if err != nil {
		return s.failed("create a file", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		return errors.Join(s.failed("unlink its file", err), file.Close())
	}
	s.file, s.out = file, bufio.NewWriterSize(file, spoolBuffer)
	return nil
}

func (s *Spool) write(row []byte) error {
	head := binary.AppendUvarint(s.out.AvailableBuffer(), uint64(len(row)))
	if _, err := s.out.Write(head); err != nil {
		return s.failed("write", err)
	}
	if _, err := s.out.Write(row); err != nil {
		return s.failed("write", err)
	}
	s.size += int64(len(head) + len(row))
	return nil
}

// failed names the directory, which the operator can do something about, in place of the file, which has no name.
func (s *Spool) failed(what string, err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("merge: spool cannot %s in %s: %w", what, filepath.Clean(s.dir), err)
}

// Stream reads the rows that were appended so far, from the first; several streams of a spool do not disturb each other.
func (s *Spool) Stream() Stream {
	r := s.section(0, s.size)
	r.blocks = slices.Clone(s.blocks) // a later Append changes the last one
	return r
}

// section reads the rows between two places of the file.
func (s *Spool) section(start, end int64) *spoolReader {
	r := &spoolReader{spool: s}
	if s.out == nil || s.err != nil {
		return r
	}
	if err := s.out.Flush(); err != nil {
		s.err = s.failed("write", err)
		return r
	}
	r.in = bufio.NewReaderSize(io.NewSectionReader(s.file, start, end-start), spoolBuffer)
	return r
}

// Close frees the memory and the disk space. Streams of the spool return ErrSpoolClosed from then on.
func (s *Spool) Close() error {
	file := s.file
	s.closed, s.blocks, s.file, s.out = true, nil, nil, nil
	if file == nil {
		return nil
	}
	return file.Close()
}

// spoolReader is one reading of a Spool: first the blocks, then the file.
type spoolReader struct {
	spool  *Spool
	blocks [][]byte
	offset int // in blocks[0]
	in     *bufio.Reader
	row    []byte // the current row of the file
}

// Next returns the next row, valid until the next call.
func (r *spoolReader) Next() ([]byte, error) {
	switch {
	case r.spool.closed:
		return nil, ErrSpoolClosed
	case r.spool.err != nil:
		return nil, r.spool.err
	}
	for len(r.blocks) > 0 {
		rest := r.blocks[0][r.offset:]
		if len(rest) == 0 {
			r.blocks, r.offset = r.blocks[1:], 0
			continue
		}
		length, n := binary.Uvarint(rest)
		end := n + int(length)
		r.offset += end
		return rest[n:end:end], nil
	}
	if r.in == nil {
		return nil, io.EOF
	}
	return r.readFile()
}

func (r *spoolReader) readFile() ([]byte, error) {
	length, err := binary.ReadUvarint(r.in)
	if err == io.EOF {
		return nil, io.EOF
	}
	if err != nil {
		return nil, r.spool.failed("read", err)
	}
	if uint64(cap(r.row)) < length {
		r.row = make([]byte, length)
	}
	r.row = r.row[:length]
	if _, err := io.ReadFull(r.in, r.row); err != nil {
		return nil, r.spool.failed("read", err)
	}
	return r.row, nil
}
