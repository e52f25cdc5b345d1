package router

import "testing"

func TestListOfIntegers(t *testing.T) {
	a := made(t)(NewList([][]Key{{intKey(1), intKey(2)}, {intKey(-3), intKey(100)}}, -1))
	checkGolden(t, a, []golden{{intKey(1), 0}, {intKey(2), 0}, {intKey(-3), 1}, {intKey(100), 1}})
	if _, err := a.Shard(intKey(3)); err == nil {
		t.Error("3 has a shard")
	}
	bound := func(n int64) *Bound { return &Bound{intKey(n), true} }
	if got := shardsIn(a, bound(0), bound(99)); !sameInts(got, []int{0}) {
		t.Errorf("0 to 99: %v, want [0]", got)
	}
	if got := shardsIn(a, &Bound{Key: intKey(2)}, nil); !sameInts(got, []int{1}) {
		t.Errorf("above 2: %v, want [1]", got)
	}
}

func TestListDefault(t *testing.T) {
	a := made(t)(NewList([][]Key{{textKey("de"), textKey("at")}, {}, {textKey("fr")}}, 1))
	checkGolden(t, a, []golden{{textKey("de"), 0}, {textKey("fr"), 2}, {textKey("xx"), 1}, {textKey(""), 1}})
	if got := shardsIn(a, &Bound{Key: textKey("de")}, nil); len(got) != 3 {
		t.Errorf("texts above a text: %v, want all", got)
	}
	b := made(t)(NewList([][]Key{{intKey(1)}, {}}, 1))
	if got := shardsIn(b, &Bound{Key: intKey(5)}, nil); !sameInts(got, []int{1}) {
		t.Errorf("above 5: %v, want the default", got)
	}
}

func TestListRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		lists [][]Key
		rest  int
	}{
		"none":                       {nil, -1},
		"in two lists":               {[][]Key{{intKey(1)}, {intKey(1)}}, -1},
		"in the default and another": {[][]Key{{intKey(1)}, {intKey(1)}}, 0},
		"default too great":          {[][]Key{{intKey(1)}}, 1},
		"dates":                      {[][]Key{{dateKey("2026-01-01")}}, -1},
	} {
		if _, err := NewList(c.lists, c.rest); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
