package proxy

// explain.go: EXPLAIN ROUTE: where a statement would go, what each shard would be asked, and why. Nothing is sent.

import (
	"fmt"
	"strconv"

	"serval/proxy/wire"
	"serval/router"
)

// answerRoute explains a statement.
func (c *session) answerRoute(text []byte) error {
	c.st.Scan(text, c.state.mode)
	p, err := c.plan()
	if err != nil {
		return err
	}
	if p == nil {
		return protocolError(codeEmptyQuery, "42000", "Query was empty")
	}
	for _, d := range p.Databases {
		if !c.user.MayUse(d) {
			return c.denied(d)
		}
	}
	t := c.newTable("", "shard", wire.TypeVarString, "group", wire.TypeVarString, "sql", wire.TypeVarString, "plan", wire.TypeVarString, "reason", wire.TypeVarString)
	if p.Kind == router.KindSession {
		t.add("", "", "", "session", p.Reason)
		return c.answerTable(t)
	}
	c.setArguments()
	if err := c.narrowed(p, c.route.Resolve(p, &c.st)); err != nil {
		return err
	}
	if len(c.route.Legs) > 1 && !c.route.Merged {
		if err := c.mayWriteAcross(c.legGroups()); err != nil {
			return err
		}
	}
	plan, reason := c.route.Explain()
	if err := c.mayReach(p); err != nil {
		reason += "; refused: " + toClient(err).Message
	}
	if c.route.Stepped {
		t.add("", "", string(c.currentText()), plan, reason)
	}
	if c.route.Gathered {
		c.explainGathered(t, plan, reason)
		return c.answerTable(t)
	}
	for i, leg := range c.route.Legs {
		shard, group := "", leg.Group
		if leg.Shard >= 0 {
			shard = strconv.Itoa(leg.Shard)
		}
		if group == "" {
			group = c.legGroup(p)
		}
		t.add(shard, group, string(c.route.SQL(nil, i, &c.st, &c.args)), plan, reason)
	}
	return c.answerTable(t)
}

// explainGathered shows what is read from where, and then the statement that runs on it.
func (c *session) explainGathered(t *table, plan, reason string) {
	group := c.scratchGroup()
	for i := range c.route.Copies {
		of := &c.route.Copies[i]
		if place, ok := of.StaysIn(group); ok && c.readsInPlace(of) {
			c.route.StandIn(i, place.Full())
			continue
		}
		for _, at := range of.Places {
			shard := ""
			if of.Table.Kind == router.Sharded {
				shard = strconv.Itoa(at)
			}
			t.add(shard, of.Table.Shards[at].Group, of.Read("*", at), plan, "the rows of "+of.Table.Name+" that can matter")
		}
		c.route.StandIn(i, fmt.Sprintf("copy %d of %s", i, of.Table.Name))
	}
	t.add("", group, string(c.route.SQL(nil, 0, &c.st, &c.args)), plan, reason)
}
