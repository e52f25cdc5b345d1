package wire

import (
	"crypto/tls"
	"fmt"
	"net"
)

// transport.go: TLS under a client's connection, begun in the middle of the connection phase
// (page_protocol_connection_phase, "Initial Handshake" with SSL exchange). It knows no files and no certificates.

// startTLS goes over to TLS: what comes next is the client's hello, of which a part may have been read ahead. The
// caller's deadlines bound it.
func (c *Conn) startTLS(config *tls.Config) error {
	ahead := append([]byte(nil), c.rbuf[c.r:c.w]...)
	c.r, c.w = 0, 0
	t := tls.Server(&readAhead{Conn: c.nc, ahead: ahead}, config)
	if err := t.Handshake(); err != nil {
		return fmt.Errorf("wire: TLS: %w", err)
	}
	c.via = t
	c.secure.Store(t)
	return nil
}

// TLS is the state of the connection's TLS, nil without any.
func (c *Conn) TLS() *tls.ConnectionState {
	t := c.secure.Load()
	if t == nil {
		return nil
	}
	s := t.ConnectionState()
	return &s
}

// secureTransport tells whether nobody can listen: TLS or a Unix socket.
func (c *Conn) secureTransport() bool {
	if c.secure.Load() != nil {
		return true
	}
	switch socketOf(c.nc).(type) {
	case *net.UnixConn:
		return true
	}
	_, ok := c.nc.(*tls.Conn)
	return ok
}

// readAhead is a connection of which a part was read already.
type readAhead struct {
	net.Conn
	ahead []byte
}

func (r *readAhead) Read(p []byte) (int, error) {
	if len(r.ahead) == 0 {
		return r.Conn.Read(p)
	}
	n := copy(p, r.ahead)
	if r.ahead = r.ahead[n:]; len(r.ahead) == 0 {
		r.ahead = nil
	}
	return n, nil
}
