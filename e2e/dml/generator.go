package dml

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator.go: the choice of statements and what is around them: transactions, savepoints, reads, settings.

// Statement is one statement.
type Statement struct {
	SQL     string
	Session string // "": the usual connection; "found": one with CLIENT_FOUND_ROWS
}

// Generator makes statements. What it makes depends on its seed alone.
type Generator struct {
	rnd        *rand.Rand
	tables     []Table
	mysql      bool // row aliases, VALUES ROW
	session    string
	open       bool // a transaction was begun
	savepoints int
}

// New makes a generator; mysql: for MySQL and not for MariaDB.
func New(seed uint64, mysql bool) *Generator {
	return &Generator{rnd: rand.New(rand.NewPCG(seed, 5)), tables: tables(), mysql: mysql}
}

// one is true in one of n cases.
func (g *Generator) one(n int) bool { return g.rnd.IntN(n) == 0 }

func (g *Generator) pick(list ...string) string { return list[g.rnd.IntN(len(list))] }

func (g *Generator) table() *Table {
	// Sharded tables, the first ones, more often than the others.
	n := len(g.tables)
	if g.rnd.IntN(10) < 6 {
		n = 5
	}
	return &g.tables[g.rnd.IntN(n)]
}

// Next is the next statement. Statements of another session come between transactions only.
func (g *Generator) Next() Statement {
	if !g.open && g.one(15) {
		g.session = g.pick("", "", "found")
	}
	return Statement{SQL: g.statement(), Session: g.session}
}

func (g *Generator) statement() string {
	switch n := g.rnd.IntN(100); {
	case n < 14:
		return g.transaction()
	case n < 19:
		return g.look()
	case n < 20:
		return g.setting()
	case n < 21:
		g.savepoints = 0 // a transaction ends, unless the statement is refused
		return "TRUNCATE " + g.pick("", "TABLE ") + g.table().Name
	case n < 46:
		return g.insert()
	case n < 54:
		return g.insertSelect()
	case n < 74:
		return g.update()
	case n < 83:
		return g.remove()
	case n < 88:
		return g.move()
	case n < 94:
		return g.updateJoined()
	}
	return g.removeJoined()
}

// transaction begins, ends or divides a transaction.
func (g *Generator) transaction() string {
	if !g.open {
		g.open, g.savepoints = true, 0
		return g.pick("BEGIN", "START TRANSACTION")
	}
	switch g.rnd.IntN(6) {
	case 0, 1:
		g.open = false
		return "COMMIT"
	case 2:
		g.open = false
		return "ROLLBACK"
	case 3:
		if g.savepoints > 0 {
			return fmt.Sprintf("ROLLBACK TO SAVEPOINT s%d", 1+g.rnd.IntN(g.savepoints))
		}
	case 4:
		if g.savepoints > 0 {
			return fmt.Sprintf("RELEASE SAVEPOINT s%d", 1+g.rnd.IntN(g.savepoints))
		}
	}
	g.savepoints++
	return fmt.Sprintf("SAVEPOINT s%d", g.savepoints)
}

// look reads what was written, or what is known of the last statement.
func (g *Generator) look() string {
	t := g.table()
	switch g.rnd.IntN(4) {
	case 0:
		return "SELECT ROW_COUNT()"
	case 1:
		return "SELECT LAST_INSERT_ID()"
	case 2:
		return "SELECT * FROM " + t.Name + " WHERE " + g.condition(t, "") + g.order(t, "")
	}
	return "SELECT * FROM " + t.Name + g.order(t, "")
}

func (g *Generator) setting() string {
	return g.pick("SET sql_mode = DEFAULT", "SET sql_mode = ''", "SET sql_mode = 'STRICT_TRANS_TABLES'", "SET sql_mode = DEFAULT", "SET autocommit = 1")
}

// target is how a statement may name its table.
func (g *Generator) target(t *Table) string {
	return g.pick(t.Name, t.Name, "`"+t.Name+"`", Database+"."+t.Name)
}

func comma(list []string) string { return strings.Join(list, ", ") }
