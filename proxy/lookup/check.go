package lookup

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"serval/rewrite"
)

// check.go: whether an index and its table agree. Rows that change meanwhile are looked at again.

// Fault is a disagreement.
type Fault struct {
	Value, Key string // of the row of the table, "" when there is none
	Indexed    string // the key that the index has for it, "" when it has none
}

func (f *Fault) String() string {
	switch {
	case f.Indexed == "":
		return fmt.Sprintf("the row with the value %s and the shard key %s is not in the index", f.Value, f.Key)
	case f.Key == "":
		return fmt.Sprintf("the index has the value %s with the shard key %s, and the table has no such row", f.Value, f.Indexed)
	}
	return fmt.Sprintf("the row with the value %s has the shard key %s, and the index has %s", f.Value, f.Key, f.Indexed)
}

// recheck is how often a disagreement is looked at again, and after what time: a transaction may have been between its parts.
const (
	recheck      = 5
	recheckAfter = 300 * time.Millisecond
)

// suspect is a row that seemed to disagree; again is nil when it does no longer.
type suspect struct {
	again func(context.Context) (*Fault, error)
}

// Check compares the table with the index, in both directions. It returns the number of rows and what disagrees.
func (x *Index) Check(ctx context.Context) (rows int, faults []*Fault, err error) {
	var suspects []suspect
	for i := range x.Of.Shards {
		n, more, err := x.checkTable(ctx, i)
		rows, suspects = rows+n, append(suspects, more...)
		if err != nil {
			return rows, nil, err
		}
	}
	for i := range x.Lookup.Table.Shards {
		more, err := x.checkIndex(ctx, i)
		suspects = append(suspects, more...)
		if err != nil {
			return rows, nil, err
		}
	}
	faults, err = confirmed(ctx, suspects)
	return rows, faults, err
}

// confirmed looks at suspects again, and again: what a transaction was between its parts for agrees soon.
func confirmed(ctx context.Context, suspects []suspect) (faults []*Fault, err error) {
	for try := 0; try < recheck && len(suspects) > 0; try++ {
		if try > 0 {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(recheckAfter):
			}
		}
		var still []suspect
		faults = nil
		for _, s := range suspects {
			fault, err := s.again(ctx)
			if err != nil {
				return nil, err
			}
			if fault != nil {
				faults, still = append(faults, fault), append(still, s)
			}
		}
		suspects = still
	}
	return faults, nil
}

// checkTable looks for the rows of one of the table's shards in the index.
func (x *Index) checkTable(ctx context.Context, shard int) (n int, suspects []suspect, err error) {
	var last []string
	for {
		c, err := x.conn(ctx, x.Of.Shards[shard])
		if err != nil {
			return n, nil, err
		}
		rows, err := x.read(c, shard, last, "")
		if err != nil {
			c.Discard()
			return n, nil, err
		}
		c.Release()
		for at, list := range byShard(withValues(rows)) {
			n += len(list)
			found, err := x.found(ctx, at, list)
			if err != nil {
				return n, nil, err
			}
			for _, r := range list {
				if found[r.value] != r.key {
					suspects = append(suspects, suspect{func(ctx context.Context) (*Fault, error) { return x.unindexed(ctx, shard, r) }})
				}
			}
		}
		if len(rows) < batch {
			return n, suspects, nil
		}
		last = rows[len(rows)-1].id
	}
}

// unindexed tells what is wrong with a row of the table: nil when it agrees with the index, or is gone.
func (x *Index) unindexed(ctx context.Context, shard int, r row) (*Fault, error) {
	keys, err := x.keys(ctx, shard, r.value)
	if err != nil || !slices.Contains(keys, r.key) {
		return nil, err
	}
	found, err := x.found(ctx, r.shard, []row{r})
	if err != nil || found[r.value] == r.key {
		return nil, err
	}
	return &Fault{Value: r.value, Key: r.key, Indexed: found[r.value]}, nil
}

// keys are the shard keys of the rows with a value in one of the table's shards.
func (x *Index) keys(ctx context.Context, shard int, value string) ([]string, error) {
	s := x.Of.Shards[shard]
	answer, err := x.query(ctx, s, "SELECT "+rewrite.Quote(x.Of.Key)+" FROM "+quoted(s)+" WHERE "+rewrite.Quote(x.Lookup.Column)+" = "+value)
	var keys []string
	for _, a := range answer {
		keys = append(keys, literal(x.Of.KeyColumn(), a[0]))
	}
	return keys, err
}

// checkIndex looks for the rows of one of the index's shards in the table.
func (x *Index) checkIndex(ctx context.Context, shard int) (suspects []suspect, err error) {
	s := x.Lookup.Table.Shards[shard]
	value, key := rewrite.Quote(x.Lookup.Column), rewrite.Quote(x.Of.Key)
	where := ""
	for {
		answer, err := x.query(ctx, s, "SELECT "+value+", "+key+" FROM "+quoted(s)+where+" ORDER BY "+value+fmt.Sprintf(" LIMIT %d", batch))
		if err != nil {
			return nil, err
		}
		var rows []row
		for _, a := range answer {
			r := row{value: literal(x.Of.Column(x.Lookup.Column), a[0]), key: literal(x.Of.KeyColumn(), a[1])}
			if r.shard, err = shardOf(x.Of, a[1]); err != nil {
				return nil, err
			}
			rows = append(rows, r)
		}
		more, err := x.orphans(ctx, shard, rows)
		if err != nil {
			return nil, err
		}
		suspects = append(suspects, more...)
		if len(answer) < batch {
			return suspects, nil
		}
		where = " WHERE " + value + " > " + rows[len(rows)-1].value
	}
}

// orphans are the rows of one of the index's shards whose row the table does not have.
func (x *Index) orphans(ctx context.Context, shard int, rows []row) (suspects []suspect, err error) {
	value, key := rewrite.Quote(x.Lookup.Column), rewrite.Quote(x.Of.Key)
	for at, list := range byShard(rows) {
		var pairs []string
		for _, r := range list {
			pairs = append(pairs, "("+r.value+", "+r.key+")")
		}
		s := x.Of.Shards[at]
		answer, err := x.query(ctx, s, "SELECT "+value+", "+key+" FROM "+quoted(s)+" WHERE ("+value+", "+key+") IN ("+strings.Join(pairs, ", ")+")")
		if err != nil {
			return nil, err
		}
		there := map[string]bool{}
		for _, a := range answer {
			there[literal(x.Of.Column(x.Lookup.Column), a[0])+","+literal(x.Of.KeyColumn(), a[1])] = true
		}
		for _, r := range list {
			if !there[r.value+","+r.key] {
				suspects = append(suspects, suspect{func(ctx context.Context) (*Fault, error) { return x.orphan(ctx, shard, at, r) }})
			}
		}
	}
	return suspects, nil
}

// orphan tells what is wrong with a row of the index: nil when the table has its row, or the index's is gone.
func (x *Index) orphan(ctx context.Context, shard, at int, r row) (*Fault, error) {
	keys, err := x.keys(ctx, at, r.value)
	if err != nil || slices.Contains(keys, r.key) {
		return nil, err
	}
	found, err := x.found(ctx, shard, []row{r})
	if err != nil || found[r.value] != r.key {
		return nil, err
	}
	return &Fault{Value: r.value, Indexed: r.key}, nil
}
