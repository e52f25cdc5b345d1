package router

// schemadrop.go: DROP TABLE and RENAME TABLE, which may name tables of all kinds.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/config"
)

// UnknownTable is a table that DROP TABLE names and that is not there (error 1051).
type UnknownTable struct{ Database, Table string }

func (e *UnknownTable) Error() string { return "Unknown table '" + e.Database + "." + e.Table + "'" }

// TableExists is a table that stands where one is to be made (error 1050).
type TableExists struct{ Table string }

func (e *TableExists) Error() string { return "Table '" + e.Table + "' already exists" }

// dropTables plans DROP TABLE and DROP VIEW.
func (p *planning) dropTables(s *ast.DropTableStmt) error {
	var tables []*Table
	group, whole := "", true
	for _, n := range s.Tables {
		t, _, known, err := p.schemaTable(n)
		if err != nil {
			return err
		}
		if !known && !s.IfExists && len(s.Tables) > 1 && !whole {
			return &UnknownTable{t.Database, t.Name}
		}
		whole = whole && t.Kind == Unsharded && t.Declared == nil && (group == "" || group == t.Shards[0].Group)
		group = t.Shards[0].Group
		tables = append(tables, t)
	}
	if whole {
		return p.inOneGroup(group)
	}
	for _, t := range tables {
		if t.Temporary {
			return refuse("dropping temporary tables together with others of other groups", t, "drop them one by one")
		}
	}
	change := &SchemaChange{Verb: SchemaDrop}
	for i, t := range tables {
		if t.key() != (TableKey{t.Database, s.Tables[i].Name.O}) {
			return unproven(errNoName)
		}
		change.Tables = append(change.Tables, t.key())
		change.Forgets = append(change.Forgets, t.key())
		for shard := range t.Shards {
			change.Places = append(change.Places, t.place(shard, dropText(s, t.Shards[shard])))
		}
		change.lookups(t, "DROP TABLE IF EXISTS ")
	}
	p.schemaPlan(change)
	return nil
}

// dropText drops one physical table.
func dropText(s *ast.DropTableStmt, place Shard) string {
	words := "DROP TABLE "
	if s.IsView {
		words = "DROP VIEW "
	}
	if s.IfExists {
		words += "IF EXISTS "
	}
	return words + place.target().Full
}

// renameTables plans RENAME TABLE.
func (p *planning) renameTables(s *ast.RenameTableStmt) error {
	var pairs [][2]*ast.TableName
	for _, r := range s.TableToTables {
		pairs = append(pairs, [2]*ast.TableName{r.OldTable, r.NewTable})
	}
	return p.renamePairs(pairs)
}

// renaming is the work on the pairs of a RENAME, one after the other.
type renaming struct {
	p     *planning
	now   map[TableKey]*renamed // what is under a name that the statement has named
	list  []*renamed            // in the order in which they were first named
	steps []renameStep
}

// renamed is a table that the statement renames.
type renamed struct {
	table    *Table // as it was; nil: there was none of that name
	key      TableKey
	database *Database
}

// renameStep is one pair: the table's places under the old name and under the new one.
type renameStep struct {
	from, to []Shard
	table    *renamed
	names    [2]TableKey
}

// renamePairs plans the renaming of pairs of tables.
func (p *planning) renamePairs(pairs [][2]*ast.TableName) error {
	r := &renaming{p: p, now: map[TableKey]*renamed{}}
	moved, group := false, ""
	for _, pair := range pairs {
		t, err := r.pair(pair[0], pair[1])
		if err != nil {
			return err
		}
		moved = moved || t.table.Origin != OriginServers || group != "" && group != t.table.Shards[0].Group
		group = t.table.Shards[0].Group
	}
	if !moved {
		return p.inOneGroup(group)
	}
	for _, t := range r.list {
		if err := r.settle(t); err != nil {
			return err
		}
	}
	p.schemaPlan(r.change())
	return nil
}

// pair renames one table.
func (r *renaming) pair(from, to *ast.TableName) (*renamed, error) {
	p := r.p
	old, d, _, err := p.schemaTable(from)
	if err != nil {
		return nil, err
	}
	target, dt, taken, err := p.schemaTable(to)
	if err != nil {
		return nil, err
	}
	t, seen := r.now[old.key()]
	switch {
	case !seen:
		t = &renamed{table: old, key: old.key(), database: d}
		r.list = append(r.list, t)
	case t == nil:
		return nil, &NoSuchTable{old.Database, old.Name}
	}
	if at, seen := r.now[target.key()]; seen && at != nil || !seen && taken && len(target.Columns) > 0 {
		return nil, &TableExists{target.Name}
	}
	switch {
	case t.table.Origin == OriginFile:
		return nil, refuse("renaming a table that the configuration names", t.table, "rename it on the servers and in the configuration, then send Serval SIGHUP; or make a new table, copy the rows and drop this one")
	case target.Origin == OriginFile:
		return nil, refuse("giving a table a name that the configuration names", target, "the configuration says where that table is: create it and copy the rows")
	case t.table.Origin == OriginSQL && dt != d:
		return nil, refuse("moving it to another database", t.table, "its shards belong to its database: create it there and copy the rows")
	case t.table.Kind == Sharded:
		if b := r.boundTo(t.table); b != "" {
			return nil, refuse("renaming a table to which others are bound", t.table, "'%s' says bind=%s: drop it first, or keep the name", b, t.table.Name)
		}
	}
	step := renameStep{table: t, names: [2]TableKey{old.key(), target.key()}}
	step.from, step.to = t.placesAs(d, old.Name), t.placesAs(dt, target.Name)
	r.steps = append(r.steps, step)
	r.now[old.key()], r.now[target.key()] = nil, t
	t.key, t.database = target.key(), dt
	return t, nil
}

// boundTo is a declared table that is bound to t, "" when none is.
func (r *renaming) boundTo(t *Table) string {
	for _, o := range r.p.cat.Databases[t.Database].Tables {
		if o.Declared != nil && o.Declared.Bind == t.Name {
			return o.Name
		}
	}
	return ""
}

// placesAs are a table's places under a name.
func (t *renamed) placesAs(d *Database, name string) []Shard {
	list := make([]Shard, len(t.table.Shards))
	for i, s := range t.table.Shards {
		list[i] = s
		switch {
		case t.table.Kind != Sharded:
			list[i].Database, list[i].Table = d.Physical, name
		case name != t.table.Name:
			list[i].Database, list[i].Table = d.Physical, config.ShardTable(name, i)
		}
	}
	return list
}

// settle checks the layout under the last name.
func (r *renaming) settle(t *renamed) error {
	if t.table.Declared == nil || t.key == t.table.key() {
		return nil
	}
	without := r.p.cat.Config
	for _, o := range r.list {
		without = without.Without(o.table.Database, o.table.Name)
	}
	_, _, err := without.Declare(t.key.Database, t.key.Name, t.table.Declared)
	if err != nil {
		return &Refusal{Construct: "this name", Table: t.key.Database + "." + t.key.Name, Remedy: err.Error()}
	}
	// Tables in the new places are found by the servers: they may be this one's, of a rename that was interrupted.
	return nil
}

// change makes a statement for each place when one table is renamed, else one for each group: swaps are atomic there.
func (r *renaming) change() *SchemaChange {
	c := &SchemaChange{Verb: SchemaRename}
	for _, step := range r.steps {
		for _, k := range step.names {
			if !containsKey(c.Tables, k) {
				c.Tables = append(c.Tables, k)
			}
		}
	}
	for _, t := range r.list {
		if t.key != t.table.key() {
			c.Renames = append(c.Renames, TableRename{t.table.key(), t.key})
		}
		r.p.plan.Renames = append(r.p.plan.Renames, Rename{Table: &Table{Database: t.key.Database, Name: t.key.Name, Shards: t.placesAs(t.database, t.key.Name)}})
	}
	if len(r.steps) == 1 {
		step := r.steps[0]
		for i := range step.from {
			c.Places = append(c.Places, step.place(i))
		}
		return c
	}
	for _, g := range r.p.cat.Groups {
		if place, ok := r.inGroup(g); ok {
			c.Places = append(c.Places, place)
		}
	}
	return c
}

func containsKey(list []TableKey, k TableKey) bool {
	for _, o := range list {
		if o == k {
			return true
		}
	}
	return false
}

// place renames one physical table.
func (s *renameStep) place(i int) SchemaPlace {
	from, to := s.from[i], s.to[i]
	place := SchemaPlace{Group: from.Group, Database: from.Database, Shard: -1, SQL: "RENAME TABLE " + s.words(i)}
	if s.table.table.Kind == Sharded {
		place.Shard = i
	}
	place.Objects = []SchemaObject{{s.names[0], from.Database, from.Table}, {s.names[1], to.Database, to.Table}}
	return place
}

func (s *renameStep) words(i int) string {
	return s.from[i].target().Full + " TO " + s.to[i].target().Full
}

// inGroup renames all that is in one group.
func (r *renaming) inGroup(group string) (SchemaPlace, bool) {
	place := SchemaPlace{Group: group, Shard: -1}
	var words []string
	for _, step := range r.steps {
		for i, s := range step.from {
			if s.Group != group {
				continue
			}
			words = append(words, step.words(i))
			place.Database = s.Database
			place.Objects = append(place.Objects, step.place(i).Objects...)
		}
	}
	place.SQL = "RENAME TABLE " + strings.Join(words, ", ")
	return place, len(words) > 0
}
