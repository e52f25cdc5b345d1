package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/dolthub/vitess/go/mysql"
	"github.com/dolthub/vitess/go/sqltypes"
	querypb "github.com/dolthub/vitess/go/vt/proto/query"
)

// serial.go: makes the in-memory engine safe for several clients, and its connections closable.
//
// The engine's memory tables have no concurrency control: every statement, reads included, ends by putting the
// tables it saw back, so that a read can undo another session's write. Here statements run one after another.
// A result is kept until its statement has ended, for a scatter may read a second connection's rows before it goes
// on with the first one's: holding the turn while rows are sent would be a deadlock. Transactions are not
// isolated from each other for all that, which is why the demo is for looking around and not for tests.

// serialHandler hands one statement at a time to the engine behind it.
type serialHandler struct {
	mysql.Handler // the engine's; what is not overridden below touches no table

	turn sync.Mutex // held by the statement that runs

	ending context.Context // done when the server closes: ends what runs, refuses what waits
	end    context.CancelFunc

	mu    sync.Mutex
	open  map[*mysql.Conn]struct{}
	ended sync.WaitGroup // connections
}

func newSerialHandler(engine mysql.Handler) *serialHandler {
	h := &serialHandler{Handler: engine, open: make(map[*mysql.Conn]struct{})}
	h.ending, h.end = context.WithCancel(context.Background())
	return h
}

// ComQuery runs one statement.
func (h *serialHandler) ComQuery(ctx context.Context, c *mysql.Conn, query string, send mysql.ResultSpoolFn) error {
	if isKill(query) { // its victim may be the statement that has the turn
		return h.Handler.ComQuery(ctx, c, query, send)
	}
	var kept keptResult
	run := func(ctx context.Context) error { return h.Handler.ComQuery(ctx, c, query, kept.add) }
	if err := h.inTurn(ctx, run); err != nil {
		return err
	}
	return kept.replay(send)
}

// ComStmtExecute runs one prepared statement.
func (h *serialHandler) ComStmtExecute(ctx context.Context, c *mysql.Conn, prepared *mysql.PrepareData, send func(*sqltypes.Result) error) error {
	var kept keptResult
	run := func(ctx context.Context) error {
		return h.Handler.ComStmtExecute(ctx, c, prepared, func(r *sqltypes.Result) error { return kept.add(r, false) })
	}
	if err := h.inTurn(ctx, run); err != nil {
		return err
	}
	return kept.replay(func(r *sqltypes.Result, _ bool) error { return send(r) })
}

// ComPrepare analyses a statement, for which the engine reads table definitions.
func (h *serialHandler) ComPrepare(ctx context.Context, c *mysql.Conn, query string, prepared *mysql.PrepareData) ([]*querypb.Field, error) {
	h.turn.Lock()
	defer h.turn.Unlock()
	return h.Handler.ComPrepare(ctx, c, query, prepared)
}

// inTurn waits for the turn and runs one statement, whose context also ends when the server closes.
func (h *serialHandler) inTurn(ctx context.Context, run func(context.Context) error) error {
	h.turn.Lock()
	defer h.turn.Unlock()
	if err := h.ending.Err(); err != nil {
		return fmt.Errorf("the server closes: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.ending, cancel)()
	return run(ctx)
}

// isKill tells whether the text is a KILL statement as Serval sends it, without comments.
func isKill(query string) bool {
	query = strings.TrimSpace(query)
	return len(query) > 4 && strings.EqualFold(query[:4], "KILL")
}

// NewConnection is called by the listener before a login.
func (h *serialHandler) NewConnection(c *mysql.Conn) {
	h.mu.Lock()
	h.ended.Add(1)
	h.open[c] = struct{}{}
	h.mu.Unlock()
	h.Handler.NewConnection(c)
	if h.ending.Err() != nil { // accepted just before the listener closed
		c.Close()
	}
}

// ConnectionClosed is called by the listener once for each NewConnection.
func (h *serialHandler) ConnectionClosed(c *mysql.Conn) {
	h.Handler.ConnectionClosed(c)
	h.mu.Lock()
	delete(h.open, c)
	h.mu.Unlock()
	h.ended.Done()
}

// closeConnections ends every statement and connection and waits for the engine to let go of them. The listener must be
// closed.
func (h *serialHandler) closeConnections() {
	h.end()
	h.mu.Lock()
	for c := range h.open {
		c.Close()
	}
	h.mu.Unlock()
	h.ended.Wait()
}

// keptResult is one statement's answer. The engine reuses the memory of values as soon as it has returned.
type keptResult struct {
	parts []*sqltypes.Result
	more  []bool
}

func (k *keptResult) add(r *sqltypes.Result, more bool) error {
	part := *r
	part.Rows = make([][]sqltypes.Value, len(r.Rows))
	for i, row := range r.Rows {
		part.Rows[i] = make([]sqltypes.Value, len(row))
		for j, v := range row {
			if !v.IsNull() {
				part.Rows[i][j] = sqltypes.MakeTrusted(v.Type(), bytes.Clone(v.Raw()))
			}
		}
	}
	k.parts = append(k.parts, &part)
	k.more = append(k.more, more)
	return nil
}

func (k *keptResult) replay(send mysql.ResultSpoolFn) error {
	for i, part := range k.parts {
		if err := send(part, k.more[i]); err != nil {
			return err
		}
	}
	return nil
}
