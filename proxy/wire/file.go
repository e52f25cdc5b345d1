package wire

import (
	"errors"
	"io"
)

// file.go: both ends of LOAD DATA LOCAL INFILE for a proxy that looks into the file: the client's as a stream of bytes,
// and a file for a backend that is in memory.

// ErrLocalFile is a backend that asks for no file where it should, or for one twice.
var ErrLocalFile = errors.New("wire: the backend's answer is no question for a file")

// filePiece is how much of a file one packet for a backend has: less than the least max_allowed_packet in use.
const filePiece = bufferSize

// File is what a client sends after it was asked for its file.
type File struct {
	c      *Conn
	left   int  // of the frame that is being read
	joined bool // the next frame continues a packet
	ended  bool
}

// AskFile passes a backend's question for a file on to a client and gives what it sends: a stream that ends with io.EOF. It
// has to be read to its end before the client can be told anything.
func (c *Conn) AskFile(question []byte) (*File, error) {
	if err := errors.Join(c.WritePacket(question), c.Flush()); err != nil {
		return nil, err
	}
	return &File{c: c}, nil
}

// Read implements io.Reader.
func (f *File) Read(p []byte) (n int, err error) {
	for n < len(p) && !f.ended {
		if f.left == 0 {
			if n > 0 && f.c.Buffered() < headerSize { // what is there is given before more is waited for
				return n, nil
			}
			if err := f.frame(); err != nil {
				return n, err
			}
			continue
		}
		if f.c.Buffered() == 0 {
			if n > 0 {
				return n, nil
			}
			if err := f.c.fill(1); err != nil {
				return n, noCleanEOF(err)
			}
		}
		k := copy(p[n:min(len(p), n+f.left)], f.c.rbuf[f.c.r:f.c.w])
		f.c.r += k
		f.left -= k
		n += k
	}
	if n == 0 && f.ended {
		return 0, io.EOF
	}
	return n, nil
}

// frame begins the next frame; the empty packet ends the file.
func (f *File) frame() error {
	length, err := f.c.peekHeader()
	if err != nil {
		return noCleanEOF(err)
	}
	f.c.skipHeader()
	if f.left = length; length == 0 && !f.joined {
		f.ended = true
		f.c.seq--
		f.c.nextSequence()
	}
	f.joined = length == maxFrame
	return nil
}

// Drain reads what is left of the file.
func (f *File) Drain() error {
	var room [4096]byte
	for {
		switch _, err := f.Read(room[:]); err {
		case nil:
		case io.EOF:
			return nil
		default:
			return err
		}
	}
}

// FileQuestion reads how a backend answers a LOAD DATA LOCAL: with the question for its file, which is valid until the
// next read. A *Error is the server's refusal.
func (c *Conn) FileQuestion() ([]byte, error) {
	p, err := c.ReadPacket()
	if err != nil {
		return nil, noCleanEOF(err)
	}
	if IsError(p) {
		e, err := ParseError(p)
		if err != nil {
			return nil, err
		}
		return nil, e
	}
	if !IsLocalInfile(p) {
		return nil, ErrLocalFile
	}
	return p, nil
}

// GiveFile sends a backend the file that it has asked for, and reads its answer. A *Error is the server's.
func (c *Conn) GiveFile(data []byte) (OK, error) {
	for len(data) > 0 {
		n := min(len(data), filePiece)
		if err := c.WritePacket(data[:n]); err != nil {
			return OK{}, err
		}
		data = data[n:]
	}
	if err := errors.Join(c.WritePacket(nil), c.Flush()); err != nil {
		return OK{}, err
	}
	p, err := c.ReadPacket()
	switch {
	case err != nil:
		return OK{}, noCleanEOF(err)
	case IsError(p):
		e, err := ParseError(p)
		if err != nil {
			return OK{}, err
		}
		return OK{}, e
	case IsOK(p):
		ok, err := ParseOK(p)
		ok.Info, ok.Track = append([]byte(nil), ok.Info...), append([]byte(nil), ok.Track...)
		return ok, err
	}
	return OK{}, malformed("answer to a file", p)
}
