package router

// schemanames.go: the names of foreign keys and checks on the servers. They are unique in a database there, and shards
// of one table lie in one: a shard's constraints end in "#" and its number. Names that a server made of the physical
// table's name are as those that it would have made of the logical one.

import (
	"strconv"
	"strings"
)

// generatedSigns stand between a table's name and a number in names that servers make.
var generatedSigns = [...]string{"_ibfk_", "_chk_"}

// physicalConstraint is a constraint's name on one shard. known are the names that the shard's table has by itself:
// it was made on the servers.
func (t *Table) physicalConstraint(shard int, name string) string {
	if t.Kind != Sharded {
		return name
	}
	if rest, ok := generatedName(name, t.Name); ok {
		return t.Shards[shard].Table + rest
	}
	if t.Constraints[name] { // made on the servers, under the same name everywhere
		return name
	}
	return name + shardMark(shard)
}

func shardMark(shard int) string { return "#" + strconv.Itoa(shard) }

// generatedName tells whether a server made a constraint's name of a table's, and what stands behind that.
func generatedName(name, table string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(name, table)
	if !ok {
		return "", false
	}
	for _, sign := range generatedSigns {
		if number, found := strings.CutPrefix(rest, sign); found && number != "" && strings.Trim(number, "0123456789") == "" {
			return rest, true
		}
	}
	return "", false
}

// LogicalConstraint is the name that clients know of a constraint of a shard.
func (t *Table) LogicalConstraint(shard int, name string) string {
	if t.Kind != Sharded || shard < 0 || shard >= len(t.Shards) {
		return name
	}
	if rest, ok := generatedName(name, t.Shards[shard].Table); ok {
		return t.Name + rest
	}
	return strings.TrimSuffix(name, shardMark(shard))
}
