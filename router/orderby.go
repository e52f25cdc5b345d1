package router

// orderby.go: how to merge what the shards have sorted. Each ORDER BY item becomes a sort key: a visible column where
// its text compares as MySQL compares the values, else a hidden column that does.

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"serval/rewrite"
)

// orderBy makes the sort keys of the statement's ORDER BY.
func (s *scattering) orderBy() error {
	spans, err := s.orderSpans()
	if err != nil {
		return err
	}
	for i, item := range s.sel.OrderBy.Items {
		if err := s.orderItem(item, spans[i]); err != nil {
			return err
		}
	}
	if s.noColumn { // the servers say so, as long as no hidden column is there to be meant
		s.hidden, s.out.Keys = nil, nil
	}
	return nil
}

// orderSpans finds the text of each item, without its direction.
func (s *scattering) orderSpans() ([]span, error) {
	tk := s.p.text.tokens
	depth, at := 0, -1
	for i := range tk.List {
		w := tk.Word(i)
		depth += depthChange(w)
		if depth == 0 && w == "order" && tk.Is(i+1, "by") {
			at = i + 2
		}
	}
	if at < 0 {
		return nil, unproven(fmt.Errorf("ORDER BY was not found"))
	}
	var spans []span
	start := at
	for i := at; i <= len(tk.List); i++ {
		w := tk.Word(i)
		end := i == len(tk.List) || depth == 0 && endsOrder(w)
		if end || depth == 0 && w == "," {
			last := i - 1
			if tk.Is(last, "asc") || tk.Is(last, "desc") {
				last--
			}
			if last < start {
				return nil, unproven(fmt.Errorf("an ORDER BY item was not found"))
			}
			spans = append(spans, span{tk.List[start].Start, tk.List[last].End})
			start = i + 1
		}
		if end {
			break
		}
		depth += depthChange(w)
	}
	if len(spans) != len(s.sel.OrderBy.Items) {
		return nil, unproven(fmt.Errorf("the ORDER BY items were not found"))
	}
	return spans, nil
}

func endsOrder(w string) bool {
	switch w {
	case "limit", "for", "lock", "into", "procedure":
		return true
	}
	return false
}

// orderItem makes the key of one item: an ordinal, a column or alias of the select list, or an expression.
func (s *scattering) orderItem(item *ast.ByItem, text span) error {
	if isConstant(item.Expr) {
		s.pinLiterals(text)
		if e, position := item.Expr.(*ast.PositionExpr); !position || e.P != nil {
			return refuse("a constant in ORDER BY over several shards", s.p.plan.Sharded, "leave it out, or name the column")
		}
	}
	expr, visible := item.Expr, -1
	switch e := unwrap(item.Expr).(type) {
	case *ast.PositionExpr:
		field, err := s.ordinal(e.N, text)
		if err != nil || field < 0 {
			return err
		}
		expr, visible, text = s.sel.Fields.Fields[field].Expr, field, s.fields[field]
	case *ast.ColumnNameExpr:
		if field := s.fieldFor(e.Name); field >= 0 {
			expr, visible, text = s.sel.Fields.Fields[field].Expr, field, s.fields[field]
		}
	default:
		if err := s.noAlias(item.Expr); err != nil {
			return err
		}
	}
	return s.key(expr, visible, text, item.Desc)
}

func unwrap(e ast.ExprNode) ast.ExprNode {
	for {
		p, ok := e.(*ast.ParenthesesExpr)
		if !ok {
			return e
		}
		e = p.Expr
	}
}

// ordinal is the select field that ORDER BY n means. The number is part of the plan.
func (s *scattering) ordinal(n int, text span) (int, error) {
	if n < 1 || n > len(s.fields) && !s.wildcardBefore(len(s.fields)) {
		s.noColumn = true
		return -1, nil
	}
	if n < 1 || n > len(s.fields) || s.wildcardBefore(n) {
		return 0, refuse("ORDER BY with the position of a column behind or in *, over several shards", s.p.plan.Sharded, "name the column")
	}
	return n - 1, nil
}

// isConstant tells whether an ORDER BY item is a literal, however it is wrapped: a position to MySQL, or nothing.
func isConstant(e ast.ExprNode) bool {
	switch x := e.(type) {
	case *ast.PositionExpr, ast.ValueExpr:
		return true
	case *ast.ParenthesesExpr:
		return isConstant(x.Expr)
	case *ast.UnaryOperationExpr:
		return isConstant(x.V)
	}
	return false
}

// pinLiterals makes the literals of a part of the text part of the plan.
func (s *scattering) pinLiterals(part span) {
	for i, slot := range s.p.st.Slots {
		if int(slot.Start) >= part.start && int(slot.End) <= part.end {
			s.p.plan.pins = append(s.p.plan.pins, pin{i, string(s.p.st.Text[slot.Start:slot.End])})
		}
	}
}

// wildcardBefore tells whether one of the first n fields is a *.
func (s *scattering) wildcardBefore(n int) bool {
	for _, f := range s.sel.Fields.Fields[:n] {
		if f.WildCard != nil {
			return true
		}
	}
	return false
}

// fieldFor finds the select field that a plain name in ORDER BY means: MySQL looks at aliases and columns of the
// select list first. -1 when there is none.
func (s *scattering) fieldFor(c *ast.ColumnName) int {
	for i, f := range s.sel.Fields.Fields {
		if f.WildCard != nil {
			continue
		}
		if c.Table.O == "" && strings.EqualFold(f.AsName.O, c.Name.O) && f.AsName.O != "" {
			return i
		}
		col, ok := f.Expr.(*ast.ColumnNameExpr)
		if !ok || f.AsName.O != "" && c.Table.O == "" && !strings.EqualFold(f.AsName.O, c.Name.O) {
			continue
		}
		if col.Name.Name.L == c.Name.L && (c.Table.O == "" || col.Name.Table.O == c.Table.O) {
			return i
		}
	}
	return -1
}

// noAlias refuses aliases inside ORDER BY expressions: the hidden copy of the expression could not see them.
func (s *scattering) noAlias(e ast.ExprNode) error {
	v := &aliasVisitor{aliases: map[string]bool{}}
	for _, f := range s.sel.Fields.Fields {
		if f.AsName.O != "" {
			v.aliases[f.AsName.L] = true
		}
	}
	e.Accept(v)
	if v.found != "" {
		return refuse("the alias '"+v.found+"' inside an ORDER BY expression over several shards", s.p.plan.Sharded, "order by the alias alone or write the expression out")
	}
	return nil
}

type aliasVisitor struct {
	aliases map[string]bool
	found   string
}

func (v *aliasVisitor) Enter(n ast.Node) (ast.Node, bool) {
	if c, ok := n.(*ast.ColumnName); ok && c.Table.O == "" && v.aliases[c.Name.L] {
		v.found = c.Name.O
	}
	return n, false
}

func (v *aliasVisitor) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// key appends the sort key for an expression that stands at text.
func (s *scattering) key(e ast.ExprNode, visible int, text span, desc bool) error {
	e = unwrap(e)
	if visible >= 0 && s.wildcardBefore(visible+1) {
		visible = -1
	}
	if f := functionsOf(e); f.unsafe != "" || f.usesTime || len(f.replaced) > 0 {
		return refuse("functions of chance, time or the session in ORDER BY over several shards", s.p.plan.Sharded, "order by columns")
	}
	if c, ok := e.(*ast.ColumnNameExpr); ok {
		if src, ok := s.resolve(c.Name); ok && src.src.table != nil {
			if col := src.src.table.Column(src.name); col != nil {
				if err := s.distinctColumn(src, col); err != nil {
					return err
				}
				return s.columnKey(col, visible, s.plainName(src), desc)
			}
		}
	}
	if s.sel.Distinct {
		if err := s.distinctKey(e, visible); err != nil {
			return err
		}
	}
	if done, err := s.aggregateKey(e, visible, text, desc); done || err != nil {
		return err
	}
	if arithmetic(e) {
		s.out.Keys = append(s.out.Keys, SortKey{Column: -1, Hidden: len(s.hidden), Class: SortNumber, Desc: desc})
		s.hidden = append(s.hidden, hiddenColumn{"(", ")", text})
		return nil
	}
	hidden := len(s.hidden)
	if isNumeric(e) {
		s.hidden = append(s.hidden, hiddenColumn{"(", ")", text}, hiddenColumn{"((", ")+0e0)", text})
		s.out.Keys = append(s.out.Keys, SortKey{Column: -1, Hidden: hidden, Class: SortArithmetic, Desc: desc})
		return nil
	}
	s.hidden = append(s.hidden, hiddenColumn{"(", ")", text}, hiddenColumn{"WEIGHT_STRING(", ")", text}, hiddenColumn{"COLLATION(", ")", text})
	s.out.Keys = append(s.out.Keys, SortKey{Column: -1, Hidden: hidden, Class: SortUnknown, Desc: desc, Extreme: isExtreme(e)})
	return nil
}

// arithmetic tells whether an expression is a number for certain, and an exact one.
func arithmetic(e ast.ExprNode) bool {
	switch x := e.(type) {
	case *ast.BinaryOperationExpr:
		return x.Op == opcode.IntDiv || x.Op == opcode.EQ || x.Op == opcode.NE || x.Op == opcode.LT || x.Op == opcode.LE || x.Op == opcode.GT || x.Op == opcode.GE
	case *ast.IsNullExpr, *ast.PatternInExpr, *ast.BetweenExpr, *ast.PatternLikeOrIlikeExpr:
		return true
	}
	return false
}

// resolve finds the column that a name in ORDER BY means: one that a * of the select list brings, else one of FROM.
func (s *scattering) resolve(c *ast.ColumnName) (columnRef, bool) {
	var found *source
	if c.Table.O == "" {
		for _, f := range s.sel.Fields.Fields {
			if f.WildCard == nil {
				continue
			}
			for _, src := range s.block.sources {
				brings := f.WildCard.Table.O == "" || f.WildCard.Table.O == src.name
				if !brings || src.table == nil || src.table.Column(c.Name.L) == nil || src == found {
					continue
				}
				if found != nil {
					return s.block.resolve(c)
				}
				found = src
			}
		}
	}
	if found != nil && !s.block.right {
		return columnRef{found, c.Name.L}, true
	}
	return s.block.resolve(c)
}

// plainName is how a hidden column names a column: by the alias of its table.
func (s *scattering) plainName(c columnRef) string {
	return rewrite.Quote(c.src.name) + "." + rewrite.Quote(c.name)
}

// isNumeric tells whether an expression is a number, exact or not.
func isNumeric(e ast.ExprNode) bool {
	switch x := e.(type) {
	case *ast.BinaryOperationExpr:
		return isArithmetic(x.Op)
	case *ast.UnaryOperationExpr:
		return x.Op == opcode.Minus
	case *ast.FuncCallExpr:
		return numericFunctions[x.FnName.L]
	}
	return false
}

// isExtreme tells whether an expression may hold a GREATEST or LEAST.
func isExtreme(e ast.ExprNode) bool {
	v := &callFinder{names: wordSet("greatest least")}
	e.Accept(v)
	return v.found
}

// callFinder looks for calls of some functions.
type callFinder struct {
	names map[string]bool
	found bool
}

func (v *callFinder) Enter(n ast.Node) (ast.Node, bool) {
	if f, ok := n.(*ast.FuncCallExpr); ok && v.names[f.FnName.L] {
		v.found = true
	}
	return n, v.found
}

func (v *callFinder) Leave(n ast.Node) (ast.Node, bool) { return n, true }

func isArithmetic(op opcode.Op) bool {
	switch op {
	case opcode.Plus, opcode.Minus, opcode.Mul, opcode.Div, opcode.Mod:
		return true
	}
	return false
}

// columnKey is the key for a plain column: its type says how values compare.
func (s *scattering) columnKey(col *Column, visible int, text string, desc bool) error {
	switch col.DataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year":
		s.add(visible, text, desc, SortNumber, "", "", "")
	case "double":
		s.add(visible, text, desc, SortFloat, "", "", "")
	case "float": // as text it loses digits
		s.add(-1, text, desc, SortFloat, "(", "+0e0)", "")
	case "date", "datetime":
		s.add(visible, text, desc, SortBytes, "", "", "")
	case "timestamp": // in a session's time zone an hour can come twice
		s.add(-1, text, desc, SortNumber, "UNIX_TIMESTAMP(", ")", "")
	case "time":
		s.add(visible, text, desc, SortTime, "", "", "")
	case "enum", "set", "bit": // compare by number
		s.add(-1, text, desc, SortNumber, "(", "+0)", "")
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		s.add(visible, text, desc, SortBytes, "", "", "")
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext":
		if col.Collation == "utf8mb4_0900_bin" {
			s.add(-1, text, desc, SortBytes, "CAST(", " AS BINARY)", "")
			return nil
		}
		s.add(-1, text, desc, SortText, "WEIGHT_STRING(", ")", col.Collation)
	default:
		return refuse("ORDER BY "+col.Name+" of type "+col.DataType+" over several shards", s.p.plan.Sharded, "order by another column")
	}
	return nil
}

// add appends a key, with a hidden column unless a visible one serves.
func (s *scattering) add(visible int, text string, desc bool, class SortClass, before, after, collation string) {
	k := SortKey{Column: visible, Class: class, Desc: desc, Collation: collation}
	if visible < 0 {
		k.Hidden = len(s.hidden)
		s.hidden = append(s.hidden, hiddenColumn{before: before + text + after})
	}
	s.out.Keys = append(s.out.Keys, k)
}
