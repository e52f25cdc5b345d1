package proxy

// retype.go: columns that are a function of the session (LAST_INSERT_ID(), CONNECTION_ID() …) reach a server as
// literals, whose type may be a smaller one. The client is told the function's type; in binary rows the values have to
// be of it too.

import (
	"io"

	"serval/proxy/backend"
	"serval/proxy/merge"
	"serval/proxy/wire"
)

// relayRetyped is relayOn's reading of an answer for a statement with such columns.
func (c *session) relayRetyped(conn *backend.Conn) (wire.Outcome, error) {
	r, err := wire.ReadResult(conn.Conn)
	if err != nil {
		return c.cursorFailed(err)
	}
	if r.OK != nil {
		return c.relayOK(r)
	}
	out := wire.Outcome{Columns: len(r.Columns), Started: true}
	rows, err := c.retyped(r)
	if err != nil {
		return out, &wire.SideError{Side: wire.SideBackend, Err: err}
	}
	if err := c.writeHeader(r.Columns); err != nil {
		return out, &wire.SideError{Side: wire.SideClient, Err: err}
	}
	for {
		row, err := rows.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			failed, err := c.cursorFailed(err)
			failed.Started = true
			return failed, err
		}
		out.Rows++
		if err := c.conn.WritePacket(row); err != nil {
			return out, &wire.SideError{Side: wire.SideClient, Err: err}
		}
	}
	out.Kind, out.Status, out.Warnings = wire.OutcomeRows, r.Status, r.Warnings
	if err := c.conn.WriteRowsEnd(r.Warnings, c.patch.Status(r.Status)); err != nil {
		return out, &wire.SideError{Side: wire.SideClient, Err: err}
	}
	return out, nil
}

// relayOK passes an OK on.
func (c *session) relayOK(r *wire.Result) (wire.Outcome, error) {
	out := wire.Outcome{Kind: wire.OutcomeOK, AffectedRows: r.OK.AffectedRows, LastInsertID: r.OK.LastInsertID, Status: r.Status, Warnings: r.Warnings, Started: true}
	ok := *r.OK
	ok.Status = c.patch.Status(ok.Status)
	if err := c.conn.WriteOK(&ok); err != nil {
		return out, &wire.SideError{Side: wire.SideClient, Err: err}
	}
	return out, nil
}

// retyped gives a result's rows the types that the client is told; the rows as they are when those are the server's.
func (c *session) retyped(r *wire.Result) (merge.Stream, error) {
	typed := c.patch.plan.Typed
	if len(typed) == 0 {
		return r, nil
	}
	s := &retypedRows{rows: r, have: make([]wire.Column, len(r.Columns)), want: make([]wire.Column, len(r.Columns))}
	for i, def := range r.Columns {
		if err := wire.ParseColumn(def, &s.have[i]); err != nil {
			return nil, err
		}
		s.want[i] = s.have[i]
	}
	for _, t := range typed {
		if t.Column < len(s.want) {
			c.functionType(&s.want[t.Column], t.Piece)
		}
	}
	return s, nil
}

// retypedRows is a stream of binary rows with other types for some columns.
type retypedRows struct {
	rows       *wire.Result
	have, want []wire.Column
	row, text  []byte
}

// Next implements merge.Stream.
func (s *retypedRows) Next() ([]byte, error) {
	row, err := s.rows.Next()
	if err != nil {
		return nil, err
	}
	s.row, s.text, err = wire.RetypeBinaryRow(s.row[:0], s.text, row, s.have, s.want)
	return s.row, err
}
