package router

// aggregate.go: SELECTs with GROUP BY, DISTINCT, aggregates and windows over several shards whose every group is whole on
// one shard: what is computed of a group there is what one server would compute. That is so where the group's rows have
// one value of the shard key. What is not proven here is merged (aggregatemerge.go) or gathered.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// blockUse is what one query block computes over several rows.
type blockUse struct {
	aggregates []*ast.AggregateFuncExpr
	windows    []*ast.WindowSpec
}

// useOf walks a block's own expressions, not those of its subqueries.
func useOf(sel *ast.SelectStmt) *blockUse {
	u := &blockUse{}
	for _, n := range []ast.Node{nilable(sel.Fields), nilable(sel.GroupBy), nilable(sel.Having), nilable(sel.OrderBy)} {
		if n != nil {
			n.Accept(u)
		}
	}
	for i := range sel.WindowSpecs {
		sel.WindowSpecs[i].Accept(u)
	}
	return u
}

// Enter implements ast.Visitor.
func (u *blockUse) Enter(n ast.Node) (ast.Node, bool) {
	switch x := n.(type) {
	case *ast.SubqueryExpr:
		return n, true
	case *ast.AggregateFuncExpr:
		u.aggregates = append(u.aggregates, x)
	case *ast.WindowFuncExpr:
		u.windows = append(u.windows, &x.Spec)
	}
	return n, false
}

// Leave implements ast.Visitor.
func (u *blockUse) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// wholes is what is known of the groups of the statement's main block.
type wholes struct {
	sel   *ast.SelectStmt
	block *block
	use   *blockUse
	keys  map[columnRef]bool // columns that are the shard key in every joined row
}

// wholesOf looks at the main block, whose joined rows are each made on one shard.
func (p *planning) wholesOf(sel *ast.SelectStmt, l *layout) *wholes {
	w := &wholes{sel: sel, block: p.scope.blocks[0], use: useOf(sel), keys: map[columnRef]bool{}}
	for _, src := range l.sharded {
		if src.block == w.block && !src.outer {
			for c := range sameAs(columnRef{src, lowerKey(src.table)}) {
				w.keys[c] = true
			}
		}
	}
	return w
}

// refusal says which groups may have rows on several shards, nil when all are whole.
func (w *wholes) refusal(p *planning, t *Table) *Refusal {
	key := "give " + t.Key + " one value"
	switch {
	case p.foreignAggregate(w):
		return refuse("aggregate functions of an outer query in a subquery over several shards", t, "%s", key)
	case w.sel.GroupBy != nil && w.sel.GroupBy.Rollup:
		return refuse("WITH ROLLUP over several shards", t, "%s", key)
	case w.sel.GroupBy != nil && !w.groups(p):
		return refuse("GROUP BY over several shards", t, "%s", key)
	case w.sel.GroupBy == nil && len(w.use.aggregates) > 0:
		return refuse("aggregate functions over several shards", t, "%s", key)
	case !w.partitions():
		return refuse("window functions over several shards", t, "%s", key)
	case w.sel.Distinct && !w.distinct():
		return refuse("DISTINCT over several shards", t, "%s", key)
	}
	return nil
}

// groups tells whether one of the columns that GROUP BY names is the shard key.
func (w *wholes) groups(p *planning) bool {
	for _, item := range w.sel.GroupBy.Items {
		if c, ok := w.groupColumn(p, item.Expr); ok && w.keys[c] {
			return true
		}
	}
	return false
}

// groupColumn is the column that an item of GROUP BY is: a column of FROM, or a field of the select list by its position or
// alias.
func (w *wholes) groupColumn(p *planning, e ast.ExprNode) (columnRef, bool) {
	field := w.groupField(e)
	if field == nil {
		c, ok := columnOf(e, w.block)
		if _, plain := unwrap(e).(*ast.ColumnNameExpr); !ok || !plain || c.src.block != w.block || w.block.otherwiseNamed(e, c) {
			return columnRef{}, false
		}
		return c, true
	}
	if position, ok := e.(*ast.PositionExpr); ok {
		p.pinAt(position)
	}
	c, ok := columnOf(field.Expr, w.block)
	return c, ok && c.src.block == w.block
}

// groupField is the field of the select list that an item of GROUP BY names: by its position, or by its alias where no
// column of FROM has that name. nil when it is none, or not certain.
func (w *wholes) groupField(e ast.ExprNode) *ast.SelectField {
	fields := w.sel.Fields.Fields
	if position, ok := e.(*ast.PositionExpr); ok {
		if position.P != nil || position.N < 1 || position.N > len(fields) {
			return nil
		}
		for _, f := range fields[:position.N] {
			if f.WildCard != nil {
				return nil
			}
		}
		return fields[position.N-1]
	}
	col, ok := unwrap(e).(*ast.ColumnNameExpr)
	if !ok || col.Name.Table.O != "" {
		return nil
	}
	if src, certain := w.block.find(col.Name); src != nil || !certain {
		return nil
	}
	var found *ast.SelectField
	for _, f := range fields {
		if f.WildCard == nil && f.AsName.L == col.Name.Name.L {
			if found != nil {
				return nil
			}
			found = f
		}
	}
	return found
}

// pinAt makes the number that names a field part of the plan.
func (p *planning) pinAt(e *ast.PositionExpr) {
	if slot, ok := p.cs.slotAt(e.OriginTextPosition()); ok {
		s := p.st.Slots[slot]
		p.plan.pins = append(p.plan.pins, pin{slot, string(p.st.Text[s.Start:s.End])})
	}
}

// partitions tells whether each window's rows have one value of the shard key.
func (w *wholes) partitions() bool {
	for _, spec := range w.use.windows {
		if !w.partitioned(spec, 0) {
			return false
		}
	}
	return true
}

// partitioned looks at a window and at those that it builds on.
func (w *wholes) partitioned(spec *ast.WindowSpec, depth int) bool {
	if spec.PartitionBy != nil {
		for _, item := range spec.PartitionBy.Items {
			if _, position := item.Expr.(*ast.PositionExpr); position {
				continue
			}
			if c, ok := columnOf(item.Expr, w.block); ok && w.keys[c] {
				return true
			}
		}
		return false
	}
	name := spec.Ref.L
	if spec.OnlyAlias {
		name = spec.Name.L
	}
	for i := range w.sel.WindowSpecs {
		if other := &w.sel.WindowSpecs[i]; name != "" && other.Name.L == name && other != spec && depth < len(w.sel.WindowSpecs) {
			return w.partitioned(other, depth+1)
		}
	}
	return false
}

// distinct tells whether the shard key is in the select list.
func (w *wholes) distinct() bool {
	found := false
	for _, f := range w.sel.Fields.Fields {
		if f.WildCard != nil {
			if !w.block.all(f.WildCard, func(name string, c columnRef, known bool) { found = found || known && w.keys[c] }) {
				return false
			}
			continue
		}
		c, ok := columnOf(f.Expr, w.block)
		found = found || ok && w.keys[c]
	}
	return found
}

// shows tells whether a column is in the select list as it is.
func (w *wholes) shows(src *source, name string) bool {
	shown := false
	for _, f := range w.sel.Fields.Fields {
		if f.WildCard != nil {
			w.block.all(f.WildCard, func(_ string, c columnRef, known bool) { shown = shown || known && c == (columnRef{src, name}) })
			continue
		}
		c, ok := columnOf(f.Expr, w.block)
		shown = shown || ok && c == (columnRef{src, name})
	}
	return shown
}

// shownWhole tells whether what identifies a table's rows is in the select list, so that all its columns are decided by that.
func (w *wholes) shownWhole(src *source) bool {
	if src.table == nil || src.table.Identity() == nil {
		return false
	}
	for _, name := range src.table.Identity() {
		if !w.shows(src, strings.ToLower(name)) {
			return false
		}
	}
	return true
}

// foreignAggregate tells whether an aggregate in a subquery may be one of the block around it: it is where all its columns
// are.
func (p *planning) foreignAggregate(w *wholes) bool {
	for _, b := range p.scope.blocks {
		if b == w.block || b.node == nil {
			continue
		}
		for _, agg := range useOf(b.node).aggregates {
			v := &ownColumns{block: b}
			agg.Accept(v)
			if v.foreign && !v.own {
				return true
			}
		}
	}
	return false
}

// ownColumns looks for columns of a block's own tables and others.
type ownColumns struct {
	block        *block
	own, foreign bool
}

// Enter implements ast.Visitor.
func (v *ownColumns) Enter(n ast.Node) (ast.Node, bool) {
	if c, ok := n.(*ast.ColumnName); ok {
		if src, _ := v.block.find(c); src != nil {
			v.own = true
		} else {
			v.foreign = true
		}
	}
	return n, false
}

// Leave implements ast.Visitor.
func (v *ownColumns) Leave(n ast.Node) (ast.Node, bool) { return n, true }
