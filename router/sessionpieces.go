package router

// sessionpieces.go: functions whose value the proxy knows and a server behind it does not: DATABASE(), USER(),
// CONNECTION_ID(), LAST_INSERT_ID(), ROW_COUNT(), FOUND_ROWS(), @@warning_count and the like. They are replaced in the text by the session's value; a select
// field that was changed keeps the name that MySQL would have given it.

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// replacedPiece is what stands in for a function, -1 when the function is not one of those.
func replacedPiece(f *ast.FuncCallExpr) int {
	switch f.FnName.L {
	case "database", "schema":
		return int(rewrite.PieceDatabase)
	case "user", "session_user", "system_user":
		return int(rewrite.PieceUser)
	case "current_user":
		return int(rewrite.PieceAccount)
	case "connection_id":
		return int(rewrite.PieceConnectionID)
	case "last_insert_id":
		return int(rewrite.PieceLastInsertID)
	case "row_count":
		return int(rewrite.PieceRowCount)
	case "found_rows":
		return int(rewrite.PieceFoundRows)
	}
	return -1
}

// replaceFunctions puts the pieces into the plan's templates. sel is the statement when it is a plain SELECT.
func (p *planning) replaceFunctions(sel *ast.SelectStmt) error {
	if len(p.uses.replaced) == 0 && p.uses.variables == 0 {
		return nil
	}
	if sel == nil {
		sel, _ = p.stmt.(*ast.SelectStmt)
	}
	if p.plan.scatter != nil {
		p.plan.scatter = nil
		p.plan.scatterRefusal = refuse("functions of the session over several shards", p.plan.Sharded, "put their value into the statement")
	}
	b := rewrite.ExtendTemplate(p.st, &p.plan.template)
	for _, f := range p.uses.replaced {
		piece := rewrite.Piece(replacedPiece(f))
		start := f.OriginTextPosition()
		end, err := p.callEnd(start)
		if err != nil {
			return unproven(err)
		}
		before, after := "", ""
		switch piece {
		case rewrite.PieceLastInsertID:
			before, after = "CAST(", " AS UNSIGNED)"
		case rewrite.PieceFoundRows: // its call stays, so that servers warn of it as they do
			before, after = "(FOUND_ROWS()*0+", ")"
		case rewrite.PieceDatabase, rewrite.PieceUser, rewrite.PieceAccount:
			if !wholeField(sel, f) { // it compares by the collation of names
				before, after = "(CAST(_utf8mb4", " AS CHAR(64) CHARACTER SET utf8mb4) COLLATE utf8mb4_general_ci)"
			}
		}
		if before != "" {
			b.Insert(start, before)
		}
		b.Replace(start, end, piece, 0, after)
		p.keepName(b, start, end)
		if sel != nil {
			p.keepType(sel, f, piece)
		}
	}
	if err := p.replaceVariables(b); err != nil {
		return err
	}
	t, err := b.Template()
	if err != nil {
		return unproven(err)
	}
	sql := string(t.Render(nil, p.st, &rewrite.Arguments{Targets: p.someTargets()}))
	if _, err := p.parser.parse(sql, p.st.Mode); err != nil {
		return unproven(fmt.Errorf("the spliced statement does not parse: %w", err))
	}
	p.plan.template = t
	return nil
}

// replacedVariable is what stands in for a system variable that tells of the session's last statement.
func replacedVariable(name string) rewrite.Piece {
	switch name {
	case "last_insert_id", "identity":
		return rewrite.PieceLastInsertID
	case "warning_count":
		return rewrite.PieceWarningCount
	case "error_count":
		return rewrite.PieceErrorCount
	case AcrossGroups:
		return rewrite.PieceAcrossGroups
	}
	return -1
}

// replaceVariables puts pieces into the places of @@warning_count and the like, which the tree does not tell.
func (p *planning) replaceVariables(b *rewrite.Builder) error {
	found, tk := 0, p.text.tokens
	for i, t := range tk.List {
		piece := variablePiece(string(tk.Text[t.Start:t.End]))
		if t.Kind != fingerprint.TokenVariable || piece < 0 || tk.Is(i+1, "=") && p.plan.Set != nil {
			continue
		}
		found++
		before, after := "NULLIF(", "|0,-1)" // a BIGINT UNSIGNED that may be NULL, as the variable is
		if piece == rewrite.PieceAcrossGroups {
			before, after = "(CAST(_utf8mb4", " AS CHAR(64) CHARACTER SET utf8mb4) COLLATE utf8mb4_general_ci)"
		}
		b.Insert(t.Start, before)
		b.Replace(t.Start, t.End, piece, 0, after)
		p.keepName(b, t.Start, t.End)
	}
	if found != p.uses.variables {
		return refuse("@@last_insert_id, @@identity, @@warning_count, @@error_count and @@"+AcrossGroups+" written in this way", p.plan.Sharded, "write @@name or @@session.name, without spaces and quotes")
	}
	return nil
}

// variablePiece is the piece for @@name or @@session.name, -1 for anything else.
func variablePiece(text string) rewrite.Piece {
	name, ok := strings.CutPrefix(strings.ToLower(text), "@@")
	if !ok {
		return -1
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, "session."), "local.")
	return replacedVariable(name)
}

// callEnd is the end of the function call at start: name, or name ( ).
func (p *planning) callEnd(start int) (int, error) {
	tk := p.text.tokens
	for i, t := range tk.List {
		if t.Start != start || t.Kind != fingerprint.TokenWord {
			continue
		}
		if tk.Is(i+1, "(") && tk.Is(i+2, ")") {
			return tk.List[i+2].End, nil
		}
		return t.End, nil
	}
	return 0, fmt.Errorf("a function was not found")
}

// wholeField tells whether a function is all of a field of the statement's own select list: there it is given the
// function's type by the session.
func wholeField(sel *ast.SelectStmt, f *ast.FuncCallExpr) bool {
	if sel == nil || sel.Fields == nil {
		return false
	}
	for _, field := range sel.Fields.Fields {
		if field.WildCard != nil {
			return false
		}
		if field.Expr == ast.ExprNode(f) {
			return true
		}
	}
	return false
}

// keepType notes that a column of the result is a function's value and nothing else: the client is told the
// function's type, not the literal's.
func (p *planning) keepType(sel *ast.SelectStmt, f *ast.FuncCallExpr, piece rewrite.Piece) {
	if sel.Fields == nil {
		return
	}
	for i, field := range sel.Fields.Fields {
		if field.WildCard != nil {
			return // the number of columns before the others is not known
		}
		if field.Expr == ast.ExprNode(f) {
			p.plan.Typed = append(p.plan.Typed, TypedColumn{Column: i, Piece: piece})
		}
	}
}
