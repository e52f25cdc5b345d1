package merge

import (
	"errors"
	"slices"
	"testing"
)

func number(text string) Operand { return Operand{Column: -1, Literal: text} }
func column(n int) Operand       { return Operand{Column: n} }

func compared(op HavingOp, a, b Operand) Having { return Having{Op: op, Left: a, Right: b} }

func all(op HavingOp, args ...Having) Having { return Having{Op: op, Args: args} }

func TestHaving(t *testing.T) {
	defs := columns(bigint, decimal(2), varchar)
	rows := [][]string{{"1", "1.00", "a"}, {"2", "-0.50", "b"}, {"3", null, "c"}, {null, "10.00", null}, {"9223372036854775807", "9223372036854775807.01", "e"}}
	yes, no, unknown := compared(HavingEqual, number("1"), number("1.0")), compared(HavingEqual, number("1"), number("2")), compared(HavingEqual, number("1"), number(""))
	for name, c := range map[string]struct {
		condition Having
		want      []string
	}{
		"equal":             {compared(HavingEqual, column(0), column(1)), []string{"1"}},
		"not equal":         {compared(HavingNotEqual, column(0), number("1.000")), []string{"2", "3", "9223372036854775807"}},
		"less":              {compared(HavingLess, column(0), column(1)), []string{"9223372036854775807"}},
		"less or equal":     {compared(HavingLessEqual, column(1), number("-0.5")), []string{"2"}},
		"greater":           {compared(HavingGreater, column(0), number("+2.5")), []string{"3", "9223372036854775807"}},
		"greater or equal":  {compared(HavingGreaterEqual, column(1), number("10")), []string{null, "9223372036854775807"}},
		"NULL safe":         {compared(HavingNullSafeEqual, column(0), number("")), []string{null}},
		"NULL safe numbers": {compared(HavingNullSafeEqual, column(0), number("2")), []string{"2"}},
		"is NULL":           {Having{Op: HavingIsNull, Left: column(2)}, []string{null}},
		"not":               {all(HavingNot, compared(HavingGreater, column(0), number("1"))), []string{"1"}},
		"not NULL":          {all(HavingNot, unknown), nil},
		"and":               {all(HavingAnd, yes, compared(HavingEqual, column(0), number("3")), yes), []string{"3"}},
		"and of unknown":    {all(HavingNot, all(HavingAnd, unknown, no)), []string{"1", "2", "3", null, "9223372036854775807"}},
		"or of unknown":     {all(HavingOr, unknown, yes), []string{"1", "2", "3", null, "9223372036854775807"}},
		"or of unknown, no": {all(HavingOr, unknown, no), nil},
		"xor":               {all(HavingXor, yes, no), []string{"1", "2", "3", null, "9223372036854775807"}},
		"xor of two":        {all(HavingXor, yes, yes), nil},
		"xor of unknown":    {all(HavingXor, unknown, yes), nil},
	} {
		t.Run(name, func(t *testing.T) {
			binary, err := NewBinaryLayout(defs)
			if err != nil {
				t.Fatal(err)
			}
			for _, layout := range []*Layout{nil, binary} {
				in := &list{}
				for _, texts := range rows {
					in.rows = append(in.rows, layoutRow(t, layout, texts))
				}
				f, err := NewHaving(in, c.condition, defs, layout)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, r := range rowTexts(t, layout, drain(t, f), 1) {
					got = append(got, r[0])
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("got %q, want %q", got, c.want)
				}
			}
		})
	}
}

// TestHavingRefusals has conditions that only a server can evaluate.
func TestHavingRefusals(t *testing.T) {
	defs := columns(bigint, double, varchar)
	for i, condition := range []Having{
		compared(HavingEqual, column(1), number("1")),
		compared(HavingEqual, number("1"), column(2)),
		compared(HavingEqual, column(0), number("1e3")),
		compared(HavingEqual, column(0), number("a")),
		compared(HavingEqual, column(3), number("1")),
		all(HavingAnd, compared(HavingEqual, column(1), number("1"))),
		all(HavingNot),
		{Op: HavingIsNull, Left: column(7)},
		{Op: HavingIsNull + 1},
	} {
		if _, err := NewHaving(&list{}, condition, defs, nil); !errors.Is(err, ErrUnmergeable) {
			t.Errorf("condition %d: %v", i, err)
		}
	}
	f, err := NewHaving(&list{rows: [][]byte{row("x", "1", "a")}}, compared(HavingEqual, column(0), number("1")), defs, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Next(); !errors.Is(err, errKeyText) {
		t.Errorf("text in a number's column: %v", err)
	}
	f, err = NewHaving(&list{rows: [][]byte{row("1")}}, compared(HavingEqual, column(0), number("1")), defs, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Next(); !errors.Is(err, ErrMalformedRow) {
		t.Errorf("a short row: %v", err)
	}
}
