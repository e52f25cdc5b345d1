package router

// scope.go: which tables a statement names, in which query block each stands, and which conditions every row that
// matters must meet. It is the ground for knowing which keys a table's rows can have.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"
)

// filter is a set of conditions that hold together. A source's rows matter only where the conditions of its own
// filter and of all parents hold: an outer join's ON restricts the nullable side, a subquery inherits from the block
// around it, never the other way round.
type filter struct {
	parent    *filter
	conjuncts []conjunct
	equal     [][2]columnRef // from USING
}

type conjunct struct {
	expr  ast.ExprNode
	block *block
}

// source is one entry of a FROM clause.
type source struct {
	name     string // alias, or the table's name
	db       string // logical database of a table
	table    *Table // nil for derived tables, CTEs and tables that are not in the catalog
	system   string // the system database that the table is in
	node     *ast.TableName
	aliased  bool
	filter   *filter
	outer    bool // on the nullable side of an outer join
	gathered bool // a copy may stand in for it: see gather.go
	block    *block
	holder   *ast.TableSource
	columns  map[string]bool      // of a derived table, lower case; nil: not known
	origins  map[string]columnRef // of a derived table: what those of its columns are that are columns of its tables
}

// block is one SELECT (or the body of an UPDATE or DELETE).
type block struct {
	parent  *block          // where names are looked up next
	lexical *block          // the block around it, whose CTEs it sees
	query   *ast.SelectStmt // nil for others
	right   bool            // it has a RIGHT JOIN: what USING means is not followed
	sources []*source
	filter  *filter
	using   map[string]bool
	ctes    map[string]bool
	node    *ast.SelectStmt // nil: the body of an UPDATE or DELETE, or what holds a set operation
}

// columnRef is a column of a source, by lower-case name.
type columnRef struct {
	src  *source
	name string
}

// scope is the analysis of one statement.
type scope struct {
	cat     *Catalog
	db      string
	blocks  []*block
	sources []*source // of all blocks: real and unknown tables, in the order of the walk
	derived bool      // there is a derived table, CTE or set operation
	subs    bool      // there is a subquery in an expression
}

// query enters a SELECT or a set operation.
func (s *scope) query(n ast.Node, parent, lexical *block, above *filter) {
	switch q := n.(type) {
	case *ast.SelectStmt:
		s.selectBlock(q, parent, lexical, above)
	case *ast.SetOprStmt:
		s.derived = true
		holder := s.newBlock(parent, lexical, above)
		s.with(q.With, holder)
		s.query(q.SelectList, holder, holder, above)
		if q.OrderBy != nil {
			s.expressions(q.OrderBy, holder)
		}
	case *ast.SetOprSelectList:
		holder := s.newBlock(parent, lexical, above)
		s.with(q.With, holder)
		for _, sel := range q.Selects {
			s.query(sel, holder, holder, above)
		}
	}
}

func (s *scope) newBlock(parent, lexical *block, above *filter) *block {
	b := &block{parent: parent, lexical: lexical, filter: &filter{parent: above}, using: map[string]bool{}, ctes: map[string]bool{}}
	s.blocks = append(s.blocks, b)
	return b
}

func (s *scope) selectBlock(q *ast.SelectStmt, parent, lexical *block, above *filter) {
	b := s.newBlock(parent, lexical, above)
	b.node = q
	b.query = q
	s.with(q.With, b)
	if q.Fields != nil { // before FROM, as in the text: see splicer.pair
		s.expressions(q.Fields, b)
	}
	if q.From != nil {
		s.from(q.From.TableRefs, b, b.filter, false)
	}
	s.where(q.Where, b)
	for _, n := range []ast.Node{nilable(q.GroupBy), nilable(q.Having), nilable(q.OrderBy)} {
		if n != nil {
			s.expressions(n, b)
		}
	}
	for i := range q.WindowSpecs {
		s.expressions(&q.WindowSpecs[i], b)
	}
	for _, l := range q.Lists {
		s.expressions(l, b)
	}
}

// nilable turns a typed nil into a plain one.
func nilable[T any, P interface {
	*T
	ast.Node
}](n P) ast.Node {
	if n == nil {
		return nil
	}
	return n
}

func (s *scope) where(e ast.ExprNode, b *block) {
	if e == nil {
		return
	}
	b.filter.conjuncts = append(b.filter.conjuncts, conjunct{e, b})
	s.expressions(e, b)
}

func (s *scope) with(w *ast.WithClause, b *block) {
	if w == nil {
		return
	}
	s.derived = true
	for _, cte := range w.CTEs {
		if w.IsRecursive {
			b.ctes[cte.Name.O] = true
		}
		s.query(cte.Query.Query, b.parent, b, nil)
		b.ctes[cte.Name.O] = true
	}
}

// from walks a join tree. f is the filter that the tables of this part are under.
func (s *scope) from(n ast.ResultSetNode, b *block, f *filter, outer bool) {
	switch t := n.(type) {
	case *ast.Join:
		s.join(t, b, f, outer)
	case *ast.TableSource:
		s.tableSource(t, b, f, outer)
	case *ast.TableName:
		s.table(t, nil, b, f, outer)
	case *ast.SelectStmt, *ast.SetOprStmt:
		s.derived = true
		s.query(t, b.parent, b, f)
	}
}

func (s *scope) join(j *ast.Join, b *block, f *filter, outer bool) {
	left, right, on := f, f, f
	switch {
	case j.Right == nil:
		s.from(j.Left, b, f, outer)
		return
	case j.Tp == ast.LeftJoin:
		right = &filter{parent: f}
		on = right
	case j.Tp == ast.RightJoin:
		left = &filter{parent: f}
		on = left
		b.right = true
	}
	first := len(b.sources)
	s.from(j.Left, b, left, outer || j.Tp == ast.RightJoin)
	middle := len(b.sources)
	s.from(j.Right, b, right, outer || j.Tp == ast.LeftJoin)
	if j.On != nil {
		// ON sees the tables of this join and what is around the block, not the tables behind.
		view := &block{parent: b.parent, lexical: b, sources: b.sources[first:len(b.sources):len(b.sources)], filter: b.filter, using: b.using, right: b.right}
		on.conjuncts = append(on.conjuncts, conjunct{j.On.Expr, view})
		s.expressions(j.On, view)
	}
	for _, c := range j.Using {
		b.using[c.Name.L] = true
		l, r := owner(b, b.sources[first:middle], c.Name.L), owner(b, b.sources[middle:], c.Name.L)
		if l != nil && r != nil {
			on.equal = append(on.equal, [2]columnRef{{l, c.Name.L}, {r, c.Name.L}})
		}
	}
}

// owner is the first source known to have a column; nil when that is not certain.
func owner(b *block, sources []*source, name string) *source {
	var found *source
	for _, src := range sources {
		switch {
		case src.columns != nil && !src.columns[name]:
		case src.columns == nil && (src.table == nil || len(src.table.Columns) == 0):
			return nil
		case src.columns == nil && src.table.Column(name) == nil:
		case found == nil:
			found = src
		case b.right:
			return nil
		}
	}
	return found
}

func (s *scope) tableSource(t *ast.TableSource, b *block, f *filter, outer bool) {
	switch inner := t.Source.(type) {
	case *ast.TableName:
		s.table(inner, t, b, f, outer)
	case *ast.SelectStmt, *ast.SetOprStmt:
		s.derived = true
		parent := b.parent // a derived table does not see its neighbours
		if t.Lateral {
			parent = b
		}
		at := len(s.blocks)
		s.query(inner, parent, b, f)
		b.sources = append(b.sources, s.derivedTable(t, b, s.blocks[at], f, outer))
	default:
		s.from(inner, b, f, outer)
	}
}

func (s *scope) table(n *ast.TableName, holder *ast.TableSource, b *block, f *filter, outer bool) {
	src := &source{name: n.Name.O, db: n.Schema.O, node: n, holder: holder, filter: f, outer: outer, block: b}
	if holder != nil && holder.AsName.O != "" {
		src.name, src.aliased = holder.AsName.O, true
	}
	b.sources = append(b.sources, src)
	if src.db == "" && b.hasCTE(n.Name.O) {
		src.node = nil
		return
	}
	if src.db == "" {
		src.db = s.db
	}
	if s.cat.Databases[src.db] == nil {
		src.systemTable()
	} else {
		src.table = s.cat.Table(src.db, n.Name.O)
	}
	s.sources = append(s.sources, src)
}

func (b *block) hasCTE(name string) bool {
	for ; b != nil; b = b.lexical {
		for cte := range b.ctes {
			if strings.EqualFold(cte, name) {
				return true
			}
		}
	}
	return false
}

// expressions enters the subqueries of an expression (or of anything that holds expressions).
func (s *scope) expressions(n ast.Node, b *block) {
	n.Accept(&subqueryVisitor{s, b})
}

type subqueryVisitor struct {
	scope *scope
	block *block
}

func (v *subqueryVisitor) Enter(n ast.Node) (ast.Node, bool) {
	if q, ok := n.(*ast.SubqueryExpr); ok {
		v.scope.subs = true
		v.scope.query(q.Query, v.block, v.block, v.block.filter)
		return n, true
	}
	return n, false
}

func (v *subqueryVisitor) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// resolve finds the source that a column reference means, or false when that is not certain.
func (b *block) resolve(c *ast.ColumnName) (columnRef, bool) {
	for at := b; at != nil; at = at.parent {
		src, certain := at.find(c)
		if src != nil {
			return columnRef{src, c.Name.L}, true
		}
		if !certain {
			return columnRef{}, false
		}
	}
	return columnRef{}, false
}

// find looks in one block. certain: the column is not in this block, so an outer one may be meant.
func (b *block) find(c *ast.ColumnName) (src *source, certain bool) {
	var found []*source
	certain = true
	for _, s := range b.sources {
		switch {
		case c.Table.O != "":
			if s.name == c.Table.O && (c.Schema.O == "" || s.db == c.Schema.O) {
				return s, true
			}
		case s.columns != nil:
			if s.columns[c.Name.L] {
				found = append(found, s)
			}
		case s.table == nil || len(s.table.Columns) == 0:
			certain = false
		case s.table.Column(c.Name.L) != nil:
			found = append(found, s)
		}
	}
	if c.Table.O != "" {
		return nil, true
	}
	if len(found) == 1 && certain || len(found) > 1 && b.using[c.Name.L] && !b.right && certain {
		return found[0], true
	}
	if len(found) == 0 && !certain && len(b.sources) == 1 && b.sources[0].table != nil && strings.EqualFold(b.sources[0].table.Key, c.Name.L) {
		return b.sources[0], true // its columns are not known, but it has its own shard key
	}
	return nil, certain && len(found) == 0
}

// splitAnd visits the parts of an expression that AND joins.
func splitAnd(e ast.ExprNode, visit func(ast.ExprNode)) {
	switch x := e.(type) {
	case *ast.ParenthesesExpr:
		splitAnd(x.Expr, visit)
	case *ast.BinaryOperationExpr:
		if x.Op == opcode.LogicAnd {
			splitAnd(x.L, visit)
			splitAnd(x.R, visit)
			return
		}
		visit(e)
	default:
		visit(e)
	}
}
