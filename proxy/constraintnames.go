package proxy

// constraintnames.go: the names of constraints, and of the tables that foreign keys refer to, in definitions and in errors.
// On the servers those of a shard end in its number (router/schemanames.go).

import (
	"regexp"
	"strings"

	"serval/rewrite"
	"serval/router"
)

// marked is a name with the mark of a shard: in either quotes, before the closing one.
var marked = regexp.MustCompile("#[0-9]+([`'\"])")

// referred is the table behind REFERENCES, and qualified any table with its database.
var (
	referred  = regexp.MustCompile("REFERENCES ([`\"])(?:([^`\"]+)[`\"]\\.[`\"])?([^`\"]+)[`\"]")
	qualified = regexp.MustCompile("`([^`]+)`\\.`([^`]+)`")
)

// namesConstraint tells whether an error may name constraints; it quotes no values of the user's then.
func namesConstraint(code uint16) bool {
	switch code {
	case 1005, 1091, 1216, 1217, 1451, 1452, 1553, 1761, 1762, 1822, 1823, 1824, 1825, 1826, 1828, 1829, 1830, 1832, 1833, 1834,
		3730, 3734, 3776, 3780, 3813, 3819, 3820, 3821, 3822, 3823, 3940, 3959, 4025:
		return true
	}
	return false
}

// logicalConstraints exchanges the names of constraints and tables in an error. near is a place of the statement's table.
func logicalConstraints(text string, cat *router.Catalog, near *router.Table) string {
	text = marked.ReplaceAllString(text, "$1")
	text = qualified.ReplaceAllStringFunc(text, func(found string) string {
		m := qualified.FindStringSubmatch(found)
		if t := tableAt(cat, m[1], m[2]); t != nil {
			return rewrite.Quote(t.Database) + "." + rewrite.Quote(t.Name)
		}
		return found
	})
	return logicalReferences(text, cat, near)
}

// logicalReferences exchanges the tables behind REFERENCES, which stand without a database when they are in that of the
// table near by.
func logicalReferences(text string, cat *router.Catalog, near *router.Table) string {
	return referred.ReplaceAllStringFunc(text, func(found string) string {
		m := referred.FindStringSubmatch(found)
		quote, database, name := m[1], m[2], m[3]
		var t *router.Table
		switch {
		case database != "":
			t = tableAt(cat, database, name)
		case near != nil:
			for i := 0; i < len(near.Shards) && t == nil; i++ {
				t = tableAt(cat, near.Shards[i].Database, name)
			}
		}
		if t == nil {
			return found
		}
		logical := quote + strings.ReplaceAll(t.Name, quote, quote+quote) + quote
		if near == nil || t.Database != near.Database {
			logical = quote + t.Database + quote + "." + logical
		}
		return "REFERENCES " + logical
	})
}

// tableAt is the table that has a physical one, in whichever group.
func tableAt(cat *router.Catalog, database, table string) *router.Table {
	for _, d := range cat.Databases {
		for _, t := range d.Tables {
			if len(t.Shards) > 0 && t.Kind != router.Sharded && t.Name != table {
				continue
			}
			for i := range t.Shards {
				if t.Shards[i].Table == table && t.Shards[i].Database == database {
					return t
				}
			}
		}
	}
	return nil
}
