package router

// route.go: where one statement goes, from its plan and its literals. A Route is reused by its session: nothing is
// allocated for a statement that goes to one shard by an integer key.

import (
	"math"
	"strconv"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// Leg is one shard's (or group's) part of a statement.
type Leg struct {
	Group string // "" for KindGroup: the session picks one of Plan.Groups
	Shard int    // index of the shard, -1 when the leg is a whole group's
	first int    // into Route.targets
	rows  [2]int // into Route.rows
}

// Route is one statement's way.
type Route struct {
	Plan *Plan
	Legs []Leg
	// Merged: the legs' rows are to be merged by Plan.Scatter and its Limit; otherwise each leg stands for itself.
	Merged        bool
	Limit, Offset uint64 // of a merged result; Limit is MaxUint64 when there is none
	// Gathered: it runs on Copies, which the session has to make and to name (StandIn); its one leg has no group.
	Gathered bool
	Copies   []Copy
	// Stepped: it is to be carried out as Plan.Steps says; there are no legs.
	Stepped bool
	// At is 1 + the shard that Resolve is to send the statement to, whatever its keys say and however it would be carried
	// out: a step of one that knows where its rows are. 0: as the keys say.
	At int
	// LastRow is the leg that has the statement's last row (INSERT).
	LastRow int

	narrowed map[int]*ShardSet // by source: see Narrow
	targets  []rewrite.Target
	rows     []int32
	rowShard []int32
	ev       evaluator
	set      ShardSet // of the table being looked at: here, so that it need not be allocated
}

// Resolve works out the legs of a statement whose plan is p. Its error is a *Refusal or about a literal.
func (r *Route) Resolve(p *Plan, st *fingerprint.Statement) error {
	r.narrowed = nil // of a statement that came no further than asking
	return r.resolve(p, st)
}

func (r *Route) resolve(p *Plan, st *fingerprint.Statement) error {
	r.Plan, r.Legs, r.targets, r.rows = p, r.Legs[:0], r.targets[:0], r.rows[:0]
	r.Merged, r.Gathered, r.Limit, r.Offset, r.LastRow = false, false, math.MaxUint64, 0, 0
	r.ev.st = st
	if r.Stepped = p.AlwaysSteps && !(r.At > 0 && p.Steps == StepsMove); r.Stepped {
		return nil
	}
	if r.At > 0 && p.Kind == KindShards {
		return r.placed(p)
	}
	switch p.Kind {
	case KindGroup:
		r.Legs = append(r.Legs, Leg{Shard: -1})
		return nil
	case KindVirtual:
		r.virtual(p)
		return nil
	case KindGather:
		r.gather(p.Gather, st)
		return nil
	case KindBroadcast:
		for _, g := range p.Groups {
			r.Legs = append(r.Legs, Leg{Group: g, Shard: -1})
		}
		return nil
	case KindInsert:
		if r.At > 0 {
			r.insertAt(p, st)
			return nil
		}
		return r.insert(p, st)
	case KindShards:
		return r.shards(p, st)
	}
	return nil
}

// ResolveNarrowed is Resolve after Narrow.
func (r *Route) ResolveNarrowed(p *Plan, st *fingerprint.Statement) error {
	err := r.resolve(p, st)
	r.narrowed = nil
	return err
}

// shards finds out whether keys decide for one shard, and else which shards a scatter asks.
func (r *Route) shards(p *Plan, st *fingerprint.Statement) error {
	group, single := "", true
	first := len(r.targets)
	for range p.refs {
		r.targets = append(r.targets, rewrite.Target{})
	}
	var drivers ShardSet
	driven, shard, empty := false, -1, 0
	for i := range p.sources {
		src := &p.sources[i]
		r.ev.table, r.ev.key = src.table, src.table.KeyColumn()
		r.set = ShardSet{}
		set := &r.set
		r.ev.shards(&src.cond, set)
		if only := r.narrowed[i]; only != nil {
			set.Intersect(only)
		}
		if src.driver {
			if !driven {
				drivers, driven = *set, true
			} else {
				drivers.Intersect(set)
			}
		}
		n := set.Len()
		switch {
		case n == 0:
			empty++
			continue
		case n > 1:
			single = false
			continue
		}
		at := set.Next(0)
		s := src.table.Shards[at]
		if group != "" && group != s.Group {
			single = false
			continue
		}
		group = s.Group
		if i == 0 {
			shard = at // a leg's number is that of its first table's shard
		}
		r.targets[first+src.ref] = src.table.target(at)
	}
	var err error
	if single {
		err = r.one(p, group, shard, first, empty)
	} else {
		err = r.several(p, st, &drivers, first)
	}
	if err != nil && p.Gather != nil {
		r.gather(p.Gather, st)
		return nil
	}
	if err == nil && p.moving != nil && !r.stays(p) {
		err = p.moving.refused(p.sources[0].table)
	}
	if err != nil && p.Steps != StepsNone {
		r.Stepped, r.Legs, err = true, r.Legs[:0], nil
	}
	return err
}

// placed makes the leg in the shard At.
func (r *Route) placed(p *Plan) error {
	leg := Leg{Group: p.sources[0].table.Shards[r.At-1].Group, Shard: r.At - 1, first: len(r.targets)}
	for _, t := range p.refs {
		if len(t.Shards) < r.At {
			return p.scatterRefusalOr(t)
		}
		r.targets = append(r.targets, t.target(r.At-1))
	}
	r.Legs = append(r.Legs, leg)
	return p.inGroups(leg.Group)
}

// one makes the single leg. Tables of which no row can matter are asked for in any shard of the group.
func (r *Route) one(p *Plan, group string, shard, first, empty int) error {
	for i := range p.sources {
		src := &p.sources[i]
		if empty == 0 || r.targets[first+src.ref].Full != "" {
			continue
		}
		at := src.table.shardIn(group, p.Groups)
		if at < 0 {
			return p.scatterRefusalOr(src.table)
		}
		if group == "" {
			group = src.table.Shards[at].Group
		}
		if i == 0 {
			shard = at
		}
		r.targets[first+src.ref] = src.table.target(at)
	}
	if err := p.inGroups(group); err != nil {
		return err
	}
	r.Legs = append(r.Legs, Leg{Group: group, Shard: shard, first: first})
	return nil
}

// shardIn is some shard in a group ("": in any of groups, nil: anywhere), -1 when there is none.
func (t *Table) shardIn(group string, groups []string) int {
	for i, s := range t.Shards {
		if s.Group == group || group == "" && (groups == nil || contains(groups, s.Group)) {
			return i
		}
	}
	return -1
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// inGroups refuses a shard's group that lacks the statement's whole tables.
func (p *Plan) inGroups(group string) error {
	if p.Groups == nil || contains(p.Groups, group) {
		return nil
	}
	return refuse("one statement over tables in different groups", p.Sharded, "the shard is in group %s, the other tables are not: ask for them separately or make them broadcast tables", group)
}

func (p *Plan) scatterRefusalOr(t *Table) error {
	if p.scatterRefusal != nil {
		return p.scatterRefusal
	}
	return refuse("shards in different groups in one statement", t, "use keys whose rows are in one group")
}

// several makes the legs of a scatter.
func (r *Route) several(p *Plan, st *fingerprint.Statement, set *ShardSet, first int) error {
	if p.scatter == nil {
		return p.scatterRefusalOr(p.Sharded)
	}
	if set.Len() == 0 {
		set.Add(0)
	}
	r.targets = r.targets[:first]
	for i := set.Next(0); i >= 0; i = set.Next(i + 1) {
		leg := Leg{Group: p.sources[0].table.Shards[i].Group, Shard: i, first: len(r.targets)}
		if err := p.inGroups(leg.Group); err != nil {
			return err
		}
		for _, t := range p.refs {
			r.targets = append(r.targets, t.target(i))
		}
		r.Legs = append(r.Legs, leg)
	}
	r.Merged = len(r.Legs) > 1 && p.Verb == VerbSelect
	if r.Merged {
		return r.limits(p.scatter, st)
	}
	return nil
}

// limits reads LIMIT and OFFSET.
func (r *Route) limits(s *Scatter, st *fingerprint.Statement) error {
	var err error
	if s.limit >= 0 {
		if r.Limit, err = count(st, s.limit); err != nil {
			return err
		}
	}
	if s.offset >= 0 {
		r.Offset, err = count(st, s.offset)
	}
	return err
}

func count(st *fingerprint.Statement, slot int) (uint64, error) {
	l := st.Literals[st.Slots[slot].First]
	kind, text := l.Kind, st.Text[l.Start:l.End]
	if kind == fingerprint.Parameter && st.Bound != nil {
		kind, text = st.Bound.Value(int(l.Number))
	}
	n, err := strconv.ParseUint(string(text), 10, 64)
	if kind != fingerprint.Integer || err != nil {
		return 0, refuse("a LIMIT that is not a whole number", nil, "write LIMIT with digits")
	}
	return n, nil
}

// PushedLimit is how many rows each shard is asked for.
func (r *Route) PushedLimit() uint64 {
	if r.Limit > math.MaxUint64-r.Offset {
		return math.MaxUint64
	}
	return r.Limit + r.Offset
}

// SQL appends what a leg is asked. args carries the session's values; its other fields are set here.
func (r *Route) SQL(dst []byte, leg int, st *fingerprint.Statement, args *rewrite.Arguments) []byte {
	l := &r.Legs[leg]
	args.Targets = r.targets[l.first : l.first+min(r.references(), len(r.targets)-l.first)]
	args.Rows = r.rows[l.rows[0]:l.rows[1]]
	t := r.template()
	if r.Merged {
		t, args.Limit = &r.Plan.scatter.template, r.PushedLimit()
	}
	return t.Render(dst, st, args)
}

// template is the statement's own, for one place.
func (r *Route) template() *rewrite.Template {
	if r.Gathered {
		return &r.Plan.Gather.template
	}
	return &r.Plan.template
}

// references is the number of targets that a leg has.
func (r *Route) references() int {
	if r.Gathered {
		return len(r.Plan.Gather.sources)
	}
	return len(r.Plan.refs)
}

// Parameters tells which parameters of a prepared statement a leg's SQL has: same when they are the statement's own, in
// their order, and else appends their numbers to dst.
func (r *Route) Parameters(dst []uint16, leg int, st *fingerprint.Statement, plain bool) (numbers []uint16, same bool) {
	l := &r.Legs[leg]
	t := r.template()
	if r.Merged && !plain {
		t = &r.Plan.scatter.template
	}
	if t.KeepsParameters() {
		return dst, true
	}
	return t.Parameters(dst, st, &rewrite.Arguments{Rows: r.rows[l.rows[0]:l.rows[1]]}), false
}

// ResolveAny makes one leg for a statement whose values are not known yet: any place where it can be prepared. What
// the keys of its tables will be does not matter for what it is prepared as. There is no leg where a statement that is
// carried out in steps has no such place.
func (r *Route) ResolveAny(p *Plan, st *fingerprint.Statement) error {
	r.Plan, r.Legs, r.targets, r.rows = p, r.Legs[:0], r.targets[:0], r.rows[:0]
	r.Merged, r.Gathered, r.Stepped, r.Limit, r.Offset, r.LastRow = false, false, false, math.MaxUint64, 0, 0
	r.ev.st = st
	if p.undescribed {
		return nil
	}
	switch p.Kind {
	case KindGroup:
		r.Legs = append(r.Legs, Leg{Shard: -1})
	case KindVirtual:
		r.virtual(p)
	case KindGather:
		r.gather(p.Gather, st)
	case KindBroadcast:
		r.Legs = append(r.Legs, Leg{Group: p.Groups[0], Shard: -1})
		if p.Load != nil {
			r.Legs[0].Group = p.Load.Table.Shards[0].Group
			r.targets = append(r.targets, p.Load.Table.target(0))
		}
	case KindInsert:
		r.rowShard = r.rowShard[:0]
		for range max(len(st.Rows), 1) {
			r.rowShard = append(r.rowShard, 0)
		}
		r.insertLeg(p, 0)
	case KindShards:
		for range p.refs {
			r.targets = append(r.targets, rewrite.Target{})
		}
		err := r.one(p, "", -1, 0, len(p.sources))
		if err != nil && p.Gather != nil {
			r.gather(p.Gather, st)
			return nil
		}
		if err != nil && p.Steps == StepsNone {
			return err
		}
	}
	return nil
}

// virtual makes the leg of a query on system tables. They stand as they are called until StandIn says where their rows are.
func (r *Route) virtual(p *Plan) {
	r.Legs = append(r.Legs, Leg{Shard: -1})
	for _, v := range p.Virtuals {
		r.targets = append(r.targets, rewrite.Target{Full: v.Database + "." + v.Name, Name: v.Name})
	}
}

// StandIn says what is read in place of the plan's virtual table i: the text of a table reference without alias.
func (r *Route) StandIn(i int, text string) { r.targets[i] = rewrite.Target{Full: text, Name: text} }

// Database is the physical database that a leg's connection has to be in, "" when it does not matter.
func (r *Route) Database(leg int) string {
	p, l := r.Plan, &r.Legs[leg]
	if p.DefaultDB != "" || !p.AnyDatabase || l.Shard < 0 {
		return p.DefaultDB
	}
	return p.sources[0].table.Shards[l.Shard].Database
}

// PlainSQL is what a leg would be asked without what a merge needs.
func (r *Route) PlainSQL(dst []byte, leg int, st *fingerprint.Statement, args *rewrite.Arguments) []byte {
	l := &r.Legs[leg]
	args.Targets = r.targets[l.first : l.first+r.references()]
	return r.template().Render(dst, st, args)
}

// Scatter is how to merge a Merged route's legs.
func (r *Route) Scatter() *Scatter { return r.Plan.scatter }

// target is the quoted name of a shard.
func (t *Table) target(i int) rewrite.Target {
	if t.targets == nil {
		return t.Shards[i].target()
	}
	return t.targets[i]
}

// Seal prepares what routing needs of a table; the catalog's maker calls it once all fields are set.
func (t *Table) Seal() {
	t.targets = make([]rewrite.Target, len(t.Shards))
	for i, s := range t.Shards {
		t.targets[i] = s.target()
	}
}

// Session tells what of a session's state decides how literals read.
func (r *Route) Session(c Charset) { r.ev.charset = c }
