package router

// parameter.go: the question marks of prepared statements in the parser's trees. The parser's parameter looks like a
// literal whose value is NULL: whoever looks at literals has to ask here first.

import (
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/test_driver"
)

// isParameter tells whether an expression is a parameter.
func isParameter(e ast.Node) bool {
	_, ok := e.(*test_driver.ParamMarkerExpr)
	return ok
}

// positionOf is where an expression begins in the text.
func positionOf(e ast.ExprNode) int {
	if p, ok := e.(*test_driver.ParamMarkerExpr); ok {
		return p.Offset
	}
	return e.OriginTextPosition()
}
