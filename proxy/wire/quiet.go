package wire

import "errors"

// quiet.go: is the peer still there? Asked without a round trip, without blocking and without consuming anything; how
// a socket is looked at is in peek.go.

var errUnexpectedBytes = errors.New("wire: unexpected bytes on an idle connection")

// Gone tells, without blocking, whether the peer has closed or reset the connection: nil when it is there, whether or
// not it has sent something. It may be called beside a reader and a writer, but not twice at once. Connections that
// are no sockets (pipes) are never gone.
func (c *Conn) Gone() error {
	n, err := c.peekSocket()
	if err != nil || n == 0 {
		return err
	}
	return c.hungUp()
}

// Quiet tells, without blocking, whether a connection that should have nothing to say is fit for use: the peer has
// not closed it and has sent nothing. For idle backend connections, where a byte that comes unasked is the server's
// goodbye. It allocates nothing after the first call.
func (c *Conn) Quiet() error {
	if c.Buffered() > 0 {
		return errUnexpectedBytes
	}
	n, err := c.peekSocket()
	if err == nil && n > 0 {
		return errUnexpectedBytes
	}
	return err
}
