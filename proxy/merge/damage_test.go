package merge

import (
	"io"
	"math/rand"
	"testing"
)

// damage_test.go: rows that are none end in an error, never in a panic or without an end.

// damagedColumns are of the types that Grouped reads, and aggregates of all kinds on them.
func damagedColumns() (defs [][]byte, keys []Key, aggregates []Aggregate) {
	defs = columns(varchar, bigint, decimal(2), decimal(6), double, unsigned, varchar)
	keys = []Key{{Kind: Padded, SpaceWeight: []byte(" "), MaxLength: 2}}
	aggregates = []Aggregate{plain(AggFirst), plain(AggCount), plain(AggSum), average(2, 1), plain(AggSum), plain(AggBitXor), extreme(AggMin, 6, Bytes)}
	return defs, keys, aggregates
}

// readDamaged reads all that can be read of two streams put together, sorted and filtered.
func readDamaged(t *testing.T, binary bool, a, b [][]byte) {
	t.Helper()
	defs, keys, aggregates := damagedColumns()
	var layout *Layout
	if binary {
		l, err := NewBinaryLayout(defs)
		if err != nil {
			t.Fatal(err)
		}
		layout = l
	}
	g, err := NewGrouped([]Stream{&list{rows: a}, &list{rows: b}}, keys, aggregates, defs, layout)
	if err != nil {
		t.Fatal(err)
	}
	h, err := NewHaving(g, compared(HavingGreater, column(1), number("0")), defs, layout)
	if err != nil {
		t.Fatal(err)
	}
	s := NewExternalSort(h, []Key{{Column: 2, Kind: Decimal}, {Column: 4, Kind: Float}}, layout, 1<<10)
	defer s.Close()
	for range len(a) + len(b) + 1 {
		if _, err := s.Next(); err != nil {
			return
		}
	}
	if _, err := s.Next(); err != io.EOF {
		t.Fatal("more rows than were given")
	}
}

func damagedSeeds(t *testing.T, binary bool) [][]byte {
	defs, _, _ := damagedColumns()
	var layout *Layout
	if binary {
		layout, _ = NewBinaryLayout(defs)
	}
	var rows [][]byte
	for _, texts := range [][]string{
		{"a", "3", "1.50", "0.500000", "1.5", "7", "x"}, {"a", "1", null, null, null, "0", null}, {"abc", "2", "-3.00", "1.500000", "1e300", "18446744073709551615", "y"},
	} {
		rows = append(rows, layoutRow(t, layout, texts))
	}
	return rows
}

// TestDamagedRows changes, cuts and lengthens good rows at random places.
func TestDamagedRows(t *testing.T) {
	for seed := range int64(3000) {
		r := rand.New(rand.NewSource(seed))
		binary := seed%2 == 1
		var streams [2][][]byte
		for i := range streams {
			for _, p := range damagedSeeds(t, binary) {
				switch r.Intn(5) {
				case 0:
					p = p[:r.Intn(len(p)+1)]
				case 1:
					p = append(p, byte(r.Intn(256)))
				case 2:
					p[r.Intn(len(p))] = byte(r.Intn(256))
				}
				streams[i] = append(streams[i], p)
			}
		}
		readDamaged(t, binary, streams[0], streams[1])
	}
}

// FuzzRows looks for rows that panic.
func FuzzRows(f *testing.F) {
	for _, binary := range []bool{false, true} {
		rows := damagedSeeds(&testing.T{}, binary)
		f.Add(binary, rows[0], rows[1])
		f.Add(binary, rows[0], rows[2])
	}
	f.Fuzz(func(t *testing.T, binary bool, a, b []byte) { readDamaged(t, binary, [][]byte{a}, [][]byte{b}) })
}
