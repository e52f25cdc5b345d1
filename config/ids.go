package config

// ids.go: who numbers the rows of tables with an AUTO_INCREMENT column that are in several places, and named sequences.
// It does not know which tables have such a column: that is known when the servers have been read.

import (
	"fmt"

	"gopkg.in/yaml.v3"
)

// The ways to make ids.
const (
	Segment   = "segment"   // ranges of a counter that is kept in IDs.Group
	Snowflake = "snowflake" // time, a node's number and a counter
)

// IDs says where Serval keeps what its ids are made of.
type IDs struct {
	Group     string   // whose primary has the counters and node numbers; default: the first group
	Segment   int      // ids that a Serval takes at a time; default 1000
	Sequences []string // names for SELECT NEXT VALUE FOR serval.name
}

const (
	defaultSegment = 1000
	maxSegment     = 1_000_000
)

func (r *reader) ids(n *yaml.Node, groups groupSet) IDs {
	b := &block{r: r, path: "ids"}
	if n != nil {
		b = r.block(n, nil, "ids", "group", "segment", "sequences")
	}
	ids := IDs{Segment: b.number("segment", defaultSegment, 1, maxSegment)}
	if len(groups.names) > 0 {
		ids.Group = groups.names[0]
	}
	if at := b.get("group"); at != nil {
		ids.Group, _ = r.member(at, "ids.group", "group", groups.names)
	}
	if b.has("sequences") {
		ids.Sequences = r.sequences(b.get("sequences"))
	}
	return ids
}

// sequences reads the names of sequences, each of which may be there once.
func (r *reader) sequences(n *yaml.Node) []string {
	var names []string
	lines := map[string]int{}
	for i, item := range r.list(n, "ids.sequences") {
		path := fmt.Sprintf("ids.sequences[%d]", i)
		name, ok := r.text(item, path)
		if !ok || !r.checkName(item, path, name) {
			continue
		}
		if line, twice := lines[folded(name)]; twice {
			r.fail(item, "remove one of them", "%s: %q is named on line %d already", path, name, line)
			continue
		}
		lines[folded(name)] = item.Line
		names = append(names, name)
	}
	return names
}

// tableIDs reads a table's ids: key.
func (r *reader) tableIDs(t *Table, b *block) {
	if !b.has("ids") {
		return
	}
	if t.Kind == Vertical {
		r.fail(b.key("ids"), "remove it", "%s: the table is whole in one group, whose server numbers its rows", b.path)
		return
	}
	t.IDs = b.choice("ids", "", Segment, Snowflake)
}
