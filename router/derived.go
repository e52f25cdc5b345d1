package router

// derived.go: derived tables. Their columns are known by their SELECT lists; and where a column is one of the rows that a
// derived row is made from, a condition on it outside is one on those rows inside: (SELECT key, COUNT(*) … GROUP BY key) AS d
// with d.key = 3 needs no rows of other keys.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// derivedTable makes the source of a derived table, whose query block is inner (nil for a set operation).
func (s *scope) derivedTable(t *ast.TableSource, b, inner *block, f *filter, outer bool) *source {
	src := &source{name: t.AsName.O, aliased: true, filter: f, outer: outer, block: b}
	if inner == nil || inner.query == nil || len(t.ColumnNames) > 0 {
		return src
	}
	src.columns, src.origins = derivedColumns(inner)
	if !restrictable(inner) {
		return src
	}
	for name, from := range src.origins {
		if !from.src.outer && (inner.query.GroupBy == nil || inner.groupedBy(from)) {
			inner.filter.equal = append(inner.filter.equal, [2]columnRef{{src, name}, from})
		}
	}
	return src
}

// derivedColumns are the columns that a query's rows have by its SELECT list, and those of its tables that some of them are;
// nil when they are not all in it.
func derivedColumns(inner *block) (columns map[string]bool, origins map[string]columnRef) {
	columns, origins = map[string]bool{}, map[string]columnRef{}
	if inner.query.Fields == nil {
		return nil, nil
	}
	add := func(name string, from columnRef, known bool) {
		if columns[name] { // several columns that USING makes one
			delete(origins, name)
			return
		}
		if columns[name] = true; known {
			origins[name] = from
		}
	}
	for _, f := range inner.query.Fields.Fields {
		if f.WildCard != nil {
			if !inner.all(f.WildCard, add) {
				return nil, nil
			}
			continue
		}
		col, isColumn := unwrap(f.Expr).(*ast.ColumnNameExpr)
		name := f.AsName.L
		if name == "" {
			if c, plain := f.Expr.(*ast.ColumnNameExpr); plain {
				name = c.Name.Name.L
			} else {
				return nil, nil // named by its text
			}
		}
		var from columnRef
		if isColumn {
			from, isColumn = inner.resolve(col.Name)
		}
		add(name, from, isColumn && from.src.block == inner)
	}
	return columns, origins
}

// all visits the columns of * or name.*; false when they are not known.
func (b *block) all(w *ast.WildCardField, visit func(string, columnRef, bool)) bool {
	if w.Schema.O != "" || len(b.sources) == 0 {
		return false
	}
	found := false
	for _, src := range b.sources {
		if w.Table.O != "" && w.Table.O != src.name {
			continue
		}
		found = true
		switch {
		case src.columns != nil:
			for name := range src.columns {
				visit(name, columnRef{src, name}, true)
			}
		case src.table == nil || len(src.table.Columns) == 0:
			return false
		default:
			for i := range src.table.Columns {
				if c := &src.table.Columns[i]; !c.Invisible {
					name := strings.ToLower(c.Name)
					visit(name, columnRef{src, name}, true)
				}
			}
		}
	}
	return found
}

// restrictable tells whether leaving out rows of a query's tables changes nothing but the rows that are made from them:
// there is no LIMIT, no window and no count over all, and nothing that goes by the number or the order of rows.
func restrictable(b *block) bool {
	q := b.query
	uses := functionsOf(q)
	if q.Kind != ast.SelectStmtKindSelect || q.From == nil || q.Limit != nil || q.LockInfo != nil || len(q.WindowSpecs) > 0 ||
		uses.window || uses.unsafe != "" || uses.into || uses.user {
		return false
	}
	if q.GroupBy != nil {
		return !q.GroupBy.Rollup
	}
	own := functionsOf(q.Fields)
	if q.OrderBy != nil {
		q.OrderBy.Accept(own)
	}
	return !own.aggregate && q.Having == nil
}

// groupedBy tells whether all rows of a group have one value in a column.
func (b *block) groupedBy(c columnRef) bool {
	for _, item := range b.query.GroupBy.Items {
		ref, ok := columnOf(item.Expr, b)
		if ok && ref == c && !b.otherwiseNamed(item.Expr, c) {
			return true
		}
	}
	return false
}

// otherwiseNamed tells whether the SELECT list gives a grouping column's name to something else: a server might mean that.
func (b *block) otherwiseNamed(e ast.ExprNode, c columnRef) bool {
	col := unwrap(e).(*ast.ColumnNameExpr)
	for _, f := range b.query.Fields.Fields {
		if f.WildCard != nil || f.AsName.L != col.Name.Name.L {
			continue
		}
		if ref, ok := columnOf(f.Expr, b); !ok || ref != c {
			return true
		}
	}
	return false
}

// column is the column of a table that a column is in the end, nil when that is not known.
func (c columnRef) column() *Column {
	for c.src.table == nil {
		from, ok := c.src.origins[c.name]
		if !ok {
			return nil
		}
		c = from
	}
	return c.src.table.Column(c.name)
}
