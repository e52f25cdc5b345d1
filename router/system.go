package router

// system.go: the databases that every server has, and what becomes of their tables. The rows of some tell of tables,
// users or connections: those are Virtual, Serval makes them, under logical names. Others are the same on every server
// and are read there. The rest is what an ordinary user may not read. It knows the names of the tables, not their rows.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/opcode"

	"serval/rewrite/fingerprint"
)

// InformationSchema is the database whose tables describe all others.
const InformationSchema = "information_schema"

// SystemDatabase gives the name under which servers know a system database, "" for any other name. Servers take
// information_schema in any case, the others as their file system does: exactly.
func SystemDatabase(name string) string {
	if strings.EqualFold(name, InformationSchema) {
		return InformationSchema
	}
	switch name {
	case "performance_schema", "mysql", "sys":
		return name
	}
	return ""
}

// Denied is a statement that an ordinary user may not carry out on a system table (error 1142), on its database (1044,
// Table is ""), or for want of the right PROCESS (1227).
type Denied struct {
	Command         string // "SELECT", "INSERT" …
	Database, Table string
	Process         bool
}

func (e *Denied) Error() string {
	if e.Process {
		return "Access denied; you need (at least one of) the PROCESS privilege(s) for this operation"
	}
	return e.Command + " denied on " + e.Database + "." + e.Table
}

// UnknownSystemTable is a table of information_schema that is not known here: a server says whether there is one.
type UnknownSystemTable struct{ Table string }

func (e *UnknownSystemTable) Error() string {
	return "Serval does not support reading information_schema." + e.Table
}

// virtualTables are filled by Serval. Names are in upper case.
var virtualTables = wordSet(` SCHEMATA SCHEMATA_EXTENSIONS TABLES TABLES_EXTENSIONS COLUMNS COLUMNS_EXTENSIONS STATISTICS KEY_COLUMN_USAGE
 TABLE_CONSTRAINTS TABLE_CONSTRAINTS_EXTENSIONS REFERENTIAL_CONSTRAINTS CHECK_CONSTRAINTS VIEWS VIEW_TABLE_USAGE VIEW_ROUTINE_USAGE PARTITIONS
 ROUTINES PARAMETERS ROUTINE_LIBRARIES LIBRARIES TRIGGERS EVENTS COLUMN_STATISTICS ST_GEOMETRY_COLUMNS GEOMETRY_COLUMNS
 TABLE_STATISTICS INDEX_STATISTICS FILES PROCESSLIST
 USER_PRIVILEGES SCHEMA_PRIVILEGES TABLE_PRIVILEGES COLUMN_PRIVILEGES USER_ATTRIBUTES
 APPLICABLE_ROLES ENABLED_ROLES ADMINISTRABLE_ROLE_AUTHORIZATIONS ROLE_COLUMN_GRANTS ROLE_ROUTINE_GRANTS ROLE_TABLE_GRANTS `)

// virtualPerformance are the tables of performance_schema that Serval fills.
var virtualPerformance = wordSet("processlist session_connect_attrs session_account_connect_attrs")

// commonTables are tables of information_schema that hold no names of users' tables: any server will do.
var commonTables = wordSet(` CHARACTER_SETS COLLATIONS COLLATION_CHARACTER_SET_APPLICABILITY ENGINES KEYWORDS PLUGINS ALL_PLUGINS PROFILING
 OPTIMIZER_TRACE RESOURCE_GROUPS ST_SPATIAL_REFERENCE_SYSTEMS SPATIAL_REF_SYS ST_UNITS_OF_MEASURE SQL_FUNCTIONS SYSTEM_VARIABLES GLOBAL_STATUS
 GLOBAL_VARIABLES SESSION_STATUS SESSION_VARIABLES KEY_CACHES TABLESPACES TABLESPACES_EXTENSIONS
 INNODB_METRICS INNODB_CMP INNODB_CMP_RESET INNODB_CMPMEM INNODB_CMPMEM_RESET INNODB_FT_DEFAULT_STOPWORD `)

// processTables are tables of information_schema whose rows are about the servers behind: the right PROCESS, which
// Serval's users do not have, is needed on them.
var processTables = wordSet(`CLIENT_STATISTICS USER_STATISTICS THREAD_POOL_GROUPS THREAD_POOL_QUEUES THREAD_POOL_STATS THREAD_POOL_WAITS`)

// readable are the tables of the other system databases that are read on a server.
var readable = map[string]map[string]bool{
	"performance_schema": wordSet(` global_variables session_variables variables_info variables_metadata global_variable_attributes
 global_status session_status persisted_variables keyring_keys log_status `),
	"mysql": wordSet(` time_zone time_zone_name time_zone_transition time_zone_transition_type time_zone_leap_second
 help_topic help_category help_keyword help_relation `),
	"sys": wordSet("version"),
}

// system finds what a table of a system database is. A virtual one is given a table of its own for each occurrence.
func (s *source) systemTable() {
	s.system = SystemDatabase(s.db)
	name := strings.ToUpper(s.node.Name.O)
	switch {
	case s.system == InformationSchema && virtualTables[name]:
	case s.system == "performance_schema" && virtualPerformance[s.node.Name.O]:
		name = s.node.Name.O
	default:
		return
	}
	s.table = &Table{Database: s.system, Name: name, Kind: Virtual, Shards: []Shard{{Database: "serval", Table: name}}}
}

// maySelect tells whether a system table that is not virtual may be read.
func (s *source) maySelect() error {
	name := s.node.Name.O
	if s.system != InformationSchema {
		if !readable[s.system][name] {
			return &Denied{Command: "SELECT", Database: s.system, Table: name}
		}
		return nil
	}
	switch name = strings.ToUpper(name); {
	case commonTables[name]:
		return nil
	case name == "USER_VARIABLES": // a connection has names of others' variables, as NULL
		return refuse("reading information_schema.USER_VARIABLES", nil, "select the variables by their names")
	case processTables[name] || strings.HasPrefix(name, "INNODB_"):
		return &Denied{Command: "SELECT", Database: s.system, Table: name, Process: true}
	}
	return &UnknownSystemTable{s.node.Name.O}
}

// systemSource notes a system table of the statement.
func (p *planning) systemSource(l *layout, src *source) error {
	if s, ok := p.stmt.(*ast.InsertStmt); ok && s.Select != nil && src != p.scope.sources[0] {
		l.system = append(l.system, src) // it is read by a SELECT of its own
		return nil
	}
	if p.plan.Verb != VerbSelect {
		return p.systemWrite(src)
	}
	l.system = append(l.system, src)
	if src.table != nil {
		p.plan.Virtuals = append(p.plan.Virtuals, VirtualTable{Database: src.system, Name: src.table.Name, only: p.narrow(src)})
		p.ref(src) // in the order of Virtuals
		return nil
	}
	if err := src.maySelect(); err != nil {
		return err
	}
	switch strings.ToUpper(src.node.Name.O) {
	case "SESSION_VARIABLES", "SYSTEM_VARIABLES":
		p.plan.InsertID = InsertIDAsk // the connection is given the session's id: last_insert_id is one of them
	}
	if src.node.Schema.O == "" {
		p.plan.DefaultDB = src.system
	}
	return nil
}

// systemWrite says why a statement that writes cannot have a system table in it.
func (p *planning) systemWrite(src *source) error {
	commands := map[Verb]string{VerbInsert: "INSERT", VerbReplace: "INSERT", VerbUpdate: "UPDATE", VerbDelete: "DELETE", VerbDDL: "ALTER"}
	if len(p.scope.sources) > 1 {
		return refuse("reading the system database '"+src.system+"' in a statement that writes", nil, "read it first")
	}
	if src.system == InformationSchema {
		return &Denied{Database: src.system}
	}
	return &Denied{Command: commands[p.plan.Verb], Database: src.system, Table: src.node.Name.O}
}

// system plans a query on system tables, maybe beside others that are whole in one group.
func (p *planning) system(l *layout) error {
	switch {
	case len(l.sharded) > 0:
		return refuse("a join of a sharded table with system tables", l.sharded[0].table, "ask for them separately")
	case len(l.whole) > 0 && len(l.groups) == 0:
		return p.differentGroups(l)
	case p.plan.Locking && len(l.whole) > 0:
		return refuse("a locking read beside system tables", nil, "ask for them separately")
	}
	groups := l.groups
	if len(l.whole) == 0 {
		p.plan.Anywhere = true
		groups = []string{p.anyGroup()}
	}
	if err := p.groupPlan(groups, nil, "system tables"); err != nil {
		return err
	}
	if len(p.plan.Virtuals) > 0 {
		p.plan.Kind = KindVirtual
		p.plan.Reason = "system tables of logical names, made by Serval"
	}
	return nil
}

// anyGroup is the default group of the current database, else the first.
func (p *planning) anyGroup() string {
	if d := p.cat.Databases[p.db]; d != nil {
		return d.DefaultGroup
	}
	if len(p.cat.Groups) > 0 {
		return p.cat.Groups[0]
	}
	return ""
}

// VirtualTable is one occurrence of a system table that Serval fills: the plan's table reference of the same index.
type VirtualTable struct {
	Database, Name string // as servers write them: "information_schema", "TABLES"
	only           []narrowing
}

// narrowing is a condition on the rows that matter: a column that names their database or table is one of some literals.
type narrowing struct {
	table   bool // it is the table's name that is compared, not the database's
	slot    int
	current bool // compared with DATABASE()
}

// narrow finds the conditions that hold for all rows of a virtual table that matter.
func (p *planning) narrow(src *source) []narrowing {
	var only []narrowing
	for f := src.filter; f != nil; f = f.parent {
		for _, cj := range f.conjuncts {
			splitAnd(cj.expr, func(e ast.ExprNode) {
				if n, ok := p.narrowing(src, e, cj.block); ok {
					only = append(only, n)
				}
			})
		}
	}
	return only
}

func (p *planning) narrowing(src *source, e ast.ExprNode, b *block) (n narrowing, ok bool) {
	switch x := e.(type) {
	case *ast.BinaryOperationExpr:
		if x.Op != opcode.EQ {
			return n, false
		}
		column, value := x.L, x.R
		if n.table, ok = namingColumn(src, column, b); !ok {
			column, value = x.R, x.L
			if n.table, ok = namingColumn(src, column, b); !ok {
				return n, false
			}
		}
		if f, is := value.(*ast.FuncCallExpr); is && (f.FnName.L == "database" || f.FnName.L == "schema") && !n.table {
			n.current = true
			return n, true
		}
		lit, ok := p.cs.operand(value)
		n.slot = lit.slot
		return n, ok && !lit.negate
	case *ast.PatternInExpr:
		if x.Not || x.Sel != nil {
			return n, false
		}
		if n.table, ok = namingColumn(src, x.Expr, b); !ok {
			return n, false
		}
		n.slot, ok = p.cs.slotAt(positionOf(x.List[0]))
		return n, ok && (p.st.Slots[n.slot].Kind == fingerprint.SlotList)
	}
	return n, false
}

// namingColumn tells whether an expression is the column of src that names a row's database, or (table) its table.
func namingColumn(src *source, e ast.ExprNode, b *block) (table, ok bool) {
	c, is := e.(*ast.ColumnNameExpr)
	if !is || strings.HasPrefix(src.table.Name, "VIEW_") {
		return false, false
	}
	if c.Name.Table.O != src.name && (c.Name.Table.O != "" || len(b.sources) != 1) || src.block.sources == nil || !contained(b, src) {
		return false, false
	}
	switch strings.ToUpper(c.Name.Name.O) {
	case "TABLE_SCHEMA", "SCHEMA_NAME", "CONSTRAINT_SCHEMA", "INDEX_SCHEMA", "EVENT_SCHEMA", "TRIGGER_SCHEMA", "EVENT_OBJECT_SCHEMA", "ROUTINE_SCHEMA", "SPECIFIC_SCHEMA":
		return false, true
	case "TABLE_NAME", "EVENT_OBJECT_TABLE":
		return true, true
	}
	return false, false
}

func contained(b *block, src *source) bool {
	for _, s := range b.sources {
		if s == src {
			return true
		}
	}
	return false
}

// Only gives the names that the rows that matter of virtual table i can have for their database and for their table,
// in a session whose current database is db; nil means any. Names that are not plain ASCII may matter in any case: how
// they compare is the server's to say.
func (p *Plan) Only(i int, st *fingerprint.Statement, db string) (databases, tables []string) {
	for _, n := range p.Virtuals[i].only {
		names, ok := []string{db}, true
		if !n.current {
			names, ok = literalNames(st, n.slot)
		}
		switch {
		case !ok:
		case n.table && tables == nil:
			tables = names
		case !n.table && databases == nil:
			databases = names
		}
	}
	return databases, tables
}

// literalNames reads a slot's literals as names; false when one of them is anything else.
func literalNames(st *fingerprint.Statement, slot int) ([]string, bool) {
	names := []string{}
	s := st.Slots[slot]
	for _, l := range st.Literals[s.First : s.First+s.Count] {
		text, kind := []byte(nil), l.Kind
		switch {
		case kind == fingerprint.String:
			text, _ = st.Decode(l, nil)
		case kind == fingerprint.Parameter && st.Bound != nil:
			kind, text = st.Bound.Value(int(l.Number))
		}
		if kind != fingerprint.String || !ASCIIName(string(text)) {
			return nil, false
		}
		names = append(names, string(text))
	}
	return names, true
}

// ASCIIName tells whether a name has nothing in it that collations treat in different ways, but for upper and lower case.
func ASCIIName(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return true
}
