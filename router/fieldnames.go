package router

// fieldnames.go: the names of select fields. MySQL names a field without alias by its text; where that text is changed
// on its way to a server, the field is given its original text as an alias.

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
)

// fieldText is a select field that MySQL names by its text.
type fieldText struct {
	field *ast.SelectField
	part  span // of the text, without what follows the last token
}

// unnamedFields finds such fields in all query blocks. Columns name themselves.
func (p *planning) unnamedFields() []fieldText {
	v := &fieldVisitor{}
	p.stmt.Accept(v)
	var out []fieldText
	for _, f := range v.fields {
		text := f.Text()
		end := f.Offset + len(text)
		if end > p.st.End || string(p.st.Text[f.Offset:end]) != text {
			continue // the parser does not say where it is
		}
		if part := p.tokensWithin(f.Offset, end); part != (span{}) {
			out = append(out, fieldText{f, part})
		}
	}
	return out
}

type fieldVisitor struct{ fields []*ast.SelectField }

func (v *fieldVisitor) Enter(n ast.Node) (ast.Node, bool) {
	if f, ok := n.(*ast.SelectField); ok && f.WildCard == nil && f.AsName.O == "" {
		if _, column := f.Expr.(*ast.ColumnNameExpr); !column {
			v.fields = append(v.fields, f)
		}
	}
	return n, false
}

func (v *fieldVisitor) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// tokensWithin is the part of the text from the first to the last token between two offsets.
func (p *planning) tokensWithin(start, end int) (part span) {
	for _, t := range p.text.tokens.List {
		if t.Start < start || t.End > end {
			continue
		}
		if part == (span{}) {
			part.start = t.Start
		}
		part.end = t.End
	}
	return part
}

// keepNames gives fields that an edit changes their original names, in the text and in the tree.
func (p *planning) keepNames(b *rewrite.Builder) {
	for _, f := range p.unnamedFields() {
		if b.Touches(f.part.start, f.part.end) {
			b.Alias(f.part.end, f.part.start, f.part.end)
			p.named = append(p.named, f)
		}
	}
}

// keepName does the same for the fields around one change.
func (p *planning) keepName(b *rewrite.Builder, start, end int) {
	for _, f := range p.unnamedFields() {
		if start >= f.part.start && end <= f.part.end {
			b.Alias(f.part.end, f.part.start, f.part.end)
		}
	}
}
