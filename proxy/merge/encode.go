package merge

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"serval/proxy/wire"
)

// encode.go: the columns of a row found, and rows written anew with other values in some of them, in the layouts of both
// protocols.

// field is a column of a row. It points into the row.
type field struct {
	null  bool
	raw   []byte // as it lies in the row, a text row's NULL too; nothing for NULL in binary rows
	value []byte // without the length before it in text rows
}

// fields finds all columns of a row, which must have as many as into.
func (l *Layout) fields(row []byte, into []field) error {
	c, err := l.start(row)
	if err != nil {
		return err
	}
	for i := range into {
		before := c.rest
		value, null, err := c.next()
		if err != nil {
			return err
		}
		into[i] = field{null: null, raw: before[:len(before)-len(c.rest)], value: value}
	}
	if len(c.rest) > 0 {
		return fmt.Errorf("%w: %d bytes behind %d columns", ErrMalformedRow, len(c.rest), len(into))
	}
	return nil
}

// rowWriter writes a row column by column.
type rowWriter struct {
	layout *Layout
	row    []byte
	column int
	text   []byte // of the value that is being written
}

// begin starts a row of so many columns.
func (w *rowWriter) begin(columns int) {
	w.row, w.column = w.row[:0], 0
	if w.layout == nil {
		return
	}
	for range 1 + bitmapSize(columns) {
		w.row = append(w.row, 0)
	}
}

func (w *rowWriter) null() {
	if w.layout == nil {
		w.row = wire.AppendNull(w.row)
	} else {
		bit := w.column + bitmapOffset
		w.row[1+bit/8] |= 1 << (bit % 8)
	}
	w.column++
}

// raw writes a value that was found in a row of the same layout.
func (w *rowWriter) raw(raw []byte) {
	w.row = append(w.row, raw...)
	w.column++
}

// exact writes the text of an integer or decimal as a value of its column's type.
func (w *rowWriter) exact(text []byte, col *wire.Column) error {
	before := len(w.row)
	row := w.row
	if isInteger(col.Type) {
		var err error
		row, err = wire.AppendBinaryValue(row, col.Type, col.Flags&wire.FlagUnsigned != 0, text)
		if err != nil {
			return fmt.Errorf("%w: column %d has no room for the number", ErrUnmergeable, w.column)
		}
	}
	if w.layout == nil || !isInteger(col.Type) {
		row = wire.AppendLenEncBytes(row[:before], text)
	}
	w.row = row
	w.column++
	return nil
}

func isInteger(typ uint8) bool { return isExact(typ) && typ != wire.TypeNewDecimal }

// bits writes a BIGINT UNSIGNED.
func (w *rowWriter) bits(n uint64) {
	if w.layout != nil {
		w.row = binary.LittleEndian.AppendUint64(w.row, n)
	} else {
		w.text = strconv.AppendUint(w.text[:0], n, 10)
		w.row = wire.AppendLenEncBytes(w.row, w.text)
	}
	w.column++
}

// double writes a DOUBLE; in text with the decimals of its column.
func (w *rowWriter) double(f float64, col *wire.Column) error {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return fmt.Errorf("%w: column %d: the DOUBLE value is out of range", ErrUnmergeable, w.column)
	}
	if w.layout != nil {
		w.row = binary.LittleEndian.AppendUint64(w.row, math.Float64bits(f))
	} else {
		w.text = appendDouble(w.text[:0], f, col.Decimals)
		w.row = wire.AppendLenEncBytes(w.row, w.text)
	}
	w.column++
	return nil
}
