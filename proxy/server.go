// Package proxy is Serval's server: it accepts clients, plans and carries out their statements on the groups, and
// answers. Its sub-packages know the wire, the servers behind, the merging of results and what operators look at;
// this one puts them together, one session per client.
package proxy

// server.go: what lives as long as the process: listeners, sessions, the cluster, the catalog.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"serval/config"
	"serval/proxy/admin"
	"serval/proxy/backend"
	"serval/proxy/ddl"
	"serval/proxy/sequence"
	"serval/proxy/txn"
	"serval/proxy/wire"
	"serval/router"
)

// catalogRetry is how often servers that could not be read are tried again.
const catalogRetry = 2 * time.Second

// loginTimeout bounds a client's connection phase.
const loginTimeout = 10 * time.Second

// Server serves clients by a configuration. Start it once, Close it once.
type Server struct {
	cfg     *config.Config
	log     *slog.Logger
	metrics *admin.Metrics // nil: nobody looks

	started   time.Time
	questions atomic.Uint64 // statements that clients have sent

	cluster      *backend.Cluster
	txns         *txn.Manager
	schemas      *ddl.Store
	schemaSeen   atomic.Uint64 // the catalog's version that known has, 0: not known
	ids          *sequence.Service
	planner      *router.Planner
	known        atomic.Pointer[knowledge]
	version      atomic.Uint64 // of the last catalog
	planCounters cacheCounters
	statements   statementCount // prepared by clients
	incomplete   atomic.Bool    // a server could not be read for the catalog
	keys         *wire.RSAKeys
	sha2         *wire.SHA2Cache
	charsets     charsetTables

	ctx       context.Context // ends when Close begins
	cancel    context.CancelFunc
	listeners []*listener
	running   sync.WaitGroup // accept loops, sessions, watchers, admin

	mu       sync.Mutex
	sessions map[uint32]*session
	lastID   uint32

	spreading   atomic.Int64  // transactions that have several groups now
	spreadCount atomic.Uint64 // that had, since the start

	pinnedThreads map[pinnedThread]uint32 // the servers' connections that sessions are pinned to

	reloads  rounds
	stale    staleDatabases
	adminSrv *admin.Server
}

// NewServer makes a server; nothing is opened before Start.
func NewServer(cfg *config.Config, log *slog.Logger) *Server {
	s := &Server{cfg: cfg, log: log, planner: router.NewPlanner(), sessions: map[uint32]*session{}, metrics: admin.NewMetrics()}
	s.statements.limit = int64(cfg.MaxPrepared)
	return s
}

// Start reads the catalog from the servers and begins to listen. ctx bounds the start only.
func (s *Server) Start(ctx context.Context) error {
	keys, err := wire.NewRSAKeys()
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	s.keys, s.sha2 = keys, &wire.SHA2Cache{}
	for _, u := range s.cfg.Users { // known from the start, so that clients without the public key can log in
		s.sha2.Remember(u.Name, u.Password)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.started = time.Now()
	s.cluster = backend.Open(s.cfg.Groups, s.log)
	s.txns = txn.New(s.cluster, s.cfg.Transactions, s.log)
	s.schemas = ddl.NewStore(s.cluster, s.cfg.Transactions.Database, s.log)
	if v, err := s.schemas.Version(ctx); err == nil { // before the tables are read; a server that cannot be asked is looked at later
		s.schemaSeen.Store(v)
	}
	s.ids = sequence.New(s.ctx, &s.running, s.cluster, s.cfg.IDs, s.cfg.Transactions.Database, s.log)
	if err := s.reload(ctx); err != nil {
		s.stop()
		return fmt.Errorf("start: %w", err)
	}
	if err := s.listen(); err != nil {
		s.stop()
		return err
	}
	if err := s.startAdmin(); err != nil {
		s.stop()
		return err
	}
	s.running.Go(s.watchClients)
	s.running.Go(func() { s.txns.Run(s.ctx) })
	s.running.Go(func() { s.txns.WatchDeadlocks(s.ctx, s) })
	s.running.Go(s.completeCatalog)
	s.running.Go(s.watchSchemas)
	s.warnUnused()
	for _, l := range s.listeners {
		s.running.Go(func() { s.accept(l) })
		s.log.Info("listening", "address", l.Addr().String())
	}
	return nil
}

// warnUnused says which parts of the configuration have no effect in this version.
func (s *Server) warnUnused() {
	for _, g := range s.cfg.Groups {
		if len(g.Replicas) > 0 {
			s.log.Warn("replicas are not used yet: every statement goes to the primary", "group", g.Name, "replicas", len(g.Replicas))
		}
	}
}

func (s *Server) listen() error {
	for i := range s.cfg.Listeners {
		l, err := listen(&s.cfg.Listeners[i], s.log)
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, l)
	}
	return nil
}

func (s *Server) startAdmin() error {
	s.metrics.WatchPools(s.poolStats)
	s.metrics.WatchTransactions(s.transactionStats)
	s.metrics.WatchPlanCache(s.cacheStats)
	s.metrics.WatchPrepared(s.statements.open.Load)
	if s.cfg.Admin.Address == "" {
		return nil
	}
	s.adminSrv = admin.NewServer(s.cfg.Admin.Address, s.metrics, s.ready, s.log)
	return s.adminSrv.Start()
}

// Addr is the address of the first listener.
func (s *Server) Addr() net.Addr { return s.listeners[0].Addr() }

// Addrs are the addresses of all listeners, in the configuration's order.
func (s *Server) Addrs() []net.Addr {
	addrs := make([]net.Addr, len(s.listeners))
	for i, l := range s.listeners {
		addrs[i] = l.Addr()
	}
	return addrs
}

// AdminAddr is the address of the admin listener, nil when there is none.
func (s *Server) AdminAddr() net.Addr {
	if s.adminSrv == nil {
		return nil
	}
	return s.adminSrv.Addr()
}

// Close ends the server: no more clients, sessions cut off, their transactions rolled back by the servers, all
// connections closed, all goroutines ended.
func (s *Server) Close() error {
	s.stop()
	return nil
}

func (s *Server) stop() {
	if s.cancel == nil { // never started
		return
	}
	s.cancel()
	for _, l := range s.listeners {
		l.Close()
	}
	s.mu.Lock()
	for _, c := range s.sessions {
		s.running.Go(c.stopWork)
	}
	s.mu.Unlock()
	if s.adminSrv != nil {
		s.adminSrv.Close()
	}
	s.running.Wait()
	s.ids.Close()
	s.cluster.Close()
}

// Reload reads the servers' tables again, after they were changed behind Serval's back. Statements in flight keep the
// catalog they began with.
func (s *Server) Reload(ctx context.Context) error {
	if err := s.reload(ctx); err != nil {
		return fmt.Errorf("reload: %w", err)
	}
	s.log.Info("the catalog was read again", "version", s.version.Load())
	return nil
}

// completeCatalog reads the servers again for as long as one of them could not be read.
func (s *Server) completeCatalog() {
	t := time.NewTicker(catalogRetry)
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-t.C:
			if !s.incomplete.Load() {
				continue
			}
			if err := s.reload(s.ctx); err != nil {
				s.log.Warn("the catalog is not complete", "error", err)
			}
		}
	}
}

// reload reads the servers' tables into a new catalog. Schema changes that end while another one's catalog is read share
// the reading after it: one for each would have them wait for all the others.
func (s *Server) reload(ctx context.Context) error {
	s.stale.all()
	return s.reloads.do(func() error { return s.readCatalog(ctx) })
}

// reloadDatabases is reload when nothing else than the tables of these databases has changed.
func (s *Server) reloadDatabases(ctx context.Context, names []string) error {
	s.stale.add(names)
	return s.reloads.do(func() error { return s.readCatalog(ctx) })
}

// readCatalog is called by reload only, one at a time.
func (s *Server) readCatalog(ctx context.Context) error {
	f, err := readFlavor(ctx, s.cluster)
	if err != nil {
		return err
	}
	changed := s.stale.take()
	var before *router.Catalog
	if k := s.known.Load(); k != nil {
		before = k.catalog
	}
	if before == nil || s.incomplete.Load() {
		changed = nil
	}
	cat, complete, err := makeCatalog(ctx, s.cfg, s.cluster, s.log, before, changed, s.version.Add(1))
	if err != nil {
		s.stale.all()
		return err
	}
	hidden, err := readHiddenWriters(ctx, s.cluster)
	if err != nil {
		complete = false
		s.log.Warn("triggers and routines could not be read: user variables that they assign are not known", "error", err)
	}
	s.incomplete.Store(!complete)
	s.known.Store(&knowledge{catalog: cat, plans: newPlanCache(s.cfg.PlanCache, &s.planCounters), flavor: f, shapes: newShapeCache(), hidden: hidden, procedures: &procedureCache{}, sources: sourcesOf(cat)})
	return nil
}

// accept takes clients from a listener until it is closed.
func (s *Server) accept(l *listener) {
	for {
		nc, err := l.Accept()
		if err != nil {
			if s.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			s.log.Warn("accept failed", "error", err)
			time.Sleep(50 * time.Millisecond) // out of file descriptors: others have to go first
			continue
		}
		s.running.Go(func() { s.serve(l, nc) })
	}
}

// serve owns one client's connection from its first byte to its last.
func (s *Server) serve(l *listener, nc net.Conn) {
	c := s.register(l, nc)
	if c == nil {
		nc.Close()
		return
	}
	defer s.unregister(c)
	defer func() {
		if p := recover(); p != nil { // one client's statement must not end the others
			s.log.Error("a session failed", "panic", p, "session", c.id, "stack", stack())
		}
	}()
	if err := c.login(); err != nil {
		s.log.Debug("login failed", "session", c.id, "client", c.conn.NetConn().RemoteAddr().String(), "error", err)
		return
	}
	s.metrics.SessionOpened()
	defer s.metrics.SessionClosed()
	err := c.run()
	s.log.Debug("session ended", "session", c.id, "user", c.user.Name, "error", err)
}

func (s *Server) register(l *listener, nc net.Conn) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return nil
	}
	s.lastID++
	c := newSession(s, l, nc, s.lastID)
	s.sessions[c.id] = c
	return c
}

func (s *Server) unregister(c *session) {
	c.end()
	s.mu.Lock()
	delete(s.sessions, c.id)
	s.mu.Unlock()
}

// user finds a configured user.
func (s *Server) user(name string) *config.User {
	for i := range s.cfg.Users {
		if s.cfg.Users[i].Name == name {
			return &s.cfg.Users[i]
		}
	}
	return nil
}

// ready says whether statements can be served: the catalog is there (Start made it) and every primary answers.
func (s *Server) ready(ctx context.Context) error {
	for _, g := range s.cluster.Groups() {
		c, err := g.Primary().AcquireOne(ctx, false)
		if err != nil {
			return fmt.Errorf("group %s: %w", g.Name(), err)
		}
		stop := context.AfterFunc(ctx, c.Discard) // a server that hangs must not hold the question up
		_, err = c.Exec("DO 0")
		if stop(); err != nil {
			c.Discard()
			return fmt.Errorf("group %s: %w", g.Name(), err)
		}
		c.Release()
	}
	return nil
}

func (s *Server) poolStats() []admin.PoolStats {
	var out []admin.PoolStats
	for _, g := range s.cluster.Groups() {
		n := g.Primary()
		st := n.Stats()
		out = append(out, admin.PoolStats{Group: g.Name(), Node: n.Address(), InUse: st.InUse, Idle: st.Idle, Max: st.Max, Waiting: st.Waiting, Connects: st.Connects, Errors: st.Errors})
	}
	return out
}

func (s *Server) transactionStats() []admin.TransactionStats {
	var out []admin.TransactionStats
	for _, t := range s.txns.Stats() {
		out = append(out, admin.TransactionStats(t))
	}
	return out
}

func (s *Server) cacheStats() admin.CacheStats {
	p := s.known.Load().plans
	return admin.CacheStats{Entries: p.entries(), Hits: p.hits.Load(), Misses: p.misses.Load(), Evictions: p.evictions.Load()}
}
