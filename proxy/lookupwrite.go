package proxy

// lookupwrite.go: lookup indexes follow the rows of their tables, in one transaction: the rows that a statement takes away or
// changes are read before it and after it. A value that is there already is error 1062, as a unique key of the table would give
// it.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"serval/proxy/carry"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// lookupBatch is how many rows one step on a lookup index is about.
const lookupBatch = 500

// keepLookups carries a statement out together with what it means for lookup indexes. at: its place (Route.At).
func (c *session) keepLookups(p *router.Plan, at int) error {
	defer func(was int) { c.keptAt = was }(c.keptAt)
	c.keptAt = at
	var done *wire.OK
	var warnings []warning
	err := c.atomically(func() (err error) {
		switch p.Verb {
		case router.VerbInsert:
			done, warnings, err = c.keepInserted(p)
		default:
			done, warnings, err = c.keepChanged(p)
		}
		return err
	})
	if err != nil {
		return err
	}
	c.numbersDone(done)
	c.warnings, c.rowCount = warnings, int64(done.AffectedRows)
	if p.Verb == router.VerbUpdate && !c.known.flavor.mariadb {
		c.found = infoNumbers(done.Info)[0]
	}
	return clientError(c.ok(done))
}

// stepKept carries a change of the table itself out.
func (c *session) stepKept(sql []byte) (*stepResult, error) {
	c.keeping = true
	defer func() { c.keeping = false }()
	r, err := c.stepAt(c.keptAt-1, sql)
	if err == nil {
		r.Close()
	}
	return r, err
}

// lookupRow is what a lookup index holds of a row, as literals; value is nil for NULL, which is in none.
type lookupRow struct {
	id    string // of the row: its key
	value []byte
	key   []byte
}

// keepChanged is UPDATE and DELETE. The rows are read with their locks, and written by their keys, a lot at a time: their
// condition is evaluated once, and what is written is what was read. The index takes rows in their order, so that two that
// change places are a duplicate, as on a server.
func (c *session) keepChanged(p *router.Plan) (*wire.OK, []warning, error) {
	defer c.stopClock()()
	statement, from := c.changedRows()
	r, err := c.searchKept(p, from)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	var w keptWrites
	for {
		lot, err := c.readKept(p, r, lookupBatch)
		if err != nil {
			return nil, nil, err
		}
		if len(lot.ids) == 0 {
			break
		}
		if err := c.changeKept(p, statement, &lot, &w); err != nil {
			return nil, nil, err
		}
	}
	if w.lots == 0 { // a server still says what is wrong with the statement
		if err := w.add(c.stepKept([]byte(statement + " WHERE 1 = 0"))); err != nil {
			return nil, nil, err
		}
	}
	return w.answer(p), w.warnings, nil
}

// keptWrites is what the lots did together.
type keptWrites struct {
	ok               wire.OK
	matched, changed uint64
	lots             int
	told             bool // a lot had an info
	warnings         []warning
}

func (w *keptWrites) add(r *stepResult, err error) error {
	if err != nil {
		return err
	}
	n := infoNumbers(r.OK.Info)
	w.lots, w.told = w.lots+1, w.told || len(r.OK.Info) > 0
	w.ok.AffectedRows += r.OK.AffectedRows
	w.ok.Warnings += r.OK.Warnings
	w.matched, w.changed = w.matched+n[0], w.changed+n[1]
	w.warnings = append(w.warnings, r.Warnings...)
	return nil
}

func (w *keptWrites) answer(p *router.Plan) *wire.OK {
	if p.Verb == router.VerbUpdate && w.told {
		w.ok.Info = fmt.Appendf(nil, "Rows matched: %d  Changed: %d  Warnings: %d", w.matched, w.changed, w.ok.Warnings)
	}
	return &w.ok
}

// keptLot are some of the rows: their keys, and for each lookup index what it holds of them.
type keptLot struct {
	ids  [][]byte
	rows [][]lookupRow
}

// changeKept carries the statement out for a lot of rows, and has the indexes follow.
func (c *session) changeKept(p *router.Plan, statement string, lot *keptLot, w *keptWrites) error {
	where := " WHERE " + condition(p.Kept.Table.KeptBy(), lot.ids)
	if err := w.add(c.stepKept([]byte(statement + where))); err != nil {
		return err
	}
	if p.Verb == router.VerbDelete {
		for i, l := range p.Kept.Lookups {
			if err := c.dropFromLookup(l, lot.rows[i]); err != nil {
				return err
			}
		}
		return nil
	}
	r, err := c.searchKept(p, " FROM "+quotedTable(p.Kept.Table)+where)
	if err != nil {
		return err
	}
	defer r.Close()
	after, err := c.readKept(p, r, len(lot.ids))
	if err != nil {
		return err
	}
	for i, l := range p.Kept.Lookups {
		if err := c.followKept(p, l, lot.rows[i], after.rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// followKept has an index follow rows from what they were to what they are.
func (c *session) followKept(p *router.Plan, l *router.Lookup, before, after []lookupRow) error {
	now := map[string]lookupRow{}
	for _, row := range after {
		now[row.id] = row
	}
	for _, old := range before {
		new, ok := now[old.id]
		if ok && bytes.Equal(old.value, new.value) {
			continue
		}
		if err := c.dropFromLookup(l, []lookupRow{old}); err != nil {
			return err
		}
		if err := c.putIntoLookup(p.Kept.Table, l, []lookupRow{new}); err != nil {
			return err
		}
	}
	return nil
}

// changedRows are the pieces of the current statement: all of it but its condition, and the part of a SELECT from FROM on that
// finds its rows.
func (c *session) changedRows() (statement, from string) {
	var st fingerprint.Statement
	st.Scan(c.currentText(), c.state.mode)
	table, where, _ := router.ChangedRows(&st)
	return string(st.Text[:st.End-len(where)]), " FROM " + table + " " + where
}

// searchKept reads rows of the statement's table with their locks.
func (c *session) searchKept(p *router.Plan, from string) (*stepResult, error) {
	t := p.Kept.Table
	columns := append(t.KeptBy(), t.Key)
	for _, l := range p.Kept.Lookups {
		columns = append(columns, l.Column)
	}
	for i, name := range columns {
		columns[i] = rewrite.Quote(name)
	}
	return c.stepAt(c.keptAt-1, []byte("SELECT "+strings.Join(columns, ", ")+from+" FOR UPDATE"))
}

// readKept reads the next rows of a search.
func (c *session) readKept(p *router.Plan, r *stepResult, most int) (lot keptLot, err error) {
	ids := len(p.Kept.Table.KeptBy())
	lot.rows = make([][]lookupRow, len(p.Kept.Lookups))
	for len(lot.ids) < most {
		row, err := r.Next()
		switch {
		case err == io.EOF:
			return lot, nil
		case err != nil:
			return lot, err
		}
		var id []byte
		for i := range ids {
			if i > 0 {
				id = append(id, ',')
			}
			id = carry.Append(id, &r.Columns[i], row[i], c.state.mode)
		}
		key := carry.Append(nil, &r.Columns[ids], row[ids], c.state.mode)
		lot.ids = append(lot.ids, id)
		for i := range lot.rows {
			one := lookupRow{id: string(id), key: key}
			if at := ids + 1 + i; row[at] != nil {
				one.value = carry.Append(nil, &r.Columns[at], row[at], c.state.mode)
			}
			lot.rows[i] = append(lot.rows[i], one)
		}
	}
	return lot, nil
}

// dropFromLookup takes rows out of a lookup index.
func (c *session) dropFromLookup(l *router.Lookup, rows []lookupRow) error {
	rows = withValue(rows)
	for batch := range slices.Chunk(rows, lookupBatch) {
		sql := []byte("DELETE FROM " + quotedTable(l.Table) + " WHERE " + rewrite.Quote(l.Column) + " IN (")
		for i, row := range batch {
			if i > 0 {
				sql = append(sql, ',')
			}
			sql = append(sql, row.value...)
		}
		r, err := c.step(append(sql, ')'))
		if err != nil {
			return err
		}
		r.Close()
		if r.OK == nil || int(r.OK.AffectedRows) != len(batch) && l.State == router.LookupReady {
			c.srv.log.Error("a lookup index lacked rows of its table: serval lookup check", "lookup", l.Table.Database+"."+l.Table.Name)
		}
	}
	return nil
}

func withValue(rows []lookupRow) []lookupRow {
	return slices.DeleteFunc(slices.Clone(rows), func(r lookupRow) bool { return r.value == nil })
}

// putIntoLookup puts rows into a lookup index. Its error is that of a unique key of the table.
func (c *session) putIntoLookup(t *router.Table, l *router.Lookup, rows []lookupRow) error {
	rows = withValue(rows)
	for batch := range slices.Chunk(rows, lookupBatch) {
		sql := []byte("INSERT INTO " + quotedTable(l.Table) + " VALUES ")
		for i, row := range batch {
			if i > 0 {
				sql = append(sql, ',')
			}
			sql = append(append(append(append(append(sql, '('), row.value...), ','), row.key...), ')')
		}
		r, err := c.step(sql)
		if err != nil {
			return c.duplicateOf(t, l, err)
		}
		r.Close()
	}
	return nil
}

// duplicateOf names the table's own key in the error of a value that its lookup index has already.
func (c *session) duplicateOf(t *router.Table, l *router.Lookup, err error) error {
	var e *wire.Error
	if errors.As(err, &e) && e.Code == codeDuplicate {
		e.Message = strings.Replace(e.Message, "'"+l.Table.Name+".", "'"+t.Name+".", 1)
	}
	return err
}
