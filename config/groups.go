package config

import (
	"fmt"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// groups.go: groups, their nodes, and the settings that nodes inherit. It checks what can be checked without a
// connection.

// settings are what a node inherits: defaults → group → node.
type settings struct {
	user                 string
	password             string
	hasUser, hasPassword bool // given somewhere, even if wrongly
	tls                  TLS
	pool                 Pool
	maxIdle              int // as written; -1 is not written: as many as Max
}

// settingKeys are the keys of a node that can also stand in its group and in defaults.
var settingKeys = []string{"user", "password", "password_env", "password_file", "tls", "pool"}

// baseSettings are those of nobody.
func baseSettings() settings {
	return settings{
		tls:     TLS{Mode: TLSOff},
		maxIdle: -1,
		pool: Pool{
			Max: 100, MaxIdle: 100, MaxLifetime: time.Hour, IdleTimeout: 5 * time.Minute,
			AcquireTimeout: 10 * time.Second, ConnectTimeout: 5 * time.Second,
		},
	}
}

// inherit reads a block's own settings over those of the level above.
func (b *block) inherit(s settings) settings {
	if b.has("user") {
		s.user, s.hasUser = b.text("user", ""), true
	}
	if password, given := b.password(); given {
		s.password, s.hasPassword = password, true
	}
	if n := b.get("tls"); n != nil {
		s.tls = b.r.tls(n, b.key("tls"), b.path+".tls", s.tls)
	}
	if n := b.get("pool"); n != nil {
		b.r.pool(n, b.key("pool"), b.path+".pool", &s)
	}
	return s
}

func (r *reader) pool(n, at *yaml.Node, path string, s *settings) {
	const most = 100_000
	b := r.block(n, at, path, "max", "max_idle", "max_lifetime", "idle_timeout", "acquire_timeout", "connect_timeout")
	p := &s.pool
	p.Max = b.number("max", p.Max, 1, most)
	s.maxIdle = b.number("max_idle", s.maxIdle, 0, most)
	if b.has("max_idle") && s.maxIdle > p.Max {
		r.fail(b.get("max_idle"), "lower it, or raise max", "%s.max_idle: %d connections cannot be idle when at most %d are open", path, s.maxIdle, p.Max)
	}
	p.MaxIdle = p.Max
	if s.maxIdle >= 0 {
		p.MaxIdle = min(s.maxIdle, p.Max) // an inherited one may be more than a smaller max of this level
	}
	p.MaxLifetime = b.duration("max_lifetime", p.MaxLifetime, 0)
	p.IdleTimeout = b.duration("idle_timeout", p.IdleTimeout, 0)
	p.AcquireTimeout = b.duration("acquire_timeout", p.AcquireTimeout, time.Millisecond)
	p.ConnectTimeout = b.duration("connect_timeout", p.ConnectTimeout, time.Millisecond)
}

// groupSet is what reading the groups found.
type groupSet struct {
	list    []Group
	names   []string          // all of them, those with mistakes too: naming one is right
	address map[string]string // group name → address of its primary
}

// use is the first use of an address, to report the second.
type use struct {
	group   string
	primary bool
	line    int
}

func (r *reader) groups(top *block) groupSet {
	base := baseSettings()
	if n := top.get("defaults"); n != nil {
		base = r.block(n, top.key("defaults"), "defaults", settingKeys...).inherit(base)
	}
	list := r.topEntries(top, "groups", "there is no server to ask")
	set := groupSet{address: map[string]string{}}
	uses := map[string]use{}
	for _, e := range list {
		r.checkOwnName(e.key, "groups."+e.name, e.name)
		g := r.group(e, base, uses)
		set.list = append(set.list, g)
		set.names = append(set.names, g.Name)
		set.address[g.Name] = g.Primary.Address
	}
	return set
}

func (r *reader) group(e entry, base settings, uses map[string]use) Group {
	path := "groups." + e.name
	g := Group{Name: e.name}
	if e.value.Kind == yaml.ScalarNode && !isNull(e.value) { // g0: 10.0.0.1:3306
		g.Primary = r.node(e.value, path, base, &nodeContext{group: e, uses: uses, primary: true})
		return g
	}
	b := r.block(e.value, e.key, path, append([]string{"primary", "replicas"}, settingKeys...)...)
	base = b.inherit(base)
	context := &nodeContext{group: e, uses: uses, primary: true}
	if b.require("primary", "add primary: host:port") {
		g.Primary = r.node(b.get("primary"), path+".primary", base, context)
	}
	if n := b.get("replicas"); n != nil {
		context.primary = false
		for i, item := range r.list(n, path+".replicas") {
			g.Replicas = append(g.Replicas, r.node(item, path+".replicas["+strconv.Itoa(i)+"]", base, context))
		}
	}
	return g
}

// nodeContext is what a node's reading needs to know of its surroundings.
type nodeContext struct {
	group   entry
	uses    map[string]use
	primary bool
	told    bool // missing credentials have been reported for this group
}

// node reads "host:port" or a mapping with an address.
func (r *reader) node(n *yaml.Node, path string, s settings, c *nodeContext) Node {
	weight := 1
	if c.primary {
		weight = 0
	}
	at := n
	if n.Kind == yaml.MappingNode {
		b := r.block(n, nil, path, append([]string{"address", "weight"}, settingKeys...)...)
		s = b.inherit(s)
		weight = b.number("weight", weight, 0, 1000)
		if !b.require("address", "add address: host:port") {
			return Node{}
		}
		n, path = b.get("address"), path+".address"
	}
	address, ok := r.address(n, path, false)
	if ok {
		r.checkUse(n, path, address, c)
	}
	if (!s.hasUser || !s.hasPassword) && !c.told {
		c.told = true
		what, hint := "user", "user: name"
		if s.hasUser {
			what, hint = "password", `password_env: NAME, password_file: path or password: ""`
		}
		r.fail(at, fmt.Sprintf("add %s to the node, to its group or to defaults:", hint),
			"groups.%s: there is no %s to log in to %s", c.group.name, what, orElse(address, "its servers"))
	}
	return Node{Address: address, User: s.user, Password: s.password, Weight: weight, TLS: s.tls, Pool: s.pool}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// checkUse reports a server that stands twice. Only primaries of different groups may be one server: several groups on
// one machine are a way to try things, and colliding tables are found by address.
func (r *reader) checkUse(n *yaml.Node, path, address string, c *nodeContext) {
	first, taken := c.uses[address]
	if !taken {
		c.uses[address] = use{group: c.group.name, primary: c.primary, line: n.Line}
		return
	}
	if first.primary && c.primary && first.group != c.group.name {
		return
	}
	r.fail(n, "name a server once", "%s: %s is already in group %s, on line %d", path, address, first.group, first.line)
}
