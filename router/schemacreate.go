package router

// schemacreate.go: CREATE TABLE: where the table is to be, by the configuration, by its own comment, or in the default
// group; and CREATE TABLE … LIKE.

import (
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/config"
)

func (p *planning) createTable(s *ast.CreateTableStmt) error {
	t, d, known, err := p.schemaTable(s.Table)
	if err != nil {
		return err
	}
	if t.Temporary {
		return p.inOneGroup(t.Shards[0].Group)
	}
	decl, err := p.declaration(s.Options, d.Name+"."+s.Table.Name.O)
	if err != nil {
		return err
	}
	if s.ReferTable != nil {
		return p.createTableLike(s, t, d, known)
	}
	var spec *config.Shard
	switch {
	case decl == nil:
	case known && t.Origin != OriginServers:
		if !agrees(decl, t) && !(s.IfNotExists && len(t.Columns) > 0) {
			return refuse("this layout in a COMMENT", t, "%s says otherwise where it is: leave it out of the comment, or change it there", whoSays(t))
		}
	case !known:
		if t, spec, err = p.declare(d, s.Table.Name.O, decl); err != nil {
			return err
		}
		if t.Kind != Unsharded || t.Shards[0].Group != d.DefaultGroup {
			p.rename(t)
		}
	}
	if err := p.checkCreate(s, t, d, spec); err != nil {
		return err
	}
	if t.Kind == Unsharded && (known || decl == nil) {
		return p.inOneGroup(t.Shards[0].Group)
	}
	if err := p.places(SchemaCreate, t, p.referred(t)); err != nil {
		return err
	}
	if !known {
		p.plan.Schema.Declares = t.declarations()
	}
	p.plan.Schema.AutoIncrement = nextID(s.Options)
	return nil
}

// declarations are what is kept of a table that was declared in SQL.
func (t *Table) declarations() []SchemaDeclaration {
	if t.Declared == nil {
		return nil
	}
	return []SchemaDeclaration{{Table: t.key(), Words: t.Declared.String()}}
}

// nextID is the AUTO_INCREMENT among a table's options, 0 without one.
func nextID(options []*ast.TableOption) (id uint64) {
	for _, o := range options {
		if o.Tp == ast.TableOptionAutoIncrement {
			id = o.UintValue
		}
	}
	return id
}

// whoSays is who laid a table out.
func whoSays(t *Table) string {
	if t.Origin == OriginSQL {
		return "its declaration (" + t.Declared.String() + ")"
	}
	return "the configuration"
}

// checkCreate looks at the keys of a new table. A table that is there already is known by its columns, which stay.
func (p *planning) checkCreate(s *ast.CreateTableStmt, t *Table, d *Database, spec *config.Shard) error {
	if t.Kind == Sharded {
		fresh := *t
		if err := p.checkShardKey(&fresh, spec, s, d); err != nil {
			return err
		}
		if err := p.checkBound(&fresh); err != nil {
			return err
		}
		empty := &Table{}
		if err := p.checkUnique(t, uniqueKeys(s.Cols, s.Constraints), generatedIDs(empty, s.Cols)); err != nil {
			return err
		}
	}
	if t.Kind == Broadcast {
		for _, def := range s.Cols {
			for _, o := range def.Options {
				if o.Tp != ast.ColumnOptionDefaultValue || o.Expr == nil {
					continue
				}
				if u := functionsOf(o.Expr); u.unsafe != "" {
					return refuse("a default that is "+u.unsafe+" in a broadcast table", t, "each copy would have values of its own: give the values in INSERT")
				}
			}
		}
	}
	return p.checkForeign(t, foreignKeys(s.Cols, s.Constraints))
}

// referred names the tables that foreign keys of t refer to.
func (p *planning) referred(t *Table) func(db, name string, shard int) (Shard, error) {
	return func(db, name string, shard int) (Shard, error) {
		n := &ast.TableName{Schema: ast.NewCIStr(db), Name: ast.NewCIStr(name)}
		o, err := p.foreign(t, n)
		if err != nil {
			return Shard{}, err
		}
		return foreignPlace(t, o, shard), nil
	}
}

// createTableLike plans CREATE TABLE … LIKE. The new table is cut like the old one, unless the configuration has it.
func (p *planning) createTableLike(s *ast.CreateTableStmt, t *Table, d *Database, known bool) error {
	from, _, exists, err := p.schemaTable(s.ReferTable)
	if err != nil {
		return err
	}
	declares := !known && exists && from.Kind != Unsharded
	if declares {
		if t, err = p.declareLike(d, s.Table.Name.O, from); err != nil {
			return err
		}
		p.rename(t)
	}
	switch {
	case t.Kind == Unsharded && from.Kind == Unsharded && t.Shards[0].Group == from.Shards[0].Group:
		return p.inOneGroup(t.Shards[0].Group)
	case t.Kind == Sharded && (from.Kind != Sharded || !strings.EqualFold(from.Key, t.Key)):
		return refuse("CREATE TABLE … LIKE '"+from.Name+"'", t, "it has other keys than '%s' needs: write the columns out", t.Name)
	}
	err = p.places(SchemaCreate, t, func(_, name string, shard int) (Shard, error) {
		if from.Kind == Sharded && t.Kind == Sharded && len(from.Shards) == len(t.Shards) && from.Shards[shard].Group == t.Shards[shard].Group {
			return from.Shards[shard], nil
		}
		if place, ok := from.In(t.Shards[shard].Group); ok {
			return place, nil
		}
		return Shard{}, refuse("CREATE TABLE … LIKE '"+name+"'", t, "that table is not in group %s: write the columns out", t.Shards[shard].Group)
	})
	if err == nil && declares {
		p.plan.Schema.Declares = t.declarations()
	}
	return err
}

// declareLike lays a new table out as another one is.
func (p *planning) declareLike(d *Database, name string, from *Table) (*Table, error) {
	decl := &config.Declaration{Kind: config.Broadcast}
	for _, s := range from.Shards {
		if !slices.Contains(decl.Groups, s.Group) {
			decl.Groups = append(decl.Groups, s.Group)
		}
	}
	if from.Kind == Sharded {
		decl = &config.Declaration{Kind: config.Sharded, Column: from.Key, Bind: from.Name}
		if from.Database != d.Name {
			return nil, refuse("CREATE TABLE … LIKE a sharded table of another database", from, "write the columns out, with shard_by=%s in the COMMENT", from.Key)
		}
	}
	t, _, err := p.declare(d, name, decl)
	return t, err
}
