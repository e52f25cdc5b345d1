package router

// aggregateorder.go: sort keys of SELECTs with groups. Hidden columns must not change what the groups are, and what they may
// hold of a group is more than columns.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// distinctColumn refuses sort keys of a column with which DISTINCT would find other rows: those that are not in the select
// list (which MySQL refuses as well), and weights of strings that DISTINCT takes for equal, but for spaces at their end.
func (s *scattering) distinctColumn(c columnRef, col *Column) error {
	if !s.sel.Distinct {
		return nil
	}
	if !s.wholes.shows(c.src, c.name) {
		return s.notInList()
	}
	if col.Collation == "" || len(s.p.cat.SpaceWeights[col.Collation]) == 0 && s.p.cat.SpaceWeights[col.Collation] != nil || s.wholes.shownWhole(c.src) {
		return nil
	}
	return refuse("DISTINCT with ORDER BY of a string over several shards", s.p.plan.Sharded, "order by numbers, or select the primary key")
}

// distinctKey is distinctColumn for an expression.
func (s *scattering) distinctKey(e ast.ExprNode, visible int) error {
	if visible < 0 {
		return s.notInList()
	}
	if arithmetic(e) || isNumeric(e) {
		return nil
	}
	return refuse("DISTINCT with ORDER BY of such an expression over several shards", s.p.plan.Sharded, "order by numbers")
}

func (s *scattering) notInList() error {
	return refuse("DISTINCT with ORDER BY of what is not in the select list, over several shards", s.p.plan.Sharded, "select it")
}

// aggregateKey appends the sort key for an aggregate or a window function; false when the expression is none.
func (s *scattering) aggregateKey(e ast.ExprNode, visible int, text span, desc bool) (done bool, err error) {
	name, args := "", []ast.ExprNode(nil)
	switch x := e.(type) {
	case *ast.AggregateFuncExpr:
		name, args = strings.ToLower(x.F), x.Args
	case *ast.WindowFuncExpr:
		name, args = strings.ToLower(x.Name), x.Args
	default:
		return false, nil
	}
	hidden := len(s.hidden)
	switch name {
	case "count", "row_number", "rank", "dense_rank", "ntile":
		k := SortKey{Column: visible, Class: SortNumber, Desc: desc}
		if visible < 0 {
			k.Hidden = hidden
			s.hidden = append(s.hidden, hiddenColumn{"(", ")", text})
		}
		s.out.Keys = append(s.out.Keys, k)
		return true, nil
	case "sum", "avg", "std", "stddev", "stddev_pop", "stddev_samp", "var_pop", "var_samp", "variance", "percent_rank", "cume_dist":
		s.hidden = append(s.hidden, hiddenColumn{"(", ")", text}, hiddenColumn{"((", ")+0e0)", text})
		s.out.Keys = append(s.out.Keys, SortKey{Column: -1, Hidden: hidden, Class: SortArithmetic, Desc: desc})
		return true, nil
	case "min", "max":
		if c, ok := columnOf(args[0], s.block); ok && c.src.table != nil {
			if col := c.src.table.Column(c.name); col != nil && sortsAsShown(col) {
				return false, nil // what it is decides
			}
		}
	}
	return true, refuse("ORDER BY of "+strings.ToUpper(name)+"() over several shards", s.p.plan.Sharded, "order by columns")
}

// sortsAsShown tells whether MIN and MAX of a column sort as its text or the weights of it.
func sortsAsShown(col *Column) bool {
	switch col.DataType {
	case "enum", "set", "bit", "json", "float", "timestamp", "year":
		return false
	}
	return true
}
