package router

// other.go: statements that are neither SELECT nor changes of rows. What the session does itself keeps its tree;
// schema changes of whole tables are passed to their group; everything else is refused by name.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

func (p *planning) other() error {
	switch s := p.stmt.(type) {
	case *ast.SetStmt:
		return p.set(s)
	case *ast.UseStmt, *ast.BeginStmt, *ast.CommitStmt, *ast.RollbackStmt, *ast.SavepointStmt, *ast.ReleaseSavepointStmt, *ast.ShowStmt, *ast.ExplainStmt:
		if err := p.harmless(); err != nil {
			return err
		}
		p.plan.Kind, p.plan.Stmt = KindSession, p.stmt
		p.plan.Reason = "the session answers"
		return nil
	case *ast.PrepareStmt, *ast.ExecuteStmt, *ast.DeallocateStmt:
		return p.namedStatement()
	case *ast.CreateTableStmt:
		if s.TemporaryKeyword != ast.TemporaryNone {
			return p.createTemporary(s)
		}
		return p.schema(s.Select != nil)
	case *ast.DropTableStmt:
		if s.TemporaryKeyword != ast.TemporaryNone {
			return p.dropTemporary(s)
		}
		return p.schema(false)
	case *ast.AlterTableStmt, *ast.TruncateTableStmt, *ast.CreateIndexStmt, *ast.DropIndexStmt, *ast.RenameTableStmt:
		return p.schema(false)
	case *ast.AnalyzeTableStmt:
		return p.schema(false)
	case *ast.CallStmt:
		return p.call(s)
	case *ast.DoStmt:
		return p.do(s)
	case *ast.LoadDataStmt:
		return p.loadData(s)
	}
	return refuse("the statement "+p.firstWords(), nil, "it comes with a later version; until then send it to the servers directly")
}

// harmless refuses what SET and SHOW … WHERE could do beside what they are for: read tables, take locks, call functions.
func (p *planning) harmless() error {
	p.uses = functionsOf(p.stmt)
	u := p.uses
	switch {
	case u.subquery:
		return refuse("subqueries in SET and SHOW", nil, "ask for the value first")
	case u.session != "" || len(u.locks) > 0 || u.strange != "" || u.setsID:
		return refuse("such functions and variables in SET and SHOW", nil, "ask for the value first")
	}
	return nil
}

// set plans SET: a server carries it out, with the session's own values for the functions that ask for them.
func (p *planning) set(s *ast.SetStmt) error {
	if err := p.harmless(); err != nil {
		return err
	}
	p.text = newSplicer(p.st)
	p.userVariables()
	if p.plan.Set = setItems(p.text.tokens); p.plan.Set == nil {
		return refuse("this form of SET", nil, "SET name = value works")
	}
	for _, a := range p.plan.Set {
		if a.Form == SetUser {
			p.plan.Users.assign(a.Name)
		}
	}
	p.plan.Kind, p.plan.Stmt, p.plan.Reason = KindSession, s, "the session's state"
	if err := p.cutOwn(); err != nil {
		return err
	}
	return p.replaceFunctions(nil)
}

// firstWords names a statement by how it begins.
func (p *planning) firstWords() string {
	words := strings.Fields(string(p.st.Text[:min(p.st.End, 60)]))
	if len(words) > 2 {
		words = words[:2]
	}
	return strings.ToUpper(strings.Join(words, " "))
}

// do plans DO without tables.
func (p *planning) do(s *ast.DoStmt) error {
	if err := p.analyse(); err != nil {
		return err
	}
	if p.uses.setsID {
		return refuse("LAST_INSERT_ID(expression) in DO", nil, "use it in an INSERT or UPDATE")
	}
	b := p.scope.newBlock(nil, nil, nil)
	for _, e := range s.Exprs {
		p.scope.expressions(e, b)
	}
	if p.scope.subs {
		return refuse("DO with subqueries", nil, "use SELECT")
	}
	return p.noTables()
}

// schemaTables collects the table names of a DDL statement.
type schemaTables struct{ names []*ast.TableName }

func (v *schemaTables) Enter(n ast.Node) (ast.Node, bool) {
	switch t := n.(type) {
	case *ast.TableName:
		v.names = append(v.names, t)
	case *ast.AlterTableSpec:
		if t.NewTable != nil { // RENAME TO: the parser's walk leaves it out
			v.names = append(v.names, t.NewTable)
		}
	}
	return n, false
}

func (v *schemaTables) Leave(n ast.Node) (ast.Node, bool) { return n, true }

// schema passes a schema change of unsharded tables to their group.
func (p *planning) schema(selects bool) error {
	p.plan.Verb = VerbDDL
	if selects {
		return refuse("CREATE TABLE … SELECT", nil, "create the table and insert into it")
	}
	v := &schemaTables{}
	p.stmt.Accept(v)
	var groups []string
	for _, n := range v.names {
		g, err := p.schemaGroup(n)
		if err != nil {
			return err
		}
		if !contains(groups, g) {
			groups = append(groups, g)
		}
	}
	if len(groups) != 1 {
		return refuse("a schema change over several groups", nil, "change the tables one by one")
	}
	p.plan.Kind, p.plan.Groups, p.plan.Reason = KindGroup, groups, "the table is whole in the group"
	return nil
}

// schemaDatabase is the database of a table that a schema change names.
func (p *planning) schemaDatabase(n *ast.TableName) (*Database, error) {
	name := n.Schema.O
	if name == "" {
		name = p.db
	}
	d, err := p.database(name)
	if err != nil {
		return nil, err
	}
	p.plan.Named = append(p.plan.Named, TableKey{name, n.Name.O})
	if n.Schema.O == "" {
		p.plan.DefaultDB = d.Physical
	} else if d.Physical != d.Name {
		return nil, refuse("schema changes that name the database, whose physical name is another", nil, "USE %s and leave the database out", d.Name)
	}
	return d, nil
}

func (p *planning) schemaGroup(n *ast.TableName) (string, error) {
	d, err := p.schemaDatabase(n)
	if err != nil {
		return "", err
	}
	t := d.Tables[n.Name.O]
	switch {
	case d.Hidden[n.Name.O] && t == nil:
		return "", refuse("a table of the name '"+n.Name.O+"'", nil, "the servers have a shard of that name")
	case t == nil:
		return d.DefaultGroup, nil
	case t.Kind == Unsharded:
		return t.Shards[0].Group, nil
	}
	return "", refuse("schema changes", t, "change the physical tables on the servers (all of them), then send Serval SIGHUP")
}
