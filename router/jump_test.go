package router

import "testing"

// The vectors are those by which other implementations of the paper's function check themselves.
func TestJumpHash(t *testing.T) {
	for _, c := range []struct {
		key     uint64
		buckets int
		want    int
	}{{1, 1, 0}, {42, 57, 43}, {0xDEAD10CC, 1, 0}, {0xDEAD10CC, 666, 361}, {256, 1024, 520}} {
		if got := jumpHash(c.key, c.buckets); got != c.want {
			t.Errorf("jumpHash(%d, %d) = %d, want %d", c.key, c.buckets, got, c.want)
		}
	}
}

func TestJump(t *testing.T) {
	checkGolden(t, made(t)(NewJump(57)), []golden{{intKey(42), 43}})
	checkGolden(t, made(t)(NewJump(666)), []golden{{intKey(0xDEAD10CC), 361}})
	a := made(t)(NewJump(16))
	x, _ := a.Shard(intKey(-1))
	y, _ := a.Shard(Key{Magnitude: 1<<64 - 1})
	if x != y {
		t.Error("-1 is not its two's complement")
	}
	x, _ = a.Shard(textKey("alice"))
	if y = jumpHash(663665735, 16); x != y { // CRC32('alice')
		t.Errorf("'alice' is in shard %d, want %d", x, y)
	}
}

// More shards take keys from the old ones and move none between those.
func TestJumpMovesOnlyToNewShards(t *testing.T) {
	before, after := made(t)(NewJump(8)), made(t)(NewJump(10))
	moved := 0
	for n := int64(-5000); n < 5000; n++ {
		x, _ := before.Shard(intKey(n))
		y, _ := after.Shard(intKey(n))
		if x != y {
			moved++
			if y < 8 {
				t.Fatalf("key %d moved from shard %d to the old shard %d", n, x, y)
			}
		}
	}
	if moved < 1700 || moved > 2300 {
		t.Errorf("%d of 10000 keys moved, want about 2000", moved)
	}
}
