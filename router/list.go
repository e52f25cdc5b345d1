package router

import "fmt"

// list.go: shard i holds the keys that its list names; one shard may hold all that no list names.

type integerKey struct {
	negative  bool
	magnitude uint64
}

type listBy struct {
	shards   int
	integers map[integerKey]int
	strings  map[string]int // by folded text
	rest     int            // shard of keys in no list, or -1
}

const errNoList = keyError("it is in no list of the configuration, and no shard is the default")

// NewList makes the algorithm list: lists holds the keys of every shard; rest is the shard of all other keys, or -1.
//
//	shard(k) = the i whose list has k, else rest
func NewList(lists [][]Key, rest int) (Algorithm, error) {
	if err := checkShards(len(lists)); err != nil {
		return nil, err
	}
	if rest < -1 || rest >= len(lists) {
		return nil, fmt.Errorf("the default shard %d is not in 0 to %d", rest, len(lists)-1)
	}
	l := &listBy{shards: len(lists), rest: rest, integers: map[integerKey]int{}, strings: map[string]int{}}
	for i, keys := range lists {
		for _, k := range keys {
			before, err := l.Shard(k)
			if err == nil && before != i && (before != rest || l.named(k)) {
				return nil, fmt.Errorf("lists %d and %d have a value in common, or two values that the column's collation calls equal", before, i)
			}
			switch k.Kind {
			case KeyString:
				l.strings[string(k.Text)] = i
			case KeyInteger:
				l.integers[integerKey{k.Negative, k.Magnitude}] = i
			default:
				return nil, fmt.Errorf("list %d has a date: lists are of integers or texts", i)
			}
		}
	}
	return l, nil
}

// Name is "list".
func (*listBy) Name() string { return "list" }

// Shards is the number of lists.
func (l *listBy) Shards() int { return l.shards }

// Shard fails for a key in no list when there is no default.
func (l *listBy) Shard(k Key) (int, error) {
	var shard int
	var ok bool
	if k.Kind == KeyString {
		shard, ok = l.strings[string(k.Text)]
	} else {
		shard, ok = l.integers[integerKey{k.Negative, k.Magnitude}]
	}
	switch {
	case ok:
		return shard, nil
	case l.rest >= 0:
		return l.rest, nil
	}
	return 0, errNoList
}

func (l *listBy) named(k Key) bool {
	if k.Kind == KeyString {
		_, ok := l.strings[string(k.Text)]
		return ok
	}
	_, ok := l.integers[integerKey{k.Negative, k.Magnitude}]
	return ok
}

// Range adds the shards that have an integer in the interval, and the default one. Of strings it adds every shard:
// folded texts are not in their collation's order.
func (l *listBy) Range(lo, hi *Bound, set *ShardSet) {
	if lo != nil && lo.Key.Kind == KeyString || hi != nil && hi.Key.Kind == KeyString {
		set.AddAll(l.shards)
		return
	}
	if lo == nil && hi == nil {
		set.AddAll(l.shards)
		return
	}
	if l.rest >= 0 {
		set.Add(l.rest)
	}
	for v, shard := range l.integers {
		k := Key{Negative: v.negative, Magnitude: v.magnitude}
		if within(&k, lo, hi) {
			set.Add(shard)
		}
	}
}

// within tells whether a key lies in an interval.
func within(k *Key, lo, hi *Bound) bool {
	if lo != nil {
		if c := compareKeys(k, &lo.Key); c < 0 || c == 0 && !lo.Inclusive {
			return false
		}
	}
	if hi != nil {
		if c := compareKeys(k, &hi.Key); c > 0 || c == 0 && !hi.Inclusive {
			return false
		}
	}
	return true
}
