package fingerprint

// decode.go: what a literal's text denotes.

import "bytes"

// Decode appends the value of a literal to dst: for strings the bytes with quotes, escapes and continuations undone,
// for hexadecimal and bit literals the bytes they denote, for numbers their text. When nothing has to be undone it
// returns a slice of the statement's text and leaves dst alone.
func (s *Statement) Decode(l Literal, dst []byte) []byte {
	text := s.Text[l.Start:l.End]
	switch l.Kind {
	case String:
		return s.decodeString(text, dst)
	case Hex:
		return decodeHex(text, dst)
	case Bit:
		return decodeBit(text, dst)
	}
	return text
}

func (s *Statement) decodeString(text, dst []byte) []byte {
	quote, inner := text[0], text[1:len(text)-1]
	escapes := s.Mode&NoBackslashEscapes == 0
	if bytes.IndexByte(inner, quote) < 0 && (!escapes || bytes.IndexByte(inner, '\\') < 0) {
		return inner
	}
	for i := 0; i < len(text); {
		quote = text[i] // each part of a continued string has its own quotes
		i++
		for ; i < len(text); i++ {
			c := text[i]
			if c == quote {
				if i+1 >= len(text) || text[i+1] != quote {
					break
				}
				i++
			} else if c == '\\' && escapes && i+1 < len(text) {
				i++
				dst = appendEscape(dst, text[i])
				continue
			}
			dst = append(dst, text[i])
		}
		for i++; i < len(text) && text[i] != '\'' && text[i] != '"'; i++ {
		}
	}
	return dst
}

// appendEscape undoes one escape; https://dev.mysql.com/doc/refman/9.4/en/string-literals.html. \% and \_ keep their
// backslash outside of patterns.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '0':
		return append(dst, 0)
	case 'b':
		return append(dst, '\b')
	case 'n':
		return append(dst, '\n')
	case 'r':
		return append(dst, '\r')
	case 't':
		return append(dst, '\t')
	case 'Z':
		return append(dst, 26)
	case '%', '_':
		return append(dst, '\\', c)
	}
	return append(dst, c)
}

func decodeHex(text, dst []byte) []byte {
	digits := text[2:]
	if text[0] != '0' {
		digits = text[2 : len(text)-1]
	}
	if len(digits)%2 == 1 {
		dst, digits = append(dst, nibble(digits[0])), digits[1:]
	}
	for i := 0; i+1 < len(digits); i += 2 {
		dst = append(dst, nibble(digits[i])<<4|nibble(digits[i+1]))
	}
	return dst
}

func nibble(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

func decodeBit(text, dst []byte) []byte {
	digits := text[2:]
	if text[0] != '0' {
		digits = text[2 : len(text)-1]
	}
	for len(digits) > 0 {
		n := len(digits) % 8
		if n == 0 {
			n = 8
		}
		var b byte
		for _, c := range digits[:n] {
			b = b<<1 | c&1
		}
		dst, digits = append(dst, b), digits[n:]
	}
	return dst
}
