package config

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// declare.go: tables that are declared in SQL, beside those of the file: the same defaults, names and checks. It does
// not know where declarations are kept.

// defaultShards is the number of shards of a declaration that names none.
const defaultShards = 8

// DeclaredTable is a table with its declaration.
type DeclaredTable struct {
	Database, Name string
	Declaration    Declaration
}

// Declare lays a table out as a declaration says. full is the declaration with everything in it that it left open, so
// that it means the same when the file has more groups.
func (c *Config) Declare(database, name string, d *Declaration) (t Table, full *Declaration, err error) {
	db := c.database(database)
	if db == nil {
		return t, nil, fmt.Errorf("the database %s is not in the configuration", database)
	}
	if fault := nameFault(name); fault != "" {
		return t, nil, fmt.Errorf("the name %q %s", name, fault)
	}
	if own := db.Table(name); own != nil {
		return t, nil, fmt.Errorf("the configuration says already where it is (%s:%d): leave the declaration out of its comment", c.File, own.Line)
	}
	f := *d
	switch {
	case d.Kind == Sharded && d.Bind != "":
		t, err = c.declareBound(db, name, &f)
	default:
		c.fillDeclaration(&f)
		t, err = c.declareAlone(db, name, &f)
	}
	if err == nil {
		err = c.checkDeclaredPlaces(db, &t)
	}
	t.Declared = &f
	return t, &f, err
}

// database finds a logical database, nil when there is none of that name.
func (c *Config) database(name string) *Database {
	for i := range c.Databases {
		if c.Databases[i].Name == name {
			return &c.Databases[i]
		}
	}
	return nil
}

// Table finds a table that is listed, nil when there is none of that name.
func (d *Database) Table(name string) *Table {
	for i := range d.Tables {
		if d.Tables[i].Name == name {
			return &d.Tables[i]
		}
	}
	return nil
}

// fillDeclaration names what a declaration leaves open.
func (c *Config) fillDeclaration(d *Declaration) {
	if len(d.Groups) == 0 && d.Kind != Vertical {
		for _, g := range c.Groups {
			d.Groups = append(d.Groups, g.Name)
		}
		if d.Kind == Sharded && d.Shards > 0 && d.Shards < len(d.Groups) {
			d.Groups = d.Groups[:d.Shards]
		}
	}
	if d.Kind == Sharded {
		if d.Shards == 0 {
			d.Shards = max(defaultShards, len(d.Groups))
		}
		if d.Algorithm == "" {
			d.Algorithm = ByHashMod
		}
	}
}

// groupSet is what the reader knew of the groups.
func (c *Config) groupSet() groupSet {
	set := groupSet{list: c.Groups, address: map[string]string{}}
	for _, g := range c.Groups {
		set.names = append(set.names, g.Name)
		set.address[g.Name] = g.Primary.Address
	}
	return set
}

// declareAlone reads the declaration as the block of the file that it stands for.
func (c *Config) declareAlone(db *Database, name string, d *Declaration) (Table, error) {
	block := map[string]any{}
	switch d.Kind {
	case Vertical:
		block["group"] = d.Group
	case Broadcast:
		block["broadcast"], block["groups"] = true, d.Groups
	case Sharded:
		block["shard"] = map[string]any{"column": d.Column, "by": d.Algorithm, "shards": d.Shards, "groups": d.Groups}
	}
	var n yaml.Node
	if err := n.Encode(block); err != nil {
		return Table{}, fmt.Errorf("the declaration of %s: %w", name, err)
	}
	r := &reader{file: c.File}
	key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}
	t := r.table(db, entry{name: name, key: key, value: &n}, "the declaration", c.groupSet())
	return t, r.declared()
}

// declared is the first error of a declaration, with its hint; positions mean nothing.
func (r *reader) declared() error {
	if len(r.errs) == 0 {
		return nil
	}
	e := r.errs[0]
	if e.Hint == "" {
		return fmt.Errorf("%s", e.Message)
	}
	return fmt.Errorf("%s: %s", e.Message, e.Hint)
}

// declareBound cuts a table like the one that it is bound to.
func (c *Config) declareBound(db *Database, name string, d *Declaration) (Table, error) {
	o := db.Table(d.Bind)
	switch {
	case o == nil:
		return Table{}, fmt.Errorf("bind=%s: there is no such sharded table in database %s; create it first", d.Bind, db.Name)
	case o.Kind != Sharded:
		return Table{}, fmt.Errorf("bind=%s: that table is not sharded", d.Bind)
	case d.Shards != 0 && d.Shards != len(o.Shard.Locations):
		return Table{}, fmt.Errorf("bind=%s: that table has %d shards, not %d; leave shards= out", d.Bind, len(o.Shard.Locations), d.Shards)
	case d.Algorithm != "" && d.Algorithm != o.Shard.By:
		return Table{}, fmt.Errorf("bind=%s: that table is cut by %s, not by %s; leave algorithm= out", d.Bind, o.Shard.By, d.Algorithm)
	case len(d.Groups) > 0 && !inBlocks(o.Shard.Locations, d.Groups):
		return Table{}, fmt.Errorf("bind=%s: the shards of that table are in other groups; leave groups= out", d.Bind)
	}
	d.Shards = len(o.Shard.Locations)
	s := *o.Shard
	s.Column, s.Binding, s.Locations = d.Column, bindingOf(o), nil
	for i, l := range o.Shard.Locations {
		place := Location{Group: l.Group, Database: db.Physical, Table: ShardTable(name, i)}
		if fault := nameFault(place.Table); fault != "" {
			return Table{}, fmt.Errorf("the table of shard %d, %q, %s", i, place.Table, fault)
		}
		s.Locations = append(s.Locations, place)
	}
	return Table{Name: name, Kind: Sharded, Shard: &s}, nil
}

// ShardTable is the name of a declared table's shard on its server, as table: has it by default.
func ShardTable(table string, shard int) string { return fmt.Sprintf("%s_%d", table, shard) }

// Without is the configuration without one table.
func (c *Config) Without(database, name string) *Config {
	all := *c
	all.Databases = slices.Clone(c.Databases)
	for i := range all.Databases {
		if all.Databases[i].Name == database {
			all.Databases[i].Tables = slices.DeleteFunc(slices.Clone(all.Databases[i].Tables), func(t Table) bool { return t.Name == name })
		}
	}
	return &all
}

// bindingOf is a sharded table's binding: its own, or the one that it is the head of.
func bindingOf(t *Table) string {
	if t.Shard.Binding != "" {
		return t.Shard.Binding
	}
	return "table " + t.Name // no name of the file has a space
}

// inBlocks tells whether shards lie in groups as spread: blocks puts them.
func inBlocks(list []Location, groups []string) bool {
	for i, l := range list {
		if l.Group != groups[i*len(groups)/len(list)] {
			return false
		}
	}
	return true
}

// checkDeclaredPlaces refuses a table that would be where another is.
func (c *Config) checkDeclaredPlaces(db *Database, t *Table) error {
	address := c.groupSet().address
	mine := map[Location]bool{}
	for _, l := range (&tableNode{database: db, table: t}).places() {
		p := Location{address[l.Group], folded(l.Database), folded(l.Table)}
		if mine[p] {
			return fmt.Errorf("%s would hold it twice: two of its groups have one primary, %s", show(l), p.Group)
		}
		mine[p] = true
	}
	for i := range c.Databases {
		for j := range c.Databases[i].Tables {
			o := &tableNode{database: &c.Databases[i], table: &c.Databases[i].Tables[j]}
			for _, l := range o.places() {
				if mine[Location{address[l.Group], folded(l.Database), folded(l.Table)}] {
					return fmt.Errorf("%s is a place of table %s already", show(l), o.path())
				}
			}
		}
	}
	return nil
}

// DeclaredTables are the tables that were declared in SQL.
func (c *Config) DeclaredTables() (list []DeclaredTable) {
	for i := range c.Databases {
		for _, t := range c.Databases[i].Tables {
			if t.Declared != nil {
				list = append(list, DeclaredTable{c.Databases[i].Name, t.Name, *t.Declared})
			}
		}
	}
	return list
}

// WithDeclared is the configuration with the tables that were declared in SQL. A table that the file and a declaration
// name is an error, and so is one that no longer fits.
func (c *Config) WithDeclared(list []DeclaredTable) (*Config, error) {
	if len(list) == 0 {
		return c, nil
	}
	all := *c
	all.Databases = slices.Clone(c.Databases)
	for i := range all.Databases {
		all.Databases[i].Tables = slices.Clone(all.Databases[i].Tables)
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b DeclaredTable) int { // what is bound to comes before what is bound
		if x, y := a.Declaration.Bind != "", b.Declaration.Bind != ""; x != y {
			if y {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Database+"\x00"+a.Name, b.Database+"\x00"+b.Name)
	})
	for pending := list; len(pending) > 0; {
		later := pending[:0:0]
		for _, d := range pending {
			if d.Declaration.Bind != "" && waitsFor(pending, d) {
				later = append(later, d)
				continue
			}
			if err := all.addDeclared(d); err != nil {
				return nil, err
			}
		}
		if len(later) == len(pending) {
			return nil, fmt.Errorf("table %s.%s, declared in SQL: it is bound to tables that are bound to it", later[0].Database, later[0].Name)
		}
		pending = later
	}
	return &all, nil
}

// waitsFor tells whether the table that d is bound to is still among the pending ones.
func waitsFor(pending []DeclaredTable, d DeclaredTable) bool {
	return slices.ContainsFunc(pending, func(o DeclaredTable) bool {
		return o.Database == d.Database && o.Name == d.Declaration.Bind
	})
}

func (c *Config) addDeclared(d DeclaredTable) error {
	t, _, err := c.Declare(d.Database, d.Name, &d.Declaration)
	if err != nil {
		return fmt.Errorf("table %s.%s, declared in SQL: %w", d.Database, d.Name, err)
	}
	db := c.database(d.Database)
	if d.Declaration.Bind != "" {
		o := db.Table(d.Declaration.Bind)
		s := *o.Shard
		s.Binding = t.Shard.Binding
		o.Shard = &s
	}
	db.Tables = append(db.Tables, t)
	return nil
}
