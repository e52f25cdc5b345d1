//go:build unix

package wire

import (
	"fmt"
	"io"
	"net"
	"syscall"
)

// peek.go: looking at a socket's next byte. Control is used and not Read, since Read would wait for a goroutine that
// is blocked in reading.

// peeker keeps what peekSocket needs from one call to the next, so that it allocates once per connection.
type peeker struct {
	raw  syscall.RawConn
	look func(fd uintptr) // sets n and err
	n    int
	err  error
}

// peekSocket returns how many bytes (0 or 1) can be read at once, or the error that a read would give.
func (c *Conn) peekSocket() (n int, err error) {
	p := &c.peek
	if p.raw == nil {
		s, ok := socketOf(c.nc).(syscall.Conn)
		if !ok {
			return 0, nil
		}
		if p.raw, err = s.SyscallConn(); err != nil {
			return 0, fmt.Errorf("wire: %w", err)
		}
		p.look = func(fd uintptr) {
			var b [1]byte
			p.n, _, p.err = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		}
	}
	if err := p.raw.Control(p.look); err != nil { // closed by ourselves
		return 0, fmt.Errorf("wire: %w", err)
	}
	switch {
	case p.err == syscall.EAGAIN || p.err == syscall.EINTR:
		return 0, nil
	case p.err != nil:
		return 0, fmt.Errorf("wire: peek: %w", p.err)
	case p.n == 0:
		return 0, io.EOF
	}
	return p.n, nil
}

// socketOf is the socket below a wrapped connection such as *tls.Conn.
func socketOf(nc net.Conn) net.Conn {
	for {
		w, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			return nc
		}
		nc = w.NetConn()
	}
}
