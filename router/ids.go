package router

// ids.go: the AUTO_INCREMENT column of an INSERT into a table that is in several places. Its servers would each count for
// themselves, so the numbers are Serval's, and are in the statement before it is routed: an INSERT whose rows lack them
// is written anew with them, and goes its way as one that had them. Where numbers come from is not known here.

import (
	"fmt"
	"strconv"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// IDs says how Serval numbers the rows of a table.
type IDs uint8

// The ways for tables that are in several places. Rows of others are numbered by their server.
const (
	IDsSegment   IDs = iota // by a counter
	IDsSnowflake            // by time
)

// Numbering is where the rows of an INSERT have their number.
type Numbering struct {
	Table  *Table
	Column *Column
	// SetsID: the statement has LAST_INSERT_ID(expression) in its ON DUPLICATE KEY UPDATE.
	SetsID bool
	// Keeps: rows that meet an existing one may not be inserted (IGNORE, ON DUPLICATE KEY UPDATE).
	Keeps  bool
	ignore bool
	rows   []numberAt // one for all rows that look alike
	// The column is put into the list of columns at offset list of the text, as this; "" when it is there.
	list   int
	listed string
}

// numberAt is where one row has its number.
type numberAt struct {
	kind  numberKind
	value valueAt // numberLiteral
	// numberWord: length bytes that stand delta behind the end of literal after-1 of the row, or of slot after-1 of the
	// statement where there are no rows. numberAbsent: the same place, and length 0.
	after, delta, length int
	tail                 string // numberAbsent: what follows the number
}

type numberKind uint8

const (
	numberAbsent  numberKind = iota // it is not there: put in
	numberLiteral                   // a literal, a parameter or NULL
	numberWord                      // DEFAULT, or NULL outside of rows
)

// NumberedRow is one row's number.
type NumberedRow struct {
	ID    uint64 // when Given: what the row says, 0 where that is none to count on from
	Given bool
}

// NumberRules are what a session says of numbers.
type NumberRules struct {
	Zero   bool // NO_AUTO_VALUE_ON_ZERO: 0 is a number
	Strict bool // a server refuses what does not fit
}

// numbering finds the places. It is nil for a table without such a column.
func (p *planning) numbering(s *ast.InsertStmt, t *Table) (*Numbering, error) {
	auto := autoIncrement(t)
	if auto == nil {
		return nil, nil
	}
	if !isIntegerType(auto.DataType) {
		return nil, refuse("AUTO_INCREMENT ids of the type "+auto.DataType, t, "make %s an integer", auto.Name)
	}
	if t.IDs == IDsSnowflake && auto.DataType != "bigint" {
		return nil, refuse("snowflake ids of the type "+auto.DataType, t, "make %s a BIGINT, or set ids: segment", auto.Name)
	}
	n := &Numbering{Table: t, Column: auto, SetsID: p.uses.setsID, Keeps: s.IgnoreErr || len(s.OnDuplicate) > 0, ignore: s.IgnoreErr}
	at := insertPosition(s, t, auto.Name)
	if s.Setlist {
		return n, p.numberInSet(n, at)
	}
	if len(s.Lists) == 0 || len(p.st.Rows) == 0 {
		return nil, nil // a SELECT, or rows that are not understood, of which others speak
	}
	empty := len(s.Lists[0]) == 0
	if at < 0 || empty && len(s.Columns) == 0 {
		if err := p.numberColumn(n, s, empty); err != nil {
			return nil, err
		}
		at = -1
	}
	rows := s.Lists
	if p.st.RowsUniform {
		rows = rows[:1]
	}
	for i, row := range rows {
		place, err := p.numberInRow(t, auto, i, at, len(row))
		if err != nil {
			return nil, err
		}
		n.rows = append(n.rows, place)
	}
	return n, nil
}

// numberColumn finds where the column is put into the list of columns.
func (p *planning) numberColumn(n *Numbering, s *ast.InsertStmt, empty bool) error {
	tk := p.text.tokens
	at := p.insertTarget()
	open := at >= 0 && tk.Is(at, "(") && tk.List[at].Start < int(p.st.Rows[0].Start)
	name := rewrite.Quote(n.Column.Name)
	switch {
	case at < 0:
		return unproven(fmt.Errorf("the columns of the INSERT were not found"))
	case open && len(s.Columns) > 0:
		n.list, n.listed = tk.List[at].End, name+","
	case open:
		n.list, n.listed = tk.List[at].End, name
	case empty:
		n.list, n.listed = tk.List[at-1].End, "("+name+")"
	default:
		return refuse("INSERT without a column list into a table whose AUTO_INCREMENT column is invisible", n.Table, "name the columns")
	}
	return nil
}

// insertTarget is the token behind the target's name, -1 when it is not found.
func (p *planning) insertTarget() int {
	if len(p.text.refs) == 0 {
		return -1
	}
	tk, r := p.text.tokens, &p.text.refs[0]
	for j := r.First; j < len(tk.List); j++ {
		if tk.List[j].Start >= r.End {
			return j
		}
	}
	return -1
}

// numberInRow finds the number of row i, the value number at of width; at < 0: it is not there.
func (p *planning) numberInRow(t *Table, auto *Column, i, at, width int) (numberAt, error) {
	if at < 0 {
		tail := ","
		if width == 0 {
			tail = ""
		}
		return numberAt{kind: numberAbsent, delta: 1, tail: tail}, nil
	}
	if at >= width {
		return numberAt{}, &columnCount{row: i + 1}
	}
	tk := p.text.tokens
	first := 0
	for first < len(tk.List) && tk.List[first].Start < int(p.st.Rows[i].Start) {
		first++
	}
	from, to := valueTokens(tk, first+1, at)
	return p.numberAt(t, auto, i, from, to)
}

// valueTokens are the tokens of value number at of a list whose first token is given, as from ≤ i < to.
func valueTokens(tk *rewrite.Tokens, first, at int) (from, to int) {
	depth := 0
	from = first
	for i := first; i < len(tk.List); i++ {
		switch {
		case tk.Is(i, "("):
			depth++
		case tk.Is(i, ")") && depth == 0, tk.Is(i, ",") && depth == 0 && at == 0:
			return from, i
		case tk.Is(i, ")"):
			depth--
		case tk.Is(i, ",") && depth == 0:
			at, from = at-1, i+1
		}
	}
	return from, len(tk.List)
}

// numberInSet finds the number in INSERT … SET, the assignment number at; at < 0: it is not there.
func (p *planning) numberInSet(n *Numbering, at int) error {
	tk := p.text.tokens
	i := p.insertTarget()
	for i >= 0 && i < len(tk.List) && !tk.Is(i, "set") {
		i++
	}
	if i < 0 || i >= len(tk.List) {
		return unproven(fmt.Errorf("the assignments of the INSERT were not found"))
	}
	if at < 0 {
		place := numberAt{kind: numberAbsent, tail: ", "}
		place.after, place.delta = p.behindSlot(tk.List[i].End)
		n.listed = " " + rewrite.Quote(n.Column.Name) + "="
		n.list = tk.List[i].End
		n.rows = []numberAt{place}
		return nil
	}
	from, to := valueTokens(tk, i+1, at)
	for from < to && !tk.Is(from, "=") && !tk.Is(from, ":") {
		from++
	}
	for j := from; j < to; j++ {
		if tk.Is(j, "on") || tk.Is(j, "as") || tk.Is(j, "returning") {
			to = j
		}
	}
	if tk.Is(from, ":") {
		from++
	}
	place, err := p.numberAt(n.Table, n.Column, -1, from+1, to)
	n.rows = []numberAt{place}
	return err
}

// behindSlot gives an offset of the text relative to the slot before it.
func (p *planning) behindSlot(at int) (slot, delta int) {
	end := 0
	for _, s := range p.st.Slots {
		if int(s.End) > at {
			break
		}
		slot, end = slot+1, int(s.End)
	}
	return slot, at - end
}

// numberAt is the place of the number that these tokens are, in row i (-1: there are no rows).
func (p *planning) numberAt(t *Table, auto *Column, i, from, to int) (numberAt, error) {
	tk := p.text.tokens
	refused := refuse("an expression as the AUTO_INCREMENT column "+auto.Name, t, "give it as a literal, as NULL or DEFAULT, or leave it out")
	if from >= to {
		return numberAt{}, refused
	}
	slot, ok := p.cs.slotAt(tk.List[from].Start)
	negate := false
	if !ok && to == from+2 && tk.Is(from, "-") {
		from++
		slot, ok = p.cs.slotAt(tk.List[from].Start)
		negate = true
	}
	switch {
	case ok && int(p.st.Slots[slot].End) == tk.List[to-1].End && p.st.Slots[slot].Kind == fingerprint.SlotLiteral:
		return numberAt{kind: numberLiteral, value: p.inRow(slot, max(i, 0), negate)}, nil
	case to != from+1 || !tk.Is(from, "null") && !tk.Is(from, "default"):
		return numberAt{}, refused
	}
	place := numberAt{kind: numberWord, length: tk.List[from].End - tk.List[from].Start}
	if i < 0 {
		place.after, place.delta = p.behindSlot(tk.List[from].Start)
		return place, nil
	}
	row := p.st.Rows[i]
	end := int(row.Start)
	for _, l := range p.st.Literals[row.FirstLiteral:] {
		if int(l.End) > tk.List[from].Start {
			break
		}
		place.after, end = place.after+1, int(l.End)
	}
	place.delta = tk.List[from].Start - end
	return place, nil
}

// at is the place in row i.
func (n *Numbering) at(i int) *numberAt {
	if i < len(n.rows) {
		return &n.rows[i]
	}
	return &n.rows[0]
}

// literal is the literal that stands in row i, nil when there is none.
func (n *Numbering) literal(st *fingerprint.Statement, i int) *fingerprint.Literal {
	place := n.at(i)
	if place.kind != numberLiteral {
		return nil
	}
	l := place.value.in(st, i)
	return &l
}

// span is what in the text is exchanged for the number of row i.
func (n *Numbering) span(st *fingerprint.Statement, i int) (start, end int) {
	place := n.at(i)
	switch {
	case place.kind == numberLiteral:
		l := place.value.in(st, i)
		return int(l.Start), int(l.End)
	case len(st.Rows) == 0:
		if place.after > 0 {
			start = int(st.Slots[place.after-1].End)
		}
	case place.after > 0:
		start = int(st.Literals[int(st.Rows[i].FirstLiteral)+place.after-1].End)
	default:
		start = int(st.Rows[i].Start)
	}
	start += place.delta
	return start, start + place.length
}

// Numbers reads which rows of a statement bring their number, and appends them to dst. missing is how many do not.
func (r *Route) Numbers(dst []NumberedRow, n *Numbering, st *fingerprint.Statement, rules NumberRules) (rows []NumberedRow, missing int, err error) {
	r.ev.st, r.ev.table, r.ev.key = st, n.Table, nil
	for i := range max(len(st.Rows), 1) {
		row := NumberedRow{}
		if l := n.literal(st, i); l != nil {
			if row, err = r.number(n, *l, n.at(i).value.negate, rules); err != nil {
				return dst, missing, err
			}
		}
		if !row.Given {
			missing++
		}
		dst = append(dst, row)
	}
	return dst, missing, nil
}

// number reads one row's literal.
func (r *Route) number(n *Numbering, l fingerprint.Literal, negate bool, rules NumberRules) (NumberedRow, error) {
	v := r.ev.value(l, negate)
	var k Key
	ok := false
	switch v.Kind {
	case ValueNull:
		if negate {
			return NumberedRow{}, n.notExact()
		}
		return NumberedRow{}, nil
	case ValueInteger, ValueBool:
		k, ok = parseInteger(v.Text)
	case ValueDecimal, ValueString:
		k, ok = parseWholeDecimal(v.Text)
	case ValueFloat:
		k, ok = parseWholeFloat(v.Text)
	case ValueHex, ValueBit:
		k, ok = parseBytes(v.Text)
	}
	_, most := integerLimits(n.Column)
	loose := !rules.Strict || n.ignore
	switch {
	case !ok, k.Negative && n.Column.Unsigned && loose, k.Magnitude == 0 && negate && !rules.Zero: // it becomes 0, which the server would number
		return NumberedRow{}, n.notExact()
	case k.Magnitude == 0:
		return NumberedRow{Given: rules.Zero}, nil
	case k.Negative:
		return NumberedRow{Given: true}, nil
	}
	return NumberedRow{ID: min(k.Magnitude, most), Given: true}, nil
}

func (n *Numbering) notExact() error {
	return refuse("a value that is not an exact integer in the column's range for the AUTO_INCREMENT column "+n.Column.Name, n.Table, "give an integer, or NULL for a new number")
}

// Most is the largest number that an integer column holds.
func (c *Column) Most() uint64 {
	_, most := integerLimits(c)
	return most
}

// AutoIncrement is the table's AUTO_INCREMENT column, nil when it has none.
func (t *Table) AutoIncrement() *Column { return autoIncrement(t) }

// Text appends the statement with all rows' numbers in it.
func (n *Numbering) Text(dst []byte, st *fingerprint.Statement, rows []NumberedRow) []byte {
	w := numberWriter{n: n, st: st, dst: dst}
	for i, row := range rows {
		if !row.Given {
			w.exchange(i)
			w.dst = strconv.AppendUint(w.dst, row.ID, 10)
			w.dst = append(w.dst, n.at(i).tail...)
		}
	}
	return w.end()
}

// NumberSource says what the parameters of a prepared statement are once numbers are in it: a parameter that it had
// before (-1: none), unless row (-1: none) has to be numbered.
type NumberSource struct{ Parameter, Row int }

// Parameterized is Text for a prepared statement, with a parameter for each row's number: it is the same whatever the
// numbers are, and which rows' parameters have one. sources says where each parameter's value is.
func (n *Numbering) Parameterized(st *fingerprint.Statement, rows []NumberedRow) (text []byte, sources []NumberSource) {
	w := numberWriter{n: n, st: st, parameters: true}
	for i, row := range rows {
		l := n.literal(st, i)
		switch {
		case l != nil && l.Kind == fingerprint.Parameter:
			w.copyTo(int(l.Start))
			w.copyTo(int(l.End))
			w.sources[len(w.sources)-1].Row = i
		case !row.Given:
			w.exchange(i)
			w.dst = append(append(w.dst, '?'), n.at(i).tail...)
			w.sources = append(w.sources, NumberSource{Parameter: -1, Row: i})
		}
	}
	return w.end(), w.sources
}

// numberWriter writes a statement anew.
type numberWriter struct {
	n          *Numbering
	st         *fingerprint.Statement
	dst        []byte
	from       int // what is copied next
	literal    int // the next one
	listed     bool
	parameters bool
	sources    []NumberSource
}

// copyTo copies the text up to an offset.
func (w *numberWriter) copyTo(to int) {
	if !w.listed && w.n.listed != "" && to >= w.n.list {
		w.listed = true
		w.copyTo(w.n.list)
		w.dst = append(w.dst, w.n.listed...)
	}
	w.dst = append(w.dst, w.st.Text[w.from:to]...)
	for ; w.parameters && w.literal < len(w.st.Literals) && int(w.st.Literals[w.literal].Start) < to; w.literal++ {
		if l := w.st.Literals[w.literal]; l.Kind == fingerprint.Parameter && int(l.Start) >= w.from {
			w.sources = append(w.sources, NumberSource{Parameter: int(l.Number), Row: -1})
		}
	}
	w.from = to
}

// exchange copies the text up to the number of row i, which is left out.
func (w *numberWriter) exchange(i int) {
	start, end := w.n.span(w.st, i)
	w.copyTo(start)
	w.from = end
}

func (w *numberWriter) end() []byte {
	w.copyTo(w.st.End)
	return w.dst
}
