package router

// plan.go: what is known of a statement's shape once it has been analysed. A Plan is immutable and shared by all
// sessions; what depends on a statement's literals is worked out by Route.

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// Kind says how a statement is carried out.
type Kind uint8

// The kinds of plan.
const (
	KindSession   Kind = iota // the session itself answers or acts: SET, USE, BEGIN, SHOW … (Stmt says what)
	KindGroup                 // the whole statement on one group
	KindShards                // on the one shard that the keys decide, or scattered over several
	KindInsert                // rows split by shard
	KindBroadcast             // a write that goes to every group that holds a copy
	KindVirtual               // a query on system tables that Serval fills (Virtuals), run on one group
	KindSchema                // a schema change in all places of its tables (Schema)
	KindGather                // a query on tables in several groups, run on gathered rows (Gather)
)

func (k Kind) String() string {
	return [...]string{"session", "group", "shards", "insert", "broadcast", "virtual", "schema", "gather"}[k]
}

// Verb is what a statement does.
type Verb uint8

// The verbs.
const (
	VerbOther Verb = iota
	VerbSelect
	VerbInsert
	VerbReplace
	VerbUpdate
	VerbDelete
	VerbCall
	VerbTemporary // makes or drops temporary tables: no implicit commit, and nobody else sees it
	VerbDDL
	VerbShow
)

// Plan is the way of all statements of one shape.
type Plan struct {
	Kind Kind
	Verb Verb
	Stmt ast.StmtNode // KindSession only: nobody changes it
	Kill *Kill        // KindSession: KILL
	Show *Show        // KindSession only: in place of Stmt
	// NextValue is set for SELECT NEXT VALUE FOR what Serval numbers. KindSession only.
	NextValue *NextValue
	Locking   bool   // SELECT … FOR UPDATE / LOCK IN SHARE MODE
	Reason    string // why this kind, for EXPLAIN ROUTE
	File      bool   // LOAD DATA LOCAL: the server asks for a file of the client's

	// Commits: a server commits what is open before it carries the statement out, even when that fails.
	Commits bool
	// Temporary: the statement may make temporary tables: it runs on the connection that the session keeps for them.
	Temporary bool
	// Named are the tables that a schema change names, under the session's names.
	Named []TableKey

	// TableLock says what it does with LOCK TABLES.
	TableLock TableLock
	// Handler is set for HANDLER, Procedure for CALL.
	Handler   *Handler
	Procedure *Procedure
	// Locks are the named locks that the statement is about, nil when it is about none.
	Locks *LockUse
	// FoundRows: the statement has SQL_CALC_FOUND_ROWS.
	FoundRows bool
	// Explains: it is an EXPLAIN.
	Explains bool
	// Returning: it ends in RETURNING: a write whose answer are rows. MySQL has no such thing.
	Returning bool
	// RowClauses: it has VALUES ROW(…) or an alias of the rows. MariaDB has no such thing.
	RowClauses bool
	// FromSelect: it writes the rows of a SELECT.
	FromSelect bool
	// Asked are the lookup indexes that tell where rows are that the keys do not decide for.
	Asked []Asked
	// Kept are the lookup indexes that the statement's changes concern.
	Kept *LookupWrite
	// WritesLookup: it writes a lookup index itself: Serval's own steps do.
	WritesLookup bool
	// Steps says how it is done where its keys do not lead into one shard; AlwaysSteps: even where they do.
	Steps       Steps
	AlwaysSteps bool
	// Load is a LOAD DATA LOCAL into a table in several places (StepsLoad).
	Load *Load
	// Into is what the rows of a SELECT go into (StepsInsertSelect).
	Into *Into
	// Values is the table of an INSERT some of whose values are asked for first (StepsValues).
	Values *Table
	// ReadsTarget: its subqueries read that table, which MySQL refuses.
	ReadsTarget bool
	// undescribed: it has no template that a server could prepare.
	undescribed bool
	// offset is the slot of the statement's own OFFSET, counted from 1; 0: it has none.
	offset int
	// Own: the plan is for this very statement; others of the same shape are planned by themselves.
	Own bool

	// Databases are the logical databases it names, for the check of the user's rights.
	Databases []string

	// DefaultDB is the physical database that the backend connection must be in, "" when every name is qualified.
	DefaultDB string
	// Anywhere: no table is named; inside a transaction its own connection serves.
	Anywhere bool
	// UsesTime: the statement asks for the time, which must be one and the same on every leg.
	UsesTime bool

	// StoresTime: it writes a table some of whose columns may be given the time by default.
	StoresTime bool

	// Groups that can carry out a KindGroup statement, in catalog order; for KindBroadcast the groups that must;
	// for KindShards the groups that hold its other tables whole (nil: there are none).
	Groups []string

	// Schema is set for KindSchema.
	Schema *SchemaChange

	// Virtuals are the system tables that Serval fills, in the order of the template's references.
	Virtuals []VirtualTable

	template rewrite.Template
	refs     []*Table // per table reference of the template
	sources  []shardSource

	scatter        *Scatter // how to ask several shards, nil when that is refused
	scatterRefusal *Refusal

	// Numbers: the statement inserts into a table that Serval numbers the rows of.
	Numbers *Numbering

	// Gather is how it runs on rows gathered from several places, nil when it cannot. KindShards: where its keys do not lead
	// to one place.
	Gather *Gather

	insert *insertPlan
	moving *moving // UPDATE of a shard key
	pins   []pin

	// Renames are the names that servers use and clients must not see.
	Renames []Rename
	// Typed are columns that are the value of a session function: their type is to be the function's.
	Typed []TypedColumn
	// InsertID says what an INSERT does to LAST_INSERT_ID().
	InsertID InsertID
	// Users are its user variables.
	Users UserVariables
	// Calls: it calls what may be a stored function, or a view that it names may.
	Calls bool
	// Set are the items of a SET; its text for a server is SessionSQL.
	Set []Assignment
	// AnyDatabase: the connection needs some current database, whichever (DELETE of several tables).
	AnyDatabase bool
	// Sharded is a sharded table of the statement (for messages and metrics), nil when there is none.
	Sharded *Table
}

// TableReferences is the number of places in which the statement names a table.
func (p *Plan) TableReferences() int { return len(p.refs) }

// TypedColumn is a column of the result that is a session function.
type TypedColumn struct {
	Column int
	Piece  rewrite.Piece
}

// InsertID says what the id in an OK packet means for LAST_INSERT_ID().
type InsertID uint8

// The meanings of an OK packet's id.
const (
	InsertIDNone      InsertID = iota // an explicit value at most: LAST_INSERT_ID() stays
	InsertIDGenerated                 // the first generated id
	InsertIDAsk                       // either: the server has to be asked
)

// shardSource is one occurrence of a sharded table.
type shardSource struct {
	table  *Table
	ref    int  // index in refs
	cond   Cond // which keys its rows can have
	driver bool // on a scatter, its shards are the ones to ask
}

// pin is a literal that the plan was made for: a statement of the same shape with another needs another plan.
type pin struct {
	slot int // not a literal's index: lists before it may have any length
	text string
}

// Rename maps a physical table to the logical one.
type Rename struct{ Table *Table }

// Scatter says how several shards' results become one.
type Scatter struct {
	template rewrite.Template
	Hidden   int       // columns at the end of each row that the client does not see
	Keys     []SortKey // empty: the shards' rows one after the other
	Whole    bool      // it has groups (GROUP BY, DISTINCT, windows), each of them whole on one shard
	// limit and offset are slots, -1 when absent.
	limit, offset int
}

// Limited tells whether the statement has a LIMIT.
func (s *Scatter) Limited() bool { return s.limit >= 0 }

// SortKey is one ORDER BY item of a scatter.
type SortKey struct {
	// Column is the index of the visible column that holds the key, or -1 when it is hidden column Hidden.
	Column, Hidden int
	Class          SortClass
	Desc           bool
	Collation      string // SortText: of the column
	Extreme        bool   // SortUnknown: GREATEST or LEAST
}

// SortClass says how a key's text compares.
type SortClass uint8

// The classes. SortUnknown keys come as three hidden columns (value, WEIGHT_STRING, COLLATION): the result's own
// column types decide.
const (
	SortNumber SortClass = iota
	SortFloat
	SortBytes
	SortTime
	SortText // a WEIGHT_STRING under Collation
	SortUnknown
	// SortArithmetic keys come as two: the value, and the value as a double, whose text hides no digits.
	SortArithmetic
)

// Apart tells whether no group can prepare the statement for a description: it is done in steps that have places of their own.
func (p *Plan) Apart() bool { return p.undescribed }

// Pinned tells whether the plan was made for the literals of st.
func (p *Plan) Pinned(st *fingerprint.Statement) bool {
	for _, pin := range p.pins {
		s := st.Slots[pin.slot]
		if string(st.Text[s.Start:s.End]) != pin.text {
			return false
		}
	}
	return true
}

// Cacheable tells whether other statements of the same shape may use the plan.
func (p *Plan) Cacheable(st *fingerprint.Statement) bool {
	return !st.Ambiguous && !p.Own && (p.Kind != KindSession || len(st.Literals) == 0)
}

// SessionSQL is the text of a session's statement for a server.
func (p *Plan) SessionSQL(dst []byte, st *fingerprint.Statement, args *rewrite.Arguments) []byte {
	return p.template.Render(dst, st, args)
}

// Writes tells whether the statement changes rows or tables.
func (p *Plan) Writes() bool { return p.Verb >= VerbInsert && p.Verb <= VerbDDL }
