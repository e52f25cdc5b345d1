package config

import (
	"fmt"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"
)

// shard.go: the shard: block of a table, and where its shards are. The algorithms' own keys are in algorithm.go.

// shardKeys are the keys of every algorithm's block.
var shardKeys = []string{"column", "by", "shards", "groups", "spread", "locations", "database", "table", "binding"}

// algorithmKeys are the keys that only some algorithms have.
var algorithmKeys = map[string][]string{
	ByHashMod:  nil,
	ByHashSlot: {"slots", "slot_map"},
	ByRange:    {"ranges"},
	ByList:     {"lists"},
	ByDate:     {"unit", "start"},
	ByJump:     nil,
}

// algorithms are the words for by:, in the order in which they are shown.
var algorithms = []string{ByHashMod, ByHashSlot, ByRange, ByList, ByDate, ByJump}

// shardBlock is a shard: block while it is read.
type shardBlock struct {
	*block
	groups   groupSet
	database *Database
	table    string
	count    int // shards; 0 while not known because of a mistake
}

// shard reads the shard: block of the table block t. The result is never nil.
func (r *reader) shard(d *Database, table string, t *block, groups groupSet) *Shard {
	allowed := slices.Clone(shardKeys)
	for _, a := range algorithms {
		allowed = append(allowed, algorithmKeys[a]...)
	}
	b := &shardBlock{groups: groups, database: d, table: table}
	b.block = r.block(t.get("shard"), t.key("shard"), t.path+".shard", allowed...)
	s := &Shard{}
	if b.require("column", "add column: the shard key") {
		s.Column = b.text("column", "")
		r.checkName(b.get("column"), b.path+".column", orElse(s.Column, "?"))
	}
	if b.require("by", "add by: "+oneOf(algorithms)) {
		s.By = b.choice("by", "", algorithms...)
	}
	if n := b.get("binding"); n != nil {
		s.Binding = b.text("binding", "")
		r.checkOwnName(n, b.path+".binding", s.Binding)
	}
	if s.By == "" {
		return s // how many shards there are depends on it
	}
	b.foreignKeys(s.By)
	b.countShards(s.By)
	b.algorithm(s)
	b.locate(s)
	return s
}

// foreignKeys reports keys of other algorithms.
func (b *shardBlock) foreignKeys(by string) {
	for _, a := range algorithms {
		for _, key := range algorithmKeys[a] {
			if a != by && b.has(key) {
				b.r.fail(b.key(key), "remove it, or write by: "+a, "%s: %s belongs to by: %s, not to %s", b.path, key, a, by)
			}
		}
	}
}

// countShards finds the number of shards: written, or that of the ranges, lists or locations; all have to agree.
func (b *shardBlock) countShards(by string) {
	type claim struct {
		key   string
		count int
	}
	var claims []claim
	if b.has("shards") {
		n := b.number("shards", 0, 1, MaxShards)
		if n == 0 {
			return // reported
		}
		claims = append(claims, claim{"shards", n})
	}
	lists := append(slices.Clone(algorithmKeys[by]), "locations")
	for _, key := range lists {
		if n := b.get(key); n != nil && slices.Contains([]string{"ranges", "lists", "locations"}, key) {
			if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
				b.r.fail(n, "write one entry for each shard", "%s.%s: a list is wanted", b.path, key)
				return
			}
			claims = append(claims, claim{key, len(n.Content)})
		}
	}
	if len(claims) == 0 {
		if by == ByRange || by == ByList {
			return // their own missing key is reported
		}
		b.require("shards", "add shards: and their number, such as 8")
		return
	}
	first := claims[0]
	for _, c := range claims[1:] {
		if c.count != first.count {
			b.r.fail(b.key(c.key), "make them agree", "%s: %s has %d entries, but %s says %d shards", b.path, c.key, c.count, first.key, first.count)
			return
		}
	}
	if first.count > MaxShards {
		b.r.fail(b.key(first.key), fmt.Sprintf("use %d at most", MaxShards), "%s: %d are too many shards", b.path, first.count)
		return
	}
	b.count = first.count
}

// locate fills in where the shards are.
func (b *shardBlock) locate(s *Shard) {
	database := b.pattern("database", "{db}")
	table := b.pattern("table", "{table}_{shard}")
	var list []Location
	if n := b.get("locations"); n != nil {
		list = b.listed(n, database, table)
	} else {
		list = b.spread(database, table)
	}
	if b.checkLocations(list) {
		s.Locations = list
	}
}

// pattern reads a key's pattern; nil when it is wrong.
func (b *block) pattern(key, def string) *pattern {
	p, fault := parsePattern(b.text(key, def))
	if fault != nil {
		b.r.fail(b.get(key), fault.hint, "%s.%s: %s", b.path, key, fault.message)
		return nil
	}
	return p
}

// location expands the patterns for one shard.
func (b *shardBlock) location(shard int, group string, database, table *pattern) Location {
	n := names{shard: shard, group: group, db: b.database.Physical, table: b.table}
	l := Location{Group: group}
	if database != nil {
		l.Database = database.expand(n)
	}
	if table != nil {
		l.Table = table.expand(n)
	}
	return l
}

// spread lays the shards over the groups: in blocks, or in turns. It returns nil after a mistake.
func (b *shardBlock) spread(database, table *pattern) []Location {
	turns := b.choice("spread", "blocks", "blocks", "round_robin") == "round_robin"
	n := b.get("groups")
	if n == nil {
		b.require("groups", "add groups: ["+oneOf(b.groups.names)+"], or locations: for a layout of your own")
		return nil
	}
	mistakes := len(b.r.errs)
	groups := b.r.members(n, b.path+".groups", "group", b.groups.names)
	switch {
	case len(b.r.errs) > mistakes || b.count == 0 || database == nil || table == nil:
		return nil
	case len(groups) == 0:
		b.r.fail(b.key("groups"), "name the groups that hold shards", "%s.groups: the list is empty", b.path)
		return nil
	case len(groups) > b.count:
		b.r.fail(b.key("groups"), "take more shards or fewer groups", "%s.groups: with %d shards, some of %d groups would hold none", b.path, b.count, len(groups))
		return nil
	}
	list := make([]Location, b.count)
	for i := range list {
		group := groups[i*len(groups)/b.count]
		if turns {
			group = groups[i%len(groups)]
		}
		list[i] = b.location(i, group, database, table)
	}
	return list
}

// listed reads the locations: list, one entry for each shard: a group's name, or a mapping.
func (b *shardBlock) listed(n *yaml.Node, database, table *pattern) []Location {
	for _, key := range []string{"groups", "spread"} {
		if b.has(key) {
			b.r.fail(b.key(key), "remove "+key+" or locations", "%s: %s and locations both say where the shards are", b.path, key)
		}
	}
	mistakes := len(b.r.errs)
	list := make([]Location, 0, b.count)
	for i, item := range b.r.list(n, b.path+".locations")[:b.count] {
		path := b.path + ".locations[" + strconv.Itoa(i) + "]"
		database, table := database, table
		group := item
		if item.Kind == yaml.MappingNode {
			own := b.r.block(item, nil, path, "group", "database", "table")
			if own.has("database") {
				database = own.pattern("database", "")
			}
			if own.has("table") {
				table = own.pattern("table", "")
			}
			if !own.require("group", "add group: and its name") {
				continue
			}
			group, path = own.get("group"), path+".group"
		}
		name, _ := b.r.member(group, path, "group", b.groups.names)
		list = append(list, b.location(i, name, database, table))
	}
	if len(b.r.errs) > mistakes || database == nil || table == nil {
		return nil
	}
	return list
}

// checkLocations reports names that MySQL would not take and shards of this table that are in one place. It is false when the list
// cannot be used.
func (b *shardBlock) checkLocations(list []Location) bool {
	seen := map[Location]int{}
	for i, l := range list {
		for _, part := range []struct{ key, name string }{{"database", l.Database}, {"table", l.Table}} {
			if fault := nameFault(part.name); fault != "" {
				b.r.fail(b.key(part.key), "choose a shorter or other pattern", "%s: the %s of shard %d, %q, %s", b.path, part.key, i, part.name, fault)
				return false
			}
		}
		place := Location{b.groups.address[l.Group], folded(l.Database), folded(l.Table)}
		if first, taken := seen[place]; taken {
			at, hint := "table", "put {shard} into the pattern of table: or database:"
			if !b.has(at) && (b.has("database") || b.has("locations")) {
				at = b.firstOf("database", "locations")
			}
			b.r.fail(b.key(at), hint, "%s: shards %d and %d are both %s", b.path, first, i, show(l))
			return false
		}
		seen[place] = i
	}
	return len(list) > 0
}
