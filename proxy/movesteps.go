package proxy

// movesteps.go: UPDATE of a shard key in steps. The rows are searched for and locked; each is changed in the shard where it is,
// by the client's own assignments; those whose new key is another shard's are read there, removed and inserted where they
// belong. Rows are taken in the order in which one server would take them, so that duplicates are the same.

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"serval/proxy/carry"
	"serval/proxy/wire"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// moveRows is how many rows are moved at a time where they may be.
const moveRows = 200

// movement is the work on one such statement.
type movement struct {
	changing
	move *router.Move
}

// movingRow is a row that was found.
type movingRow struct {
	number   int // in the statement
	from, to int // shards; to is -1 when the new key has none, and a server is to say why
	was, is  []byte
	old      []lookupRow // what lookup indexes hold of it
}

// moveSteps carries out an UPDATE that changes the shard key. Where many rows are moved at a time and one is a duplicate, it is
// found which by doing it again row by row.
func (c *session) moveSteps(p *router.Plan) error {
	var st fingerprint.Statement
	st.Scan(c.currentText(), c.state.mode)
	move, err := c.srv.planner.Move(&st, c.namesDB(), c.known.catalog)
	if err != nil {
		return err
	}
	if move.Itself {
		if err := c.mayReadItself(p); err != nil {
			return err
		}
	}
	defer c.stopClock()()
	m := &movement{changing: changing{c: c, pick: &move.Pick}, move: move}
	err = c.atomically(m.run)
	var e *wire.Error
	if errors.As(err, &e) && move.Together && !clientSide(e) && e.Code != codeDeadlock && e.Code != codeLockWait && !c.txn.lost {
		move.Together = false
		m = &movement{changing: changing{c: c, pick: &move.Pick}, move: move}
		err = c.atomically(m.run)
	}
	if err != nil {
		return err
	}
	return m.answer()
}

// run searches and moves.
func (m *movement) run() error {
	r, err := m.search()
	if err != nil {
		return err
	}
	defer r.Close()
	if err := m.asWrite(r.Warnings); err != nil {
		return err
	}
	m.warnings, m.counted = append(m.warnings, r.Warnings...), len(r.Warnings)
	most := 1
	if m.move.Together {
		most = moveRows
	}
	lots := map[int][]movingRow{}
	for {
		row, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		found, err := m.read(r, row)
		if err != nil {
			return err
		}
		lots[found.from] = append(lots[found.from], found)
		if lot := lots[found.from]; len(lot) >= most {
			delete(lots, found.from)
			if err := m.change(lot); err != nil {
				return err
			}
		}
	}
	for shard := range m.move.Table.Shards {
		if err := m.change(lots[shard]); err != nil {
			return err
		}
	}
	if m.rows == 0 {
		return m.nothing()
	}
	return nil
}

// read makes a row of the search.
func (m *movement) read(r *stepResult, row [][]byte) (movingRow, error) {
	m.rows++
	t := &m.move.Targets[0]
	found := movingRow{number: m.rows, to: -1}
	var err error
	if found.from, err = m.move.Table.ShardOf(row[t.Key]); err != nil {
		return found, err
	}
	if at, err := m.move.Table.ShardOf(row[m.move.Key]); err == nil {
		found.to = at
	}
	found.was, found.is = m.tuple(r, row, t.Columns), m.become(r, row)
	key := carry.Append(nil, &r.Columns[t.Key], row[t.Key], m.c.state.mode)
	for _, at := range m.move.Lookups {
		old := lookupRow{key: key}
		if row[at] != nil {
			old.value = carry.Append(nil, &r.Columns[at], row[at], m.c.state.mode)
		}
		found.old = append(found.old, old)
	}
	return found, nil
}

// tuple writes values of a row as literals.
func (m *movement) tuple(r *stepResult, row [][]byte, places []int) (out []byte) {
	for i, at := range places {
		if i > 0 {
			out = append(out, ',')
		}
		out = carry.Append(out, &r.Columns[at], row[at], m.c.state.mode)
	}
	return out
}

// become writes the identity that a row will have, as literals that compare with its columns: a number that goes into a text is a
// text there.
func (m *movement) become(r *stepResult, row [][]byte) (out []byte) {
	names := m.move.Targets[0].Identity
	for i, at := range m.move.Identity {
		if i > 0 {
			out = append(out, ',')
		}
		column := r.Columns[at]
		if c := m.move.Table.Column(names[i]); c != nil && c.Collation != "" && column.Charset == wire.CollationBinary && column.Type != wire.TypeVarString && column.Type != wire.TypeString {
			column.Type, column.Charset = wire.TypeVarString, wire.CollationUTF8MB4GeneralCI
		}
		out = carry.Append(out, &column, row[at], m.c.state.mode)
	}
	return out
}

// change changes rows of one shard, and moves those that do not stay.
func (m *movement) change(lot []movingRow) error {
	if len(lot) == 0 {
		return nil
	}
	t := &m.move.Targets[0]
	var ids [][]byte
	var order []int
	for _, row := range lot {
		ids, order = append(ids, row.was), append(order, row.number)
	}
	changed := m.changed
	if err := m.step(t.Write(nil, nil, condition(t.Identity, ids)), lot[0].from, order); err != nil {
		return err
	}
	if m.changed == changed { // they were so before
		return nil
	}
	to := map[int][][]byte{}
	for _, row := range lot {
		switch {
		case row.to < 0:
			return m.noShard()
		default: // also those that stay: what a server has stored may be another key than the one that was computed
			to[row.to] = append(to[row.to], row.is)
		}
	}
	for shard := range m.move.Table.Shards {
		if len(to[shard]) == 0 {
			continue
		}
		if err := m.carryOver(lot[0].from, shard, to[shard], lot); err != nil {
			return err
		}
	}
	return nil
}

// noShard refuses a key that a server has taken and that has no shard, or is not what the statement says.
func (m *movement) noShard() error {
	t := m.move.Table
	return notSupported("Serval does not support the new shard key on table '%s.%s': it has no shard, or the column %s does not hold it as it is written; give it a value of the column's type", t.Database, t.Name, t.Key)
}

// carryOver takes changed rows from one shard to another, bit by bit: read, removed, inserted. Rows that stay are only read, for
// the lookup indexes.
func (m *movement) carryOver(from, to int, ids [][]byte, lot []movingRow) error {
	defer m.c.plainly()()
	where := condition(m.move.Targets[0].Identity, ids)
	r, err := m.c.stepAt(from, m.move.Taken(where))
	if err != nil {
		return err
	}
	defer r.Close()
	rows, lookups, err := m.taken(r, to)
	if err != nil {
		return err
	}
	if len(rows) != len(ids) {
		return m.noShard()
	}
	if from != to {
		if err := m.rewritten(from, m.move.Removed(where), len(rows)); err != nil {
			return err
		}
		if err := m.rewritten(to, m.move.Inserted(nil, rows), len(rows)); err != nil {
			return err
		}
	}
	return m.lookups(lot, lookups)
}

// taken reads rows as literals, and what lookup indexes are to hold of them. They are those of the shard to.
func (m *movement) taken(r *stepResult, to int) (rows [][]byte, lookups [][]lookupRow, err error) {
	for {
		row, err := r.Next()
		if err == io.EOF {
			return rows, lookups, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if at, err := m.move.Table.ShardOf(row[m.keyColumn()]); err != nil || at != to {
			return nil, nil, m.noShard()
		}
		var text []byte
		values := map[string][]byte{}
		for i := range r.Columns {
			if i > 0 {
				text = append(text, ',')
			}
			start := len(text)
			text = carry.Append(text, &r.Columns[i], row[i], m.c.state.mode)
			if row[i] != nil {
				values[m.move.Columns[i]] = slices.Clone(text[start:])
			}
		}
		var held []lookupRow
		for _, l := range m.move.Table.Lookups {
			held = append(held, lookupRow{value: values[m.move.Table.Column(l.Column).Name], key: values[m.move.Table.KeyColumn().Name]})
		}
		rows, lookups = append(rows, text), append(lookups, held)
	}
}

// keyColumn is the place of the shard key among the columns that a row is made of.
func (m *movement) keyColumn() int {
	return slices.IndexFunc(m.move.Columns, func(name string) bool { return strings.EqualFold(name, m.move.Table.Key) })
}

// rewritten carries out a write of rows in a shard, of which nothing may be changed by the server.
func (m *movement) rewritten(shard int, sql []byte, rows int) error {
	m.c.keeping = true // of lookup indexes
	defer func() { m.c.keeping = false }()
	r, err := m.c.stepAt(shard, sql)
	if err != nil {
		return err
	}
	defer r.Close()
	if r.OK == nil || r.OK.AffectedRows != uint64(rows) || r.OK.Warnings > 0 {
		return fmt.Errorf("rows of table %s.%s were not moved as they are: %v", m.move.Table.Database, m.move.Table.Name, r.Warnings)
	}
	return nil
}

// lookups has lookup indexes follow a row; where there are such, rows are moved one by one.
func (m *movement) lookups(lot []movingRow, now [][]lookupRow) error {
	for i, l := range m.move.Table.Lookups {
		old, is := lot[0].old[i], now[0][i]
		if slices.Equal(old.value, is.value) && slices.Equal(old.key, is.key) {
			continue
		}
		if err := m.c.dropFromLookup(l, []lookupRow{old}); err != nil {
			return err
		}
		if err := m.c.putIntoLookup(m.move.Table, l, []lookupRow{is}); err != nil {
			return err
		}
	}
	return nil
}

// plainly has steps read and write values as they are stored, until done is called: no time zone, and no sql_mode that would
// change a value or refuse one that is there.
func (c *session) plainly() (done func()) {
	old := c.state
	c.state = old.clone()
	c.state.vars["sql_mode"], c.state.mode = "'NO_AUTO_VALUE_ON_ZERO'", 0
	c.state.vars["time_zone"] = "'+00:00'"
	c.state.render()
	c.state.clientTable = old.clientTable
	return func() {
		old.users = c.state.users
		old.render()
		c.state = old
	}
}
