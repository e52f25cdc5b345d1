package router

import "hash/crc32"

// jump.go: the jump consistent hash of Lamping and Veach ("A Fast, Minimal Memory, Consistent Hash Algorithm", 2014):
// when shards are added at the end, only the keys that go to the new ones move.

type jump struct{ shards int }

// NewJump makes the algorithm jump over shards shards (1 to MaxShards), of the 64-bit key
//
//	integer k:  k mod 2^64 (two's complement)
//	string s:   CRC32(fold(s))
func NewJump(shards int) (Algorithm, error) {
	if err := checkShards(shards); err != nil {
		return nil, err
	}
	return jump{shards}, nil
}

// Name is "jump".
func (jump) Name() string { return "jump" }

// Shards is the number of shards.
func (j jump) Shards() int { return j.shards }

// Shard never fails for integers and strings.
func (j jump) Shard(k Key) (int, error) {
	switch {
	case k.Kind == KeyDate:
		return 0, errDateKey
	case k.Kind == KeyString:
		return jumpHash(uint64(crc32.ChecksumIEEE(k.Text)), j.shards), nil
	case k.Negative:
		return jumpHash(-k.Magnitude, j.shards), nil
	}
	return jumpHash(k.Magnitude, j.shards), nil
}

// Range adds every shard: a hash keeps no order.
func (j jump) Range(_, _ *Bound, set *ShardSet) { set.AddAll(j.shards) }

// jumpHash is the function of the paper, letter by letter.
func jumpHash(key uint64, buckets int) int {
	b, j := int64(-1), int64(0)
	for j < int64(buckets) {
		b = j
		key = key*2862933555777941757 + 1
		j = int64(float64(b+1) * (float64(int64(1)<<31) / float64((key>>33)+1)))
	}
	return int(b)
}
