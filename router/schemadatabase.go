package router

// schemadatabase.go: CREATE, ALTER and DROP DATABASE. Which logical databases there are is said by the configuration:
// a statement can only make what a configured one needs on the servers. It does not know what is there already.

import (
	"maps"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
)

// NoSuchDatabase is a database that DROP DATABASE names and that is not there (error 1008).
type NoSuchDatabase struct{ Name string }

func (e *NoSuchDatabase) Error() string {
	return "Can't drop database '" + e.Name + "'; database doesn't exist"
}

// databases plans statements on a whole database; done is false for other statements.
func (p *planning) databases() (done bool, err error) {
	switch s := p.stmt.(type) {
	case *ast.CreateDatabaseStmt:
		p.plan.Verb, p.plan.Own = VerbDDL, true
		return true, p.createDatabase(s)
	case *ast.DropDatabaseStmt:
		return true, p.dropDatabase(s)
	case *ast.AlterDatabaseStmt:
		return true, refuse("ALTER DATABASE", nil, "alter the database on the servers, in every group; sessions see it when they begin anew")
	}
	return false, nil
}

// createDatabase makes all physical databases of a configured one: first that of the unsharded tables, in which the
// client's own words hold, then the others where they are missing.
func (p *planning) createDatabase(s *ast.CreateDatabaseStmt) error {
	d := p.cat.Databases[s.Name.O]
	if d == nil {
		return refuse("CREATE DATABASE of a name that the configuration has not", nil, "add '%s' under databases there and send Serval SIGHUP, then create it", s.Name.O)
	}
	p.noteDatabase(d.Name)
	options, ok := p.behindDatabase(s.Name.O)
	if !ok {
		return unproven(errNoName)
	}
	change := &SchemaChange{Verb: SchemaCreate, Tables: []TableKey{{Database: d.Name}}}
	for i, at := range p.cat.physicalDatabases(d) {
		words := "CREATE DATABASE "
		if i > 0 || s.IfNotExists {
			words += "IF NOT EXISTS "
		}
		change.Places = append(change.Places, SchemaPlace{
			Group: at.Group, Shard: -1, SQL: words + rewrite.Quote(at.Database) + options,
			Objects: []SchemaObject{{TableKey{Database: d.Name}, at.Database, ""}},
		})
	}
	own := change.Places[0]
	p.schemaPlan(change)
	ordered := []SchemaPlace{own}
	for _, place := range change.Places {
		if place.Group != own.Group || place.Objects[0] != own.Objects[0] {
			ordered = append(ordered, place)
		}
	}
	change.Places = ordered
	p.plan.Reason = "Serval makes the database's places on the servers"
	return nil
}

// physicalDatabases are the places of a database and of its tables, that of its unsharded tables first. The tables' names
// are empty.
func (c *Catalog) physicalDatabases(d *Database) []Shard {
	list := []Shard{{Group: d.DefaultGroup, Database: d.Physical}}
	add := func(t *Table) {
		for _, s := range t.Shards {
			if at := (Shard{Group: s.Group, Database: s.Database}); !slices.Contains(list, at) {
				list = append(list, at)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Tables)) {
		t := d.Tables[name]
		add(t)
		for _, l := range t.Lookups {
			if l.Table != nil && !strings.EqualFold(l.Table.Database, c.Own) {
				add(l.Table)
			}
		}
	}
	return list
}

// behindDatabase is the statement's text behind the name of its database.
func (p *planning) behindDatabase(name string) (string, bool) {
	tk := rewrite.Tokenize(p.st)
	i := 2
	for tk.Is(i, "if") || tk.Is(i, "not") || tk.Is(i, "exists") {
		i++
	}
	if i >= len(tk.List) || !tk.IsName(i) || tk.Name(i) != name {
		return "", false
	}
	return string(tk.Text[tk.List[i].End:p.st.End]), true
}

// dropDatabase refuses to drop what the configuration names: it would still be there for Serval.
func (p *planning) dropDatabase(s *ast.DropDatabaseStmt) error {
	switch d := p.cat.Databases[s.Name.O]; {
	case d != nil:
		return refuse("DROP DATABASE of one that the configuration names", nil, "drop its tables, take '%s' out of the configuration, send Serval SIGHUP, and drop the empty databases on the servers", d.Name)
	case s.IfExists || SystemDatabase(s.Name.O) != "" || s.Name.O == p.cat.Own:
		return refuse("DROP DATABASE of a name that the configuration has not", nil, "clients have no such database; drop it on the servers")
	}
	return &NoSuchDatabase{s.Name.O}
}
