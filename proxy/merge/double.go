package merge

import (
	"bytes"
	"strconv"
)

// double.go: DOUBLE values in the text that the servers write (my_gcvt and my_fcvt; both servers alike).

// notFixed is what a column definition says of the decimals of a DOUBLE that has no number of them of its own.
const notFixed = 31

// The places of the decimal point, counted from the first digit, between which the servers write a DOUBLE without an
// exponent; behind the last of them they do where there is a fraction.
const (
	leastPoint = -14
	mostPoint  = 15
)

// appendDouble appends the text of a finite DOUBLE of a column with so many decimals: the shortest text that gives the number
// back.
func appendDouble(dst []byte, f float64, decimals uint8) []byte {
	if decimals < notFixed {
		return strconv.AppendFloat(dst, f, 'f', int(decimals), 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	sign := start + bytes.IndexByte(dst[start:], 'e') + 1
	point := int(small(dst[sign+1:]))
	if dst[sign] == '-' {
		point = -point
	}
	point++
	digits := 0
	for _, c := range dst[start : sign-1] {
		if c != '-' && c != '.' {
			digits++
		}
	}
	if point >= leastPoint && (point <= mostPoint || digits > point) {
		return strconv.AppendFloat(dst[:start], f, 'f', -1, 64)
	}
	return strconv.AppendInt(dst[:sign], int64(point-1), 10)
}
