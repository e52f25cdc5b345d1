package proxy

// showcreate.go: SHOW CREATE …: the first place's definition with the logical names in it.

import (
	"strings"

	"serval/rewrite"
	"serval/router"
)

// showCreateDatabase answers SHOW CREATE DATABASE.
func (c *session) showCreateDatabase(s *router.Show) error {
	words := "SHOW CREATE DATABASE "
	if s.IfNotExists {
		words += "IF NOT EXISTS "
	}
	if system := c.systemVisible(s.Name); system != "" {
		return c.relayText(c.defaultGroup(), words+rewrite.Quote(system), &router.Plan{Verb: router.VerbShow})
	}
	if name := s.Name; c.known.catalog.Databases[name] != nil && !c.user.MayUse(name) { // here servers name the host
		return protocolError(codeDBAccessDenied, "42000", "Access denied for user '%s'@'%s' to database '%s'", c.user.Name, c.host, name)
	}
	d, err := c.visible(s.Name)
	if err != nil {
		return err
	}
	t, err := c.learn(d.DefaultGroup, "", words+rewrite.Quote(d.Physical))
	if err != nil {
		return err
	}
	for _, row := range t.rows {
		row[0] = []byte(d.Name)
		for _, quote := range []string{"`", "\""} {
			row[1] = []byte(strings.Replace(string(row[1]), quote+d.Physical+quote, quote+d.Name+quote, 1))
		}
	}
	return c.answerShow(t)
}

// showCreateTable answers SHOW CREATE TABLE, of views too, and SHOW CREATE VIEW.
func (c *session) showCreateTable(s *router.Show) error {
	if system := c.systemVisible(s.Database); system != "" {
		return c.relayText(c.defaultGroup(), "SHOW "+s.What+" "+rewrite.Quote(system)+"."+rewrite.Quote(s.Name), &router.Plan{Verb: router.VerbShow})
	}
	d, err := c.visible(s.Database)
	if err != nil {
		return err
	}
	table, err := c.tableOf(d, s.Name)
	if err != nil {
		return err
	}
	place := table.Shards[0]
	t, err := c.learn(place.Group, c.definitionDatabase(d), "SHOW "+s.What+" "+rewrite.Quote(place.Database)+"."+rewrite.Quote(place.Table))
	if err != nil {
		return c.underLogicalName(err, table)
	}
	for _, row := range t.rows {
		physical := string(row[1])
		row[0] = []byte(table.Name)
		if len(row) > 2 || d.Physical != d.Name && string(t.columns[0].Name) == "View" {
			row[1] = []byte(c.logicalText(d, physical))
			continue
		}
		logical := c.constraintNames(logicalDefinition(physical, place.Table, table.Name), table)
		row[1] = []byte(c.largestCounter(table, logical, s.What, c.definitionDatabase(d)))
		t.stretch(1, len(physical), len(row[1]))
	}
	return c.answerShow(t)
}

// stretch gives a column that is as long as the text in it the length of another text.
func (t *table) stretch(column, from, to int) {
	const shortest = 1024 // characters that servers give this column at least
	col := &t.columns[column]
	col.Length = col.Length / uint32(max(from, shortest)) * uint32(max(to, shortest))
}

// definitionDatabase is the database that a definition is asked from: names in it are not qualified by the current one.
func (c *session) definitionDatabase(d *router.Database) string {
	if c.namesDB() == d.Name {
		return d.Physical
	}
	return ""
}

// logicalText exchanges the names of databases in a definition.
func (c *session) logicalText(d *router.Database, text string) string {
	for _, name := range sortedKeys(c.known.catalog.Databases) {
		o := c.known.catalog.Databases[name]
		if o.Physical == o.Name || o != d && o.DefaultGroup != d.DefaultGroup {
			continue
		}
		text = strings.NewReplacer("`"+o.Physical+"`.", "`"+o.Name+"`.", `"`+o.Physical+`".`, `"`+o.Name+`".`).Replace(text)
	}
	return text
}

// constraintNames exchanges the names of constraints, and of the tables that foreign keys refer to.
func (c *session) constraintNames(def string, t *router.Table) string {
	if t.Kind != router.Sharded && t.Shards[0].Database == t.Database {
		return def
	}
	lines := strings.Split(def, "\n")
	for i, line := range lines {
		rest, found := strings.CutPrefix(line, "  CONSTRAINT ")
		if !found || rest == "" {
			continue
		}
		quote := rest[:1]
		if end := strings.Index(rest[1:], quote); end > 0 {
			line = "  CONSTRAINT " + quote + t.LogicalConstraint(0, rest[1:1+end]) + rest[1+end:]
		}
		lines[i] = logicalReferences(line, c.known.catalog, t)
	}
	return strings.Join(lines, "\n")
}

// logicalDefinition exchanges the name at the head of a definition, in whichever quotes the session has names written.
func logicalDefinition(def, physical, logical string) string {
	for _, quote := range []string{"`", "\"", ""} {
		head := "CREATE TABLE " + quote + physical + quote + " ("
		if strings.HasPrefix(def, head) {
			return "CREATE TABLE " + quote + logical + quote + " (" + def[len(head):]
		}
	}
	return def
}

// showCreateProgram answers SHOW CREATE PROCEDURE, FUNCTION, TRIGGER and EVENT.
func (c *session) showCreateProgram(s *router.Show) error {
	d, err := c.visible(s.Database)
	if err != nil {
		return err
	}
	t, err := c.learn(d.DefaultGroup, c.definitionDatabase(d), "SHOW "+s.What+" "+rewrite.Quote(d.Physical)+"."+rewrite.Quote(s.Name))
	if err != nil {
		return c.underLogicalName(err, &router.Table{Database: d.Name, Name: s.Name, Shards: []router.Shard{{Database: d.Physical, Table: s.Name}}})
	}
	for _, row := range t.rows {
		for i, v := range row {
			if v != nil {
				row[i] = []byte(c.logicalText(d, string(v)))
			}
		}
	}
	return c.answerShow(t)
}

// answerList is answerShow for a SHOW that lists things: FOUND_ROWS() counts them.
func (c *session) answerList(t *table) error {
	c.found = uint64(len(t.rows))
	return c.answerShow(t)
}

// answerShow sends the result of a SHOW.
func (c *session) answerShow(t *table) error {
	c.warnings = c.warnings[:0]
	return c.answerTable(t)
}

// showGrants answers SHOW GRANTS for the user itself: the databases that the configuration gives it.
func (c *session) showGrants() error {
	of := string(c.st.Text[:c.st.End])
	if !c.ownGrants(of) {
		if c.known.flavor.mariadb {
			return c.denied("mysql")
		}
		return c.systemError(&router.Denied{Command: "SELECT", Database: "mysql", Table: "user"})
	}
	t, err := c.learn(c.defaultGroup(), "", "SHOW GRANTS")
	if err != nil {
		return err
	}
	t.rename("Grants for " + c.grantee)
	account := "`" + c.user.Name + "`@`%`"
	t.rows = nil
	t.add("GRANT USAGE ON *.* TO " + account)
	for _, d := range c.view().Databases() {
		t.add("GRANT ALL PRIVILEGES ON " + rewrite.Quote(d) + ".* TO " + account)
	}
	return c.answerShow(t)
}

// ownGrants tells whether a SHOW GRANTS is about the session's own user.
func (c *session) ownGrants(text string) bool {
	words := strings.Fields(strings.ToLower(strings.NewReplacer("`", "", "'", "", "\"", "", "@", " @ ", "(", " ", ")", " ").Replace(text)))
	user := strings.ToLower(c.user.Name)
	switch strings.Join(words, " ") {
	case "show grants", "show grants for current_user", "show grants for " + user, "show grants for " + user + " @ %":
		return true
	}
	return false
}
