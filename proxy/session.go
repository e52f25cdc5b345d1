package proxy

// session.go: one client, from its login to its end. A session is one goroutine that reads a command, carries it out
// and answers; everything in it belongs to that goroutine, but for what the watcher needs (busy, held).

import (
	"errors"
	"fmt"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"serval/config"
	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// keptBuffer is how large a session's scratch buffers may stay between statements.
const keptBuffer = 64 << 10

type session struct {
	srv     *Server
	from    *listener
	socket  *wire.Conn // to the client; cut() closes it from outside
	conn    *wire.Conn // where answers go: socket, but while an answer is caught (capture.go)
	id      uint32
	client  *wire.Client
	user    *config.User
	host    string
	account string // user@host, as USER() gives
	grantee string // user@%, as CURRENT_USER() gives: accounts have no hosts

	db    string // current logical database, "" for none
	state sessionState
	txn   transaction
	next  nextTransaction // of the next transaction

	// what ties the session to connections of its own: see pins.go
	pins        map[string]*pinned // by group
	temporaries temporaries
	locks       map[string]bool          // names of named locks that are held
	lockedGroup string                   // the group in which LOCK TABLES holds
	handlers    map[string]*router.Table // open HANDLERs, by alias
	process     process                  // what others may know of the session
	killing     killing                  // what others may do to it
	spread      spread                   // what others may know of its transaction

	lastInsertID uint64
	rowCount     int64
	found        uint64    // FOUND_ROWS()
	warnings     []warning // of the last statement that was not SHOW WARNINGS
	warned       bool      // warnings are of the COMMIT or ROLLBACK that is being carried out
	more         bool      // further statements of the same command follow
	began        time.Time // when the statement began
	composing    bool      // the answer to the client is not complete: nothing is to be flushed

	statements      map[uint32]*preparedStatement // by number
	lastStatement   uint32
	newest          uint32             // prepared by the last COM_STMT_PREPARE; 0 when that failed or it is closed
	prepared        *preparedStatement // the one being prepared or executed; nil for texts
	execution       execution
	namedStatements map[string]*preparedStatement // by PREPARE, by name in lower case
	byName          *namedExecution               // the EXECUTE being carried out
	made            numbers                       // for the rows of the statement being carried out
	describing      *wire.Prepared                // what relayText is to fill in, in place of asking for the rows

	// scratch of the statement being carried out
	known *knowledge
	st    fingerprint.Statement
	route router.Route
	at    int // 1 + the shard that the next statement goes to, whatever its keys say (stepAt)
	args  rewrite.Arguments
	key   []byte
	sql   []byte
	patch patcher

	stepping int  // how deep it is in steps of a statement
	keptAt   int  // where the statement is done whose lookup indexes are being kept (Route.At)
	seeking  bool // steps only look for the row that a statement was refused for
	keeping  bool // the step that is carried out is a change whose lookup indexes are being kept

	tracker *tracker // nil: the client does not want to be told of transactions

	statementID []byte // of the prepared statement on its server's connection
	decoded     []byte // the text of a client that does not send UTF-8

	// what the watcher looks at
	busySince atomic.Int64 // unix nanoseconds, 0: waiting for a command
	heldMu    sync.Mutex
	held      []*backend.Conn
	gone      bool // the client is gone: what is taken now is given up at once
}

func newSession(srv *Server, l *listener, nc net.Conn, id uint32) *session {
	c := &session{srv: srv, from: l, socket: wire.NewConn(l.client(nc)), id: id}
	c.conn = c.socket
	c.conn.SetMaxPacket(srv.cfg.MaxPacket)
	c.patch.session = c
	c.rowCount = 0
	return c
}

// cut ends the session from outside: its reads and writes fail.
func (c *session) cut() { c.socket.NetConn().Close() }

// end gives back everything that the session holds. Its transaction, if any, is rolled back by closing the
// connection: nothing of it may reach the next user of a pooled one.
func (c *session) end() {
	c.heldMu.Lock()
	held := c.held
	c.held = nil
	c.heldMu.Unlock()
	for _, conn := range held { // more than the transaction's only after a panic
		conn.Discard()
	}
	c.spreadEnds()
	for _, b := range c.txn.branches {
		b.Conn.Discard()
	}
	for _, p := range c.pins { // closed, so that its server frees the locks now
		p.conn.Discard()
		c.removePin(p)
	}
	c.closePrepared()
	c.socket.Close()
}

func stack() string { return string(debug.Stack()) }

// login does the connection phase.
func (c *session) login() error {
	k := c.srv.known.Load()
	nc := c.conn.NetConn()
	if err := nc.SetDeadline(time.Now().Add(loginTimeout)); err != nil {
		return err
	}
	if p, ok := nc.(*wire.Proxied); ok {
		if err := p.ReadHeader(); err != nil {
			return err
		}
	}
	client, err := c.handshake(k).Accept(c.conn)
	if err != nil {
		return fmt.Errorf("login: %w", err)
	}
	c.become(k, client)
	if err := c.enter(k, client); err != nil {
		c.fail(err)
		return errors.Join(err, c.conn.Flush())
	}
	c.process.login(c.user.Name, nc.RemoteAddr().String(), c.db)
	if err := c.ok(&wire.OK{}); err != nil {
		return err
	}
	return errors.Join(c.conn.Flush(), c.conn.StartCompression(), nc.SetDeadline(time.Time{}))
}

// handshake is what the server says of itself and how it checks a login.
func (c *session) handshake(k *knowledge) *wire.Handshake {
	return &wire.Handshake{
		ServerVersion: k.flavor.version,
		ConnectionID:  c.id,
		Collation:     wire.CollationUTF8MB4GeneralCI,
		Status:        wire.StatusAutocommit,
		Passwords:     c.password,
		Keys:          c.srv.keys,
		SHA2Cache:     c.srv.sha2,
		TLS:           c.from.tls,
		SecureOnly:    c.from.tls != nil && c.from.cfg.TLS.Require,
		NeedsTLS:      func(name string) bool { u := c.srv.user(name); return u != nil && u.NeedsTLS },
	}
}

// become makes the session that of a user who has logged in.
func (c *session) become(k *knowledge, client *wire.Client) {
	c.client, c.user = client, c.srv.user(client.User)
	c.host = client.Host
	c.account, c.grantee = client.User+"@"+c.host, client.User+"@%"
	c.state.init(k, client.Collation)
	c.state.agree(k, client.Capabilities)
}

func (c *session) password(user string) (string, bool) {
	u := c.srv.user(user)
	if u == nil {
		return "", false
	}
	return u.Password, true
}

// enter checks what the client asked for at login beside its password.
func (c *session) enter(k *knowledge, client *wire.Client) error {
	switch set := c.state.sets.client; set {
	case "ucs2", "utf16", "utf16le", "utf32": // no server reads statements in them
		return protocolError(codeWrongValue, "42000", "Variable 'character_set_client' can't be set to the value of '%s'", set)
	case "swe7":
		return noCharset(set)
	}
	if client.Database == "" {
		return nil
	}
	name, err := c.decodeName([]byte(client.Database))
	if err != nil {
		return err
	}
	return c.use(k, name)
}

// use changes the current database.
func (c *session) use(k *knowledge, name string) error {
	if name == "" {
		return &router.NoDatabase{}
	}
	if system := router.SystemDatabase(name); system != "" && k.catalog.Databases[name] == nil {
		c.db = system
		c.trackSchema()
		return nil
	}
	if k.catalog.Databases[name] == nil {
		return &router.UnknownDatabase{Name: name}
	}
	if !c.user.MayUse(name) {
		return c.denied(name)
	}
	c.db = name
	c.trackSchema()
	c.state.moved()
	return nil
}

func (c *session) denied(database string) error {
	return protocolError(codeDBAccessDenied, "42000", "Access denied for user '%s'@'%s' to database '%s'", c.user.Name, "%", database)
}

// run carries out commands until the client leaves.
func (c *session) run() error {
	for {
		c.busySince.Store(0)
		c.forgetStatement()
		c.conn.ResetSequence()
		c.conn.ReleaseBuffers()
		p, err := c.conn.ReadPacket()
		if err != nil {
			return c.readFailed(err)
		}
		c.busySince.Store(time.Now().UnixNano())
		c.beginCommand()
		quit, err := c.command(p)
		over := c.endCommand()
		c.process.end(c.db)
		if err == nil && !quit {
			err = c.conn.Flush()
		}
		if err != nil || quit || over {
			return err
		}
	}
}

// forgetStatement lets go of the last statement: its text is the connection's buffer, and what a big one needed is not
// kept for the small ones that follow.
func (c *session) forgetStatement() {
	big := len(c.st.Text) > keptBuffer || cap(c.sql) > keptBuffer
	c.st.Text = nil
	if big {
		c.st, c.route, c.key, c.sql, c.decoded = fingerprint.Statement{}, router.Route{}, nil, nil, nil
	}
}

// readFailed tells a client that sent what cannot be read why it is cut off.
func (c *session) readFailed(err error) error {
	switch {
	case errors.Is(err, wire.ErrPacketTooLarge):
		c.fail(protocolError(codePacketTooLarge, "08S01", "Got a packet bigger than 'max_packet' (%d bytes)", c.srv.cfg.MaxPacket))
		c.conn.Flush()
	case errors.Is(err, wire.ErrSequence):
		c.fail(protocolError(codeOutOfOrder, "08S01", "Got packets out of order"))
		c.conn.Flush()
	}
	return err
}

// fail answers an error. It is the end of the command: what follows in it is not carried out.
func (c *session) fail(err error) {
	e := toClient(err)
	c.srv.metrics.Error(e.Code)
	c.rowCount = -1
	if e.FromServer { // in the client's own character set
		c.warnings = append(c.warnings[:0], warning{"Error", e.Code, c.fromResults(e.Message)})
	} else {
		c.warnings = append(c.warnings[:0], warning{"Error", e.Code, e.Message})
		e = &wire.Error{Code: e.Code, State: e.State, Message: c.messageToResults(e.Message)}
	}
	c.conn.WriteError(e) // a client that cannot be written to is noticed by Flush
}

// ok answers an OK packet with the session's status.
func (c *session) ok(ok *wire.OK) error {
	ok.Status = c.status(0)
	return c.conn.WriteOK(ok)
}

// status are the flags that the client sees, made from a backend's and the session's own.
func (c *session) status(backendFlags uint16) uint16 {
	const theirs = wire.StatusPSOutParams | wire.StatusNoGoodIndexUsed | wire.StatusNoIndexUsed | wire.StatusQueryWasSlow | wire.StatusMetadataChanged | wire.StatusDBDropped
	flags := backendFlags & theirs
	if c.state.autocommit {
		flags |= wire.StatusAutocommit
	}
	if c.state.mode&fingerprint.NoBackslashEscapes != 0 {
		flags |= wire.StatusNoBackslashEscapes
	}
	if c.state.mode&fingerprint.AnsiQuotes != 0 && c.srv.known.Load().flavor.mariadb {
		flags |= wire.StatusANSIQuotes
	}
	flags |= c.txn.status(backendFlags)
	if c.more {
		flags |= wire.StatusMoreResultsExists
	}
	return flags
}
