package router

// planner.go: from a statement's text to its plan. Runs once per shape; nothing here is on the way of a statement
// whose plan is known.

import (
	"bytes"
	"fmt"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite/fingerprint"
)

// Planner makes plans. It is safe for concurrent use.
type Planner struct {
	parser *statementParser
}

// NewPlanner makes a planner.
func NewPlanner() *Planner { return &Planner{parser: newStatementParser()} }

// planning is the work on one statement.
type planning struct {
	parser *statementParser
	cat    *Catalog
	st     *fingerprint.Statement
	stmt   ast.StmtNode
	absent clauses
	db     string // the session's database, "" when none is chosen
	text   *splicer
	head   *headName // of CREATE TABLE … SELECT
	scope  *scope
	uses   *functionUse
	cs     conditions
	plan   *Plan
	refOf  map[*source]int
	named  []fieldText // fields that were given their text as a name
}

// UnknownDatabase is a reference to a database that is not configured (error 1049).
type UnknownDatabase struct{ Name string }

func (e *UnknownDatabase) Error() string { return "unknown database '" + e.Name + "'" }

// NoDatabase is an unqualified table while no database is chosen (error 1046).
type NoDatabase struct{}

func (*NoDatabase) Error() string { return "no database selected" }

// NoSuchTable is a table that clients do not see (error 1146).
type NoSuchTable struct{ Database, Table string }

func (e *NoSuchTable) Error() string {
	return "Table '" + e.Database + "." + e.Table + "' doesn't exist"
}

// Plan analyses a statement. Its error is a *Refusal, *SyntaxError, *UnknownDatabase, *NoDatabase or *NoSuchTable.
func (pl *Planner) Plan(st *fingerprint.Statement, db string, cat *Catalog) (*Plan, error) {
	p := &planning{
		parser: pl.parser, cat: cat, st: st, db: db,
		cs: conditions{st}, refOf: map[*source]int{}, plan: &Plan{Commits: Commits(st)},
	}
	if show := readShow(st); show != nil {
		return p.plan, p.showing(show)
	}
	if done, err := p.ownWords(); done || err != nil {
		return p.plan, err
	}
	stmt, clauses, err := pl.parser.parseClauses(string(st.Text[:st.End]), st.Mode)
	if err != nil {
		return nil, &SyntaxError{err}
	}
	p.stmt, p.absent, p.plan.Returning, p.plan.RowClauses = stmt, clauses, clauses.returning, clauses.alias || clauses.rows
	if err := p.dispatch(); err != nil {
		return nil, err
	}
	return p.plan, nil
}

func (p *planning) dispatch() error {
	switch s := p.stmt.(type) {
	case *ast.SelectStmt:
		return p.query(s)
	case *ast.SetOprStmt:
		return p.query(s)
	case *ast.InsertStmt:
		return p.insert(s)
	case *ast.UpdateStmt:
		return p.update(s)
	case *ast.DeleteStmt:
		return p.delete(s)
	case *ast.ExplainStmt:
		return p.explain(s)
	}
	return p.other()
}

// analyse fills in what is common to SELECT, INSERT, UPDATE and DELETE before their tables are walked.
func (p *planning) analyse() error {
	p.uses = functionsOf(p.stmt)
	p.plan.UsesTime = p.uses.usesTime
	if bytes.Contains(bytes.ToLower(p.st.Key), []byte("set_var")) { // sql_select_limit would hold on each shard
		p.uses.setUnsafe("the hint SET_VAR")
	}
	p.text = newSplicer(p.st)
	p.userVariables()
	p.scope = &scope{cat: p.cat, db: p.db}
	for _, name := range p.uses.schemas {
		d, err := p.database(name)
		if err != nil {
			return err
		}
		if d.Physical != d.Name {
			return refuse("stored functions of the database '"+name+"', whose physical name is another", nil, "USE it and leave the database out")
		}
	}
	switch {
	case p.uses.into:
		return refuse("SELECT … INTO", nil, "read the rows in the client")
	case p.uses.session != "":
		return refuse("the function or variable "+p.uses.session, nil, "it tells of one server's connection, not of the session")
	}
	return p.lockUse()
}

// layout is a statement's tables, sorted by kind.
type layout struct {
	sharded   []*source
	whole     []*source // unsharded, broadcast, and tables that are not in the catalog
	system    []*source // of system databases
	broadcast int
	groups    []string // groups that hold all of whole; nil when whole is empty
}

// layout checks the databases that are named and sorts the sources.
func (p *planning) layout() (*layout, error) {
	l := &layout{}
	for _, src := range p.scope.sources {
		if src.system != "" {
			if err := p.systemSource(l, src); err != nil {
				return nil, err
			}
			continue
		}
		d, err := p.database(src.db)
		if err != nil {
			return nil, err
		}
		if src.table == nil && d.Hidden[src.node.Name.O] {
			return nil, &NoSuchTable{d.Name, src.node.Name.O}
		}
		if src.table != nil && src.table.Kind == Sharded {
			l.sharded = append(l.sharded, src)
			p.plan.Sharded = src.table
			p.rename(src.table)
			continue
		}
		p.plan.Calls = p.plan.Calls || src.table != nil && src.table.Calls
		l.whole = append(l.whole, src)
		if src.table != nil && src.table.Kind == Broadcast {
			l.broadcast++
		}
		if src.node.Schema.O == "" {
			p.plan.DefaultDB = d.Physical
		}
		switch {
		case d.Physical == d.Name:
		case src.table != nil:
			p.rename(src.table)
		default: // it is newer than the catalog, or there is none
			place := Shard{Group: d.DefaultGroup, Database: d.Physical, Table: src.node.Name.O}
			p.rename(&Table{Database: d.Name, Name: src.node.Name.O, Shards: []Shard{place}})
		}
	}
	if len(l.whole) > 0 {
		l.groups = p.commonGroups(l.whole)
	}
	return l, nil
}

func (p *planning) rename(t *Table) {
	for _, r := range p.plan.Renames {
		if r.Table == t {
			return
		}
	}
	p.plan.Renames = append(p.plan.Renames, Rename{Table: t})
}

func (p *planning) database(name string) (*Database, error) {
	if name == "" {
		return nil, &NoDatabase{}
	}
	if d := p.cat.Databases[name]; d != nil {
		p.noteDatabase(name)
		return d, nil
	}
	if system := SystemDatabase(name); system != "" {
		return nil, &Denied{Database: system}
	}
	return nil, &UnknownDatabase{name}
}

// noteDatabase notes a database whose use the session must check against its user's rights.
func (p *planning) noteDatabase(name string) {
	for _, d := range p.plan.Databases {
		if d == name {
			return
		}
	}
	p.plan.Databases = append(p.plan.Databases, name)
}

// commonGroups are the groups in which every one of the tables is whole, in catalog order.
func (p *planning) commonGroups(sources []*source) []string {
	var groups []string
	for _, g := range p.cat.Groups {
		all := true
		for _, src := range sources {
			all = all && p.livesIn(src, g)
		}
		if all {
			groups = append(groups, g)
		}
	}
	return groups
}

func (p *planning) livesIn(src *source, group string) bool {
	if src.table == nil { // unknown: the default group says that it does not exist
		return p.cat.Databases[src.db].DefaultGroup == group
	}
	_, ok := src.table.In(group)
	return ok
}

// groupPlan sends the whole statement to one of the groups.
func (p *planning) groupPlan(groups []string, plain *source, reason string, args ...any) error {
	if p.plan.Locks != nil {
		if !contains(groups, p.cat.Groups[0]) {
			return refuse("named locks together with tables of another group than "+p.cat.Groups[0], nil, "all named locks are in that group: take the lock in a statement of its own")
		}
		groups = p.cat.Groups[:1]
	}
	t, err := p.splice(plain)
	if err != nil {
		return err
	}
	p.plan.Kind = KindGroup
	p.plan.Groups = groups
	p.plan.Reason = fmt.Sprintf(reason, args...)
	p.plan.template = t
	return p.replaceFunctions(nil)
}

// noTables plans a statement that names no table.
func (p *planning) noTables() error {
	p.plan.Anywhere = true
	group := p.anyGroup()
	if p.plan.Locks != nil {
		group = p.cat.Groups[0]
	}
	if d := p.cat.Databases[p.db]; d != nil && (p.plan.Locks == nil || d.DefaultGroup == group) { // else it need not be there
		p.plan.DefaultDB = d.Physical
	}
	return p.groupPlan([]string{group}, nil, "no table is named: the default group")
}

// differentGroups refuses a mix of whole tables that no group has together.
func (p *planning) differentGroups(l *layout) error {
	first, second := l.whole[0], l.whole[0]
	for _, src := range l.whole[1:] {
		if len(p.commonGroups([]*source{first, src})) == 0 {
			second = src
		}
	}
	return &Refusal{
		Construct: "one statement over tables in different groups",
		Table:     first.db + "." + first.node.Name.O + "' and '" + second.db + "." + second.node.Name.O,
		Remedy:    "ask for them separately, put them in one group, or make the smaller one a broadcast table",
	}
}

// shardSources finds what the keys of the sharded tables can be.
func (p *planning) shardSources(l *layout) {
	for i, src := range l.sharded {
		p.asked(i, src)
		p.plan.sources = append(p.plan.sources, shardSource{table: src.table, ref: p.ref(src), cond: p.cs.of(src)})
	}
}

// shardsPlan is the plan for one shard; asking several is up to the caller.
func (p *planning) shardsPlan(l *layout, plain *source) error {
	if l.whole != nil && len(l.groups) == 0 {
		return p.differentGroups(l)
	}
	if p.st.Executable {
		return refuse("executable comments (/*! … */)", l.sharded[0].table, "some servers would run what they hold and others not; write it without the comment")
	}
	if p.plan.Locks != nil {
		return refuse("named locks in a statement on a sharded table", l.sharded[0].table, "take the lock in a statement of its own")
	}
	p.shardSources(l) // before splice exchanges the tree's names
	t, err := p.splice(plain)
	if err != nil {
		return err
	}
	p.plan.Kind = KindShards
	p.plan.AnyDatabase = p.plan.AnyDatabase || p.uses.unsafe != "" // a function may be looked up in the current database
	p.plan.Groups = l.groups
	p.plan.template = t
	return nil
}

// explain plans EXPLAIN SELECT … like the statement inside; DESCRIBE and the like are the session's.
func (p *planning) explain(s *ast.ExplainStmt) error {
	if _, ok := s.Stmt.(*ast.ShowStmt); ok {
		return p.other()
	}
	switch s.Stmt.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt:
		if err := p.query(s.Stmt); err != nil {
			return err
		}
		if p.plan.Kind == KindGather {
			return refuse("EXPLAIN of a query on tables in different groups", nil, "EXPLAIN ROUTE shows what is asked where")
		}
		p.plan.scatter, p.plan.Gather = nil, nil
		p.plan.scatterRefusal = refuse("EXPLAIN over several shards", p.plan.Sharded, "name one key, or use EXPLAIN ROUTE to see the shards")
		if p.plan.Kind == KindVirtual {
			return refuse("EXPLAIN of a query on system tables", nil, "Serval fills them for each statement: there is no plan to show")
		}
		p.plan.Verb, p.plan.Explains = VerbShow, true
		p.plan.Typed = nil // the result is not the statement's
		return nil
	}
	return refuse("EXPLAIN of this statement", nil, "EXPLAIN ROUTE shows where it goes")
}
