package proxy

// spillbox.go: a connection to nobody that keeps what is written to it, to be read again: in memory, and what is more
// than that in a file without a name.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// spillMemory is how much is kept in memory.
const spillMemory = 1 << 20

// spillBox is written first and read afterwards.
type spillBox struct {
	head   bytes.Buffer
	file   *os.File // unlinked; what came behind head
	read   int64    // of the file
	failed error    // of a Write
}

func newSpillBox() *spillBox { return &spillBox{} }

// Write implements net.Conn.
func (b *spillBox) Write(p []byte) (n int, err error) {
	if b.file == nil && b.head.Len()+len(p) <= spillMemory {
		return b.head.Write(p)
	}
	if b.file == nil {
		err = b.open()
	}
	if err == nil {
		n, err = b.file.Write(p)
	}
	if err != nil {
		b.failed = fmt.Errorf("the rows of a step cannot be kept: %w", err)
	}
	return n, b.failed
}

func (b *spillBox) open() error {
	file, err := os.CreateTemp("", "serval-step-*")
	if err != nil {
		return err
	}
	if err := os.Remove(file.Name()); err != nil {
		return errors.Join(err, file.Close())
	}
	b.file = file
	return nil
}

// Read implements net.Conn.
func (b *spillBox) Read(p []byte) (int, error) {
	if b.head.Len() > 0 || b.file == nil {
		return b.head.Read(p)
	}
	n, err := b.file.ReadAt(p, b.read)
	b.read += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// Close implements net.Conn.
func (b *spillBox) Close() error {
	if b.file == nil {
		return nil
	}
	file := b.file
	b.file = nil
	return file.Close()
}

func (*spillBox) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (*spillBox) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (*spillBox) SetDeadline(time.Time) error      { return nil }
func (*spillBox) SetReadDeadline(time.Time) error  { return nil }
func (*spillBox) SetWriteDeadline(time.Time) error { return nil }
