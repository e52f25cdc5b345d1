package proxy

// prepared.go: the statements that a client prepared: COM_STMT_PREPARE, COM_STMT_SEND_LONG_DATA, COM_STMT_RESET,
// COM_STMT_CLOSE. A statement is planned like a text, with its question marks as slots; a server where it could run
// says what its parameters and columns are. On the servers it is prepared where and when it is executed (execute.go).

import (
	"bytes"
	"encoding/binary"
	"errors"

	"serval/proxy/backend"
	"serval/proxy/merge"
	"serval/proxy/wire"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// maxParameters is how many parameters a statement may have: the protocol counts them in two bytes.
const maxParameters = 65535

// preparedStatement is a client's. It belongs to its session.
type preparedStatement struct {
	id    uint32
	text  []byte                // as the client sent it
	db    string                // the database that was current: names without one are looked up there
	sets  charsets              // of the session then: what the strings in the text are
	names string                // their collation
	st    fingerprint.Statement // of text, with its question marks as parameters
	types []byte                // the parameters' types of the last execution, two bytes each
	long  map[uint16][]byte     // what came as long data for the next execution
	fault *wire.Error           // of the long data: what executions are answered until COM_STMT_RESET

	cursor   *cursor            // the rows that an execution left to be fetched
	numbered *numberedStatement // what is executed in its place where rows need a number; nil before the first time
}

// cursor is a result whose rows wait to be fetched.
type cursor struct {
	spool *merge.Spool
	rows  merge.Stream
}

// newPrepared handles COM_STMT_PREPARE.
func (c *session) newPrepared(text []byte) error {
	c.newest = 0
	ps, p, err := c.prepareStatement(text)
	if err == nil {
		if err = c.srv.statements.take(); err == nil {
			c.keepPrepared(ps)
			return c.answerPrepare(ps, p)
		}
	}
	if isConnectionError(err) {
		return err
	}
	c.fail(err)
	return nil
}

// prepareStatement plans a statement and has a server describe it.
func (c *session) prepareStatement(text []byte) (*preparedStatement, *wire.Prepared, error) {
	ps := &preparedStatement{text: bytes.Clone(text), db: c.db, sets: c.state.sets, names: c.state.connectionNames()}
	ps.st.Scan(ps.text, c.state.mode|fingerprint.Prepared)
	switch {
	case nextStatement(&ps.st) != nil:
		c.known = c.srv.known.Load()
		return nil, nil, c.syntaxError(errSecondStatement, text)
	case ps.st.Parameters > maxParameters:
		return nil, nil, protocolError(1390, "HY000", "Prepared statement contains too many placeholders")
	}
	c.enterStatement(ps)
	defer c.leaveStatement()
	plan, err := c.preparedPlan()
	if err != nil {
		return nil, nil, err
	}
	if plan == nil || plan.Kind == router.KindSession || plan.Kind == router.KindSchema {
		p, err := c.describeSession(ps, plan)
		return ps, p, err
	}
	p, err := c.describe(plan)
	return ps, p, err
}

// enterStatement makes a prepared statement the session's current one, until leaveStatement.
func (c *session) enterStatement(ps *preparedStatement) {
	c.known = c.overlaid(c.srv.known.Load())
	c.prepared = ps
	c.st, ps.st = ps.st, c.st
}

// leaveStatement gives the prepared statement its shape back.
func (c *session) leaveStatement() {
	ps := c.prepared
	c.st, ps.st = ps.st, c.st
	ps.st.Bound = nil
	c.prepared = nil
}

// preparedPlan is the plan of the current statement, its rights checked; nil for EXPLAIN ROUTE.
func (c *session) preparedPlan() (*router.Plan, error) {
	if c.explainRoute() != nil {
		return nil, nil
	}
	if mode := c.state.mode | fingerprint.Prepared; c.st.Mode != mode {
		if !readsAlike(c.st.Text, c.st.Mode^mode) {
			return nil, notSupported("Serval does not support a statement that was prepared under another sql_mode, by which it reads otherwise (ANSI_QUOTES, NO_BACKSLASH_ESCAPES and the like): prepare it again")
		}
		bound := c.st.Bound
		c.st.Scan(c.st.Text, mode)
		c.st.Bound = bound
	}
	p, err := c.plan()
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, protocolError(codeEmptyQuery, "42000", "Query was empty")
	}
	for _, d := range p.Databases {
		if !c.user.MayUse(d) {
			return nil, c.denied(d)
		}
	}
	return p, nil
}

// readsAlike tells whether a text means the same whether or not these bits of sql_mode are set.
func readsAlike(text []byte, bits fingerprint.Mode) bool {
	for bit, sign := range map[fingerprint.Mode]string{
		fingerprint.AnsiQuotes: `"`, fingerprint.NoBackslashEscapes: `\`, fingerprint.PipesAsConcat: "||", fingerprint.HighNotPrecedence: "not",
		fingerprint.IgnoreSpace: " (",
	} {
		if bits&bit != 0 && bytes.Contains(bytes.ToLower(text), []byte(sign)) {
			return false
		}
	}
	return true
}

// describe prepares the statement where it could run.
func (c *session) describe(p *router.Plan) (*wire.Prepared, error) {
	c.setArguments()
	if err := c.route.ResolveAny(p, &c.st); err != nil {
		return nil, err
	}
	if len(c.route.Legs) == 0 { // no server has all of its tables
		return &wire.Prepared{}, nil
	}
	if c.route.Gathered {
		return c.describeGathered(p)
	}
	c.patch.start(p)
	group, database := c.legGroup(p), c.route.Database(0)
	if open := c.openHandler(p); open != nil {
		group = open.Shards[0].Group
		c.patch.start(&router.Plan{Verb: p.Verb, Renames: []router.Rename{{Table: open}}})
	}
	conn, pooled, err := c.describeConn(group, database)
	if err != nil {
		return nil, err
	}
	c.sql = c.route.SQL(c.sql[:0], 0, &c.st, &c.args)
	answer, err := c.prepareOn(conn, database)
	return answer, c.described(conn, pooled, group, err)
}

// prepareOn prepares c.sql on a connection for its description, and keeps the warnings that come of it.
func (c *session) prepareOn(conn *backend.Conn, database string) (*wire.Prepared, error) {
	_, answer, err := conn.Prepare(c.statementKey(database), c.sql, true)
	if err != nil || answer.Warnings == 0 {
		return answer, err
	}
	c.warnings, c.composing = nil, true
	err = c.collectWarnings(conn)
	c.composing = false
	return answer, err
}

// described gives the connection back, and turns a failure into the client's error.
func (c *session) described(conn *backend.Conn, pooled bool, group string, err error) error {
	var refused *wire.Error
	switch {
	case err == nil || errors.As(err, &refused):
		if pooled {
			c.giveBack(conn)
		}
		if refused != nil {
			c.patch.names(refused)
			return refused
		}
		return nil
	default:
		c.giveUp(conn, pooled)
		return lostBackend("group "+group, err)
	}
}

// describeConn is a connection on which a statement can be prepared: the transaction's own when it is in that group,
// so that a session with a transaction needs no second one, and it begins none.
func (c *session) describeConn(group, database string) (conn *backend.Conn, pooled bool, err error) {
	if b := c.txn.in(group); b != nil {
		if err := c.hold(b.Conn); err != nil {
			return nil, false, err
		}
		return b.Conn, false, c.prepare(b.Conn, c.state.backend(database))
	}
	conn, err = c.borrowAs(group, c.describeState(database))
	return conn, true, err
}

// describeState is the session's state for a PREPARE. MariaDB prepares no write in a session that is read only, but in a
// transaction that is not; one that was begun and has not reached a server yet is not seen there.
func (c *session) describeState(database string) *backend.State {
	if c.txn.begin == "" || c.txn.readOnly {
		return c.state.backend(database)
	}
	state := c.state.clone()
	delete(state.vars, "transaction_read_only")
	delete(state.vars, "tx_read_only")
	state.render()
	return state.backend(database)
}

// statementKey says under what a statement is kept on its connection: its text, and what of the session's state at its
// preparation decides what the text means.
func (c *session) statementKey(database string) []byte {
	k := append(append(c.statementID[:0], database...), 0)
	k = append(append(k, c.state.names...), 0)
	k = append(append(k, c.state.system...), 0) // div_precision_increment, lc_time_names … are looked at once
	c.statementID = append(k, c.sql...)
	return c.statementID
}

// answerPrepare sends what the server said, with logical names.
func (c *session) answerPrepare(ps *preparedStatement, p *wire.Prepared) error {
	ok := wire.AppendPrepareOK(nil, ps.id, p.ColumnCount, ps.st.Parameters, p.Warnings)
	if err := c.conn.WritePacket(ok); err != nil {
		return err
	}
	for i := range ps.st.Parameters {
		def := c.unknownParameter()
		if i < len(p.Parameters) {
			def = p.Parameters[i]
		}
		if err := c.conn.WritePacket(def); err != nil {
			return err
		}
	}
	if ps.st.Parameters > 0 {
		if err := c.conn.WriteColumnsEnd(0, c.status(0)); err != nil {
			return err
		}
	}
	var buf []byte
	for _, def := range p.Columns {
		buf = c.patch.Column(buf[:0], def)
		if err := c.conn.WritePacket(buf); err != nil {
			return err
		}
	}
	if p.ColumnCount > 0 {
		return c.conn.WriteColumnsEnd(0, c.status(0))
	}
	return nil
}

// unknownParameter describes a parameter of which nothing is known, as servers do.
func (c *session) unknownParameter() []byte {
	def := wire.Column{Name: []byte("?"), Charset: c.state.collation(c.known), Type: wire.TypeVarString, Flags: wire.FlagBinary}
	if c.known.flavor.mariadb {
		def.Type, def.Charset = wire.TypeNull, wire.CollationBinary
	}
	return wire.AppendColumn(nil, &def)
}

// keepPrepared gives a statement its number.
func (c *session) keepPrepared(ps *preparedStatement) {
	if c.statements == nil {
		c.statements = map[uint32]*preparedStatement{}
	}
	c.lastStatement++
	ps.id = c.lastStatement
	c.statements[ps.id] = ps
	c.newest = ps.id
}

// newestStatement is the number by which clients of MariaDB mean the statement that they prepared last: they send its
// execution without waiting for its own number ("Statement ID -1", MariaDB's protocol page of COM_STMT_EXECUTE).
const newestStatement = 1<<32 - 1

// statementNumber is the number that a COM_STMT_… packet has.
func (c *session) statementNumber(p []byte) (uint32, bool) {
	id, ok := wire.ExecuteStatement(p)
	if ok && id == newestStatement && c.newest != 0 && c.srv.known.Load().flavor.mariadb {
		id = c.newest
	}
	return id, ok
}

// statementOf finds the statement that a COM_STMT_… packet is about; what names the command in the error.
func (c *session) statementOf(p []byte, what string) (*preparedStatement, error) {
	id, ok := c.statementNumber(p)
	if ps := c.statements[id]; ok && ps != nil {
		return ps, nil
	}
	if !c.srv.known.Load().flavor.mariadb {
		what = "mysql_stmt_precheck" // MySQL's looks at the packets of all commands
	}
	return nil, protocolError(codeUnknownStmtHandle, "HY000", "Unknown prepared statement handler (%d) given to %s", id, what)
}

// longData handles COM_STMT_SEND_LONG_DATA, which has no answer: what is wrong with it is the next execution's answer.
func (c *session) longData(p []byte) {
	ps, err := c.statementOf(p, "mysqld_stmt_send_long_data")
	if err != nil || ps.fault != nil {
		return
	}
	if len(p) < 7 {
		ps.fault = protocolError(1210, "HY000", "Incorrect arguments to mysqld_stmt_send_long_data")
		return
	}
	n := binary.LittleEndian.Uint16(p[5:])
	if int(n) >= ps.st.Parameters {
		ps.fault = protocolError(1210, "HY000", "Incorrect arguments to mysqld_stmt_send_long_data")
		return
	}
	size := len(p) - 7
	for _, have := range ps.long {
		size += len(have)
	}
	if size > c.srv.cfg.MaxPacket {
		ps.long = nil
		ps.fault = protocolError(codePacketTooLarge, "08S01", "Serval keeps at most 'max_packet' (%d bytes) of a statement's long data", c.srv.cfg.MaxPacket)
		return
	}
	if ps.long == nil {
		ps.long = map[uint16][]byte{}
	}
	ps.long[n] = append(ps.long[n], p[7:]...)
	if ps.long[n] == nil {
		ps.long[n] = []byte{}
	}
}

// forgetData drops what was sent for the next execution and what the last one left.
func (ps *preparedStatement) forgetData() {
	ps.forgetLong()
	ps.closeCursor()
}

// isLong tells whether a parameter of the next execution came as long data.
func (ps *preparedStatement) isLong(n int) bool {
	_, ok := ps.long[uint16(n)]
	return ok
}

// forgetLong drops what was sent for the next execution.
func (ps *preparedStatement) forgetLong() { ps.long, ps.fault = nil, nil }

// resetStatement handles COM_STMT_RESET.
func (c *session) resetStatement(p []byte) error {
	ps, err := c.statementOf(p, "mysqld_stmt_reset")
	if err == nil {
		ps.forgetData()
	}
	return c.answer(err)
}

// closeStatement handles COM_STMT_CLOSE, which has no answer.
func (c *session) closeStatement(p []byte) {
	if id, ok := c.statementNumber(p); ok && c.statements[id] != nil {
		c.statements[id].forgetData()
		delete(c.statements, id)
		if id == c.newest {
			c.newest = 0
		}
		c.srv.statements.give(1)
	}
}

// closePrepared closes all of the client's statements.
func (c *session) closePrepared() {
	for _, ps := range c.statements {
		ps.forgetData()
	}
	c.srv.statements.give(len(c.statements) + len(c.namedStatements))
	c.statements, c.namedStatements, c.newest = nil, nil, 0
}

// namesDB is the database in which names without one are looked up.
func (c *session) namesDB() string {
	if c.prepared != nil {
		return c.prepared.db
	}
	return c.db
}
