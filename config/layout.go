package config

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// layout.go: what is true of all tables together: no two are in one physical place, and bound tables are cut alike.

// folded is a name as servers with lower_case_table_names see it. Names that differ only in case are taken for one: on such a
// server two tables' rows would mix silently.
func folded(name string) string { return strings.ToLower(name) }

// show is a location in a message.
func show(l Location) string {
	return fmt.Sprintf("`%s`.`%s` in group %s", l.Database, l.Table, l.Group)
}

// checkPhysical reports two logical databases that are one on the servers: each would show the other's tables.
func (r *reader) checkPhysical(c *Config, keys []*yaml.Node, groups groupSet) {
	type place struct{ address, name string }
	first := map[place]string{}
	for i, d := range c.Databases {
		if d.DefaultGroup == "" {
			continue // reported
		}
		p := place{groups.address[d.DefaultGroup], folded(d.Physical)}
		if other, taken := first[p]; taken {
			r.fail(keys[i], "give one of them another physical: or default_group:",
				"databases.%s: it is `%s` in group %s, and so is database %s", d.Name, d.Physical, d.DefaultGroup, other)
			continue
		}
		first[p] = d.Name
	}
}

// places are all physical places of a table.
func (t *tableNode) places() []Location {
	whole := func(group string) Location {
		return Location{Group: group, Database: t.database.Physical, Table: t.table.Name}
	}
	switch t.table.Kind {
	case Sharded:
		list := t.table.Shard.Locations
		for _, l := range t.table.Lookup {
			list = append(list[:len(list):len(list)], l.Locations...)
		}
		return list
	case Broadcast:
		list := make([]Location, len(t.table.Groups))
		for i, g := range t.table.Groups {
			list[i] = whole(g)
		}
		return list
	case Vertical:
		if t.table.Group != "" {
			return []Location{whole(t.table.Group)}
		}
	}
	return nil
}

// checkPlaces reports tables that share a physical place, once for each pair. Groups whose primaries are one server are
// one place.
func (r *reader) checkPlaces(tables []*tableNode, groups groupSet) {
	owner := map[Location]*tableNode{}
	for _, t := range tables {
		told := map[*tableNode]bool{}
		for _, l := range t.places() {
			address := groups.address[l.Group]
			if address == "" {
				continue // reported
			}
			p := Location{address, folded(l.Database), folded(l.Table)}
			other, taken := owner[p]
			if !taken {
				owner[p] = t
				continue
			}
			// Within a sharded table shard.go has looked already.
			if told[other] || other == t && t.table.Kind == Sharded {
				continue
			}
			told[other] = true
			if other == t {
				r.fail(t.key, "leave one of them out of its groups: a write would reach it twice",
					"table %s: two of its groups have one primary, %s", t.path(), address)
				continue
			}
			r.fail(t.key, "change the database: or table: pattern, or a name",
				"table %s: %s is also a place of table %s (line %d)", t.path(), show(l), other.path(), other.table.Line)
		}
	}
}

// checkBindings compares every table with the first of its binding.
func (r *reader) checkBindings(tables []*tableNode) {
	first := map[string]*tableNode{}
	for _, t := range tables {
		s := t.table.Shard
		if s == nil || s.Binding == "" || len(s.Locations) == 0 {
			continue
		}
		other, bound := first[s.Binding]
		if !bound {
			first[s.Binding] = t
			continue
		}
		if what := difference(s, other.table.Shard); what != "" {
			r.fail(t.key, "cut both alike, or remove binding: from one",
				"table %s: binding %s wants it to be cut like %s (line %d), but %s", t.path(), s.Binding, other.path(), other.table.Line, what)
		}
	}
}

// difference says why rows with equal keys would not be together; "" when they are.
func difference(s, o *Shard) string {
	sameValue := func(a, b *Value) bool { return a == b || a != nil && b != nil && *a == *b }
	switch {
	case s.By != o.By:
		return fmt.Sprintf("it is cut by %s, not by %s", s.By, o.By)
	case len(s.Locations) != len(o.Locations):
		return fmt.Sprintf("it has %d shards, not %d", len(s.Locations), len(o.Locations))
	case s.Slots != o.Slots:
		return fmt.Sprintf("it has %d slots, not %d", s.Slots, o.Slots)
	case !slices.Equal(s.SlotMap, o.SlotMap):
		return "its slot_map is another"
	case !slices.EqualFunc(s.Ranges, o.Ranges, func(a, b RangeBound) bool { return sameValue(a.From, b.From) && sameValue(a.To, b.To) }):
		return "its ranges are others"
	case !slices.EqualFunc(s.Lists, o.Lists, sameList):
		return "its lists are others"
	case s.Unit != o.Unit || s.Start != o.Start:
		return fmt.Sprintf("it is cut by %s from %s, not by %s from %s", s.Unit, s.Start, o.Unit, o.Start)
	}
	for i := range s.Locations {
		if a, b := s.Locations[i].Group, o.Locations[i].Group; a != b {
			return fmt.Sprintf("its shard %d is in group %s, not in %s", i, a, b)
		}
	}
	return ""
}

// sameList compares two lists in any order of their keys; no key is in a list twice.
func sameList(a, b ListValues) bool {
	if a.Default != b.Default || len(a.Values) != len(b.Values) {
		return false
	}
	in := make(map[Value]bool, len(a.Values))
	for _, v := range a.Values {
		in[v] = true
	}
	return !slices.ContainsFunc(b.Values, func(v Value) bool { return !in[v] })
}
