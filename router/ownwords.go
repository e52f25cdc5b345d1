package router

// ownwords.go: statements that are read from their tokens, since the parser does not know them, or not all of their
// forms.

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
)

// ownWords plans such a statement; done is false for all others.
func (p *planning) ownWords() (done bool, err error) {
	switch {
	case p.st.Begins("lock"), p.st.Begins("unlock"), p.st.Begins("handler"), p.st.Begins("flush"):
		return p.tableStatement()
	case p.st.Begins("select"):
		return p.nextValue()
	case p.st.Begins("start"):
		return p.startTransaction(), nil
	case p.st.Begins("create"), p.st.Begins("alter"), p.st.Begins("drop"):
		return p.program()
	case p.st.Begins("xa"):
		return true, refuse("XA statements", nil, "Serval commits over several groups in two phases by itself: use BEGIN and COMMIT")
	}
	kill, err := readKill(p.st)
	if kill == nil || err != nil {
		return false, err
	}
	p.plan.Kind, p.plan.Kill, p.plan.Reason = KindSession, kill, "the session answers"
	return true, nil
}

// startTransaction plans START TRANSACTION with a consistent snapshot and an access mode, of which the parser takes one.
func (p *planning) startTransaction() (done bool) {
	tk := rewrite.Tokenize(p.st)
	if !tk.Is(1, "transaction") {
		return false
	}
	snapshot, access, readOnly := false, false, false
	for i := 2; i < len(tk.List); {
		switch {
		case tk.Is(i, "with") && tk.Is(i+1, "consistent") && tk.Is(i+2, "snapshot") && !snapshot:
			snapshot = true
			i += 3
		case tk.Is(i, "read") && (tk.Is(i+1, "only") || tk.Is(i+1, "write")) && !access:
			access, readOnly = true, tk.Is(i+1, "only")
			i += 2
		default:
			return false
		}
		if i < len(tk.List) {
			if !tk.Is(i, ",") || i+1 == len(tk.List) {
				return false
			}
			i++
		}
	}
	if !snapshot || !access {
		return false
	}
	p.plan.Kind, p.plan.Stmt, p.plan.Reason = KindSession, &ast.BeginStmt{ReadOnly: readOnly}, "the session answers"
	return true
}
