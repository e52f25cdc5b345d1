package cut

// pair.go: one connection through the forwarder, that is two of TCP.

import (
	"io"
	"net"
)

// pair is a connection of Serval's and the one to the server that belongs to it. The forwarder's mutex guards all but the
// sockets' own work.
type pair struct {
	client, server *net.TCPConn // server is nil until connected

	ended     bool
	gone      chan struct{} // closed when ended
	forgotten bool          // held for ever
	stopped   bool          // by HoldBefore
}

// reset ends both connections so that the other sides see an error and no end. The forwarder is locked.
func (p *pair) reset() {
	if p.ended {
		return
	}
	p.ended = true
	close(p.gone)
	for _, c := range []*net.TCPConn{p.client, p.server} {
		if c != nil {
			_ = c.SetLinger(0) // fails when the other side was faster
			_ = c.Close()
		}
	}
}

// pump forwards one direction until its end, or until the pair is reset. An end is forwarded like data.
func (f *Forwarder) pump(p *pair, from, to *net.TCPConn, d Direction) {
	block := make([]byte, 32<<10)
	for {
		n, err := from.Read(block)
		if !f.forward(p, to, block[:n], d) {
			return
		}
		if err == io.EOF {
			_ = to.CloseWrite() // fails when to is gone, and then that is known there
			return
		}
		if err != nil {
			f.end(p)
			return
		}
	}
}

// forward writes data when the direction is open; false says that the pair is over.
func (f *Forwarder) forward(p *pair, to *net.TCPConn, data []byte, d Direction) bool {
	for first := true; first || len(data) > 0; first = false {
		if !f.await(p, d) {
			return false
		}
		now, later := data, []byte(nil)
		if d == ToServer {
			now, later = f.split(p, data)
		}
		if _, err := to.Write(now); err != nil && len(now) > 0 {
			f.end(p)
			return false
		}
		data = later
	}
	return true
}

// end resets a pair of which one side has failed.
func (f *Forwarder) end(p *pair) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.reset()
}
