package dml

import (
	"fmt"
	"strings"
)

// change.go: UPDATE and DELETE.

// assignments are the SET list of an UPDATE, without keys.
func (g *Generator) assignments(t *Table, qualifier string) string {
	var set []string
	for range 1 + g.rnd.IntN(2) {
		c := t.settable()[g.rnd.IntN(len(t.settable()))]
		v := g.value(c)
		if g.one(2) {
			v = g.expression(t, c, qualifier)
		}
		set = append(set, qualifier+c.name+" = "+v)
	}
	return comma(set)
}

// rest is WHERE, ORDER BY and LIMIT of a statement on one table. An UPDATE that may meet a unique key on its way goes in one order.
func (g *Generator) rest(t *Table) string {
	where := ""
	if !g.one(6) {
		where = g.condition(t, "")
	}
	switch {
	case where == "" && g.one(8):
		where = g.subquery(t)
	case where != "" && g.one(8):
		where += g.pick(" AND ", " OR ") + g.subquery(t)
	}
	sql := ""
	if where != "" {
		sql = " WHERE " + where
	}
	switch {
	case g.one(4):
		sql += g.order(t, "") + fmt.Sprintf(" LIMIT %d", g.rnd.IntN(7))
	case g.one(6):
		sql += g.order(t, "")
	}
	return sql
}

// subquery is a condition that reads another table.
func (g *Generator) subquery(t *Table) string {
	other := g.table()
	for other.Name == t.Name {
		other = g.table()
	}
	k := numberColumn(g, other)
	mine := numberColumn(g, t)
	switch g.rnd.IntN(4) {
	case 0:
		return fmt.Sprintf("%s IN (SELECT y.%s FROM %s y WHERE %s)", mine, k, other.Name, g.condition(other, "y."))
	case 1:
		return fmt.Sprintf("EXISTS (SELECT 1 FROM %s y WHERE y.%s = %s.%s)", other.Name, k, t.Name, mine)
	case 2:
		return fmt.Sprintf("%s > (SELECT COUNT(*) FROM %s y WHERE %s)", mine, other.Name, g.condition(other, "y."))
	}
	return fmt.Sprintf("%s <= (SELECT MAX(y.%s) FROM %s y)", mine, k, other.Name)
}

func numberColumn(g *Generator, t *Table) string {
	var names []string
	for i := range t.columns {
		if t.columns[i].kind == number {
			names = append(names, t.columns[i].name)
		}
	}
	return names[g.rnd.IntN(len(names))]
}

func (g *Generator) update() string {
	t := g.table()
	ignore := ""
	if g.one(6) {
		ignore = "IGNORE "
	}
	sql := "UPDATE " + ignore + g.target(t) + " SET " + g.assignments(t, "") + g.rest(t)
	if !strings.Contains(sql, "ORDER BY") && (ignore != "" || len(t.keys) > 0) {
		sql += g.order(t, "")
	}
	return sql
}

func (g *Generator) remove() string {
	t := g.table()
	if g.one(3) { // more than a few rows are seldom deleted, or the tables are always empty
		return "DELETE FROM " + g.target(t) + g.rest(t)
	}
	return "DELETE FROM " + g.target(t) + " WHERE " + g.condition(t, "") + " AND " + g.term(t, "") + g.order(t, "") + fmt.Sprintf(" LIMIT %d", 1+g.rnd.IntN(3))
}

// move changes a shard key, in an order.
func (g *Generator) move() string {
	t := g.table()
	c := t.column(t.Primary[g.rnd.IntN(len(t.Primary))])
	if t.Key != "" && !g.one(4) {
		c = t.column(t.Key)
	}
	v := g.value(c)
	if c.kind == number && g.one(2) {
		v = c.name + fmt.Sprintf(" + %d", 1+g.rnd.IntN(50))
	}
	sql := fmt.Sprintf("UPDATE %s SET %s = %s", t.Name, c.name, v)
	if g.one(3) {
		sql += ", " + g.assignments(t, "")
	}
	sql += " WHERE " + g.condition(t, "") + g.order(t, "")
	if g.one(2) {
		sql += fmt.Sprintf(" LIMIT %d", 1+g.rnd.IntN(3))
	}
	return sql
}

// joined is a target and a table whose rows it meets at most one of, so that the order of reading does not matter.
func (g *Generator) joined() (t, other *Table, on string) {
	t, other = g.table(), g.table()
	for other.Name == t.Name {
		t, other = g.table(), g.table()
	}
	if g.one(3) { // bound to each other
		t, other = &g.tables[1], &g.tables[0]
	}
	var parts []string
	for _, p := range other.Primary {
		c := other.column(p)
		var same []string
		for i := range t.columns {
			if t.columns[i].kind == c.kind {
				same = append(same, t.columns[i].name)
			}
		}
		if len(same) == 0 {
			parts = append(parts, "o."+p+" = "+g.value(&column{kind: c.kind, top: max(c.top, 1)}))
			continue
		}
		mine := same[g.rnd.IntN(len(same))]
		if t.Key != "" && t.column(t.Key).kind == c.kind && !g.one(3) {
			mine = t.Key
		}
		parts = append(parts, "t."+mine+" = o."+p)
	}
	return t, other, strings.Join(parts, " AND ")
}

func (g *Generator) updateJoined() string {
	t, other, on := g.joined()
	c := t.settable()[g.rnd.IntN(len(t.settable()))]
	v := g.value(c)
	for i := range other.columns {
		if other.columns[i].kind == c.kind && (c.nullable || !other.columns[i].nullable) && g.one(2) {
			v = "o." + other.columns[i].name
		}
	}
	join := fmt.Sprintf("%s t JOIN %s o ON %s", t.Name, other.Name, on)
	switch g.rnd.IntN(5) {
	case 0:
		join = fmt.Sprintf("%s t LEFT JOIN %s o ON %s", t.Name, other.Name, on)
		if !c.nullable {
			v = g.value(c)
		}
	case 1:
		return fmt.Sprintf("UPDATE %s t, %s o SET t.%s = %s WHERE %s AND %s", t.Name, other.Name, c.name, v, on, g.condition(other, "o."))
	}
	return fmt.Sprintf("UPDATE %s SET t.%s = %s WHERE %s", join, c.name, v, g.condition(t, "t."))
}

func (g *Generator) removeJoined() string {
	t, other, on := g.joined()
	where := g.condition(t, "t.") + " AND " + g.condition(other, "o.")
	switch g.rnd.IntN(4) {
	case 0:
		return fmt.Sprintf("DELETE FROM t USING %s t JOIN %s o ON %s WHERE %s", t.Name, other.Name, on, where)
	case 1:
		return fmt.Sprintf("DELETE t, o FROM %s t JOIN %s o ON %s WHERE %s", t.Name, other.Name, on, where)
	case 2:
		return fmt.Sprintf("DELETE t FROM %s t LEFT JOIN %s o ON %s WHERE o.%s IS NULL AND %s", t.Name, other.Name, on, other.Primary[0], g.condition(t, "t."))
	}
	return fmt.Sprintf("DELETE t FROM %s t JOIN %s o ON %s WHERE %s", t.Name, other.Name, on, where)
}
