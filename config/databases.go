package config

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// databases.go: logical databases and the kinds of their tables. How a table is cut is in shard.go; whether two of
// them are in each other's way is in layout.go.

// databaseNames are the names of all databases, in the order of the file.
func databaseNames(c *Config) []string {
	names := make([]string, len(c.Databases))
	for i := range c.Databases {
		names[i] = c.Databases[i].Name
	}
	return names
}

// tableNode is where a table is named, to report what concerns two tables.
type tableNode struct {
	database *Database
	table    *Table
	key      *yaml.Node
}

// path is how the table is called in messages.
func (t *tableNode) path() string { return t.database.Name + "." + t.table.Name }

// databases reads all logical databases into c and checks them against each other.
func (r *reader) databases(c *Config, groups groupSet, top *block) {
	list := r.topEntries(top, "databases", "there is nothing to use")
	c.Databases = make([]Database, len(list))
	keys := make([]*yaml.Node, len(list))
	var tables []*tableNode
	for i, e := range list {
		d := &c.Databases[i]
		keys[i] = e.key
		nodes := r.database(d, e, groups)
		for j := range d.Tables {
			tables = append(tables, &tableNode{database: d, table: &d.Tables[j], key: nodes[j]})
		}
	}
	r.checkPhysical(c, keys, groups)
	r.checkPlaces(tables, groups)
	r.checkBindings(tables)
	r.checkOwnDatabase(c, keys, tables)
}

// database reads one and returns the nodes that name its tables.
func (r *reader) database(d *Database, e entry, groups groupSet) []*yaml.Node {
	path := "databases." + e.name
	d.Name, d.Physical = e.name, e.name
	r.checkDatabaseName(e.key, path, e.name)
	b := r.block(e.value, e.key, path, "default_group", "physical", "tables", "limits")
	switch n := b.get("default_group"); {
	case n != nil:
		d.DefaultGroup, _ = r.member(n, path+".default_group", "group", groups.names)
	case len(groups.names) == 1:
		d.DefaultGroup = groups.names[0]
	case len(groups.names) > 1:
		b.require("default_group", "say where its other tables are: add default_group: "+groups.names[0])
	}
	if n := b.get("physical"); n != nil {
		if d.Physical = b.text("physical", d.Name); d.Physical != d.Name {
			r.checkDatabaseName(n, path+".physical", d.Physical)
		}
	}
	d.Limits = r.limits(b)
	if b.get("tables") == nil {
		return nil
	}
	list := r.entries(b.get("tables"), path+".tables")
	nodes := make([]*yaml.Node, len(list))
	d.Tables = make([]Table, len(list))
	for i, t := range list {
		nodes[i] = t.key
		d.Tables[i] = r.table(d, t, path+".tables."+t.name, groups)
	}
	return nodes
}

// table reads one table, which has one of three kinds.
func (r *reader) table(d *Database, e entry, path string, groups groupSet) Table {
	t := Table{Name: e.name, Line: e.key.Line}
	r.checkName(e.key, path, e.name)
	b := r.block(e.value, e.key, path, "group", "shard", "broadcast", "groups", "lookup", "ids")
	kinds := 0
	for _, key := range []string{"group", "shard", "broadcast"} {
		if b.has(key) {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		r.fail(e.key, "keep one of group, shard and broadcast", "%s: a table is of one kind", path)
		return t
	case b.has("group"):
		t.Kind = Vertical
		t.Group, _ = r.member(b.get("group"), path+".group", "group", groups.names)
	case b.has("shard"):
		t.Kind = Sharded
		t.Shard = r.shard(d, t.Name, b, groups)
	case b.has("broadcast"):
		t.Kind = Broadcast
		r.broadcast(&t, b, groups)
	case !b.broken:
		r.fail(e.key, "add group: (whole, in one group), shard: (cut) or broadcast: true (a copy in every group), or remove the table: "+
			"one that is not listed is in the default group", "%s: nothing says where the table is", path)
	}
	r.lookups(&t, b)
	if b.has("groups") && t.Kind != Broadcast {
		hint := "remove it"
		if t.Kind == Sharded {
			hint = "move it into the shard: block"
		}
		r.fail(b.key("groups"), hint, "%s: groups belongs to broadcast tables", path)
	}
	r.tableIDs(&t, b)
	return t
}

func (r *reader) broadcast(t *Table, b *block, groups groupSet) {
	if !b.flag("broadcast", true) {
		r.fail(b.get("broadcast"), "write true, or say where the table is with group: or shard:", "%s.broadcast: false says nothing", b.path)
	}
	t.Groups = slices.Clone(groups.names)
	n := b.get("groups")
	if n == nil {
		return
	}
	t.Groups = r.members(n, b.path+".groups", "group", groups.names)
	if isNull(n) || n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		r.fail(n, "name them, or leave the key out for all groups", "%s.groups: the list is empty", b.path)
	}
}
