package router

// schemakeys.go: what the keys of a table must be so that one server's promises hold over shards: the shard key's
// column can be routed by, and what is unique has the shard key in it.

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/types"

	"serval/config"
)

// uniqueKey is a primary or unique key of a statement.
type uniqueKey struct {
	name    string // for the message
	parts   []*ast.IndexPartSpecification
	primary bool
}

// uniqueKeys are those of columns and constraints.
func uniqueKeys(cols []*ast.ColumnDef, constraints []*ast.Constraint) (keys []uniqueKey) {
	for _, col := range cols {
		part := []*ast.IndexPartSpecification{{Column: col.Name, Length: types.UnspecifiedLength}}
		for _, o := range col.Options {
			switch o.Tp {
			case ast.ColumnOptionPrimaryKey:
				keys = append(keys, uniqueKey{"PRIMARY KEY", part, true})
			case ast.ColumnOptionUniqKey:
				keys = append(keys, uniqueKey{"UNIQUE KEY on " + col.Name.Name.O, part, false})
			}
		}
	}
	for _, c := range constraints {
		switch c.Tp {
		case ast.ConstraintPrimaryKey:
			keys = append(keys, uniqueKey{"PRIMARY KEY", c.Keys, true})
		case ast.ConstraintUniq, ast.ConstraintUniqKey, ast.ConstraintUniqIndex:
			keys = append(keys, uniqueKey{orUnnamed(c.Name, c.Keys), c.Keys, false})
		}
	}
	return keys
}

func orUnnamed(name string, parts []*ast.IndexPartSpecification) string {
	if name != "" {
		return "UNIQUE KEY '" + name + "'"
	}
	var columns []string
	for _, part := range parts {
		if part.Column != nil {
			columns = append(columns, part.Column.Name.O)
		}
	}
	return "UNIQUE KEY on " + strings.Join(columns, ", ")
}

// has tells whether the whole of a column is part of the key.
func (k *uniqueKey) has(column string) bool {
	for _, part := range k.parts {
		if part.Column != nil && strings.EqualFold(part.Column.Name.O, column) && part.Length <= 0 {
			return true
		}
	}
	return false
}

// checkUnique refuses keys that would be unique within a shard only. ids are the columns whose values Serval gives.
func (p *planning) checkUnique(t *Table, keys []uniqueKey, ids map[string]bool) error {
	if t.Kind != Sharded {
		return nil
	}
	for i := range keys {
		k := &keys[i]
		if k.has(t.Key) || k.hasAny(ids) || t.looksUp(k) {
			continue
		}
		return refuse("a "+k.name+" without the shard key", t, "it would be unique within each shard only: add %s to it, "+
			"make the table a broadcast table, or have the column kept unique by a lookup index (lookup: in the configuration)", t.Key)
	}
	return nil
}

func (k *uniqueKey) hasAny(columns map[string]bool) bool {
	for _, part := range k.parts {
		if part.Column != nil && columns[strings.ToLower(part.Column.Name.O)] && part.Length <= 0 {
			return true
		}
	}
	return false
}

// looksUp tells whether a lookup index keeps one of the key's columns unique over all shards.
func (t *Table) looksUp(k *uniqueKey) bool {
	for _, l := range t.Lookups {
		if k.has(l.Column) {
			return true
		}
	}
	return false
}

// generatedIDs are the AUTO_INCREMENT columns of a statement and of the table as it is.
func generatedIDs(t *Table, cols []*ast.ColumnDef) map[string]bool {
	ids := map[string]bool{}
	for i := range t.Columns {
		if t.Columns[i].AutoIncrement {
			ids[strings.ToLower(t.Columns[i].Name)] = true
		}
	}
	for _, col := range cols {
		if hasOption(col, ast.ColumnOptionAutoIncrement) {
			ids[col.Name.Name.L] = true
		}
	}
	return ids
}

func hasOption(col *ast.ColumnDef, tp ast.ColumnOptionType) bool {
	for _, o := range col.Options {
		if o.Tp == tp {
			return true
		}
	}
	return false
}

// definedColumn is a column of a statement as the servers will describe it. collation is that of the table; "" when it is
// not known, and then the column's may not be either.
func definedColumn(def *ast.ColumnDef, collation string) Column {
	c := Column{Name: def.Name.Name.O, Nullable: true}
	tp := def.Tp
	c.DataType = types.TypeToStr(tp.GetType(), tp.GetCharset())
	c.Unsigned = mysql.HasUnsignedFlag(tp.GetFlag())
	if tp.GetFlen() > 0 {
		c.CharLength = uint64(tp.GetFlen())
	}
	switch {
	case c.DataType != "char" && c.DataType != "varchar":
	case tp.GetCollate() != "" && tp.GetCharset() != tp.GetCollate():
		c.Collation = tp.GetCollate()
	case tp.GetCharset() != "":
		c.Collation = defaultCollation(tp.GetCharset(), collation)
	default:
		c.Collation = collation
	}
	for _, o := range def.Options {
		switch o.Tp {
		case ast.ColumnOptionCollate:
			c.Collation = o.StrValue
		case ast.ColumnOptionNotNull, ast.ColumnOptionPrimaryKey:
			c.Nullable = false
		case ast.ColumnOptionAutoIncrement:
			c.AutoIncrement = true
		case ast.ColumnOptionGenerated:
			c.Generated = true
		}
	}
	return c
}

// defaultCollation is a character set's default one: that of the table when it is of the same set, else one of the set
// that folds like all defaults of the servers do.
func defaultCollation(charset, near string) string {
	if strings.HasPrefix(near, charset+"_") {
		return near
	}
	if charset == "latin1" {
		return "latin1_swedish_ci"
	}
	return charset + "_general_ci"
}

// tableCollation is the collation of a table's columns that name none.
func tableCollation(options []*ast.TableOption, database string) string {
	collation := database
	for _, o := range options {
		switch o.Tp {
		case ast.TableOptionCharset:
			if !o.Default {
				collation = defaultCollation(o.StrValue, collation)
			}
		case ast.TableOptionCollate:
			collation = o.StrValue
		}
	}
	return collation
}

// checkShardKey refuses a CREATE TABLE whose shard key is missing or cannot be routed by.
func (p *planning) checkShardKey(t *Table, spec *config.Shard, s *ast.CreateTableStmt, d *Database) error {
	for _, def := range s.Cols {
		if !strings.EqualFold(def.Name.Name.O, t.Key) {
			continue
		}
		col := definedColumn(def, tableCollation(s.Options, d.Collation))
		t.Columns = []Column{col}
		if (col.DataType == "char" || col.DataType == "varchar") && col.Collation == "" {
			return nil // the servers' default; it is looked at when the catalog is read
		}
		if spec == nil { // known to the catalog, which has made the algorithm
			_, err := keyKind(&col)
			if err == nil && col.Generated {
				err = fmt.Errorf("column '%s' is generated", col.Name)
			}
			return p.keyRefusal(t, err)
		}
		_, err := NewAlgorithm(spec, &col)
		return p.keyRefusal(t, err)
	}
	return refuse("CREATE TABLE without the shard key", t, "add the column %s, or name another one", t.Key)
}

func (p *planning) keyRefusal(t *Table, err error) error {
	if err == nil {
		return nil
	}
	return refuse("this shard key", t, "%v", err)
}

// checkBound refuses a table whose key does not compare like those that it is bound to.
func (p *planning) checkBound(t *Table) error {
	if t.Binding == "" || t.KeyColumn() == nil {
		return nil
	}
	for _, o := range p.cat.Databases[t.Database].Tables {
		if o.Name == t.Name || o.KeyColumn() == nil || !o.BoundTo(t) && !t.bindsTo(o) {
			continue
		}
		if err := SameKeys(o.KeyColumn(), t.KeyColumn()); err != nil {
			return refuse("binding it to "+o.Name, t, "%v", err)
		}
	}
	return nil
}
