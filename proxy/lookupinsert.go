package proxy

// lookupinsert.go: INSERT into tables with lookup indexes. Values and keys are in the statement, so that a row costs its table's
// INSERT and one for each index.

import (
	"errors"
	"fmt"
	"strconv"

	"serval/proxy/wire"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// keepInserted is INSERT. When a row is refused, the rows are put in one by one: the error is that of the first bad row,
// whether the table or its index refuses it.
func (c *session) keepInserted(p *router.Plan) (*wire.OK, []warning, error) {
	n := max(len(c.st.Rows), 1)
	if p.Kept.Ignore {
		return c.keepOneByOne(p, n)
	}
	var done *stepResult
	err := c.atomically(func() (err error) {
		done, err = c.insertKept(p, c.currentText(), 0, n)
		return err
	})
	if err != nil && n > 1 && ofRow(err) && (c.txn.own || c.txn.steps > 0) { // and the transaction is still the same
		_, _, first := c.keepOneByOne(p, n)
		return nil, nil, errorOr(first, err)
	}
	if err != nil {
		return nil, nil, err
	}
	c.lastInsertID = done.lastInsertID
	return done.OK, done.Warnings, nil
}

// keepOneByOne puts every row in by itself. With IGNORE those with a value that an index has already are left out, with the
// error as a warning.
func (c *session) keepOneByOne(p *router.Plan, n int) (*wire.OK, []warning, error) {
	var (
		st       fingerprint.Statement
		done     wire.OK
		warnings []warning
		first    uint64 // generated id
	)
	st.Scan(c.currentText(), c.state.mode)
	for row := range n {
		var r *stepResult
		err := c.atomically(func() (err error) {
			r, err = c.insertKept(p, oneRow(&st, row), row, 1)
			return err
		})
		var e *wire.Error
		switch {
		case err == nil:
		case p.Kept.Ignore && errors.As(err, &e) && e.Code == codeDuplicate:
			warnings = append(warnings, warning{"Warning", e.Code, e.Message})
			continue
		case errors.As(err, &e):
			e.Message = atRow(e.Message, row)
			return nil, nil, e
		default:
			return nil, nil, err
		}
		done.AffectedRows += r.OK.AffectedRows
		if r.OK.LastInsertID != 0 && first == 0 {
			first = r.OK.LastInsertID
			c.lastInsertID = r.lastInsertID
		}
		for _, w := range r.Warnings {
			w.message = atRow(w.message, row)
			warnings = append(warnings, w)
		}
	}
	done.LastInsertID, done.Warnings = first, uint16(len(warnings))
	if n > 1 {
		done.Info = fmt.Appendf(nil, "Records: %d  Duplicates: %d  Warnings: %d", n, uint64(n)-done.AffectedRows, len(warnings))
	}
	return &done, warnings, nil
}

// oneRow is the INSERT of one of a statement's rows.
func oneRow(st *fingerprint.Statement, row int) []byte {
	if len(st.Rows) < 2 {
		return st.Text[:st.End]
	}
	sql := append([]byte{}, st.Text[:st.Rows[0].Start]...)
	sql = append(sql, st.Text[st.Rows[row].Start:st.Rows[row].End]...)
	return append(sql, st.Text[st.Rows[len(st.Rows)-1].End:st.End]...)
}

// atRow gives a message about a statement's only row the number that the row has in the client's.
func atRow(message string, row int) string {
	if head, _, found := cutLast(message, " at row "); found {
		return head + " at row " + strconv.Itoa(row+1)
	}
	return message
}

// insertKept inserts rows of the current statement into the table, and what the indexes hold of them.
func (c *session) insertKept(p *router.Plan, sql []byte, first, n int) (*stepResult, error) {
	r, err := c.stepKept(sql)
	if err != nil {
		return nil, err
	}
	if r.OK.AffectedRows == 0 { // IGNORE
		return r, nil
	}
	for i, l := range p.Kept.Lookups {
		rows := make([]lookupRow, 0, n)
		for row := first; row < first+n; row++ {
			value, negate := p.Kept.InsertedValue(&c.st, row, i)
			one := lookupRow{value: c.appendLiteralOf(nil, value, negate)}
			if c.isNull(value) {
				if column := p.Kept.Table.Column(l.Column); column != nil && !column.Nullable {
					return nil, notSupported("Serval does not support NULL for the NOT NULL column %s, which has a lookup index, where a server takes it: give it a value", l.Column)
				}
				one.value = nil
			}
			if one.key, err = c.insertedKey(p, row); err != nil {
				return nil, err
			}
			rows = append(rows, one)
		}
		if err := c.putIntoLookup(p.Kept.Table, l, rows); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// insertedKey is the shard key of a row of the current INSERT, as a literal.
func (c *session) insertedKey(p *router.Plan, row int) ([]byte, error) {
	l, negate, ok := p.Kept.InsertedKey(&c.st, row)
	if !ok || c.isNull(l) {
		return nil, notSupported("Serval does not support a generated shard key in an INSERT into a table with lookup indexes")
	}
	return c.appendLiteralOf(nil, l, negate), nil
}

// isNull tells whether a literal of the current statement is NULL.
func (c *session) isNull(l fingerprint.Literal) bool {
	if l.Kind == fingerprint.Parameter && c.st.Bound != nil {
		kind, _ := c.st.Bound.Value(int(l.Number))
		return kind == fingerprint.Null
	}
	return l.Kind == fingerprint.Null
}
