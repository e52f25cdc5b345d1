package merge

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// compare.go: the order of sort keys, which has to be the order in which the shards' servers sorted them.
//
// What was found on MariaDB 10.11.19 and MySQL 9.7.4 (2026-11), with 600 strings (accents, expansions, contractions,
// trailing spaces, tabs and NUL, emoji, empty, 170 characters) in every collation of both servers, sorted by filesort,
// by filesort descending and by index, each with a second key that shows ties, and compared with the order that Padded
// and Bytes are defined to have. A character that a character set lacks was stored as '?', so that the non-Unicode ones
// were tried with few of their own characters (latin1 with its accents): "right" is weaker for them than for utf8mb4.
//
// Strings.
//   - WEIGHT_STRING(s), as Padded with SpaceWeight = WEIGHT_STRING(' ') in the same character set and collation for PAD
//     SPACE, as Bytes for NO PAD (MySQL: information_schema.COLLATIONS.PAD_ATTRIBUTE; MariaDB: "nopad" in the name; both:
//     binary), has exactly the order of ORDER BY s, ties included, in 279 of MySQL's 286 collations, among them all
//     of utf8mb4, utf8mb3, latin1, ascii and binary, and on MariaDB in all but those named below.
//   - Trailing spaces must not be trimmed before: WEIGHT_STRING('a ') keeps the space's weight on both servers, and Padded
//     makes it equal to WEIGHT_STRING('a'). PAD SPACE weights compared without padding are wrong: "a\t" sorts before "a".
//   - Wrong on MySQL, so not to be merged: big5_chinese_ci, gb18030_chinese_ci, tis620_thai_ci (an index has another
//     order than filesort), latin7_general_ci, latin7_general_cs, latin7_estonian_cs (filesort pads with 0x20, which is
//     not the space's weight; an index is right), cp1250_czech_cs.
//   - Wrong on MariaDB: all collations of several levels, whose padding goes level by level (uca1400_…as_ci, …as_cs,
//     …ai_cs, with and without nopad, thai_520_w2), and big5_chinese_ci, big5_chinese_nopad_ci, cp1250_czech_cs,
//     tis620_thai_nopad_ci. MySQL's collations of several levels (0900_as_ci, 0900_as_cs and the like) are NO PAD, have a
//     separator between levels, and are right.
//   - WEIGHT_STRING(s AS CHAR(n)) is no way out: NUL equals padding then in NO PAD collations.
//   - …_bin collations work with WEIGHT_STRING on both servers (3 bytes a character for utf8mb4_bin), and do not need it:
//     utf8mb4_bin, utf8mb3_bin and ascii_bin sort as their own text, Padded with " " (utf8mb4_0900_bin, …_nopad_bin
//     and binary: Bytes). For latin1_bin and most other character sets that is true of CAST(s AS BINARY), not of the
//     text as converted to utf8mb4 ('€' is 0x80 in latin1, after 'é' in utf8mb4).
//
// Long strings. Servers sort by a prefix; what differs only behind it is a tie to filesort, so that the next key decides,
// and no tie to an index. With one key the whole text may be compared all the same: streams that are sorted by a
// prefix merge into one that is. With more keys after it, Key.MaxLength has to be the server's own cut. Merges of 1,200
// strings of up to 2,600 bytes, VARCHAR and LONGTEXT, by (s, id), were right with (max_sort_length at its default, 1024):
//   - MySQL: max_sort_length bytes of weights for PAD SPACE (latin1_swedish_ci, latin1_bin, utf8mb3_general_ci,
//     utf8mb4_general_ci, _bin, _unicode_ci, _unicode_520_ci); none for NO PAD (utf8mb4_0900_ai_ci, _as_cs, _bin) and
//     binary strings.
//   - MariaDB: max_sort_length bytes of weights for utf8mb4_unicode_ci, _unicode_520_ci, _unicode_nopad_ci,
//     _uca1400_ai_ci, latin1_swedish_ci, latin1_bin and latin1's nopad ones; max_sort_length × len(WEIGHT_STRING(' ')) bytes for
//     utf8mb3_general_ci, utf8mb4_general_ci, _general_nopad_ci, _bin, _nopad_bin.
//     VARBINARY, BLOB: max_sort_length-2 bytes, LONGBLOB: max_sort_length-4, and then LENGTH(s), as one more key.
//   - Collations not named here were not tried with long strings.
//
// Other types.
//   - WEIGHT_STRING is for strings only. MySQL gives keys of its own for integers, temporal types, ENUM, SET (by index) and
//     BIT, but NULL for DECIMAL, FLOAT and DOUBLE. MariaDB gives NULL for integers, DECIMAL, FLOAT, DOUBLE, YEAR and BIT,
//     the text of temporal types, and for ENUM and SET the weights of the *name*, while ORDER BY sorts by index on
//     both: Integer over (e+0).
//   - JSON: WEIGHT_STRING is that of its text on both. MariaDB sorts by it (utf8mb4_bin); MySQL sorts by JSON value.
//   - Approximate numbers need Float over (f+0e0), whose text gives back the very double: FLOAT's own text has 6 digits,
//     DOUBLE(10,2) expressions have 2 decimals, and both hide differences that ORDER BY sees. Plain DOUBLE is exact.
//   - Integers, DECIMAL (ZEROFILL too), YEAR, BIT (Bytes, or Integer over b+0), DATE, DATETIME, TIMESTAMP and TIME sort
//     by their text as the kinds below say.
//   - The result of WEIGHT_STRING has the binary character set (VARBINARY, a BLOB type for TEXT) on both servers, so
//     that character_set_results does not touch it.

// Kind says how the text of a key compares.
type Kind uint8

// The kinds of keys. Text that cannot be of its kind is an error of the merge, never a guess.
const (
	// Integer and Decimal compare exactly at any length: optional sign, leading zeros (ZEROFILL) and trailing ones
	// after the point without meaning, "-0.00" equal to "0".
	Integer Kind = iota
	Decimal
	// Float compares as IEEE doubles, which is what MySQL sorts FLOAT and DOUBLE as.
	Float
	// Bytes compares byte by byte; the shorter of two with a common beginning comes first. For DATE, DATETIME and
	// TIMESTAMP text of one precision, BIT, binary strings, and WEIGHT_STRING of NO PAD collations.
	Bytes
	// Padded compares byte by byte as if the shorter one went on with Key.SpaceWeight: WEIGHT_STRING of PAD SPACE
	// collations.
	Padded
	// Time compares [-]HHH:MM:SS[.ffffff] by value.
	Time
)

// Key is one ORDER BY item: which column of the rows holds its value and how that sorts.
type Key struct {
	Column      int    // counts from 0
	Kind        Kind   // how the text compares
	Desc        bool   // NULL is first ascending and last descending
	SpaceWeight []byte // Padded: WEIGHT_STRING(' ') in the key's collation
	MaxLength   int    // Bytes, Padded: bytes that the shards sort by, the rest is ignored (see "Long strings"); 0: all
}

// value is one key of one row, decoded once when the row becomes its stream's current one. It points into the row.
type value struct {
	null     bool
	negative bool
	text     []byte  // Bytes, Padded: the key; Integer, Decimal: whole digits without leading zeros
	fraction []byte  // Integer, Decimal: digits behind the point without trailing zeros
	micros   int64   // Time
	double   float64 // Float
	length   int     // Bytes, Padded: of the whole key, of which text is the part up to Key.MaxLength
}

// errKeyText says that a key's text is not of its kind. It does not show the text: errors are logged.
var errKeyText = errors.New("merge: a sort key's text is not of its type")

// load decodes a key's text.
func (k *Key) load(v *value, text []byte, null bool) error {
	*v = value{null: null}
	if null {
		return nil
	}
	ok := true
	switch k.Kind {
	case Integer, Decimal:
		ok = v.loadDecimal(text)
	case Float:
		ok = v.loadFloat(text)
	case Time:
		ok = v.loadTime(text)
	case Bytes, Padded:
		v.length = len(text)
		if k.MaxLength > 0 && len(text) > k.MaxLength {
			text = text[:k.MaxLength]
		}
		v.text = text
	default:
		ok = false
	}
	if !ok {
		return fmt.Errorf("%w: column %d, %d bytes", errKeyText, k.Column, len(text))
	}
	return nil
}

func (v *value) loadDecimal(text []byte) bool {
	v.negative, text = cutSign(text)
	whole, fraction := text, []byte(nil)
	if point := bytes.IndexByte(text, '.'); point >= 0 {
		whole, fraction = text[:point], text[point+1:]
	}
	if len(whole)+len(fraction) == 0 || !allDigits(whole) || !allDigits(fraction) {
		return false
	}
	for len(whole) > 0 && whole[0] == '0' {
		whole = whole[1:]
	}
	for n := len(fraction); n > 0 && fraction[n-1] == '0'; n-- {
		fraction = fraction[:n-1]
	}
	if len(whole)+len(fraction) == 0 {
		v.negative = false // "-0.00" is 0
	}
	v.text, v.fraction = whole, fraction
	return true
}

func (v *value) loadFloat(text []byte) bool {
	for _, c := range text { // ParseFloat also knows inf, nan, hexadecimal and underscores
		if c-'0' > 9 && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return false
		}
	}
	f, err := strconv.ParseFloat(string(text), 64)
	v.double = f
	return err == nil && !math.IsInf(f, 0)
}

func (v *value) loadTime(text []byte) bool {
	negative, text := cutSign(text)
	first := bytes.IndexByte(text, ':')
	if first < 1 || first > 9 || len(text) < first+6 || text[first+3] != ':' {
		return false
	}
	seconds, fraction := text[first+4:first+6], text[first+6:]
	if len(fraction) == 1 || len(fraction) > 7 || len(fraction) > 0 && fraction[0] != '.' {
		return false
	}
	micros := int64(0)
	for _, part := range [...]struct {
		text []byte
		unit int64
	}{{text[:first], 3600e6}, {text[first+1 : first+3], 60e6}, {seconds, 1e6}} {
		if !allDigits(part.text) {
			return false
		}
		micros += small(part.text) * part.unit
	}
	for i, unit := 1, int64(100000); i < len(fraction); i, unit = i+1, unit/10 {
		if fraction[i]-'0' > 9 {
			return false
		}
		micros += int64(fraction[i]-'0') * unit
	}
	if negative {
		micros = -micros
	}
	v.micros = micros
	return true
}

// small is the value of a few digits.
func small(digits []byte) (n int64) {
	for _, c := range digits {
		n = n*10 + int64(c-'0')
	}
	return n
}

func cutSign(text []byte) (negative bool, rest []byte) {
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		return text[0] == '-', text[1:]
	}
	return false, text
}

func allDigits(text []byte) bool {
	for _, c := range text {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}

// compare gives the order of two values of a key as the result shows it: negative when a comes first.
func (k *Key) compare(a, b *value) int {
	c := k.ascending(a, b)
	if k.Desc {
		return -c
	}
	return c
}

func (k *Key) ascending(a, b *value) int {
	if a.null || b.null {
		switch {
		case a.null && b.null:
			return 0
		case a.null:
			return -1
		default:
			return 1
		}
	}
	switch k.Kind {
	case Float:
		return cmp.Compare(a.double, b.double)
	case Time:
		return cmp.Compare(a.micros, b.micros)
	case Bytes:
		return bytes.Compare(a.text, b.text)
	case Padded:
		return comparePadded(a.text, b.text, k.SpaceWeight)
	default:
		return compareDecimal(a, b)
	}
}

func compareDecimal(a, b *value) int {
	if a.negative != b.negative {
		if a.negative {
			return -1
		}
		return 1
	}
	c := cmp.Compare(len(a.text), len(b.text))
	if c == 0 {
		c = bytes.Compare(a.text, b.text)
	}
	if c == 0 {
		c = bytes.Compare(a.fraction, b.fraction)
	}
	if a.negative {
		return -c
	}
	return c
}

// comparePadded compares as if the shorter of a and b went on with space again and again. Weights have whole units, so
// the shorter one's end is also the beginning of a unit of the longer one.
func comparePadded(a, b, space []byte) int {
	n := min(len(a), len(b))
	if c := bytes.Compare(a[:n], b[:n]); c != 0 {
		return c
	}
	if len(space) == 0 {
		return cmp.Compare(len(a), len(b))
	}
	if len(a) < len(b) {
		return -comparePadding(b[n:], space)
	}
	return comparePadding(a[n:], space)
}

// comparePadding compares rest with as many bytes of repeated space.
func comparePadding(rest, space []byte) int {
	for len(rest) > 0 {
		n := min(len(rest), len(space))
		if c := bytes.Compare(rest[:n], space[:n]); c != 0 {
			return c
		}
		rest = rest[n:]
	}
	return 0
}
