package rewrite

import (
	"fmt"
	"strings"
	"testing"

	"serval/rewrite/fingerprint"
)

func TestParameters(t *testing.T) {
	st := &fingerprint.Statement{}
	st.Scan([]byte("INSERT INTO t VALUES (?,'a'),(2,?),(?,?) ON DUPLICATE KEY UPDATE a = ?"), fingerprint.Prepared)
	if st.Parameters != 5 {
		t.Fatalf("%d parameters, want 5", st.Parameters)
	}
	b := NewBuilder(st)
	n := len(st.Rows)
	b.Replace(12, 13, PieceTable, 0, "")
	whole, err := b.Template()
	if err != nil || !whole.KeepsParameters() {
		t.Fatalf("a table's name moves parameters: %v", err)
	}
	b.Replace(int(st.Rows[0].Start), int(st.Rows[n-1].End), PieceRows, 0, "")
	split, err := b.Template()
	if err != nil || split.KeepsParameters() {
		t.Fatalf("rows that are chosen from keep parameters: %v", err)
	}
	got := split.Parameters(nil, st, &Arguments{Rows: []int32{0, 2}})
	if fmt.Sprint(got) != "[0 2 3 4]" {
		t.Errorf("parameters %v of rows 0 and 2, want [0 2 3 4]", got)
	}
	st.Scan([]byte("SELECT ?, a + ? FROM t ORDER BY a + ? LIMIT ?"), fingerprint.Prepared)
	b = NewBuilder(st)
	order := st.Slots[2]
	b.Copy(strings.Index("SELECT ?, a + ? FROM t", " FROM"), ", ", int(order.Start)-4, int(order.End), "")
	limit := st.Slots[3]
	b.Replace(int(limit.Start), int(limit.End), PieceLimit, 0, "")
	hidden, err := b.Template()
	if err != nil {
		t.Fatal(err)
	}
	if got := hidden.Parameters(nil, st, &Arguments{}); fmt.Sprint(got) != "[0 1 2 2]" {
		t.Errorf("parameters %v, want [0 1 2 2]: the sort key twice, the limit not at all", got)
	}
}
