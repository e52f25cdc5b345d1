package router

// schemaforeign.go: foreign keys. They hold where a row and the row that it refers to are always on one server, in
// tables that can be named there; all others are refused.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// foreignKey is a FOREIGN KEY, or REFERENCES behind a column.
type foreignKey struct {
	columns []string
	refer   *ast.ReferenceDef
}

// foreignKeys are those of columns and constraints.
func foreignKeys(cols []*ast.ColumnDef, constraints []*ast.Constraint) (keys []foreignKey) {
	for _, col := range cols {
		for _, o := range col.Options {
			if o.Tp == ast.ColumnOptionReference && o.Refer != nil {
				keys = append(keys, foreignKey{[]string{col.Name.Name.O}, o.Refer})
			}
		}
	}
	for _, c := range constraints {
		if c.Tp == ast.ConstraintForeignKey && c.Refer != nil {
			keys = append(keys, foreignKey{partNames(c.Keys), c.Refer})
		}
	}
	return keys
}

func partNames(parts []*ast.IndexPartSpecification) (names []string) {
	for _, part := range parts {
		if part.Column != nil {
			names = append(names, part.Column.Name.O)
		}
	}
	return names
}

// foreign finds the table that a foreign key refers to. It is t itself where the key does, also before it is there.
func (p *planning) foreign(t *Table, n *ast.TableName) (*Table, error) {
	name := n.Schema.O
	if name == "" {
		if name = t.Database; p.db != "" && t.Database != p.db {
			name = t.Database // servers look in the table's own database
		}
	}
	d, err := p.database(name)
	if err != nil {
		return nil, err
	}
	if name == t.Database && n.Name.O == t.Name {
		return t, nil
	}
	if o := d.Tables[n.Name.O]; o != nil {
		return o, nil
	}
	if d.Hidden[n.Name.O] {
		return nil, &NoSuchTable{name, n.Name.O}
	}
	return &Table{Database: d.Name, Name: n.Name.O, Shards: []Shard{{d.DefaultGroup, d.Physical, n.Name.O}}}, nil
}

// checkForeign refuses foreign keys that no server could watch over.
func (p *planning) checkForeign(t *Table, keys []foreignKey) error {
	for _, k := range keys {
		o, err := p.foreign(t, k.refer.Table)
		if err != nil {
			return err
		}
		if err := k.check(t, o); err != nil {
			return err
		}
	}
	return nil
}

func (k *foreignKey) check(t, o *Table) error {
	const what = "this FOREIGN KEY"
	if len(t.Lookups) > 0 && k.acts() {
		return refuse(what, t, "its ON DELETE or ON UPDATE would change rows that have a lookup index, which would not hear of it: leave the action out, and delete the rows first")
	}
	to := o.Database + "." + o.Name
	switch {
	case t.Kind == Sharded && o.Kind == Sharded:
		if !t.BoundTo(o) && !t.bindsTo(o) {
			return refuse(what, t, "'%s' is not bound to it (binding: in the configuration, bind= in the comment), so a row may be on another server than the one it refers to", to)
		}
		if !k.pairs(t.Key, o.Key) {
			return refuse(what, t, "its columns must pair %s with %s of '%s', the shard keys: only then is a row in the shard of the one it refers to", t.Key, o.Key, to)
		}
		return k.checkActions(t)
	case t.Kind == Sharded && o.Kind == Unsharded, t.Kind == Broadcast && o.Kind == Unsharded && !everywhere(t, o):
		return refuse(what, t, "'%s' is in group %s only: make it a broadcast table", to, o.Shards[0].Group)
	case o.Kind == Sharded:
		return refuse(what, t, "'%s' is sharded and this table is not: the row that a row refers to may be on another server", to)
	case !everywhere(t, o):
		return refuse(what, t, "'%s' is not in all groups in which the table is: put them together", to)
	case t.Kind == Sharded:
		return k.checkActions(t)
	}
	return nil
}

// bindsTo tells whether a table that is declared only now is bound to o.
func (t *Table) bindsTo(o *Table) bool {
	return t.Declared != nil && t.Declared.Bind == o.Name && t.Database == o.Database
}

// everywhere tells whether o is whole in each group in which t has a place.
func everywhere(t, o *Table) bool {
	for _, s := range t.Shards {
		if _, ok := o.In(s.Group); !ok {
			return false
		}
	}
	return true
}

// pairs tells whether the key pairs one column with the other.
func (k *foreignKey) pairs(own, other string) bool {
	names := partNames(k.refer.IndexPartSpecifications)
	for i, c := range k.columns {
		if i < len(names) && strings.EqualFold(c, own) && strings.EqualFold(names[i], other) {
			return true
		}
	}
	return false
}

// acts tells whether the key changes rows of its table by itself.
func (k *foreignKey) acts() bool {
	act := func(o ast.ReferOptionType) bool {
		return o == ast.ReferOptionCascade || o == ast.ReferOptionSetNull || o == ast.ReferOptionSetDefault
	}
	return k.refer.OnDelete != nil && act(k.refer.OnDelete.ReferOpt) || k.refer.OnUpdate != nil && act(k.refer.OnUpdate.ReferOpt)
}

// checkActions refuses actions that would write the shard key without Serval.
func (k *foreignKey) checkActions(t *Table) error {
	has := false
	for _, c := range k.columns {
		has = has || strings.EqualFold(c, t.Key)
	}
	if !has {
		return nil
	}
	if o := k.refer.OnDelete; o != nil && (o.ReferOpt == ast.ReferOptionSetNull || o.ReferOpt == ast.ReferOptionSetDefault) {
		return refuse("ON DELETE "+o.ReferOpt.String()+" of the shard key", t, "the server would change the key and leave the row in its shard: use CASCADE or RESTRICT")
	}
	if o := k.refer.OnUpdate; o != nil && (o.ReferOpt == ast.ReferOptionSetNull || o.ReferOpt == ast.ReferOptionSetDefault || o.ReferOpt == ast.ReferOptionCascade) {
		return refuse("ON UPDATE "+o.ReferOpt.String()+" of the shard key", t, "the server would change the key and leave the row in its shard: leave ON UPDATE out")
	}
	return nil
}

// foreignPlace is where a table that a place refers to is named there.
func foreignPlace(t, o *Table, shard int) Shard {
	if o == t || t.Kind == Sharded && o.Kind == Sharded {
		return o.Shards[shard]
	}
	s, _ := o.In(t.Shards[shard].Group)
	return s
}
