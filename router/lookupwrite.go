package router

// lookupwrite.go: which changes concern lookup indexes, and the pieces of the statement that the session needs to keep them.

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// LookupWrite is a change of a table whose lookup indexes have to follow.
type LookupWrite struct {
	Table   *Table
	Lookups []*Lookup // those that the statement concerns
	Ignore  bool

	keys   []valueAt   // INSERT: of each row (one for all, where they are alike) the shard key …
	values [][]valueAt // … and the values of Lookups
}

// keepInserted plans what an INSERT means for the lookup indexes of its table.
func (p *planning) keepInserted(s *ast.InsertStmt, t *Table) error {
	if len(t.Lookups) == 0 {
		return nil
	}
	switch {
	case s.IsReplace:
		return refuse("REPLACE into a table with lookup indexes", t, "DELETE the row and INSERT it, in one transaction")
	case len(s.OnDuplicate) > 0:
		return refuse("ON DUPLICATE KEY UPDATE on a table with lookup indexes", t, "INSERT, and UPDATE when that fails with 1062")
	case p.plan.Returning:
		return refuse("RETURNING from a table with lookup indexes", t, "read the rows with a SELECT")
	}
	w := &LookupWrite{Table: t, Ignore: s.IgnoreErr}
	for _, l := range t.Lookups {
		at := insertPosition(s, t, l.Column)
		if at < 0 {
			if c := t.Column(l.Column); c != nil && c.HasDefault {
				return refuse("INSERT without the column "+l.Column+", which has a lookup index and a default", t, "give it a value")
			}
			continue // NULL is in no lookup index
		}
		if err := l.usable(t); err != nil {
			return err
		}
		w.Lookups = append(w.Lookups, l)
		if err := p.insertedValues(s, w, at); err != nil {
			return err
		}
	}
	if len(w.Lookups) == 0 {
		return nil
	}
	for _, row := range p.plan.insert.rows {
		w.keys = append(w.keys, row.key)
	}
	p.plan.Kept = w
	return nil
}

// insertedValues finds the values of the column at a place in all rows.
func (p *planning) insertedValues(s *ast.InsertStmt, w *LookupWrite, at int) error {
	for i := range p.plan.insert.rows {
		row := s.Lists[i]
		if at >= len(row) {
			return &columnCount{row: i + 1}
		}
		v, ok := p.rowValue(row[at], i)
		if !ok {
			return refuse("an expression as the value of "+w.Lookups[len(w.Lookups)-1].Column+", which has a lookup index", w.Table, "give it as a literal or a parameter")
		}
		if len(w.values) <= i {
			w.values = append(w.values, nil)
		}
		w.values[i] = append(w.values[i], v)
	}
	return nil
}

// usable refuses what a lookup index that is not there would have to follow.
func (l *Lookup) usable(t *Table) error {
	if l.State == LookupMissing {
		return refuse("changes that concern the lookup index "+l.Table.Name+", whose tables are missing", t, "make it: serval lookup build %s.%s.%s", t.Database, t.Name, l.Column)
	}
	return nil
}

// InsertedValue is a value of a row that an INSERT gives: its literal, which may be a parameter's. key: the shard key.
func (w *LookupWrite) InsertedValue(st *fingerprint.Statement, row, lookup int) (l fingerprint.Literal, negate bool) {
	v := w.values[min(row, len(w.values)-1)][lookup]
	return v.in(st, row), v.negate
}

// InsertedKey is the shard key of a row; ok is false when it is not in the statement.
func (w *LookupWrite) InsertedKey(st *fingerprint.Statement, row int) (l fingerprint.Literal, negate, ok bool) {
	v := w.keys[min(row, len(w.keys)-1)]
	if v.literal < 0 {
		return l, false, false
	}
	return v.in(st, row), v.negate, true
}

// keepChanged plans what an UPDATE or DELETE means for the lookup indexes of its targets. What is more than a condition on one
// table is carried out in steps, whose own changes are such.
func (p *planning) keepChanged(c *change, targets []*source) error {
	for _, src := range targets {
		t := src.table
		if t == nil || len(t.Lookups) == 0 {
			continue
		}
		concerned, err := p.concerned(c, t)
		if err != nil {
			return err
		}
		if len(concerned) == 0 {
			continue
		}
		simple := !c.many && len(p.scope.sources) == 1 && c.limit == nil && c.order == nil && !p.scope.subs && !p.scope.derived && p.plan.Steps != StepsMove
		switch {
		case simple && p.plan.Returning:
			return refuse("RETURNING from a table with lookup indexes", t, "read the rows with a SELECT")
		case simple:
			p.plan.Kept = &LookupWrite{Table: t, Lookups: concerned}
		case p.plan.Steps == StepsNone:
			return refuse("such a change of a table with lookup indexes", t, "name the rows by conditions on columns of the table itself")
		default:
			p.plan.AlwaysSteps = true
		}
	}
	return nil
}

// concerned are the lookup indexes of a table that a change has to keep.
func (p *planning) concerned(c *change, t *Table) ([]*Lookup, error) {
	var out []*Lookup
	for _, l := range t.Lookups {
		if p.plan.Verb == VerbUpdate && !assigns(c, l.Column, t.Key) {
			continue
		}
		if err := l.usable(t); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	if len(out) > 0 && t.Identity() == nil {
		return nil, refuse("changing or deleting rows of a table with lookup indexes and without a primary key", t, "give it one (FLOAT and TIMESTAMP do not count)")
	}
	if len(out) == 0 || p.plan.Verb != VerbUpdate {
		return out, nil
	}
	if u, ok := p.stmt.(*ast.UpdateStmt); ok && u.IgnoreErr {
		return nil, refuse("UPDATE IGNORE of a column with a lookup index", t, "leave IGNORE out")
	}
	for _, name := range t.Identity() {
		if assigns(c, name) && !strings.EqualFold(name, t.Key) {
			return nil, refuse("changing the primary key together with a column that has a lookup index", t, "use two statements in one transaction")
		}
	}
	return out, nil
}

// assigns tells whether an UPDATE sets one of the columns.
func assigns(c *change, columns ...string) bool {
	return slices.ContainsFunc(c.targets, func(a *ast.Assignment) bool {
		return slices.ContainsFunc(columns, func(name string) bool { return strings.EqualFold(name, a.Column.Name.O) })
	})
}

// KeptBy are the columns by which a row of a table with lookup indexes is found again: what names it in its shard, and the shard
// key.
func (t *Table) KeptBy() []string {
	out := slices.Clone(t.Identity())
	if !slices.ContainsFunc(out, func(name string) bool { return strings.EqualFold(name, t.Key) }) {
		out = append(out, t.Key)
	}
	return out
}

// PrimaryColumns are the columns of the primary key, or of the unique key in its place.
func (t *Table) PrimaryColumns() []string {
	var out []string
	for i := range t.Columns {
		if t.Columns[i].Primary {
			out = append(out, t.Columns[i].Name)
		}
	}
	return out
}

// ChangedRows are the pieces of an UPDATE or DELETE of one table that say which rows it is about: the table as it is written
// there, with its alias, and the condition, "" when there is none.
func ChangedRows(st *fingerprint.Statement) (table, where string, ok bool) {
	tk := rewrite.Tokenize(st)
	i := 1
	for slices.Contains([]string{"low_priority", "quick", "ignore", "from"}, tk.Word(i)) {
		i++
	}
	start, end, cond := i, -1, -1
	for depth := 0; i < len(tk.List); i++ {
		w := tk.Word(i)
		depth += depthChange(w)
		switch {
		case depth != 0 || tk.Is(i-1, "."):
		case end < 0 && (w == "set" && tk.Is(0, "update") || w == "where"):
			end = tk.List[i].Start
		}
		if w == "where" && depth == 0 && !tk.Is(i-1, ".") && cond < 0 {
			cond = tk.List[i].Start
		}
	}
	if start >= len(tk.List) || end < 0 && tk.Is(0, "update") {
		return "", "", false
	}
	if end < 0 {
		end = st.End
	}
	table = string(st.Text[tk.List[start].Start:end])
	if cond >= 0 {
		where = string(st.Text[cond:st.End])
	}
	return table, where, true
}
