package proxy

// execute.go: COM_STMT_EXECUTE. The statement goes the way of a text (plan, route, relay or merge or write); what
// differs is how a leg is asked (ask) and where the values are that route (execution.Value). The parameters' bytes go to
// the servers as they came.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"serval/proxy/backend"
	"serval/proxy/transcode"
	"serval/proxy/wire"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// execution is what a COM_STMT_EXECUTE brought. Its slices point into the client's packet.
type execution struct {
	packet  []byte
	parsed  wire.Execute
	of      *preparedStatement
	numbers []uint16         // scratch: which parameters a leg's SQL has
	types   []byte           // scratch: their types
	client  *transcode.Table // of the client's strings, nil: they are UTF-8 or bytes
	text    []byte           // scratch: a value as text
	decoded []byte           // scratch: the same in UTF-8
	built   []byte           // scratch: the packet for a server
}

// executePrepared handles COM_STMT_EXECUTE.
func (c *session) executePrepared(p []byte) error {
	ps, err := c.statementOf(p, "mysqld_stmt_execute")
	if err == nil {
		err = c.bind(ps, p)
	}
	if err != nil {
		c.fail(err)
		return nil
	}
	defer ps.forgetLong()
	c.enterStatement(ps)
	defer c.leaveStatement()
	c.st.Bound = &c.execution
	c.began = time.Now()
	c.process.begin("Execute", c.db, ps.text, c.began)
	kind, group, err := c.executeBound(ps)
	c.srv.metrics.Statement(kind, group, time.Since(c.began))
	c.logStatement(kind, group, time.Since(c.began), err)
	c.execution.letGo()
	switch {
	case err == nil || err == errAnswered:
		return nil
	case isConnectionError(err):
		return err
	}
	c.fail(err)
	return nil
}

// bind reads the packet, and takes over the types that it brings.
func (c *session) bind(ps *preparedStatement, p []byte) error {
	ps.closeCursor()
	if ps.fault != nil {
		ps.long = nil
		return ps.fault // until COM_STMT_RESET
	}
	x := &c.execution
	var long func(n int) bool
	if len(ps.long) > 0 {
		long = ps.isLong
	}
	attributes := c.client.Capabilities&wire.CapQueryAttributes != 0
	if err := x.parsed.Parse(p, ps.st.Parameters, ps.types, long, attributes); err != nil {
		ps.forgetLong()
		return errMalformedPacket()
	}
	if x.parsed.Types != nil {
		ps.types = append(ps.types[:0], x.parsed.Types...)
	}
	if err := c.learnCharset(); err != nil {
		return err
	}
	x.packet, x.of, x.client = p, ps, c.state.clientTable
	return nil
}

// letGo forgets the client's packet, and scratch that a big one needed.
func (x *execution) letGo() {
	x.packet, x.of = nil, nil
	if cap(x.built) > keptBuffer || cap(x.parsed.Values) > keptBuffer/16 || cap(x.text)+cap(x.decoded) > keptBuffer {
		*x = execution{}
	}
}

// executeBound carries the current statement out.
func (c *session) executeBound(ps *preparedStatement) (kind, group string, err error) {
	if err := c.sameStrings(ps); err != nil {
		return "refused", "", err
	}
	if err := c.look(); err != nil {
		return "refused", "", err
	}
	p, err := c.preparedPlan()
	switch {
	case err != nil:
		return "refused", "", err
	case p == nil || p.Kind == router.KindSession || p.Kind == router.KindSchema || p.Locks != nil && p.Locks.Holder: // the session makes the answer
		return "session", "", c.executeSession(ps, p)
	case c.txn.lost:
		return "refused", "", errLost()
	}
	return c.executePlan(p)
}

// ask sends what a leg is asked: its text, or an execution of the same prepared there. A *wire.Error is the server's
// refusal to prepare it; after any other error the connection is of no more use.
func (c *session) ask(conn *backend.Conn, leg int) error {
	c.sql = c.route.SQL(c.sql[:0], leg, &c.st, &c.args)
	return c.askSQL(conn, leg, false)
}

// askPlain is ask without what a merge needs.
func (c *session) askPlain(conn *backend.Conn, leg int) error {
	c.sql = c.route.PlainSQL(c.sql[:0], leg, &c.st, &c.args)
	return c.askSQL(conn, leg, true)
}

// askSQL sends c.sql, which is what a leg is asked.
func (c *session) askSQL(conn *backend.Conn, leg int, plain bool) error {
	switch {
	case c.prepared == nil:
		return conn.Send(c.sql)
	case c.byName != nil:
		return c.askNamed(conn, leg, plain)
	}
	x := &c.execution
	numbers, same := c.route.Parameters(x.numbers[:0], leg, &c.st, plain)
	x.numbers = numbers[:0]
	types := x.of.types
	if !same {
		types = x.picked(numbers)
	}
	st, err := c.preparedOn(conn, types)
	if err != nil {
		return err
	}
	if err := x.sendLong(conn, st, numbers, same); err != nil {
		return err
	}
	return x.send(conn, st, types, numbers, same)
}

// preparedOn is c.sql prepared on a connection. One that was executed with parameters of other types is not used: servers
// derive what expressions mean from the first ones.
func (c *session) preparedOn(conn *backend.Conn, types []byte) (*backend.Statement, error) {
	key := c.statementKey(conn.State().Database)
	if c.patch.plan.Users.Named { // servers give a user variable the type that it has at the preparation
		st, _, err := conn.Prepare(key, c.sql, false)
		return st, err
	}
	st := conn.Prepared(key)
	if st != nil && st.Types != nil && !bytes.Equal(st.Types, types) {
		key = append(append(key, 0), types...)
		c.statementID = key
		st = conn.Prepared(key)
	}
	if st != nil {
		return st, nil
	}
	st, _, err := conn.Prepare(key, c.sql, false)
	return st, err
}

// picked are the types of some of the parameters.
func (x *execution) picked(numbers []uint16) []byte {
	x.types = x.types[:0]
	for _, n := range numbers {
		x.types = append(x.types, x.of.types[2*n], x.of.types[2*n+1])
	}
	return x.types
}

// send sends the execution: the client's own packet where it says what the server needs.
func (x *execution) send(conn *backend.Conn, st *backend.Statement, types []byte, numbers []uint16, same bool) error {
	packet := x.packet
	if same && x.parsed.Plain && x.parsed.Flags == 0 && (x.parsed.Types != nil || bytes.Equal(st.Types, types)) {
		binary.LittleEndian.PutUint32(packet[1:], st.ID)
	} else {
		if same {
			numbers = nil
		} else if numbers == nil {
			numbers = []uint16{} // none of them
		}
		x.built = x.parsed.AppendExecute(x.built[:0], st.ID, x.of.types, numbers)
		packet = x.built
	}
	if st.Types == nil {
		st.Types = append([]byte{}, types...)
	}
	conn.ResetSequence()
	if err := conn.WritePacket(packet); err != nil {
		return err
	}
	return conn.Flush()
}

// sendLong passes long data on, before the execution that it is for.
func (x *execution) sendLong(conn *backend.Conn, st *backend.Statement, numbers []uint16, same bool) error {
	if len(x.of.long) == 0 {
		return nil
	}
	send := func(to, n uint16) error {
		data, ok := x.of.long[n]
		if !ok {
			return nil
		}
		head := binary.LittleEndian.AppendUint32(nil, st.ID)
		head = binary.LittleEndian.AppendUint16(head, to)
		return conn.WriteCommand(wire.ComStmtSendLongData, append(head, data...))
	}
	if same {
		for n := range x.of.long {
			if err := send(n, n); err != nil {
				return err
			}
		}
		return nil
	}
	for to, n := range numbers {
		if err := send(uint16(to), n); err != nil {
			return err
		}
	}
	return nil
}

// Value implements fingerprint.Bound.
func (x *execution) Value(n int) (fingerprint.Kind, []byte) {
	if x.of == nil || n >= len(x.parsed.Values) {
		return fingerprint.Opaque, nil
	}
	typ, unsigned := x.of.types[2*n], x.of.types[2*n+1]&0x80 != 0
	kind := parameterKind(typ)
	if data, ok := x.of.long[uint16(n)]; ok {
		if kind != fingerprint.Binary {
			return fingerprint.String, x.utf8(data)
		}
		return kind, data
	}
	if x.parsed.Null(n) || kind == fingerprint.Null {
		return fingerprint.Null, nil
	}
	var err error
	x.text, err = wire.AppendTextValue(x.text[:0], typ, unsigned, 0, x.parsed.Values[n])
	switch {
	case err != nil || kind == fingerprint.Float && bytes.ContainsAny(x.text, "NI"): // no number
		return fingerprint.Opaque, nil
	case kind == fingerprint.Decimal && !isDecimal(x.text): // whatever a client may send as one
		return fingerprint.Opaque, x.text
	}
	if kind == fingerprint.String {
		return kind, x.utf8(x.text)
	}
	return kind, x.text
}

// utf8 is a string parameter's value, which comes in the client's character set.
func (x *execution) utf8(value []byte) []byte {
	if x.client == nil || transcode.ASCII(value) {
		return value
	}
	x.decoded, _ = x.client.Decode(x.decoded[:0], value)
	return x.decoded
}

// isDecimal tells whether a text is a number with digits before or behind a point and nothing else.
func isDecimal(text []byte) bool {
	digits := bytes.TrimLeft(text, "+-")
	whole, fraction, _ := bytes.Cut(digits, []byte{'.'})
	return len(text)-len(digits) <= 1 && len(whole)+len(fraction) > 0 && isDigits(whole) && isDigits(fraction)
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// parameterKind is what a literal of a parameter's type would be. Bytes of the BLOB types have no character set.
func parameterKind(typ byte) fingerprint.Kind {
	switch typ {
	case wire.TypeNull:
		return fingerprint.Null
	case wire.TypeTiny, wire.TypeShort, wire.TypeYear, wire.TypeLong, wire.TypeInt24, wire.TypeLongLong:
		return fingerprint.Integer
	case wire.TypeFloat, wire.TypeDouble:
		return fingerprint.Float
	case wire.TypeDecimal, wire.TypeNewDecimal:
		return fingerprint.Decimal
	case wire.TypeVarchar, wire.TypeVarString, wire.TypeString, wire.TypeEnum, wire.TypeSet, wire.TypeJSON:
		return fingerprint.String
	case wire.TypeDate, wire.TypeDatetime, wire.TypeTimestamp:
		return fingerprint.Temporal
	case wire.TypeTinyBlob, wire.TypeMediumBlob, wire.TypeLongBlob, wire.TypeBlob, wire.TypeBit, wire.TypeGeometry:
		return fingerprint.Binary
	}
	return fingerprint.Opaque // TIME
}

// refusedToPrepare answers a server's refusal to prepare what was to be relayed.
func (c *session) refusedToPrepare(err error) (wire.Outcome, error) {
	var refused *wire.Error
	if !errors.As(err, &refused) {
		return wire.Outcome{}, &wire.SideError{Side: wire.SideBackend, Err: err}
	}
	c.patch.Error(refused)
	out := wire.Outcome{Kind: wire.OutcomeError, ErrCode: refused.Code, Started: true}
	if err := c.conn.WriteError(refused); err != nil {
		return out, &wire.SideError{Side: wire.SideClient, Err: err}
	}
	return out, nil
}
