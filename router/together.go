package router

// together.go: when an UPDATE or DELETE may be carried out by every shard by itself: all rows that decide about a target's row,
// and what it becomes, are in the shard of that row.

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
)

// apart says why the rows of the statement's tables are not together in their shards, nil when they are. Each joined row has
// to be made on exactly one shard (notTogether), and rows that a subquery reads have to be in the shard of the row that it is
// asked for: those of tables that are equal to it in the shard key. Whole tables are the same everywhere.
func (p *planning) apart(l *layout, main *block, targets []*source) *Refusal {
	t := l.sharded[0].table
	if p.scope.derived {
		return refuse("UPDATE or DELETE with derived tables over several shards", t, "give %s one value", t.Key)
	}
	for _, src := range targets {
		if src.table == nil || src.table.Kind != Sharded {
			return refuse("UPDATE or DELETE of a table that is not sharded together with one that is", t, "give %s one value", t.Key)
		}
	}
	joined := &layout{}
	for _, src := range l.sharded {
		if src.block == main {
			joined.sharded = append(joined.sharded, src)
		}
	}
	if len(joined.sharded) == 0 {
		return refuse("a sharded table in a subquery only, over several shards", t, "give %s one value", t.Key)
	}
	if refusal := p.notTogether(joined); refusal != nil {
		return refusal
	}
	together := map[*source]bool{}
	for _, src := range joined.sharded {
		together[src] = true
	}
	for grown := true; grown; {
		grown = false
		for _, src := range l.sharded {
			if !together[src] && (p.boundToSome(src, together) || p.askedByKey(src, main, together)) {
				together[src], grown = true, true
			}
		}
	}
	for _, src := range l.sharded {
		if !together[src] {
			return refuse("UPDATE or DELETE with a subquery that is not bound by the shard key, over several shards", src.table, "give %s one value", src.table.Key)
		}
	}
	return nil
}

// askedByKey tells whether src is in a subquery of the form key IN (SELECT key FROM src …), a condition of the WHERE: that is
// true where src has a row of that key, and such a row is in the same shard.
func (p *planning) askedByKey(src *source, main *block, together map[*source]bool) bool {
	found := false
	for _, cj := range main.filter.conjuncts {
		splitAnd(cj.expr, func(e ast.ExprNode) {
			if x, ok := unwrap(e).(*ast.PatternInExpr); ok && !x.Not && x.Sel != nil {
				found = found || p.selectsKey(x, src, cj.block, together)
			}
		})
	}
	return found
}

func (p *planning) selectsKey(x *ast.PatternInExpr, src *source, b *block, together map[*source]bool) bool {
	sub, ok := x.Sel.(*ast.SubqueryExpr)
	if !ok {
		return false
	}
	sel, ok := sub.Query.(*ast.SelectStmt)
	if !ok || sel != src.block.node || sel.Limit != nil || sel.GroupBy != nil || sel.Having != nil || len(sel.Fields.Fields) != 1 || sel.Fields.Fields[0].WildCard != nil {
		return false
	}
	asked, ok1 := columnOf(x.Expr, b)
	given, ok2 := columnOf(sel.Fields.Fields[0].Expr, src.block)
	if !ok1 || !ok2 || !sameAs(columnRef{src, lowerKey(src.table)})[given] || given.src.outer {
		return false
	}
	same := map[columnRef]bool{}
	for other := range together {
		if other.table.BoundTo(src.table) && !other.outer {
			for c := range sameAs(columnRef{other, lowerKey(other.table)}) {
				same[c] = true
			}
		}
	}
	return same[asked] && interchangeable(asked, given)
}
