package router

import (
	"bytes"
	"testing"
)

func keyPtr(k Key) *Key { return &k }

// cuts makes ranges from bounds; nil bounds are open.
func cuts(bounds ...*Key) []KeyRange {
	var out []KeyRange
	for i := 1; i < len(bounds); i++ {
		out = append(out, KeyRange{bounds[i-1], bounds[i]})
	}
	return out
}

func shardsIn(a Algorithm, lo, hi *Bound) []int {
	var set ShardSet
	a.Range(lo, hi, &set)
	return members(&set)
}

func sameInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestRangeOfIntegers(t *testing.T) {
	a := made(t)(NewRange(cuts(nil, keyPtr(intKey(-10)), keyPtr(intKey(0)), keyPtr(intKey(100)), nil)))
	checkGolden(t, a, []golden{
		{intKey(-1 << 63), 0}, {intKey(-11), 0}, {intKey(-10), 1}, {intKey(-1), 1}, {intKey(0), 2}, {intKey(99), 2}, {intKey(100), 3}, {Key{Magnitude: 1<<64 - 1}, 3},
	})
	at := func(n int64, inclusive bool) *Bound { return &Bound{intKey(n), inclusive} }
	for _, c := range []struct {
		lo, hi *Bound
		want   []int
	}{
		{nil, nil, []int{0, 1, 2, 3}},
		{at(0, true), nil, []int{2, 3}},
		{at(99, false), nil, []int{2, 3}}, // 99 < k < 100 is empty, but a superset is right
		{nil, at(0, false), []int{0, 1}},
		{nil, at(0, true), []int{0, 1, 2}},
		{at(-10, true), at(-1, true), []int{1}},
		{at(5, true), at(3, true), []int{2}},
		{at(500, true), at(-500, true), nil},
	} {
		if got := shardsIn(a, c.lo, c.hi); !sameInts(got, c.want) {
			t.Errorf("%v to %v: %v, want %v", c.lo, c.hi, got, c.want)
		}
	}
}

func TestRangeOutside(t *testing.T) {
	a := made(t)(NewRange([]KeyRange{{keyPtr(intKey(0)), keyPtr(intKey(10))}, {keyPtr(intKey(20)), keyPtr(intKey(30))}}))
	for _, n := range []int64{-1, 10, 19, 30} {
		if i, err := a.Shard(intKey(n)); err == nil {
			t.Errorf("%d is in shard %d, want none", n, i)
		}
	}
	checkGolden(t, a, []golden{{intKey(0), 0}, {intKey(20), 1}, {intKey(29), 1}})
}

func TestRangeOfDates(t *testing.T) {
	a := made(t)(NewRange(cuts(nil, keyPtr(dateKey("2025-01-01")), keyPtr(dateKey("2026-01-01")))))
	checkGolden(t, a, []golden{{dateKey("2024-12-31 23:59:58.5"), 0}, {dateKey("2025-01-01"), 1}, {dateKey("2025-12-31"), 1}})
	if _, err := a.Shard(dateKey("2026-01-01")); err == nil {
		t.Error("a date after the last range has a shard")
	}
}

// For every pair of texts: a row that compares with the bound as PAD SPACE or as NO PAD collations do must be in a shard
// that Range gives.
func TestRangeOfTextsMissesNoRow(t *testing.T) {
	var texts []string
	letters := []string{"", "\x01", " ", "a", "b"}
	for _, x := range letters {
		for _, y := range letters {
			for _, z := range letters {
				texts = append(texts, x+y+z)
			}
		}
	}
	cut := func(s string) *Key { k := textKey(s); return &k }
	a := made(t)(NewRange(cuts(nil, cut("\x01"), cut("a"), cut("a\x01"), cut("a b"), cut("b"), nil)))
	pad := func(s string) []byte { return append([]byte(s), bytes.Repeat([]byte(" "), 8-len(s))...) }
	orders := map[string]func(x, y string) int{
		"PAD SPACE": func(x, y string) int { return bytes.Compare(pad(x), pad(y)) },
		"NO PAD":    func(x, y string) int { return bytes.Compare([]byte(x), []byte(y)) },
	}
	key := func(s string) Key { return Key{Kind: KeyString, Text: trimSpaces([]byte(s))} }
	for name, order := range orders {
		for _, row := range texts {
			at, err := a.Shard(key(row))
			if err != nil {
				t.Fatal(err)
			}
			for _, bound := range texts {
				var below, above ShardSet
				a.Range(nil, &Bound{key(bound), false}, &below)
				a.Range(&Bound{key(bound), false}, nil, &above)
				if order(row, bound) < 0 && !below.Has(at) || order(row, bound) > 0 && !above.Has(at) {
					t.Fatalf("%s: row %q is in shard %d, which is not asked for rows beside %q", name, row, at, bound)
				}
			}
		}
	}
}

func TestRangeRefuses(t *testing.T) {
	for name, ranges := range map[string][]KeyRange{
		"none":        nil,
		"empty":       cuts(keyPtr(intKey(5)), keyPtr(intKey(5))),
		"descending":  cuts(keyPtr(intKey(5)), keyPtr(intKey(9)), keyPtr(intKey(7))),
		"overlapping": {{nil, keyPtr(intKey(5))}, {keyPtr(intKey(4)), nil}},
		"two open":    {{nil, nil}, {nil, nil}},
	} {
		if _, err := NewRange(ranges); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
