package schemaview

// places.go: which logical table a physical one is, seen from the servers. It knows the catalog and the user's databases,
// and asks nobody.

import (
	"maps"
	"slices"
	"strings"

	"serval/rewrite"
	"serval/router"
)

// place is a table on the servers.
type place struct{ group, database, table string }

// owned is the logical table that a physical one is a shard of.
type owned struct {
	table *router.Table
	shard int
}

// places maps what is on the servers to what clients see.
type places struct {
	databases map[string]*router.Database // logical databases that are looked at, by name
	tables    map[place]owned             // of tables that the configuration places, with all their shards
	whole     map[place]*router.Database  // place.table is "": databases with tables that are not configured
	groups    []string
}

// newPlaces looks at the databases that may be seen and (where databases is not nil) that matter.
func newPlaces(cat *router.Catalog, seen func(database string) bool) *places {
	p := &places{databases: map[string]*router.Database{}, tables: map[place]owned{}, whole: map[place]*router.Database{}, groups: cat.Groups}
	for name, d := range cat.Databases {
		if !seen(name) {
			continue
		}
		p.databases[name] = d
		p.whole[place{d.DefaultGroup, d.Physical, ""}] = d
		for _, t := range d.Tables {
			if t.LookupOf != nil {
				continue
			}
			for i, s := range t.Shards {
				p.tables[place{s.Group, s.Database, s.Table}] = owned{t, i}
			}
		}
	}
	return p
}

// find gives the logical names of a physical table and the number of its shard; false when clients do not see it.
func (p *places) find(at place) (database, table string, shard int, ok bool) {
	if o, ok := p.tables[at]; ok {
		return o.table.Database, o.table.Name, o.shard, true
	}
	d := p.whole[place{at.group, at.database, ""}]
	if d == nil || d.Hidden[at.table] || d.Tables[at.table] != nil { // the configuration has it elsewhere
		return "", "", 0, false
	}
	return d.Name, at.table, 0, true
}

// database gives the logical name of a physical database.
func (p *places) database(group, physical string) (string, bool) {
	if d := p.whole[place{group, physical, ""}]; d != nil {
		return d.Name, true
	}
	return "", false
}

// only are the names that the rows that matter can have; nil means any.
type only struct{ databases, tables []string }

// may tells whether rows with a name matter. What is not plain ASCII is left to the server to compare.
func may(names []string, name string) bool {
	return names == nil || !router.ASCIIName(name) || slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// condition limits the rows of a group to those that may matter, by the columns that name database and table (table ""
// where rows belong to databases); "" when the group has none. every: all shards count, not only the first.
func (p *places) condition(group, schema, table string, every bool, wanted only) string {
	whole, beside := p.wholeIn(group), map[string]bool{} // tables in databases of unsharded tables, and in others
	others, within := map[string]bool{}, map[string]bool{}
	for at, o := range p.tables {
		if at.group != group || o.shard > 0 && (!every || o.table.Kind != router.Sharded) || !may(wanted.tables, o.table.Name) {
			continue
		}
		if slices.Contains(whole, at.database) {
			within[at.table] = true
			continue
		}
		others[at.database], beside[at.table] = true, true
	}
	var parts []string
	if len(whole) > 0 {
		part := schema + " IN (" + quoted(whole) + ")"
		if table != "" && wanted.tables != nil {
			part = "(" + part + " AND " + table + " IN (" + quoted(append(slices.Collect(maps.Keys(within)), wanted.tables...)) + "))"
		}
		parts = append(parts, part)
	}
	if len(others) > 0 && table != "" {
		parts = append(parts, "("+schema+" IN ("+quoted(slices.Collect(maps.Keys(others)))+") AND "+
			table+" IN ("+quoted(slices.Collect(maps.Keys(beside)))+"))")
	}
	return strings.Join(parts, " OR ")
}

// wholeIn are the physical databases of a group that hold what is not configured.
func (p *places) wholeIn(group string) []string {
	var names []string
	for at := range p.whole {
		if at.group == group {
			names = append(names, at.database)
		}
	}
	return names
}

// quoted is a sorted list of names as string literals.
func quoted(names []string) string {
	slices.Sort(names)
	var dst []byte
	for i, n := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = rewrite.AppendString(dst, n, 0)
	}
	return string(dst)
}

// definition exchanges physical names between backticks in the text of a view or a stored program.
func (p *places) definition(group, text string) string {
	for at, d := range p.whole {
		if at.group == group && at.database != d.Name {
			text = strings.ReplaceAll(text, "`"+at.database+"`.", "`"+d.Name+"`.")
		}
	}
	return text
}

// constraint is a constraint's name with the logical table's in place of the physical one's, where the server made it
// of that (orders_3_ibfk_1), and without the mark of a shard (router/schemanames.go).
func constraint(name, physical, logical string) string {
	for _, sign := range []string{"_ibfk_", "_chk_", "_ibfk", "_chk"} {
		if strings.HasPrefix(name, physical+sign) {
			return logical + name[len(physical):]
		}
	}
	if at := strings.LastIndexByte(name, '#'); at > 0 && at+1 < len(name) && physical != logical && strings.Trim(name[at+1:], "0123456789") == "" {
		return name[:at]
	}
	return name
}
