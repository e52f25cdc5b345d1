package wire

import "encoding/binary"

// lenenc.go: length-encoded integers and strings, of which packets and rows are made.

const lenEncNull = 0xfb // in place of a string's length: NULL

// AppendLenEncInt appends v in its shortest form (1, 3, 4 or 9 bytes).
func AppendLenEncInt(dst []byte, v uint64) []byte {
	switch {
	case v < 0xfb:
		return append(dst, byte(v))
	case v < 1<<16:
		return append(dst, 0xfc, byte(v), byte(v>>8))
	case v < 1<<24:
		return append(dst, 0xfd, byte(v), byte(v>>8), byte(v>>16))
	default:
		return binary.LittleEndian.AppendUint64(append(dst, 0xfe), v)
	}
}

// ReadLenEncInt reads an integer at the start of b; n is the number of bytes it takes. ok is false when b is too
// short or begins with 0xFB (NULL) or 0xFF (an error packet), which are no integers.
func ReadLenEncInt(b []byte) (v uint64, n int, ok bool) {
	if len(b) == 0 {
		return 0, 0, false
	}
	switch b[0] {
	default:
		return uint64(b[0]), 1, true
	case 0xfb, 0xff:
		return 0, 0, false
	case 0xfc:
		if len(b) >= 3 {
			return uint64(b[1]) | uint64(b[2])<<8, 3, true
		}
	case 0xfd:
		if len(b) >= 4 {
			return uint64(b[1]) | uint64(b[2])<<8 | uint64(b[3])<<16, 4, true
		}
	case 0xfe:
		if len(b) >= 9 {
			return binary.LittleEndian.Uint64(b[1:]), 9, true
		}
	}
	return 0, 0, false
}

// AppendLenEncBytes appends s with its length before it.
func AppendLenEncBytes(dst, s []byte) []byte {
	return append(AppendLenEncInt(dst, uint64(len(s))), s...)
}

// AppendLenEncString appends s with its length before it.
func AppendLenEncString(dst []byte, s string) []byte {
	return append(AppendLenEncInt(dst, uint64(len(s))), s...)
}

// AppendNull appends a row's NULL.
func AppendNull(dst []byte) []byte { return append(dst, lenEncNull) }

// ReadLenEncBytes reads a string at the start of b, as rows have them: s points into b, null says that it is NULL, n
// is the number of bytes that it takes with its length. ok is false when b is too short for the length it claims.
func ReadLenEncBytes(b []byte) (s []byte, null bool, n int, ok bool) {
	if len(b) > 0 && b[0] == lenEncNull {
		return nil, true, 1, true
	}
	length, k, ok := ReadLenEncInt(b)
	if !ok || length > uint64(len(b)-k) {
		return nil, false, 0, false
	}
	n = k + int(length)
	return b[k:n:n], false, n, true
}
