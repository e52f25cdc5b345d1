package merge

import (
	"fmt"

	"serval/proxy/wire"
)

// row.go: finding columns in a row of the text protocol, which is nothing but length-encoded strings one after the
// other (NULL is the byte 0xFB); see ProtocolText::ResultsetRow in the MySQL protocol pages.

// Field returns column n of a row, counted from 0. The text points into row.
func Field(row []byte, n int) (text []byte, null bool, err error) {
	rest := row
	for i := 0; ; i++ {
		text, null, size, ok := wire.ReadLenEncBytes(rest)
		if !ok || n < 0 {
			return nil, false, noColumn(row, i)
		}
		if i == n {
			return text, null, nil
		}
		rest = rest[size:]
	}
}

// VisiblePrefix returns the first columns of a row, which is what a client may see when the columns that were only
// asked for to sort by stand last. The result points into row.
func VisiblePrefix(row []byte, columns int) ([]byte, error) {
	end := 0
	for i := range columns {
		_, _, size, ok := wire.ReadLenEncBytes(row[end:])
		if !ok {
			return nil, noColumn(row, i)
		}
		end += size
	}
	return row[:end:end], nil
}

// noColumn does not show the row: errors are logged, and rows are the customer's.
func noColumn(row []byte, column int) error {
	return fmt.Errorf("%w: no column %d in %d bytes", ErrMalformedRow, column, len(row))
}
