package router

// schemachange.go: what a plan of KindSchema says: one statement that changes tables, as one physical statement for each
// place in which they are. It does not know how they are carried out (proxy/schemachange.go), nor what was done before.

// SchemaVerb is what a schema change does.
type SchemaVerb uint8

// The verbs of schema changes.
const (
	SchemaCreate   SchemaVerb = iota // CREATE TABLE, VIEW, DATABASE
	SchemaAlter                      // ALTER TABLE, CREATE and DROP INDEX
	SchemaDrop                       // DROP TABLE, VIEW, DATABASE
	SchemaRename                     // RENAME TABLE, ALTER TABLE … RENAME
	SchemaTruncate                   // TRUNCATE TABLE
	SchemaOther                      // ANALYZE and the like: they leave the tables as they are
)

func (v SchemaVerb) String() string {
	return [...]string{"create", "alter", "drop", "rename", "truncate", "other"}[v]
}

// SchemaChange is a statement of KindSchema.
type SchemaChange struct {
	Verb SchemaVerb
	// Tables are the logical tables (views; a Name of "" is the database itself) that it changes, old and new names, in
	// the statement's order. Each is locked against other schema changes.
	Tables []TableKey
	// Places are all physical statements, group by group in the configuration's order, shards in theirs.
	Places []SchemaPlace
	// Declares are the layouts that the statement declares: kept before the places are changed.
	Declares []SchemaDeclaration
	// Forgets are tables that are not there any more afterwards (DROP; the old name of a rename): what is kept of them
	// (declaration, sequence) goes when all places are done.
	Forgets []TableKey
	// Renames are the tables that have another name afterwards; their old names are not in Forgets.
	Renames []TableRename
	// AutoIncrement is what the statement says of the next id, 0: nothing.
	AutoIncrement uint64
	// Clears are the tables whose ids begin at one again (TRUNCATE).
	Clears []TableKey
}

// TableRename is a table's old and new name.
type TableRename struct{ From, To TableKey }

// SchemaDeclaration is the layout that a CREATE TABLE declares: its words as in a comment, nothing left open.
type SchemaDeclaration struct {
	Table TableKey
	Words string // "shard_by=user_id; shards=8; algorithm=hash_mod; groups=g0,g1"
}

// SchemaPlace is the statement for one place.
type SchemaPlace struct {
	Group string
	// Database is the physical database that is to be the current one, "" when none is needed.
	Database string
	// Shard is the shard's number, -1 when the place is a whole table's.
	Shard int
	SQL   string
	// Objects are the physical tables and views whose shape the statement may change, old and new names: by their shapes
	// is seen whether it was carried out. One with an empty Table is the database.
	Objects []SchemaObject
}

// SchemaObject is a physical table with the name that clients know.
type SchemaObject struct {
	Logical         TableKey
	Database, Table string
}
