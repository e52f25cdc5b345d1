package router

// textprepare.go: PREPARE, EXECUTE and DEALLOCATE as texts. The session carries them out; the values of EXECUTE's
// variables are its own.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// namedStatement keeps the tree of such a statement for the session.
func (p *planning) namedStatement() error {
	p.plan.Kind, p.plan.Stmt = KindSession, p.stmt
	p.plan.Reason = "the session keeps its prepared statements"
	return nil
}

// UsingNames are the user variables of an EXECUTE, in order.
func UsingNames(s *ast.ExecuteStmt) []string {
	var names []string
	for _, e := range s.UsingVars {
		if v, ok := e.(*ast.VariableExpr); ok && !v.IsSystem {
			names = append(names, strings.ToLower(v.Name))
		}
	}
	return names
}
