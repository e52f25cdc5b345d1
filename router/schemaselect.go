package router

// schemaselect.go: CREATE TABLE … SELECT of a lasting table. One server makes the columns and fills them, or makes no
// table: so it goes whole to the table's group, when all that is read is whole there. It does not know what the SELECT's
// columns become.

import (
	"fmt"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// wayOutOfFilling is what to do instead of a CREATE TABLE … SELECT that is refused.
const wayOutOfFilling = "create the table with its columns, then INSERT … SELECT"

// createFilled plans CREATE TABLE … SELECT.
func (p *planning) createFilled(s *ast.CreateTableStmt) error {
	const what = "CREATE TABLE … SELECT"
	if err := p.analyse(); err != nil {
		return err
	}
	t, d, err := p.filledTable(s, what)
	if err != nil {
		return err
	}
	p.scope.query(s.Select, nil, nil, nil)
	l, err := p.layout()
	if err != nil {
		return err
	}
	group := t.Shards[0].Group
	switch {
	case p.uses.setsID:
		return refuse("LAST_INSERT_ID(expression) in "+what, t, "use it in an INSERT or UPDATE")
	case len(p.uses.replaced) > 0: // the session's value as a literal gives a column another type
		return refuse("functions of the session in "+what, t, wayOutOfFilling)
	case len(l.system) > 0:
		return refuse(what+" from system tables", t, wayOutOfFilling)
	case len(l.sharded) > 0:
		return refuse(what+" from a sharded table", l.sharded[0].table, wayOutOfFilling)
	case len(p.scope.sources) > 0 && !contains(l.groups, group):
		return refuse(what+" from tables that are not in group "+group+", where the new one is to be", t, wayOutOfFilling)
	case p.plan.Locks != nil && group != p.cat.Groups[0]:
		return refuse("named locks in "+what, t, "take the lock in a statement of its own")
	}
	p.plan.FromSelect = true
	if s.Table.Schema.O == "" {
		p.plan.DefaultDB = d.Physical
	} else if err := p.nameHead(s, t); err != nil {
		return err
	}
	if err := p.groupPlan([]string{group}, nil, "all tables are whole in the group"); err != nil {
		return err
	}
	p.plan.Groups = []string{group}
	return nil
}

// filledTable is the table that is to be made: one that is whole in one group.
func (p *planning) filledTable(s *ast.CreateTableStmt, what string) (*Table, *Database, error) {
	t, d, known, err := p.schemaTable(s.Table)
	if err != nil {
		return nil, nil, err
	}
	decl, err := p.declaration(s.Options, d.Name+"."+s.Table.Name.O)
	switch {
	case err != nil:
		return nil, nil, err
	case t.Temporary:
		return nil, nil, refuse(what+" while a temporary table has the name", t, "drop that one first")
	case t.Kind != Unsharded, decl != nil && !(known && agrees(decl, t)):
		return nil, nil, refuse(what+" of a table that is not whole in the database's default group", t, wayOutOfFilling)
	case numbers(s.Cols): // MariaDB lets the counter depend on what its connection did before
		return nil, nil, refuse("an AUTO_INCREMENT column in "+what, t, wayOutOfFilling)
	case len(foreignKeys(s.Cols, s.Constraints)) > 0:
		return nil, nil, refuse("foreign keys in "+what, t, wayOutOfFilling)
	}
	return t, d, nil
}

// numbers tells whether the server is to number the new table's rows.
func numbers(cols []*ast.ColumnDef) bool {
	for _, c := range cols {
		for _, o := range c.Options {
			if o.Tp == ast.ColumnOptionAutoIncrement {
				return true
			}
		}
	}
	return false
}

// headName is a table's name that stands before all that splice knows of.
type headName struct {
	start, end int
	text       string
}

// nameHead gives the table that is made its physical name, in the text and in the tree.
func (p *planning) nameHead(s *ast.CreateTableStmt, t *Table) error {
	x := &schemaText{tk: p.text.tokens}
	i := x.head("table")
	if i < 0 || !x.tk.Is(i+1, ".") || !x.tk.IsName(i+2) || x.tk.Name(i+2) != s.Table.Name.O {
		return unproven(fmt.Errorf("the name of the new table was not found"))
	}
	place := t.Shards[0]
	p.head = &headName{x.tk.List[i].Start, x.tk.List[i+2].End, place.Full()}
	s.Table.Schema, s.Table.Name = ast.NewCIStr(place.Database), ast.NewCIStr(place.Table)
	return nil
}
