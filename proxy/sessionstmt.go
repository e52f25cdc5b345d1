package proxy

// sessionstmt.go: statements that the session answers or acts on itself.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/proxy/wire"
	"serval/router"
)

func (c *session) sessionStatement(p *router.Plan) error {
	switch s := p.Stmt.(type) {
	case *ast.UseStmt:
		return c.okUnless(c.use(c.known, s.DBName))
	case *ast.BeginStmt:
		return c.begin(s)
	case *ast.CommitStmt:
		return c.finish(s.CompletionType, false)
	case *ast.RollbackStmt:
		if s.SavepointName != "" {
			return notSupported("Serval does not support savepoints yet (ROLLBACK TO %s)", s.SavepointName)
		}
		return c.finish(s.CompletionType, true)
	case *ast.SetStmt:
		return c.set(s)
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
			return notSupported("Serval does not support SHOW COUNT(*) WARNINGS: use SHOW WARNINGS")
		}
		return c.showWarnings(s.Tp == ast.ShowErrors)
	case ast.ShowDatabases:
		return c.showDatabases(s)
	case ast.ShowTables:
		return c.showTables(s)
	case ast.ShowVariables, ast.ShowStatus, ast.ShowCharset, ast.ShowCollation, ast.ShowEngines:
		return c.relayText(c.defaultGroup(), string(c.st.Text[:c.st.End]), &router.Plan{Verb: router.VerbShow})
	case ast.ShowColumns, ast.ShowCreateTable, ast.ShowIndex:
		return c.showTable(s)
	}
	return notSupported("Serval does not support this SHOW statement yet: SHOW DATABASES, TABLES, COLUMNS, CREATE TABLE, VARIABLES, STATUS and WARNINGS work")
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

// pattern makes a matcher of SHOW … LIKE; WHERE is refused.
func pattern(s *ast.ShowStmt) (func(string) bool, string, error) {
	if s.Where != nil {
		return nil, "", notSupported("Serval does not support SHOW … WHERE: use LIKE")
	}
	if s.Pattern == nil {
		return func(string) bool { return true }, "", nil
	}
	v, ok := s.Pattern.Pattern.(ast.ValueExpr)
	if !ok {
		return nil, "", notSupported("Serval does not support SHOW … LIKE with an expression")
	}
	like := v.GetString()
	return func(name string) bool { return matchLike(strings.ToLower(name), strings.ToLower(like)) }, like, nil
}

// matchLike matches % (anything), _ (one character) and backslash escapes.
func matchLike(s, like string) bool {
	return likeRunes([]rune(s), []rune(like))
}

// likeRunes goes back to the last % only, so that no pattern takes long.
func likeRunes(s, like []rune) bool {
	at, pos, star, mark := 0, 0, -1, 0
	for at < len(s) {
		switch {
		case pos < len(like) && like[pos] == '%':
			star, mark = pos, at
			pos++
			continue
		case pos+1 < len(like) && like[pos] == '\\' && like[pos+1] == s[at]:
			pos += 2
			at++
			continue
		case pos < len(like) && like[pos] != '\\' && (like[pos] == '_' || like[pos] == s[at]):
			pos++
			at++
			continue
		case star < 0:
			return false
		}
		mark++
		at, pos = mark, star+1
	}
	for pos < len(like) && like[pos] == '%' {
		pos++
	}
	return pos == len(like)
}
