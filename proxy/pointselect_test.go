package proxy

// pointselect_test.go: what a single-shard point select costs in the proxy, from the client's bytes to the answer's:
// no parse, no decoding of rows, hardly an allocation. The server behind is a few lines that always give one row, so
// that only the proxy's work is seen.

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"serval/config"
	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
)

// oneRowServer answers every SELECT with one row and everything else with OK.
type oneRowServer struct{ listener net.Listener }

func startOneRowServer(tb testing.TB) *oneRowServer {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &oneRowServer{l}
	go s.accept()
	tb.Cleanup(func() { l.Close() })
	return s
}

func (s *oneRowServer) accept() {
	for {
		nc, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.serve(wire.NewConn(nc))
	}
}

func (s *oneRowServer) serve(c *wire.Conn) {
	defer c.Close()
	keys, err := wire.NewRSAKeys()
	if err != nil {
		return
	}
	h := &wire.Handshake{ServerVersion: "9.7.4", ConnectionID: 1, Status: wire.StatusAutocommit, Keys: keys,
		Passwords: func(string) (string, bool) { return "", true }}
	if _, err := h.Accept(c); err != nil {
		return
	}
	ok := wire.AppendOK(nil, &wire.OK{Status: wire.StatusAutocommit})
	column := wire.AppendColumn(nil, &wire.Column{Catalog: []byte("def"), Schema: []byte("shop_1"), Table: []byte("users"),
		OrgTable: []byte("users_1"), Name: []byte("name"), OrgName: []byte("name"), Charset: 45, Length: 80, Type: wire.TypeVarString})
	eof := wire.AppendEOF(nil, 0, wire.StatusAutocommit)
	binaryRow := wire.AppendLenEncBytes([]byte{0, 0}, []byte("somebody's name"))
	answer := [][]byte{{1}, column, eof, wire.AppendLenEncBytes(nil, []byte("somebody's name")), eof}
	for c.WritePacket(ok) == nil && c.Flush() == nil {
		for {
			c.ResetSequence()
			p, err := c.ReadPacket()
			if err != nil {
				return
			}
			switch {
			case p[0] == wire.ComStmtPrepare:
				if writeAll(c, wire.AppendPrepareOK(nil, 7, 1, 1, 0), column, eof, column, eof) != nil {
					return
				}
				continue
			case p[0] == wire.ComStmtExecute:
				if writeAll(c, []byte{1}, column, eof, binaryRow, eof) != nil {
					return
				}
				continue
			}
			if !bytes.HasPrefix(p[1:], []byte("SELECT")) {
				break
			}
			if writeAll(c, answer...) != nil {
				return
			}
		}
	}
}

func writeAll(c *wire.Conn, packets ...[]byte) error {
	for _, p := range packets {
		if err := c.WritePacket(p); err != nil {
			return err
		}
	}
	return c.Flush()
}

// startPointSelect starts a proxy before such a server, with users sharded by user_id, and logs a client in.
func startPointSelect(tb testing.TB) *wire.Conn {
	tb.Helper()
	node := config.Node{Address: startOneRowServer(tb).listener.Addr().String(), User: "app", Pool: config.Pool{Max: 10, MaxIdle: 10}}
	cfg := &config.Config{Listeners: []config.Listener{{Address: "127.0.0.1:0"}}, Users: []config.User{{Name: "app", Password: "app"}},
		Groups: []config.Group{{Name: "g0", Primary: node}}, PlanCache: 100, MaxPrepared: 10, MaxPacket: 1 << 20}
	s := NewServer(cfg, slog.New(slog.DiscardHandler))
	keys, err := wire.NewRSAKeys()
	if err != nil {
		tb.Fatal(err)
	}
	s.keys, s.sha2 = keys, &wire.SHA2Cache{}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.cluster = backend.Open(cfg.Groups, s.log)
	s.known.Store(&knowledge{catalog: pointSelectCatalog(tb), plans: newPlanCache(cfg.PlanCache, &s.planCounters), flavor: flavor{version: "9.7.4"}, shapes: newShapeCache()})
	if err := s.listen(); err != nil {
		tb.Fatal(err)
	}
	s.running.Go(func() { s.accept(s.listeners[0]) })
	tb.Cleanup(func() { s.Close() })
	return loggedIn(tb, s.Addr().String())
}

func pointSelectCatalog(tb testing.TB) *router.Catalog {
	tb.Helper()
	alg, err := router.NewHashMod(4)
	if err != nil {
		tb.Fatal(err)
	}
	t := &router.Table{Database: "shop", Name: "users", Kind: router.Sharded, Key: "user_id", Algorithm: alg,
		Columns: []router.Column{{Name: "user_id", DataType: "bigint"}, {Name: "name", DataType: "varchar"}}}
	for _, i := range []string{"0", "1", "2", "3"} {
		t.Shards = append(t.Shards, router.Shard{Group: "g0", Database: "shop_" + i, Table: "users_" + i})
	}
	t.Seal()
	d := &router.Database{Name: "shop", DefaultGroup: "g0", Physical: "shop", Tables: map[string]*router.Table{"users": t}}
	return &router.Catalog{Groups: []string{"g0"}, Databases: map[string]*router.Database{"shop": d}}
}

func loggedIn(tb testing.TB, addr string) *wire.Conn {
	tb.Helper()
	c, err := client.Connect(addr, "app", "app", "shop", func(c *client.Conn) error {
		c.UnsetCapability(mysql.CLIENT_DEPRECATE_EOF | mysql.CLIENT_QUERY_ATTRIBUTES)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	conn := wire.NewConn(c.Conn.Conn)
	tb.Cleanup(func() { conn.Close() })
	return conn
}

// ask sends a query and reads its answer up to the second EOF.
func ask(tb testing.TB, c *wire.Conn, query []byte) {
	c.ResetSequence()
	if err := c.WritePacket(query); err != nil {
		tb.Fatal(err)
	}
	if err := c.Flush(); err != nil {
		tb.Fatal(err)
	}
	for eofs := 0; eofs < 2; {
		p, err := c.ReadPacket()
		if err != nil || wire.IsError(p) {
			tb.Fatalf("%q %v", p, err)
		}
		if wire.IsEOF(p) {
			eofs++
		}
	}
}

var pointSelect = []byte("\x03SELECT name FROM users WHERE user_id = 4242 AND name > 'a'")

func TestPointSelectAllocations(t *testing.T) {
	c := startPointSelect(t)
	ask(t, c, pointSelect)
	if n := testing.AllocsPerRun(500, func() { ask(t, c, pointSelect) }); n >= 15 {
		t.Errorf("a point select allocates %v times, client and server included", n)
	}
}

func BenchmarkPointSelect(b *testing.B) {
	c := startPointSelect(b)
	ask(b, c, pointSelect)
	b.ReportAllocs()
	for b.Loop() {
		ask(b, c, pointSelect)
	}
}

// startPrepared prepares the point select, and returns an execution of it.
func startPrepared(tb testing.TB) (c *wire.Conn, execute []byte) {
	tb.Helper()
	c = startPointSelect(tb)
	ask(tb, c, []byte("\x16SELECT name FROM users WHERE user_id = ?")) // two lists of definitions, each with its EOF
	execute = []byte{wire.ComStmtExecute, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, wire.TypeLongLong, 0, 42, 0, 0, 0, 0, 0, 0, 0}
	ask(tb, c, execute)
	return c, execute
}

func TestPreparedPointSelectAllocations(t *testing.T) {
	c, execute := startPrepared(t)
	if n := testing.AllocsPerRun(500, func() { ask(t, c, execute) }); n >= 15 {
		t.Errorf("a prepared point select allocates %v times, client and server included", n)
	}
}

func BenchmarkPreparedPointSelect(b *testing.B) {
	c, execute := startPrepared(b)
	b.ReportAllocs()
	for b.Loop() {
		ask(b, c, execute)
	}
}
