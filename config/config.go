// Package config turns the operator's YAML file into a validated *Config, or into every error that the file has,
// each with its file, line, column and what to do about it.
package config

import (
	"io/fs"
	"net/netip"
	"strings"
	"time"
)

// config.go: what the rest of Serval reads. A Config is complete (defaults filled in, settings inherited, patterns
// expanded, passwords fetched) and checked; nobody changes it after Load. This package knows YAML and names; it does
// not know how a key is hashed or how a server is reached.

// Config is one validated configuration file.
type Config struct {
	File      string // as given to Load
	Listeners []Listener
	Admin     Admin
	Log       Log
	Users     []User     // in file order
	Groups    []Group    // in file order: the fixed order in which groups are asked
	Databases []Database // in file order

	Transactions Transactions
	IDs          IDs
	Gather       Gather
	PlanCache    int // plans kept, 1 or more; default 10000
	MaxPrepared  int // statements that all clients may have prepared at a time; default 100000
	MaxPacket    int // largest statement in bytes, like max_allowed_packet; default 64 MiB
}

// Listener is one address at which clients connect.
type Listener struct {
	Address string // "127.0.0.1:3307"; ":3307" is every interface; port 0 takes a free one. With a slash: a Unix socket
	TLS     *ListenerTLS
	// ProxyFrom are the networks whose connections begin with a header of the PROXY protocol, which says who the
	// client is.
	ProxyFrom   []netip.Prefix
	Permissions fs.FileMode // of a Unix socket
}

// Unix tells whether the address is the path of a Unix socket.
func (l *Listener) Unix() bool { return strings.Contains(l.Address, "/") }

// ListenerTLS is what clients of a listener are offered. Its files could be read and parsed when the configuration was
// loaded; they are read again when they change.
type ListenerTLS struct {
	Cert, Key  string // files of the server's certificate
	ClientCA   string // file of the authorities of clients' certificates; "" asks for none
	ClientCert bool   // a client must show a certificate; without it only what is shown is checked
	Require    bool   // clients without TLS are refused, but for those on a Unix socket
}

// Admin is the HTTP listener for health and metrics.
type Admin struct {
	Address string // "" is off; default "127.0.0.1:6070"
}

// Log says what is logged and how.
type Log struct {
	Level      string // debug, info (default), warn or error
	Format     string // text (default) or json
	Statements bool   // statements may be logged with their literals; default false
}

// User may log in to Serval. Printed in any way, its password shows as "***".
type User struct {
	Name      string
	Password  string   // from password, password_env or password_file
	Databases []string // logical databases that it may use; nil is all of them
	NeedsTLS  bool     // it may only log in over TLS
	Admin     bool     // it sees all sessions and may KILL them
	Limits    Limits   // of its statements
}

// MayUse tells whether the user may use a logical database.
func (u *User) MayUse(database string) bool {
	if len(u.Databases) == 0 {
		return true
	}
	for _, d := range u.Databases {
		if d == database {
			return true
		}
	}
	return false
}

// Group is a primary node and its replicas: the unit of replication.
type Group struct {
	Name     string
	Primary  Node
	Replicas []Node
}

// Node is one server. Its settings are its own, else its group's, else those of the defaults block.
// Printed in any way, its password shows as "***".
type Node struct {
	Address  string // "host:port"
	User     string
	Password string
	Weight   int // share of reads, 0 to 1000; 0 is none. Default 1 for replicas, 0 for primaries
	TLS      TLS
	Pool     Pool
}

// The ways to use TLS towards a server, named as MySQL's --ssl-mode names them.
const (
	TLSOff            = "off"             // default
	TLSRequired       = "required"        // encrypted; the server's certificate is not checked
	TLSVerifyCA       = "verify_ca"       // signed by CA (the system's authorities when CA is empty)
	TLSVerifyIdentity = "verify_identity" // and issued for ServerName
)

// TLS is how a node is encrypted. Its files could be read and parsed when the configuration was loaded.
type TLS struct {
	Mode       string
	CA         string // file of PEM certificates, for the verify modes; relative paths have been resolved
	Cert, Key  string // files of a client certificate; both or neither
	ServerName string // name in the server's certificate; the address's host when empty
}

// Pool limits the connections to one node.
type Pool struct {
	Max            int           // open connections at most; default 100
	MaxIdle        int           // of those, kept while unused; default Max
	MaxLifetime    time.Duration // a connection older than this is replaced when it is free; 0 is never; default 1h
	IdleTimeout    time.Duration // an unused connection is closed after this; 0 is never; default 5m
	AcquireTimeout time.Duration // how long a statement waits for a connection; default 10s
	ConnectTimeout time.Duration // TCP connection and login; default 5s
}

// Database is a logical database: what a client names in USE.
type Database struct {
	Name         string
	DefaultGroup string // group of the tables that are not listed
	Physical     string // its name on the servers; default Name
	Tables       []Table
	Limits       Limits // of statements that name it
}

// TableKind says how a table is laid out over the groups.
type TableKind string

// The kinds of table.
const (
	Vertical  TableKind = "vertical"  // whole in one group
	Sharded   TableKind = "sharded"   // cut into shards
	Broadcast TableKind = "broadcast" // a whole copy in every one of its groups
)

// Table is a logical table that is not simply in its database's default group.
type Table struct {
	Name   string
	Kind   TableKind
	Group  string   // Vertical
	Groups []string // Broadcast: never empty; all groups by default
	Shard  *Shard   // Sharded
	Lookup []Lookup // Sharded: columns that are unique over all shards
	IDs    string   // Sharded and Broadcast: Segment or Snowflake; "" is not written, and means Segment
	Line   int      // of the table's name in the file
	// Declared is set for a table that is not in the file but declared in SQL.
	Declared *Declaration
}

// The sharding algorithms.
const (
	ByHashMod  = "hash_mod"
	ByHashSlot = "hash_slot"
	ByRange    = "range"
	ByList     = "list"
	ByDate     = "date"
	ByJump     = "jump"
)

// MaxShards is the largest number of shards of one table.
const MaxShards = 1024

// MaxSlots is the largest number of slots of a hash_slot table.
const MaxSlots = 16384

// Shard says how a table is cut. Only the fields of its algorithm are set.
type Shard struct {
	Column    string     // the shard key
	By        string     // one of the By constants
	Binding   string     // tables of one binding have the same algorithm and, shard by shard, the same group
	Locations []Location // where each shard is; their number is the number of shards, 1 to MaxShards

	Slots   int          // hash_slot: a power of two, at least the number of shards
	SlotMap []int        // hash_slot: slot → shard, len Slots
	Ranges  []RangeBound // range: one per shard, ascending and without gaps
	Lists   []ListValues // list: one per shard
	Unit    string       // date: "day", "month" or "year"
	Start   string       // date: first day of shard 0 as "2006-01-02", also where the unit is longer; shard i holds start + i units
}

// Location is one shard's place.
type Location struct{ Group, Database, Table string }

// Value is a shard key in the file: of a range or of a list.
type Value struct {
	Text    string // decimal digits with an optional minus sign when Integer, else the text itself
	Integer bool   // in the range of int64 or of uint64
}

// RangeBound is one shard's range: keys k with From ≤ k < To. A nil bound is open: only the first From and
// the last To can be. All bounds of a table are integers or all are texts. Integers are checked to ascend; texts cannot
// be, as their order is the column's collation's.
type RangeBound struct{ From, To *Value }

// ListValues is one shard's list.
type ListValues struct {
	Values  []Value // no value is in two lists; all of a table are integers or all are texts
	Default bool    // this shard also takes every key that is in no list; one shard at most
}
