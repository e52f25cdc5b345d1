package dml

import (
	"fmt"
	"slices"
	"strings"
)

// insert.go: INSERT and REPLACE.

// columns chooses the columns of an INSERT, in any order. What has no default is mostly among them.
func (g *Generator) columns(t *Table) []*column {
	var out []*column
	for _, c := range t.written() {
		if t.isPrimary(c.name) && !g.one(60) || !t.isPrimary(c.name) && !g.one(4) {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return t.written()
	}
	if g.one(3) {
		g.rnd.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	}
	return out
}

func columnNames(columns []*column) []string {
	var out []string
	for _, c := range columns {
		out = append(out, c.name)
	}
	return out
}

// verb is INSERT or REPLACE, and whether ON DUPLICATE KEY UPDATE may follow.
func (g *Generator) verb() (string, bool) {
	switch g.rnd.IntN(10) {
	case 0, 1:
		return "REPLACE", false
	case 2, 3:
		return "INSERT IGNORE", false
	case 4, 5, 6:
		return "INSERT", true
	}
	return "INSERT", false
}

func (g *Generator) insert() string {
	t := g.table()
	verb, duplicate := g.verb()
	sql := verb + g.pick(" ", " INTO ") + g.target(t)
	columns := g.columns(t)
	if g.one(8) {
		var set []string
		for _, c := range columns {
			set = append(set, c.name+" = "+g.cell(c))
		}
		sql += " SET " + comma(set)
		return sql + g.onDuplicate(t, duplicate, "")
	}
	if g.one(10) && !slices.ContainsFunc(t.columns, func(c column) bool { return c.made }) {
		columns = t.written() // no list of columns
	} else {
		sql += " (" + comma(columnNames(columns)) + ")"
	}
	rows := []string{g.row(columns)}
	for !g.one(4) && len(rows) < 12 {
		rows = append(rows, g.row(columns))
	}
	alias := ""
	switch {
	case g.mysql && duplicate && g.one(4):
		alias = "new"
		sql += " VALUES " + comma(rows) + " AS new"
	case g.mysql && g.one(15):
		sql += " VALUES ROW" + strings.Join(rows, ", ROW")
	default:
		sql += g.pick(" VALUES ", " VALUES ", " VALUE ") + comma(rows)
	}
	return sql + g.onDuplicate(t, duplicate, alias)
}

// cell is a value in a row.
func (g *Generator) cell(c *column) string {
	if g.one(15) && (c.kind == number || c.kind == small) {
		return g.pick("3 + 4", "ABS(-9)", "FLOOR(2.5)", "-(-6)", "CAST('11' AS SIGNED)")
	}
	return g.value(c)
}

func (g *Generator) row(columns []*column) string {
	var cells []string
	for _, c := range columns {
		cells = append(cells, g.cell(c))
	}
	return "(" + comma(cells) + ")"
}

// onDuplicate is an ON DUPLICATE KEY UPDATE clause. Which of several unique keys a row meets first is not left open: it
// is the primary key, in all servers.
func (g *Generator) onDuplicate(t *Table, allowed bool, alias string) string {
	if !allowed || g.one(2) && alias == "" {
		return ""
	}
	var set []string
	for range 1 + g.rnd.IntN(2) {
		c := t.settable()[g.rnd.IntN(len(t.settable()))]
		v := g.value(c)
		switch g.rnd.IntN(4) {
		case 0:
			v = g.expression(t, c, t.Name+".")
		case 1, 2:
			v = "VALUES(" + c.name + ")"
			if alias != "" {
				v = alias + "." + c.name
			}
		}
		set = append(set, t.Name+"."+c.name+" = "+v)
	}
	return " ON DUPLICATE KEY UPDATE " + comma(set)
}

// insertSelect is INSERT … SELECT, its rows in one order.
func (g *Generator) insertSelect() string {
	t, from := g.table(), g.table()
	verb, duplicate := g.verb()
	if duplicate && t.Name == from.Name {
		duplicate = false
	}
	columns := t.written()
	var items []string
	for i, c := range columns {
		items = append(items, g.source(c, from, i))
	}
	sql := fmt.Sprintf("%s INTO %s (%s) SELECT %s FROM %s x", verb, t.Name, comma(columnNames(columns)), comma(items), from.Name)
	if g.one(2) {
		sql += " WHERE " + g.condition(from, "x.")
	}
	sql += g.order(from, "x.")
	if g.one(3) {
		sql += fmt.Sprintf(" LIMIT %d", 1+g.rnd.IntN(8))
	}
	if duplicate && g.one(2) {
		c := t.settable()[g.rnd.IntN(len(t.settable()))]
		v := g.value(c)
		if !g.mysql && g.one(2) { // MySQL warns of VALUES() here, also where there are no rows
			v = "VALUES(" + c.name + ")"
		}
		sql += fmt.Sprintf(" ON DUPLICATE KEY UPDATE %s.%s = %s", t.Name, c.name, v)
	}
	return sql
}

// source is what a SELECT gives for a column: one of its table's columns of the same kind, or a literal.
func (g *Generator) source(c *column, from *Table, position int) string {
	var same []string
	for i := range from.columns {
		if from.columns[i].kind == c.kind && (c.nullable || !from.columns[i].nullable) {
			same = append(same, "x."+from.columns[i].name)
		}
	}
	if len(same) == 0 || g.one(6) {
		v := g.value(c)
		if v == "DEFAULT" {
			v = "1"
		}
		return v
	}
	v := same[g.rnd.IntN(len(same))]
	if position == 0 && len(same) > 0 && !g.one(4) {
		v = same[0]
	}
	if c.kind == number && g.one(4) {
		v += fmt.Sprintf(" + %d", g.rnd.IntN(5))
	}
	return v
}
