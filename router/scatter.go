package router

// scatter.go: a SELECT over several shards. Each shard sorts and limits its own rows; what the proxy needs to merge
// them (sort keys that are not in the result, weights of strings) is added behind the client's columns and taken off
// again.

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

func lowerKey(t *Table) string { return strings.ToLower(t.Key) }

// scattering is the work on one scatter.
type scattering struct {
	p      *planning
	sel    *ast.SelectStmt
	block  *block
	fields []span // of the select list, without aliases
	hidden []hiddenColumn
	out    *Scatter
	from   int // offset of the main FROM
	wholes *wholes

	noColumn bool // ORDER BY names a position that is not there
}

type span struct{ start, end int }

// hiddenColumn is before + the text at copy + after.
type hiddenColumn struct {
	before, after string
	copy          span
}

func (p *planning) scatter(sel *ast.SelectStmt, l *layout) error {
	s := &scattering{p: p, sel: sel, block: p.scope.blocks[0], wholes: p.wholesOf(sel, l), out: &Scatter{limit: -1, offset: -1}}
	s.out.Whole = sel.GroupBy != nil || sel.Distinct || len(s.wholes.use.windows) > 0
	if err := s.findFields(); err != nil {
		return err
	}
	if sel.OrderBy != nil {
		if err := s.orderBy(); err != nil {
			return err
		}
	}
	b := rewrite.ExtendTemplate(p.st, &p.plan.template)
	if err := s.hide(b); err != nil {
		return err
	}
	if sel.Limit != nil {
		if err := s.limit(b); err != nil {
			return err
		}
	}
	t, err := b.Template()
	if err != nil {
		return unproven(err)
	}
	s.out.template = t
	if err := s.prove(&t); err != nil {
		return unproven(err)
	}
	p.plan.scatter = s.out
	p.markDrivers(l)
	return nil
}

// markDrivers says whose shards a scatter asks: those of the tables that are in every result row.
func (p *planning) markDrivers(l *layout) {
	for i, src := range l.sharded {
		p.plan.sources[i].driver = !src.outer && src.block == p.scope.blocks[0]
	}
}

// findFields finds the select list's items in the text.
func (s *scattering) findFields() error {
	tk := s.p.text.tokens
	i := 1
	for isSelectOption(tk.Word(i)) {
		i++
	}
	depth, start := 0, i
	for ; i <= len(tk.List); i++ {
		w := tk.Word(i)
		end := i == len(tk.List) || depth == 0 && w == "from" && !tk.Is(i-1, ".")
		if end || depth == 0 && w == "," {
			s.fields = append(s.fields, s.field(start, i))
			start = i + 1
		}
		if end {
			break
		}
		depth += depthChange(w)
	}
	if len(s.fields) != len(s.sel.Fields.Fields) || i >= len(tk.List) {
		return unproven(fmt.Errorf("the select list was not found"))
	}
	s.from = tk.List[i].Start
	return nil
}

func isSelectOption(w string) bool {
	switch w {
	case "all", "distinct", "distinctrow", "sql_calc_found_rows", "high_priority", "straight_join", "sql_small_result", "sql_big_result", "sql_buffer_result", "sql_no_cache", "sql_cache":
		return true
	}
	return false
}

func depthChange(w string) int {
	switch w {
	case "(":
		return 1
	case ")":
		return -1
	}
	return 0
}

// field is the text of one item, without its alias.
func (s *scattering) field(from, to int) span {
	tk := s.p.text.tokens
	n := len(s.fields)
	if n < len(s.sel.Fields.Fields) && s.sel.Fields.Fields[n].AsName.O != "" && to-from > 1 {
		to--
		if t := tk.List[to]; t.Kind == fingerprint.TokenString { // an alias in quotes looks like a literal
			s.pinLiterals(span{t.Start, t.End})
		}
		if tk.Is(to-1, "as") {
			to--
		}
	}
	if to <= from || from >= len(tk.List) {
		return span{}
	}
	return span{tk.List[from].Start, tk.List[to-1].End}
}

// hide puts the hidden columns at the end of the select list.
func (s *scattering) hide(b *rewrite.Builder) error {
	for i, h := range s.hidden {
		alias := fmt.Sprintf(" AS `serval_sort_%d`", i) // a name that no other can be confused with
		if h.copy == (span{}) {
			b.Insert(s.from, ", "+h.before+alias)
			continue
		}
		if b.Touches(h.copy.start, h.copy.end) {
			return refuse("ORDER BY of a column written as database.table.column, over several shards", s.p.plan.Sharded, "leave the database out")
		}
		b.Copy(s.from, ", "+h.before, h.copy.start, h.copy.end, h.after+alias)
	}
	if len(s.hidden) > 0 {
		b.Insert(s.from, " ")
	}
	s.out.Hidden = len(s.hidden)
	return nil
}

// limit replaces LIMIT's numbers by one that is set when the statement runs: offset + count.
func (s *scattering) limit(b *rewrite.Builder) error {
	tk := s.p.text.tokens
	depth, at := 0, -1
	for i := range tk.List {
		w := tk.Word(i)
		depth += depthChange(w)
		if depth == 0 && w == "limit" && !tk.Is(i-1, ".") {
			at = i
		}
	}
	first, ok := s.slotAt(at + 1)
	if at < 0 || !ok {
		return unproven(fmt.Errorf("LIMIT was not found"))
	}
	s.out.limit = first
	start, end := tk.List[at+1].Start, tk.List[at+1].End
	if s.sel.Limit.Offset != nil {
		second, ok := s.slotAt(at + 3)
		if !ok {
			return unproven(fmt.Errorf("OFFSET was not found"))
		}
		end = tk.List[at+3].End
		if s.out.offset = second; tk.Is(at+2, ",") {
			s.out.offset, s.out.limit = first, second
		}
	}
	b.Replace(start, end, rewrite.PieceLimit, 0, "")
	return nil
}

// slotAt is the slot that token i, a number, is.
func (s *scattering) slotAt(i int) (int, bool) {
	tk := s.p.text.tokens
	if i >= len(tk.List) || tk.List[i].Kind != fingerprint.TokenInteger && tk.List[i].Kind != fingerprint.TokenParameter {
		return 0, false
	}
	return s.p.cs.slotAt(tk.List[i].Start)
}

// prove parses the scattered text and compares it, hidden columns and limit aside, with the tree it came from.
func (s *scattering) prove(t *rewrite.Template) error {
	args := &rewrite.Arguments{Targets: s.p.someTargets(), Limit: 1}
	got, err := s.p.parser.parse(string(t.Render(nil, s.p.st, args)), s.p.st.Mode)
	if err != nil {
		return fmt.Errorf("the statement for the shards does not parse: %w", err)
	}
	sel, ok := got.(*ast.SelectStmt)
	if !ok || len(sel.Fields.Fields) != len(s.sel.Fields.Fields)+s.out.Hidden {
		return fmt.Errorf("the statement for the shards has other columns")
	}
	sel.Fields.Fields = sel.Fields.Fields[:len(s.sel.Fields.Fields)]
	limit := s.sel.Limit
	sel.Limit, s.sel.Limit = nil, nil
	defer func() { s.sel.Limit = limit }()
	have, err := restore(sel)
	if err != nil {
		return err
	}
	want, err := restore(s.sel)
	if err != nil {
		return err
	}
	if have != want {
		return fmt.Errorf("the statement for the shards is not the original with more columns")
	}
	return nil
}
