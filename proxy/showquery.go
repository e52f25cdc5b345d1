package proxy

// showquery.go: SHOW statements about what is stored, as queries on information_schema, which is what they are on MySQL.
// Their columns are described as the same statement's on a server.

import (
	"strings"

	"serval/proxy/wire"
	"serval/rewrite"
	"serval/router"
)

// showQuery says which query answers a SHOW.
type showQuery struct {
	table  string            // of information_schema
	where  string            // which of its rows
	like   string            // the column that LIKE is about
	exact  bool              // names of databases and tables: LIKE tells upper and lower case apart
	upper  bool              // names are in upper case, whatever LIKE says
	order  string            // of the result's columns
	source map[string]string // columns of the result whose names are not those of the table's columns
}

// showDatabases answers SHOW DATABASES.
func (c *session) showDatabases(s *router.Show) error {
	t, err := c.learn(c.defaultGroup(), "", "SHOW DATABASES LIKE ''")
	if err != nil {
		return err
	}
	t.rename("Database" + like(s))
	return c.showAs(s, t, &showQuery{
		table: "SCHEMATA", like: "SCHEMA_NAME", exact: true, order: "1",
		source: map[string]string{string(t.columns[0].Name): "SCHEMA_NAME"},
	})
}

// like is how a pattern stands in a header.
func like(s *router.Show) string {
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
	t, err := c.learn(group, "", "SHOW "+words+" FROM "+rewrite.Quote(physical)+" LIKE ''")
	if err != nil {
		return err
	}
	q := c.storedQuery(s, t, logical)
	q.where = q.where + " = " + string(rewrite.AppendString(nil, logical, c.state.mode))
	return c.showAs(s, t, q)
}

func (c *session) storedQuery(s *router.Show, t *table, database string) *showQuery {
	switch s.What {
	case "TABLES":
		pattern, upper := like(s), database == router.InformationSchema && !c.known.flavor.mariadb
		if upper {
			pattern = strings.ToUpper(pattern)
		}
		t.rename("Tables_in_" + database + pattern)
		return &showQuery{table: "TABLES", where: "TABLE_SCHEMA", like: "TABLE_NAME", exact: true, upper: upper, order: "1",
			source: map[string]string{string(t.columns[0].Name): "TABLE_NAME"}}
	case "TABLE STATUS":
		return &showQuery{table: "TABLES", where: "TABLE_SCHEMA", like: "TABLE_NAME", exact: true, order: "1",
			source: map[string]string{"Name": "TABLE_NAME", "Rows": "TABLE_ROWS", "Collation": "TABLE_COLLATION", "Comment": "TABLE_COMMENT"}}
	case "TRIGGERS":
		return &showQuery{table: "TRIGGERS", where: "TRIGGER_SCHEMA", like: "EVENT_OBJECT_TABLE", exact: true,
			source: map[string]string{"Trigger": "TRIGGER_NAME", "Event": "EVENT_MANIPULATION", "Table": "EVENT_OBJECT_TABLE",
				"Statement": "ACTION_STATEMENT", "Timing": "ACTION_TIMING"}}
	}
	return &showQuery{table: "EVENTS", where: "EVENT_SCHEMA", like: "EVENT_NAME", order: "1, 2",
		source: map[string]string{"Db": "EVENT_SCHEMA", "Name": "EVENT_NAME", "Type": "EVENT_TYPE"}}
}

// showRoutines answers SHOW PROCEDURE STATUS and the like.
func (c *session) showRoutines(s *router.Show) error {
	t, err := c.learn(c.defaultGroup(), "", "SHOW "+s.What+" LIKE ''")
	if err != nil {
		return err
	}
	return c.showAs(s, t, &showQuery{
		table: "ROUTINES", where: "ROUTINE_TYPE = '" + strings.TrimSuffix(s.What, " STATUS") + "'", like: "ROUTINE_NAME", order: "1, 2",
		source: map[string]string{"Db": "ROUTINE_SCHEMA", "Name": "ROUTINE_NAME", "Type": "ROUTINE_TYPE", "Modified": "LAST_ALTERED",
			"Comment": "ROUTINE_COMMENT", "Language": "EXTERNAL_LANGUAGE"},
	})
}

// showAs answers with a query whose columns are t's.
func (c *session) showAs(s *router.Show, t *table, q *showQuery) error {
	list := make([]string, len(t.columns))
	for i := range t.columns {
		name := string(t.columns[i].Name)
		column := q.source[name]
		if column == "" {
			column = strings.ToUpper(strings.ReplaceAll(name, " ", "_"))
		}
		list[i] = rewrite.Quote(column) + " AS " + rewrite.Quote(name)
	}
	sql := "SELECT " + strings.Join(list, ", ") + " FROM information_schema." + q.table
	var where []string
	if q.where != "" {
		where = append(where, q.where)
	}
	if s.HasLike {
		column, pattern := q.like, s.Like
		if q.exact && c.known.flavor.mariadb {
			column += " COLLATE utf8mb3_bin"
		}
		if q.upper {
			pattern = "UPPER(" + pattern + ")"
		}
		where = append(where, column+" LIKE "+pattern)
	}
	if len(where) > 0 {
		sql += " WHERE " + strings.Join(where, " AND ")
	}
	sql = "SELECT * FROM (" + sql + ") AS x"
	if s.Where != "" {
		sql += " WHERE " + s.Where
	}
	switch {
	case q.order == "1" && c.known.flavor.mariadb:
		sql += " ORDER BY " + rewrite.Quote(string(t.columns[0].Name)) + " COLLATE utf8mb3_bin"
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
		if name := string(row[1]); !d.Hidden[name] {
			row[0] = []byte(d.Name)
			kept = append(kept, row)
		}
	}
	t.rows = kept
	c.warnings = c.warnings[:0]
	return c.answerTable(t)
}
