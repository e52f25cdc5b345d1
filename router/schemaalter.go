package router

// schemaalter.go: ALTER TABLE of tables in several places: what would break what Serval promises of them is refused.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
)

func (p *planning) alterTable(s *ast.AlterTableStmt) error {
	t, d, _, err := p.schemaTable(s.Table)
	if err != nil {
		return err
	}
	if t.Temporary {
		for _, spec := range s.Specs {
			if spec.NewTable == nil {
				continue
			}
			if _, err := p.schemaDatabase(spec.NewTable); err != nil { // the session asks what became of it
				return err
			}
		}
		return p.inOneGroup(t.Shards[0].Group)
	}
	for _, spec := range s.Specs {
		if err := p.alterForeign(t, spec); err != nil {
			return err
		}
		if spec.Tp == ast.AlterTableRenameTable {
			return p.alterRename(s, t, spec)
		}
		if err := p.alterComment(t, spec); err != nil {
			return err
		}
	}
	if t.Kind == Unsharded {
		return p.alterWhole(s, t)
	}
	ids := map[string]bool{}
	for _, spec := range s.Specs {
		for column := range generatedIDs(t, spec.NewColumns) {
			ids[column] = true
		}
	}
	for _, spec := range s.Specs {
		if err := p.alterSpec(t, d, spec, ids); err != nil {
			return err
		}
	}
	if err := p.places(SchemaAlter, t, p.referred(t)); err != nil {
		return err
	}
	for _, spec := range s.Specs {
		if id := nextID(spec.Options); id != 0 {
			p.plan.Schema.AutoIncrement = id
		}
	}
	return nil
}

// alterForeign checks the foreign keys that a specification adds.
func (p *planning) alterForeign(t *Table, spec *ast.AlterTableSpec) error {
	constraints := spec.NewConstraints
	if spec.Constraint != nil {
		constraints = append(constraints[:len(constraints):len(constraints)], spec.Constraint)
	}
	return p.checkForeign(t, foreignKeys(spec.NewColumns, constraints))
}

// alterRename plans ALTER TABLE … RENAME.
func (p *planning) alterRename(s *ast.AlterTableStmt, t *Table, spec *ast.AlterTableSpec) error {
	to, _, _, err := p.schemaTable(spec.NewTable)
	if err != nil {
		return err
	}
	if t.Origin == OriginServers && to.Origin == OriginServers {
		return p.inOneGroup(t.Shards[0].Group)
	}
	if len(s.Specs) > 1 {
		return refuse("RENAME together with other changes", t, "rename it by itself")
	}
	return p.renamePairs([][2]*ast.TableName{{s.Table, spec.NewTable}})
}

// alterWhole plans ALTER TABLE of a table that is whole in one group.
func (p *planning) alterWhole(s *ast.AlterTableStmt, t *Table) error {
	for _, spec := range s.Specs {
		if spec.Tp != ast.AlterTableExchangePartition {
			continue
		}
		o, _, _, err := p.schemaTable(spec.NewTable)
		if err != nil {
			return err
		}
		if o.Kind != Unsharded || o.Shards[0].Group != t.Shards[0].Group {
			return refuse("EXCHANGE PARTITION with '"+o.Name+"'", t, "the two tables must be whole in one group")
		}
	}
	return p.inOneGroup(t.Shards[0].Group)
}

// alterComment refuses a comment that declares another layout than the table's.
func (p *planning) alterComment(t *Table, spec *ast.AlterTableSpec) error {
	decl, err := p.declaration(spec.Options, t.Database+"."+t.Name)
	if err != nil || decl == nil || agrees(decl, t) {
		return err
	}
	return refuse("another layout in a COMMENT", t, "the rows stay where they are: create a table with that layout and copy the rows")
}

// alterSpec checks one specification on a table in several places.
func (p *planning) alterSpec(t *Table, d *Database, spec *ast.AlterTableSpec, ids map[string]bool) error {
	if spec.OldColumnName != nil && t.hasLookup(spec.OldColumnName.Name.O) ||
		spec.Tp == ast.AlterTableModifyColumn && t.hasLookup(spec.NewColumns[0].Name.Name.O) {
		return refuse("changing a column that has a lookup index", t, "take it out of lookup: in the configuration first, and put it back with serval lookup build")
	}
	switch spec.Tp {
	case ast.AlterTableExchangePartition, ast.AlterTableImportTablespace, ast.AlterTableDiscardTablespace,
		ast.AlterTableImportPartitionTablespace, ast.AlterTableDiscardPartitionTablespace, ast.AlterTableCheckPartitions,
		ast.AlterTableOptimizePartition, ast.AlterTableRepairPartition:
		return refuse("this form of ALTER TABLE", t, "it is about one server's files: send it to the servers, for %s and the like", t.Shards[0].target().Full)
	case ast.AlterTableDropColumn:
		if t.isKey(spec.OldColumnName.Name.O) {
			return refuse("dropping the shard key", t, "%s says where each row is: create a table with another key and copy the rows", t.Key)
		}
	case ast.AlterTableRenameColumn:
		if t.isKey(spec.OldColumnName.Name.O) {
			return refuse("renaming the shard key", t, "%s is named where the table is laid out: create a table with another key and copy the rows", t.Key)
		}
	case ast.AlterTableModifyColumn, ast.AlterTableChangeColumn:
		if err := p.alterColumn(t, d, spec); err != nil {
			return err
		}
	case ast.AlterTableAddColumns:
		if err := p.addColumns(t, spec.NewColumns); err != nil {
			return err
		}
	case ast.AlterTableOption:
		if err := p.convert(t, spec.Options); err != nil {
			return err
		}
	}
	constraints := spec.NewConstraints
	if spec.Constraint != nil {
		constraints = append(constraints[:len(constraints):len(constraints)], spec.Constraint)
	}
	return p.checkUnique(t, uniqueKeys(spec.NewColumns, constraints), ids)
}

func (t *Table) hasLookup(column string) bool {
	for _, l := range t.Lookups {
		if strings.EqualFold(l.Column, column) {
			return true
		}
	}
	return false
}

func (t *Table) isKey(column string) bool {
	return t.Kind == Sharded && strings.EqualFold(t.Key, column)
}

// alterColumn checks MODIFY and CHANGE.
func (p *planning) alterColumn(t *Table, d *Database, spec *ast.AlterTableSpec) error {
	def := spec.NewColumns[0]
	old := def.Name.Name.O
	if spec.OldColumnName != nil {
		old = spec.OldColumnName.Name.O
	}
	if !t.isKey(old) {
		if t.isKey(def.Name.Name.O) {
			return refuse("giving another column the name of the shard key", t, "%s says where each row is", t.Key)
		}
		return nil
	}
	if !strings.EqualFold(old, def.Name.Name.O) {
		return refuse("renaming the shard key", t, "%s is named where the table is laid out: create a table with another key and copy the rows", t.Key)
	}
	was := t.KeyColumn()
	if was == nil {
		return refuse("changing the shard key's type", t, "its columns are not known: a server could not be read")
	}
	now := definedColumn(def, d.Collation)
	if why := otherKey(was, &now); why != "" {
		return refuse("changing the shard key's type", t, "%s: rows would belong to other shards, or lose values that are keys", why)
	}
	return nil
}

// otherKey says why a column's values would not be the same keys in its new type, "" when they are.
func otherKey(was, now *Column) string {
	if text := was.DataType == "char" || was.DataType == "varchar"; text && now.Collation == "" {
		return "the new type's collation is not known: write it out"
	}
	if err := SameKeys(was, now); err != nil {
		return err.Error()
	}
	switch {
	case now.Generated:
		return "the column would be generated"
	case integerBytes(now.DataType) < integerBytes(was.DataType) || was.Unsigned != now.Unsigned && !(was.Unsigned && integerBytes(now.DataType) > integerBytes(was.DataType)):
		return "the new type does not hold all values of the old one"
	case now.CharLength < was.CharLength:
		return "the new type is shorter"
	case was.DataType == "datetime" && now.DataType == "date":
		return "a DATE has no time of day"
	}
	return ""
}

// integerBytes orders the integer types; 0 for others.
func integerBytes(dataType string) int {
	switch dataType {
	case "tinyint":
		return 1
	case "smallint":
		return 2
	case "mediumint":
		return 3
	case "int":
		return 4
	case "bigint":
		return 8
	}
	return 0
}

// addColumns refuses columns whose values in the rows that are there would differ from place to place.
func (p *planning) addColumns(t *Table, cols []*ast.ColumnDef) error {
	for _, def := range cols {
		if t.Kind == Sharded && hasOption(def, ast.ColumnOptionAutoIncrement) {
			return refuse("adding an AUTO_INCREMENT column", t, "each shard would number its rows from 1: add the column without it, fill it, and MODIFY it then")
		}
		for _, o := range def.Options {
			if o.Tp != ast.ColumnOptionDefaultValue || o.Expr == nil {
				continue
			}
			u := functionsOf(o.Expr)
			p.plan.UsesTime = p.plan.UsesTime || u.usesTime || isTime(def)
			if t.Kind == Broadcast && u.unsafe != "" {
				return refuse("adding a column whose default is "+u.unsafe, t, "the rows that are there would get other values in each copy: add it without the default, UPDATE it, then SET DEFAULT")
			}
		}
	}
	return nil
}

// isTime tells whether a column's default may be the time.
func isTime(def *ast.ColumnDef) bool {
	switch def.Tp.GetType() {
	case mysql.TypeDatetime, mysql.TypeTimestamp:
		return true
	}
	return false
}

// convert refuses CONVERT TO CHARACTER SET of a table whose shard key is a text.
func (p *planning) convert(t *Table, options []*ast.TableOption) error {
	key := t.KeyColumn()
	if key == nil || key.DataType != "char" && key.DataType != "varchar" {
		return nil
	}
	for _, o := range options {
		if o.Tp == ast.TableOptionCharset && o.UintValue == ast.TableOptionCharsetWithConvertTo {
			return refuse("CONVERT TO CHARACTER SET", t, "it would change the shard key %s: MODIFY the other columns one by one", t.Key)
		}
	}
	return nil
}
