package router

import (
	"math"
	"testing"
)

// Keys for the tests of all algorithms.

func intKey(n int64) Key {
	if n < 0 {
		return Key{Negative: true, Magnitude: -uint64(n)}
	}
	return Key{Magnitude: uint64(n)}
}

func textKey(s string) Key { return Key{Kind: KeyString, Text: []byte(s)} }

func dateKey(s string) Key {
	k, _, ok := parseDate([]byte(s))
	if !ok {
		panic("no date: " + s)
	}
	return k
}

// golden is a key and the shard in which it has to stay for ever.
type golden struct {
	key   Key
	shard int
}

func checkGolden(t *testing.T, a Algorithm, table []golden) {
	t.Helper()
	for _, g := range table {
		got, err := a.Shard(g.key)
		if err != nil || got != g.shard {
			t.Errorf("%s of %d shards: key %+v is in shard %d (%v), want %d", a.Name(), a.Shards(), g.key, got, err, g.shard)
		}
	}
	if _, sorts := a.(*rangeBy); sorts {
		return
	}
	var set ShardSet
	a.Range(nil, nil, &set)
	if set.Len() != a.Shards() {
		t.Errorf("%s: an open interval gives %d shards of %d", a.Name(), set.Len(), a.Shards())
	}
}

func made(t *testing.T) func(a Algorithm, err error) Algorithm {
	return func(a Algorithm, err error) Algorithm {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
}

// The shards are what MySQL answers to the SQL in the comments.
func TestHashMod(t *testing.T) {
	checkGolden(t, made(t)(NewHashMod(8)), []golden{ // MOD(MOD(k, 8) + 8, 8)
		{intKey(0), 0}, {intKey(1), 1}, {intKey(42), 2}, {intKey(-1), 7}, {intKey(-8), 0}, {intKey(-9), 7},
		{intKey(math.MaxInt64), 7}, {intKey(math.MinInt64), 0},
		{textKey(""), 0}, {textKey("alice"), 7}, // MOD(CRC32('alice'), 8)
	})
	checkGolden(t, made(t)(NewHashMod(7)), []golden{{Key{Magnitude: math.MaxUint64}, 1}})
	checkGolden(t, made(t)(NewHashMod(1)), []golden{{intKey(-5), 0}})
}

func TestHashModRefuses(t *testing.T) {
	for _, n := range []int{-1, 0, MaxShards + 1} {
		if _, err := NewHashMod(n); err == nil {
			t.Errorf("%d shards were taken", n)
		}
	}
	a := made(t)(NewHashMod(4))
	if _, err := a.Shard(dateKey("2026-01-01")); err == nil {
		t.Error("a date was hashed")
	}
}
