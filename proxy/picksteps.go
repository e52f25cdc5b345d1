package proxy

// picksteps.go: UPDATE and DELETE in steps: the rows are searched for and locked, and written by their keys, shard by shard.

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"serval/proxy/carry"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
	"serval/router"
)

const (
	writeRows  = 1000    // rows of one write
	writeBytes = 1 << 18 // and their keys' text
	openLots   = 64      // writes that are being put together at one time
	onceBytes  = 1 << 28 // of keys of rows that have been found, where a row may be found twice
)

// changing is the work on one such statement.
type changing struct {
	c        *session
	pick     *router.Pick
	writers  []carry.Writer // of the values
	lots     []*lot
	seen     map[string]bool // rows that have been found: target and key
	seenSize int

	affected, matched, changed uint64
	rows                       int          // found so far
	warnings                   []warning    // of the search
	said                       []rowWarning // of the writes
	counted                    int          // warnings that the servers counted
}

// lot is one write that is being put together: rows of a target in one shard that get the same values.
type lot struct {
	target int
	shard  int // -1: of a whole table
	values [][]byte
	ids    [][]byte // one list for each column of the key, or one of tuples
	text   int
	order  []int // the rows' numbers in the statement
}

// pickSteps carries out a statement whose rows are looked for first.
func (c *session) pickSteps(p *router.Plan) error {
	var st fingerprint.Statement
	st.Scan(c.currentText(), c.state.mode)
	pick, err := c.srv.planner.Pick(&st, c.namesDB(), c.known.catalog)
	if err != nil {
		return err
	}
	w := &changing{c: c, pick: pick}
	if pick.Itself {
		if err := c.mayReadItself(p); err != nil {
			return err
		}
	}
	defer c.stopClock()()
	if err := c.atomically(w.run); err != nil {
		return err
	}
	return w.answer()
}

// mayReadItself has a server say whether it takes a statement that reads what it writes.
func (c *session) mayReadItself(p *router.Plan) error {
	if p.Apart() {
		if !c.known.flavor.mariadb || p.Verb == router.VerbDelete {
			return notSupported("Serval does not support a write that reads its own table in a subquery, together with tables of other groups: find the rows first")
		}
		return nil
	}
	_, err := c.describe(p)
	return err
}

// stopClock gives all steps the statement's time, until done is called.
func (c *session) stopClock() (done func()) {
	if c.state.vars["timestamp"] != "" {
		return func() {}
	}
	old := c.state
	c.state = old.clone()
	at := c.began
	c.state.vars["timestamp"] = fmt.Sprintf("%d.%06d", at.Unix(), at.Nanosecond()/1000)
	c.state.render()
	c.state.clientTable = old.clientTable
	return func() {
		old.users = c.state.users
		old.render()
		c.state = old
	}
}

// run searches and writes.
func (w *changing) run() error {
	r, err := w.search()
	if err != nil {
		return err
	}
	defer r.Close()
	if err := w.searched(r); err != nil {
		return err
	}
	for {
		row, err := r.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = w.row(r, row)
		}
		if err != nil {
			return err
		}
	}
	if w.rows == 0 {
		return w.nothing()
	}
	return w.flush()
}

// search finds the rows. What is wrong with a value is told as of the statement itself.
func (w *changing) search() (*stepResult, error) {
	r, err := w.c.readToWrite(w.pick.Select)
	var e *wire.Error
	if errors.As(err, &e) && e.Code == 1054 && w.pick.Values > 0 && !w.pick.Subqueries && !w.pick.Once && w.c.known.flavor.mariadb {
		if said, ok := strings.CutSuffix(e.Message, " in 'SELECT'"); ok {
			e.Message = said + " in 'SET'"
		}
	}
	return r, err
}

// searched takes over what the search said besides the rows.
func (w *changing) searched(r *stepResult) error {
	if err := w.asWrite(r.Warnings); err != nil {
		return err
	}
	w.warnings, w.counted = append(w.warnings, r.Warnings...), w.counted+len(r.Warnings)
	for i := range w.pick.Values {
		col := &r.Columns[len(r.Columns)-w.pick.Values+i]
		writer := carry.Into(col, w.pick.DataType(i))
		if writer == nil {
			return notSupported("Serval does not support setting a column of type %s to the value of column %s of another shard: its number is not known", w.pick.DataType(i), col.Name)
		}
		w.writers = append(w.writers, writer)
	}
	return nil
}

// asWrite gives the error that a strict server would have made of a warning of the search.
func (w *changing) asWrite(list []warning) error {
	if !w.c.strict() || w.pick.Ignore || w.pick.Verb == router.VerbDelete && w.c.known.flavor.mariadb {
		return nil
	}
	for _, x := range list {
		if state, strict := strictStates[x.code]; strict && x.level == "Warning" {
			return &wire.Error{Code: x.code, State: state, Message: x.message}
		}
	}
	return nil
}

// strictStates are the warnings that are errors in writes under a strict sql_mode.
var strictStates = map[uint16]string{1264: "22003", 1265: "01000", 1292: "22007", 1365: "22012", 1366: "HY000", 1411: "HY000", 1441: "22008", 3020: "2201E", 1690: "22003"}

// row puts a row of the search to the writes.
func (w *changing) row(r *stepResult, row [][]byte) error {
	w.rows++
	var values [][]byte
	first := len(row) - w.pick.Values
	for i, writer := range w.writers {
		values = append(values, writer(nil, &r.Columns[first+i], row[first+i], w.c.state.mode))
	}
	for i := range w.pick.Targets {
		if err := w.found(i, r, row, values); err != nil {
			return err
		}
	}
	return nil
}

// found notes that a target's row is to be written.
func (w *changing) found(i int, r *stepResult, row, values [][]byte) error {
	t := &w.pick.Targets[i]
	var id []byte
	for k, at := range t.Columns {
		if row[at] == nil {
			return nil // an outer join found none
		}
		if k > 0 {
			id = append(id, ',')
		}
		id = carry.Append(id, &r.Columns[at], row[at], w.c.state.mode)
	}
	shard := -1
	if t.Key >= 0 {
		var err error
		if shard, err = t.Table.ShardOf(row[t.Key]); err != nil {
			return err
		}
	}
	if w.pick.Once {
		again, err := w.again(i, shard, id)
		if again || err != nil {
			return err
		}
	}
	var own [][]byte
	for _, n := range t.Assign {
		own = append(own, values[n])
	}
	l, err := w.lotOf(i, shard, own, values)
	if err != nil {
		return err
	}
	l.ids, l.text, l.order = append(l.ids, id), l.text+len(id), append(l.order, w.rows)
	if len(l.ids) >= writeRows || l.text >= writeBytes {
		return w.flush()
	}
	return nil
}

// again tells whether a row has been found before.
func (w *changing) again(target, shard int, id []byte) (bool, error) {
	key := strconv.Itoa(target) + ":" + strconv.Itoa(shard) + ":" + string(id)
	if w.seen[key] {
		return true, nil
	}
	if w.seen == nil {
		w.seen = map[string]bool{}
	}
	w.seen[key] = true
	if w.seenSize += len(key) + 16; w.seenSize > onceBytes {
		return false, notSupported("Serval does not support an UPDATE of joined tables that finds so many rows over several shards: change them in parts")
	}
	return false, nil
}

// lotOf is the write that a row belongs to; own are the values that count.
func (w *changing) lotOf(target, shard int, own, values [][]byte) (*lot, error) {
	for _, l := range w.lots {
		if l.target == target && l.shard == shard && slices.EqualFunc(w.own(l), own, slices.Equal) {
			return l, nil
		}
	}
	if len(w.lots) >= max(openLots, len(w.pick.Targets)*64) {
		if err := w.flush(); err != nil {
			return nil, err
		}
	}
	l := &lot{target: target, shard: shard, values: values}
	w.lots = append(w.lots, l)
	return l, nil
}

// own are the values of a lot that its target gets.
func (w *changing) own(l *lot) (own [][]byte) {
	for _, n := range w.pick.Targets[l.target].Assign {
		own = append(own, l.values[n])
	}
	return own
}

// flush carries out all writes that have been put together. Of rows that a server refuses the first one counts, and it may be
// in a later write.
func (w *changing) flush() error {
	var first error
	at := 0
	for len(w.lots) > 0 {
		err := w.write(w.lots[0])
		if err == nil {
			continue
		}
		row, ok := rowOf(err)
		if first == nil || ok && row < at {
			first, at = err, row
		}
		if !ok {
			return first
		}
	}
	return first
}

// rowOf is the number of the row that a server's error is about.
func rowOf(err error) (int, bool) {
	var e *wire.Error
	if !errors.As(err, &e) {
		return 0, false
	}
	return rowNumber(e.Message)
}

func rowNumber(message string) (int, bool) {
	_, number, found := cutLast(message, " at row ")
	n, err := strconv.Atoi(number)
	return n, found && err == nil
}

// write carries a lot out and forgets it.
func (w *changing) write(l *lot) error {
	w.lots = slices.DeleteFunc(w.lots, func(x *lot) bool { return x == l })
	t := &w.pick.Targets[l.target]
	return w.step(t.Write(nil, l.values, condition(t.Identity, l.ids)), l.shard, l.order)
}

// step carries out one write, in a shard unless that is -1, and adds up what it says. order are its rows' numbers.
func (w *changing) step(sql []byte, shard int, order []int) error {
	r, err := w.c.stepAt(shard, sql)
	if err != nil {
		var e *wire.Error
		if errors.As(err, &e) {
			e.Message = rowIn(order, e.Message)
		}
		return err
	}
	defer r.Close()
	if r.OK == nil {
		return fmt.Errorf("a write has answered with rows")
	}
	n := infoNumbers(r.OK.Info)
	w.affected, w.matched, w.changed = w.affected+r.OK.AffectedRows, w.matched+n[0], w.changed+n[1]
	w.counted += int(r.OK.Warnings)
	row := 0
	for _, x := range r.Warnings {
		x.message = rowIn(order, x.message)
		if n, ok := rowNumber(x.message); ok {
			row = n
		}
		w.said = append(w.said, rowWarning{row, x})
	}
	return nil
}

// rowWarning is a warning of a write, and the number of the row that it is about; 0: of none.
type rowWarning struct {
	row int
	warning
}

// rowIn exchanges the number of a write's row for that of the statement's.
func rowIn(order []int, message string) string {
	n, ok := rowNumber(message)
	if !ok || n < 1 || n > len(order) {
		return message
	}
	head, _, _ := cutLast(message, " at row ")
	return head + " at row " + strconv.Itoa(order[n-1])
}

// nothing has the writes of a statement that found no row looked at by the servers: an unknown column is one all the same.
func (w *changing) nothing() error {
	values := make([][]byte, w.pick.Values)
	for i := range values {
		values[i] = []byte("NULL")
	}
	for i := range w.pick.Targets {
		t := &w.pick.Targets[i]
		if w.pick.Verb == router.VerbDelete {
			return nil // what it names has been looked at in the search
		}
		shard := -1
		if t.Key >= 0 {
			shard = 0
		}
		if err := w.step(t.Write(nil, values, "FALSE"), shard, nil); err != nil {
			return err
		}
	}
	return nil
}

// condition is true for the rows of these keys.
func condition(columns []string, ids [][]byte) string {
	size := 0
	for _, id := range ids {
		size += len(id) + 3
	}
	out := make([]byte, 0, size+64)
	if len(columns) > 1 {
		out = append(out, '(')
	}
	for i, name := range columns {
		if i > 0 {
			out = append(out, ", "...)
		}
		out = append(out, rewrite.Quote(name)...)
	}
	if len(columns) > 1 {
		out = append(out, ')')
	}
	out = append(out, " IN ("...)
	for i, id := range ids {
		if i > 0 {
			out = append(out, ", "...)
		}
		if len(columns) > 1 {
			out = append(append(append(out, '('), id...), ')')
			continue
		}
		out = append(out, id...)
	}
	return string(append(out, ')'))
}

// answer tells the client what was done.
func (w *changing) answer() error {
	c := w.c
	slices.SortStableFunc(w.said, func(a, b rowWarning) int { return a.row - b.row })
	for _, x := range w.said {
		w.warnings = append(w.warnings, x.warning)
	}
	c.warnings = w.warnings
	if len(c.warnings) > maxWarnings {
		c.warnings = c.warnings[:maxWarnings]
	}
	ok := &wire.OK{AffectedRows: w.affected, Warnings: warningCount(c.warnings, uint16(min(w.counted, 1<<16-1)))}
	if w.pick.Verb == router.VerbUpdate && !(w.pick.LimitZero && c.known.flavor.mariadb) {
		ok.Info = fmt.Appendf(nil, "Rows matched: %d  Changed: %d  Warnings: %d", w.matched, w.changed, ok.Warnings)
		if !c.known.flavor.mariadb {
			c.found = w.matched
		}
	}
	c.rowCount = int64(w.affected)
	return clientError(c.ok(ok))
}
