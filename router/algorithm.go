package router

// algorithm.go: the border between planning and the sharding algorithms (one file each).

// Algorithm maps shard keys to shard indexes. Implementations are immutable and safe for concurrent use.
type Algorithm interface {
	// Name is the configuration's word for it: "hash_mod".
	Name() string
	// Shards is the number of shards; every index returned is in [0, Shards()).
	Shards() int
	// Shard is the one shard in which rows with this key live. An error means that no shard holds such a key
	// (outside every range, not in any list): inserting it is refused, comparing with it for equality finds nothing.
	Shard(k Key) (int, error)
	// Range adds to set every shard that can hold a key between lo and hi; a nil bound is open.
	// Algorithms without order add all.
	Range(lo, hi *Bound, set *ShardSet)
}

// Bound is one end of a range of keys.
type Bound struct {
	Key       Key
	Inclusive bool
}
