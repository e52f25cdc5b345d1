package loaddata

import (
	"fmt"
	"testing"
)

func TestBatchRows(t *testing.T) {
	var b Batch
	b.Add(7, []byte("a"), []byte("\n"))
	b.Add(9, []byte("b\n"))
	b.Add(1000, []byte("c\n"))
	if string(b.Data) != "a\nb\nc\n" || b.Len() != 3 || b.First() != 7 {
		t.Errorf("%+v", b)
	}
	for in, want := range map[string]string{
		"Data truncated for column 'a' at row 2":                                    "Data truncated for column 'a' at row 9",
		"Row 3 was truncated; it contained more data than there were input columns": "Row 1000 was truncated; it contained more data than there were input columns",
		"Row 1 doesn't contain data for all columns":                                "Row 7 doesn't contain data for all columns",
		"Duplicate entry ' at row x' for key 'PRIMARY'":                             "Duplicate entry ' at row x' for key 'PRIMARY'",
		"at row 9 of nothing at row 9":                                              "at row 9 of nothing at row 1000",
		"Row":                                                                       "Row",
	} {
		if got, _ := b.Renumber(in); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
	b.Reset(2)
	b.Add(3, []byte("x"))
	if b.Place != 2 || string(b.Data) != "x" || b.Row(1) != 3 {
		t.Errorf("%+v", b)
	}
}

func TestCounts(t *testing.T) {
	c := ParseCounts([]byte("Records: 5  Deleted: 1  Skipped: 2  Warnings: 70000"))
	c.Add(Counts{1, 1, 1, 1})
	if got := string(c.Info()); got != "Records: 6  Deleted: 2  Skipped: 3  Warnings: 70001" {
		t.Error(got)
	}
}

func TestWarningsInOrder(t *testing.T) {
	var odd, even Batch
	for i := range uint64(6) {
		(map[bool]*Batch{true: &odd, false: &even})[i%2 == 0].Add(i+1, nil)
	}
	w := Warnings{Limit: 4}
	w.Add(&even, []Warning{{Message: "x at row 1"}, {Message: "duplicate"}, {Message: "x at row 3"}})
	w.Add(&odd, []Warning{{Message: "x at row 2"}, {Message: "x at row 3"}})
	if got, want := fmt.Sprint(w.List), "[{  x at row 2 2} {  duplicate 2} {  x at row 3 3} {  x at row 5 5}]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if w.Full(5) || !w.Full(6) {
		t.Error("full")
	}
}
