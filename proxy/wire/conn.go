// Package wire speaks the MySQL client/server protocol: packets and their framing, the server's side of the
// connection phase, the relay of a result from a backend to a client, and the reading of a result for a merge.
// It knows no SQL, no sessions and no configuration; everything above it works with payloads.
//
// The protocol is the one of https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html. Backends always
// speak with classic EOF packets; how a client's results end is a matter of its Conn (SetCapabilities), so that nothing
// above this package needs to know.
package wire

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
)

// conn.go: framing. A packet is sent as frames of a 3 byte length, a sequence number and up to 16,777,215 bytes; a
// frame of exactly that many bytes is continued by the next one. This file knows nothing of what payloads mean.

const (
	headerSize = 4
	maxFrame   = 1<<24 - 1 // payload bytes of the largest frame
	bufferSize = 16 << 10  // bytes of a pooled block
	smallSize  = 512       // bytes of the buffer inside a Conn, on which an idle connection waits

	// DefaultMaxPacket is the limit of a Conn on which SetMaxPacket was not called: the largest
	// max_allowed_packet that a server can have.
	DefaultMaxPacket = 1 << 30

	largeStep = 64 << 10 // a large packet's buffer grows by at least this, whatever length a peer claims
	keepLarge = 1 << 20  // a larger buffer is not kept for the next large packet
)

// ErrPacketTooLarge is returned by ReadPacket for a packet over the limit of SetMaxPacket. The packet has been read to
// its end, so the connection can be used to answer 1153 (08S01).
var ErrPacketTooLarge = errors.New("wire: packet is larger than the limit")

// ErrSequence is returned for a frame whose number is not the next one: the peers are out of step and the connection
// is of no more use.
var ErrSequence = errors.New("wire: packets out of order")

// block is what an active connection reads into or writes from.
type block = [bufferSize]byte

// blocks is a cache of blocks for all connections; idle connections hold none.
var blocks = sync.Pool{New: func() any { return new(block) }}

// Conn frames packets over a net.Conn. Reading and writing take turns, as the protocol does (they share the sequence
// number); Close and Gone may be called by any goroutine.
type Conn struct {
	nc        net.Conn      // as given to NewConn: to close it, for addresses and deadlines
	via       io.ReadWriter // what is read and written: nc, TLS on it, compression on that
	maxPacket int
	caps      uint32 // what was agreed on with a client: how its answers end; 0 for backends
	seq       uint8  // of the next frame in either direction
	idle      bool   // since ReleaseBuffers nothing was read or written: the next read waits on small

	rbuf   []byte // small[:] or rblock[:] or nil
	rblock *block // the pooled block behind rbuf
	r, w   int    // rbuf[r:w] was read and is not consumed
	large  []byte // the last packet that did not fit into a block

	wblock *block
	wn     int   // wblock[:wn] is to be sent
	werr   error // the first failure of a write: part of a frame may be lost, so every later write fails too

	secure   atomic.Pointer[tls.Conn] // the TLS in via, if it was begun here
	squeezed *compressed              // the compression in via, if there is one

	tracked    []byte // session state changes that the next OK packet tells
	hasTracked bool
	onEnd      func(rows, telling bool, status uint16) (flag bool)

	ok    OK // Relay's: an OK given to a Patcher must not be allocated for each answer
	peek  peeker
	small [smallSize]byte
}

// NewConn frames packets over nc. The Conn owns nc from now on.
func NewConn(nc net.Conn) *Conn {
	return &Conn{nc: nc, via: nc, maxPacket: DefaultMaxPacket}
}

// NetConn is the connection underneath: for addresses and deadlines, not for reading and writing.
func (c *Conn) NetConn() net.Conn { return c.nc }

// Close closes the connection underneath; what was not flushed is lost. Blocks in use are left to the garbage
// collector, since a reader may still be in one of them.
func (c *Conn) Close() error {
	if t := c.secure.Load(); t != nil {
		return t.Close() // says goodbye first
	}
	return c.nc.Close()
}

// SetMaxPacket limits ReadPacket to packets of n bytes. n <= 0 means DefaultMaxPacket.
func (c *Conn) SetMaxPacket(n int) {
	if n <= 0 {
		n = DefaultMaxPacket
	}
	c.maxPacket = n
}

// SetCapabilities says what was agreed on with the peer, which decides the layout of the answers written to it
// (CapDeprecateEOF, CapSessionTrack). Accept does it for a client; a backend's Conn has none.
func (c *Conn) SetCapabilities(caps uint32) { c.caps = caps }

// ResetSequence begins a new command: the next frame in either direction has number 0.
func (c *Conn) ResetSequence() {
	c.seq = 0
	if c.squeezed != nil {
		c.squeezed.seq = 0
	}
}

// Buffered is the number of bytes that were read ahead and are not yet consumed.
func (c *Conn) Buffered() int { return c.w - c.r }

// ReadPacket reads one logical packet, joining frames. The payload is valid until the next call that reads, or
// ReleaseBuffers. A connection closed between packets gives io.EOF as it is, one closed inside a packet
// io.ErrUnexpectedEOF, a packet over the limit ErrPacketTooLarge, a frame with the wrong number ErrSequence.
func (c *Conn) ReadPacket() ([]byte, error) {
	length, err := c.peekHeader()
	if err != nil {
		return nil, err
	}
	if length > bufferSize-headerSize || length > c.maxPacket {
		return c.readLarge(length)
	}
	if err := c.fill(headerSize + length); err != nil {
		return nil, err
	}
	start := c.r + headerSize
	c.r = start + length
	c.nextSequence()
	return c.rbuf[start:c.r:c.r], nil
}

// peekHeader makes the next frame's header available at rbuf[r:], checks its number and returns the length.
func (c *Conn) peekHeader() (int, error) {
	if c.w-c.r < headerSize {
		if err := c.fill(headerSize); err != nil {
			return 0, err
		}
	}
	h := c.rbuf[c.r : c.r+headerSize]
	if h[3] != c.seq && c.squeezed == nil { // else it is the compressed packets' numbers that count

		return 0, fmt.Errorf("%w: got number %d, want %d", ErrSequence, h[3], c.seq)
	}
	return int(h[0]) | int(h[1])<<8 | int(h[2])<<16, nil
}

// nextSequence is due behind a packet. Under compression servers go on with the number of the compressed packets.
func (c *Conn) nextSequence() {
	c.seq++
	if c.squeezed != nil {
		c.seq = c.squeezed.seq
	}
}

// skipHeader consumes the header that peekHeader has checked.
func (c *Conn) skipHeader() {
	c.r += headerSize
	c.seq++
}

// readLarge joins the frames of a packet that does not fit into a block; length is the first frame's.
func (c *Conn) readLarge(length int) ([]byte, error) {
	buf := c.large[:0]
	if cap(buf) > keepLarge {
		buf = nil
	}
	for {
		c.skipHeader()
		if length > c.maxPacket-len(buf) {
			return nil, c.drain(length)
		}
		var err error
		if buf, err = c.appendPayload(buf, length); err != nil {
			return nil, err
		}
		if length < maxFrame {
			c.seq--
			c.nextSequence()
			c.large = buf
			return buf[:len(buf):len(buf)], nil
		}
		if length, err = c.peekHeader(); err != nil {
			return nil, noCleanEOF(err)
		}
	}
}

// appendPayload reads n bytes after buf. The memory grows with what arrives, not with what a header claims.
func (c *Conn) appendPayload(buf []byte, n int) ([]byte, error) {
	k := min(n, c.Buffered())
	buf = append(buf, c.rbuf[c.r:c.r+k]...)
	c.r += k
	n -= k
	for n > 0 {
		if cap(buf) == len(buf) {
			buf = slices.Grow(buf, min(n, max(len(buf), largeStep)))
		}
		space := buf[len(buf):min(cap(buf), len(buf)+n)]
		m, err := c.via.Read(space)
		buf = buf[:len(buf)+m]
		n -= m
		if err != nil && n > 0 {
			return nil, readError(noCleanEOF(err))
		}
	}
	return buf, nil
}

// drain reads the rest of a packet whose current frame has length bytes left and keeps nothing of it.
func (c *Conn) drain(length int) error {
	for {
		for left := length; left > 0; {
			if c.Buffered() == 0 {
				if err := c.fill(1); err != nil {
					return noCleanEOF(err)
				}
			}
			k := min(left, c.Buffered())
			c.r += k
			left -= k
		}
		if length < maxFrame {
			return ErrPacketTooLarge
		}
		var err error
		if length, err = c.peekHeader(); err != nil {
			return noCleanEOF(err)
		}
		c.skipHeader()
	}
}

// fill reads until n bytes (at most bufferSize) are buffered.
func (c *Conn) fill(n int) error {
	for empty := 0; c.Buffered() < n; {
		c.makeRoom(n)
		m, err := c.via.Read(c.rbuf[c.w:])
		c.w += m
		if m > 0 {
			c.idle = false
			empty = 0
		}
		if c.Buffered() >= n {
			return nil
		}
		if err != nil {
			if c.Buffered() > 0 {
				err = noCleanEOF(err)
			}
			return readError(err)
		}
		if m == 0 {
			if empty++; empty == 100 {
				return readError(io.ErrNoProgress)
			}
		}
	}
	return nil
}

// makeRoom chooses the buffer of the next read and leaves space for n bytes from r on. An idle connection waits on
// the buffer inside it; as soon as something has come, the rest goes to a block.
func (c *Conn) makeRoom(n int) {
	have := c.Buffered()
	if c.rblock == nil {
		if have == 0 && c.idle {
			c.rbuf, c.r, c.w = c.small[:], 0, 0
			return
		}
		c.rblock = blocks.Get().(*block)
		copy(c.rblock[:], c.rbuf[c.r:c.w])
		c.rbuf, c.r, c.w = c.rblock[:], 0, have
		return
	}
	if have == 0 {
		c.r, c.w = 0, 0
	} else if len(c.rbuf)-c.r < n {
		copy(c.rbuf, c.rbuf[c.r:c.w])
		c.r, c.w = 0, have
	}
}

// noCleanEOF is err for a place where the peer may not end.
func noCleanEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readError says where err comes from; io.EOF stays itself, since it is how every connection ends.
func readError(err error) error {
	if err == io.EOF {
		return err
	}
	return fmt.Errorf("wire: read: %w", err)
}

// WritePacket puts one logical packet into the write buffer, split into frames of 16 MiB with an empty last one where
// needed. It goes out when the buffer is full, or at Flush. After an error every later write gives the same error.
func (c *Conn) WritePacket(p []byte) error {
	for {
		n := min(len(p), maxFrame)
		c.writeHeader(n)
		c.write(p[:n])
		if n < maxFrame || c.werr != nil {
			return c.werr
		}
		p = p[n:]
	}
}

// WriteCommand begins a new command (ResetSequence) and puts it with its argument into the write buffer, as
// WritePacket would with both in one slice.
func (c *Conn) WriteCommand(command byte, arg []byte) error {
	c.ResetSequence()
	n := min(len(arg), maxFrame-1)
	c.writeHeader(n + 1)
	if c.werr != nil {
		return c.werr
	}
	c.wblock[c.wn] = command // writeHeader has left room for it
	c.wn++
	c.write(arg[:n])
	if n+1 == maxFrame {
		return c.WritePacket(arg[n:])
	}
	return c.werr
}

// writeHeader puts a frame's header into the write buffer and leaves room for one more byte.
func (c *Conn) writeHeader(n int) {
	c.room(headerSize + 1)
	if c.werr != nil {
		return
	}
	h := c.wblock[c.wn : c.wn+headerSize]
	h[0], h[1], h[2], h[3] = byte(n), byte(n>>8), byte(n>>16), c.seq
	c.wn += headerSize
	c.seq++
}

// room makes sure that a block is there with n bytes free.
func (c *Conn) room(n int) {
	if c.wblock == nil {
		c.wblock = blocks.Get().(*block)
	}
	c.idle = false
	if bufferSize-c.wn < n {
		c.send()
	}
}

// write puts b behind what is in the write buffer; blocks that are full go out, and what is larger than a block goes
// out from where it is.
func (c *Conn) write(b []byte) {
	c.room(0)
	for len(b) > bufferSize-c.wn && c.werr == nil {
		if c.wn == 0 && len(b) >= bufferSize {
			c.sendBytes(b)
			return
		}
		k := copy(c.wblock[c.wn:], b)
		c.wn += k
		b = b[k:]
		c.send()
	}
	if c.werr == nil {
		c.wn += copy(c.wblock[c.wn:], b)
	}
}

// send writes the buffer out.
func (c *Conn) send() {
	if c.werr == nil && c.wn > 0 {
		c.sendBytes(c.wblock[:c.wn])
	}
	c.wn = 0
}

func (c *Conn) sendBytes(b []byte) {
	if _, err := c.via.Write(b); err != nil {
		c.werr = fmt.Errorf("wire: write: %w", err)
	}
}

// Flush sends what the write buffer holds.
func (c *Conn) Flush() error {
	c.send()
	return c.werr
}

// ReleaseBuffers gives pooled memory back: to be called before waiting for a client's next command and before
// putting a backend connection back to its pool. Payloads from ReadPacket become invalid. Bytes read ahead and bytes
// not flushed are kept (and with them the block when they need it).
func (c *Conn) ReleaseBuffers() {
	c.large = nil
	if c.squeezed != nil {
		c.squeezed.release()
	}
	if c.wblock != nil && c.wn == 0 {
		blocks.Put(c.wblock)
		c.wblock = nil
	}
	c.idle = true
	have := c.Buffered()
	if c.rblock == nil || have > smallSize {
		return
	}
	copy(c.small[:], c.rbuf[c.r:c.w])
	c.rbuf, c.r, c.w = c.small[:], 0, have
	blocks.Put(c.rblock)
	c.rblock = nil
}
