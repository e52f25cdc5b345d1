package router

// schematext.go: the texts of a schema change for its places: the client's own text with other names of tables and of
// constraints. The tokens say where names stand; a second parse proves each text, as in splice.go.

import (
	"fmt"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// schemaText is a schema change whose names have been found.
type schemaText struct {
	p           *planning
	tk          *rewrite.Tokens
	tables      []tableSpot
	constraints []constraintSpot
	treeTables  []treeTable
	treeNames   []treeName
}

// tableSpot is a table's name in the text.
type tableSpot struct {
	db, name   string
	start, end int
}

// constraintSpot is the name of a foreign key or a check in the text.
type constraintSpot struct {
	name       string
	start, end int
}

// treeTable is a table's name in the tree, with what it was.
type treeTable struct {
	node     *ast.TableName
	db, name string
}

type treeName struct {
	node *string
	name string
}

// naming says what names become at one place.
type naming struct {
	table      func(db, name string) (Shard, bool) // false: the name stays; of the place the group does not count
	constraint func(name string) string
}

// newSchemaText finds the names of the statement.
func (p *planning) newSchemaText() (*schemaText, error) {
	x := &schemaText{p: p, tk: rewrite.Tokenize(p.st)}
	v := &schemaTables{}
	p.stmt.Accept(v)
	for _, n := range v.names {
		x.treeTables = append(x.treeTables, treeTable{n, n.Schema.O, n.Name.O})
	}
	for _, s := range constraintNames(p.stmt) {
		x.treeNames = append(x.treeNames, treeName{s, *s})
	}
	for i := range x.tk.List {
		if x.tableAt(i) && x.named(i) {
			last := i
			spot := tableSpot{start: x.tk.List[i].Start}
			if x.tk.Is(i+1, ".") {
				spot.db, last = x.tk.Name(i), i+2
			}
			spot.name, spot.end = x.tk.Name(last), x.tk.List[last].End
			x.tables = append(x.tables, spot)
		}
		if x.constraintAt(i) {
			x.constraints = append(x.constraints, constraintSpot{x.tk.Name(i), x.tk.List[i].Start, x.tk.List[i].End})
		}
	}
	if len(x.tables) != len(x.treeTables) || len(x.constraints) != len(x.treeNames) {
		return nil, unproven(fmt.Errorf("%d names of tables were found where %d are, %d of constraints where %d are",
			len(x.tables), len(x.treeTables), len(x.constraints), len(x.treeNames)))
	}
	return x, nil
}

// named tells whether the name at token i is that of a table of the tree.
func (x *schemaText) named(i int) bool {
	db, name := "", x.tk.Name(i)
	if x.tk.Is(i+1, ".") && x.tk.IsName(i+2) {
		db, name = name, x.tk.Name(i+2)
	}
	for _, t := range x.treeTables {
		if t.db == db && t.name == name {
			return true
		}
	}
	return false
}

// tableAt tells whether a table's name may stand at token i.
func (x *schemaText) tableAt(i int) bool {
	tk := x.tk
	if !tk.IsName(i) || tk.Is(i-1, ".") {
		return false
	}
	if tk.Is(i-1, "references") {
		return true
	}
	switch s := x.p.stmt.(type) {
	case *ast.CreateTableStmt:
		return i == x.head("table") || s.ReferTable != nil && tk.Is(i-1, "like")
	case *ast.AlterTableStmt:
		renamed := tk.Is(i-1, "rename") && !tk.Is(i, "to") && !tk.Is(i, "as") && !tk.Is(i, "column") && !tk.Is(i, "index") && !tk.Is(i, "key") ||
			(tk.Is(i-1, "to") || tk.Is(i-1, "as") || tk.Is(i-1, "=")) && tk.Is(i-2, "rename")
		return i == x.head("table") || renamed || tk.Is(i-1, "table") && tk.Is(i-2, "with")
	case *ast.DropTableStmt:
		return i == x.head("table") || i == x.head("tables") || i == x.head("view") || tk.Is(i-1, ",")
	case *ast.AnalyzeTableStmt:
		return i == x.head("table") || i == x.head("tables") || tk.Is(i-1, ",")
	case *ast.RenameTableStmt:
		return i == x.head("table") || i == x.head("tables") || tk.Is(i-1, ",") || tk.Is(i-1, "to")
	case *ast.TruncateTableStmt:
		return i == 1 && !tk.Is(2, ".") && len(tk.List) == 2 || i == 1 && !tk.Is(1, "table") || i == x.head("table")
	case *ast.CreateIndexStmt, *ast.DropIndexStmt:
		return tk.Is(i-1, "on")
	}
	return false
}

// head is the token behind the first of a word and IF [NOT] EXISTS; -1 when the word is not there.
func (x *schemaText) head(word string) int {
	for i := range x.tk.List {
		if x.tk.Is(i, word) {
			i++
			for x.tk.Is(i, "if") || x.tk.Is(i, "not") || x.tk.Is(i, "exists") {
				i++
			}
			return i
		}
	}
	return -1
}

// constraintAt tells whether the name of a foreign key or a check stands at token i.
func (x *schemaText) constraintAt(i int) bool {
	tk := x.tk
	if !tk.IsName(i) {
		return false
	}
	if tk.Is(i-1, "constraint") && !tk.Is(i-2, "drop") && !tk.Is(i-2, "alter") {
		return (tk.Is(i+1, "foreign") || tk.Is(i+1, "check")) && !(tk.List[i].Kind == fingerprint.TokenWord && (tk.Is(i, "foreign") || tk.Is(i, "check")))
	}
	if _, alter := x.p.stmt.(*ast.AlterTableStmt); !alter {
		return false
	}
	switch {
	case tk.Is(i-1, "constraint") || tk.Is(i-1, "check"):
		return tk.Is(i-2, "drop") || tk.Is(i-2, "alter")
	case tk.Is(i-1, "key"):
		return tk.Is(i-2, "foreign") && tk.Is(i-3, "drop")
	}
	return false
}

// constraintNames are the names of foreign keys and checks in a tree.
func constraintNames(stmt ast.StmtNode) (names []*string) {
	add := func(s *string) {
		if *s != "" {
			names = append(names, s)
		}
	}
	of := func(cols []*ast.ColumnDef, constraints []*ast.Constraint) {
		for _, col := range cols {
			for _, o := range col.Options {
				if o.Tp == ast.ColumnOptionCheck {
					add(&o.ConstraintName)
				}
			}
		}
		for _, c := range constraints {
			if c.Tp == ast.ConstraintForeignKey || c.Tp == ast.ConstraintCheck {
				add(&c.Name)
			}
		}
	}
	switch s := stmt.(type) {
	case *ast.CreateTableStmt:
		of(s.Cols, s.Constraints)
	case *ast.AlterTableStmt:
		for _, spec := range s.Specs {
			switch {
			case spec.Tp == ast.AlterTableDropForeignKey:
				add(&spec.Name)
			case spec.Tp == ast.AlterTableDropCheck || spec.Tp == ast.AlterTableAlterCheck:
				add(&spec.Constraint.Name)
			case spec.Constraint != nil:
				of(nil, []*ast.Constraint{spec.Constraint})
			}
			of(spec.NewColumns, spec.NewConstraints)
		}
	}
	return names
}

// sql is the statement for one place.
func (x *schemaText) sql(n naming) (string, error) {
	text := x.splice(n)
	for _, t := range x.treeTables {
		if s, ok := n.table(t.db, t.name); ok {
			t.node.Schema, t.node.Name = ast.NewCIStr(s.Database), ast.NewCIStr(s.Table)
		}
	}
	for _, t := range x.treeNames {
		*t.node = n.constraint(t.name)
	}
	want, err := restore(x.p.stmt)
	x.putBack()
	if err != nil {
		return "", unproven(err)
	}
	got, err := x.p.parser.parse(text, x.p.st.Mode)
	if err != nil {
		return "", unproven(fmt.Errorf("the spliced statement does not parse: %w", err))
	}
	have, err := restore(got)
	if err != nil {
		return "", unproven(err)
	}
	if have != want {
		return "", unproven(fmt.Errorf("the spliced statement is not the original with other names"))
	}
	return text, nil
}

// putBack gives the tree its own names again.
func (x *schemaText) putBack() {
	for _, t := range x.treeTables {
		t.node.Schema, t.node.Name = ast.NewCIStr(t.db), ast.NewCIStr(t.name)
	}
	for _, t := range x.treeNames {
		*t.node = t.name
	}
}

// splice puts the names of one place into the text.
func (x *schemaText) splice(n naming) string {
	var out []byte
	at, t, c := 0, 0, 0
	for t < len(x.tables) || c < len(x.constraints) {
		if c == len(x.constraints) || t < len(x.tables) && x.tables[t].start < x.constraints[c].start {
			spot := x.tables[t]
			if s, ok := n.table(spot.db, spot.name); ok {
				out = append(append(out, x.tk.Text[at:spot.start]...), s.target().Full...)
				at = spot.end
			}
			t++
			continue
		}
		spot := x.constraints[c]
		out = append(out, x.tk.Text[at:spot.start]...)
		if name := n.constraint(spot.name); name == spot.name {
			out = append(out, x.tk.Text[spot.start:spot.end]...)
		} else {
			out = append(out, rewrite.Quote(name)...)
		}
		at, c = spot.end, c+1
	}
	return string(append(out, x.tk.Text[at:x.p.st.End]...))
}

// wholeText makes a text the plan's own.
func (p *planning) wholeText(sql string) error {
	if sql == string(p.st.Text[:p.st.End]) {
		return nil
	}
	b := rewrite.NewBuilder(p.st)
	b.Replace(0, p.st.End, rewrite.PieceText, 0, sql)
	t, err := b.Template()
	if err != nil {
		return unproven(err)
	}
	p.plan.template = t
	return nil
}
