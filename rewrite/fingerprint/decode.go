package fingerprint

// decode.go: what a literal's text denotes.

import "bytes"

// Decode gives the value of a literal: for strings the bytes with quotes, escapes and continuations undone, for
// hexadecimal and bit literals the bytes they denote, for numbers their text. Where nothing has to be undone that is a
// slice of the statement's text, which nobody may write to; else it was appended to dst, and fresh is true.
func (s *Statement) Decode(l Literal, dst []byte) (value []byte, fresh bool) {
	text := s.Text[l.Start:l.End:l.End]
	switch l.Kind {
	case String:
		return s.decodeString(text, dst)
	case UTF8MB4, Bytes:
		if c := text[0]; c == '\'' || c == '"' {
			return s.decodeString(text, dst)
		}
		return decodeHex(text, dst), true
	case Hex:
		return decodeHex(text, dst), true
	case Bit:
		return decodeBit(text, dst), true
	}
	return text, false
}

func (s *Statement) decodeString(text, dst []byte) (value []byte, fresh bool) {
	quote, inner := text[0], text[1:len(text)-1:len(text)-1]
	escapes := s.Mode&NoBackslashEscapes == 0
	if bytes.IndexByte(inner, quote) < 0 && (!escapes || bytes.IndexByte(inner, '\\') < 0) {
		return inner, false
	}
	lex := Lexer{Text: text, Mode: s.Mode}
	for { // 'a' /* a comment */ "b" is one string
		t := lex.Next()
		switch t.Kind {
		case TokenEnd:
			return dst, true
		case TokenString:
			dst = appendPart(dst, text[t.Start:t.End], escapes)
		}
	}
}

// appendPart undoes one quoted part of a string.
func appendPart(dst, part []byte, escapes bool) []byte {
	quote, inner := part[0], part[1:len(part)-1]
	for i := 0; i < len(inner); i++ {
		switch {
		case inner[i] == quote: // doubled
			i++
		case inner[i] == '\\' && escapes && i+1 < len(inner):
			i++
			dst = appendEscape(dst, inner[i])
			continue
		}
		if i < len(inner) {
			dst = append(dst, inner[i])
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
