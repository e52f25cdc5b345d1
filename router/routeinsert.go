package router

// routeinsert.go: the rows of an INSERT, sorted by shard.

import (
	"fmt"

	"serval/rewrite/fingerprint"
)

func (r *Route) insert(p *Plan, st *fingerprint.Statement) error {
	ins := p.insert
	rows := max(len(st.Rows), 1)
	r.rowShard = r.rowShard[:0]
	r.ev.table, r.ev.key = ins.table, ins.table.KeyColumn()
	var set ShardSet
	for i := 0; i < rows; i++ {
		at, err := r.rowsShard(ins, st, i)
		if err != nil {
			return err
		}
		set.Add(at)
		r.rowShard = append(r.rowShard, int32(at))
	}
	for _, at := range r.rowShard { // in the order of their first rows, so that the first row at fault is met first
		if set.Has(int(at)) {
			r.insertLeg(p, int(at))
			set.Remove(int(at))
		}
	}
	return nil
}

// insertAt makes the leg of an INSERT of which all rows go to the shard At.
func (r *Route) insertAt(p *Plan, st *fingerprint.Statement) {
	r.rowShard = r.rowShard[:0]
	for range max(len(st.Rows), 1) {
		r.rowShard = append(r.rowShard, int32(r.At-1))
	}
	r.insertLeg(p, r.At-1)
}

// rowsShard is the shard of row i.
func (r *Route) rowsShard(ins *insertPlan, st *fingerprint.Statement, i int) (int, error) {
	tpl := ins.rowTemplate(i)
	t := ins.table
	if tpl.key.literal < 0 {
		return 0, refuse("the shard of a row whose number is made when it is inserted", t, "give %s a value", t.Key)
	}
	v := r.ev.value(tpl.key.in(st, i), tpl.key.negate)
	key, err := AppendKeyForInsert(r.ev.folded[:0], r.ev.key, v)
	r.ev.fold(key)
	if err != nil {
		return 0, &KeyError{Table: t, Row: i + 1, Err: err}
	}
	at, err := t.Algorithm.Shard(key)
	if err != nil {
		return 0, &KeyError{Table: t, Row: i + 1, Err: err}
	}
	return at, nil
}

func (r *Route) insertLeg(p *Plan, at int) {
	ins := p.insert
	leg := Leg{Group: ins.table.Shards[at].Group, Shard: at, first: len(r.targets)}
	leg.rows[0] = len(r.rows)
	for i, s := range r.rowShard {
		if int(s) == at {
			r.rows = append(r.rows, int32(i))
		}
	}
	leg.rows[1] = len(r.rows)
	for _, t := range p.refs {
		r.targets = append(r.targets, t.target(at))
	}
	if int(r.rowShard[len(r.rowShard)-1]) == at {
		r.LastRow = len(r.Legs)
	}
	r.Legs = append(r.Legs, leg)
}

// RowOf is the number, from 1, that row n (from 1) of a leg has in the statement; n when there is no such row.
func (r *Route) RowOf(leg, n int) int {
	l := &r.Legs[leg]
	if n < 1 || l.rows[0]+n > l.rows[1] {
		return n
	}
	return int(r.rows[l.rows[0]+n-1]) + 1
}

// RowsOf is the number of VALUES rows that a leg inserts.
func (r *Route) RowsOf(leg int) int { return r.Legs[leg].rows[1] - r.Legs[leg].rows[0] }

// KeyError is a row whose shard key has no shard.
type KeyError struct {
	Table *Table
	Row   int
	Err   error
}

func (e *KeyError) Error() string {
	return fmt.Sprintf("row %d of table '%s.%s' has no shard: %v", e.Row, e.Table.Database, e.Table.Name, e.Err)
}

// Unwrap gives the reason.
func (e *KeyError) Unwrap() error { return e.Err }

// InsertIgnores tells whether the statement is INSERT IGNORE.
func (p *Plan) InsertIgnores() bool { return p.insert != nil && p.insert.ignore }
