package router

// pushdown.go: conditions on the rows of one table that may be tested where the rows are, before they are gathered. Only
// those are taken that mean the same in any session and warn of nothing: comparisons of a column with literals of its own
// kind. A statement's literals decide whether a test is really made.

import (
	"bytes"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

type testOp uint8

const (
	testAnd testOp = iota
	testOr
	testCompare // column word lit
	testIn      // column word (the slot's literals)
	testBetween // column word lit AND hi
	testNull    // column word
)

// rowTest is a condition on a row of one table.
type rowTest struct {
	op      testOp
	column  *Column
	word    string
	lit, hi operand
	kids    []rowTest
}

// tests finds the conditions that every row of src that matters meets: those of its own filter. What filters around it say
// holds behind outer joins that make up rows in the place of src's.
func (cs *conditions) tests(src *source) []rowTest {
	var tests []rowTest
	for _, cj := range src.filter.conjuncts {
		splitAnd(cj.expr, func(e ast.ExprNode) {
			if t, ok := cs.test(src, e, cj.block); ok {
				tests = append(tests, t)
			}
		})
	}
	return tests
}

func (cs *conditions) test(src *source, e ast.ExprNode, b *block) (rowTest, bool) {
	switch x := e.(type) {
	case *ast.ParenthesesExpr:
		return cs.test(src, x.Expr, b)
	case *ast.BinaryOperationExpr:
		return cs.binaryTest(src, x, b)
	case *ast.PatternInExpr:
		return cs.inTest(src, x, b)
	case *ast.BetweenExpr:
		column := testable(src, x.Expr, b)
		lo, ok1 := cs.operand(x.Left)
		hi, ok2 := cs.operand(x.Right)
		return rowTest{op: testBetween, column: column, word: not(x.Not, "BETWEEN"), lit: lo, hi: hi}, column != nil && ok1 && ok2
	case *ast.IsNullExpr:
		column := testable(src, x.Expr, b)
		word := "IS NULL"
		if x.Not {
			word = "IS NOT NULL"
		}
		return rowTest{op: testNull, column: column, word: word}, column != nil && !column.AutoIncrement // see sql_auto_is_null
	}
	return rowTest{}, false
}

func not(not bool, word string) string {
	if not {
		return "NOT " + word
	}
	return word
}

func (cs *conditions) binaryTest(src *source, x *ast.BinaryOperationExpr, b *block) (rowTest, bool) {
	if x.Op == opcode.LogicAnd || x.Op == opcode.LogicOr {
		l, lok := cs.test(src, x.L, b)
		r, rok := cs.test(src, x.R, b)
		op := testAnd
		if x.Op == opcode.LogicOr {
			op = testOr
		}
		return rowTest{op: op, kids: []rowTest{l, r}}, lok && rok
	}
	op, column, value := x.Op, testable(src, x.L, b), x.R
	if column == nil {
		op, column, value = mirrored(op), testable(src, x.R, b), x.L
	}
	word, ok := comparisons[op]
	if !ok || column == nil {
		return rowTest{}, false
	}
	lit, ok := cs.operand(value)
	return rowTest{op: testCompare, column: column, word: word, lit: lit}, ok
}

var comparisons = map[opcode.Op]string{opcode.EQ: "=", opcode.NE: "<>", opcode.LT: "<", opcode.LE: "<=", opcode.GT: ">", opcode.GE: ">="}

func (cs *conditions) inTest(src *source, x *ast.PatternInExpr, b *block) (rowTest, bool) {
	column := testable(src, x.Expr, b)
	if column == nil || x.Sel != nil {
		return rowTest{}, false
	}
	slot, ok := cs.slotAt(positionOf(x.List[0]))
	if !ok || cs.st.Slots[slot].Kind != fingerprint.SlotList {
		return rowTest{}, false
	}
	return rowTest{op: testIn, column: column, word: not(x.Not, "IN"), lit: operand{slot: slot}}, true
}

// testable is the column of src that an expression is, nil when it is none, or one of a type that is not compared here.
func testable(src *source, e ast.ExprNode, b *block) *Column {
	ref, ok := columnOf(e, b)
	if !ok || ref.src != src || src.table == nil {
		return nil
	}
	column := src.table.Column(ref.name)
	if column == nil || classOf(column) == testNothing {
		return nil
	}
	return column
}

type testClass uint8

const (
	testNothing testClass = iota
	testNumber
	testText
	testTime
)

// classOf says with what kind of literal a column is compared as itself. TIMESTAMP is read in another time zone, and the
// others (ENUM, BIT, JSON …) compare in ways of their own.
func classOf(c *Column) testClass {
	switch c.DataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double":
		return testNumber
	case "char", "varchar", "tinytext", "text", "mediumtext", "longtext":
		return testText
	case "date", "datetime":
		return testTime
	}
	return testNothing
}

// where writes the tests that the statement's literals allow, joined by AND.
func (ev *evaluator) where(tests []rowTest) string {
	var sql []byte
	for i := range tests {
		at := len(sql)
		if at > 0 {
			sql = append(sql, " AND "...)
		}
		var ok bool
		if sql, ok = ev.test(sql, &tests[i]); !ok {
			sql = sql[:at]
		}
	}
	return string(sql)
}

func (ev *evaluator) test(dst []byte, t *rowTest) ([]byte, bool) {
	if t.op == testAnd || t.op == testOr {
		word := " AND "
		if t.op == testOr {
			word = " OR "
		}
		dst = append(dst, '(')
		dst, ok := ev.test(dst, &t.kids[0])
		if !ok {
			return dst, false
		}
		dst, ok = ev.test(append(dst, word...), &t.kids[1])
		return append(dst, ')'), ok
	}
	ev.key = t.column
	dst = append(append(append(dst, rewrite.Quote(t.column.Name)...), ' '), t.word...)
	ok := true
	switch t.op {
	case testCompare:
		dst, ok = ev.literal(append(dst, ' '), ev.operand(t.lit))
	case testBetween:
		if dst, ok = ev.literal(append(dst, ' '), ev.operand(t.lit)); ok {
			dst, ok = ev.literal(append(dst, " AND "...), ev.operand(t.hi))
		}
	case testIn:
		dst = append(dst, " ("...)
		s := ev.st.Slots[t.lit.slot]
		for i, l := range ev.st.Literals[s.First : s.First+s.Count] {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, ok = ev.literal(dst, ev.value(l, false)); !ok {
				return dst, false
			}
		}
		dst = append(dst, ')')
	}
	return dst, ok
}

// literal writes a value of the same kind as the column; false when it is another.
func (ev *evaluator) literal(dst []byte, v Value) ([]byte, bool) {
	switch classOf(ev.key) {
	case testNumber:
		if v.Kind == ValueInteger || v.Kind == ValueDecimal || v.Kind == ValueFloat {
			return append(dst, v.Text...), true
		}
	case testText:
		// Characters that another character set may lack are compared in the collation of the connection, or not at all.
		known := isASCII(v.Text) || strings.HasPrefix(ev.key.Collation, "utf8mb4_") && !hasKept(v.Text)
		if v.Kind == ValueString && known && bytes.IndexByte(v.Text, 0) < 0 {
			return rewrite.AppendString(dst, string(v.Text), 0), true
		}
	case testTime:
		if v.Kind == ValueString && isTimeText(string(v.Text)) {
			return append(append(append(dst, '\''), v.Text...), '\''), true
		}
	}
	return dst, false
}

// isTimeText tells whether a text is a date, or a date and a time, in the plainest form.
func isTimeText(s string) bool {
	layout := "2006-01-02"
	if len(s) > len(layout) {
		layout = "2006-01-02 15:04:05"
		if whole, fraction, ok := strings.Cut(s, "."); ok {
			if len(fraction) == 0 || len(fraction) > 6 {
				return false
			}
			s = whole + strings.TrimRight(fraction, "0123456789")
		}
	}
	t, err := time.Parse(layout, s)
	return err == nil && t.Year() >= 1000
}
