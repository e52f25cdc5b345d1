package router

// insertselect.go: INSERT and REPLACE … SELECT. Where each row is provably made on the shard that it goes to, every shard
// carries the statement out on its own rows; else the SELECT is one step, and its rows are inserted in further ones.

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// Into says what the rows of a SELECT are inserted into.
type Into struct {
	Table   *Table // nil: it is not in the catalog
	Columns []*Column
	// Known: Columns are those that get values, in order; a column that does not exist is nil, and Names has what it was called.
	Known   bool
	Names   []string
	Ignore  bool
	Replace bool
	Updates bool // ON DUPLICATE KEY UPDATE
	// LastID: ids of the statement are what it gives LAST_INSERT_ID().
	LastID bool
	// Divides: it may give decimals with more digits than a client sees (MariaDB).
	Divides bool
}

// insertInto describes the target for the session.
func (p *planning) insertInto(s *ast.InsertStmt, target *source) *Into {
	into := &Into{Table: target.table, Ignore: s.IgnoreErr, Replace: s.IsReplace, Updates: len(s.OnDuplicate) > 0, LastID: p.uses.setsID}
	into.Divides = divides(s.Select)
	t := target.table
	if t == nil || len(t.Columns) == 0 {
		return into
	}
	into.Known = true
	if len(s.Columns) == 0 {
		for i := range t.Columns {
			if !t.Columns[i].Invisible {
				into.Columns, into.Names = append(into.Columns, &t.Columns[i]), append(into.Names, t.Columns[i].Name)
			}
		}
		return into
	}
	for _, c := range s.Columns {
		into.Columns, into.Names = append(into.Columns, t.Column(c.Name.O)), append(into.Names, c.Name.O)
	}
	return into
}

// divides tells whether a query computes quotients or means.
func divides(n ast.Node) bool {
	f := &divisionFinder{}
	n.Accept(f)
	return f.found
}

type divisionFinder struct{ found bool }

func (f *divisionFinder) Enter(n ast.Node) (ast.Node, bool) {
	switch x := n.(type) {
	case *ast.BinaryOperationExpr:
		f.found = f.found || x.Op.String() == "div"
	case *ast.AggregateFuncExpr:
		f.found = f.found || strings.EqualFold(x.F, ast.AggFuncAvg)
	}
	return n, f.found
}

func (f *divisionFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// selectInSteps plans INSERT … SELECT into a whole table as steps.
func (p *planning) selectInSteps(s *ast.InsertStmt, target *source) error {
	if err := p.maySelectInSteps(s, target); err != nil {
		return err
	}
	p.steppedSelect(s, target, p.insertInto(s, target))
	return nil
}

func (p *planning) steppedSelect(s *ast.InsertStmt, target *source, into *Into) {
	p.plan.Into, p.plan.Kind, p.plan.InsertID = into, KindShards, p.insertID(s, target)
	p.plan.Steps, p.plan.AlwaysSteps, p.plan.undescribed = StepsInsertSelect, true, true
	p.plan.Reason = "the rows of the SELECT are read, and inserted by their keys"
}

// selectSharded plans INSERT … SELECT into a sharded table.
func (p *planning) selectSharded(s *ast.InsertStmt, target *source, l *layout) error {
	into, refused := p.insertInto(s, target), p.maySelectInSteps(s, target)
	if p.mayPush(s, target, l) {
		if err := p.selectPushed(target, l); err != nil {
			return err
		}
		if refused == nil {
			p.plan.Into, p.plan.Steps = into, StepsInsertSelect
		}
		return nil
	}
	if refused != nil {
		return refused
	}
	p.steppedSelect(s, target, into)
	if p.shardsPlan(l, target) == nil && p.replaceFunctions(nil) == nil { // so that a server can describe it
		p.plan.undescribed = false
	}
	return nil
}

// rowsWithDefault finds VALUES ROW(…, DEFAULT, …), which is no query: DEFAULT means a column of the INSERT.
func rowsWithDefault(n ast.Node) bool {
	sel, ok := n.(*ast.SelectStmt)
	if !ok {
		return false
	}
	for _, row := range sel.Lists {
		for _, e := range row.Values {
			if d, ok := e.(*ast.DefaultExpr); ok && d.Name == nil {
				return true
			}
		}
	}
	return false
}

// maySelectInSteps refuses what cannot be carried out in steps.
func (p *planning) maySelectInSteps(s *ast.InsertStmt, target *source) error {
	t := target.table
	switch {
	case p.plan.Returning:
		return refuse("RETURNING in an INSERT … SELECT over several shards", t, "read the rows with a SELECT")
	case rowsWithDefault(s.Select):
		return refuse("DEFAULT in VALUES ROW(…) over several shards", t, "write VALUES (…), (…) without ROW")
	case p.plan.Locks != nil:
		return refuse("named locks in an INSERT … SELECT over several shards", t, "take the lock in a statement of its own")
	case p.st.Executable:
		return refuse("executable comments (/*! … */)", t, "write the statement without the comment")
	}
	for _, a := range s.OnDuplicate {
		if name, ok := p.foreignColumn(a.Expr, target); ok {
			return refuse("the column "+name+" of the SELECT in ON DUPLICATE KEY UPDATE, over several shards", t, "name the inserted value: VALUES(column)")
		}
	}
	return nil
}

// foreignColumn finds a column in an expression of ON DUPLICATE KEY UPDATE that may not be the target's.
func (p *planning) foreignColumn(e ast.ExprNode, target *source) (string, bool) {
	f := &foreignFinder{target: target}
	for _, b := range p.scope.blocks[1:] {
		if b.parent == nil {
			f.sources = append(f.sources, b.sources...)
		}
	}
	e.Accept(f)
	return f.name, f.name != ""
}

type foreignFinder struct {
	target  *source
	sources []*source // of the SELECT
	name    string
}

func (f *foreignFinder) Enter(n ast.Node) (ast.Node, bool) {
	switch x := n.(type) {
	case *ast.ValuesExpr:
		return n, true
	case *ast.ColumnName:
		if !f.own(x) {
			f.name = x.Name.O
		}
	}
	return n, false
}

func (f *foreignFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// own tells whether a column is certainly the target's.
func (f *foreignFinder) own(c *ast.ColumnName) bool {
	if c.Table.O != "" {
		return c.Table.O == f.target.name && !slices.ContainsFunc(f.sources, func(s *source) bool { return s.name == c.Table.O })
	}
	if f.target.table != nil && len(f.target.table.Columns) > 0 && f.target.table.Column(c.Name.O) == nil {
		return false
	}
	return !slices.ContainsFunc(f.sources, func(s *source) bool { return s.table != nil && s.table.Column(c.Name.O) != nil })
}

// selectPushed plans INSERT … SELECT into a sharded table as one statement on each shard.
func (p *planning) selectPushed(target *source, l *layout) error {
	driver := l.sharded[1]
	cond := p.cs.of(driver)
	p.plan.FromSelect, p.plan.InsertID = true, InsertIDNone
	p.plan.scatterRefusal = refuse("INSERT … SELECT over several shards", target.table, "give %s one value", target.table.Key)
	if err := p.shardsPlan(l, target); err != nil {
		return err
	}
	p.plan.sources[0].cond = cond // the target's rows go where the driver's are
	p.plan.scatter = &Scatter{template: p.plan.template, limit: -1, offset: -1}
	p.markDrivers(l)
	p.plan.Reason = "each row is made on the shard that it goes to"
	return p.replaceFunctions(nil)
}

// mayPush tells whether each row is made on the shard that it goes to: the SELECT's rows are those of its shards put
// together, and the key of one of its tables, to which the target is bound, goes into the target's. That table becomes
// the second of l.sharded, the target being the first.
func (p *planning) mayPush(s *ast.InsertStmt, target *source, l *layout) bool {
	sel, ok := s.Select.(*ast.SelectStmt)
	if !ok || len(l.sharded) < 2 || l.sharded[0] != target || len(target.table.Lookups) > 0 || autoIncrement(target.table) != nil || !p.byShards(s, sel, l) {
		return false
	}
	driver := p.keyFeeder(s, sel, target)
	if driver == nil || p.notTogether(&layout{sharded: l.sharded[1:]}) != nil || p.grouped(sel, driver) {
		return false
	}
	for _, src := range p.scope.sources[1:] { // the target's qualifier is exchanged wherever it stands
		if src.name == target.name {
			return false
		}
	}
	i := slices.Index(l.sharded, driver)
	l.sharded[1], l.sharded[i] = l.sharded[i], l.sharded[1]
	return true
}

// byShards tells whether a SELECT's rows can be made shard by shard, as far as that does not depend on its tables.
func (p *planning) byShards(s *ast.InsertStmt, sel *ast.SelectStmt, l *layout) bool {
	switch {
	case p.scope.derived || p.scope.subs || sel.Limit != nil || p.uses.window || len(sel.WindowSpecs) > 0 || len(sel.Lists) > 0 || sel.From == nil:
		return false
	case p.uses.unsafe != "" || p.uses.sysVar || len(p.plan.Users.Assigned) > 0 || p.plan.Returning || p.plan.Locks != nil:
		return false
	}
	return !p.st.Executable && len(s.PartitionNames) == 0 && len(l.system) == 0 && (l.whole == nil || len(l.groups) > 0)
}

// keyFeeder is the sharded table of the SELECT whose shard key becomes the target's, unchanged; nil when there is none.
func (p *planning) keyFeeder(s *ast.InsertStmt, sel *ast.SelectStmt, target *source) *source {
	at := insertPosition(s, target.table, target.table.Key)
	b := p.scope.blocks[1]
	if at < 0 || at >= len(sel.Fields.Fields) {
		return nil
	}
	for _, f := range sel.Fields.Fields[:at+1] {
		if f.WildCard != nil {
			return p.starFeeder(s, sel, target)
		}
	}
	c, ok := sel.Fields.Fields[at].Expr.(*ast.ColumnNameExpr)
	if !ok {
		return nil
	}
	col, ok := b.resolve(c.Name)
	if !ok {
		return nil
	}
	return feeds(col, target.table)
}

// starFeeder is keyFeeder for SELECT * of one table.
func (p *planning) starFeeder(s *ast.InsertStmt, sel *ast.SelectStmt, target *source) *source {
	b := p.scope.blocks[1]
	if len(sel.Fields.Fields) != 1 || len(b.sources) != 1 || b.sources[0].table == nil {
		return nil
	}
	at, name := insertPosition(s, target.table, target.table.Key), ""
	for i := range b.sources[0].table.Columns {
		c := &b.sources[0].table.Columns[i]
		if c.Invisible {
			continue
		}
		if at == 0 {
			name = strings.ToLower(c.Name)
		}
		at--
	}
	return feeds(columnRef{b.sources[0], name}, target.table)
}

// feeds is the source of a column whose values are shard keys that t stores as they are.
func feeds(col columnRef, t *Table) *source {
	src := col.src
	if src.table == nil || src.table.Kind != Sharded || src.outer || !strings.EqualFold(src.table.Key, col.name) || !src.table.BoundTo(t) {
		return nil
	}
	from, to := src.table.KeyColumn(), t.KeyColumn()
	if from == nil || to == nil || from.DataType != to.DataType || from.Unsigned != to.Unsigned || from.Collation != to.Collation ||
		to.CharLength < from.CharLength || to.AutoIncrement {
		return nil
	}
	return src
}

// grouped tells whether rows of several shards may go into one row of the result: there are aggregates, and the groups are
// not within a key.
func (p *planning) grouped(sel *ast.SelectStmt, driver *source) bool {
	if sel.GroupBy == nil {
		return p.uses.aggregate || sel.Having != nil && p.uses.aggregate
	}
	for _, item := range sel.GroupBy.Items {
		c, ok := item.Expr.(*ast.ColumnNameExpr)
		if !ok {
			continue
		}
		if col, ok := p.scope.blocks[1].resolve(c.Name); ok && col == (columnRef{driver, lowerKey(driver.table)}) && !sel.GroupBy.Rollup {
			return false
		}
	}
	return true
}

// InsertPieces are the parts of the text of an INSERT … SELECT.
type InsertPieces struct {
	Head  string // up to the query
	Query string
	Tail  string // ON DUPLICATE KEY UPDATE …
}

// SplitInsertSelect cuts an INSERT … SELECT at its query; ok is false when its parts were not found.
func SplitInsertSelect(text []byte, mode fingerprint.Mode) (parts InsertPieces, ok bool) {
	tk := rewrite.Tokenize(&fingerprint.Statement{Text: text, Mode: mode, End: len(text)})
	i := 1
	for tk.Is(i, "low_priority") || tk.Is(i, "delayed") || tk.Is(i, "high_priority") || tk.Is(i, "ignore") || tk.Is(i, "into") {
		i++
	}
	if i++; tk.Is(i, ".") {
		i += 2
	}
	if tk.Is(i, "(") && !isQuery(tk, i+1) {
		i = closing(tk, i) + 1
	}
	if i >= len(tk.List) || !isQuery(tk, i) {
		return parts, false
	}
	start, end, depth := tk.List[i].Start, len(text), 0
	for k := i; k < len(tk.List); k++ {
		switch {
		case tk.Is(k, "("):
			depth++
		case tk.Is(k, ")"):
			depth--
		case depth == 0 && tk.Is(k, "on") && tk.Is(k+1, "duplicate") && tk.Is(k+2, "key") && tk.Is(k+3, "update"):
			end = tk.List[k].Start
		}
		if end < len(text) {
			break
		}
	}
	return InsertPieces{Head: string(text[:start]), Query: strings.TrimRight(string(text[start:end]), " \t\r\n"), Tail: string(text[end:])}, true
}

// isQuery tells whether a query begins at token i.
func isQuery(tk *rewrite.Tokens, i int) bool {
	for tk.Is(i, "(") {
		i++
	}
	return tk.Is(i, "select") || tk.Is(i, "with") || tk.Is(i, "table") || tk.Is(i, "values") && tk.Is(i+1, "row")
}

// closing is the token that closes the parenthesis at token i.
func closing(tk *rewrite.Tokens, i int) int {
	depth := 0
	for ; i < len(tk.List); i++ {
		switch {
		case tk.Is(i, "("):
			depth++
		case tk.Is(i, ")"):
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(tk.List)
}
