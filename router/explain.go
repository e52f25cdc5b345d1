package router

// explain.go: a route in words, for EXPLAIN ROUTE.

import "fmt"

// Explain names the plan of a resolved route and says why it is so.
func (r *Route) Explain() (plan, reason string) {
	p := r.Plan
	switch {
	case r.Stepped && p.scatterRefusal != nil:
		return "steps", "not by each shard itself (" + p.scatterRefusal.Construct + "): in steps"
	case r.Stepped && p.Load != nil:
		return "steps", p.Reason
	case r.Stepped:
		return "steps", p.Steps.reason()
	case r.Gathered:
		return "gather", p.gatherReason()
	case p.Kind == KindGroup:
		return "group", p.Reason
	case p.Kind == KindSchema:
		return "schema", p.Reason
	case p.Kind == KindVirtual:
		return "virtual", p.Reason
	case p.Kind == KindBroadcast:
		return "broadcast", p.Reason
	case p.Kind == KindInsert && len(r.Legs) == 1:
		return "single shard", p.Reason
	case p.Kind == KindInsert:
		return "split", p.Reason
	case len(r.Legs) == 1:
		return "single shard", p.singleReason()
	case r.Merged:
		return "scatter", p.scatterReason(len(r.Legs)) + p.mergeReason()
	}
	return "several shards", p.scatterReason(len(r.Legs))
}

func (p *Plan) singleReason() string {
	t := p.sources[0].table
	if len(p.Asked) > 0 && !p.sources[p.Asked[0].Source].cond.decides() {
		return fmt.Sprintf("the lookup index on %s of %s tells the shard", p.Asked[0].Lookup.Column, p.sources[p.Asked[0].Source].table.Name)
	}
	for i := range p.sources {
		if !p.sources[i].cond.decides() {
			return fmt.Sprintf("the conditions on the shard keys leave one shard of %s", t.Name)
		}
	}
	if len(p.sources) > 1 {
		return fmt.Sprintf("the shard keys of all tables lead to one shard of %s", t.Name)
	}
	return fmt.Sprintf("%s of %s decides for one of %d shards", t.Key, t.Name, len(t.Shards))
}

func (p *Plan) scatterReason(legs int) string {
	t := p.sources[0].table
	for i := range p.sources {
		if p.sources[i].driver && p.sources[i].cond.decides() {
			return fmt.Sprintf("the condition on %s leaves %d of %d shards", t.Key, legs, len(t.Shards))
		}
	}
	return fmt.Sprintf("no condition on %s: all %d shards", t.Key, legs)
}

func (p *Plan) mergeReason() string {
	reason := ""
	if p.scatter.Whole {
		reason = "; each group is whole on one shard"
	}
	if len(p.scatter.Keys) == 0 {
		return reason + "; rows in the order of the shards"
	}
	return reason + "; sorted rows are merged"
}

// gatherReason says why the rows are gathered.
func (p *Plan) gatherReason() string {
	switch {
	case p.Kind == KindGather:
		return p.Reason
	case p.scatterRefusal != nil:
		return p.scatterRefusal.Construct
	}
	return "its tables are in different groups"
}
