package router

// schema.go: schema changes: which tables they name, and where these are. What is whole in one group goes there in the
// client's own words; everything else becomes a SchemaChange, with a text for each place.

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
)

// schemaTables collects the table names of a DDL statement.
type schemaTables struct{ names []*ast.TableName }

func (v *schemaTables) Enter(n ast.Node) (ast.Node, bool) {
	switch t := n.(type) {
	case *ast.TableName:
		v.names = append(v.names, t)
	case *ast.ColumnOption:
		if t.Refer != nil { // the parser's walk leaves it out
			v.names = append(v.names, t.Refer.Table)
		}
	}
	return n, false
}

func (v *schemaTables) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// schema plans a schema change.
func (p *planning) schema() error {
	p.plan.Verb, p.plan.Own = VerbDDL, true
	switch s := p.stmt.(type) {
	case *ast.CreateTableStmt:
		if s.Select != nil {
			return p.createFilled(s)
		}
		return p.createTable(s)
	case *ast.AlterTableStmt:
		return p.alterTable(s)
	case *ast.DropTableStmt:
		return p.dropTables(s)
	case *ast.RenameTableStmt:
		return p.renameTables(s)
	case *ast.TruncateTableStmt:
		return p.changeTable(SchemaTruncate, s.Table)
	case *ast.CreateIndexStmt:
		return p.createIndex(s)
	case *ast.DropIndexStmt:
		return p.changeTable(SchemaAlter, s.Table)
	}
	return p.wholeTables("the statement " + p.firstWords())
}

// schemaDatabase is the database of a table that a schema change names.
func (p *planning) schemaDatabase(n *ast.TableName) (*Database, error) {
	name := n.Schema.O
	if name == "" {
		name = p.db
	}
	d, err := p.database(name)
	if err != nil {
		return nil, err
	}
	p.plan.Named = append(p.plan.Named, TableKey{name, n.Name.O})
	if n.Schema.O == "" {
		p.plan.DefaultDB = d.Physical
	} else if d.Physical != d.Name && p.plan.Verb == VerbTemporary {
		return nil, refuse("temporary tables that name the database, whose physical name is another", nil, "USE %s and leave the database out", d.Name)
	}
	return d, nil
}

// schemaTable finds a table that a schema change names. One that the catalog does not have is in the default group, or
// is to be made there; known is false then.
func (p *planning) schemaTable(n *ast.TableName) (t *Table, d *Database, known bool, err error) {
	if d, err = p.schemaDatabase(n); err != nil {
		return nil, nil, false, err
	}
	if t = d.Tables[n.Name.O]; t != nil && t.LookupOf != nil {
		return nil, nil, false, refuse("schema changes of a lookup index", t.LookupOf, "serval lookup makes and drops it")
	}
	if t != nil {
		if d.Physical != d.Name || t.Kind == Sharded {
			p.rename(t)
		}
		return t, d, true, nil
	}
	if d.Hidden[n.Name.O] {
		return nil, nil, false, refuse("a table of the name '"+n.Name.O+"'", nil, "the servers have a shard of that name")
	}
	t = &Table{Database: d.Name, Name: n.Name.O, Shards: []Shard{{d.DefaultGroup, d.Physical, n.Name.O}}}
	if d.Physical != d.Name {
		p.rename(t)
	}
	return t, d, false, nil
}

// inOneGroup passes a statement on tables that are whole in one group.
func (p *planning) inOneGroup(group string) error {
	x, err := p.newSchemaText()
	if err != nil {
		return err
	}
	sql, err := x.sql(naming{table: p.inGroup, constraint: func(name string) string { return name }})
	if err != nil {
		return err
	}
	p.plan.Kind, p.plan.Groups, p.plan.Reason = KindGroup, []string{group}, "the table is whole in the group"
	return p.wholeText(sql)
}

// inGroup leaves a name as it is unless its database is called otherwise on the servers.
func (p *planning) inGroup(db, name string) (Shard, bool) {
	d := p.cat.Databases[db]
	if d == nil || d.Physical == d.Name {
		return Shard{}, false
	}
	return Shard{Database: d.Physical, Table: name}, true
}

// places makes the change's texts: one for each place of t. others are what other names of the statement stand for at
// a place.
func (p *planning) places(verb SchemaVerb, t *Table, others func(db, name string, shard int) (Shard, error)) error {
	x, err := p.newSchemaText()
	if err != nil {
		return err
	}
	change := &SchemaChange{Verb: verb, Tables: []TableKey{t.key()}}
	for i, place := range t.Shards {
		var failed error
		sql, err := x.sql(naming{
			table: func(db, name string) (Shard, bool) {
				if name == t.Name && (db == t.Database || db == "" && (p.db == t.Database || p.db == "")) {
					return place, true
				}
				s, err := others(db, name, i)
				if err != nil {
					failed = err
				}
				return s, true
			},
			constraint: func(name string) string { return t.physicalConstraint(i, name) },
		})
		if failed != nil {
			return failed
		}
		if err != nil {
			return err
		}
		change.Places = append(change.Places, t.place(i, sql))
	}
	p.schemaPlan(change)
	return nil
}

func (t *Table) key() TableKey { return TableKey{t.Database, t.Name} }

// place is the statement for one place of a table.
func (t *Table) place(i int, sql string) SchemaPlace {
	s := t.Shards[i]
	place := SchemaPlace{Group: s.Group, Database: s.Database, Shard: -1, SQL: sql, Objects: []SchemaObject{{t.key(), s.Database, s.Table}}}
	if t.Kind == Sharded {
		place.Shard = i
	}
	return place
}

// schemaPlan makes the plan of a change. Places of one group follow each other, in the order that they have.
func (p *planning) schemaPlan(c *SchemaChange) {
	p.plan.Kind, p.plan.Schema, p.plan.DefaultDB = KindSchema, c, ""
	p.plan.Reason = "Serval changes every place of the table"
	p.plan.Groups = nil
	sorted := make([]SchemaPlace, 0, len(c.Places))
	for _, g := range p.cat.Groups {
		for _, place := range c.Places {
			if place.Group == g {
				sorted = append(sorted, place)
			}
		}
		if len(sorted) > 0 && sorted[len(sorted)-1].Group == g {
			p.plan.Groups = append(p.plan.Groups, g)
		}
	}
	c.Places = sorted
}

// lookups adds a statement for each table of t's lookup indexes.
func (c *SchemaChange) lookups(t *Table, words string) {
	for _, l := range t.Lookups {
		if l.State == LookupMissing {
			continue
		}
		for i, s := range l.Table.Shards {
			c.Places = append(c.Places, l.Table.place(i, words+s.target().Full))
		}
	}
}

// noOther is for statements that name one table.
func (p *planning) noOther(_, name string, _ int) (Shard, error) {
	return Shard{}, refuse("the table '"+name+"' in this schema change", nil, "write the statement more plainly")
}

// changeTable plans a statement that changes one table and needs no check.
func (p *planning) changeTable(verb SchemaVerb, n *ast.TableName) error {
	t, _, _, err := p.schemaTable(n)
	if err != nil {
		return err
	}
	if t.Kind == Unsharded {
		return p.inOneGroup(t.Shards[0].Group)
	}
	if err := p.places(verb, t, p.noOther); err != nil {
		return err
	}
	if verb == SchemaTruncate {
		p.plan.Schema.Clears = []TableKey{t.key()}
		p.plan.Schema.lookups(t, "TRUNCATE TABLE ")
		p.schemaPlan(p.plan.Schema)
	}
	return nil
}

// createIndex plans CREATE INDEX.
func (p *planning) createIndex(s *ast.CreateIndexStmt) error {
	if s.KeyType == ast.IndexKeyTypeUnique {
		t, _, _, err := p.schemaTable(s.Table)
		if err != nil {
			return err
		}
		key := uniqueKey{name: "UNIQUE KEY '" + s.IndexName + "'", parts: s.IndexPartSpecifications}
		if err := p.checkUnique(t, []uniqueKey{key}, nil); err != nil {
			return err
		}
	}
	return p.changeTable(SchemaAlter, s.Table)
}

// wholeTables passes a statement whose tables are all whole in one group.
func (p *planning) wholeTables(what string) error {
	v := &schemaTables{}
	p.stmt.Accept(v)
	var groups []string
	for _, n := range v.names {
		t, _, _, err := p.schemaTable(n)
		switch {
		case err != nil:
			return err
		case t.Kind != Unsharded:
			return refuse(what, t, "send it to the servers, for %s and the like", t.Shards[0].target().Full)
		}
		if g := t.Shards[0].Group; !contains(groups, g) {
			groups = append(groups, g)
		}
	}
	if len(groups) != 1 {
		return refuse(what+" over several groups", nil, "name the tables one by one")
	}
	return p.inOneGroup(groups[0])
}
