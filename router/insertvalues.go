package router

// insertvalues.go: values of INSERT … VALUES (and SET) that have to be known before the statement can be routed: shard keys
// that are expressions, subqueries, what only the session knows, what chance decides and all copies must agree on. They
// are asked for first, and stand in the statement as literals then.

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// valuesInSteps plans an INSERT … VALUES whose values are asked for first. why is what stands in the way of doing without.
func (p *planning) valuesInSteps(t *Table, why *Refusal) error {
	if p.plan.Returning || p.plan.Locks != nil || p.st.Executable || t == nil || len(t.Columns) == 0 {
		return why
	}
	p.plan.Kind, p.plan.insert, p.plan.Kept, p.plan.Numbers, p.plan.InsertID = KindShards, nil, nil, nil, InsertIDNone
	p.plan.Values, p.plan.scatterRefusal = t, why
	p.plan.ReadsTarget = slices.ContainsFunc(p.scope.sources[1:], func(s *source) bool { return s.table == t })
	p.plan.Steps, p.plan.AlwaysSteps, p.plan.undescribed = StepsValues, true, true
	p.plan.Reason = "values are asked for first, and inserted as literals"
	return nil
}

// ValuesRefusal says why the statement cannot be carried out without its values.
func (p *Plan) ValuesRefusal() error { return p.scatterRefusal }

// ValueUse says what becomes of a value.
type ValueUse uint8

// The uses.
const (
	ValueKept     ValueUse = iota
	ValueComputed          // SELECT it
	ValueQueried           // a subquery: its query is asked by itself
	ValueDefault           // the default of Column
)

// InsertValue is one value of an INSERT: Text[Start:End].
type InsertValue struct {
	Start, End int
	Use        ValueUse
	Query      string // the expression, or the subquery's text
	Column     string
	pure       bool // it may be computed beforehand
	time       bool
}

// InsertValues are the values of an INSERT, as they stand in its text.
type InsertValues struct {
	Text []byte
	Rows [][]InsertValue
	// Drop are the words ROW in front of rows.
	Drop [][2]int
	// Named is where the name of a further column can be put in, -1: nowhere; bare: there are no names there yet.
	Named  int
	Ignore bool // INSERT IGNORE
	// Lacks: the shard key is not among the columns.
	Lacks bool
	bare  bool
	set   bool
}

// ReadValues finds the values of an INSERT into t, and says what becomes of each.
func (pl *Planner) ReadValues(text []byte, mode fingerprint.Mode, t *Table) (*InsertValues, error) {
	r := &valueReader{InsertValues: InsertValues{Text: text, Named: -1}, parser: pl.parser, mode: mode, table: t,
		tk: rewrite.Tokenize(&fingerprint.Statement{Text: text, Mode: mode, End: len(text)})}
	if !r.read() {
		return nil, refuse("this way to write an INSERT whose values have to be known first", t, "write it more plainly")
	}
	if err := r.judge(); err != nil {
		return nil, err
	}
	return &r.InsertValues, nil
}

type valueReader struct {
	InsertValues
	parser  *statementParser
	mode    fingerprint.Mode
	table   *Table
	tk      *rewrite.Tokens
	columns []string
	finds   [][]valueFinder
}

// read cuts the text into values.
func (r *valueReader) read() bool {
	tk, i := r.tk, 1
	for slices.Contains([]string{"low_priority", "delayed", "high_priority", "ignore", "into"}, tk.Word(i)) {
		r.Ignore = r.Ignore || tk.Is(i, "ignore")
		i++
	}
	if i++; tk.Is(i, ".") {
		i += 2
	}
	if tk.Is(i, "(") {
		end := closing(tk, i)
		if end >= len(tk.List) {
			return false
		}
		r.Named, r.bare = tk.List[end].Start, end == i+1
		for k := i + 1; k < end; k++ {
			if tk.Is(k+1, ",") || k+1 == end {
				r.columns = append(r.columns, tk.Name(k))
			}
		}
		i = end + 1
	} else {
		for _, c := range r.table.Columns {
			if !c.Invisible {
				r.columns = append(r.columns, c.Name)
			}
		}
	}
	switch {
	case tk.Is(i, "values") || tk.Is(i, "value"):
		return r.rows(i + 1)
	case tk.Is(i, "set"):
		return r.assignments(i + 1)
	}
	return false
}

func (r *valueReader) rows(i int) bool {
	tk := r.tk
	for {
		if tk.Is(i, "row") && tk.Is(i+1, "(") {
			r.Drop = append(r.Drop, [2]int{tk.List[i].Start, tk.List[i].End})
			i++
		}
		end := closing(tk, i)
		if !tk.Is(i, "(") || end >= len(tk.List) {
			return false
		}
		var row []InsertValue
		for start := i + 1; start < end; {
			stop := r.valueEnd(start, end)
			row = append(row, r.value(start, stop))
			start = stop + 1
		}
		r.Rows = append(r.Rows, row)
		if i = end + 1; !tk.Is(i, ",") {
			return true
		}
		i++
	}
}

// valueEnd is the token behind a value: a comma, or end.
func (r *valueReader) valueEnd(i, end int) int {
	for depth := 0; i < end; i++ {
		if depth == 0 && r.tk.Is(i, ",") {
			break
		}
		depth += depthChange(r.tk.Word(i))
	}
	return i
}

func (r *valueReader) value(from, to int) InsertValue {
	if from >= to {
		return InsertValue{}
	}
	v := InsertValue{Start: r.tk.List[from].Start, End: r.tk.List[to-1].End}
	v.Query = string(r.Text[v.Start:v.End])
	return v
}

// assignments reads SET a = 1, b = 2.
func (r *valueReader) assignments(i int) bool {
	tk := r.tk
	r.columns, r.set = nil, true
	end := i
	for depth := 0; end < len(tk.List) && (depth > 0 || !tk.Is(end, "on") && !tk.Is(end, "returning") && !tk.Is(end, "as")); end++ {
		depth += depthChange(tk.Word(end))
	}
	var row []InsertValue
	for i < end {
		for tk.Is(i+1, ".") {
			i += 2
		}
		if !tk.IsName(i) || !tk.Is(i+1, "=") {
			return false
		}
		r.columns = append(r.columns, tk.Name(i))
		stop := r.valueEnd(i+2, end)
		row = append(row, r.value(i+2, stop))
		i = stop + 1
	}
	if len(row) == 0 {
		return false
	}
	r.Named = row[len(row)-1].End
	r.Rows = [][]InsertValue{row}
	return true
}

// judge says what becomes of each value.
func (r *valueReader) judge() error {
	key := slices.IndexFunc(r.columns, func(c string) bool { return strings.EqualFold(c, r.table.Key) })
	if r.Lacks = key < 0 && r.table.Kind == Sharded; r.table.Kind != Sharded {
		key = -1
	}
	assigned := false
	for i := range r.Rows {
		var finds []valueFinder
		for k := range r.Rows[i] {
			f := r.look(&r.Rows[i][k])
			assigned = assigned || f.assigns
			finds = append(finds, f)
		}
		r.finds = append(r.finds, finds)
	}
	for i, row := range r.Rows {
		for k := range row {
			if err := r.use(&row[k], &r.finds[i][k], k, k == key, assigned); err != nil {
				return err
			}
		}
	}
	r.sameTime()
	return nil
}

// use decides on one value.
func (r *valueReader) use(v *InsertValue, f *valueFinder, at int, key, assigned bool) error {
	everywhere := r.table.Kind == Broadcast
	var wanted bool
	switch {
	case f.literal:
		return nil
	case f.byDefault:
		if f.column == "" && at < len(r.columns) {
			f.column = r.columns[at]
		}
		if key || everywhere && f.column != "" {
			v.Use, v.Column = ValueDefault, f.column
		}
		return nil
	case f.query != "":
		v.Use, v.Query = ValueQueried, f.query
		return nil
	case key || f.subquery:
		wanted = true
	case everywhere:
		wanted = f.chance || f.session
	default:
		wanted = f.session && len(r.Rows) > 1 || assigned && f.variable
	}
	if wanted && f.columns {
		return refuse("an expression of other columns as a value that has to be known first", r.table, "write the values themselves")
	}
	if v.pure = !f.columns; wanted {
		v.Use = ValueComputed
	}
	return nil
}

// sameTime has all values that tell the time computed together, when one is.
func (r *valueReader) sameTime() {
	computed := slices.ContainsFunc(r.Rows, func(row []InsertValue) bool {
		return slices.ContainsFunc(row, func(v InsertValue) bool { return v.Use == ValueComputed && v.time })
	})
	if !computed {
		return
	}
	for _, row := range r.Rows {
		for k := range row {
			if row[k].time && row[k].pure {
				row[k].Use = ValueComputed
			}
		}
	}
}

// look finds out what a value is made of.
func (r *valueReader) look(v *InsertValue) valueFinder {
	if strings.EqualFold(v.Query, "default") {
		return valueFinder{byDefault: true}
	}
	stmt, err := r.parser.parse("SELECT "+v.Query, r.mode)
	sel, ok := stmt.(*ast.SelectStmt)
	if err != nil || !ok || sel.Fields == nil || len(sel.Fields.Fields) != 1 || sel.From != nil || sel.Fields.Fields[0].Expr == nil {
		return valueFinder{columns: true}
	}
	f := valueFinder{}
	e := sel.Fields.Fields[0].Expr
	if isLiteral(e) {
		f.literal = true
		return f
	}
	uses := functionsOf(e)
	f.session, f.chance, v.time = len(uses.replaced) > 0 || uses.sysVar, uses.unsafe != "", uses.usesTime
	e.Accept(&f)
	switch x := e.(type) {
	case *ast.DefaultExpr:
		f = valueFinder{byDefault: true}
		if x.Name != nil {
			f.column = x.Name.Name.O
		}
	case *ast.SubqueryExpr:
		text := strings.TrimSpace(v.Query)
		f.query = text[1 : len(text)-1]
	}
	return f
}

func isLiteral(e ast.ExprNode) bool {
	switch x := e.(type) {
	case ast.ValueExpr:
		return true
	case *ast.ParenthesesExpr:
		return isLiteral(x.Expr)
	case *ast.UnaryOperationExpr:
		return isLiteral(x.V)
	}
	return false
}

// valueFinder is what a value is made of.
type valueFinder struct {
	literal, byDefault          bool
	subquery, columns, variable bool
	assigns, session, chance    bool
	query, column               string
}

// Enter implements ast.Visitor.
func (f *valueFinder) Enter(n ast.Node) (ast.Node, bool) {
	switch x := n.(type) {
	case *ast.SubqueryExpr:
		f.subquery = true
		return n, true
	case *ast.ColumnName:
		f.columns = true
	case *ast.VariableExpr:
		f.variable = f.variable || !x.IsSystem
		f.assigns = f.assigns || x.Value != nil && !x.IsSystem
	}
	return n, false
}

// Leave implements ast.Visitor.
func (f *valueFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// Render is the text with literals in the places of values: literal gives those that are not kept. extra is a further
// column, "" for none, with its value.
func (v *InsertValues) Render(literal func(row, column int) []byte, extra string, value []byte) []byte {
	var out []byte
	at := 0
	upTo := func(to int) { out, at = append(out, v.Text[at:to]...), to }
	if extra != "" && !v.set {
		upTo(v.Named)
		if !v.bare {
			out = append(out, ',')
		}
		out = append(out, rewrite.Quote(extra)...)
	}
	for i, row := range v.Rows {
		if i < len(v.Drop) {
			upTo(v.Drop[i][0])
			at = v.Drop[i][1]
		}
		for k := range row {
			if row[k].Use == ValueKept {
				continue
			}
			upTo(row[k].Start)
			out, at = append(out, literal(i, k)...), row[k].End
		}
		if extra == "" {
			continue
		}
		switch {
		case v.set:
			upTo(v.Named)
			out = append(append(append(out, ','), rewrite.Quote(extra)...), '=')
		case len(row) > 0:
			upTo(row[len(row)-1].End)
			out = append(out, ',')
		default:
			continue
		}
		out = append(out, value...)
	}
	return append(out, v.Text[at:]...)
}
