package proxy

// temporary.go: temporary tables. They exist on a pinned connection only, and hide a logical table of the same name, sharded
// or not, from this session: it plans with a catalog of its own, laid over the servers', and with plans of its own. Which
// ones there are is asked of the server after every statement that may have made, renamed or dropped one.

import (
	"maps"
	"strings"

	"serval/proxy/backend"
	"serval/rewrite"
	"serval/router"
)

// privatePlans is how many plans a session with temporary tables keeps for itself.
const privatePlans = 128

// temporaries are a session's temporary tables.
type temporaries struct {
	tables map[router.TableKey]*router.Table
	base   *knowledge // what overlay was made of
	over   *knowledge // nil: to be made
}

// look sets what the session knows of data and servers for the next statement: the servers' tables and its temporary
// ones. Its error is the loss of a pinned connection.
func (c *session) look() error {
	if len(c.pins) > 0 {
		if err := c.pinsAlive(); err != nil {
			c.known = c.srv.known.Load()
			return err
		}
	}
	c.known = c.overlaid(c.srv.known.Load())
	return nil
}

// overlaid is base with the session's temporary tables.
func (c *session) overlaid(base *knowledge) *knowledge {
	t := &c.temporaries
	if len(t.tables) == 0 {
		return base
	}
	if t.over == nil || t.base != base {
		t.base, t.over = base, c.srv.overlay(base, t.tables)
	}
	return t.over
}

// overlay makes a catalog in which temporary tables hide those of the same name.
func (s *Server) overlay(base *knowledge, tables map[router.TableKey]*router.Table) *knowledge {
	cat := *base.catalog
	cat.Version = s.version.Add(1)
	cat.Databases = maps.Clone(cat.Databases)
	own := map[string]bool{}
	for key, t := range tables {
		d := cat.Databases[key.Database]
		if d == nil {
			continue
		}
		if !own[key.Database] {
			copied := *d
			copied.Tables = maps.Clone(d.Tables)
			d, own[key.Database] = &copied, true
			cat.Databases[key.Database] = d
		}
		d.Tables[key.Name] = t
	}
	over := *base
	over.catalog, over.plans = &cat, newPlanCache(privatePlans, &s.planCounters)
	return &over
}

// forget drops the tables of a group.
func (t *temporaries) forget(group string) {
	for key, table := range t.tables {
		if table.Shards[0].Group == group {
			delete(t.tables, key)
			t.over = nil
		}
	}
}

// temporary carries out a statement that may make or drop temporary tables: pinned, so that it runs where they stay.
func (c *session) temporary(p *router.Plan) (group string, err error) {
	group = c.legGroup(p)
	if c.joinsPrepared(group) && !c.known.flavor.mariadb {
		return group, notSupported("Serval does not support making a temporary table in a group (%s) that the transaction touches after another one (%s): MySQL has none in branches of two-phase commit; make it before the transaction", group, c.txn.branches[0].Group)
	}
	for _, key := range p.Named {
		if t := c.temporaries.tables[key]; t != nil && t.Shards[0].Group != group {
			return group, notSupported("Serval does not support temporary tables of one session in different groups under one name: drop '%s' first", key.Name)
		}
	}
	statement := pinReason{kind: pinStatement}
	if err := c.pin(group, statement); err != nil {
		return group, err
	}
	defer c.unpin(group, statement)
	return group, c.relayLeg(p, group)
}

// syncTemporaries asks the group's server which of the tables that a statement named are temporary ones now.
func (c *session) syncTemporaries(group string, named []router.TableKey) {
	if c.pins[group] == nil {
		return
	}
	statement := pinReason{kind: pinStatement} // a table that was renamed is gone before it is found again
	if !c.pins[group].reasons[statement] {
		c.addReason(c.pins[group], statement)
		defer c.unpin(group, statement)
	}
	for _, key := range named {
		d := c.known.catalog.Databases[key.Database]
		if d == nil || c.pins[group] == nil {
			continue
		}
		var t *router.Table
		err := c.onPinned(group, func(conn *backend.Conn) (err error) {
			t, err = readTemporary(conn, d, key)
			return err
		})
		if err != nil && !serverRefused(err) {
			return // the pin is lost, and the tables with it
		}
		c.setTemporary(group, key, t)
	}
}

// setTemporary notes a temporary table, or that there is none of that name (nil).
func (c *session) setTemporary(group string, key router.TableKey, t *router.Table) {
	reason := pinReason{pinTemporary, key.Database + "." + key.Name}
	had := c.temporaries.tables[key] != nil
	switch {
	case t != nil:
		if c.temporaries.tables == nil {
			c.temporaries.tables = map[router.TableKey]*router.Table{}
		}
		c.temporaries.tables[key] = t
		c.temporaries.over = nil
		c.addReason(c.pins[group], reason)
	case had:
		delete(c.temporaries.tables, key)
		c.temporaries.over = nil
		c.unpin(group, reason)
	}
}

// readTemporary reads a table's columns when it is a temporary one on this connection; nil when it is not.
func readTemporary(conn *backend.Conn, d *router.Database, key router.TableKey) (*router.Table, error) {
	physical := rewrite.Quote(d.Physical) + "." + rewrite.Quote(key.Name)
	rows, err := conn.Query("SHOW CREATE TABLE " + physical)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 || len(rows[0]) != 2 || !strings.HasPrefix(string(rows[0][1]), "CREATE TEMPORARY TABLE ") {
		return nil, nil
	}
	rows, err = conn.Query("SHOW FULL COLUMNS FROM " + physical)
	if err != nil {
		return nil, err
	}
	t := &router.Table{
		Database: key.Database, Name: key.Name, Kind: router.Unsharded, Temporary: true,
		Shards: []router.Shard{{Group: conn.Node().Group(), Database: d.Physical, Table: key.Name}},
	}
	for _, r := range rows { // Field, Type, Collation, Null, Key, Default, Extra …
		if len(r) < 7 {
			continue
		}
		dataType, rest, _ := strings.Cut(strings.ToLower(string(r[1])), " ")
		dataType, _, _ = strings.Cut(dataType, "(")
		extra := strings.ToLower(string(r[6]))
		t.Columns = append(t.Columns, router.Column{
			Name: string(r[0]), DataType: dataType, Unsigned: strings.Contains(rest, "unsigned"), Collation: string(r[2]),
			Nullable: string(r[3]) == "YES", HasDefault: r[5] != nil, Primary: string(r[4]) == "PRI",
			AutoIncrement: strings.Contains(extra, "auto_increment"), Generated: strings.Contains(extra, "generated"),
			Invisible: strings.Contains(extra, "invisible"),
		})
	}
	t.Seal()
	return t, nil
}
