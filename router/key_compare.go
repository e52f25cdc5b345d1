package router

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// key_compare.go: what `column = value` can find, by MySQL's conversion rules. Where those are not exact the
// answer is MatchAny: the servers are all asked and decide. What a text means under the session's character set is
// settled before: a Value's text is UTF-8, and one with an introducer or a COLLATE clause is ValueOpaque.

// KeyForCompare tells which rows a comparison of the shard key with v by =, <, >, <=, >= or IN is about. With MatchKey the key
// is exact, so it is also the end of an interval. Its Text may share v.Text.
// For <=> see KeyForCompareNullSafe.
func KeyForCompare(col *Column, v Value) (Key, Match) { return AppendKeyForCompare(nil, col, v) }

// KeyForCompareNullSafe is KeyForCompare for <=>, by which NULL finds the rows without a key: MatchAny.
func KeyForCompareNullSafe(col *Column, v Value) (Key, Match) {
	if v.Kind == ValueNull {
		return Key{}, MatchAny
	}
	return KeyForCompare(col, v)
}

// AppendKeyForCompare is KeyForCompare without allocation: folded text is appended to dst. dst must not share memory with v.Text.
func AppendKeyForCompare(dst []byte, col *Column, v Value) (Key, Match) {
	if v.Kind == ValueNull {
		return Key{}, MatchNone
	}
	if col == nil || v.Kind == ValueOpaque {
		return Key{}, MatchAny
	}
	k, ok := Key{}, false
	switch kind, err := keyKind(col); {
	case err != nil:
	case kind == KeyInteger:
		k, ok = integerCompared(v)
	case kind == KeyDate:
		var edge bool
		if v.Kind == ValueString {
			k, edge, ok = parseDate(v.Text)
			ok = ok && !edge
		}
	default:
		k, ok = textCompared(dst, col, v)
	}
	if !ok {
		return Key{}, MatchAny
	}
	return k, MatchKey
}

// integerCompared reads a value that MySQL compares with an integer column exactly.
func integerCompared(v Value) (Key, bool) {
	switch v.Kind {
	case ValueInteger, ValueBool:
		return parseInteger(v.Text)
	case ValueDecimal:
		return parseWholeDecimal(v.Text)
	case ValueFloat:
		return parseWholeFloat(v.Text)
	case ValueHex, ValueBit:
		return parseBytes(v.Text)
	case ValueString:
		// Compared as DOUBLE: only the plain way to write an integer has one integer that is equal to it.
		k, ok := parseInteger(v.Text)
		plain := ok && (v.Text[0] == '-' && v.Text[1] != '0' || v.Text[0] >= '1' || string(v.Text) == "0")
		return k, plain && k.Magnitude < exactDouble
	}
	return Key{}, false
}

// exactDouble is 2^53: this integer and 2^53 + 1 are the same DOUBLE.
const exactDouble = 1 << 53

// textCompared reads a value that a text column compares as text, under its own collation.
func textCompared(dst []byte, col *Column, v Value) (Key, bool) {
	rules := rulesOf(col)
	switch v.Kind {
	case ValueString:
	case ValueHex, ValueHexString, ValueBit:
		if rules.charset != charsetBinary {
			return Key{}, false // a binary string brings its own collation
		}
	default:
		return Key{}, false // a number: the column's texts are compared as DOUBLE
	}
	if !rules.charset.holds(v.Text) {
		return Key{}, false // compared in another character set
	}
	return Key{Kind: KeyString, Text: rules.fold.appendFold(dst, v.Text)}, true
}

// parseInteger reads an optional sign and decimal digits, if they are in the range of int64 or uint64.
func parseInteger(text []byte) (Key, bool) {
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	if len(text) == 0 {
		return Key{}, false
	}
	n := uint64(0)
	for _, c := range text {
		digit := uint64(c - '0')
		if digit > 9 || n > (math.MaxUint64-digit)/10 {
			return Key{}, false
		}
		n = n*10 + digit
	}
	if negative && n > 1<<63 {
		return Key{}, false
	}
	return Key{Negative: negative && n != 0, Magnitude: n}, true
}

// parseWholeDecimal reads digits with a point and nothing but zeros after it.
func parseWholeDecimal(text []byte) (Key, bool) {
	for i, c := range text {
		if c != '.' {
			continue
		}
		for _, f := range text[i+1:] {
			if f != '0' {
				return Key{}, false
			}
		}
		text = text[:i]
		break
	}
	return parseInteger(text)
}

// parseWholeFloat reads a number with an exponent whose DOUBLE is an integer that no other integer is equal to.
func parseWholeFloat(text []byte) (Key, bool) {
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.Abs(f) >= exactDouble || f != math.Trunc(f) {
		return Key{}, false
	}
	return Key{Negative: f < 0, Magnitude: uint64(math.Abs(f))}, true
}

// parseBytes reads 0x… or b'…' as the number that it is beside an integer, below 2^63.
func parseBytes(text []byte) (Key, bool) {
	if len(text) == 0 || len(text) > 8 || len(text) == 8 && text[0] >= 0x80 {
		return Key{}, false
	}
	n := uint64(0)
	for _, c := range text {
		n = n<<8 | uint64(c)
	}
	return Key{Magnitude: n}, true
}

// characters is the length of a text as CHARACTER_MAXIMUM_LENGTH counts it.
func (c charset) characters(text []byte) int {
	if c == charsetBinary {
		return len(text)
	}
	return utf8.RuneCount(text)
}
