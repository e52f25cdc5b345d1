package proxy

// pins.go: what ties a session to one connection of a group. A temporary table, a named lock, LOCK TABLES, an open
// HANDLER live on a server's connection and cannot be carried to another: while a session has one of them in
// a group, every statement of it in that group runs on that connection, in and outside of transactions. When the last
// of them is gone the connection goes back to its pool, to be reset before its next use. A pinned connection that
// breaks takes them along; the client is told once, and nothing is tried again on another connection behind its back.
//
// Pins belong to the session's goroutine; what others see of them is the text that notePins leaves in process.

import (
	"slices"
	"sort"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/wire"
)

// pinKind is a sort of thing that pins.
type pinKind string

// The kinds, as metrics and SHOW PROCESSLIST call them.
const (
	pinTemporary pinKind = "temporary table"
	pinLock      pinKind = "named lock"
	pinTables    pinKind = "lock tables"
	pinHandler   pinKind = "handler"
	pinProcedure pinKind = "procedure"
	pinStatement pinKind = "statement" // for as long as it runs: what it makes is not known yet
)

// pinReason is one thing that pins: "temporary table shop.t".
type pinReason struct {
	kind pinKind
	name string
}

func (r pinReason) String() string {
	if r.name == "" {
		return string(r.kind)
	}
	return string(r.kind) + " " + r.name
}

// pinned is a session's own connection in one group.
type pinned struct {
	group   string
	conn    *backend.Conn
	reasons map[pinReason]bool
}

// pin ties the session to a connection of a group: its transaction's, or one that is taken from the pool.
func (c *session) pin(group string, r pinReason) error {
	if p := c.pins[group]; p != nil {
		c.addReason(p, r)
		return nil
	}
	conn, err := c.connToPin(group)
	if err != nil {
		return err
	}
	c.pinConn(conn, r)
	c.letGo(conn) // until a statement runs on it
	return nil
}

func (c *session) connToPin(group string) (*backend.Conn, error) {
	if b := c.txn.in(group); b != nil {
		return b.Conn, nil
	}
	return c.borrow(group, "")
}

// pinConn ties the session to a connection that it has in its hands.
func (c *session) pinConn(conn *backend.Conn, r pinReason) {
	group := conn.Node().Group()
	p := c.pins[group]
	if p == nil {
		if c.pins == nil {
			c.pins = map[string]*pinned{}
		}
		p = &pinned{group: group, conn: conn, reasons: map[pinReason]bool{}}
		c.pins[group] = p
		conn.Keep()
		c.srv.notePinned(p, c.id)
	}
	c.addReason(p, r)
}

func (c *session) addReason(p *pinned, r pinReason) {
	if p.reasons[r] {
		return
	}
	p.reasons[r] = true
	c.srv.metrics.Pinned(string(r.kind), 1)
	if r.kind != pinStatement {
		c.srv.log.Debug("session pinned", "session", c.id, "group", p.group, "reason", r.String())
	}
	c.notePins()
}

// unpin takes one reason away. Without any left the connection is the pool's again, as soon as no statement and no
// transaction uses it.
func (c *session) unpin(group string, r pinReason) {
	p := c.pins[group]
	if p == nil || !p.reasons[r] {
		return
	}
	c.removeReason(p, r)
	if len(p.reasons) == 0 {
		c.removePin(p)
		if c.txn.of(p.conn) == nil && !c.works(p.conn) {
			p.conn.Release() // resets what was kept, before its next use
		}
	}
	c.notePins()
}

func (c *session) removeReason(p *pinned, r pinReason) {
	delete(p.reasons, r)
	c.srv.metrics.Pinned(string(r.kind), -1)
	if r.kind != pinStatement {
		c.srv.log.Debug("session unpinned", "session", c.id, "group", p.group, "reason", r.String())
	}
}

// removePin forgets a pin with all its reasons; its connection is the caller's to give up.
func (c *session) removePin(p *pinned) {
	for r := range p.reasons {
		c.removeReason(p, r)
	}
	delete(c.pins, p.group)
	c.srv.forgetPinned(p)
	c.forgetPinned(p.group)
}

// forgetPinned drops what the session knows of things that were on a pinned connection.
func (c *session) forgetPinned(group string) {
	c.temporaries.forget(group)
	if c.lockedGroup == group {
		c.lockedGroup = ""
	}
	if group == c.lockGroup() {
		c.locks = nil
	}
	for alias, h := range c.handlers {
		if h.Shards[0].Group == group {
			delete(c.handlers, alias)
		}
	}
}

// unpinAll ends everything that pins, as COM_RESET_CONNECTION and COM_CHANGE_USER do: at once, since others may wait
// for the locks. The caller has ended the transaction.
func (c *session) unpinAll() {
	for _, p := range c.pins {
		c.removePin(p)
		conn := p.conn
		if err := c.hold(conn); err != nil {
			conn.Discard()
			continue
		}
		conn.Reset()
		c.giveBack(conn)
	}
	c.notePins()
}

// pinOf is the pin that a connection is, nil when it is none.
func (c *session) pinOf(conn *backend.Conn) *pinned {
	for _, p := range c.pins {
		if p.conn == conn {
			return p
		}
	}
	return nil
}

// losePin forgets a pin whose connection is being closed.
func (c *session) losePin(conn *backend.Conn) {
	if p := c.pinOf(conn); p != nil {
		c.srv.log.Debug("pinned connection lost", "session", c.id, "group", p.group, "reasons", p.String())
		c.removePin(p)
		c.notePins()
	}
}

// pinsAlive looks, without asking them, whether the servers still have the pinned connections. What was on one that is
// gone is lost, and the client hears of it with its next statement, as it would of its one server's connection.
func (c *session) pinsAlive() error {
	for _, p := range c.pins {
		err := p.conn.Quiet()
		if err == nil {
			continue
		}
		lost := p.String()
		c.lose(p.conn)
		return protocolError(codeLostConnection, "HY000", "Lost connection to MySQL server during query (group %s, with the session's %s: %v)", p.group, lost, err)
	}
	return nil
}

// borrowPinned gives the pinned connection for a statement. It is not replaced by another when it is dead.
func (c *session) borrowPinned(p *pinned, state *backend.State) (*backend.Conn, error) {
	if err := c.hold(p.conn); err != nil {
		return nil, err
	}
	err := p.conn.SetState(state)
	switch {
	case err == nil:
		return p.conn, nil
	case serverRefused(err):
		c.letGo(p.conn)
		return nil, err
	}
	conn := p.conn
	c.lose(conn)
	return nil, execFailed(conn, err)
}

// borrowAside takes a pooled connection beside the pinned one, for what must not leave traces there: trying out a SET,
// say, after which the connection is thrown away.
func (c *session) borrowAside(group, database string) (*backend.Conn, error) {
	return c.borrowMore(group, c.state.backend(database))
}

// lose gives up a broken connection, and the transaction with it if it was its.
func (c *session) lose(conn *backend.Conn) {
	if c.txn.of(conn) != nil {
		c.loseTransaction(conn)
	} else {
		c.discard(conn)
	}
}

// onPinned asks the pinned connection of a group something on the session's own behalf. A *wire.Error is the server's
// answer; after another one the connection is lost.
func (c *session) onPinned(group string, ask func(*backend.Conn) error) error {
	p := c.pins[group]
	if p == nil {
		return nil
	}
	if err := c.hold(p.conn); err != nil {
		return err
	}
	err := ask(p.conn)
	if err != nil && !serverRefused(err) {
		c.lose(p.conn)
		return err
	}
	if c.txn.of(p.conn) == nil {
		c.letGo(p.conn)
	}
	return err
}

// works tells whether a statement runs on a connection.
func (c *session) works(conn *backend.Conn) bool {
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	return slices.Contains(c.held, conn)
}

// String lists the reasons.
func (p *pinned) String() string {
	list := make([]string, 0, len(p.reasons))
	for r := range p.reasons {
		list = append(list, r.String())
	}
	sort.Strings(list)
	return strings.Join(list, ", ")
}

// notePins leaves for others what pins the session: SHOW PROCESSLIST shows it.
func (c *session) notePins() {
	var parts []string
	for _, group := range sortedKeys(c.pins) {
		parts = append(parts, "pinned to "+group+": "+c.pins[group].String())
	}
	c.process.setPins(strings.Join(parts, "; "))
}

// notePinned keeps which session has which connection of a server, for IS_USED_LOCK().
func (s *Server) notePinned(p *pinned, session uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pinnedThreads == nil {
		s.pinnedThreads = map[pinnedThread]uint32{}
	}
	s.pinnedThreads[pinnedThread{p.group, p.conn.ThreadID()}] = session
}

func (s *Server) forgetPinned(p *pinned) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pinnedThreads, pinnedThread{p.group, p.conn.ThreadID()})
}

// sessionOfThread is the session that has a server's connection pinned, 0 when none of this Serval's has.
func (s *Server) sessionOfThread(group string, thread uint32) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pinnedThreads[pinnedThread{group, thread}]
}

type pinnedThread struct {
	group  string
	thread uint32
}

// errTablesLocked is the answer to what LOCK TABLES rules out while it holds.
func errTablesLocked(what string) *wire.Error {
	return notSupported("Serval does not support %s while LOCK TABLES holds: UNLOCK TABLES first", what)
}
