// Package cut is a network that a test can break: a TCP forwarder on loopback between Serval and a server.
//
//	f := cut.New(t, server.Addr())  // put f.Addr() into the layout in the server's place
//	f.Hold(cut.FromServer)          // a black hole for what the server says: statements arrive, answers do not
//	f.Pass()                        // the network is back, and what was held arrives
//
// A held direction keeps its connections open, as a network does that loses packets: the end of a connection does not get
// through either. Forget is the network that comes back without the old connections, as behind a firewall that has lost
// its state: the server holds their locks and learns nothing.
package cut

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"testing"
)

// cut.go: the forwarder and its modes; pair.go forwards one connection. It knows nothing of MySQL but where in a packet a
// statement's text begins.

// Direction is what a black hole swallows.
type Direction uint8

// The directions. Both is the sum of the others.
const (
	ToServer   Direction = 1
	FromServer Direction = 2
	Both                 = ToServer | FromServer
)

// Forwarder forwards connections to one server. It is safe for use by many goroutines.
type Forwarder struct {
	target   string
	listener *net.TCPListener
	running  sync.WaitGroup

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when anything below changes
	closed  bool
	refuse  bool
	held    Direction
	before  []byte // see HoldBefore
	pairs   map[*pair]bool
	caught  int
}

// New starts a forwarder that lives as long as the test.
func New(tb testing.TB, target string) *Forwarder {
	tb.Helper()
	f, err := Listen(target)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(f.Close)
	return f
}

// Listen is New for programs that are not tests: the caller calls Close.
func Listen(target string) (*Forwarder, error) {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	f := &Forwarder{target: target, listener: l, changed: make(chan struct{}), pairs: map[*pair]bool{}}
	f.running.Go(f.accept)
	return f, nil
}

// Addr is where the forwarder listens.
func (f *Forwarder) Addr() string { return f.listener.Addr().String() }

// Pass forwards everything, and what was held back. Connections that were forgotten stay so.
func (f *Forwarder) Pass() { f.change(func() { f.refuse, f.held, f.before = false, 0, nil }) }

// Hold makes a black hole: connections stay open and new ones are accepted, nothing is forwarded in the direction. What
// is under way in the moment of the call may still arrive.
func (f *Forwarder) Hold(d Direction) { f.change(func() { f.held = d }) }

// Refuse closes new connections at once and leaves the present ones alone.
func (f *Forwarder) Refuse() { f.change(func() { f.refuse = true }) }

// Reset resets all present connections on both sides, those that are forgotten included.
func (f *Forwarder) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for p := range f.pairs {
		p.reset()
	}
}

// Forget lets new connections pass while the present ones are held for ever, in both directions: neither side learns of
// the other's end, until Reset or Close.
func (f *Forwarder) Forget() {
	f.change(func() {
		f.refuse, f.held, f.before = false, 0, nil
		for p := range f.pairs {
			p.forgotten = true
		}
	})
}

// HoldBefore waits on each connection for a statement that begins with text. What stands before it in the same write is
// forwarded; the statement is held, and the connection with it in both directions, until Reset, Pass or Close.
func (f *Forwarder) HoldBefore(text string) {
	f.change(func() { f.before, f.caught = []byte(text), 0 })
}

// Caught is how many connections HoldBefore has stopped.
func (f *Forwarder) Caught() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.caught
}

// Connections is how many are open.
func (f *Forwarder) Connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.pairs)
}

// Close resets all connections and waits until everything has ended.
func (f *Forwarder) Close() {
	f.change(func() { f.closed = true })
	_ = f.listener.Close()
	f.Reset()
	f.running.Wait()
}

func (f *Forwarder) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	close(f.changed)
	f.changed = make(chan struct{})
}

// accept takes connections until the listener is closed.
func (f *Forwarder) accept() {
	for {
		c, err := f.listener.AcceptTCP()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // this one was gone before it was taken
		}
		f.running.Go(func() { f.serve(c) })
	}
}

// serve forwards one connection until both directions have ended.
func (f *Forwarder) serve(client *net.TCPConn) {
	defer func() { _ = client.Close() }()
	p := &pair{client: client, gone: make(chan struct{})}
	if !f.add(p) {
		return
	}
	defer f.remove(p)
	server, err := net.Dial("tcp", f.target)
	if err != nil {
		f.await(p, FromServer) // that there is no server cannot be seen through a black hole
		return
	}
	defer func() { _ = server.Close() }()
	if !f.connected(p, server.(*net.TCPConn)) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { f.pump(p, p.server, p.client, FromServer) })
	f.pump(p, p.client, p.server, ToServer)
	both.Wait()
}

func (f *Forwarder) add(p *pair) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse || f.closed {
		return false
	}
	f.pairs[p] = true
	return true
}

func (f *Forwarder) connected(p *pair, server *net.TCPConn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.server = server
	return !p.ended
}

func (f *Forwarder) remove(p *pair) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pairs, p)
}

// await returns when the direction is open for p; false says that p has been reset.
func (f *Forwarder) await(p *pair, d Direction) bool {
	for {
		f.mu.Lock()
		changed, ended := f.changed, p.ended
		held := p.forgotten || f.held&d != 0 || p.stopped && f.before != nil
		f.mu.Unlock()
		if ended {
			return false
		}
		if !held {
			return true
		}
		select {
		case <-changed:
		case <-p.gone:
			return false
		}
	}
}

// split is what of data may be forwarded before the connection is stopped; all of it where nothing is to be stopped.
func (f *Forwarder) split(p *pair, data []byte) (now, later []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.before == nil {
		return data, nil
	}
	at := bytes.Index(data, f.before) - statementOffset
	if at < 0 {
		return data, nil
	}
	p.stopped = true
	f.caught++
	return data[:at], data[at:]
}

// statementOffset is where a statement's text begins in its packet: after the header of 4 bytes and the command.
const statementOffset = 5
