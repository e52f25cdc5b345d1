package router

// lookup.go: lookup indexes. A lookup index is a sharded table (value, shard key), sharded by the value: it makes a column of
// another table unique over all shards, and tells in which shard the row with a value is. Its rows are kept by the session in
// the transaction of the row's own (proxy/lookup.go); statements of clients may read it and nothing else.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/config"
	"serval/rewrite/fingerprint"
)

// LookupState says how far a lookup index is to be trusted.
type LookupState uint8

// The states of a lookup index.
const (
	LookupMissing  LookupState = iota // its tables are not there: what it would have to know of is refused
	LookupBuilding                    // rows that were there before it are still being put in: it is kept, and not asked
	LookupReady
)

// Lookup is a lookup index of a sharded table.
type Lookup struct {
	Column string // of the table that it is of
	Table  *Table // (Column, shard key), sharded by Column; among the database's tables
	State  LookupState
}

// LookupName is the logical name of a lookup index: one that no table of a client's has.
func LookupName(table, column string) string { return table + "/" + column }

// Asked is a column with a lookup index that a statement gives one value.
type Asked struct {
	Source int // in the plan's sources
	Lookup *Lookup
	slot   int
	negate bool
}

// NewLookupAlgorithm is how the rows of a lookup index are cut: hash_mod of the column.
func NewLookupAlgorithm(column *Column, shards int) (Algorithm, error) {
	if err := checkColumn(config.ByHashMod, column); err != nil {
		return nil, err
	}
	return NewHashMod(shards)
}

// asked finds a lookup index whose column the conditions give one value.
func (p *planning) asked(i int, src *source) {
	for _, l := range src.table.Lookups {
		if l.State != LookupReady {
			continue
		}
		if o, ok := p.cs.equalTo(src, l.Column); ok {
			p.plan.Asked = append(p.plan.Asked, Asked{Source: i, Lookup: l, slot: o.slot, negate: o.negate})
			return
		}
	}
}

// equalTo is the literal to which the conditions say that a column is equal wherever rows of src matter.
func (cs *conditions) equalTo(src *source, column string) (found operand, ok bool) {
	same := map[columnRef]bool{{src, strings.ToLower(column)}: true}
	for f := src.filter; f != nil; f = f.parent {
		for _, cj := range f.conjuncts {
			splitAnd(cj.expr, func(e ast.ExprNode) {
				if c := cs.build(e, cj.block, same); c.op == condEqual && !ok {
					found, ok = c.lit, true
				}
			})
		}
	}
	return found, ok
}

// Literal is the value that is asked for: a piece of the statement, or the number of a parameter (-1: none).
func (a *Asked) Literal(st *fingerprint.Statement) (text []byte, negate bool, parameter int) {
	l := st.Literals[st.Slots[a.slot].First]
	if l.Kind == fingerprint.Parameter {
		return nil, a.negate, int(l.Number)
	}
	return st.Text[l.Start:l.End], a.negate, -1
}

// Narrow lets a source's rows matter only in the shards of these keys, as texts that a server gave; a key without a shard has
// no rows. It holds for the next Resolve.
func (r *Route) Narrow(p *Plan, source int, keys [][]byte) {
	src := &p.sources[source]
	set := &ShardSet{}
	col := src.table.KeyColumn()
	for _, text := range keys {
		k, ok := KeyOfValue(col, text)
		if !ok {
			set.AddAll(len(src.table.Shards))
			continue
		}
		if i, err := src.table.Algorithm.Shard(k); err == nil {
			set.Add(i)
		}
	}
	if r.narrowed == nil {
		r.narrowed = map[int]*ShardSet{}
	}
	r.narrowed[source] = set
}

// KeyOfValue is the shard key of a row that has this value, as a server gives it as text.
func KeyOfValue(col *Column, text []byte) (Key, bool) {
	k, match := KeyForCompare(col, Value{Kind: textKind(col), Text: text})
	return k, match == MatchKey
}

// textKind is how a column's value reads that a server gave as text.
func textKind(col *Column) ValueKind {
	if isIntegerType(col.DataType) {
		return ValueInteger
	}
	return ValueString
}
