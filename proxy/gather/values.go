package gather

// values.go: the values of Shape.Fields as literals. They come as the servers keep them (character_set_results is NULL),
// and are put into columns of the same type: what is kept there is the same, byte for byte.

import (
	"strings"

	"serval/proxy/wire"
)

type valueKind uint8

const (
	bytesLike valueKind = iota // strings of any character set, and all else that is bytes
	number                     // digits, which may have leading zeros
	floating
	counted
	quoted // dates, times, UUIDs: ASCII
	json
)

// kindOf says how values of a data type are carried: of "decimal(10,2) unsigned" the first word counts.
func kindOf(dataType string) valueKind {
	word := strings.ToLower(dataType)
	if i := strings.IndexAny(word, "( "); i >= 0 {
		word = word[:i]
	}
	switch word {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year":
		return number
	case "float", "double":
		return floating
	case "enum", "set", "bit":
		return counted
	case "date", "time", "datetime", "timestamp", "uuid", "inet4", "inet6":
		return quoted
	case "json":
		return json
	}
	return bytesLike
}

// appendRow appends the values of a row in the text protocol as a row of VALUES; false when the row is malformed.
func (s *Shape) appendRow(dst, row []byte) ([]byte, bool) {
	dst = append(dst, '(')
	for i := range s.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		value, null, n, ok := wire.ReadLenEncBytes(row)
		if !ok {
			return dst, false
		}
		row = row[n:]
		if null {
			dst = append(dst, "NULL"...)
			continue
		}
		dst = appendValue(dst, s.Columns[i].kind, value)
	}
	return append(dst, ')'), len(row) == 0
}

func appendValue(dst []byte, kind valueKind, value []byte) []byte {
	switch kind {
	case number, counted:
		return append(dst, value...)
	case floating, quoted: // '-0' is a number with a sign, -0 is none
		return append(append(append(dst, '\''), value...), '\'')
	case json:
		dst = append(dst, "_utf8mb4"...)
	default:
		dst = append(dst, "_binary"...)
	}
	dst = append(dst, '\'')
	for _, b := range value {
		switch b {
		case '\'', '\\':
			dst = append(dst, '\\')
		case 0:
			dst, b = append(dst, '\\'), '0'
		}
		dst = append(dst, b)
	}
	return append(dst, '\'')
}
