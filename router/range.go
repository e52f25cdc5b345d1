package router

import (
	"bytes"
	"cmp"
	"fmt"
)

// range.go: shard i holds the keys from its lower bound up to, not including, its upper one.

// KeyRange is the keys k with From ≤ k < To; a nil bound is open. All of a table's bounds are of one kind.
type KeyRange struct{ From, To *Key }

type rangeBy struct {
	ranges []KeyRange // ascending, disjoint
}

const errNoRange = keyError("it is outside of every range of the configuration")

// NewRange makes the algorithm range, one range for each shard. They must ascend and not overlap; keys in gaps have no shard.
//
//	shard(k) = the i with from(i) ≤ k < to(i)
//
// Integers are ordered by value, dates by time, strings by their bytes without trailing spaces, which is the order of
// _bin collations and of binary columns only: NewAlgorithm allows no others.
func NewRange(ranges []KeyRange) (Algorithm, error) {
	if err := checkShards(len(ranges)); err != nil {
		return nil, err
	}
	for i, r := range ranges {
		if r.From != nil && r.To != nil && compareKeys(r.From, r.To) >= 0 {
			return nil, fmt.Errorf("range %d is empty: its end must be greater than its start", i)
		}
		if i == 0 {
			continue
		}
		if before := ranges[i-1].To; before == nil || r.From == nil || compareKeys(before, r.From) > 0 {
			return nil, fmt.Errorf("range %d does not begin at or after the end of range %d", i, i-1)
		}
	}
	return &rangeBy{ranges: ranges}, nil
}

// Name is "range".
func (*rangeBy) Name() string { return "range" }

// Shards is the number of ranges.
func (r *rangeBy) Shards() int { return len(r.ranges) }

// Shard fails for a key that is outside of every range.
func (r *rangeBy) Shard(k Key) (int, error) {
	lo, hi := 0, len(r.ranges) // the first range that ends after k
	for lo < hi {
		mid := (lo + hi) / 2
		if to := r.ranges[mid].To; to != nil && compareKeys(to, &k) <= 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(r.ranges) && (r.ranges[lo].From == nil || compareKeys(r.ranges[lo].From, &k) <= 0) {
		return lo, nil
	}
	return 0, errNoRange
}

// Range adds the shards whose ranges meet the interval.
func (r *rangeBy) Range(lo, hi *Bound, set *ShardSet) {
	for i := range r.ranges {
		if lo != nil && r.ranges[i].To != nil && !endsAfter(r.ranges[i].To, &lo.Key) {
			continue
		}
		if hi != nil && r.ranges[i].From != nil && !startsBefore(r.ranges[i].From, hi) {
			continue
		}
		set.Add(i)
	}
}

// endsAfter tells whether a range that ends before to can hold keys of lo and above.
//
// Keys have lost their trailing spaces, rows compare with them (NO PAD) or as if there were ever more of them (PAD SPACE).
// So a row above lo can have a key below lo: where lo goes on with a character below the space. The bound is
// therefore lowered to what stands before such a character.
func endsAfter(to, lo *Key) bool {
	if lo.Kind != KeyString {
		return compareKeys(to, lo) > 0
	}
	text := lo.Text
	if i := bytes.IndexFunc(text, func(r rune) bool { return r < ' ' }); i >= 0 {
		text = trimSpaces(text[:i])
	}
	return bytes.Compare(to.Text, text) > 0
}

// startsBefore tells whether a range that starts at from can hold keys up to hi. A string's upper bound is followed by
// spaces without end, see endsAfter.
func startsBefore(from *Key, hi *Bound) bool {
	if hi.Key.Kind != KeyString {
		c := compareKeys(from, &hi.Key)
		return c < 0 || c == 0 && hi.Inclusive
	}
	rest, extends := bytes.CutPrefix(from.Text, hi.Key.Text)
	if !extends {
		return bytes.Compare(from.Text, hi.Key.Text) < 0
	}
	for _, c := range rest {
		if c != ' ' {
			return c < ' '
		}
	}
	return true
}

// compareKeys orders keys of one kind: below 0, 0 or above 0 as cmp.Compare does.
func compareKeys(a, b *Key) int {
	if a.Kind == KeyString {
		return bytes.Compare(a.Text, b.Text)
	}
	switch {
	case a.Negative && b.Negative:
		return cmp.Compare(b.Magnitude, a.Magnitude)
	case a.Negative:
		return -1
	case b.Negative:
		return 1
	}
	return cmp.Compare(a.Magnitude, b.Magnitude)
}
