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
		return p.schema()
	case *ast.DropTableStmt:
		if s.TemporaryKeyword != ast.TemporaryNone {
			return p.dropTemporary(s)
		}
		return p.schema()
	case *ast.AlterTableStmt, *ast.TruncateTableStmt, *ast.CreateIndexStmt, *ast.DropIndexStmt, *ast.RenameTableStmt:
		return p.schema()
	case *ast.AnalyzeTableStmt:
		return p.schema()
	case *ast.CallStmt:
		return p.call(s)
	case *ast.DoStmt:
		return p.do(s)
	case *ast.LoadDataStmt:
		return p.loadData(s)
	}
	if done, err := p.databases(); done {
		return err
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
