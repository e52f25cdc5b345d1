package proxy

// sessionstmt.go: statements that the session answers or acts on itself.

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/proxy/wire"
	"serval/router"
)

func (c *session) sessionStatement(p *router.Plan) error {
	if p.Show != nil {
		return c.showStatement(p.Show)
	}
	switch {
	case p.NextValue != nil:
		return c.nextValue(p.NextValue)
	case p.Kill != nil:
		return c.killStatement(p.Kill)
	case p.TableLock == router.UnlockTables:
		return c.unlockTables()
	case p.TableLock == router.FlushAll:
		return c.flushTables()
	}
	switch s := p.Stmt.(type) {
	case *ast.UseStmt:
		return c.okUnless(c.use(c.known, s.DBName))
	case *ast.BeginStmt:
		return c.begin(s)
	case *ast.CommitStmt:
		return c.finish(s.CompletionType, false)
	case *ast.RollbackStmt:
		if s.SavepointName != "" {
			return c.rollbackTo(s.SavepointName, false)
		}
		return c.finish(s.CompletionType, true)
	case *ast.SetStmt:
		return c.set(p)
	case *ast.SavepointStmt:
		return c.savepoint(s.Name)
	case *ast.ReleaseSavepointStmt:
		return c.rollbackTo(s.Name, true)
	case *ast.PrepareStmt:
		return c.prepareNamed(s)
	case *ast.ExecuteStmt:
		return c.executeNamed(s)
	case *ast.DeallocateStmt:
		return c.deallocate(s)
	case *ast.ShowStmt:
		return c.show(s)
	case *ast.ExplainStmt:
		if show, ok := s.Stmt.(*ast.ShowStmt); ok {
			return c.show(show)
		}
	}
	return notSupported("Serval does not support this statement yet")
}

// okUnless answers OK, or returns the error.
func (c *session) okUnless(err error) error {
	if err != nil {
		return err
	}
	c.rowCount = 0
	c.warnings = c.warnings[:0]
	return clientError(c.ok(&wire.OK{}))
}

func (c *session) show(s *ast.ShowStmt) error {
	switch s.Tp {
	case ast.ShowWarnings, ast.ShowErrors:
		if s.CountWarningsOrErrors {
			return c.countWarnings(s.Tp == ast.ShowErrors)
		}
		return c.showWarnings(s.Tp == ast.ShowErrors)
	case ast.ShowProcessList:
		return c.showProcesses(s)
	}
	return notSupported("Serval does not support this SHOW statement")
}

// relayText asks a group a statement that the session made.
func (c *session) relayText(group, sql string, p *router.Plan) error {
	c.patch.start(p)
	p.Anywhere = true
	c.patch.unaliased = true
	c.sql = append(c.sql[:0], sql...)
	if c.describing != nil {
		return c.describeText(group)
	}
	return c.relaySQL(p, group, "")
}
