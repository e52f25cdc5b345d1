package router

// pick.go: an UPDATE or DELETE that its shards cannot carry out by themselves, as statements that they can: a SELECT that
// finds the rows (and what they become, where that hangs on other rows), and writes of rows by their keys. All of it is
// logical SQL, of pieces of the client's own text.

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// Pick is a statement as a search and writes.
type Pick struct {
	Verb    Verb
	Select  []byte
	Targets []PickTarget
	Values  int  // how many columns of the rows are values to be set: the last ones
	Once    bool // a row may be found more than once; the first time counts
	Ignore  bool
	Itself  bool // it reads a table that it writes in a subquery: servers say whether they do that
	// LimitZero: LIMIT 0. Subqueries: it has some.
	LimitZero, Subqueries bool
}

// PickTarget is a table that is written.
type PickTarget struct {
	Table    *Table
	Identity []string // its columns that name a row
	Columns  []int    // where their values are in the rows of the search
	Key      int      // where the shard key is; -1: the table is whole

	head   string // of the write: up to the assignments, or to WHERE
	set    []pickAssignment
	tail   string
	Assign []int // the numbers of the values that its assignments need
}

// pickAssignment is an assignment of the client's, or a column that gets the value number n.
type pickAssignment struct {
	text   string
	column *Column
	value  int
}

// Pick makes the pick of a statement whose plan says StepsPick.
func (pl *Planner) Pick(st *fingerprint.Statement, db string, cat *Catalog) (*Pick, error) {
	p, c, b, err := pl.changing(st, db, cat)
	if err != nil {
		return nil, err
	}
	return p.pick(c, b, p.changed(c, b))
}

// changing analyses an UPDATE or DELETE as planning does, as far as its tables.
func (pl *Planner) changing(st *fingerprint.Statement, db string, cat *Catalog) (*planning, *change, *block, error) {
	p := &planning{
		parser: pl.parser, cat: cat, st: st, db: db,
		cs: conditions{st}, refOf: map[*source]int{}, plan: &Plan{},
	}
	stmt, _, err := pl.parser.parseReturning(string(st.Text[:st.End]), st.Mode)
	if err != nil {
		return nil, nil, nil, &SyntaxError{err}
	}
	p.stmt = stmt
	var c *change
	switch s := stmt.(type) {
	case *ast.UpdateStmt:
		p.plan.Verb, c = VerbUpdate, changeOfUpdate(s)
	case *ast.DeleteStmt:
		p.plan.Verb, c = VerbDelete, changeOfDelete(s)
	default:
		return nil, nil, nil, unproven(fmt.Errorf("it is neither UPDATE nor DELETE"))
	}
	if err := p.analyse(); err != nil {
		return nil, nil, nil, err
	}
	b := p.changeScope(c)
	_, err = p.layout()
	return p, c, b, err
}

// picking is the work on one.
type picking struct {
	p       *planning
	c       *change
	b       *block
	parts   *changeParts
	targets []*source
	out     *Pick
	fields  []string       // of the search
	values  []ast.ExprNode // likewise: the last ones
}

// newPicking begins one.
func (p *planning) newPicking(c *change, b *block, targets []*source) (*picking, error) {
	if err := p.mayPick(c, b, targets); err != nil {
		return nil, err
	}
	parts, err := p.changeParts(c)
	if err != nil {
		return nil, err
	}
	if len(parts.set) != len(c.targets) {
		return nil, unproven(fmt.Errorf("the assignments were not found"))
	}
	out := &Pick{Verb: p.plan.Verb, Subqueries: p.scope.subs, Ignore: parts.ignore, LimitZero: c.limit != nil && isLiteralZero(c.limit.Count)}
	return &picking{p: p, c: c, b: b, parts: parts, targets: targets, out: out}, nil
}

func (p *planning) pick(c *change, b *block, targets []*source) (*Pick, error) {
	k, err := p.newPicking(c, b, targets)
	if err != nil {
		return nil, err
	}
	for _, src := range targets {
		k.target(src)
		k.out.Itself = k.out.Itself || p.readsItself(src)
	}
	for i := range c.targets {
		if err := k.assignment(i); err != nil {
			return nil, err
		}
	}
	k.out.Once = k.out.Verb == VerbUpdate && len(p.scope.sources) > 1 && len(b.sources) > 1
	k.search()
	if err := k.prove(); err != nil {
		return nil, unproven(err)
	}
	return k.out, nil
}

// mayPick refuses what cannot be found again by keys.
func (p *planning) mayPick(c *change, b *block, targets []*source) error {
	first := b.sources[0].table
	switch {
	case p.plan.Returning:
		return refuse("RETURNING in a write over several shards", first, "read the rows with a SELECT")
	case p.st.Executable:
		return refuse("executable comments (/*! … */)", first, "write the statement without the comment")
	case c.deleted != nil && !p.namesTargets(c, b):
		return refuse("DELETE of a table that its FROM does not name", first, "name it as it is called there")
	case c.many && (c.limit != nil || c.order != nil):
		return refuse("ORDER BY or LIMIT in UPDATE or DELETE of joined tables over several shards", first, "choose the rows by their keys")
	case len(p.plan.Users.Assigned) > 0:
		return refuse("the assignment of user variables in UPDATE or DELETE over several shards", first, "SET them before it")
	case p.uses.setsID:
		return refuse("LAST_INSERT_ID(expression) over several shards", first, "put the value into the statement")
	}
	for i, src := range targets {
		switch {
		case src.table == nil:
			return refuse("a write of a table that Serval does not know together with others", nil, "write it by itself")
		case src.table.Identity() == nil:
			return refuse("UPDATE or DELETE over several shards or groups that has to find rows again, of a table without a primary key (or a unique one over NOT NULL columns; FLOAT and TIMESTAMP do not count)", src.table, "give it one")
		case len(src.node.PartitionNames) > 0:
			return refuse("PARTITION selection", src.table, "leave the partitions to the server")
		}
		for _, other := range targets[:i] {
			if other.table == src.table && other != src {
				return refuse("UPDATE or DELETE of one table under two names over several shards", src.table, "change it under one name")
			}
		}
		for _, other := range b.sources {
			if other != src && other.name == src.name {
				return refuse("two tables of the same name in UPDATE or DELETE over several shards", src.table, "give them aliases")
			}
		}
	}
	return nil
}

// namesTargets tells whether every target of a DELETE is one table of its FROM.
func (p *planning) namesTargets(c *change, b *block) bool {
	for _, t := range c.deleted.Tables {
		n := 0
		for _, src := range b.sources {
			if src.name == t.Name.O && (t.Schema.O == "" || t.Schema.O == src.db) {
				n++
			}
		}
		if n != 1 {
			return false
		}
	}
	return true
}

// readsItself tells whether a target's table is read elsewhere in the statement than in the tables that are joined.
func (p *planning) readsItself(target *source) bool {
	for _, src := range p.scope.sources {
		if src.table == target.table && src.block != target.block {
			return true
		}
	}
	return false
}

// target adds a table that is written: its key to what is searched for, and its write's text.
func (k *picking) target(src *source) {
	for i := range k.out.Targets {
		if k.out.Targets[i].Table == src.table {
			return // two assignments of one table
		}
	}
	t := PickTarget{Table: src.table, Identity: src.table.Identity(), Key: -1}
	if src.table.Kind == Sharded {
		t.Key = k.field(src, src.table.Key)
	}
	for _, name := range t.Identity {
		t.Columns = append(t.Columns, k.field(src, name))
	}
	name := rewrite.Quote(src.db) + "." + rewrite.Quote(src.node.Name.O)
	if k.c.many && src.aliased && k.out.Verb == VerbUpdate {
		name += " AS " + rewrite.Quote(src.name)
	} else if !k.c.many {
		name = k.p.of(k.parts.tables)
	}
	t.head = "UPDATE "
	if k.out.Verb == VerbDelete {
		t.head = "DELETE "
	}
	if k.parts.ignore {
		t.head += "IGNORE "
	}
	if k.out.Verb == VerbUpdate {
		t.head += name + " SET "
	} else {
		t.head += "FROM " + name
	}
	if !k.c.many && k.c.order != nil && len(src.table.Lookups) == 0 { // what keeps those takes no order
		t.tail = " ORDER BY " + k.p.of(k.parts.order)
	}
	k.out.Targets = append(k.out.Targets, t)
}

// field is the place of a column in what is searched for.
func (k *picking) field(src *source, name string) int {
	text := rewrite.Quote(src.name) + "." + rewrite.Quote(name)
	for i, f := range k.fields {
		if f == text {
			return i
		}
	}
	k.fields = append(k.fields, text)
	return len(k.fields) - 1
}

// assignment has assignment i carried out by the shards, or its value searched for.
func (k *picking) assignment(i int) error {
	a := k.c.targets[i]
	src := k.targets[0]
	if len(k.b.sources) > 1 {
		col, ok := k.b.resolve(a.Column)
		if !ok {
			return refuse("an UPDATE of tables whose columns are not known", nil, "write the table's name before the columns")
		}
		src = col.src
	}
	t := k.written(src)
	if k.p.local(a.Expr, src, k.b) {
		t.set = append(t.set, pickAssignment{text: k.p.of(k.parts.set[i]), value: -1})
		return nil
	}
	column := src.table.Column(a.Column.Name.O)
	if column == nil {
		return refuse("the unknown column "+a.Column.Name.O+" in UPDATE over several shards", src.table, "name the columns of the table")
	}
	if name := k.changedBefore(i, src); name != "" {
		return refuse("a value in UPDATE that is made of other tables and of the column "+name+", which has been set before it, over several shards", src.table, "set that column behind it, or in a statement of its own")
	}
	t.set = append(t.set, pickAssignment{column: column, value: k.out.Values})
	t.Assign = append(t.Assign, k.out.Values)
	k.values = append(k.values, a.Expr)
	k.out.Values++
	return nil
}

func (k *picking) written(src *source) *PickTarget {
	for i := range k.out.Targets {
		if k.out.Targets[i].Table == src.table {
			return &k.out.Targets[i]
		}
	}
	return &k.out.Targets[0]
}

// changedBefore is a column that value i reads and an assignment before it has changed.
func (k *picking) changedBefore(i int, src *source) string {
	v := &columnVisitor{}
	k.c.targets[i].Expr.Accept(v)
	for _, a := range k.c.targets[:i] {
		for _, c := range v.columns {
			if strings.EqualFold(c.Name.O, a.Column.Name.O) && (c.Table.O == "" || c.Table.O == src.name) {
				return a.Column.Name.O
			}
		}
	}
	return ""
}

// columnVisitor collects the columns of an expression, those of subqueries too.
type columnVisitor struct {
	columns  []*ast.ColumnName
	subquery bool
}

func (v *columnVisitor) Enter(n ast.Node) (ast.Node, bool) {
	switch x := n.(type) {
	case *ast.ColumnName:
		v.columns = append(v.columns, x)
	case *ast.SubqueryExpr:
		v.subquery = true
	}
	return n, false
}

func (v *columnVisitor) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// local tells whether an expression is made of src's own row alone, and so gives on every copy of it the same.
func (p *planning) local(e ast.ExprNode, src *source, b *block) bool {
	if _, ok := e.(*ast.DefaultExpr); ok {
		return true
	}
	v := &columnVisitor{}
	e.Accept(v)
	if v.subquery {
		return false
	}
	for _, c := range v.columns {
		if col, ok := b.resolve(c); len(b.sources) > 1 && (!ok || col.src != src) {
			return false
		}
	}
	uses := functionsOf(e)
	return src.table.Kind != Broadcast || uses.unsafe == "" && !uses.sysVar
}

// search writes the SELECT.
func (k *picking) search() {
	p, s := k.p, &strings.Builder{}
	fmt.Fprintf(s, "%sSELECT %s", spaced(p.of(k.parts.with)), strings.Join(k.fields, ", "))
	for n, v := range k.values {
		fmt.Fprintf(s, ", (%s) AS `serval_value_%d`", k.valueText(v), n)
	}
	fmt.Fprintf(s, " FROM %s", p.of(k.parts.tables))
	if k.c.where != nil {
		fmt.Fprintf(s, " WHERE %s", p.of(k.parts.where))
	}
	if !k.c.many {
		s.WriteString(" ORDER BY ")
		if k.c.order != nil {
			s.WriteString(p.of(k.parts.order) + ", ")
		}
		var ids []string
		for _, at := range k.out.Targets[0].Columns { // among equals, and without an order: that of the key
			ids = append(ids, k.fields[at])
		}
		s.WriteString(strings.Join(ids, ", "))
	}
	if k.c.limit != nil {
		fmt.Fprintf(s, " LIMIT %s", p.of(k.parts.limit))
	}
	s.WriteString(" FOR UPDATE")
	k.out.Select = []byte(s.String())
}

// valueText is the text of a value that is assigned.
func (k *picking) valueText(v ast.ExprNode) string {
	for i, a := range k.c.targets {
		if a.Expr != v {
			continue
		}
		if d, ok := v.(*ast.DefaultExpr); ok && d.Name == nil { // which only an assignment can say so
			return "DEFAULT(" + rewrite.Quote(a.Column.Name.O) + ")"
		}
		return k.p.of(k.parts.values[i])
	}
	return ""
}

func spaced(s string) string {
	if s == "" {
		return ""
	}
	return s + " "
}

// prove parses what was written and compares its parts with those of the statement.
func (k *picking) prove() error {
	got, err := k.p.parser.parse(string(k.out.Select), k.p.st.Mode)
	if err != nil {
		return fmt.Errorf("the search for the rows does not parse: %w", err)
	}
	sel, ok := got.(*ast.SelectStmt)
	if !ok || len(sel.Fields.Fields) != len(k.fields)+len(k.values) {
		return fmt.Errorf("the search for the rows is another statement")
	}
	pairs := [][2]ast.Node{{sel.From, k.c.tables}, {nodeOf(sel.Where), nodeOf(k.c.where)}, {nilable(sel.Limit), nilable(k.c.limit)}, {nilable(sel.With), nilable(k.c.with)}}
	for i, v := range k.values {
		if _, ok := v.(*ast.DefaultExpr); ok {
			continue
		}
		pairs = append(pairs, [2]ast.Node{sel.Fields.Fields[len(k.fields)+i].Expr, &ast.ParenthesesExpr{Expr: v}})
	}
	if k.c.order != nil {
		sel.OrderBy.Items = sel.OrderBy.Items[:len(k.c.order.Items)]
		pairs = append(pairs, [2]ast.Node{sel.OrderBy, k.c.order})
	}
	for _, pair := range pairs {
		if same, err := alike(pair[0], pair[1]); err != nil || !same {
			return fmt.Errorf("the search for the rows is not what the statement says")
		}
	}
	return k.proveWrites()
}

// proveWrites compares the assignments of the writes with the statement's.
func (k *picking) proveWrites() error {
	n := 0
	for i := range k.out.Targets {
		t := &k.out.Targets[i]
		values := make([][]byte, k.out.Values)
		for v := range values {
			values[v] = []byte("NULL")
		}
		got, err := k.p.parser.parse(string(t.Write(nil, values, "1")), k.p.st.Mode)
		if err != nil {
			return fmt.Errorf("a write does not parse: %w", err)
		}
		u, update := got.(*ast.UpdateStmt)
		if !update {
			continue
		}
		if len(u.List) != len(t.set) {
			return fmt.Errorf("a write has other assignments")
		}
		n += len(u.List)
		for j, a := range t.set {
			if a.value < 0 && !k.hasAssignment(u.List[j]) {
				return fmt.Errorf("a write has other assignments")
			}
		}
	}
	if n != len(k.c.targets) {
		return fmt.Errorf("the writes have other assignments")
	}
	return nil
}

func (k *picking) hasAssignment(a *ast.Assignment) bool {
	for _, own := range k.c.targets {
		if same, err := alike(a, own); err == nil && same {
			return true
		}
	}
	return false
}

func isLiteralZero(e ast.ExprNode) bool {
	v, ok := e.(ast.ValueExpr)
	return ok && fmt.Sprint(v.GetValue()) == "0"
}

// nodeOf turns a nil expression into a nil node.
func nodeOf(e ast.ExprNode) ast.Node {
	if e == nil {
		return nil
	}
	return e
}

// alike tells whether two trees are printed alike.
func alike(a, b ast.Node) (bool, error) {
	if a == nil || b == nil {
		return a == nil && b == nil, nil
	}
	x, err := restore(a)
	if err != nil {
		return false, err
	}
	y, err := restore(b)
	return x == y, err
}

// Write appends the write of the rows that meet a condition on the target's columns, which stand there without qualifiers.
// values are the literals of all values.
func (t *PickTarget) Write(dst []byte, values [][]byte, condition string) []byte {
	dst = append(dst, t.head...)
	for i, a := range t.set {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if a.value < 0 {
			dst = append(dst, a.text...)
			continue
		}
		dst = append(append(append(dst, rewrite.Quote(a.column.Name)...), " = "...), values[a.value]...)
	}
	dst = append(append(dst, " WHERE "...), condition...)
	return append(dst, t.tail...)
}

// DataType is the type of the column that gets value number n, "" when none does.
func (p *Pick) DataType(n int) string {
	for i := range p.Targets {
		for _, a := range p.Targets[i].set {
			if a.value == n {
				return a.column.DataType
			}
		}
	}
	return ""
}
