package dml

import (
	"fmt"
	"strings"
)

// values.go: values and conditions. They come from small sets, so that keys collide and conditions find rows.

// words meet under a collation that ignores case and trailing spaces.
var words = []string{"ana", "Ana", "ANA", "bob", "Bob ", "carl", "dora", "eve", "Eve", "fay", "x", "", "zoe", "Zoë", "ñu", "it''s", "42", "042"}

// value is a literal for a column; now and then one that the column does not take as it is.
func (g *Generator) value(c *column) string {
	if c.nullable && g.one(8) {
		return "NULL"
	}
	if g.one(40) {
		return g.oddValue(c)
	}
	switch c.kind {
	case number:
		n := 1 + g.rnd.IntN(c.top)
		if g.one(12) {
			return fmt.Sprintf("'%d'", n)
		}
		return fmt.Sprint(n)
	case small:
		return fmt.Sprint(g.rnd.IntN(100) - 20)
	case money:
		return fmt.Sprintf("%d.%02d", g.rnd.IntN(50), g.rnd.IntN(100))
	case real:
		return g.pick("0.5", "1e3", "-2.25", "7", "1.25e-2")
	case word:
		return "'" + g.pick(words...) + "'"
	case letters:
		return "'" + g.pick("u", "v", "w", "xy", "xyz", "Long-ish", "", "q''q", "é") + fmt.Sprint(g.rnd.IntN(30)) + "'"
	case moment:
		return fmt.Sprintf("'2026-%02d-%02d 10:00:00'", 1+g.rnd.IntN(3), 1+g.rnd.IntN(28))
	}
	return g.pick("'low'", "'mid'", "'high'")
}

// oddValue is a value that makes a warning or an error, or is a default.
func (g *Generator) oddValue(c *column) string {
	switch c.kind {
	case number:
		return g.pick("DEFAULT", "-3", "0", "7.0", "'12abc'", "99999999999999999999", "NULL")
	case small:
		return g.pick("DEFAULT", "300", "-500", "'abc'", "1.5")
	case money:
		return g.pick("DEFAULT", "1.239", "99999999999", "'x'", "NULL")
	case moment:
		return g.pick("DEFAULT", "'2026-02-30'", "'not a date'", "'2026-01-05'")
	case level:
		return g.pick("DEFAULT", "'none'", "2", "''")
	case letters:
		return g.pick("DEFAULT", "'much too long for this column'", "12")
	case word:
		return g.pick("'a word that is too long for it'", "17")
	}
	return g.pick("DEFAULT", "'1.5x'", "1e400")
}

// expression is a value that is computed: by literals and functions only, or from the row's own columns.
func (g *Generator) expression(t *Table, c *column, qualifier string) string {
	at := qualifier + c.name
	switch c.kind {
	case number, small:
		return g.pick(at+" + 1", at+" - 1", "COALESCE("+at+", 5)", "ABS("+at+")", "3 + 4", "GREATEST(COALESCE("+at+", 0), 7)", "NULLIF("+at+", 3)")
	case money:
		return g.pick(at+" * 2", at+" + 0.25", "ROUND("+at+", 0)", "10 / 4", "-"+at)
	case real:
		return g.pick(at+" * 2", at+" + 1", "4 / 2")
	case letters:
		return g.pick("CONCAT(LEFT("+at+", 4), 'z')", "UPPER("+at+")", "REVERSE("+at+")", "LEFT("+at+", 2)")
	case moment:
		return g.pick(at+" + INTERVAL 1 DAY", "DATE("+at+")", "COALESCE("+at+", '2026-01-01')")
	}
	return g.value(c)
}

// condition is a WHERE clause's condition on t, with a key or without.
func (g *Generator) condition(t *Table, qualifier string) string {
	parts := []string{g.term(t, qualifier)}
	for g.one(3) && len(parts) < 3 {
		parts = append(parts, g.term(t, qualifier))
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "(" + strings.Join(parts, g.pick(" AND ", " AND ", " OR ")) + ")"
}

// term is one comparison.
func (g *Generator) term(t *Table, qualifier string) string {
	c := &t.columns[g.rnd.IntN(len(t.columns))]
	if g.one(3) {
		c = t.column(t.Primary[g.rnd.IntN(len(t.Primary))])
	}
	if g.one(6) && t.Key != "" {
		c = t.column(t.Key)
	}
	at := qualifier + c.name
	if c.nullable && g.one(6) {
		return at + g.pick(" IS NULL", " IS NOT NULL")
	}
	switch c.kind {
	case number, small, money:
		v := func() string { return fmt.Sprint(1 + g.rnd.IntN(max(c.top, 20))) }
		switch g.rnd.IntN(6) {
		case 0:
			return at + " = " + v()
		case 1:
			return at + " IN (" + v() + ", " + v() + ", " + v() + ")"
		case 2:
			return at + " BETWEEN " + v() + " AND " + v()
		case 3:
			return at + " < " + v()
		case 4:
			return at + " >= " + v()
		}
		return at + " % 3 = " + fmt.Sprint(g.rnd.IntN(3))
	case real:
		return at + g.pick(" > 0", " < 100", " <= 1000")
	case letters:
		return at + g.pick(" LIKE 'x%'", " > 'v'", " < 'w2'", " IN ('u1', 'v2', 'w3', 'xy4')", " LIKE '%1'")
	case word:
		return at + g.pick(" = 'ana'", " IN ('ana', 'bob', 'x')", " >= 'c'", " LIKE '%a%'", " = 'Zoë'", " <> 'eve'")
	case moment:
		return at + g.pick(" < '2026-02-01'", " >= '2026-03-01'", " BETWEEN '2026-01-10' AND '2026-02-10'")
	}
	return at + g.pick(" = 'low'", " <> 'mid'", " IN ('mid', 'high')")
}

// order is an ORDER BY that leaves nothing open: the primary key is in it.
func (g *Generator) order(t *Table, qualifier string) string {
	var by []string
	if g.one(2) {
		c := t.settable()[g.rnd.IntN(len(t.settable()))]
		by = append(by, qualifier+c.name+g.pick("", " DESC"))
	}
	direction := g.pick("", " DESC")
	for _, p := range t.Primary {
		by = append(by, qualifier+p+direction)
	}
	return " ORDER BY " + strings.Join(by, ", ")
}
