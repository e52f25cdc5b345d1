package router

// move.go: UPDATE of a shard key. A row whose new key is another shard's moves there: it is changed where it is, as its server
// does it, read, taken away and put where it belongs. For that its key and its primary key have to be known before they change.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// Move is an UPDATE that changes the shard key of its table.
type Move struct {
	Pick              // what is searched for, and the write of rows where they are
	Table    *Table   // whose rows move
	Columns  []string // those that a row is made of: all that are not generated
	Lookups  []int    // where the values of the columns of Table.Lookups are in the rows of the search
	Key      int      // where the new shard key is
	Identity []int    // where the new values of the target's Identity are
	// Together: rows may be changed and moved many at a time: all get the same key, and no two of them another's.
	Together bool
}

// moving is what a plan knows of a change of the shard key.
type moving struct {
	literal operand // the new key
	known   bool    // it is one literal
	refusal *Refusal
}

// Move makes the move of a statement whose plan says StepsMove.
func (pl *Planner) Move(st *fingerprint.Statement, db string, cat *Catalog) (*Move, error) {
	p, c, b, err := pl.changing(st, db, cat)
	if err != nil {
		return nil, err
	}
	return p.move(c, b)
}

// changesKey finds out whether the statement sets a shard key; where rows of one table that is all it names move, it is noted
// in the plan how.
func (p *planning) changesKey(c *change, b *block) error {
	for _, a := range c.targets {
		for _, src := range b.sources {
			if src.table == nil || src.table.Kind != Sharded || !strings.EqualFold(src.table.Key, a.Column.Name.O) {
				continue
			}
			if col, ok := b.resolve(a.Column); ok && col.src != src {
				continue
			}
			if c.many {
				return refuse("changing the shard key "+src.table.Key+" in UPDATE of joined tables", src.table, "find the rows with a SELECT, and change them by their keys")
			}
			p.noteMove(c, b, a)
			return nil
		}
	}
	return nil
}

func (p *planning) noteMove(c *change, b *block, a *ast.Assignment) {
	m := &moving{}
	m.literal, m.known = p.cs.operand(a.Expr)
	m.known = m.known && c.with == nil // else the leg's number is that of another table's shard
	for _, other := range c.targets {
		if other != a && strings.EqualFold(other.Column.Name.O, a.Column.Name.O) {
			m.known = false
		}
	}
	p.plan.moving = m
	_, err := p.move(c, b)
	if refusal, ok := err.(*Refusal); ok {
		m.refusal = refusal
	} else if err == nil {
		p.plan.Steps = StepsMove
	}
}

// move makes the search and the writes.
func (p *planning) move(c *change, b *block) (*Move, error) {
	src := b.sources[0]
	t := src.table
	if err := p.mayMove(c, src); err != nil {
		return nil, err
	}
	m := &Move{Table: t, Together: len(t.Lookups) == 0}
	for i := range t.Columns {
		if !t.Columns[i].Generated {
			m.Columns = append(m.Columns, t.Columns[i].Name)
		}
	}
	k, err := p.newPicking(c, b, []*source{src})
	if err != nil {
		return nil, err
	}
	if k.parts.ignore {
		return nil, refuse("UPDATE IGNORE that changes the shard key "+t.Key, t, "leave IGNORE out")
	}
	k.out.Itself = p.readsItself(src)
	k.target(src)
	target := &k.out.Targets[0]
	for _, l := range t.Lookups {
		m.Lookups = append(m.Lookups, k.field(src, l.Column))
	}
	for i := range c.targets {
		if p.subquery(c.targets[i].Expr) {
			return nil, refuse("changing the shard key "+t.Key+" with a subquery in SET", t, "ask for the value first")
		}
		target.set = append(target.set, pickAssignment{text: p.of(k.parts.set[i]), value: -1})
	}
	if m.Key, err = k.becomes(m, t.Key); err != nil {
		return nil, err
	}
	for _, name := range target.Identity {
		at, err := k.becomes(m, name)
		if err != nil {
			return nil, err
		}
		m.Identity = append(m.Identity, at)
	}
	for i := range m.Identity { // values stand behind the columns
		m.Identity[i] = k.placeOf(m.Identity[i])
	}
	m.Key = k.placeOf(m.Key)
	m.Together = m.Together && k.oneKey()
	k.search()
	if err := k.prove(); err != nil {
		return nil, unproven(err)
	}
	m.Pick = *k.out
	return m, nil
}

// mayMove refuses tables whose rows are more than their columns.
func (p *planning) mayMove(c *change, src *source) error {
	t := src.table
	switch {
	case c.with != nil:
		return refuse("WITH in an UPDATE that changes the shard key "+t.Key, t, "write what it says as a subquery of WHERE")
	case len(t.Columns) == 0:
		return refuse("changing the shard key while the columns are not known", t, "its shards could not be read when the catalog was made; see the log")
	case t.Triggers:
		return refuse("changing the shard key "+t.Key+" of a table with triggers", t, "they would see a DELETE and an INSERT: delete the row and insert it again, in one transaction")
	case t.Refers || t.Referenced:
		return refuse("changing the shard key "+t.Key+" of a table with foreign keys", t, "rows that belong together would be in several shards meanwhile: insert the rows anew and delete the old ones, in one transaction")
	case p.uses.grave != "" || p.uses.sysVar:
		return refuse("changing the shard key "+t.Key+" in a statement with functions or variables that not every server knows alike", t, "put their values into the statement")
	}
	return nil
}

func (p *planning) subquery(e ast.ExprNode) bool {
	v := &columnVisitor{}
	e.Accept(v)
	return v.subquery
}

// becomes is what a column will be: a field of the search (its old value, when it is not set), or (negative) a value of it.
func (k *picking) becomes(m *Move, name string) (int, error) {
	src := k.b.sources[0]
	found := -1
	for i, a := range k.c.targets {
		if !strings.EqualFold(a.Column.Name.O, name) {
			continue
		}
		if found >= 0 {
			return 0, refuse("setting the column "+name+" twice", src.table, "set it once")
		}
		found = i
	}
	if found < 0 {
		return k.field(src, name), nil
	}
	a := k.c.targets[found]
	if before := k.changedBefore(found, src); before != "" {
		return 0, refuse("changing the shard key or the primary key to a value made of the column "+before+", which has been set before it", src.table, "set that column behind it, or in a statement of its own")
	}
	if uses := functionsOf(a.Expr); uses.unsafe != "" || uses.sysVar {
		return 0, refuse("changing the shard key or the primary key to a value that only one evaluation has", src.table, "put the value into the statement")
	}
	for i, e := range k.values {
		if e == a.Expr {
			return -1 - i, nil
		}
	}
	k.values = append(k.values, a.Expr)
	k.out.Values++
	return -k.out.Values, nil
}

// placeOf is the place of a column or value (becomes) in the rows of the search.
func (k *picking) placeOf(at int) int {
	if at >= 0 {
		return at
	}
	return len(k.fields) - 1 - at
}

// oneKey tells whether all rows get one and the same key and no other column of a unique key is set: then no row takes a key
// that another one of them had.
func (k *picking) oneKey() bool {
	t := k.b.sources[0].table
	for _, a := range k.c.targets {
		if strings.EqualFold(a.Column.Name.O, t.Key) {
			v := &columnVisitor{}
			a.Expr.Accept(v)
			if _, isDefault := a.Expr.(*ast.DefaultExpr); len(v.columns) > 0 || isDefault {
				return false
			}
			continue
		}
		for _, u := range t.Unique {
			for _, name := range u.Columns {
				if !u.Whole || strings.EqualFold(name, a.Column.Name.O) {
					return false
				}
			}
		}
	}
	return true
}

// stays tells whether a change of the shard key leaves all rows that the route can find in their shard.
func (r *Route) stays(p *Plan) bool {
	if len(r.Legs) != 1 || !p.moving.known {
		return false
	}
	t := p.sources[0].table
	r.ev.table, r.ev.key = t, t.KeyColumn()
	key, err := AppendKeyForInsert(nil, r.ev.key, r.ev.operand(p.moving.literal))
	if err != nil {
		return false
	}
	at, err := t.Algorithm.Shard(key)
	return err == nil && at == r.Legs[0].Shard
}

// refused says why rows cannot be moved; what can is carried out in steps.
func (m *moving) refused(t *Table) *Refusal {
	if m.refusal != nil {
		return m.refusal
	}
	return refuse("changing the shard key "+t.Key, t, "delete the row and insert it again, in one transaction")
}

// Inserted is an INSERT of rows of the columns that a row is made of, to be sent to one shard; rows are literals.
func (m *Move) Inserted(dst []byte, rows [][]byte) []byte {
	dst = append(append(append(dst, "INSERT INTO "...), m.name()...), " ("...)
	dst = append(append(dst, quotedList(m.Columns)...), ") VALUES "...)
	for i, row := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '('), row...), ')')
	}
	return dst
}

// Taken is a SELECT of the same columns, of rows that meet a condition; Removed is their DELETE.
func (m *Move) Taken(condition string) []byte {
	return []byte("SELECT " + quotedList(m.Columns) + " FROM " + m.name() + " WHERE " + condition)
}

// Removed is the DELETE of rows that meet a condition.
func (m *Move) Removed(condition string) []byte {
	return []byte("DELETE FROM " + m.name() + " WHERE " + condition)
}

func (m *Move) name() string {
	return rewrite.Quote(m.Table.Database) + "." + rewrite.Quote(m.Table.Name)
}

func quotedList(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = rewrite.Quote(name)
	}
	return strings.Join(quoted, ", ")
}
