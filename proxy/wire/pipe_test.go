package wire

import (
	"io"
	"net"
	"time"
)

// pipe_test.go: connections made of memory, for tests.

// memConn is a net.Conn that reads from in, at most step bytes a time (0: as many as asked for), and keeps what is
// written. failAfter > 0 makes the write that passes so many bytes fail.
type memConn struct {
	in        []byte
	step      int
	out       []byte
	discard   bool
	failAfter int
	reads     int
	writes    int
}

func (m *memConn) Read(p []byte) (int, error) {
	m.reads++
	if len(m.in) == 0 {
		return 0, io.EOF
	}
	if m.step > 0 && len(p) > m.step {
		p = p[:m.step]
	}
	n := copy(p, m.in)
	m.in = m.in[n:]
	return n, nil
}

func (m *memConn) Write(p []byte) (int, error) {
	m.writes++
	if m.failAfter > 0 && len(m.out)+len(p) > m.failAfter {
		return 0, io.ErrClosedPipe
	}
	if !m.discard {
		m.out = append(m.out, p...)
	}
	return len(p), nil
}

func (m *memConn) Close() error                     { return nil }
func (m *memConn) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (m *memConn) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7)} }
func (m *memConn) SetDeadline(time.Time) error      { return nil }
func (m *memConn) SetReadDeadline(time.Time) error  { return nil }
func (m *memConn) SetWriteDeadline(time.Time) error { return nil }

// frames builds the bytes of packets numbered from seq on.
func frames(seq uint8, payloads ...[]byte) []byte {
	var out []byte
	for _, p := range payloads {
		for {
			n := min(len(p), maxFrame)
			out = append(out, byte(n), byte(n>>8), byte(n>>16), seq)
			out = append(out, p[:n]...)
			p = p[n:]
			seq++
			if n < maxFrame {
				break
			}
		}
	}
	return out
}

// patterned is n bytes that differ from their neighbours and begin with a short string's length.
func patterned(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i*7 + i>>8 + 1)
	}
	if n > 0 {
		p[0] = 1
	}
	return p
}
