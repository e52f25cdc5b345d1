package router

// reach.go: how far a routed statement goes, for limits on that.

// Reach is the table of which a resolved route reads or changes most shards, and their number; none (0) for statements whose
// shards are not chosen by conditions: inserts, and changes of tables themselves.
func (r *Route) Reach() (t *Table, shards int) {
	p := r.Plan
	switch {
	case r.Stepped || p.Load != nil: // their steps are looked at
	case r.Gathered:
		for i := range r.Copies {
			if c := &r.Copies[i]; c.Table.Kind == Sharded && len(c.Places) > shards {
				t, shards = c.Table, len(c.Places)
			}
		}
	case p.Kind == KindShards && (p.Verb == VerbSelect || p.Verb == VerbUpdate || p.Verb == VerbDelete):
		t, shards = p.sources[0].table, len(r.Legs)
	}
	return t, shards
}
