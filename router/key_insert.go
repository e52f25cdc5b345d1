package router

import (
	"fmt"
	"math"
	"strconv"
)

// key_insert.go: which key a row will have when v is stored in the shard key's column. Whatever a server would change while
// storing it (round, clip, cut, fill in), by its sql_mode or version, is refused: the row would be in the wrong shard.

// KeyForInsert is the key that the column will hold after v is stored. Errors name the column, the kind of value (never the
// value) and what would work. Text may share v.Text.
func KeyForInsert(col *Column, v Value) (Key, error) { return AppendKeyForInsert(nil, col, v) }

// AppendKeyForInsert is KeyForInsert without allocation: folded text is appended to dst. dst must not share memory with v.Text.
func AppendKeyForInsert(dst []byte, col *Column, v Value) (Key, error) {
	if col == nil {
		return Key{}, keyError("the shard key's column is not known yet: its servers have not been read")
	}
	kind, err := keyKind(col)
	if err != nil {
		return Key{}, err
	}
	switch v.Kind {
	case ValueNull:
		return Key{}, unmapped(col, "NULL", "give every row a value")
	case ValueOpaque:
		return Key{}, unmapped(col, "an expression that only the server can evaluate", "give a literal or a parameter")
	}
	switch kind {
	case KeyInteger:
		return integerInserted(col, v)
	case KeyDate:
		return dateInserted(col, v)
	}
	return textInserted(dst, col, v)
}

func unmapped(col *Column, given, instead string) error {
	return fmt.Errorf("column '%s' is the shard key and cannot be mapped to one shard from %s; %s", col.Name, given, instead)
}

func integerInserted(col *Column, v Value) (Key, error) {
	var k Key
	var ok bool
	switch v.Kind {
	case ValueInteger, ValueBool:
		k, ok = parseInteger(v.Text)
	case ValueDecimal, ValueString:
		k, ok = parseWholeDecimal(v.Text)
	case ValueFloat:
		k, ok = parseWholeFloat(v.Text)
	case ValueHex, ValueBit:
		k, ok = parseBytes(v.Text)
	}
	negative, positive := integerLimits(col)
	switch {
	case !ok:
		return Key{}, unmapped(col, kindName(v.Kind)+" that is not an exact integer", "give an integer like 42")
	case k.Negative && k.Magnitude > negative, !k.Negative && k.Magnitude > positive:
		return Key{}, unmapped(col, kindName(v.Kind)+" outside of the column's range",
			fmt.Sprintf("give an integer from %s to %d", minimum(negative), positive))
	}
	return k, nil
}

func minimum(negative uint64) string {
	if negative == 0 {
		return "0"
	}
	return "-" + strconv.FormatUint(negative, 10)
}

// integerLimits are the magnitudes of the least and the greatest value of an integer column.
func integerLimits(col *Column) (negative, positive uint64) {
	bits := 64
	switch col.DataType {
	case "tinyint":
		bits = 8
	case "smallint":
		bits = 16
	case "mediumint":
		bits = 24
	case "int":
		bits = 32
	}
	if col.Unsigned {
		return 0, math.MaxUint64 >> (64 - bits)
	}
	return 1 << (bits - 1), 1<<(bits-1) - 1
}

func dateInserted(col *Column, v Value) (Key, error) {
	if v.Kind != ValueString {
		return Key{}, unmapped(col, kindName(v.Kind), "give a date as a string like '2026-01-31'")
	}
	k, edge, ok := parseDate(v.Text)
	switch {
	case !ok:
		return Key{}, unmapped(col, "a string that is not an exact date", "write it like '2026-01-31' or '2026-01-31 23:59:59'")
	case edge:
		return Key{}, unmapped(col, "a fraction in the last second of a day, which some servers round to the next day", "leave the fraction out")
	case col.DataType == "date" && k.Magnitude%microsPerDay != 0:
		return Key{}, unmapped(col, "a date with a time of day", "write it like '2026-01-31'")
	}
	return k, nil
}

func textInserted(dst []byte, col *Column, v Value) (Key, error) {
	rules := rulesOf(col)
	text := v.Text
	switch v.Kind {
	case ValueString:
	case ValueHex, ValueHexString, ValueBit:
		if rules.charset < charsetUTF8MB3 && rules.charset != charsetBinary && !charsetASCII.holds(text) {
			return Key{}, unmapped(col, kindName(v.Kind), "write the text as a string")
		}
	case ValueInteger, ValueBool:
		k, ok := parseInteger(text)
		if !ok {
			return Key{}, unmapped(col, "an integer of more than 64 bits", "write it as a string")
		}
		text = k.appendDecimal(dst[len(dst):]) // stored as its digits, 042 as 42, which every fold keeps in place
	default:
		return Key{}, unmapped(col, kindName(v.Kind), "write it as a string")
	}
	switch {
	case !rules.charset.holds(text):
		return Key{}, unmapped(col, kindName(v.Kind)+" with characters that the column cannot store", "give text of the column's character set")
	case col.CharLength > 0 && uint64(rules.charset.characters(text)) > col.CharLength:
		return Key{}, unmapped(col, kindName(v.Kind)+" longer than the column", fmt.Sprintf("give at most %d characters", col.CharLength))
	}
	return Key{Kind: KeyString, Text: rules.fold.appendFold(dst, text)}, nil
}

func kindName(k ValueKind) string {
	switch k {
	case ValueInteger:
		return "an integer"
	case ValueDecimal:
		return "a decimal number"
	case ValueFloat:
		return "a floating-point number"
	case ValueString:
		return "a string"
	case ValueHex, ValueHexString:
		return "a hexadecimal literal"
	case ValueBit:
		return "a bit literal"
	case ValueBool:
		return "TRUE or FALSE"
	case ValueNull:
		return "NULL"
	}
	return "an expression"
}
