package proxy

// cursor.go: cursors of prepared statements. As on a server, the rows are made when the statement is executed, and kept
// (in memory, then in an unlinked file) until COM_STMT_FETCH asks for them: no server's connection waits for a client.

import (
	"encoding/binary"
	"errors"
	"io"

	"serval/proxy/backend"
	"serval/proxy/merge"
	"serval/proxy/wire"
)

// cursorMemory is how much of a cursor's rows is kept in memory, in bytes.
const cursorMemory = 64 << 10

// wantsCursor tells whether the statement being executed is to leave its rows for COM_STMT_FETCH.
func (c *session) wantsCursor() bool {
	return c.binary() && c.execution.of != nil && c.execution.parsed.Flags&wire.CursorReadOnly != 0
}

// relayToCursor reads an answer, and keeps its rows when it has some.
func (c *session) relayToCursor(conn *backend.Conn) (wire.Outcome, error) {
	r, err := wire.ReadResult(conn.Conn)
	if err != nil {
		return c.cursorFailed(err)
	}
	if r.OK != nil {
		return c.relayOK(r)
	}
	var out wire.Outcome
	defs, rows, err := c.retyped(r)
	if err == nil {
		rows = &countedRows{Stream: rows, n: &out.Rows}
		err = c.openCursor(rows)
	}
	if err != nil {
		return c.cursorFailed(err)
	}
	out = wire.Outcome{Kind: wire.OutcomeRows, Rows: out.Rows, Status: r.Status, Warnings: r.Warnings, Columns: len(r.Columns), Started: true}
	if err := c.answerCursor(defs, r.Warnings, c.patch.Status(r.Status)); err != nil {
		return out, &wire.SideError{Side: wire.SideClient, Err: err}
	}
	return out, nil
}

// countedRows counts the rows that it passes on.
type countedRows struct {
	merge.Stream
	n *uint64
}

// Next implements merge.Stream.
func (s *countedRows) Next() ([]byte, error) {
	row, err := s.Stream.Next()
	if err == nil {
		*s.n++
	}
	return row, err
}

// cursorFailed is the end of an execution whose rows could not be had.
func (c *session) cursorFailed(err error) (wire.Outcome, error) {
	var refused *wire.Error
	if errors.As(err, &refused) {
		return c.refusedToPrepare(refused)
	}
	return wire.Outcome{}, &wire.SideError{Side: wire.SideBackend, Err: err}
}

// openCursor keeps a stream's rows for the prepared statement being executed.
func (c *session) openCursor(rows merge.Stream) error {
	spool := merge.NewSpool(cursorMemory)
	if err := spool.AppendAll(rows); err != nil {
		spool.Close()
		return err
	}
	c.prepared.cursor = &cursor{spool: spool, rows: spool.Stream()}
	return nil
}

// answerCursor sends the columns, as the client sees them, of a result whose rows are kept.
func (c *session) answerCursor(defs [][]byte, warnings, status uint16) error {
	if err := c.writeDefinitions(defs); err != nil {
		return err
	}
	return c.conn.WriteRowsEnd(warnings, status|wire.StatusCursorExists)
}

// closeCursor forgets rows that were not fetched.
func (ps *preparedStatement) closeCursor() {
	if ps.cursor != nil {
		ps.cursor.spool.Close()
		ps.cursor = nil
	}
}

// fetch handles COM_STMT_FETCH.
func (c *session) fetch(p []byte) error {
	ps, err := c.statementOf(p, "mysqld_stmt_fetch")
	switch {
	case err != nil:
	case len(p) < 9:
		err = errMalformedPacket()
	case ps.cursor == nil:
		err = protocolError(1421, "HY000", "The statement (%d) has no open cursor.", ps.id)
	}
	if err != nil {
		c.fail(err)
		return nil
	}
	more := wire.StatusCursorExists
	for range binary.LittleEndian.Uint32(p[5:]) {
		row, err := ps.cursor.rows.Next()
		if err == io.EOF {
			ps.closeCursor()
			more = wire.StatusLastRowSent
			break
		}
		if err != nil {
			ps.closeCursor()
			c.fail(err)
			return nil
		}
		if err := c.conn.WritePacket(row); err != nil {
			return err
		}
	}
	return c.conn.WriteRowsEnd(0, c.status(0)|uint16(more))
}
