package router

import (
	"fmt"
	"hash/crc32"
	"strconv"
)

// hash_slot.go: key → slot → shard. The slot of a key never changes; moving a shard is changing the map of slots.

type hashSlot struct {
	shards int
	owner  []int16 // slot → shard
}

// NewHashSlot makes the algorithm hash_slot; slotMap gives every slot's shard, in [0, shards):
//
//	integer k:  slot = CRC32(decimal digits of k, '-' before them if negative) mod slots    SQL: MOD(CRC32(k), slots)
//	string s:   slot = CRC32(fold(s)) mod slots                                             SQL: MOD(CRC32(fold), slots)
func NewHashSlot(slotMap []int, shards int) (Algorithm, error) {
	if err := checkShards(shards); err != nil {
		return nil, err
	}
	if len(slotMap) < shards {
		return nil, fmt.Errorf("%d slots are too few for %d shards", len(slotMap), shards)
	}
	h := &hashSlot{shards: shards, owner: make([]int16, len(slotMap))}
	for slot, shard := range slotMap {
		if shard < 0 || shard >= shards {
			return nil, fmt.Errorf("slot %d belongs to shard %d, which is not in 0 to %d", slot, shard, shards-1)
		}
		h.owner[slot] = int16(shard)
	}
	return h, nil
}

// Name is "hash_slot".
func (*hashSlot) Name() string { return "hash_slot" }

// Shards is the number of shards, not of slots.
func (h *hashSlot) Shards() int { return h.shards }

// Shard never fails for integers and strings.
func (h *hashSlot) Shard(k Key) (int, error) {
	if k.Kind == KeyDate {
		return 0, errDateKey
	}
	return int(h.owner[hash32(k)%uint32(len(h.owner))]), nil
}

// Range adds every shard: a hash keeps no order.
func (h *hashSlot) Range(_, _ *Bound, set *ShardSet) { set.AddAll(h.shards) }

// hash32 is what SQL's CRC32() makes of an integer or of a folded string.
func hash32(k Key) uint32 {
	if k.Kind == KeyString {
		return crc32.ChecksumIEEE(k.Text)
	}
	var buf [21]byte // a sign and the 20 digits of 2^64
	digits := k.appendDecimal(buf[:0])
	sum := ^uint32(0) // by hand: crc32.ChecksumIEEE would move the digits to the heap
	for _, c := range digits {
		sum = crc32.IEEETable[byte(sum)^c] ^ sum>>8
	}
	return ^sum
}

// appendDecimal appends an integer key's digits, a '-' before them if negative.
func (k Key) appendDecimal(dst []byte) []byte {
	if k.Negative {
		dst = append(dst, '-')
	}
	return strconv.AppendUint(dst, k.Magnitude, 10)
}
