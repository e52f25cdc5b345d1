package config

import "strings"

// lookup.go: lookup indexes of sharded tables: columns whose values are unique over all shards, kept in tables of their own
// that are sharded by these values.

// Lookup is one lookup index.
type Lookup struct {
	Column    string
	Locations []Location // of its table's shards: beside those of the table that it is of
}

// lookupTable names the physical table of a lookup index beside a shard.
func lookupTable(shard, column string) string { return shard + "__" + column }

// lookups reads the list lookup: of a sharded table.
func (r *reader) lookups(t *Table, b *block) {
	n := b.get("lookup")
	if n == nil {
		return
	}
	path := b.path + ".lookup"
	if t.Kind != Sharded {
		r.fail(b.key("lookup"), "remove it, or say with shard: how the table is cut", "%s: lookup belongs to sharded tables", b.path)
		return
	}
	seen := map[string]bool{}
	for _, item := range r.list(n, path) {
		column := item.Value
		r.checkName(item, path, orElse(column, "?"))
		switch {
		case seen[folded(column)]:
			r.fail(item, "name it once", "%s: %q is in the list twice", path, column)
			continue
		case strings.EqualFold(column, t.Shard.Column):
			r.fail(item, "remove it: a UNIQUE KEY on the shard key is enough", "%s: %q is the shard key", path, column)
			continue
		}
		seen[folded(column)] = true
		l := Lookup{Column: column}
		for _, place := range t.Shard.Locations {
			place.Table = lookupTable(place.Table, column)
			if fault := nameFault(place.Table); fault != "" {
				r.fail(item, "choose a shorter pattern for table:", "%s: the lookup table's name %q %s", path, place.Table, fault)
				break
			}
			l.Locations = append(l.Locations, place)
		}
		t.Lookup = append(t.Lookup, l)
	}
}
