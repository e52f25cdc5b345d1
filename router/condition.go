package router

// condition.go: which shard keys the rows that matter can have, as far as a statement's shape tells. A Cond is made
// once per plan and evaluated with each statement's literals. It may always say "all", never less than the truth.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"serval/rewrite/fingerprint"
)

type condOp uint8

const (
	condAll condOp = iota
	condAnd
	condOr
	condEqual      // key = Slot's literal
	condIn         // key IN (Slot's literals)
	condNullSafe   // key <=> Slot's literal
	condNone       // key = NULL
	condLess       // key < literal; with inclusive <=
	condGreater    // key > literal; with inclusive >=
	condInterval   // key BETWEEN literal AND literal2
	condUnionEmpty // no operand yet
)

// Cond is a condition on a table's shard key.
type Cond struct {
	op        condOp
	inclusive bool
	lit, hi   operand
	kids      []Cond
}

// operand is a literal of the shape: the slot's first literal (or, for condIn, all of the slot's).
type operand struct {
	slot   int
	negate bool
}

// decides tells whether the condition can leave shards out at all.
func (c *Cond) decides() bool {
	switch c.op {
	case condAll:
		return false
	case condAnd:
		for i := range c.kids {
			if c.kids[i].decides() {
				return true
			}
		}
		return false
	}
	return true
}

// conditions builds Conds for the sources of a statement.
type conditions struct {
	st *fingerprint.Statement
}

// of is the condition on src's shard key.
func (cs *conditions) of(src *source) Cond {
	key := columnRef{src, strings.ToLower(src.table.Key)}
	if src.table.KeyColumn() == nil {
		return Cond{op: condAll}
	}
	same := sameAs(key)
	and := Cond{op: condAnd}
	for f := src.filter; f != nil; f = f.parent {
		for _, cj := range f.conjuncts {
			splitAnd(cj.expr, func(e ast.ExprNode) {
				if c := cs.build(e, cj.block, same); c.op != condAll {
					and.kids = append(and.kids, c)
				}
			})
		}
	}
	switch len(and.kids) {
	case 0:
		return Cond{op: condAll}
	case 1:
		return and.kids[0]
	}
	return and
}

// sameAs collects the columns that are equal to key wherever the rows of key's source matter.
func sameAs(key columnRef) map[columnRef]bool {
	same := map[columnRef]bool{key: true}
	pairs := equalities(key.src.filter)
	for grown := true; grown; {
		grown = false
		for _, p := range pairs {
			if same[p[0]] != same[p[1]] && interchangeable(p[0], p[1]) {
				same[p[0]], same[p[1]] = true, true
				grown = true
			}
		}
	}
	return same
}

// equalities are the column pairs that the filter and its parents force to be equal.
func equalities(f *filter) [][2]columnRef {
	var pairs [][2]columnRef
	for ; f != nil; f = f.parent {
		pairs = append(pairs, f.equal...)
		for _, cj := range f.conjuncts {
			splitAnd(cj.expr, func(e ast.ExprNode) {
				op, ok := e.(*ast.BinaryOperationExpr)
				if !ok || op.Op != opcode.EQ && op.Op != opcode.NullEQ { // no shard key is NULL
					return
				}
				l, lok := columnOf(op.L, cj.block)
				r, rok := columnOf(op.R, cj.block)
				if op.Op == opcode.NullEQ && (!nullSafe(l) || !nullSafe(r)) {
					return
				}
				if lok && rok {
					pairs = append(pairs, [2]columnRef{l, r})
				}
			})
		}
	}
	return pairs
}

func columnOf(e ast.ExprNode, b *block) (columnRef, bool) {
	for {
		p, ok := e.(*ast.ParenthesesExpr)
		if !ok {
			break
		}
		e = p.Expr
	}
	c, ok := e.(*ast.ColumnNameExpr)
	if !ok {
		return columnRef{}, false
	}
	return b.resolve(c.Name)
}

// nullSafe tells whether <=> says of a column what = does: the keys of a row that an outer join made up are NULL, and so
// may be the columns of a derived table.
func nullSafe(c columnRef) bool { return c.src != nil && !c.src.outer && c.src.table != nil }

// interchangeable tells whether a value equal to one column is equal to the other: same family, same collation.
func interchangeable(a, b columnRef) bool {
	x, y := a.column(), b.column()
	if x == nil || y == nil {
		return false
	}
	if isIntegerType(x.DataType) && isIntegerType(y.DataType) {
		return true
	}
	if x.Collation != "" || y.Collation != "" {
		return x.Collation == y.Collation
	}
	return x.DataType == y.DataType
}

func isIntegerType(t string) bool {
	switch t {
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		return true
	}
	return false
}

// build turns a boolean expression into a condition on the columns in same.
func (cs *conditions) build(e ast.ExprNode, b *block, same map[columnRef]bool) Cond {
	switch x := e.(type) {
	case *ast.ParenthesesExpr:
		return cs.build(x.Expr, b, same)
	case *ast.BinaryOperationExpr:
		return cs.binary(x, b, same)
	case *ast.PatternInExpr:
		return cs.in(x, b, same)
	case *ast.BetweenExpr:
		lo, ok1 := cs.operand(x.Left)
		hi, ok2 := cs.operand(x.Right)
		if !x.Not && cs.isKey(x.Expr, b, same) && ok1 && ok2 {
			return Cond{op: condInterval, lit: lo, hi: hi}
		}
	}
	return Cond{op: condAll}
}

func (cs *conditions) isKey(e ast.ExprNode, b *block, same map[columnRef]bool) bool {
	c, ok := columnOf(e, b)
	return ok && same[c]
}

func (cs *conditions) binary(x *ast.BinaryOperationExpr, b *block, same map[columnRef]bool) Cond {
	switch x.Op {
	case opcode.LogicAnd:
		return Cond{op: condAnd, kids: []Cond{cs.build(x.L, b, same), cs.build(x.R, b, same)}}
	case opcode.LogicOr:
		l, r := cs.build(x.L, b, same), cs.build(x.R, b, same)
		if !l.decides() || !r.decides() {
			return Cond{op: condAll}
		}
		return Cond{op: condOr, kids: []Cond{l, r}}
	}
	if l, _ := columnOf(x.L, b); x.Op == opcode.NullEQ && l.src != nil && l.src.table == nil {
		return Cond{op: condAll}
	}
	if r, _ := columnOf(x.R, b); x.Op == opcode.NullEQ && r.src != nil && r.src.table == nil {
		return Cond{op: condAll}
	}
	if row := rowOf(x.L); row != nil && x.Op == opcode.EQ {
		return cs.rows(row, []ast.ExprNode{x.R}, b, same)
	}
	op, value := x.Op, x.R
	switch {
	case cs.isKey(x.L, b, same):
	case cs.isKey(x.R, b, same):
		op, value = mirrored(op), x.L
	default:
		return Cond{op: condAll}
	}
	return cs.comparison(op, value)
}

func mirrored(op opcode.Op) opcode.Op {
	switch op {
	case opcode.LT:
		return opcode.GT
	case opcode.LE:
		return opcode.GE
	case opcode.GT:
		return opcode.LT
	case opcode.GE:
		return opcode.LE
	}
	return op
}

func (cs *conditions) comparison(op opcode.Op, value ast.ExprNode) Cond {
	if isNull(value) && op != opcode.NullEQ {
		switch op {
		case opcode.EQ, opcode.LT, opcode.LE, opcode.GT, opcode.GE:
			return Cond{op: condNone}
		}
	}
	lit, ok := cs.operand(value)
	if !ok {
		return Cond{op: condAll}
	}
	switch op {
	case opcode.EQ:
		return Cond{op: condEqual, lit: lit}
	case opcode.NullEQ:
		return Cond{op: condNullSafe, lit: lit}
	case opcode.LT, opcode.LE:
		return Cond{op: condLess, lit: lit, inclusive: op == opcode.LE}
	case opcode.GT, opcode.GE:
		return Cond{op: condGreater, lit: lit, inclusive: op == opcode.GE}
	}
	return Cond{op: condAll}
}

func isNull(e ast.ExprNode) bool {
	v, ok := e.(ast.ValueExpr)
	return ok && !isParameter(e) && v.GetValue() == nil
}

func (cs *conditions) in(x *ast.PatternInExpr, b *block, same map[columnRef]bool) Cond {
	if x.Not || x.Sel != nil {
		return Cond{op: condAll}
	}
	if row := rowOf(x.Expr); row != nil {
		return cs.rows(row, x.List, b, same)
	}
	if !cs.isKey(x.Expr, b, same) {
		return Cond{op: condAll}
	}
	if slot, ok := cs.slotAt(positionOf(x.List[0])); ok && cs.st.Slots[slot].Kind == fingerprint.SlotList {
		return Cond{op: condIn, lit: operand{slot: slot}}
	}
	or := Cond{op: condOr}
	for _, e := range x.List {
		c := cs.comparison(opcode.EQ, e)
		if c.op == condAll {
			return c
		}
		or.kids = append(or.kids, c)
	}
	return or
}

// rows is (a, key, b) IN ((1, 2, 3), …) and (a, key, b) = (1, 2, 3): a row that meets it has one of the keys in their place.
func (cs *conditions) rows(row *ast.RowExpr, list []ast.ExprNode, b *block, same map[columnRef]bool) Cond {
	for i, e := range row.Values {
		if !cs.isKey(e, b, same) {
			continue
		}
		or := Cond{op: condOr}
		for _, value := range list {
			of := rowOf(value)
			if of == nil || len(of.Values) != len(row.Values) {
				return Cond{op: condAll}
			}
			c := cs.comparison(opcode.EQ, of.Values[i])
			if c.op == condAll {
				return c
			}
			or.kids = append(or.kids, c)
		}
		return or
	}
	return Cond{op: condAll}
}

// rowOf is the row that an expression is, nil when it is none.
func rowOf(e ast.ExprNode) *ast.RowExpr {
	for {
		p, ok := e.(*ast.ParenthesesExpr)
		if !ok {
			break
		}
		e = p.Expr
	}
	row, _ := e.(*ast.RowExpr)
	return row
}

// operand finds the literal that an expression is, if it is one.
func (cs *conditions) operand(e ast.ExprNode) (operand, bool) {
	switch x := e.(type) {
	case *ast.ParenthesesExpr:
		return cs.operand(x.Expr)
	case *ast.UnaryOperationExpr:
		if x.Op != opcode.Minus {
			return operand{}, false
		}
		o, ok := cs.operand(x.V)
		o.negate = !o.negate
		return o, ok
	case ast.ValueExpr:
		slot, ok := cs.slotAt(positionOf(x))
		if !ok || cs.st.Slots[slot].Kind != fingerprint.SlotLiteral || !cs.agrees(x, slot) {
			return operand{}, false
		}
		return operand{slot: slot}, true
	}
	return operand{}, false
}

// slotAt finds the slot that starts at an offset of the text.
func (cs *conditions) slotAt(at int) (int, bool) {
	for i, s := range cs.st.Slots {
		if int(s.Start) == at {
			return i, true
		}
	}
	return 0, false
}

// agrees tells whether the parser read the same value at this place as the scanner did; where not, the literal is
// not used for routing.
func (cs *conditions) agrees(v ast.ValueExpr, slot int) bool {
	l := cs.st.Literals[cs.st.Slots[slot].First]
	if isParameter(v) || l.Kind == fingerprint.Parameter {
		return isParameter(v) && l.Kind == fingerprint.Parameter
	}
	if l.Kind == fingerprint.String {
		s, ok := v.GetValue().(string)
		text, _ := cs.st.Decode(l, nil)
		return ok && s == string(text)
	}
	return l.Kind != fingerprint.Opaque && v.GetValue() != nil
}
