package schemaview

// specs.go: which columns of a system table name databases, tables and constraints, and how the rows of a table's shards
// become one. It says nothing of values.

// spec describes a table of information_schema whose rows belong to tables or databases.
type spec struct {
	schema string // the column that names the database
	table  string // the column that names the table; "" where rows belong to databases
	owner  string // instead of table: an expression that gives it, on the table under the name of x

	schemas []string    // further columns that name the same database
	also    [][2]string // further pairs that name a database and a table, either may be ""
	names   []string    // constraints, whose names may begin with the physical table's
	texts   []string    // definitions with names between backticks

	every         bool     // the rows of all shards count
	key           []string // tells the rows of one table apart, where every
	sum, min, max []string // how they are put together; all other columns are the first shard's
	none          []string // columns that say nothing for several shards
	order         []string // numbers by which the rows of one table are sorted
}

// specs are found by the table's name.
func specs(table string) (spec, bool) {
	switch table {
	case "SCHEMATA":
		return spec{schema: "SCHEMA_NAME"}, true
	case "SCHEMATA_EXTENSIONS":
		return spec{schema: "SCHEMA_NAME"}, true
	case "TABLES":
		return spec{schema: "TABLE_SCHEMA", table: "TABLE_NAME", every: true,
			sum: []string{"TABLE_ROWS", "DATA_LENGTH", "INDEX_LENGTH", "DATA_FREE"}, min: []string{"CREATE_TIME"},
			max: []string{"UPDATE_TIME", "CHECK_TIME", "AUTO_INCREMENT"}, none: []string{"CHECKSUM"}}, true
	case "COLUMNS":
		return spec{schema: "TABLE_SCHEMA", table: "TABLE_NAME", order: []string{"ORDINAL_POSITION"}}, true
	case "STATISTICS":
		return spec{schema: "TABLE_SCHEMA", table: "TABLE_NAME", schemas: []string{"INDEX_SCHEMA"}, every: true,
			key: []string{"INDEX_NAME", "SEQ_IN_INDEX"}, sum: []string{"CARDINALITY"}}, true
	case "PARTITIONS":
		return spec{schema: "TABLE_SCHEMA", table: "TABLE_NAME", every: true, key: []string{"PARTITION_NAME", "SUBPARTITION_NAME"},
			sum: []string{"TABLE_ROWS", "DATA_LENGTH", "INDEX_LENGTH", "DATA_FREE"}, min: []string{"CREATE_TIME"},
			max: []string{"UPDATE_TIME", "CHECK_TIME"}, none: []string{"CHECKSUM"}}, true
	case "KEY_COLUMN_USAGE":
		return spec{schema: "TABLE_SCHEMA", table: "TABLE_NAME", schemas: []string{"CONSTRAINT_SCHEMA"}, names: []string{"CONSTRAINT_NAME"},
			also: [][2]string{{"REFERENCED_TABLE_SCHEMA", "REFERENCED_TABLE_NAME"}}}, true
	case "TABLE_CONSTRAINTS":
		return spec{schema: "TABLE_SCHEMA", table: "TABLE_NAME", schemas: []string{"CONSTRAINT_SCHEMA"}, names: []string{"CONSTRAINT_NAME"}}, true
	case "TABLE_CONSTRAINTS_EXTENSIONS":
		return spec{schema: "CONSTRAINT_SCHEMA", table: "TABLE_NAME", names: []string{"CONSTRAINT_NAME"}}, true
	case "REFERENTIAL_CONSTRAINTS":
		return spec{schema: "CONSTRAINT_SCHEMA", table: "TABLE_NAME", names: []string{"CONSTRAINT_NAME"},
			also: [][2]string{{"UNIQUE_CONSTRAINT_SCHEMA", "REFERENCED_TABLE_NAME"}}}, true
	case "CHECK_CONSTRAINTS":
		return spec{schema: "CONSTRAINT_SCHEMA", table: "TABLE_NAME", names: []string{"CONSTRAINT_NAME"},
			owner: "(SELECT o.TABLE_NAME FROM information_schema.TABLE_CONSTRAINTS o WHERE o.CONSTRAINT_SCHEMA = x.CONSTRAINT_SCHEMA " +
				"AND o.CONSTRAINT_NAME = x.CONSTRAINT_NAME AND o.CONSTRAINT_TYPE = 'CHECK' LIMIT 1)"}, true
	case "TABLES_EXTENSIONS", "COLUMNS_EXTENSIONS", "ST_GEOMETRY_COLUMNS":
		return spec{schema: "TABLE_SCHEMA", table: "TABLE_NAME"}, true
	case "COLUMN_STATISTICS":
		return spec{schema: "SCHEMA_NAME", table: "TABLE_NAME"}, true
	case "GEOMETRY_COLUMNS":
		return spec{schema: "F_TABLE_SCHEMA", table: "F_TABLE_NAME", also: [][2]string{{"G_TABLE_SCHEMA", "G_TABLE_NAME"}}}, true
	case "TABLE_STATISTICS":
		return spec{schema: "TABLE_SCHEMA", table: "TABLE_NAME", every: true, sum: []string{"ROWS_READ", "ROWS_CHANGED", "ROWS_CHANGED_X_INDEXES"}}, true
	case "INDEX_STATISTICS":
		return spec{schema: "TABLE_SCHEMA", table: "TABLE_NAME", every: true, key: []string{"INDEX_NAME"}, sum: []string{"ROWS_READ"}}, true
	case "VIEWS":
		return spec{schema: "TABLE_SCHEMA", table: "TABLE_NAME", texts: []string{"VIEW_DEFINITION"}}, true
	case "TRIGGERS":
		return spec{schema: "EVENT_OBJECT_SCHEMA", table: "EVENT_OBJECT_TABLE", schemas: []string{"TRIGGER_SCHEMA"},
			texts: []string{"ACTION_STATEMENT"}}, true
	}
	return objectSpecs(table)
}

// objectSpecs are those of views' uses and of stored programs, which belong to a database.
func objectSpecs(table string) (spec, bool) {
	switch table {
	case "VIEW_TABLE_USAGE":
		return spec{schema: "VIEW_SCHEMA", table: "VIEW_NAME", also: [][2]string{{"TABLE_SCHEMA", "TABLE_NAME"}}}, true
	case "VIEW_ROUTINE_USAGE":
		return spec{schema: "TABLE_SCHEMA", table: "TABLE_NAME", also: [][2]string{{"SPECIFIC_SCHEMA", ""}}}, true
	case "ROUTINES":
		return spec{schema: "ROUTINE_SCHEMA", texts: []string{"ROUTINE_DEFINITION"}}, true
	case "PARAMETERS":
		return spec{schema: "SPECIFIC_SCHEMA"}, true
	case "ROUTINE_LIBRARIES":
		return spec{schema: "ROUTINE_SCHEMA", also: [][2]string{{"LIBRARY_SCHEMA", ""}}}, true
	case "LIBRARIES":
		return spec{schema: "LIBRARY_SCHEMA"}, true
	case "EVENTS":
		return spec{schema: "EVENT_SCHEMA", texts: []string{"EVENT_DEFINITION"}}, true
	}
	return spec{}, false
}
