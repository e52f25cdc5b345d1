package merge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"serval/proxy/wire"
)

// grouped.go: the groups of many shards put together. Each shard's groups arrive sorted by group, so that the parts of
// one group come one after the other out of the merge, and one group is held at a time.

// ErrLongGroups says that too many groups are equal in the part of their keys that servers sort by, and differ behind it.
var ErrLongGroups = errors.New("merge: too many groups that differ only behind what the servers sort by")

// maxOpen is how many groups are put together at the same time: more than one only where servers do not sort by the
// whole of a long string, and so mix the groups that begin with the same text.
const maxOpen = 1000

// Grouped is the shards' groups as one stream of groups, in the order of their keys. Its memory is that of Sorted and of
// one group (see maxOpen).
type Grouped struct {
	sorted     *Sorted
	keys       []Key
	layout     *Layout
	aggregates []Aggregate // one per column
	columns    []wire.Column
	adder      adder
	out        rowWriter
	whole      bool     // one stream, whose groups are whole
	open       []*group // whose keys are equal as far as servers sort by them
	ready      []*group // to be returned
	free       []*group
	ended      bool
	err        error
}

// group is a group that is being put together.
type group struct {
	keys  []value
	held  []byte // the texts of keys
	row   []byte // the first part
	parts int
	made  []accumulator // from the second part on
}

// NewGrouped puts the groups of many shards together: streams are each sorted by keys and have each group once, rows are
// of layout; defs are the raw definitions of all columns. There is an aggregate for each column that the client sees and
// for as many behind them as one likes; columns without one are AggFirst. Without keys all rows are one group.
//
// Keys have to tell groups apart as the servers do: equal keys are one group. Key.MaxLength has to be set where servers cut
// strings, also when there is only one key.
func NewGrouped(streams []Stream, keys []Key, aggregates []Aggregate, defs [][]byte, layout *Layout) (*Grouped, error) {
	g := &Grouped{
		sorted:     NewSorted(streams, keys, layout),
		keys:       slices.Clone(keys),
		layout:     layout,
		aggregates: slices.Clone(aggregates),
		columns:    make([]wire.Column, len(defs)),
		whole:      len(streams) == 1,
	}
	if len(aggregates) > len(defs) {
		return nil, fmt.Errorf("%w: %d aggregates, %d columns", ErrUnmergeable, len(aggregates), len(defs))
	}
	for i, def := range defs {
		if err := wire.ParseColumn(def, &g.columns[i]); err != nil {
			return nil, err
		}
		if i == len(g.aggregates) {
			g.aggregates = append(g.aggregates, Aggregate{Func: AggFirst, Sum: -1, Count: -1})
		}
	}
	for i := range g.aggregates {
		if err := g.aggregates[i].check(i, g.columns); err != nil {
			return nil, err
		}
	}
	g.adder = adder{layout: layout, columns: g.columns, fields: make([]field, len(defs))}
	g.out.layout = layout
	return g, nil
}

// Next returns the next group as a row of the same layout and columns, valid until the next call, and io.EOF after the
// last. Errors are those of Sorted, ErrUnmergeable or ErrLongGroups.
func (g *Grouped) Next() ([]byte, error) {
	if g.whole {
		return g.sorted.Next()
	}
	if g.err != nil {
		return nil, g.err
	}
	row, err := g.step()
	g.err = err
	return row, err
}

// step returns what is ready, or takes parts in until something is.
func (g *Grouped) step() ([]byte, error) {
	if len(g.ready) > 0 {
		g.free = append(g.free, g.ready[0]) // its row has been read by now
		g.ready = append(g.ready[:0], g.ready[1:]...)
	}
	for len(g.ready) == 0 {
		if g.ended {
			return nil, io.EOF
		}
		row, err := g.sorted.Next()
		if err == io.EOF {
			g.ended = true
			g.ready, g.open = g.open, g.ready
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := g.take(row, g.sorted.sources[g.sorted.tree[0]].values); err != nil {
			return nil, streamError(g.sorted.tree[0], err)
		}
	}
	return g.finish(g.ready[0])
}

// take adds a row to its group. When the row's keys are others than those of the open groups, these are ready.
func (g *Grouped) take(row []byte, keys []value) error {
	if len(g.open) > 0 && !g.together(g.open[0].keys, keys) {
		g.ready, g.open = g.open, g.ready
	}
	for _, o := range g.open {
		if g.same(o.keys, keys) {
			return g.addPart(o, row)
		}
	}
	if len(g.open) == maxOpen {
		return ErrLongGroups
	}
	g.open = append(g.open, g.begin(row, keys))
	return nil
}

// together reports whether the servers' sort leaves the order of two groups open.
func (g *Grouped) together(a, b []value) bool {
	for i := range g.keys {
		if g.keys[i].compare(&a[i], &b[i]) != 0 {
			return false
		}
	}
	return true
}

// same reports whether the keys of two parts that are together are of one group.
func (g *Grouped) same(a, b []value) bool {
	for i := range g.keys {
		if !g.keys[i].same(&a[i], &b[i]) {
			return false
		}
	}
	return true
}

// same reports whether two keys, equal as far as servers sort by them, are equal behind that too.
func (k *Key) same(a, b *value) bool {
	if !k.isText() || a.length == len(a.text) && b.length == len(b.text) {
		return true
	}
	x, y := a.text[:a.length], b.text[:b.length] // load cut them to less
	if k.Kind == Padded {
		return comparePadded(x, y, k.SpaceWeight) == 0
	}
	return bytes.Equal(x, y)
}

// begin opens a group with its first part.
func (g *Grouped) begin(row []byte, keys []value) *group {
	var o *group
	if n := len(g.free); n > 0 {
		o, g.free = g.free[n-1], g.free[:n-1]
	} else {
		o = &group{keys: make([]value, len(keys))}
	}
	o.parts = 1
	o.row = append(o.row[:0], row...)
	size := 0
	for i := range keys {
		size += max(len(keys[i].text), keys[i].length) + len(keys[i].fraction)
	}
	o.held = slices.Grow(o.held[:0], size) // so that texts do not move
	for i := range keys {
		v := keys[i]
		start := len(o.held)
		o.held = append(o.held, v.text[:max(len(v.text), v.length)]...)
		point := len(o.held)
		o.held = append(o.held, v.fraction...)
		v.text, v.fraction = o.held[start:start+len(v.text)], o.held[point:]
		o.keys[i] = v
	}
	return o
}

// addPart adds another part to a group.
func (g *Grouped) addPart(o *group, row []byte) error {
	o.parts++
	if o.parts == 2 {
		if o.made == nil {
			o.made = make([]accumulator, len(g.columns))
		}
		for i := range o.made {
			o.made[i].reset()
		}
		if err := g.addRow(o, o.row); err != nil {
			return err
		}
	}
	return g.addRow(o, row)
}

func (g *Grouped) addRow(o *group, row []byte) error {
	if err := g.adder.read(row); err != nil {
		return err
	}
	for i := range g.aggregates {
		if g.aggregates[i].Func == AggFirst && o.parts > 1 && o.made[i].seen {
			continue
		}
		if err := g.adder.add(&g.aggregates[i], &o.made[i], i); err != nil {
			return err
		}
	}
	return nil
}

// finish makes the row of a group. One part is the group: the shard's own row.
func (g *Grouped) finish(o *group) ([]byte, error) {
	if o.parts == 1 {
		return o.row, nil
	}
	g.out.begin(len(g.columns))
	for i := range g.columns {
		if err := g.out.aggregate(&g.aggregates[i], &o.made[i], &g.columns[i]); err != nil {
			return nil, err
		}
	}
	return g.out.row, nil
}

// aggregate writes a column of a group.
func (w *rowWriter) aggregate(a *Aggregate, c *accumulator, col *wire.Column) error {
	if !c.seen {
		w.null()
		return nil
	}
	switch a.Func {
	case AggBitAnd, AggBitOr, AggBitXor:
		w.bits(c.bits)
		return nil
	case AggCount, AggSum, AggAvg:
		return w.total(a, c, col)
	}
	w.raw(c.raw)
	return nil
}

// total writes a sum or an average.
func (w *rowWriter) total(a *Aggregate, c *accumulator, col *wire.Column) error {
	text, ok := w.text[:0], true
	if a.Func == AggAvg && (c.count.small <= 0 || c.count.isWide || c.count.scale > 0) {
		return fmt.Errorf("%w: column %d: a sum without a count", errKeyText, w.column)
	}
	switch {
	case col.Type == wire.TypeDouble && a.Func == AggAvg:
		return w.double(c.double/float64(c.count.small), col)
	case col.Type == wire.TypeDouble:
		return w.double(c.double, col)
	case a.Func == AggAvg:
		text, ok = c.sum.average(text, uint64(c.count.small), int(col.Decimals))
	default:
		text, ok = c.sum.append(text)
	}
	w.text = text
	if !ok {
		return fmt.Errorf("%w: column %d: more than %d digits", ErrUnmergeable, w.column, maxDigits)
	}
	return w.exact(text, col)
}
