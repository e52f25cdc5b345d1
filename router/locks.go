package router

// locks.go: the functions for named locks. A lock must exclude all other clients, whichever tables they work on: all of
// these functions run in one group, the catalog's first. Which locks a session holds afterwards is asked of the server by
// their names, so a name has to be known before the statement runs: a literal or an expression of literals.

import (
	"fmt"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/test_driver"
)

// LockUse is what a statement does with named locks.
type LockUse struct {
	// Takes: it may take a lock, with which the session is tied to its connection.
	Takes bool
	Names []LockName
	// Holder: the whole statement is SELECT IS_USED_LOCK(name), whose answer is a connection's id.
	Holder bool
}

// LockName is the name of a lock: an expression as it stands in the statement, or a parameter of a prepared one.
type LockName struct {
	Text      string
	Parameter int // its number from 0; -1: Text is the name
}

// lockUse notes the statement's use of named locks.
func (p *planning) lockUse() error {
	if len(p.uses.locks) == 0 {
		return nil
	}
	u := &LockUse{}
	p.plan.Locks, p.plan.Own = u, true
	for _, f := range p.uses.locks {
		u.Takes = u.Takes || f.FnName.L == "get_lock"
		if f.FnName.L == "is_used_lock" {
			if !p.asksHolder(f) {
				return refuse("IS_USED_LOCK() together with other things", nil, "its value is a connection's id, which is exchanged: use SELECT IS_USED_LOCK(name)")
			}
			u.Holder = true
		}
		if len(f.Args) == 0 {
			continue
		}
		if !constant(f.Args[0]) || containsParameter(f.Args[0]) {
			return refuse("a named lock whose name is not made of literals", nil, "give the name as a string")
		}
		name, err := p.lockName(f)
		if err != nil {
			return unproven(err)
		}
		u.Names = append(u.Names, name)
	}
	return nil
}

// lockName is the first argument of a function call, in the words of the statement.
func (p *planning) lockName(f *ast.FuncCallExpr) (LockName, error) {
	if m, ok := f.Args[0].(*test_driver.ParamMarkerExpr); ok {
		return LockName{Parameter: m.Order}, nil
	}
	tk := p.text.tokens
	for i := range tk.List {
		if tk.List[i].Start != f.OriginTextPosition() || !tk.Is(i+1, "(") {
			continue
		}
		depth := 0
		for k := i + 2; k < len(tk.List); k++ {
			switch {
			case depth == 0 && (tk.Is(k, ",") || tk.Is(k, ")")):
				return LockName{Text: string(tk.Text[tk.List[i+2].Start:tk.List[k-1].End]), Parameter: -1}, nil
			case tk.Is(k, "("):
				depth++
			case tk.Is(k, ")"):
				depth--
			}
		}
	}
	return LockName{}, fmt.Errorf("a lock's name was not found")
}

// asksHolder tells whether the statement is SELECT IS_USED_LOCK(…) and nothing else.
func (p *planning) asksHolder(f *ast.FuncCallExpr) bool {
	sel, ok := p.stmt.(*ast.SelectStmt)
	return ok && sel.From == nil && sel.Where == nil && sel.Fields != nil && len(sel.Fields.Fields) == 1 && sel.Fields.Fields[0].Expr == ast.ExprNode(f)
}

// constant tells whether an expression has the same value whenever it is asked for on the same connection.
func constant(e ast.ExprNode) bool {
	v := &constantVisitor{ok: true}
	e.Accept(v)
	return v.ok
}

// containsParameter tells whether an expression has a parameter inside; one that is a parameter does not.
func containsParameter(e ast.ExprNode) bool {
	v := &parameterVisitor{}
	if !isParameter(e) {
		e.Accept(v)
	}
	return v.found
}

type parameterVisitor struct{ found bool }

func (v *parameterVisitor) Enter(n ast.Node) (ast.Node, bool) {
	v.found = v.found || isParameter(n)
	return n, false
}

func (v *parameterVisitor) Leave(n ast.Node) (ast.Node, bool) { return n, true }

type constantVisitor struct{ ok bool }

func (v *constantVisitor) Enter(n ast.Node) (ast.Node, bool) {
	switch x := n.(type) {
	case *ast.ColumnNameExpr, *ast.VariableExpr, *ast.SubqueryExpr, *ast.AggregateFuncExpr, *ast.WindowFuncExpr:
		v.ok = false
	case *ast.FuncCallExpr:
		v.ok = v.ok && x.Schema.O == "" && scalarFunctions[x.FnName.L]
	}
	return n, false
}

func (v *constantVisitor) Leave(n ast.Node) (ast.Node, bool) { return n, true }
