package merge

import (
	"fmt"

	"serval/proxy/wire"
)

// row.go: finding columns in rows. Rows of the text protocol are nothing but length-encoded strings one after the other
// (NULL is the byte 0xFB); rows of the binary protocol are a bitmap of the NULLs and values of their columns' types. See
// ProtocolText::ResultsetRow and ProtocolBinary::ResultsetRow in the MySQL protocol pages.

// Layout says how a stream's rows are laid out. The nil Layout is the text protocol's.
type Layout struct {
	columns []wire.Column
}

// NewBinaryLayout is the layout of binary rows with these columns, given as raw definitions.
func NewBinaryLayout(defs [][]byte) (*Layout, error) {
	l := &Layout{columns: make([]wire.Column, len(defs))}
	for i, def := range defs {
		if err := wire.ParseColumn(def, &l.columns[i]); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// bitmapOffset is how many bits of a binary row's NULL bitmap stand before the first column's.
const bitmapOffset = 2

// bitmapSize is the size of a binary row's NULL bitmap, in bytes.
func bitmapSize(columns int) int { return (columns + bitmapOffset + 7) / 8 }

// cursor walks over a row's columns.
type cursor struct {
	layout *Layout
	row    []byte
	rest   []byte
	column int // the one that next gives
}

func (l *Layout) start(row []byte) (cursor, error) {
	c := cursor{layout: l, row: row, rest: row}
	if l == nil {
		return c, nil
	}
	if len(row) < 1+bitmapSize(len(l.columns)) || row[0] != 0 {
		return c, noColumn(row, 0)
	}
	c.rest = row[1+bitmapSize(len(l.columns)):]
	return c, nil
}

// next passes a column: its value as it lies in the row, without the length before it in text rows.
func (c *cursor) next() (value []byte, null bool, err error) {
	n := c.column
	c.column++
	if c.layout == nil {
		value, null, size, ok := wire.ReadLenEncBytes(c.rest)
		if !ok {
			return nil, false, noColumn(c.row, n)
		}
		c.rest = c.rest[size:]
		return value, null, nil
	}
	if n >= len(c.layout.columns) {
		return nil, false, noColumn(c.row, n)
	}
	if bit := n + bitmapOffset; c.row[1+bit/8]&(1<<(bit%8)) != 0 {
		return nil, true, nil
	}
	size, ok := wire.BinarySize(c.layout.columns[n].Type, c.rest)
	if !ok {
		return nil, false, noColumn(c.row, n)
	}
	value, c.rest = c.rest[:size:size], c.rest[size:]
	return value, false, nil
}

// text is a value of column n as the text protocol shows it; it may be appended to scratch.
func (l *Layout) text(scratch []byte, n int, value []byte) (text, grown []byte, err error) {
	if l == nil {
		return value, scratch, nil
	}
	col := &l.columns[n]
	if inner, null, size, ok := wire.ReadLenEncBytes(value); ok && !null && size == len(value) && isString(col.Type) {
		return inner, scratch, nil
	}
	start := len(scratch)
	grown, err = wire.AppendTextValue(scratch, col.Type, col.Flags&wire.FlagUnsigned != 0, col.Decimals, value)
	return grown[start:], grown, err
}

// isString tells whether a type's binary values have their length before them and are text or bytes.
func isString(typ uint8) bool {
	switch typ {
	case wire.TypeDecimal, wire.TypeVarchar, wire.TypeBit:
		return true
	}
	return typ >= wire.TypeVector
}

// Field returns column n of a row, counted from 0, as text. The text points into row, or is new.
func (l *Layout) Field(row []byte, n int) (text []byte, null bool, err error) {
	if n < 0 {
		return nil, false, noColumn(row, n)
	}
	c, err := l.start(row)
	if err != nil {
		return nil, false, err
	}
	for {
		value, null, err := c.next()
		if err != nil {
			return nil, false, err
		}
		if c.column == n+1 {
			if null {
				return nil, true, nil
			}
			text, _, err = l.text(nil, n, value)
			return text, false, err
		}
	}
}

// VisiblePrefix returns the first columns of a row, which is what a client may see when the columns that were only
// asked for to sort by stand last. The result points into row, or (binary rows) is appended to scratch.
func (l *Layout) VisiblePrefix(scratch, row []byte, columns int) ([]byte, error) {
	c, err := l.start(row)
	if err != nil {
		return nil, err
	}
	begin := len(row) - len(c.rest)
	for range columns {
		if _, _, err := c.next(); err != nil {
			return nil, err
		}
	}
	end := len(row) - len(c.rest)
	if l == nil {
		return row[:end:end], nil
	}
	size := bitmapSize(columns)
	scratch = append(scratch, row[:1+size]...)
	if used := (columns + bitmapOffset) % 8; used > 0 {
		scratch[len(scratch)-1] &= 1<<used - 1 // the bits of hidden columns
	}
	return append(scratch, row[begin:end]...), nil
}

// noColumn does not show the row: errors are logged, and rows are the customer's.
func noColumn(row []byte, column int) error {
	return fmt.Errorf("%w: no column %d in %d bytes", ErrMalformedRow, column, len(row))
}
