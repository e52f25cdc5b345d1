package proxy

// catalogkeys.go: the unique keys, foreign keys and triggers of the catalog's tables.

import (
	"context"

	"serval/proxy/backend/schema"
	"serval/router"
)

// giveKeys tells a table what its first place says of its keys; foreign keys and triggers count wherever they are.
func (m *catalogMaker) giveKeys(ctx context.Context, t *router.Table) {
	for _, s := range t.Shards {
		k := m.keysOf(ctx, s.Group, s.Database)[s.Table]
		if k == nil {
			continue
		}
		t.Triggers, t.Refers, t.Referenced = t.Triggers || k.Triggers, t.Refers || k.Refers, t.Referenced || k.Referenced
		if t.Unique != nil {
			continue
		}
		for _, u := range k.Unique {
			t.Unique = append(t.Unique, router.UniqueKey(u))
		}
	}
}

// keysOf are the keys of a physical database's tables, read once per catalog.
func (m *catalogMaker) keysOf(ctx context.Context, group, database string) map[string]*schema.Keys {
	id := group + "\x00" + database
	keys, ok := m.keys[id]
	if ok || len(m.columns[id]) == 0 { // the second: it has no tables, or could not be read
		return keys
	}
	keys, err := schema.ReadKeys(ctx, m.cluster.Group(group).Primary(), database)
	if err != nil {
		m.failed = true
		m.log.Warn("the keys of tables could not be read", "group", group, "database", database, "error", err)
	}
	m.keys[id] = keys
	return keys
}
