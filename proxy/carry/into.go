package carry

// into.go: values that go into columns of another type than their own. A literal of theirs is mostly converted as the
// value would be; where it is not, another literal is written, or the pair cannot be carried.

import (
	"bytes"

	"serval/proxy/wire"
	"serval/rewrite/fingerprint"
)

// Writer appends a value as a literal.
type Writer func(dst []byte, col *wire.Column, value []byte, mode fingerprint.Mode) []byte

// Into is the Writer for values of a result's column that are inserted into a column of a data type (as in
// information_schema, in lower case; "" when it is not known). It is nil where no literal is converted as the value is.
func Into(col *wire.Column, dataType string) Writer {
	numeric := isNumeric(dataType)
	switch {
	case col.Flags&(wire.FlagEnum|wire.FlagSet) != 0 && numeric:
		return nil // their numbers are not in a result
	case col.Type == wire.TypeBit && isBlob(dataType):
		return bitsAsBytes
	case isTemporal(col.Type) && (numeric || (col.Type == wire.TypeTime) != (dataType == "time") && isTime(dataType)):
		return typedTime
	}
	return Append
}

func isNumeric(dataType string) bool {
	switch dataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "bit", "year":
		return true
	}
	return false
}

func isBlob(dataType string) bool {
	switch dataType {
	case "tinyblob", "blob", "mediumblob", "longblob", "tinytext", "text", "mediumtext", "longtext":
		return true
	}
	return false
}

func isTime(dataType string) bool {
	switch dataType {
	case "date", "time", "datetime", "timestamp":
		return true
	}
	return false
}

func isTemporal(columnType uint8) bool {
	switch columnType {
	case wire.TypeDate, wire.TypeTime, wire.TypeDatetime, wire.TypeTimestamp:
		return true
	}
	return false
}

func bitsAsBytes(dst []byte, _ *wire.Column, value []byte, _ fingerprint.Mode) []byte {
	if value == nil {
		return append(dst, "NULL"...)
	}
	return appendBytes(dst, value)
}

// typedTime writes a date or time with its type: a string would be converted otherwise. Dates with zeros have no such
// literal; as a number they are their digits.
func typedTime(dst []byte, col *wire.Column, value []byte, _ fingerprint.Mode) []byte {
	word := "TIMESTAMP"
	switch {
	case value == nil:
		return append(dst, "NULL"...)
	case col.Type == wire.TypeTime:
		word = "TIME"
	case len(value) < 10 || bytes.HasPrefix(value, []byte("0000")) || string(value[5:7]) == "00" || string(value[8:10]) == "00":
		return appendDigits(dst, value)
	case col.Type == wire.TypeDate:
		word = "DATE"
	}
	return appendQuoted(append(dst, word...), value)
}

func appendDigits(dst, value []byte) []byte {
	var digits []byte
	for _, b := range value {
		if b >= '0' && b <= '9' || b == '.' {
			digits = append(digits, b)
		}
	}
	return appendNumber(dst, digits)
}
