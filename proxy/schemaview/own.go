package schemaview

// own.go: system tables whose rows no server knows: rights, processes, and the attributes of the connection.

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"serval/proxy/backend"
)

// privileges are what a user may do in a database that it may use. Not all of it is supported, none of it is forbidden.
var privileges = [...]string{"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "REFERENCES", "INDEX", "ALTER",
	"CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE", "EVENT", "TRIGGER"}

// own gives the rows of a table that is not about what is stored. Those that are about roles, files and rights on single
// tables have none.
func (v *View) own(shape *Shape) []backend.Row {
	var rows []backend.Row
	add := func(values map[string]string) {
		row := make(backend.Row, len(shape.Columns))
		for i, c := range shape.Columns {
			if value, ok := values[strings.ToUpper(c.Name)]; ok {
				row[i] = []byte(value)
			} else if strings.Contains(c.Definition, "NOT NULL") {
				row[i] = []byte(nothing(c.Definition))
			}
		}
		rows = append(rows, row)
	}
	switch strings.ToUpper(shape.Table) {
	case "USER_PRIVILEGES":
		add(map[string]string{"GRANTEE": v.Grantee, "TABLE_CATALOG": "def", "PRIVILEGE_TYPE": "USAGE", "IS_GRANTABLE": "NO"})
	case "SCHEMA_PRIVILEGES":
		for _, d := range v.Databases() {
			for _, p := range privileges {
				add(map[string]string{"GRANTEE": v.Grantee, "TABLE_CATALOG": "def", "TABLE_SCHEMA": d, "PRIVILEGE_TYPE": p, "IS_GRANTABLE": "NO"})
			}
		}
	case "USER_ATTRIBUTES":
		add(map[string]string{"USER": v.User, "HOST": "%"})
	case "PROCESSLIST":
		for i := range v.Process {
			add(v.Process[i].values())
		}
	case "SESSION_CONNECT_ATTRS", "SESSION_ACCOUNT_CONNECT_ATTRS":
		for i, a := range v.Session {
			add(map[string]string{"PROCESSLIST_ID": fmt.Sprint(v.ID), "ATTR_NAME": a.Name, "ATTR_VALUE": a.Value, "ORDINAL_POSITION": strconv.Itoa(i)})
		}
	}
	return rows
}

// nothing is a value for a column that wants one.
func nothing(definition string) string {
	if strings.Contains(definition, "char") || strings.Contains(definition, "text") {
		return ""
	}
	return "0"
}

func (p *Process) values() map[string]string {
	values := map[string]string{
		"ID": strconv.FormatUint(p.ID, 10), "USER": p.User, "HOST": p.Host, "COMMAND": p.Command,
		"TIME": strconv.FormatInt(p.Seconds, 10), "TIME_MS": strconv.FormatInt(p.Milliseconds, 10), "TID": strconv.FormatUint(p.ID, 10),
	}
	for name, value := range map[string]*string{"DB": p.Database, "STATE": p.State, "INFO": p.Info, "INFO_BINARY": p.Info} {
		if value != nil {
			values[name] = *value
		}
	}
	return values
}

// Databases are the logical databases that the user sees, sorted.
func (v *View) Databases() []string {
	var names []string
	for name := range v.Catalog.Databases {
		if v.Seen(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
