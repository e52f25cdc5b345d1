package router

// change.go: UPDATE and DELETE.

import (
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
	return p.change(changeOfUpdate(s))
}

func (p *planning) delete(s *ast.DeleteStmt) error {
	p.plan.Verb = VerbDelete
	return p.change(changeOfDelete(s))
}

func changeOfUpdate(s *ast.UpdateStmt) *change {
	c := &change{tables: s.TableRefs, where: s.Where, order: s.Order, limit: s.Limit, with: s.With, targets: s.List}
	c.many = s.MultipleTable || s.TableRefs.TableRefs.Right != nil
	for _, a := range s.List {
		c.set = append(c.set, a)
	}
	return c
}

func changeOfDelete(s *ast.DeleteStmt) *change {
	return &change{tables: s.TableRefs, where: s.Where, order: s.Order, limit: s.Limit, with: s.With, many: s.IsMultiTable, deleted: s.Tables}
}

// changeScope enters the statement's tables and subqueries.
func (p *planning) changeScope(c *change) *block {
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
	return b
}

func (p *planning) change(c *change) error {
	if err := p.analyse(); err != nil {
		return err
	}
	b := p.changeScope(c)
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
		p.plan.StoresTime = p.plan.StoresTime || src.table.mayStoreTime()
		p.plan.WritesLookup = p.plan.WritesLookup || src.table != nil && src.table.LookupOf != nil
	}
	plain := p.plainTarget(c, b)
	if t := broadcastAmong(targets); t != nil {
		return p.changeBroadcast(c, b, l, t, targets)
	}
	switch {
	case len(l.sharded) == 0 && len(l.groups) == 0:
		return p.stepped(c, b, l, targets, p.differentGroups(l))
	case len(l.sharded) == 0:
		return p.groupPlan(l.groups, plain, "all tables are whole in the group")
	}
	if err := p.changesKey(c, b); err != nil {
		return err
	}
	return p.changeShards(c, b, l, targets, plain)
}

// changeShards plans a write that names sharded tables: on the one shard of its keys, by every shard for itself, or in steps.
func (p *planning) changeShards(c *change, b *block, l *layout, targets []*source, plain *source) error {
	p.plan.scatterRefusal = p.cannotChangeMany(c, b, l, targets)
	if l.whole != nil && len(l.groups) == 0 {
		return p.stepped(c, b, l, targets, p.differentGroups(l))
	}
	switch {
	case p.plan.moving != nil:
		if p.plan.scatterRefusal == nil || p.plan.moving.refusal != nil {
			p.plan.scatterRefusal = p.plan.moving.refusal
		}
	case p.uses.grave == "" && !p.uses.sysVar:
		p.mayStep(c, b, targets)
	}
	if err := p.keepChanged(c, targets); err != nil {
		return err
	}
	if err := p.shardsPlan(l, plain); err != nil {
		return err
	}
	if p.plan.scatterRefusal == nil && p.plan.moving == nil {
		p.plan.scatter = &Scatter{template: p.plan.template, limit: -1, offset: -1}
		for i, src := range l.sharded {
			p.plan.sources[i].driver = src.block == b && !src.outer
		}
	}
	return p.replaceFunctions(nil)
}

// mayStep has the statement carried out in steps where its shards cannot do it by themselves, if that is possible; why it is
// not is the better refusal.
func (p *planning) mayStep(c *change, b *block, targets []*source) {
	_, err := p.pick(c, b, targets)
	if refusal, ok := err.(*Refusal); ok && p.plan.scatterRefusal != nil {
		p.plan.scatterRefusal = refusal
	}
	if err == nil {
		p.plan.Steps = StepsPick
	}
}

// stepped plans a statement that is always carried out in steps. The plan's text is for its description only; where no group
// has all of its tables there is none.
func (p *planning) stepped(c *change, b *block, l *layout, targets []*source, otherwise error) error {
	if _, err := p.pick(c, b, targets); err != nil {
		if _, ok := err.(*Refusal); ok && otherwise == nil {
			return err
		}
		return otherwise
	}
	var err error
	switch plain := p.plainTarget(c, b); {
	case l.whole != nil && len(l.groups) == 0:
		p.plan.Kind, p.plan.Groups, p.plan.undescribed = KindGroup, p.cat.Groups[:1], true
	case len(l.sharded) > 0:
		err = p.shardsPlan(l, plain)
	default:
		err = p.groupPlan(l.groups, plain, "")
	}
	if err != nil {
		return err
	}
	p.plan.Steps, p.plan.AlwaysSteps = StepsPick, true
	p.plan.Reason = "rows are looked for first, and written by their keys"
	if p.plan.undescribed {
		return nil
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

// cannotChangeMany says why every shard by itself cannot carry the statement out; nil when it can.
func (p *planning) cannotChangeMany(c *change, b *block, l *layout, targets []*source) *Refusal {
	t := l.sharded[0].table
	key := "give " + t.Key + " one value"
	switch {
	case p.uses.grave != "":
		return refuse(p.uses.grave+" over several shards", t, "%s", key)
	case p.uses.sysVar:
		return refuse("system variables over several shards", t, "%s", key)
	case c.limit != nil:
		return refuse("UPDATE or DELETE with LIMIT over several shards", t, "%s: each shard would take that many rows", key)
	}
	return p.apart(l, b, targets)
}

// changeBroadcast plans a write of a broadcast table: the same statement on every group that has a copy where it does the same
// everywhere; else rows and values are found on one copy, and written by key to all.
func (p *planning) changeBroadcast(c *change, b *block, l *layout, t *Table, targets []*source) error {
	refusal := p.broadcastApart(t)
	if refusal == nil {
		return p.broadcastWrite(t, p.plainTarget(c, b))
	}
	if p.plan.Returning {
		return refuse("RETURNING in a write of a broadcast table", t, "read the rows with a SELECT")
	}
	return p.stepped(c, b, l, targets, refusal)
}

// broadcastApart says why the copies of a broadcast table would not all become the same by the same statement.
func (p *planning) broadcastApart(t *Table) *Refusal {
	for _, src := range p.scope.sources {
		if src.table == nil || src.table.Kind != Broadcast || len(src.table.Shards) != len(t.Shards) {
			return refuse("writing a broadcast table together with others in one statement", t, "write it by itself")
		}
	}
	switch {
	case p.uses.unsafe != "" || p.uses.sysVar:
		return refuse("functions of chance or of the session in a write of a broadcast table", t, "put their value into the statement, so that all copies stay equal")
	case p.limited():
		return refuse("LIMIT in a write of a broadcast table", t, "name the rows by their key, so that all copies stay equal")
	}
	return nil
}

// broadcastWrite plans the same statement on every group that has a copy of a broadcast table.
func (p *planning) broadcastWrite(t *Table, plain *source) error {
	if refusal := p.broadcastApart(t); refusal != nil {
		return refusal
	}
	if p.plan.Returning {
		return refuse("RETURNING in a write of a broadcast table", t, "read the rows with a SELECT")
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
