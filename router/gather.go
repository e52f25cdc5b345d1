package router

// gather.go: queries that no one place can answer and no merge can put together: each table in them that is not whole where
// the query is run becomes a temporary table there, filled with the rows that can matter, and a server carries out the
// statement as it is. This file knows what has to be fetched; where that is put and how is the session's business.

import (
	"slices"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// Gather is how a query runs on gathered rows: the statement with a place for every table, each of which may be a copy.
type Gather struct {
	template rewrite.Template
	sources  []gatherSource // per table reference of the template
}

// gatherSource is one occurrence of a table.
type gatherSource struct {
	table *Table
	cond  Cond      // sharded tables: which keys its rows can have
	tests []rowTest // what every row of it that matters meets
	lock  string    // what a locking read says of it, as it stands behind a SELECT
}

// Copy is what has to be read of one occurrence of a table.
type Copy struct {
	Table  *Table
	Places []int  // the shards to be read, as indexes of Table.Shards; of a whole table that is one, some of whose copies are as good
	Where  string // the condition on its rows, "" for all
	Lock   string // " FOR UPDATE"
}

// StaysIn tells whether all that is needed of the table is in a group, as one table that can be read there.
func (c *Copy) StaysIn(group string) (Shard, bool) {
	if c.Table.Kind != Sharded {
		return c.Table.In(group)
	}
	if len(c.Places) == 1 && c.Table.Shards[c.Places[0]].Group == group {
		return c.Table.Shards[c.Places[0]], true
	}
	return Shard{}, false
}

// gatherInstead has the plan be carried out on gathered rows where its keys do not lead to one place, when it can be.
func (p *planning) gatherInstead() {
	if !p.spread() && p.plan.scatter.certain() {
		return
	}
	g, refusal := p.gathered()
	switch {
	case refusal == nil:
		p.plan.Gather = g
	case p.plan.scatterRefusal != nil:
		p.plan.scatterRefusal = refusal
	}
}

// certain tells whether the shards' results are known to be merged, whatever the types and collations of their columns.
func (s *Scatter) certain() bool {
	if s == nil {
		return true
	}
	for i := range s.Keys {
		switch s.Keys[i].Class {
		case SortText, SortUnknown:
			return false
		}
	}
	return !s.Whole || s.Hidden == 0
}

// spread tells whether there are keys with which the statement is for several places that cannot be merged.
func (p *planning) spread() bool {
	if p.plan.scatterRefusal != nil {
		return true
	}
	for i := range p.plan.sources {
		for _, s := range p.plan.sources[i].table.Shards {
			if p.plan.Groups != nil && !contains(p.plan.Groups, s.Group) {
				return true
			}
		}
	}
	return false
}

// gatherPlan is the plan of a query whose tables are not all whole in one group, and not sharded into such either.
func (p *planning) gatherPlan(l *layout) error {
	g, refusal := p.gathered()
	if refusal != nil {
		return refusal
	}
	p.plan.Kind, p.plan.Gather = KindGather, g
	p.plan.Reason = "its tables are in different groups"
	if len(l.sharded) > 0 {
		p.plan.Reason = "its tables are in different groups, or in several shards"
	}
	return nil
}

// gathered plans the statement once more, with a name of its own for each table.
func (p *planning) gathered() (*Gather, *Refusal) {
	if refusal := p.cannotGather(); refusal != nil {
		return nil, refusal
	}
	stmt, _, err := p.parser.parseReturning(string(p.st.Text[:p.st.End]), p.st.Mode)
	if err != nil {
		return nil, unproven(err)
	}
	g := &planning{
		parser: p.parser, cat: p.cat, st: p.st, db: p.db, stmt: stmt,
		cs: conditions{p.st}, refOf: map[*source]int{}, plan: &Plan{Verb: VerbSelect},
	}
	if err := g.analyse(); err != nil {
		return nil, refusalOf(err)
	}
	g.scope.query(stmt, nil, nil, nil)
	out := &Gather{}
	for _, src := range g.scope.sources {
		if src.table == nil { // it is newer than the catalog, or there is none: its home says so
			d := p.cat.Databases[src.db]
			src.table = &Table{Database: d.Name, Name: src.node.Name.O, Shards: []Shard{{d.DefaultGroup, d.Physical, src.node.Name.O}}}
		}
		src.gathered = true
		g.ref(src)
		s := gatherSource{table: src.table, tests: g.cs.tests(src), lock: lockOf(src)}
		if src.table.Kind == Sharded {
			s.cond = g.cs.of(src)
		}
		out.sources = append(out.sources, s)
	}
	if g.plan.template, err = g.splice(nil); err != nil {
		return nil, refusalOf(err)
	}
	if err := g.replaceFunctions(nil); err != nil {
		return nil, refusalOf(err)
	}
	out.template = g.plan.template
	return out, nil
}

// refusalOf makes a refusal of any error of planning.
func refusalOf(err error) *Refusal {
	if refusal, ok := err.(*Refusal); ok {
		return refusal
	}
	return unproven(err)
}

// cannotGather names what does not work on copies of the rows, nil when there is nothing such.
func (p *planning) cannotGather() *Refusal {
	t := p.plan.Sharded
	switch {
	case p.st.Executable:
		return refuse("executable comments (/*! … */)", t, "some servers would run what they hold and others not; write it without the comment")
	case p.plan.Locks != nil:
		return refuse("named locks in a statement on tables in several places", t, "take the lock in a statement of its own")
	case p.plan.Users.Inside: // what they are depends on the order in which rows are looked at
		return refuse(p.uses.unsafe+" over several shards", t, "give the shard keys one value, or ask for the parts separately")
	case p.uses.stuck != "":
		return refuse(p.uses.stuck+" over several shards", t, "give the shard keys one value, or ask for the parts separately")
	}
	for i, src := range p.scope.sources {
		for _, other := range p.scope.sources[:i] {
			if other.block == src.block && other.name == src.name {
				return refuse("two tables named '"+src.name+"', over several shards", src.table, "give them aliases")
			}
		}
		if src.node != nil && len(src.node.PartitionNames) > 0 {
			return refuse("PARTITION selection", src.table, "leave the partitions to the optimizer")
		}
	}
	return nil
}

// lockOf is what the query block of a table says about locking its rows.
func lockOf(src *source) string {
	if src.block.query == nil || src.block.query.LockInfo == nil {
		return ""
	}
	lock := src.block.query.LockInfo
	named := func(n *ast.TableName) bool { return n.Name.O == src.name }
	if len(lock.Tables) > 0 && !slices.ContainsFunc(lock.Tables, named) {
		return ""
	}
	switch lock.LockType {
	case ast.SelectLockForUpdate:
		return " FOR UPDATE"
	case ast.SelectLockForUpdateNoWait:
		return " FOR UPDATE NOWAIT"
	case ast.SelectLockForUpdateSkipLocked:
		return " FOR UPDATE SKIP LOCKED"
	case ast.SelectLockForShare:
		return " LOCK IN SHARE MODE"
	case ast.SelectLockForShareNoWait:
		return " FOR SHARE NOWAIT"
	case ast.SelectLockForShareSkipLocked:
		return " FOR SHARE SKIP LOCKED"
	}
	return " FOR UPDATE"
}

// GatherInstead makes a merged route one on gathered rows; false when the plan has no such way.
func (r *Route) GatherInstead(st *fingerprint.Statement) bool {
	if r.Plan.Gather == nil {
		return false
	}
	r.gather(r.Plan.Gather, st)
	return true
}

// gather makes the route of a query on gathered rows: one leg, whose tables the session has yet to make.
func (r *Route) gather(g *Gather, st *fingerprint.Statement) {
	r.Gathered, r.Merged = true, false
	r.Legs, r.targets = append(r.Legs[:0], Leg{Shard: -1}), r.targets[:0]
	r.Copies = r.Copies[:0]
	sharded := 0 // as Plan.sources counts
	for i := range g.sources {
		s := &g.sources[i]
		c := Copy{Table: s.table, Lock: s.lock}
		if s.table.Kind == Sharded {
			r.ev.table, r.ev.key = s.table, s.table.KeyColumn()
			var set ShardSet
			r.ev.shards(&s.cond, &set)
			if only := r.narrowed[sharded]; only != nil {
				set.Intersect(only)
			}
			sharded++
			for at := set.Next(0); at >= 0; at = set.Next(at + 1) {
				c.Places = append(c.Places, at)
			}
		} else {
			c.Places = []int{0}
		}
		c.Where = r.ev.where(s.tests)
		r.Copies = append(r.Copies, c)
		r.targets = append(r.targets, s.table.Shards[0].target())
	}
}

// Read is what is asked of one of a copy's places.
func (c *Copy) Read(fields string, place int) string {
	s := c.Table.Shards[place]
	sql := "SELECT " + fields + " FROM " + s.target().Full
	if c.Where != "" {
		sql += " WHERE " + c.Where
	}
	return sql + c.Lock
}
