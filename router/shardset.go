package router

import "math/bits"

// shardset.go: a set of shard indexes; small enough to live on the stack for up to 256 shards.

// MaxShards is the largest number of shards of one table.
const MaxShards = 1024

// ShardSet is a set of shard indexes in [0, MaxShards). The zero value is empty.
type ShardSet struct {
	words [MaxShards / 64]uint64
}

// Add puts i into the set.
func (s *ShardSet) Add(i int) { s.words[i>>6] |= 1 << (i & 63) }

// Remove takes i out of the set.
func (s *ShardSet) Remove(i int) { s.words[i>>6] &^= 1 << (i & 63) }

// AddAll puts 0 … n-1 into the set.
func (s *ShardSet) AddAll(n int) {
	for i := 0; i < n; i++ {
		s.Add(i)
	}
}

// Has tells whether i is in the set.
func (s *ShardSet) Has(i int) bool { return s.words[i>>6]&(1<<(i&63)) != 0 }

// Union adds all of o.
func (s *ShardSet) Union(o *ShardSet) {
	for i := range s.words {
		s.words[i] |= o.words[i]
	}
}

// Intersect keeps what is also in o.
func (s *ShardSet) Intersect(o *ShardSet) {
	for i := range s.words {
		s.words[i] &= o.words[i]
	}
}

// Len is the number of shards in the set.
func (s *ShardSet) Len() int {
	n := 0
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// Next is the smallest member ≥ i, or -1.
func (s *ShardSet) Next(i int) int {
	for ; i < MaxShards; i = (i>>6 + 1) << 6 {
		if w := s.words[i>>6] >> (i & 63); w != 0 {
			return i + bits.TrailingZeros64(w)
		}
	}
	return -1
}
