package config

// transactions.go: how transactions over several groups are committed.

import (
	"slices"

	"gopkg.in/yaml.v3"
)

// Transactions says what happens to a transaction that has written in more than one group.
type Transactions struct {
	AcrossGroups string // Atomic (default), BestEffort or Single
	// Autocommit is Atomic (default) or BestEffort: of one statement that writes in several groups outside of a transaction.
	Autocommit string
	Database   string // Serval's own on every server, for decisions; default "serval"
}

// The ways to commit in several groups.
const (
	Atomic     = "atomic"      // all groups commit or none: two-phase commit
	BestEffort = "best_effort" // group after group; a failure half-way leaves the earlier ones committed
	Single     = "single"      // writing in a second group is an error
)

// AcrossGroups are the values of Transactions.AcrossGroups.
func AcrossGroups() []string { return []string{Atomic, BestEffort, Single} }

const defaultOwnDatabase = "serval"

func (r *reader) transactions(n *yaml.Node) Transactions {
	b := &block{r: r, path: "transactions"}
	if n != nil {
		b = r.block(n, nil, "transactions", "across_groups", "multi_shard_autocommit", "database")
	}
	t := Transactions{AcrossGroups: b.choice("across_groups", Atomic, AcrossGroups()...), Autocommit: b.choice("multi_shard_autocommit", Atomic, Atomic, BestEffort), Database: b.text("database", defaultOwnDatabase)}
	if at := b.get("database"); at != nil && r.checkDatabaseName(at, "transactions.database", t.Database) {
		r.checkOwnName(at, "transactions.database", t.Database)
	}
	return t
}

// retiredKey says what a key that was there once is today, "" for all others.
func retiredKey(key string) string {
	if key == "multi_group_writes" {
		return "it is transactions: {across_groups: …} now: best_effort as before, single in place of refuse, or atomic"
	}
	return ""
}

// checkOwnDatabase reports databases that are in the way of the one in which Serval keeps its decisions.
func (r *reader) checkOwnDatabase(c *Config, keys []*yaml.Node, tables []*tableNode) {
	own := folded(c.Transactions.Database)
	const hint = "call it otherwise, or give transactions.database another name"
	for i, d := range c.Databases {
		switch {
		case folded(d.Name) == own:
			r.fail(keys[i], hint, "databases.%s: %q is Serval's own database on the servers (transactions.database)", d.Name, d.Name)
		case folded(d.Physical) == own:
			r.fail(keys[i], hint, "databases.%s: its physical database %q is Serval's own on the servers (transactions.database)", d.Name, d.Physical)
		}
	}
	for _, t := range tables {
		inside := func(l Location) bool { return folded(l.Database) == own }
		if t.table.Kind == Sharded && t.table.Shard != nil && slices.ContainsFunc(t.table.Shard.Locations, inside) && folded(t.database.Physical) != own {
			r.fail(t.key, hint, "table %s: a shard is in the database %q, which is Serval's own on the servers (transactions.database)", t.path(), c.Transactions.Database)
		}
	}
}
