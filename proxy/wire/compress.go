package wire

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// compress.go: the compressed packets of page_protocol_basic_compression: a header of 7 bytes (length, a number of
// their own, length before compression) and a piece of the stream of ordinary packets. The pieces know nothing of the
// packets in them. What a client sends here comes from anybody who has logged in.

const (
	squeezedHeader = 7
	squeezedMin    = 50       // bytes: shorter pieces are sent as they are, as servers do
	squeezedPiece  = 64 << 10 // bytes of a piece that is sent: bounds what a writer needs
)

// errDamaged is a compressed packet that is not one.
var errDamaged = errors.New("damaged compressed packet")

// codec packs and unpacks pieces. Its methods are safe for concurrent use.
type codec interface {
	// pack appends the packed p to dst.
	pack(dst, p []byte) ([]byte, error)
	// unpack appends the n bytes that p was made of to dst; anything but n bytes is an error.
	unpack(dst, p []byte, n int) ([]byte, error)
}

// compressed is a connection whose packets are compressed. Its buffers are there while something is under way.
type compressed struct {
	under io.ReadWriter
	codec codec
	conn  *Conn
	seq   uint8

	header [squeezedHeader]byte
	packed []byte // what was read
	plain  []byte // what it was unpacked to, or packed itself
	at     int    // plain[at:] was not given to a reader yet
	out    []byte // what is written
}

// StartCompression goes over to compressed packets if that was agreed on: to be called once, after the OK that ends
// the login was flushed.
func (c *Conn) StartCompression() error {
	var k codec
	switch {
	case c.caps&CapCompress != 0:
		k = zlibCodec{}
	case c.caps&CapZstdCompression != 0:
		k = zstdCodec{}
	default:
		return nil
	}
	if c.Buffered() > 0 {
		return errUnexpectedBytes
	}
	c.squeezed = &compressed{under: c.via, codec: k, conn: c}
	c.via = c.squeezed
	return nil
}

// release lets go of the buffers. Bytes that were unpacked ahead are kept.
func (s *compressed) release() {
	if s.at == len(s.plain) {
		s.plain, s.packed, s.at = nil, nil, 0
	}
	s.out = nil
}

// Read implements io.Reader over the pieces' contents.
func (s *compressed) Read(p []byte) (int, error) {
	for s.at == len(s.plain) {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.plain[s.at:])
	s.at += n
	return n, nil
}

// next reads one piece.
func (s *compressed) next() error {
	if _, err := io.ReadFull(s.under, s.header[:]); err != nil {
		return err
	}
	h := s.header
	length, before := int(h[0])|int(h[1])<<8|int(h[2])<<16, int(h[4])|int(h[5])<<8|int(h[6])<<16
	if h[3] != s.seq {
		return fmt.Errorf("%w: got compressed packet %d, want %d", ErrSequence, h[3], s.seq)
	}
	s.seq++
	// A piece of packets within the limit is no larger than the limit, its header and the little behind it.
	if max(length, before) > s.conn.maxPacket+bufferSize {
		return ErrPacketTooLarge
	}
	var err error
	if s.packed, err = readGrowing(s.under, s.packed[:0], length); err != nil {
		return noCleanEOF(err)
	}
	s.at = 0
	if before == 0 {
		s.packed, s.plain = s.plain[:0], s.packed
		return nil
	}
	if s.plain, err = s.codec.unpack(s.plain[:0], s.packed, before); err != nil {
		s.plain = nil
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	return nil
}

// readGrowing reads n bytes after buf; the memory grows with what arrives.
func readGrowing(r io.Reader, buf []byte, n int) ([]byte, error) {
	for n > 0 {
		step := min(n, max(len(buf), largeStep))
		buf = slices.Grow(buf, step)
		m, err := io.ReadFull(r, buf[len(buf):len(buf)+step])
		buf, n = buf[:len(buf)+m], n-m
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// Write implements io.Writer: p goes out in pieces.
func (s *compressed) Write(p []byte) (int, error) {
	for at := 0; at < len(p); {
		piece := p[at:min(len(p), at+squeezedPiece)]
		if err := s.writePiece(piece); err != nil {
			return at, err
		}
		at += len(piece)
	}
	return len(p), nil
}

func (s *compressed) writePiece(piece []byte) error {
	s.out = append(s.out[:0], make([]byte, squeezedHeader)...)
	before := 0
	if len(piece) >= squeezedMin {
		var err error
		if s.out, err = s.codec.pack(s.out, piece); err != nil {
			return err
		}
		before = len(piece)
	}
	if before == 0 || len(s.out)-squeezedHeader >= len(piece) { // it does not get shorter
		s.out = append(s.out[:squeezedHeader], piece...)
		before = 0
	}
	n := len(s.out) - squeezedHeader
	copy(s.out, []byte{byte(n), byte(n >> 8), byte(n >> 16), s.seq, byte(before), byte(before >> 8), byte(before >> 16)})
	s.seq++
	_, err := s.under.Write(s.out)
	return err
}
