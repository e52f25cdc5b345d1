package proxy

// capture.go: statements that the session itself answers, executed as prepared ones. They are carried out as texts,
// with the parameters' values in them; a result is caught on its way to the client and sent on in the binary layout.
// Such results (SHOW, DESCRIBE, information_schema) are small.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/proxy/wire"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// describeSession finds out what a statement of the session's own answers. The servers' opinion counts on whether it
// can be prepared at all, and on how its columns are described before it is executed.
func (c *session) describeSession(ps *preparedStatement, p *router.Plan) (*wire.Prepared, error) {
	if p == nil { // EXPLAIN ROUTE
		return c.describeResult(ps, nil)
	}
	if p.NextValue != nil { // no server knows the name
		return c.describeResult(ps, nil)
	}
	if p.OnlyOwn() || p.Kind == router.KindSchema && c.st.Parameters == 0 { // a table in several places is on no server under its name
		return &wire.Prepared{}, nil
	}
	text := ps.text
	if p.SetsOwn() { // which no server knows
		c.setArguments()
		text = p.SessionSQL(nil, &c.st, &c.args)
	}
	answer, err := c.describeAsIs(text)
	if err == nil && p.SetsOwn() {
		answer.Parameters = nil // there may be fewer
	}
	var refused *wire.Error
	switch {
	case err != nil && (!c.hasResult(p) || !errors.As(err, &refused) || refused.Code == codeParse || refused.Code == codeUnsupportedPS):
		return nil, err
	case !c.hasResult(p) || answer != nil && answer.ColumnCount == 0: // some say nothing before they are executed
		return answer, err
	}
	described, err := c.describeResult(ps, answer)
	if err != nil && answer != nil && !isConnectionError(err) { // it can be prepared: the error is its execution's
		return answer, nil
	}
	return described, err
}

// codeUnsupportedPS is ER_UNSUPPORTED_PS: the statement cannot be prepared.
const codeUnsupportedPS = 1295

// hasResult tells whether a session statement answers with rows.
func (c *session) hasResult(p *router.Plan) bool {
	if p.Show != nil || p.NextValue != nil || p.Locks != nil && p.Locks.Holder {
		return true
	}
	switch p.Stmt.(type) {
	case *ast.ShowStmt, *ast.ExplainStmt:
		return true
	}
	return false
}

// describeAsIs prepares a text on the default group's server.
func (c *session) describeAsIs(text []byte) (*wire.Prepared, error) {
	group, database := c.defaultGroup(), c.defaultDatabase()
	conn, pooled, err := c.describeConn(group, database)
	if err != nil {
		return nil, err
	}
	c.patch.start(&router.Plan{Verb: router.VerbShow})
	c.sql = append(c.sql[:0], text...)
	answer, err := c.prepareOn(conn, database)
	return answer, c.described(conn, pooled, group, err)
}

// describeResult finds the columns of a statement that only tells something: a server's own description where the
// session would ask one, else the columns of what the session answers, described as asIs says when a server knows.
func (c *session) describeResult(ps *preparedStatement, asIs *wire.Prepared) (*wire.Prepared, error) {
	described := &wire.Prepared{}
	c.describing = described
	caught, err := c.catch(c.inlined(ps))
	c.describing = nil
	if err != nil {
		return nil, err
	}
	logical := &router.Plan{Verb: router.VerbShow} // names are logical by now
	if described.ColumnCount > 0 || described.Columns != nil {
		c.patch.start(logical)
		if asIs != nil {
			described.Parameters = asIs.Parameters
		}
		return described, nil
	}
	r, err := wire.ReadResult(caught)
	if err != nil {
		return nil, err
	}
	c.patch.start(logical)
	if asIs != nil && asIs.ColumnCount == len(r.Columns) {
		return asIs, sameNames(asIs.Columns, r.Columns)
	}
	if asIs == nil {
		asIs = &wire.Prepared{}
	}
	return &wire.Prepared{Columns: r.Columns, ColumnCount: len(r.Columns), Parameters: asIs.Parameters}, nil
}

// sameNames gives definitions the names of others: Tables_in_shop, whatever the database is called on the server.
func sameNames(defs, names [][]byte) error {
	var def, name wire.Column
	for i := range defs {
		if err := errors.Join(wire.ParseColumn(defs[i], &def), wire.ParseColumn(names[i], &name)); err != nil {
			return err
		}
		if bytes.Equal(def.OrgName, def.Name) {
			def.OrgName = name.Name
		}
		def.Name = name.Name
		defs[i] = wire.AppendColumn(nil, &def)
	}
	return nil
}

// describeText has a server describe c.sql in place of carrying it out.
func (c *session) describeText(group string) error {
	conn, pooled, err := c.describeConn(group, "")
	if err != nil {
		return err
	}
	answer, err := c.prepareOn(conn, conn.State().Database)
	if err := c.described(conn, pooled, group, err); err != nil {
		return err
	}
	for i, def := range answer.Columns {
		answer.Columns[i] = c.patch.Column(nil, def)
	}
	*c.describing = *answer
	return nil
}

// executeSession carries out a prepared statement of the session's own.
func (c *session) executeSession(ps *preparedStatement, p *router.Plan) error {
	text := c.inlined(ps)
	if c.byName != nil || p != nil && !c.hasResult(p) { // rows as text
		defer c.asText(text)()
		_, _, err := c.statement()
		return err
	}
	caught, err := c.catch(text)
	if err != nil {
		return err
	}
	r, err := wire.ReadResult(caught)
	if err != nil {
		return err
	}
	return c.answerBinary(r)
}

// asText makes a text the session's current statement in the prepared one's place, until done is called.
func (c *session) asText(text []byte) (done func()) {
	ps, named, st := c.prepared, c.byName, c.st
	c.prepared, c.byName, c.st = nil, nil, fingerprint.Statement{}
	c.st.Scan(text, c.state.mode)
	return func() { c.prepared, c.byName, c.st = ps, named, st }
}

// catch carries a text out and returns its answer, as it would have been sent to a client without capabilities.
func (c *session) catch(text []byte) (*wire.Conn, error) {
	defer c.asText(text)()
	box := &answerBox{}
	to := c.conn
	c.conn = wire.NewConn(box)
	_, _, err := c.statement()
	flushed := c.conn.Flush()
	c.conn = to
	if err != nil && err != errAnswered {
		return nil, err
	}
	return wire.NewConn(box), flushed
}

// answerBinary sends a result of text rows in the binary layout.
func (c *session) answerBinary(r *wire.Result) error {
	if r.OK != nil {
		return clientError(c.ok(r.OK))
	}
	c.patch.start(&router.Plan{Verb: router.VerbShow})
	rows := &binaryRows{text: r, columns: make([]wire.Column, len(r.Columns))}
	for i := range r.Columns {
		if err := wire.ParseColumn(r.Columns[i], &rows.columns[i]); err != nil {
			return err
		}
	}
	if c.wantsCursor() {
		if err := c.openCursor(rows); err != nil {
			return err
		}
		return clientError(c.answerCursor(r.Columns, r.Warnings, c.status(0)))
	}
	if err := c.writeHeader(r.Columns); err != nil {
		return clientError(err)
	}
	for {
		row, err := rows.Next()
		if err == io.EOF {
			return clientError(c.conn.WriteRowsEnd(r.Warnings, c.status(0)))
		}
		if err != nil { // in the place of the rows that are left
			return err
		}
		if err := c.conn.WritePacket(row); err != nil {
			return clientError(err)
		}
	}
}

// binaryRows is a stream of text rows as binary ones.
type binaryRows struct {
	text    *wire.Result
	columns []wire.Column
	row     []byte
}

// Next implements merge.Stream.
func (b *binaryRows) Next() ([]byte, error) {
	text, err := b.text.Next()
	if err != nil {
		return nil, err
	}
	b.row, err = wire.AppendBinaryRow(b.row[:0], b.columns, text)
	return b.row, err
}

// inlined is the current statement's text with the parameters' values in it: NULL for those that are not bound yet.
func (c *session) inlined(ps *preparedStatement) []byte {
	if c.st.Parameters == 0 {
		return ps.text
	}
	var out []byte
	at := 0
	for _, l := range c.st.Literals {
		if l.Kind != fingerprint.Parameter {
			continue
		}
		out = append(out, c.st.Text[at:l.Start]...)
		kind, text := fingerprint.Null, []byte(nil)
		if c.st.Bound != nil {
			kind, text = c.st.Bound.Value(int(l.Number))
		}
		out = appendLiteral(out, kind, text, c.state.mode)
		at = int(l.End)
	}
	return append(out, c.st.Text[at:c.st.End]...)
}

// appendLiteral writes a value as a literal.
func appendLiteral(dst []byte, kind fingerprint.Kind, text []byte, mode fingerprint.Mode) []byte {
	switch {
	case kind == fingerprint.Null || kind == fingerprint.Opaque && text == nil:
		return append(dst, "NULL"...)
	case kind == fingerprint.Binary:
		return fmt.Appendf(dst, "x'%x'", text)
	}
	switch kind {
	case fingerprint.Integer, fingerprint.Decimal:
		return append(dst, text...)
	case fingerprint.Float:
		if bytes.ContainsAny(text, "eE") {
			return append(dst, text...)
		}
		return append(append(dst, text...), "e0"...)
	}
	return rewrite.AppendString(dst, string(text), mode)
}

// answerBox keeps what is written to it, to be read again: a connection to nobody.
type answerBox struct{ bytes.Buffer }

func (*answerBox) Close() error                     { return nil }
func (*answerBox) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (*answerBox) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (*answerBox) SetDeadline(time.Time) error      { return nil }
func (*answerBox) SetReadDeadline(time.Time) error  { return nil }
func (*answerBox) SetWriteDeadline(time.Time) error { return nil }
