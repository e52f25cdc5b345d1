package router

// foundrows.go: what FOUND_ROWS() counts beside the rows that a client gets: those that OFFSET skips.

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite/fingerprint"
)

// ownOffset notes the slot of the OFFSET that belongs to the whole statement.
func (p *planning) ownOffset(n ast.StmtNode) {
	var limit *ast.Limit
	switch q := n.(type) {
	case *ast.SelectStmt:
		limit = q.Limit
	case *ast.SetOprStmt:
		limit = q.Limit
	}
	if limit == nil || limit.Offset == nil {
		return
	}
	tk := p.text.tokens
	depth, at := 0, -1
	for i := range tk.List {
		w := tk.Word(i)
		depth += depthChange(w)
		if depth == 0 && w == "limit" && !tk.Is(i-1, ".") {
			at = i
		}
	}
	number := at + 3
	if tk.Is(at+2, ",") {
		number = at + 1
	}
	if at < 0 || number >= len(tk.List) {
		return
	}
	if slot, ok := p.cs.slotAt(tk.List[number].Start); ok {
		p.plan.offset = slot + 1
	}
}

// Skipped is how many rows the statement's OFFSET leaves out.
func (p *Plan) Skipped(st *fingerprint.Statement) uint64 {
	if p.offset == 0 {
		return 0
	}
	n, err := count(st, p.offset-1)
	if err != nil {
		return 0
	}
	return n
}
