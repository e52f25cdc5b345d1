package proxy

// lookupwrite.go: lookup indexes follow the rows of their tables, in one transaction: the rows that a statement takes away or
// changes are read before it and after it. A value that is there already is error 1062, as a unique key of the table would give
// it.

import (
	"bytes"
	"errors"
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
		case router.VerbUpdate:
			done, warnings, err = c.keepUpdated(p)
		default:
			done, warnings, err = c.keepDeleted(p)
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
	id    string // of the row: its primary key
	value []byte
	key   []byte
}

// keepDeleted is DELETE: the rows are read, with their locks, before they go.
func (c *session) keepDeleted(p *router.Plan) (*wire.OK, []warning, error) {
	before, err := c.lookupRows(p, c.changedRows())
	if err != nil {
		return nil, nil, err
	}
	r, err := c.stepKept(c.currentText())
	if err != nil {
		return nil, nil, err
	}
	for i, l := range p.Kept.Lookups {
		if err := c.dropFromLookup(l, before[i]); err != nil {
			return nil, nil, err
		}
	}
	return r.OK, r.Warnings, nil
}

// keepUpdated is UPDATE: what the rows have become is read by their primary keys. The index takes them in their order, so that
// two rows that change places are a duplicate, as on a server.
func (c *session) keepUpdated(p *router.Plan) (*wire.OK, []warning, error) {
	before, err := c.lookupRows(p, c.changedRows())
	if err != nil {
		return nil, nil, err
	}
	r, err := c.stepKept(c.currentText())
	if err != nil {
		return nil, nil, err
	}
	if len(before) == 0 || len(before[0]) == 0 {
		return r.OK, r.Warnings, nil
	}
	after, err := c.lookupRowsByID(p, before[0])
	if err != nil {
		return nil, nil, err
	}
	for i, l := range p.Kept.Lookups {
		now := map[string]lookupRow{}
		for _, row := range after[i] {
			now[row.id] = row
		}
		for _, old := range before[i] {
			new, ok := now[old.id]
			if ok && bytes.Equal(old.value, new.value) && bytes.Equal(old.key, new.key) {
				continue
			}
			if err := c.dropFromLookup(l, []lookupRow{old}); err != nil {
				return nil, nil, err
			}
			if err := c.putIntoLookup(p.Kept.Table, l, []lookupRow{new}); err != nil {
				return nil, nil, err
			}
		}
	}
	return r.OK, r.Warnings, nil
}

// changedRows is the part of a SELECT from FROM on that finds the rows that the current statement is about.
func (c *session) changedRows() string {
	var st fingerprint.Statement
	st.Scan(c.currentText(), c.state.mode)
	table, where, _ := router.ChangedRows(&st)
	return " FROM " + table + " " + where
}

// lookupRows reads rows of the statement's table with their locks: for each lookup index what it holds of them.
func (c *session) lookupRows(p *router.Plan, from string) ([][]lookupRow, error) {
	t := p.Kept.Table
	ids := t.PrimaryColumns()
	columns := append(slices.Clone(ids), t.Key)
	for _, l := range p.Kept.Lookups {
		columns = append(columns, l.Column)
	}
	quoted := make([]string, len(columns))
	for i, name := range columns {
		quoted[i] = rewrite.Quote(name)
	}
	r, err := c.stepAt(c.keptAt-1, []byte("SELECT "+strings.Join(quoted, ", ")+from+" FOR UPDATE"))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	rows := make([][]lookupRow, len(p.Kept.Lookups))
	for {
		row, err := r.Next()
		switch {
		case err == io.EOF:
			return rows, nil
		case err != nil:
			return nil, err
		}
		var id []byte
		for i := range ids {
			if i > 0 {
				id = append(id, ',')
			}
			id = carry.Append(id, &r.Columns[i], row[i], c.state.mode)
		}
		key := carry.Append(nil, &r.Columns[len(ids)], row[len(ids)], c.state.mode)
		for i := range rows {
			at := len(ids) + 1 + i
			one := lookupRow{id: string(id), key: key}
			if row[at] != nil {
				one.value = carry.Append(nil, &r.Columns[at], row[at], c.state.mode)
			}
			rows[i] = append(rows[i], one)
		}
	}
}

// lookupRowsByID is lookupRows for rows that are known.
func (c *session) lookupRowsByID(p *router.Plan, known []lookupRow) ([][]lookupRow, error) {
	t := p.Kept.Table
	ids := t.PrimaryColumns()
	for i, name := range ids {
		ids[i] = rewrite.Quote(name)
	}
	out := make([][]lookupRow, len(p.Kept.Lookups))
	for batch := range slices.Chunk(known, lookupBatch) {
		var in []string
		for _, row := range batch {
			in = append(in, "("+row.id+")")
		}
		rows, err := c.lookupRows(p, " FROM "+quotedTable(t)+" WHERE ("+strings.Join(ids, ", ")+") IN ("+strings.Join(in, ", ")+")")
		if err != nil {
			return nil, err
		}
		for i := range rows {
			out[i] = append(out[i], rows[i]...)
		}
	}
	return out, nil
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
