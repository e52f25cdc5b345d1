package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// binaryvalue.go: the values of the binary protocol beside their text
// (https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html). It knows the layouts of the
// types and nothing of what values mean.

// errBinaryValue says that a value is not of its type's layout. It does not show the value: rows are the customer's.
var errBinaryValue = errors.New("wire: a value is not of its type")

// BinarySize is the size of a row's or parameter's binary value at the start of b, the length before it included. ok
// is false when b is too short.
func BinarySize(typ byte, b []byte) (n int, ok bool) {
	n = valueSize(typ, b)
	return n, n <= len(b)
}

// AppendTextValue appends a binary value as the text protocol shows it, without what only the column's declaration
// says (ZEROFILL, the digits of FLOAT). decimals is the column's number of digits of a second, 0 to 6.
func AppendTextValue(dst []byte, typ byte, unsigned bool, decimals uint8, value []byte) ([]byte, error) {
	n, ok := BinarySize(typ, value)
	if !ok || n != len(value) {
		return dst, errBinaryValue
	}
	switch typ {
	case TypeTiny, TypeShort, TypeYear, TypeLong, TypeInt24, TypeLongLong:
		if v := binaryInteger(value); unsigned {
			return strconv.AppendUint(dst, v, 10), nil
		} else {
			shift := 64 - 8*len(value)
			return strconv.AppendInt(dst, int64(v<<shift)>>shift, 10), nil
		}
	case TypeFloat:
		f := math.Float32frombits(binary.LittleEndian.Uint32(value))
		return strconv.AppendFloat(dst, float64(f), 'g', -1, 32), nil
	case TypeDouble:
		f := math.Float64frombits(binary.LittleEndian.Uint64(value))
		return strconv.AppendFloat(dst, f, 'g', -1, 64), nil
	case TypeDate, TypeDatetime, TypeTimestamp:
		return appendDateText(dst, typ, decimals, value[1:])
	case TypeTime:
		return appendTimeText(dst, decimals, value[1:])
	}
	text, _, _, ok := ReadLenEncBytes(value)
	if !ok {
		return dst, errBinaryValue
	}
	return append(dst, text...), nil
}

// binaryInteger reads little-endian bytes, up to eight.
func binaryInteger(b []byte) uint64 {
	v := uint64(0)
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v
}

func appendDateText(dst []byte, typ byte, decimals uint8, b []byte) ([]byte, error) {
	var f [11]byte
	if len(b) > len(f) {
		return dst, errBinaryValue
	}
	copy(f[:], b)
	dst = fmt.Appendf(dst, "%04d-%02d-%02d", binary.LittleEndian.Uint16(f[:]), f[2], f[3])
	if typ == TypeDate {
		return dst, nil
	}
	dst = fmt.Appendf(dst, " %02d:%02d:%02d", f[4], f[5], f[6])
	return appendFraction(dst, decimals, binary.LittleEndian.Uint32(f[7:])), nil
}

func appendTimeText(dst []byte, decimals uint8, b []byte) ([]byte, error) {
	var f [12]byte
	if len(b) > len(f) {
		return dst, errBinaryValue
	}
	copy(f[:], b)
	if f[0] == 1 {
		dst = append(dst, '-')
	}
	hours := uint64(binary.LittleEndian.Uint32(f[1:]))*24 + uint64(f[5])
	dst = fmt.Appendf(dst, "%02d:%02d:%02d", hours, f[6], f[7])
	return appendFraction(dst, decimals, binary.LittleEndian.Uint32(f[8:])), nil
}

// appendFraction appends the digits of a second that a column has.
func appendFraction(dst []byte, decimals uint8, micros uint32) []byte {
	const most = 6
	if decimals == 0 || decimals > most {
		if micros == 0 {
			return dst
		}
		decimals = most // a parameter or an expression whose precision is not known
	}
	digits := fmt.Appendf(nil, "%06d", micros)
	return append(append(dst, '.'), digits[:decimals]...)
}

// AppendBinaryValue appends a text value as the binary protocol has it for a column of this type.
func AppendBinaryValue(dst []byte, typ byte, unsigned bool, text []byte) ([]byte, error) {
	switch typ {
	case TypeTiny, TypeShort, TypeYear, TypeLong, TypeInt24, TypeLongLong:
		v, err := parseBinaryInteger(text, unsigned)
		if err != nil {
			return dst, err
		}
		wide := binary.LittleEndian.AppendUint64(nil, v)
		return append(dst, wide[:valueSize(typ, nil)]...), nil
	case TypeFloat:
		f, err := strconv.ParseFloat(string(text), 32)
		if err != nil {
			return dst, errBinaryValue
		}
		return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(f))), nil
	case TypeDouble:
		f, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			return dst, errBinaryValue
		}
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f)), nil
	case TypeDate, TypeDatetime, TypeTimestamp:
		return appendBinaryDate(dst, string(text))
	case TypeTime:
		return appendBinaryTime(dst, string(text))
	case TypeNull:
		return dst, nil
	}
	return AppendLenEncBytes(dst, text), nil
}

func parseBinaryInteger(text []byte, unsigned bool) (uint64, error) {
	if unsigned {
		v, err := strconv.ParseUint(string(text), 10, 64)
		if err != nil {
			return 0, errBinaryValue
		}
		return v, nil
	}
	v, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, errBinaryValue
	}
	return uint64(v), nil
}

// appendBinaryDate writes the shortest of the forms: zero, a date, with a time, with microseconds.
func appendBinaryDate(dst []byte, text string) ([]byte, error) {
	var year, month, day, hour, minute, second, micros int
	date, clock, timed := cutByte(text, ' ')
	if _, err := fmt.Sscanf(date, "%d-%d-%d", &year, &month, &day); err != nil {
		return dst, errBinaryValue
	}
	if timed {
		var err error
		if hour, minute, second, micros, err = parseClock(clock); err != nil {
			return dst, err
		}
	}
	f := binary.LittleEndian.AppendUint16(nil, uint16(year))
	f = append(f, byte(month), byte(day), byte(hour), byte(minute), byte(second))
	f = binary.LittleEndian.AppendUint32(f, uint32(micros))
	size := 11
	switch {
	case micros != 0:
	case hour|minute|second != 0:
		size = 7
	case year|month|day != 0:
		size = 4
	default:
		size = 0
	}
	return append(append(dst, byte(size)), f[:size]...), nil
}

func appendBinaryTime(dst []byte, text string) ([]byte, error) {
	negative := byte(0)
	if len(text) > 0 && text[0] == '-' {
		negative, text = 1, text[1:]
	}
	hour, minute, second, micros, err := parseClock(text)
	if err != nil {
		return dst, err
	}
	f := binary.LittleEndian.AppendUint32([]byte{negative}, uint32(hour/24))
	f = append(f, byte(hour%24), byte(minute), byte(second))
	f = binary.LittleEndian.AppendUint32(f, uint32(micros))
	size := 12
	switch {
	case micros != 0:
	case hour|minute|second != 0:
		size = 8
	default:
		size = 0
	}
	return append(append(dst, byte(size)), f[:size]...), nil
}

// parseClock reads HH:MM:SS with up to six digits of a second.
func parseClock(text string) (hour, minute, second, micros int, err error) {
	clock, fraction, _ := cutByte(text, '.')
	if _, err := fmt.Sscanf(clock, "%d:%d:%d", &hour, &minute, &second); err != nil || len(fraction) > 6 {
		return 0, 0, 0, 0, errBinaryValue
	}
	if fraction != "" {
		if micros, err = strconv.Atoi((fraction + "000000")[:6]); err != nil {
			return 0, 0, 0, 0, errBinaryValue
		}
	}
	return hour, minute, second, micros, nil
}

func cutByte(s string, sep byte) (before, after string, found bool) {
	for i := range len(s) {
		if s[i] == sep {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// AppendBinaryRow appends a row of the text protocol in the layout of the binary one.
func AppendBinaryRow(dst []byte, columns []Column, text []byte) ([]byte, error) {
	dst = append(dst, 0)
	nulls := len(dst)
	dst = append(dst, make([]byte, (len(columns)+2+7)/8)...)
	for i := range columns {
		value, null, n, ok := ReadLenEncBytes(text)
		if !ok {
			return dst, errBinaryValue
		}
		text = text[n:]
		if null {
			dst[nulls+(i+2)/8] |= 1 << ((i + 2) % 8)
			continue
		}
		var err error
		if dst, err = AppendBinaryValue(dst, columns[i].Type, columns[i].Flags&FlagUnsigned != 0, value); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// RetypeBinaryRow appends a binary row with its values in other types; scratch is room for a value's text and is
// returned for the next call.
func RetypeBinaryRow(dst, scratch, row []byte, have, want []Column) (out, room []byte, err error) {
	bitmap := 1 + (len(have)+2+7)/8
	if len(row) < bitmap {
		return dst, scratch, errBinaryValue
	}
	dst = append(dst, row[:bitmap]...)
	rest := row[bitmap:]
	for i := range have {
		if row[1+(i+2)/8]&(1<<((i+2)%8)) != 0 {
			continue
		}
		n, ok := BinarySize(have[i].Type, rest)
		if !ok {
			return dst, scratch, errBinaryValue
		}
		value := rest[:n]
		rest = rest[n:]
		if have[i].Type == want[i].Type {
			dst = append(dst, value...)
			continue
		}
		unsigned := have[i].Flags&FlagUnsigned != 0
		if scratch, err = AppendTextValue(scratch[:0], have[i].Type, unsigned, have[i].Decimals, value); err != nil {
			return dst, scratch, err
		}
		if dst, err = AppendBinaryValue(dst, want[i].Type, want[i].Flags&FlagUnsigned != 0, scratch); err != nil {
			return dst, scratch, err
		}
	}
	return dst, scratch, nil
}
