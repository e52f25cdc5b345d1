package router

// change.go: UPDATE and DELETE.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// change is what UPDATE and DELETE have in common.
type change struct {
	tables  *ast.TableRefsClause
	where   ast.ExprNode
	order   *ast.OrderByClause
	limit   *ast.Limit
	with    *ast.WithClause
	many    bool       // the multiple-table form
	set     []ast.Node // assignments
	targets []*ast.Assignment
	deleted *ast.DeleteTableList
}

func (p *planning) update(s *ast.UpdateStmt) error {
	p.plan.Verb = VerbUpdate
	c := change{tables: s.TableRefs, where: s.Where, order: s.Order, limit: s.Limit, with: s.With, many: s.MultipleTable, targets: s.List}
	for _, a := range s.List {
		c.set = append(c.set, a)
	}
	return p.change(&c)
}

func (p *planning) delete(s *ast.DeleteStmt) error {
	p.plan.Verb = VerbDelete
	return p.change(&change{tables: s.TableRefs, where: s.Where, order: s.Order, limit: s.Limit, with: s.With, many: s.IsMultiTable, deleted: s.Tables})
}

func (p *planning) change(c *change) error {
	if err := p.analyse(); err != nil {
		return err
	}
	b := p.scope.newBlock(nil, nil, nil)
	p.scope.with(c.with, b)
	p.scope.from(c.tables.TableRefs, b, b.filter, false)
	for _, a := range c.set {
		p.scope.expressions(a, b)
	}
	p.scope.where(c.where, b)
	if c.order != nil {
		p.scope.expressions(c.order, b)
	}
	l, err := p.layout()
	if err != nil {
		return err
	}
	p.plan.AnyDatabase = c.deleted != nil
	if p.uses.setsID {
		p.plan.InsertID = InsertIDAsk
	}
	targets := p.changed(c, b)
	for _, src := range targets {
		p.plan.WritesLookup = p.plan.WritesLookup || src.table != nil && src.table.LookupOf != nil
	}
	if t := broadcastAmong(targets); t != nil {
		return p.broadcastWrite(t, p.plainTarget(c, b))
	}
	plain := p.plainTarget(c, b)
	switch {
	case len(l.sharded) == 0 && len(l.groups) == 0:
		return p.differentGroups(l)
	case len(l.sharded) == 0:
		return p.groupPlan(l.groups, plain, "all tables are whole in the group")
	}
	if err := p.keepsKeys(c, b); err != nil {
		return err
	}
	if err := p.keepChanged(c, targets); err != nil {
		return err
	}
	p.plan.scatterRefusal = p.cannotChangeMany(c, l)
	if err := p.shardsPlan(l, plain); err != nil {
		return err
	}
	if p.plan.scatterRefusal == nil {
		p.plan.scatter = &Scatter{template: p.plan.template, limit: -1, offset: -1}
		p.markDrivers(l)
	}
	return p.replaceFunctions(nil)
}

// plainTarget is the target of a DELETE of one table, which may not be given an alias.
func (p *planning) plainTarget(c *change, b *block) *source {
	if p.plan.Verb == VerbDelete && !c.many && len(b.sources) == 1 {
		return b.sources[0]
	}
	return nil
}

// changed are the tables that the statement writes; when that is not certain, all of its FROM.
func (p *planning) changed(c *change, b *block) []*source {
	if !c.many || c.deleted == nil {
		return p.assigned(c, b)
	}
	var out []*source
	for _, t := range c.deleted.Tables {
		for _, src := range b.sources {
			if src.name == t.Name.O && (t.Schema.O == "" || t.Schema.O == src.db) {
				out = append(out, src)
			}
		}
	}
	if len(out) < len(c.deleted.Tables) {
		return b.sources
	}
	return out
}

// assigned are the tables whose columns an UPDATE sets, or the one table of a DELETE.
func (p *planning) assigned(c *change, b *block) []*source {
	if len(c.targets) == 0 || len(b.sources) == 1 {
		return b.sources
	}
	var out []*source
	for _, a := range c.targets {
		col, ok := b.resolve(a.Column)
		if !ok {
			return b.sources
		}
		out = append(out, col.src)
	}
	return out
}

func broadcastAmong(sources []*source) *Table {
	for _, src := range sources {
		if src.table != nil && src.table.Kind == Broadcast {
			return src.table
		}
	}
	return nil
}

// keepsKeys refuses a change of a shard key: the row would stay where nothing finds it.
func (p *planning) keepsKeys(c *change, b *block) error {
	for _, a := range c.targets {
		for _, src := range b.sources {
			if src.table == nil || src.table.Kind != Sharded || !strings.EqualFold(src.table.Key, a.Column.Name.O) {
				continue
			}
			if col, ok := b.resolve(a.Column); !ok || col.src == src {
				return refuse("changing the shard key "+src.table.Key, src.table, "delete the row and insert it again, in one transaction")
			}
		}
	}
	return nil
}

// cannotChangeMany says why the statement cannot be carried out on several shards; nil when it can.
func (p *planning) cannotChangeMany(c *change, l *layout) *Refusal {
	t := l.sharded[0].table
	key := "give " + t.Key + " one value"
	switch {
	case c.limit != nil:
		return refuse("UPDATE or DELETE with LIMIT over several shards", t, "%s: each shard would take that many rows", key)
	case p.scope.subs || p.scope.derived:
		return refuse("UPDATE or DELETE with subqueries over several shards", t, "%s", key)
	case c.many || len(p.scope.sources) > 1:
		return refuse("UPDATE or DELETE of joined tables over several shards", t, "%s", key)
	case p.uses.unsafe != "":
		return refuse(p.uses.unsafe+" over several shards", t, "%s", key)
	case p.uses.sysVar:
		return refuse("system variables over several shards", t, "%s", key)
	}
	return nil
}

// broadcastWrite plans a write of a broadcast table: the same statement on every group that has a copy.
func (p *planning) broadcastWrite(t *Table, plain *source) error {
	for _, src := range p.scope.sources {
		if src.table == nil || src.table.Kind != Broadcast || len(src.table.Shards) != len(t.Shards) {
			return refuse("writing a broadcast table together with others in one statement", t, "write it by itself")
		}
	}
	if p.plan.Returning {
		return refuse("RETURNING in a write of a broadcast table", t, "read the rows with a SELECT")
	}
	if p.uses.unsafe != "" || len(p.uses.replaced) > 0 || p.uses.sysVar {
		return refuse("functions of chance or of the session in a write of a broadcast table", t, "put their value into the statement, so that all copies stay equal")
	}
	if p.limited() {
		return refuse("LIMIT in a write of a broadcast table", t, "name the rows by their key, so that all copies stay equal")
	}
	groups := p.commonGroups(p.scope.sources)
	if err := p.groupPlan(groups, plain, "a broadcast table: every group that has a copy"); err != nil {
		return err
	}
	p.plan.Kind = KindBroadcast
	return nil
}

func (p *planning) limited() bool {
	switch s := p.stmt.(type) {
	case *ast.UpdateStmt:
		return s.Limit != nil
	case *ast.DeleteStmt:
		return s.Limit != nil
	}
	return false
}
