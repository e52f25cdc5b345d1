// Package carry writes values of results as literals that mean the same value when they are inserted: what INSERT … SELECT
// would have stored, put into the text of an INSERT. It knows columns of results and their values as text; it knows no
// tables but for the data type that a value goes into. Compared on MySQL and MariaDB: e2e/cases/insert_select.test.
package carry

import (
	"encoding/hex"
	"math"
	"strconv"
	"strings"

	"serval/proxy/wire"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// Append appends a value of a result (nil: NULL) as a literal. Texts of values are UTF-8, bytes are those of columns whose
// collation is binary; FLOAT and DOUBLE have all their digits. Rows of such literals have one shape, whatever the values
// are (fingerprint.Statement.RowsUniform).
func Append(dst []byte, col *wire.Column, value []byte, mode fingerprint.Mode) []byte {
	if value == nil {
		return append(dst, "NULL"...)
	}
	switch col.Type {
	case wire.TypeNull:
		return append(dst, "NULL"...)
	case wire.TypeTiny, wire.TypeShort, wire.TypeLong, wire.TypeInt24, wire.TypeLongLong, wire.TypeYear:
		return appendNumber(dst, value) // ZEROFILL's zeros are not part of what is inserted elsewhere
	case wire.TypeNewDecimal, wire.TypeDecimal:
		return append(dst, value...)
	case wire.TypeFloat:
		return appendFloat(dst, value, 32)
	case wire.TypeDouble:
		return appendFloat(dst, value, 64)
	case wire.TypeBit:
		return appendBit(dst, value)
	case wire.TypeDate, wire.TypeNewDate, wire.TypeTime, wire.TypeTime2, wire.TypeDatetime, wire.TypeDatetime2, wire.TypeTimestamp, wire.TypeTimestamp2:
		return appendQuoted(dst, value)
	case wire.TypeJSON: // which takes no string of the character set binary, as a session's strings may be
		return appendText(append(dst, utf8mb4...), value, mode)
	case wire.TypeGeometry, wire.TypeVector:
		return appendBytes(dst, value)
	}
	switch {
	case col.Charset == wire.CollationBinary:
		return appendBytes(dst, value)
	case plain(value):
		return rewrite.AppendString(dst, string(value), mode)
	}
	return appendText(append(dst, utf8mb4...), value, mode)
}

// The introducers. A string behind one means the same whatever the session's character sets are.
const (
	utf8mb4 = "_utf8mb4 "
	binary  = "_binary "
)

// appendText writes text behind an introducer: such as is no ASCII as bytes, which no client's character set changes.
func appendText(dst, value []byte, mode fingerprint.Mode) []byte {
	if plain(value) {
		return rewrite.AppendString(dst, string(value), mode)
	}
	return appendHex(dst, value)
}

func appendBytes(dst, value []byte) []byte { return appendHex(append(dst, binary...), value) }

func appendHex(dst, value []byte) []byte {
	dst = append(dst, "x'"...)
	dst = hex.AppendEncode(dst, value)
	return append(dst, '\'')
}

func appendQuoted(dst, value []byte) []byte {
	dst = append(dst, '\'')
	dst = append(dst, value...)
	return append(dst, '\'')
}

// plain tells whether a text is ASCII without zero bytes.
func plain(value []byte) bool {
	for _, b := range value {
		if b == 0 || b >= 0x80 {
			return false
		}
	}
	return true
}

// appendNumber writes a whole number without leading zeros.
func appendNumber(dst, value []byte) []byte {
	if len(value) > 0 && value[0] == '-' {
		dst, value = append(dst, '-'), value[1:]
	}
	for len(value) > 1 && value[0] == '0' {
		value = value[1:]
	}
	return append(dst, value...)
}

// appendFloat writes a floating-point number with the digits of the double that it is: servers compute FLOAT as DOUBLE.
func appendFloat(dst, value []byte, bits int) []byte {
	f, err := strconv.ParseFloat(string(value), bits)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return append(dst, value...)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'g', -1, 64)
	if !strings.ContainsRune(string(dst[start:]), 'e') {
		dst = append(dst, "e0"...)
	}
	return dst
}

// appendBit writes bits as the number that they are: a hexadecimal literal is a string to MariaDB.
func appendBit(dst, value []byte) []byte {
	n := uint64(0)
	for _, b := range value {
		n = n<<8 | uint64(b)
	}
	return strconv.AppendUint(dst, n, 10)
}
