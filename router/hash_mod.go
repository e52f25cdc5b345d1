package router

import (
	"fmt"
	"hash/crc32"
)

// hash_mod.go: shard = key mod N. Integers count by value, so neighbours go to different shards; strings by CRC-32.

type hashMod struct{ shards int }

// NewHashMod makes the algorithm hash_mod over shards shards (1 to MaxShards):
//
//	integer k:  k - N·⌊k/N⌋, in [0, N) for negative k too        SQL: MOD(MOD(k, N) + N, N); unsigned: MOD(k, N)
//	string s:   CRC32(fold(s)) mod N, CRC-32 as in IEEE 802.3    SQL: MOD(CRC32(fold), N), see docs/sharding.md
func NewHashMod(shards int) (Algorithm, error) {
	if err := checkShards(shards); err != nil {
		return nil, err
	}
	return hashMod{shards}, nil
}

// Name is "hash_mod".
func (hashMod) Name() string { return "hash_mod" }

// Shards is N.
func (h hashMod) Shards() int { return h.shards }

// Shard never fails for integers and strings.
func (h hashMod) Shard(k Key) (int, error) {
	n := uint64(h.shards)
	switch k.Kind {
	case KeyString:
		return int(uint64(crc32.ChecksumIEEE(k.Text)) % n), nil
	case KeyDate:
		return 0, errDateKey
	}
	rest := k.Magnitude % n
	if k.Negative && rest != 0 {
		rest = n - rest
	}
	return int(rest), nil
}

// Range adds every shard: a hash keeps no order.
func (h hashMod) Range(_, _ *Bound, set *ShardSet) { set.AddAll(h.shards) }

func checkShards(n int) error {
	if n < 1 || n > MaxShards {
		return fmt.Errorf("%d shards: a table has 1 to %d", n, MaxShards)
	}
	return nil
}

// keyError is a fixed reason why a key has no shard; it is made once, so that finding nothing allocates nothing.
type keyError string

func (e keyError) Error() string { return string(e) }

const errDateKey = keyError("a date is not hashed: use the algorithm date or range")
