package proxy

// sessionstmt.go: statements that the session answers or acts on itself.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/format"

	"serval/proxy/wire"
	"serval/rewrite"
	"serval/router"
)

func (c *session) sessionStatement(p *router.Plan) error {
	switch s := p.Stmt.(type) {
	case *ast.UseStmt:
		return c.okUnless(c.use(c.known, s.DBName))
	case *ast.BeginStmt:
		return c.begin(s)
	case *ast.CommitStmt:
		return c.finish(s.CompletionType, "")
	case *ast.RollbackStmt:
		return c.finish(s.CompletionType, s.SavepointName)
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
	case ast.ShowColumns, ast.ShowCreateTable:
		return c.showTable(s)
	}
	return notSupported("Serval does not support this SHOW statement yet: SHOW DATABASES, TABLES, COLUMNS, CREATE TABLE, VARIABLES, STATUS and WARNINGS work")
}

// relayText asks a group a statement that the session made.
func (c *session) relayText(group, sql string, p *router.Plan) error {
	c.patch.plan = p
	p.Anywhere = true
	c.sql = append(c.sql[:0], sql...)
	return c.relaySQL(p, group)
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
	for like != "" {
		switch like[0] {
		case '%':
			for i := 0; i <= len(s); i++ {
				if matchLike(s[i:], like[1:]) {
					return true
				}
			}
			return false
		case '\\':
			if len(like) > 1 {
				like = like[1:]
			}
			if s == "" || s[0] != like[0] {
				return false
			}
		case '_':
			if s == "" {
				return false
			}
		default:
			if s == "" || s[0] != like[0] {
				return false
			}
		}
		s, like = s[1:], like[1:]
	}
	return s == ""
}

func (c *session) showDatabases(s *ast.ShowStmt) error {
	match, like, err := pattern(s)
	if err != nil {
		return err
	}
	header := "Database"
	if like != "" {
		header += " (" + like + ")"
	}
	t := newTable("SCHEMATA", header, wire.TypeVarString)
	for _, name := range sortedKeys(c.known.catalog.Databases) {
		if c.user.MayUse(name) && match(name) {
			t.add(name)
		}
	}
	c.warnings = c.warnings[:0]
	return c.answerTable(t)
}

func (c *session) showTables(s *ast.ShowStmt) error {
	name := s.DBName
	if name == "" {
		name = c.db
	}
	if name == "" {
		return &router.NoDatabase{}
	}
	d := c.known.catalog.Databases[name]
	switch {
	case d == nil:
		return &router.UnknownDatabase{Name: name}
	case !c.user.MayUse(name):
		return c.denied(name)
	}
	match, like, err := pattern(s)
	if err != nil {
		return err
	}
	header := "Tables_in_" + name
	if like != "" {
		header += " (" + like + ")"
	}
	columns := []any{header, wire.TypeVarString}
	if s.Full {
		columns = append(columns, "Table_type", wire.TypeVarString)
	}
	t := newTable("TABLES", columns...)
	for _, table := range sortedKeys(d.Tables) {
		switch {
		case !match(table):
		case s.Full:
			t.add(table, "BASE TABLE")
		default:
			t.add(table)
		}
	}
	c.warnings = c.warnings[:0]
	return c.answerTable(t)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	for i := range keys { // few names: insertion is enough
		for j := i; j > 0 && keys[j] < keys[j-1]; j-- {
			keys[j], keys[j-1] = keys[j-1], keys[j]
		}
	}
	return keys
}

// showTable answers SHOW COLUMNS, DESCRIBE and SHOW CREATE TABLE from the table's first shard.
func (c *session) showTable(s *ast.ShowStmt) error {
	name := s.Table.Schema.O
	if name == "" {
		name = s.DBName
	}
	if name == "" {
		name = c.db
	}
	switch {
	case name == "":
		return &router.NoDatabase{}
	case c.known.catalog.Databases[name] == nil:
		return &router.UnknownDatabase{Name: name}
	case !c.user.MayUse(name):
		return c.denied(name)
	}
	t := c.known.catalog.Table(name, s.Table.Name.O)
	if t == nil {
		return protocolError(1146, "42S02", "Table '%s.%s' doesn't exist", name, s.Table.Name.O)
	}
	place := t.Shards[0]
	if s.Tp == ast.ShowCreateTable {
		return c.showCreateTable(t, place)
	}
	physical := *s
	table := *s.Table
	table.Schema, table.Name = ast.NewCIStr(place.Database), ast.NewCIStr(place.Table)
	physical.Table, physical.DBName = &table, ""
	var b strings.Builder
	if err := physical.Restore(format.NewRestoreCtx(format.DefaultRestoreFlags, &b)); err != nil {
		return notSupported("Serval does not support this form of SHOW COLUMNS")
	}
	return c.relayText(place.Group, b.String(), &router.Plan{Verb: router.VerbShow, Renames: []router.Rename{{Table: t}}})
}

// showCreateTable gives the first shard's definition under the logical name.
func (c *session) showCreateTable(t *router.Table, place router.Shard) error {
	conn, err := c.srv.cluster.Group(place.Group).Primary().AcquireOne(c.srv.ctx, c.foundRows())
	if err != nil {
		return err
	}
	if err := c.prepare(conn, c.state.backend("")); err != nil {
		return err
	}
	rows, err := conn.Query("SHOW CREATE TABLE " + rewrite.Quote(place.Database) + "." + rewrite.Quote(place.Table))
	if err != nil {
		conn.Discard()
		e := toClient(err)
		e.Message = logicalNames(e.Message, t)
		return e
	}
	conn.Release()
	if len(rows) != 1 || len(rows[0]) != 2 {
		return notSupported("Serval does not support SHOW CREATE TABLE of a view")
	}
	def := strings.Replace(string(rows[0][1]), "CREATE TABLE "+rewrite.Quote(place.Table), "CREATE TABLE "+rewrite.Quote(t.Name), 1)
	out := newTable("", "Table", wire.TypeVarString, "Create Table", wire.TypeVarString)
	out.columns[0].Length, out.columns[0].Flags = 256, wire.FlagNotNull
	out.columns[1].Length, out.columns[1].Flags = 4096, wire.FlagNotNull
	out.add(t.Name, def)
	c.warnings = c.warnings[:0]
	return c.answerTable(out)
}
