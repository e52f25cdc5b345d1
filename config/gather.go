package config

// gather.go: how much one statement may gather from several places into one.

import "gopkg.in/yaml.v3"

// Gather limits what is copied for one statement that runs on gathered rows.
type Gather struct {
	Rows  int    // default 1,000,000
	Bytes int    // of the rows as they are read; default 256 MiB
	Group string // where statements run; "" is where most of what they need is
}

func (r *reader) gather(n *yaml.Node, groups groupSet) Gather {
	b := &block{r: r, path: "gather"}
	if n != nil {
		b = r.block(n, nil, "gather", "rows", "bytes", "group")
	}
	g := Gather{Rows: b.number("rows", 1_000_000, 1, 1_000_000_000), Bytes: b.size("bytes", 256<<20, 64<<10, 1<<40)}
	if n := b.get("group"); n != nil {
		g.Group, _ = r.member(n, "gather.group", "group", groups.names)
	}
	return g
}
