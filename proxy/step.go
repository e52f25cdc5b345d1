package proxy

// step.go: one step of a statement that is carried out in several: a statement of logical SQL that goes the way of a
// client's own (plan, route, relay or merge or write, in the same transaction), but whose answer is caught. A step may be
// carried out in steps itself.

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"serval/proxy/wire"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// stepResult is what a step answered. Rows have to be read or given up by Close.
type stepResult struct {
	OK       *wire.OK      // of a write; nil: there are rows
	Columns  []wire.Column // of the rows, under logical names
	Warnings []warning
	// LastInsertID is what LAST_INSERT_ID() was after the step.
	LastInsertID uint64

	lastInsertID uint64 // what LAST_INSERT_ID() is after it

	box    *spillBox
	rows   *wire.Result
	binary bool
	values [][]byte
	text   []byte
}

// step carries out a statement as a part of the current one. What it does to ROW_COUNT(), LAST_INSERT_ID() and the like
// is forgotten. Its error is a server's, under logical names, or a refusal.
func (c *session) step(sql []byte) (*stepResult, error) {
	defer c.setAside()()
	c.stepping++
	defer func() { c.stepping-- }()
	r := &stepResult{box: newSpillBox(), binary: returnsRows(sql)}
	to := c.conn
	c.conn = wire.NewConn(r.box)
	err := c.carryOut(sql, r.binary)
	if flushed := c.conn.Flush(); err == nil || err == errAnswered {
		err = flushed
	}
	c.conn = to
	if r.box.failed != nil { // and not the client's connection
		err = protocolError(codeOutOfDisk, "HY000", "%v", r.box.failed)
	}
	if err == nil {
		r.lastInsertID = c.lastInsertID
		r.Warnings, r.LastInsertID = append(r.Warnings, c.warnings...), c.lastInsertID
		err = r.open()
	}
	if err != nil {
		r.Close()
		return nil, plainly(err) // it came in UTF-8
	}
	return r, nil
}

// stepAt is step in one shard of the tables that the statement names, whatever its keys say; shard -1: where they say.
func (c *session) stepAt(shard int, sql []byte) (*stepResult, error) {
	c.at = shard + 1
	defer func() { c.at = 0 }()
	return c.step(sql)
}

// carryOut has a text carried out; one that gives rows as an execution of a prepared statement: values of the binary
// protocol have all their digits.
func (c *session) carryOut(sql []byte, binary bool) error {
	if !binary {
		c.st.Scan(sql, c.state.mode)
		_, _, err := c.statement()
		return err
	}
	ps := &preparedStatement{text: sql, db: c.db, sets: c.state.sets, names: c.state.connectionNames()}
	ps.st.Scan(sql, c.state.mode|fingerprint.Prepared)
	c.enterStatement(ps)
	defer c.leaveStatement()
	c.execution.of = ps
	c.st.Bound = &c.execution
	_, _, err := c.executeBound(ps)
	return err
}

// returnsRows tells by its first word whether a statement is a query.
func returnsRows(sql []byte) bool {
	word := bytes.TrimLeft(sql, "( \t\r\n")
	for _, verb := range []string{"select", "with", "table", "values"} {
		if len(word) > len(verb) && strings.EqualFold(string(word[:len(verb)]), verb) {
			return true
		}
	}
	return false
}

// setAside puts what belongs to the current statement out of a step's way, until done is called. Results come in UTF-8
// meanwhile, and all of them: what the client set for its own does not hold for a step's.
func (c *session) setAside() (done func()) {
	st, route, args, patch, executed := c.st, c.route, c.args, c.patch, c.execution
	prepared, byName, known, tracker, composing := c.prepared, c.byName, c.known, c.tracker, c.composing
	key, sql, statementID, describing, more := c.key, c.sql, c.statementID, c.describing, c.more
	warnings, rowCount, lastInsertID, found := c.warnings, c.rowCount, c.lastInsertID, c.found
	c.st, c.route, c.args, c.execution = fingerprint.Statement{}, router.Route{}, rewrite.Arguments{}, execution{}
	c.patch = patcher{session: c}
	c.prepared, c.byName, c.tracker, c.composing, c.describing, c.more = nil, nil, nil, false, nil, false
	c.key, c.sql, c.statementID, c.warnings = nil, nil, nil, nil
	made := c.made
	c.made = numbers{}
	state := c.plainResults()
	return func() {
		c.goesOn()
		c.st, c.route, c.args, c.patch, c.execution = st, route, args, patch, executed
		c.prepared, c.byName, c.known, c.tracker, c.composing = prepared, byName, known, tracker, composing
		c.key, c.sql, c.statementID, c.describing, c.more = key, sql, statementID, describing, more
		c.made = made
		c.warnings, c.rowCount, c.lastInsertID, c.found = warnings, rowCount, lastInsertID, found
		if state != nil {
			state.users = c.state.users
			state.render()
			c.state = *state
		}
	}
}

// plainResults has results come in UTF-8 and without sql_select_limit. What the state was is returned when it had to change.
func (c *session) plainResults() *sessionState {
	_, limited := c.state.vars["sql_select_limit"]
	if c.state.sets.results == "utf8mb4" && !limited {
		return nil
	}
	old := c.state
	c.state = old.clone()
	delete(c.state.vars, "sql_select_limit")
	c.state.vars["character_set_results"] = "'utf8mb4'"
	c.state.render()
	c.state.clientTable = old.clientTable
	return &old
}

// open reads how the answer begins.
func (r *stepResult) open() error {
	rows, err := wire.ReadResult(wire.NewConn(r.box))
	if err != nil {
		return err
	}
	r.rows, r.OK = rows, rows.OK
	r.Columns = make([]wire.Column, len(rows.Columns))
	for i := range rows.Columns {
		if err := wire.ParseColumn(rows.Columns[i], &r.Columns[i]); err != nil {
			return err
		}
	}
	return nil
}

// Next gives the next row, as text; nil is NULL. It is valid until the next call. The error after the last row is io.EOF.
func (r *stepResult) Next() ([][]byte, error) {
	if r.OK != nil {
		return nil, io.EOF
	}
	row, err := r.rows.Next()
	if err != nil {
		return nil, err
	}
	if r.values = r.values[:0]; r.text == nil {
		r.text = []byte{} // an empty value is not nil, which is NULL
	}
	r.text = r.text[:0]
	if r.binary {
		return r.binaryRow(row)
	}
	for at := row; len(at) > 0; {
		value, null, n, ok := wire.ReadLenEncBytes(at)
		if !ok {
			return nil, fmt.Errorf("a step's row is malformed")
		}
		if null {
			value = nil
		}
		r.values, at = append(r.values, value), at[n:]
	}
	return r.values, nil
}

// binaryRow reads a row of the binary layout: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html
func (r *stepResult) binaryRow(row []byte) ([][]byte, error) {
	nulls := 1 + (len(r.Columns)+9)/8
	if len(row) < nulls {
		return nil, fmt.Errorf("a step's row is malformed")
	}
	at := row[nulls:]
	ends := make([]int, len(r.Columns)) // text may move while it grows
	for i := range r.Columns {
		col := &r.Columns[i]
		if row[1+(i+2)/8]&(1<<((i+2)%8)) != 0 {
			ends[i] = -1
			continue
		}
		n, ok := wire.BinarySize(col.Type, at)
		if !ok {
			return nil, fmt.Errorf("a step's row is malformed")
		}
		var err error
		if r.text, err = wire.AppendTextValue(r.text, col.Type, col.Flags&wire.FlagUnsigned != 0, col.Decimals, at[:n]); err != nil {
			return nil, err
		}
		ends[i], at = len(r.text), at[n:]
	}
	start := 0
	for _, end := range ends {
		if end < 0 {
			r.values = append(r.values, nil)
			continue
		}
		r.values, start = append(r.values, r.text[start:end:end]), end
	}
	return r.values, nil
}

// Close gives up the rows that were not read.
func (r *stepResult) Close() { r.box.Close() }
