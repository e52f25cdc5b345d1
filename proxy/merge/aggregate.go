package merge

import (
	"errors"
	"fmt"

	"serval/proxy/wire"
)

// aggregate.go: what a column of a group is made of, and how the shards' values of it become one. It knows values and
// column types; which aggregate of a statement may be put together this way is the planner's knowledge.

// AggregateFunc says how a column of a group is made of the shards' values.
type AggregateFunc uint8

// The ways to put a column together. NULL is passed over by all of them; nothing but NULL gives NULL.
const (
	AggFirst  AggregateFunc = iota // any shard's value: the first
	AggCount                       // the sum of BIGINTs
	AggSum                         // the sum, as the column's type is: exact numbers, or DOUBLE
	AggMin                         // the value whose key comes first
	AggMax                         // the value whose key comes last
	AggAvg                         // Sum divided by Count
	AggBitAnd                      // of BIGINT UNSIGNED, as the two below
	AggBitOr
	AggBitXor
)

// Aggregate says how a column of a group is made of the shards' values of it.
type Aggregate struct {
	Func AggregateFunc
	// Sum and Count are the columns with SUM(x) and COUNT(x) of AggAvg, else -1. For AggSum of DOUBLE, Sum may be a
	// column with the same number in full (SUM(x)+0e0) where the column's own text is rounded, as of DOUBLE(10,2).
	Sum, Count int
	// Key is how the values of AggMin and AggMax compare; its column may be another than the value's. Desc has no
	// meaning, MaxLength must be 0.
	Key Key
}

// ErrUnmergeable says that values are of a type, or so large, that the shards' parts cannot be put together.
var ErrUnmergeable = errors.New("merge: the shards' values of an aggregate cannot be put together")

// maxDigits is how many digits a sum of DECIMALs has at most: servers add in nine words of nine digits, and show a sum of
// DECIMAL(65) with more than 65 digits (both servers).
const maxDigits = 81

// check says whether the types of the columns allow the aggregate in column n.
func (a *Aggregate) check(n int, columns []wire.Column) error {
	in := func(column int) bool { return column >= 0 && column < len(columns) }
	typ := columns[n].Type
	ok := true
	switch a.Func {
	case AggFirst:
	case AggCount, AggBitAnd, AggBitOr, AggBitXor:
		ok = typ == wire.TypeLongLong
	case AggSum:
		ok = isExact(typ) || typ == wire.TypeDouble
	case AggMin, AggMax:
		ok = in(a.Key.Column)
	case AggAvg:
		ok = in(a.Sum) && in(a.Count) && columns[a.Count].Type == wire.TypeLongLong &&
			(typ == wire.TypeNewDecimal && isExact(columns[a.Sum].Type) || typ == wire.TypeDouble && columns[a.Sum].Type == wire.TypeDouble)
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("%w: function %d of column %d, type %d", ErrUnmergeable, a.Func, n, typ)
	}
	return nil
}

// isExact tells whether a type's values are integers or decimals.
func isExact(typ uint8) bool {
	switch typ {
	case wire.TypeTiny, wire.TypeShort, wire.TypeInt24, wire.TypeLong, wire.TypeLongLong, wire.TypeNewDecimal:
		return true
	}
	return false
}

// accumulator is one column of a group that is being put together.
type accumulator struct {
	seen   bool  // a value that is not NULL
	sum    total // AggCount, AggSum and AggAvg of exact numbers
	count  total // AggAvg
	double float64
	bits   uint64
	raw    []byte // AggFirst, AggMin, AggMax: the value as it lies in a row
	key    value  // AggMin, AggMax: of raw
	held   []byte // the texts of key
}

func (c *accumulator) reset() {
	c.seen, c.double, c.bits = false, 0, 0
	c.sum.reset()
	c.count.reset()
	c.raw = c.raw[:0]
}

// adder puts the fields of rows into accumulators.
type adder struct {
	layout  *Layout
	columns []wire.Column
	fields  []field
	scratch []byte
}

// read finds the columns of a row.
func (d *adder) read(row []byte) error {
	d.scratch = d.scratch[:0]
	return d.layout.fields(row, d.fields)
}

// text is a field's value as text.
func (d *adder) text(n int) ([]byte, error) {
	f := &d.fields[n]
	if f.null {
		return nil, nil
	}
	text, grown, err := d.layout.text(d.scratch, n, f.value)
	d.scratch = grown
	return text, err
}

// add puts column n of the row that was read into its accumulator.
func (d *adder) add(a *Aggregate, c *accumulator, n int) error {
	from := n
	if (a.Func == AggSum || a.Func == AggAvg) && a.Sum > 0 {
		from = a.Sum
	}
	if d.fields[from].null {
		return nil
	}
	switch a.Func {
	case AggFirst:
		if !c.seen {
			c.raw = append(c.raw[:0], d.fields[n].raw...)
		}
	case AggMin, AggMax:
		return d.addExtreme(a, c, n)
	case AggBitAnd, AggBitOr, AggBitXor:
		return d.addBits(a, c, n)
	case AggAvg:
		if err := d.addExact(&c.count, a.Count); err != nil {
			return err
		}
		fallthrough
	case AggCount, AggSum:
		if d.columns[from].Type == wire.TypeDouble {
			return d.addDouble(c, from)
		}
		if err := d.addExact(&c.sum, from); err != nil {
			return err
		}
	}
	c.seen = true
	return nil
}

func (d *adder) addExact(t *total, n int) error {
	text, err := d.text(n)
	if err != nil {
		return err
	}
	if !t.add(text) {
		return fmt.Errorf("%w: column %d, %d bytes", errKeyText, n, len(text))
	}
	return nil
}

func (d *adder) addDouble(c *accumulator, n int) error {
	var v value
	text, err := d.text(n)
	if err != nil {
		return err
	}
	if !v.loadFloat(text) {
		return fmt.Errorf("%w: column %d, %d bytes", errKeyText, n, len(text))
	}
	c.double += v.double
	c.seen = true
	return nil
}

func (d *adder) addBits(a *Aggregate, c *accumulator, n int) error {
	text, err := d.text(n)
	if err != nil {
		return err
	}
	bits, ok := parseUint(text)
	if !ok {
		return fmt.Errorf("%w: column %d, %d bytes", errKeyText, n, len(text))
	}
	switch {
	case !c.seen:
		c.bits = bits
	case a.Func == AggBitAnd:
		c.bits &= bits
	case a.Func == AggBitOr:
		c.bits |= bits
	default:
		c.bits ^= bits
	}
	c.seen = true
	return nil
}

// addExtreme keeps the first of equal values.
func (d *adder) addExtreme(a *Aggregate, c *accumulator, n int) error {
	key := a.Key
	key.Desc = false
	if d.fields[key.Column].null {
		return nil
	}
	text, err := d.text(key.Column)
	if err != nil {
		return err
	}
	var v value
	if err := key.load(&v, text, false); err != nil {
		return err
	}
	if c.seen {
		order := key.compare(&v, &c.key)
		if order == 0 || order > 0 == (a.Func == AggMin) {
			return nil
		}
	}
	c.seen = true
	c.raw = append(c.raw[:0], d.fields[n].raw...)
	c.held = append(append(c.held[:0], v.text...), v.fraction...)
	v.text, v.fraction = c.held[:len(v.text)], c.held[len(v.text):]
	c.key = v
	return nil
}

// parseUint reads an unsigned 64-bit number.
func parseUint(text []byte) (n uint64, ok bool) {
	const most = 1<<64 - 1
	for _, b := range text {
		digit := uint64(b - '0')
		if digit > 9 || n > most/10 || n == most/10 && digit > most%10 {
			return 0, false
		}
		n = n*10 + digit
	}
	return n, len(text) > 0
}
