package proxy

// showquery.go: SHOW statements about what is stored: rows of information_schema, which is what they are on MySQL. Their
// columns are described as the same statement's on a server. A WHERE is a server's to decide: then it is a query.

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// showQuery says which query answers a SHOW.
type showQuery struct {
	table  string            // of information_schema
	column string            // of its columns, one that has one value …
	value  string            // … this; column "" for all rows
	like   string            // the column that LIKE is about
	exact  bool              // names of databases and tables: LIKE tells upper and lower case apart
	upper  bool              // names are in upper case, whatever LIKE says
	order  string            // of the result's columns
	source map[string]string // columns of the result whose names are not those of the table's columns
}

// showDatabases answers SHOW DATABASES.
func (c *session) showDatabases(s *router.Show) error {
	t, err := c.learn(c.defaultGroup(), "", "SHOW DATABASES LIKE '/'")
	if err != nil {
		return err
	}
	t.rename("Database" + likeHeader(s))
	return c.showAs(s, t, &showQuery{
		table: "SCHEMATA", like: "SCHEMA_NAME", exact: true, order: "1",
		source: map[string]string{string(t.columns[0].Name): "SCHEMA_NAME"},
	})
}

// likeHeader is how a pattern stands in a header.
func likeHeader(s *router.Show) string {
	if !s.HasLike {
		return ""
	}
	return " (" + s.Pattern + ")"
}

// showStored answers SHOW TABLES, TABLE STATUS, TRIGGERS and EVENTS.
func (c *session) showStored(s *router.Show) error {
	logical, group, physical := c.systemVisible(s.Database), c.defaultGroup(), ""
	if logical != "" {
		physical = logical
	} else {
		d, err := c.visible(s.Database)
		if err != nil {
			return err
		}
		logical, group, physical = d.Name, d.DefaultGroup, d.Physical
	}
	words := s.What
	if s.Full && s.What != "EVENTS" {
		words = "FULL " + words
	}
	t, err := c.learn(group, "", "SHOW "+words+" FROM "+rewrite.Quote(physical)+" LIKE '/'")
	if err != nil {
		return err
	}
	q := c.storedQuery(s, t, logical)
	q.value = logical
	return c.showAs(s, t, q)
}

func (c *session) storedQuery(s *router.Show, t *table, database string) *showQuery {
	switch s.What {
	case "TABLES":
		pattern, upper := likeHeader(s), database == router.InformationSchema && !c.known.flavor.mariadb
		if upper {
			pattern = strings.ToUpper(pattern)
		}
		t.rename("Tables_in_" + database + pattern)
		return &showQuery{table: "TABLES", column: "TABLE_SCHEMA", like: "TABLE_NAME", exact: true, upper: upper, order: "1",
			source: map[string]string{string(t.columns[0].Name): "TABLE_NAME"}}
	case "TABLE STATUS":
		return &showQuery{table: "TABLES", column: "TABLE_SCHEMA", like: "TABLE_NAME", exact: true, order: "1",
			source: map[string]string{"Name": "TABLE_NAME", "Rows": "TABLE_ROWS", "Collation": "TABLE_COLLATION", "Comment": "TABLE_COMMENT"}}
	case "TRIGGERS":
		return &showQuery{table: "TRIGGERS", column: "TRIGGER_SCHEMA", like: "EVENT_OBJECT_TABLE", exact: true,
			source: map[string]string{"Trigger": "TRIGGER_NAME", "Event": "EVENT_MANIPULATION", "Table": "EVENT_OBJECT_TABLE",
				"Statement": "ACTION_STATEMENT", "Timing": "ACTION_TIMING"}}
	}
	return &showQuery{table: "EVENTS", column: "EVENT_SCHEMA", like: "EVENT_NAME", order: "1, 2",
		source: map[string]string{"Db": "EVENT_SCHEMA", "Name": "EVENT_NAME", "Type": "EVENT_TYPE"}}
}

// showRoutines answers SHOW PROCEDURE STATUS and the like.
func (c *session) showRoutines(s *router.Show) error {
	t, err := c.learn(c.defaultGroup(), "", "SHOW "+s.What+" LIKE '/'")
	if err != nil {
		return err
	}
	return c.showAs(s, t, &showQuery{
		table: "ROUTINES", column: "ROUTINE_TYPE", value: strings.TrimSuffix(s.What, " STATUS"), like: "ROUTINE_NAME", order: "1, 2",
		source: map[string]string{"Db": "ROUTINE_SCHEMA", "Name": "ROUTINE_NAME", "Type": "ROUTINE_TYPE", "Modified": "LAST_ALTERED",
			"Comment": "ROUTINE_COMMENT", "Language": "EXTERNAL_LANGUAGE"},
	})
}

// showAs answers with rows of a system table under t's columns.
func (c *session) showAs(s *router.Show, t *table, q *showQuery) error {
	sources := make([]string, len(t.columns))
	for i := range t.columns {
		name := string(t.columns[i].Name)
		if sources[i] = q.source[name]; sources[i] == "" {
			sources[i] = strings.ToUpper(strings.ReplaceAll(name, " ", "_"))
		}
	}
	if s.Where == "" {
		return c.showRows(s, t, q, sources)
	}
	return c.showWhere(s, t, q, sources)
}

// showRows answers a SHOW without WHERE.
func (c *session) showRows(s *router.Show, t *table, q *showQuery, sources []string) error {
	shape, err := c.systemShape(c.defaultGroup(), router.InformationSchema, q.table)
	if err != nil {
		return err
	}
	var databases []string
	if strings.HasSuffix(q.column, "_SCHEMA") {
		databases = []string{q.value}
	}
	rows, err := c.view().Rows(shape, databases, nil)
	if err != nil {
		return err
	}
	pattern := s.Pattern
	if q.upper {
		pattern = strings.ToUpper(pattern)
	}
	escape := c.state.mode&fingerprint.NoBackslashEscapes == 0
	column, named := shape.At(q.column), shape.At(q.like)
	t.rows = nil
	for _, row := range rows {
		if column >= 0 && string(row[column]) != q.value || s.HasLike && !like(string(row[named]), pattern, q.exact, escape) {
			continue
		}
		shown := make(backend.Row, len(sources))
		for i, source := range sources {
			if at := shape.At(source); at >= 0 {
				shown[i] = row[at]
			}
		}
		t.rows = append(t.rows, shown)
	}
	if q.order != "" {
		slices.SortStableFunc(t.rows, func(a, b backend.Row) int {
			return cmp.Or(bytes.Compare(a[0], b[0]), bytes.Compare(a[min(1, len(a)-1)], b[min(1, len(b)-1)]))
		})
	}
	return c.answerList(t)
}

// showWhere answers a SHOW with WHERE.
func (c *session) showWhere(s *router.Show, t *table, q *showQuery, sources []string) error {
	list := make([]string, len(t.columns))
	for i := range t.columns {
		list[i] = rewrite.Quote(sources[i]) + " AS " + rewrite.Quote(c.fromResults(string(t.columns[i].Name)))
	}
	sql := "SELECT " + strings.Join(list, ", ") + " FROM information_schema." + q.table
	if q.column != "" {
		sql += " WHERE " + q.column + " = " + string(rewrite.AppendString(nil, q.value, c.state.mode))
	}
	sql = "SELECT * FROM (" + sql + ") AS x WHERE " + s.Where
	switch {
	case q.order == "1" && c.known.flavor.mariadb:
		sql += " ORDER BY " + rewrite.Quote(c.fromResults(string(t.columns[0].Name))) + " COLLATE utf8mb3_bin"
	case q.order != "":
		sql += " ORDER BY " + q.order
	}
	return c.answerQuery(sql, t.columns)
}

// answerQuery carries out a query of Serval's own on system tables, whose result is described by columns.
func (c *session) answerQuery(sql string, columns []wire.Column) error {
	c.st.Scan([]byte(sql), c.state.mode)
	p, err := c.srv.planner.Plan(&c.st, c.db, c.known.catalog)
	if err != nil {
		return c.systemPlanError(err)
	}
	c.setArguments()
	if err := c.route.Resolve(p, &c.st); err != nil {
		return err
	}
	_, err = c.virtual(p, columns)
	return err
}

// showOpenTables answers SHOW OPEN TABLES: a table is open where one of its shards is.
func (c *session) showOpenTables(s *router.Show) error {
	d, err := c.visible(s.Database)
	if err != nil {
		return err
	}
	t, err := c.learn(d.DefaultGroup, "", "SHOW OPEN TABLES FROM "+rewrite.Quote(d.Physical)+s.Tail())
	if err != nil {
		return err
	}
	kept := t.rows[:0]
	for _, row := range t.rows {
		if !d.Hidden[string(row[1])] {
			row[0] = []byte(d.Name)
			kept = append(kept, row)
		}
	}
	t.rows = kept
	return c.answerList(t)
}
