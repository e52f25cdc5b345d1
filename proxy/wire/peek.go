//go:build unix

package wire

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// peek.go: noticing that a peer has gone, without a round trip and without consuming anything.

// peeker keeps what Gone needs from one call to the next.
type peeker struct {
	raw syscall.RawConn
}

// Gone tells, without blocking, whether the peer has closed or reset the connection: nil when it is there, whether or
// not it has sent something. It may be called beside a reader and a writer, but not twice at once. Connections that
// are no sockets (pipes) are never gone.
func (c *Conn) Gone() error {
	_, err := c.peekSocket()
	return err
}

// Quiet tells, without blocking, whether a connection that should have nothing to say is fit for use: the peer has
// not closed it and has sent nothing. For idle backend connections, where a byte that comes unasked is the server's
// goodbye.
func (c *Conn) Quiet() error {
	if c.Buffered() > 0 {
		return errors.New("wire: unread bytes on an idle connection")
	}
	n, err := c.peekSocket()
	if err == nil && n > 0 {
		return errors.New("wire: unexpected bytes on an idle connection")
	}
	return err
}

// peekSocket looks at the next byte that could be read.
func (c *Conn) peekSocket() (n int, err error) {
	if c.peek.raw == nil {
		s, ok := socketOf(c.nc).(syscall.Conn)
		if !ok {
			return 0, nil
		}
		if c.peek.raw, err = s.SyscallConn(); err != nil {
			return 0, fmt.Errorf("wire: %w", err)
		}
	}
	var failure error
	err = c.peek.raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, failure = syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	switch {
	case err != nil: // closed by ourselves
		return 0, fmt.Errorf("wire: %w", err)
	case failure == syscall.EAGAIN || failure == syscall.EINTR:
		return 0, nil
	case failure != nil:
		return 0, fmt.Errorf("wire: peek: %w", failure)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// socketOf is the socket below a wrapped connection such as *tls.Conn.
func socketOf(nc net.Conn) net.Conn {
	if w, ok := nc.(interface{ NetConn() net.Conn }); ok {
		return w.NetConn()
	}
	return nc
}
