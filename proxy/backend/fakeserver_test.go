package backend

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"serval/config"
	"serval/proxy/wire"
)

// fakeserver_test.go: a server that logs in everybody, writes down every command and answers OK, or what a test told
// it to answer. It is built on wire only.

type fakeServer struct {
	t    testing.TB
	addr string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	commands []string             // "Q SET NAMES x", "D shop", "R", "X" (quit)
	logins   int                  // connections that were logged in
	caps     []uint32             // what each login asked for
	answers  map[string]fakeReply // by command
	hang     bool                 // accept and say nothing
	wait     sync.WaitGroup
}

// fakeReply is an error, or rows of one column each, nil for NULL.
type fakeReply struct {
	err  *wire.Error
	rows []any
}

func startFake(t testing.TB) *fakeServer {
	f := &fakeServer{t: t, addr: "127.0.0.1:0", conns: map[net.Conn]bool{}, answers: map[string]fakeReply{}}
	f.start()
	t.Cleanup(f.stop)
	return f
}

// start listens, at the same address as before if it was stopped.
func (f *fakeServer) start() {
	f.t.Helper()
	l, err := net.Listen("tcp", f.addr)
	if err != nil {
		f.t.Fatal(err)
	}
	f.mu.Lock()
	f.listener, f.addr = l, l.Addr().String()
	f.mu.Unlock()
	f.wait.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns[nc] = true
			f.mu.Unlock()
			f.wait.Go(func() { f.serve(nc) })
		}
	})
}

// stop ends the server and cuts every connection.
func (f *fakeServer) stop() {
	f.mu.Lock()
	f.listener.Close()
	for nc := range f.conns {
		nc.Close()
	}
	f.mu.Unlock()
	f.wait.Wait()
}

func (f *fakeServer) serve(nc net.Conn) {
	defer func() {
		f.mu.Lock()
		delete(f.conns, nc)
		f.mu.Unlock()
		nc.Close()
	}()
	if f.locked(func() bool { return f.hang }) {
		_, _ = io.Copy(io.Discard, nc)
		return
	}
	c := wire.NewConn(nc)
	if f.login(c) != nil {
		return
	}
	for {
		c.ResetSequence()
		p, err := c.ReadPacket()
		if err != nil {
			return
		}
		if f.command(c, p) != nil {
			return
		}
	}
}

func (f *fakeServer) locked(do func() bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return do()
}

func (f *fakeServer) login(c *wire.Conn) error {
	caps := uint32(wire.CapProtocol41 | wire.CapSecureConnection | wire.CapPluginAuth | wire.CapMultiResults |
		wire.CapFoundRows | wire.CapDeprecateEOF | wire.CapQueryAttributes | wire.CapConnectAttrs | wire.CapSessionTrack |
		wire.CapMultiStatements | wire.CapLocalFiles | wire.CapTransactions | wire.CapLongFlag | wire.CapLongPassword)
	g := append([]byte{10}, "8.0.99-fake\x00"...)
	g = binary.LittleEndian.AppendUint32(g, 77)
	g = append(g, "12345678\x00"...)
	g = binary.LittleEndian.AppendUint16(g, uint16(caps))
	g = append(g, 45, 2, 0)
	g = binary.LittleEndian.AppendUint16(g, uint16(caps>>16))
	g = append(g, 21)
	g = append(g, make([]byte, 10)...)
	g = append(g, "123456789012\x00mysql_native_password\x00"...)
	if err := c.WritePacket(g); err != nil {
		return err
	}
	if err := c.Flush(); err != nil {
		return err
	}
	p, err := c.ReadPacket()
	if err != nil {
		return err
	}
	f.mu.Lock()
	f.logins++
	f.caps = append(f.caps, binary.LittleEndian.Uint32(p))
	reply := f.answers["login"]
	f.mu.Unlock()
	return f.reply(c, reply)
}

func (f *fakeServer) command(c *wire.Conn, p []byte) error {
	text := map[byte]string{wire.ComQuery: "Q ", wire.ComInitDB: "D ", wire.ComResetConnection: "R", wire.ComQuit: "X"}[p[0]] +
		string(p[1:])
	f.mu.Lock()
	f.commands = append(f.commands, text)
	reply := f.answers[text]
	f.mu.Unlock()
	if text == "X" {
		return io.EOF
	}
	return f.reply(c, reply)
}

func (f *fakeServer) reply(c *wire.Conn, r fakeReply) error {
	switch {
	case r.err != nil:
		_ = c.WriteError(r.err)
	case r.rows != nil:
		_ = c.WritePacket([]byte{1})
		_ = c.WritePacket(wire.AppendColumn(nil, &wire.Column{Catalog: []byte("def"), Name: []byte("c"), Type: wire.TypeVarString}))
		_ = c.WriteColumnsEnd(0, wire.StatusAutocommit)
		for _, v := range r.rows {
			if v == nil {
				_ = c.WritePacket(wire.AppendNull(nil))
			} else {
				_ = c.WritePacket(wire.AppendLenEncString(nil, v.(string)))
			}
		}
		_ = c.WriteRowsEnd(0, wire.StatusAutocommit)
	default:
		_ = c.WriteOK(&wire.OK{Status: wire.StatusAutocommit, AffectedRows: 1})
	}
	return c.Flush()
}

func (f *fakeServer) answer(command string, r fakeReply) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[command] = r
}

// said gives the commands since the last call, without the SET NAMES of new connections and goodbyes.
func (f *fakeServer) said() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, c := range f.commands {
		if c != "X" {
			out = append(out, c)
		}
	}
	f.commands = nil
	return strings.Join(out, "; ")
}

func (f *fakeServer) count(what func() int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return what()
}

// open makes a cluster of one group "g0" before the server.
func (f *fakeServer) open(p config.Pool) (*Cluster, *Node) {
	return openAt(f.t, config.Node{Address: f.addr, User: "u", Password: "p", Pool: p})
}

func openAt(t testing.TB, n config.Node) (*Cluster, *Node) {
	c := Open([]config.Group{{Name: "g0", Primary: n}}, nil)
	t.Cleanup(c.Close)
	return c, c.Group("g0").Primary()
}

// eventually waits for what another goroutine is about to do.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(3 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("did not happen: %s", what)
		}
	}
}
