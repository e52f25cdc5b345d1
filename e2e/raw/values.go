package raw

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// values.go: the values of a binary row,
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html.

// BinaryValues takes a row of the binary protocol apart. Values are written as the text protocol writes them, but for
// floating point numbers, which have as many digits as they need.
func BinaryValues(row []byte, columns []Column) ([]Value, error) {
	nulls := (len(columns) + 7 + 2) / 8
	if len(row) < 1+nulls || row[0] != 0 {
		return nil, fmt.Errorf("binary row % .40x: malformed", row)
	}
	bitmap, rest := row[1:1+nulls], row[1+nulls:]
	values := make([]Value, len(columns))
	for i, c := range columns {
		if bitmap[(i+2)/8]&(1<<((i+2)%8)) != 0 {
			values[i].Null = true
			continue
		}
		var err error
		if values[i].Text, rest, err = binaryValue(rest, c); err != nil {
			return nil, fmt.Errorf("value %d (%s): %w", i+1, c.Name, err)
		}
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes after the last value", len(rest))
	}
	return values, nil
}

const unsignedFlag = 0x20

// binaryValue reads one value of a column's type.
func binaryValue(p []byte, c Column) (text, rest []byte, err error) {
	size := map[byte]int{mysql.MYSQL_TYPE_TINY: 1, mysql.MYSQL_TYPE_SHORT: 2, mysql.MYSQL_TYPE_YEAR: 2, mysql.MYSQL_TYPE_INT24: 4,
		mysql.MYSQL_TYPE_LONG: 4, mysql.MYSQL_TYPE_LONGLONG: 8, mysql.MYSQL_TYPE_FLOAT: 4, mysql.MYSQL_TYPE_DOUBLE: 8}[c.Type]
	if size > 0 {
		if len(p) < size {
			return nil, nil, errShort
		}
		return number(p[:size], c), p[size:], nil
	}
	switch c.Type {
	case mysql.MYSQL_TYPE_DATE, mysql.MYSQL_TYPE_DATETIME, mysql.MYSQL_TYPE_TIMESTAMP, mysql.MYSQL_TYPE_NEWDATE, mysql.MYSQL_TYPE_TIME:
		if len(p) == 0 || len(p) < 1+int(p[0]) {
			return nil, nil, errShort
		}
		v, rest := p[1:1+p[0]], p[1+p[0]:]
		if c.Type == mysql.MYSQL_TYPE_TIME {
			text, err = timeText(v, c.Decimals)
		} else {
			text, err = dateText(v, c)
		}
		return text, rest, err
	}
	text, null, rest, err := lenEncText(p)
	if err == nil && null {
		err = fmt.Errorf("NULL that the bitmap does not tell")
	}
	return text, rest, err
}

func number(p []byte, c Column) []byte {
	switch c.Type {
	case mysql.MYSQL_TYPE_FLOAT:
		return strconv.AppendFloat(nil, float64(math.Float32frombits(binary.LittleEndian.Uint32(p))), 'g', -1, 32)
	case mysql.MYSQL_TYPE_DOUBLE:
		return strconv.AppendFloat(nil, math.Float64frombits(binary.LittleEndian.Uint64(p)), 'g', -1, 64)
	}
	var wide [8]byte
	copy(wide[:], p)
	v := binary.LittleEndian.Uint64(wide[:])
	switch {
	case c.Type == mysql.MYSQL_TYPE_YEAR:
		return fmt.Appendf(nil, "%04d", v)
	case c.Flags&unsignedFlag != 0:
		return strconv.AppendUint(nil, v, 10)
	}
	shift := 64 - 8*len(p)
	return strconv.AppendInt(nil, int64(v<<shift)>>shift, 10)
}

// dateText writes a date: 0, 4, 7 or 11 bytes.
func dateText(v []byte, c Column) ([]byte, error) {
	var wide [11]byte
	switch len(v) {
	case 0, 4, 7, 11:
		copy(wide[:], v)
	default:
		return nil, fmt.Errorf("a date of %d bytes", len(v))
	}
	text := fmt.Appendf(nil, "%04d-%02d-%02d", binary.LittleEndian.Uint16(wide[:]), wide[2], wide[3])
	if c.Type == mysql.MYSQL_TYPE_DATE || c.Type == mysql.MYSQL_TYPE_NEWDATE {
		return text, nil
	}
	text = fmt.Appendf(text, " %02d:%02d:%02d", wide[4], wide[5], wide[6])
	return fraction(text, binary.LittleEndian.Uint32(wide[7:]), c.Decimals), nil
}

// timeText writes a time: 0, 8 or 12 bytes.
func timeText(v []byte, decimals byte) ([]byte, error) {
	var wide [12]byte
	switch len(v) {
	case 0, 8, 12:
		copy(wide[:], v)
	default:
		return nil, fmt.Errorf("a time of %d bytes", len(v))
	}
	var text []byte
	if wide[0] == 1 {
		text = append(text, '-')
	}
	hours := 24*binary.LittleEndian.Uint32(wide[1:]) + uint32(wide[5])
	text = fmt.Appendf(text, "%02d:%02d:%02d", hours, wide[6], wide[7])
	return fraction(text, binary.LittleEndian.Uint32(wide[8:]), decimals), nil
}

func fraction(text []byte, micro uint32, decimals byte) []byte {
	if decimals == 0 || decimals > 6 {
		return text
	}
	return append(text, fmt.Sprintf(".%06d", micro)[:1+decimals]...)
}
