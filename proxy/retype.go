package proxy

// retype.go: columns that are a function of the session (LAST_INSERT_ID(), CONNECTION_ID() …) reach a server as
// literals, whose type may be a smaller one. The client is told the function's type; in binary rows the values have to
// be of it too.

import (
	"errors"
	"io"

	"serval/proxy/backend"
	"serval/proxy/merge"
	"serval/proxy/wire"
	"serval/router"
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
	defs, rows, err := c.retyped(r)
	if err != nil {
		return out, &wire.SideError{Side: wire.SideBackend, Err: err}
	}
	err = c.writeDefinitions(defs)
	if err == nil {
		err = c.conn.WriteColumnsEnd(0, c.patch.Status(r.Status))
	}
	if err != nil {
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

// retypes tells whether the client may be told other types than the server's.
func (c *session) retypes() bool {
	p := c.patch.plan
	return c.binary() && (len(p.Typed) > 0 || p.Kind == router.KindVirtual)
}

// retyped gives a result's columns as the client is told them, and its rows with values of those types.
func (c *session) retyped(r *wire.Result) (defs [][]byte, rows merge.Stream, err error) {
	s := &retypedRows{rows: r, have: make([]wire.Column, len(r.Columns)), want: make([]wire.Column, len(r.Columns))}
	differ := false
	for i, def := range r.Columns {
		shown := c.patch.Column(nil, def)
		defs = append(defs, shown)
		if err := errors.Join(wire.ParseColumn(def, &s.have[i]), wire.ParseColumn(shown, &s.want[i])); err != nil {
			return nil, nil, err
		}
		differ = differ || s.have[i].Type != s.want[i].Type
	}
	if !differ {
		return defs, r, nil
	}
	return defs, s, nil
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
