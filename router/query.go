package router

// query.go: SELECT and set operations.

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
)

func (p *planning) query(n ast.StmtNode) error {
	p.plan.Verb = VerbSelect
	if err := p.analyse(); err != nil {
		return err
	}
	sel, _ := n.(*ast.SelectStmt)
	if sel != nil {
		p.plan.FoundRows = sel.SelectStmtOpts != nil && sel.CalcFoundRows
		p.plan.Locking = sel.LockInfo != nil && sel.LockInfo.LockType != ast.SelectLockNone
	}
	if p.uses.setsID {
		return refuse("LAST_INSERT_ID(expression) in a query", nil, "use it in an INSERT or UPDATE")
	}
	p.ownOffset(n)
	p.scope.query(n, nil, nil, nil)
	l, err := p.layout()
	if err != nil {
		return err
	}
	switch {
	case len(l.system) > 0:
		return p.system(l)
	case len(p.scope.sources) == 0:
		return p.noTables()
	case len(l.whole) > 0 && len(l.groups) == 0:
		return p.gatherPlan(l)
	case len(l.sharded) == 0:
		return p.groupPlan(l.groups, nil, "all tables are whole in the group")
	}
	p.plan.scatterRefusal = p.cannotScatter(sel, l)
	if err := p.shardsPlan(l, nil); err != nil {
		return err
	}
	if p.plan.scatterRefusal == nil {
		if err := p.scatter(sel, l); err != nil {
			refusal, ok := err.(*Refusal)
			if !ok {
				return err
			}
			p.plan.scatterRefusal = refusal
		}
	}
	if err := p.replaceFunctions(sel); err != nil {
		return err
	}
	p.gatherInstead()
	return nil
}

// cannotScatter says why a SELECT's result over several shards would not be the rows of the shards put together;
// nil when it would.
func (p *planning) cannotScatter(sel *ast.SelectStmt, l *layout) *Refusal {
	t := l.sharded[0].table
	key := "give " + t.Key + " one value"
	switch {
	case sel == nil || p.scope.derived && sel.With == nil && sel.From != nil && len(p.scope.blocks) > 1 && !p.scope.subs:
		return refuse("UNION or derived tables over several shards", t, "%s in every part", key)
	case p.scope.derived:
		return refuse("WITH, UNION or derived tables over several shards", t, "%s in every part", key)
	case p.scope.subs && p.apart(l, p.scope.blocks[0], nil) != nil:
		return refuse("subqueries over several shards", t, "%s, or ask for the parts separately", key)
	case p.uses.unsafe != "":
		return refuse(p.uses.unsafe+" over several shards", t, "%s", key)
	case p.uses.sysVar:
		return refuse("system variables over several shards", t, "%s", key)
	}
	if !p.scope.subs { // else apart has looked at all tables
		if refusal := p.notTogether(l); refusal != nil {
			return refusal
		}
	}
	return p.wholesOf(sel, l).refusal(p, t)
}

// notTogether says why the joined rows of a statement are not the union of what each shard can join by itself; nil
// when they are. Each result row must be made on exactly one shard: some sharded table's row is in each of them (the
// driver, not on the nullable side of an outer join), and all other sharded tables are bound to one that is already
// known to be together, by equal keys.
func (p *planning) notTogether(l *layout) *Refusal {
	drivers := 0
	together := map[*source]bool{}
	for _, src := range l.sharded {
		if !src.outer {
			if drivers == 0 {
				together[src] = true
			}
			drivers++
		}
	}
	if drivers == 0 {
		t := l.sharded[0].table
		return refuse("an outer join whose kept side is not sharded, over several shards", t, "give %s one value, or join from the sharded table", t.Key)
	}
	for grown := true; grown; {
		grown = false
		for _, src := range l.sharded {
			if !together[src] && p.boundToSome(src, together) {
				together[src] = true
				grown = true
			}
		}
	}
	for _, src := range l.sharded {
		if !together[src] {
			return refuse("a join of tables that are not bound by their shard keys, over several shards", src.table,
				"join on %s of tables with the same binding, or give it one value", src.table.Key)
		}
	}
	return nil
}

// boundToSome tells whether src's rows are joined by their shard key to a table that is together already.
func (p *planning) boundToSome(src *source, together map[*source]bool) bool {
	same := sameAs(columnRef{src, lowerKey(src.table)})
	for other := range together {
		if other.table.BoundTo(src.table) && same[columnRef{other, lowerKey(other.table)}] {
			return true
		}
	}
	return false
}
