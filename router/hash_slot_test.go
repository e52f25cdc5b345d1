package router

import (
	"math"
	"testing"
)

func evenSlots(slots, shards int) []int {
	m := make([]int, slots)
	for i := range m {
		m[i] = i * shards / slots
	}
	return m
}

// The slots are what MySQL answers to MOD(CRC32(k), 1024).
func TestHashSlot(t *testing.T) {
	identity := evenSlots(1024, 1024)
	checkGolden(t, made(t)(NewHashSlot(identity, 1024)), []golden{
		{intKey(0), 801}, {intKey(1), 951}, {intKey(42), 136}, {intKey(-1), 42}, {intKey(-8), 142}, {intKey(-9), 24},
		{intKey(math.MaxInt64), 734}, {intKey(math.MinInt64), 779}, {Key{Magnitude: math.MaxUint64}, 282},
		{textKey(""), 0}, {textKey("alice"), 71},
	})
	checkGolden(t, made(t)(NewHashSlot(evenSlots(1024, 8), 8)), []golden{{intKey(0), 6}, {intKey(42), 1}, {textKey("alice"), 0}})

	moved := evenSlots(1024, 8)
	moved[136] = 7
	checkGolden(t, made(t)(NewHashSlot(moved, 8)), []golden{{intKey(0), 6}, {intKey(42), 7}})
}

// An integer written as text in a text column has the slot of the integer: both are CRC32 of the digits.
func TestHashSlotTextOfInteger(t *testing.T) {
	a := made(t)(NewHashSlot(evenSlots(4096, 16), 16))
	for _, n := range []int64{0, 7, -7, 1234567890123} {
		k := intKey(n)
		x, _ := a.Shard(k)
		y, _ := a.Shard(Key{Kind: KeyString, Text: k.appendDecimal(nil)})
		if x != y {
			t.Errorf("%d: shard %d as an integer, %d as text", n, x, y)
		}
	}
}

func TestHashSlotRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		slots  []int
		shards int
	}{
		"fewer slots than shards": {evenSlots(4, 4), 8},
		"shard too great":         {[]int{0, 1, 2, 3}, 3},
		"negative shard":          {[]int{0, -1, 2, 1}, 3},
		"no shard":                {nil, 0},
	} {
		if _, err := NewHashSlot(c.slots, c.shards); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
