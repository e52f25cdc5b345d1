package config

// transactions.go: how transactions over several groups are committed.

import "gopkg.in/yaml.v3"

// Transactions says what happens to a transaction that has written in more than one group.
type Transactions struct {
	AcrossGroups string // Atomic (default), BestEffort or Single
	Database     string // Serval's own on every server, for decisions; default "serval"
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
		b = r.block(n, nil, "transactions", "across_groups", "database")
	}
	t := Transactions{AcrossGroups: b.choice("across_groups", Atomic, AcrossGroups()...), Database: b.text("database", defaultOwnDatabase)}
	if at := b.get("database"); at != nil {
		r.checkOwnName(at, "transactions.database", t.Database)
	}
	return t
}
