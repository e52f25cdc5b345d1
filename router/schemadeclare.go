package router

// schemadeclare.go: from a table of the configuration, or one that its comment declares, to a table of the catalog that
// no server has yet.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/config"
)

// NewTable lays a table out as the configuration says. Its columns and its algorithm are filled in once they are known.
func NewTable(d *Database, cfg *config.Table) *Table {
	t := &Table{Database: d.Name, Name: cfg.Name, Origin: OriginFile, Declared: cfg.Declared}
	if cfg.Declared != nil {
		t.Origin = OriginSQL
	}
	switch cfg.Kind {
	case config.Vertical:
		t.Shards = []Shard{{Group: cfg.Group, Database: d.Physical, Table: cfg.Name}}
	case config.Broadcast:
		t.Kind = Broadcast
		for _, g := range cfg.Groups {
			t.Shards = append(t.Shards, Shard{Group: g, Database: d.Physical, Table: cfg.Name})
		}
	case config.Sharded:
		t.Kind, t.Key, t.Binding = Sharded, cfg.Shard.Column, cfg.Shard.Binding
		for _, l := range cfg.Shard.Locations {
			t.Shards = append(t.Shards, Shard{Group: l.Group, Database: l.Database, Table: l.Table})
		}
	}
	if cfg.IDs == config.Snowflake {
		t.IDs = IDsSnowflake
	}
	return t
}

// tableComment is the comment among a table's options, the last of them as on a server; found is false without one.
func tableComment(options []*ast.TableOption) (comment string, found bool) {
	for _, o := range options {
		if o.Tp == ast.TableOptionComment {
			comment, found = o.StrValue, true
		}
	}
	return comment, found
}

// declaration reads a table's comment; nil when it declares nothing.
func (p *planning) declaration(options []*ast.TableOption, name string) (*config.Declaration, error) {
	comment, _ := tableComment(options)
	d, err := config.ParseDeclaration(comment)
	if err != nil {
		return nil, &Refusal{Construct: "this COMMENT", Table: name, Remedy: err.Error() + "; docs/schema-declared.md has the words"}
	}
	return d, nil
}

// declare lays out a table that nobody knows yet.
func (p *planning) declare(d *Database, name string, decl *config.Declaration) (*Table, *config.Shard, error) {
	if p.cat.Config == nil {
		return nil, nil, refuse("tables declared by a comment", nil, "write them into the configuration")
	}
	cfg, _, err := p.cat.Config.Declare(d.Name, name, decl)
	if err != nil {
		return nil, nil, &Refusal{Construct: "this layout", Table: d.Name + "." + name, Remedy: err.Error()}
	}
	t := NewTable(d, &cfg)
	for _, s := range t.Shards {
		if s.Table == name && s.Database == d.Physical {
			continue
		}
		if o := p.cat.at(s); o != nil {
			return nil, nil, &Refusal{Construct: "this layout", Table: d.Name + "." + name,
				Remedy: "its shard would be the table '" + o.Database + "." + o.Name + "', which is there: rename that one, or choose another name"}
		}
	}
	return t, cfg.Shard, nil
}

// at is the table that has a physical place, nil when none has.
func (c *Catalog) at(s Shard) *Table {
	for _, d := range c.Databases {
		for _, t := range d.Tables {
			for _, o := range t.Shards {
				if o.Group == s.Group && strings.EqualFold(o.Database, s.Database) && strings.EqualFold(o.Table, s.Table) {
					return t
				}
			}
		}
	}
	return nil
}

// agrees tells whether a declaration says of a table what is so already.
func agrees(d *config.Declaration, t *Table) bool {
	switch d.Kind {
	case config.Sharded:
		return t.Kind == Sharded && strings.EqualFold(d.Column, t.Key) && (d.Shards == 0 || d.Shards == len(t.Shards)) &&
			(d.Algorithm == "" || t.Algorithm == nil || d.Algorithm == t.Algorithm.Name())
	case config.Broadcast:
		return t.Kind == Broadcast && (len(d.Groups) == 0 || len(d.Groups) == len(t.Shards))
	}
	return t.Kind == Unsharded && t.Shards[0].Group == d.Group
}
