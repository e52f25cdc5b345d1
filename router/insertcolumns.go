package router

// insertcolumns.go: INSERT without a list of columns. The plan has found the shard key by the columns' order in the
// catalog; a server whose table has been changed since then would take the values for others. So it is told the columns.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
)

// nameColumns puts the list of columns behind the table's name.
func (p *planning) nameColumns(s *ast.InsertStmt, target *source) error {
	if len(s.Columns) > 0 || s.Setlist || len(s.Lists) == 0 || len(s.Lists[0]) == 0 {
		return nil
	}
	end := p.text.refs[0].End // the statement's first table is its target
	if rest := strings.TrimLeft(string(p.st.Text[end:p.st.End]), " \t\r\n"); strings.HasPrefix(rest, "(") {
		return nil // an empty list
	}
	var names []string
	for i := range target.table.Columns {
		if !target.table.Columns[i].Invisible {
			names = append(names, rewrite.Quote(target.table.Columns[i].Name))
		}
	}
	b := rewrite.ExtendTemplate(p.st, &p.plan.template)
	b.Insert(end, " ("+strings.Join(names, ", ")+")")
	t, err := b.Template()
	if err != nil {
		return unproven(err)
	}
	p.plan.template = t
	return nil
}
