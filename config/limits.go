package config

// limits.go: guard rails: how far the statements of a user, or on a database, may reach. It knows the keys and which of two
// limits is the stricter one; what a statement reads is the proxy's business.

import (
	"fmt"
	"path/filepath"
	"time"
)

// Limit is one limit and where it stands, for the errors of those whom it stops.
type Limit struct {
	Max  int    // 0: none
	Name string // "users.app.limits.max_gather_rows"
	At   string // "serval.yaml:14"
}

// Stricter is the one of two limits that lets less through.
func (l Limit) Stricter(o Limit) Limit {
	if l.Max == 0 || o.Max > 0 && o.Max < l.Max {
		return o
	}
	return l
}

// String is the limit's name and place.
func (l Limit) String() string {
	if l.At == "" {
		return l.Name
	}
	return l.Name + ", " + l.At
}

// Limits are the guard rails of a user or of a database.
type Limits struct {
	// Shards is how many shards of a table one statement may read or change, unless it inserts: 1 is allow_scatter: false.
	Shards Limit
	// Rows and Bytes may be gathered for one statement, which may take Time (a duration).
	Rows, Bytes, Time Limit
}

// Stricter has of each limit the stricter one.
func (l Limits) Stricter(o Limits) Limits {
	return Limits{Shards: l.Shards.Stricter(o.Shards), Rows: l.Rows.Stricter(o.Rows), Bytes: l.Bytes.Stricter(o.Bytes), Time: l.Time.Stricter(o.Time)}
}

// limitKeys are the keys of limits:.
var limitKeys = [...]string{"allow_scatter", "max_scatter_shards", "max_gather_rows", "max_gather_bytes", "max_gather_time"}

// limits reads the limits: of a user or of a database.
func (r *reader) limits(of *block) Limits {
	n := of.get("limits")
	if n == nil {
		return Limits{}
	}
	b := r.block(n, of.key("limits"), of.sub("limits"), limitKeys[:]...)
	l := Limits{
		Shards: b.limit("max_scatter_shards", b.number("max_scatter_shards", 0, 1, MaxShards)),
		Rows:   b.limit("max_gather_rows", b.number("max_gather_rows", 0, 1, 1_000_000_000)),
		Bytes:  b.limit("max_gather_bytes", b.size("max_gather_bytes", 0, 64<<10, 1<<40)),
		Time:   b.limit("max_gather_time", int(b.duration("max_gather_time", 0, time.Millisecond))),
	}
	if !b.flag("allow_scatter", true) {
		if l.Shards.Max > 0 {
			r.fail(b.key("max_scatter_shards"), "keep one of the two", "%s: nothing is scattered with allow_scatter: false", l.Shards.Name)
		}
		l.Shards = b.limit("allow_scatter", 1)
	}
	return l
}

// limit is a key's value with its place.
func (b *block) limit(key string, max int) Limit {
	if !b.has(key) {
		return Limit{}
	}
	return Limit{Max: max, Name: b.sub(key), At: fmt.Sprintf("%s:%d", filepath.Base(b.r.file), b.key(key).Line)}
}
