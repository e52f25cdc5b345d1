// Package router decides where a statement goes. It is pure: it knows statements, the catalog and arguments,
// and neither sockets nor sessions, so its tests are tables and need no server.
package router

import (
	"strings"

	"serval/config"
	"serval/rewrite"
)

// catalog.go: what a client sees (logical databases and tables) and where it lives (shards).
// A Catalog is immutable once built: a change of schema or configuration makes a new one with a higher Version,
// and plans made from the old one are no longer found.

// TableKind says how a logical table is laid out over groups.
type TableKind uint8

// The three layouts of a table.
const (
	Unsharded TableKind = iota // whole in one group (vertical, or the default group of its database)
	Sharded                    // cut into shards by its shard key
	Broadcast                  // a whole copy in every group of its list
	Virtual                    // one occurrence of a system table that Serval fills: a temporary table (system.go)
)

func (k TableKind) String() string {
	return [...]string{"unsharded", "sharded", "broadcast", "virtual"}[k]
}

// Origin says who knows a table.
type Origin uint8

// The origins.
const (
	OriginServers Origin = iota // it is there, in the default group of its database
	OriginFile                  // the configuration names it
	OriginSQL                   // its CREATE TABLE declared it
)

// Shard is one physical location of a logical table.
type Shard struct {
	Group    string // name of the group whose primary holds it
	Database string // physical database
	Table    string // physical table
}

// Column is one column as the servers describe it (information_schema.columns).
type Column struct {
	Name          string
	DataType      string // DATA_TYPE in lower case: "bigint", "varchar", "enum", "timestamp" …
	Unsigned      bool
	CharLength    uint64 // CHARACTER_MAXIMUM_LENGTH, 0 where there is none
	Collation     string // COLLATION_NAME, "" for types without one
	Nullable      bool
	HasDefault    bool // COLUMN_DEFAULT is not NULL
	AutoIncrement bool
	Generated     bool
	Invisible     bool // not in SELECT *, nor in an INSERT without a column list
	Primary       bool
}

// Table is a logical table. Columns is empty until the servers have been read.
type Table struct {
	Database string
	Name     string
	Kind     TableKind

	// Sharded only.
	Key       string    // the shard key's column
	Algorithm Algorithm // key → index in Shards
	Binding   string    // tables with the same non-empty Binding are cut alike; "" binds to nothing else

	// Lookups are its lookup indexes.
	Lookups []*Lookup
	// LookupOf is the table whose lookup index this is, nil for all others.
	LookupOf *Table
	// Origin says who knows where the table is; Declared is its declaration when that is OriginSQL.
	Origin   Origin
	Declared *config.Declaration

	// Constraints are the foreign keys and checks of a sharded table that have the same name on all shards: they were
	// made on the servers.
	Constraints map[string]bool

	// IDs says how Serval numbers its rows: of Sharded and Broadcast tables with an AUTO_INCREMENT column.
	IDs IDs

	// Calls: it is a view, and may call stored functions.
	Calls bool

	// Temporary: it is one session's own, on the connection that the session is pinned to.
	Temporary bool

	// Shards lists every place the table is in: one for Unsharded, one per shard for Sharded (in shard order),
	// one per group for Broadcast.
	Shards  []Shard
	Columns []Column

	// Unique are the unique keys, the primary key first; they are not known of temporary tables.
	Unique []UniqueKey
	// Triggers: it has some. Refers: it has foreign keys. Referenced: others' refer to it.
	Triggers, Refers, Referenced bool

	targets []rewrite.Target // quoted names of Shards: see Seal
}

// TableKey names a logical table.
type TableKey struct{ Database, Name string }

// Column finds a column by name, case-insensitively as MySQL does; nil when it is not there.
func (t *Table) Column(name string) *Column {
	for i := range t.Columns {
		if strings.EqualFold(t.Columns[i].Name, name) {
			return &t.Columns[i]
		}
	}
	return nil
}

// KeyColumn is the shard key's column, or nil when the table has no key or its columns are not known.
func (t *Table) KeyColumn() *Column {
	if t.Key == "" {
		return nil
	}
	return t.Column(t.Key)
}

// In returns the table's place in the named group: for Unsharded and Broadcast tables, where there is at most one.
func (t *Table) In(group string) (Shard, bool) {
	for _, s := range t.Shards {
		if s.Group == group {
			return s, true
		}
	}
	return Shard{}, false
}

// BoundTo tells whether rows of t and o with equal keys live in the same shard number, on the same node.
func (t *Table) BoundTo(o *Table) bool {
	if t == o {
		return true
	}
	return t.Kind == Sharded && o.Kind == Sharded && t.Binding != "" && t.Binding == o.Binding
}

// Database is a logical database.
type Database struct {
	Name         string
	DefaultGroup string
	Physical     string // database that holds the unsharded tables of this one in every group
	Tables       map[string]*Table
	Collation    string // of the physical database, "" when it is not known
	// Hidden are physical tables beside the unsharded ones that are shards of others: clients do not see them.
	Hidden map[string]bool
}

// Catalog is everything the planner knows about data.
type Catalog struct {
	Version   uint64
	Databases map[string]*Database
	Groups    []string // in configuration order: the fixed order in which groups are asked
	Own       string   // Serval's own database on the servers
	Sequences []string // for SELECT NEXT VALUE FOR Own.name
	// Config is the configuration with the tables that were declared in SQL; nil where none can be.
	Config *config.Config
	// SpaceWeights holds, per collation of the columns, WEIGHT_STRING(' ') for PAD SPACE and an empty slice for NO PAD
	// collations; a collation that is nil or absent has no order that could be merged.
	SpaceWeights map[string][]byte
}

// Table finds a logical table: db is the qualifier, or the session's database when there is none.
func (c *Catalog) Table(db, name string) *Table {
	d := c.Databases[db]
	if d == nil {
		return nil
	}
	return d.Tables[name]
}

// mayStoreTime tells whether a column may be given the time without being named: by its default, or ON UPDATE.
func (t *Table) mayStoreTime() bool {
	if t == nil {
		return false
	}
	for i := range t.Columns {
		switch t.Columns[i].DataType {
		case "datetime", "timestamp", "date", "time":
			return true
		}
	}
	return false
}
