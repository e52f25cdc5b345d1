package merge

import (
	"fmt"

	"serval/proxy/wire"
)

// having.go: a filter of rows by comparisons of exact numbers, in SQL's logic of three values. Strings, dates and doubles
// are not compared here: only a server knows how.

// HavingOp is what a Having does with its parts.
type HavingOp uint8

// The operators. Those of Args take any number of parts, HavingNot one; the others compare Left with Right.
const (
	HavingAnd HavingOp = iota
	HavingOr
	HavingXor
	HavingNot
	HavingEqual
	HavingNotEqual
	HavingLess
	HavingLessEqual
	HavingGreater
	HavingGreaterEqual
	HavingNullSafeEqual // <=>
	HavingIsNull        // of Left
)

// Having is a condition on a row.
type Having struct {
	Op          HavingOp
	Args        []Having
	Left, Right Operand
}

// Operand is a column of the row, or a number.
type Operand struct {
	Column  int    // -1: Literal
	Literal string // digits with a sign and a point at most; "" is NULL
}

// truth is a condition's value.
type truth int8

const (
	isFalse truth = iota
	isTrue
	isUnknown
)

// HavingFilter is the rows of a stream of which a condition is true.
type HavingFilter struct {
	in        Stream
	condition Having
	layout    *Layout
	fields    []field
	scratch   []byte
}

// NewHaving filters rows of layout with columns of these definitions. It is an error when the condition compares what is
// not an exact number.
func NewHaving(in Stream, condition Having, defs [][]byte, layout *Layout) (*HavingFilter, error) {
	columns := make([]wire.Column, len(defs))
	for i, def := range defs {
		if err := wire.ParseColumn(def, &columns[i]); err != nil {
			return nil, err
		}
	}
	if err := condition.check(columns); err != nil {
		return nil, err
	}
	return &HavingFilter{in: in, condition: condition, layout: layout, fields: make([]field, len(defs))}, nil
}

// check says whether a condition can be evaluated on rows of these columns.
func (h *Having) check(columns []wire.Column) error {
	switch {
	case h.Op == HavingNot && len(h.Args) != 1 || h.Op > HavingIsNull:
		return fmt.Errorf("%w: HAVING operator %d of %d conditions", ErrUnmergeable, h.Op, len(h.Args))
	case h.Op <= HavingNot:
		for i := range h.Args {
			if err := h.Args[i].check(columns); err != nil {
				return err
			}
		}
		return nil
	case h.Op == HavingIsNull:
		return h.Left.check(columns, true)
	}
	if err := h.Left.check(columns, false); err != nil {
		return err
	}
	return h.Right.check(columns, false)
}

func (o *Operand) check(columns []wire.Column, anyType bool) error {
	var v value
	switch {
	case o.Column >= len(columns):
		return fmt.Errorf("%w: HAVING names column %d of %d", ErrUnmergeable, o.Column, len(columns))
	case o.Column >= 0 && !anyType && !isExact(columns[o.Column].Type):
		return fmt.Errorf("%w: HAVING compares column %d, type %d", ErrUnmergeable, o.Column, columns[o.Column].Type)
	case o.Column < 0 && o.Literal != "" && !v.loadDecimal([]byte(o.Literal)):
		return fmt.Errorf("%w: HAVING compares with what is no exact number", ErrUnmergeable)
	}
	return nil
}

// Next returns the next row of which the condition is true, valid until the next call; the stream's errors as they are.
func (f *HavingFilter) Next() ([]byte, error) {
	for {
		row, err := f.in.Next()
		if err != nil {
			return nil, err
		}
		if err := f.layout.fields(row, f.fields); err != nil {
			return nil, err
		}
		f.scratch = f.scratch[:0]
		switch t, err := f.evaluate(&f.condition); {
		case err != nil:
			return nil, err
		case t == isTrue:
			return row, nil
		}
	}
}

func (f *HavingFilter) evaluate(h *Having) (truth, error) {
	switch h.Op {
	case HavingAnd, HavingOr, HavingXor:
		return f.connect(h)
	case HavingNot:
		t, err := f.evaluate(&h.Args[0])
		if t != isUnknown {
			t = isTrue - t
		}
		return t, err
	case HavingIsNull:
		return truthOf(h.Left.Column < 0 && h.Left.Literal == "" || h.Left.Column >= 0 && f.fields[h.Left.Column].null), nil
	}
	var a, b value
	if err := f.load(&h.Left, &a); err != nil {
		return isUnknown, err
	}
	if err := f.load(&h.Right, &b); err != nil {
		return isUnknown, err
	}
	return h.Op.compare(&a, &b), nil
}

// connect evaluates AND, OR and XOR.
func (f *HavingFilter) connect(h *Having) (truth, error) {
	result := truthOf(h.Op == HavingAnd)
	for i := range h.Args {
		t, err := f.evaluate(&h.Args[i])
		switch {
		case err != nil:
			return isUnknown, err
		case h.Op == HavingAnd && t == isFalse || h.Op == HavingOr && t == isTrue:
			return t, nil
		case t == isUnknown || result == isUnknown:
			result = isUnknown
		case h.Op == HavingXor:
			result = truthOf(result != t)
		}
	}
	return result, nil
}

// compare is a comparison of two numbers.
func (op HavingOp) compare(a, b *value) truth {
	if op == HavingNullSafeEqual && (a.null || b.null) {
		return truthOf(a.null && b.null)
	}
	if a.null || b.null {
		return isUnknown
	}
	c := compareDecimal(a, b)
	switch op {
	case HavingNotEqual:
		return truthOf(c != 0)
	case HavingLess:
		return truthOf(c < 0)
	case HavingLessEqual:
		return truthOf(c <= 0)
	case HavingGreater:
		return truthOf(c > 0)
	case HavingGreaterEqual:
		return truthOf(c >= 0)
	}
	return truthOf(c == 0)
}

func (f *HavingFilter) load(o *Operand, v *value) error {
	if o.Column < 0 {
		if v.null = o.Literal == ""; !v.null {
			v.loadDecimal([]byte(o.Literal))
		}
		return nil
	}
	at := &f.fields[o.Column]
	if v.null = at.null; v.null {
		return nil
	}
	text, grown, err := f.layout.text(f.scratch, o.Column, at.value)
	f.scratch = grown
	if err != nil {
		return err
	}
	if !v.loadDecimal(text) {
		return fmt.Errorf("%w: column %d, %d bytes", errKeyText, o.Column, len(text))
	}
	return nil
}

func truthOf(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}
