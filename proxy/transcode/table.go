// Package transcode converts statements between a client's character set and UTF-8, which is what everything behind
// the session's border reads. The conversion is the servers' own: a Table is made from what a server answers for every
// code of the character set. It knows no SQL and no sockets.
//
// No byte is ever lost or changed: Encode(Decode(text)) is text. A byte that is no part of a character, and a character
// that the server would not give back as it was, is *kept*: each of its bytes b becomes the surrogate U+DC00+b, three
// bytes that are not UTF-8. So what a server is sent is what the client wrote, and whoever looks at the text in between
// sees that it is not known what the kept bytes mean.
package transcode

import (
	"fmt"
	"unicode/utf8"
)

// Table is one character set of one make of server. It is not changed after it was made.
type Table struct {
	// Name is the character set's name, as after SET NAMES.
	Name string

	scheme scheme
	decode map[uint32]*[256]rune // by code>>8; 0: no character
	encode map[rune]*[256]uint32 // by rune>>8; 0: not in the character set
}

// Text says what Decode met.
type Text struct {
	// Kept: some bytes are not known to be characters.
	Kept bool
	// Escaped: an odd number of backslashes stands before a character of several bytes, in a character set where they
	// can look like ASCII. A server then takes the backslash together with the first byte alone.
	Escaped bool
}

// ASCII tells whether all of a text is ASCII, which is the same in every character set that a Table is made for.
func ASCII[T string | []byte](text T) bool {
	for i := 0; i < len(text); i++ {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Decode appends the text in UTF-8.
func (t *Table) Decode(dst, text []byte) ([]byte, Text) {
	var met Text
	backslashes := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if c == '\\' {
				backslashes++
			} else {
				backslashes = 0
			}
			dst = append(dst, c)
			i++
			continue
		}
		n := t.scheme.length(text[i:])
		met.Escaped = met.Escaped || n > 1 && backslashes%2 == 1 && t.scheme.asciiTrails()
		backslashes = 0
		if r := t.rune(text[i : i+n]); r != 0 {
			dst = utf8.AppendRune(dst, r)
		} else {
			n = max(n, 1)
			dst = keep(dst, text[i:i+n])
			met.Kept = true
		}
		i += n
	}
	return dst, met
}

// rune is the character of a code, 0 when it is none.
func (t *Table) rune(code []byte) rune {
	n := uint32(0)
	for _, b := range code {
		n = n<<8 | uint32(b)
	}
	if page := t.decode[n>>8]; page != nil && page[n&0xFF] != 0 {
		return page[n&0xFF]
	}
	if len(code) == 4 {
		return supplementary(code)
	}
	return 0
}

// keep writes bytes that have no character.
func keep(dst, raw []byte) []byte {
	for _, b := range raw {
		dst = append(dst, 0xED, 0xB0|b>>6, 0x80|b&0x3F)
	}
	return dst
}

// kept reads a byte that keep wrote.
func kept(text []byte) (byte, bool) {
	if len(text) < 3 || text[0] != 0xED || text[1]&^0x03 != 0xB0 || text[2]&^0x3F != 0x80 {
		return 0, false
	}
	return text[1]<<6 | text[2]&0x3F, true
}

// HasKept tells whether a decoded text has bytes that are not known to be characters.
func HasKept(text []byte) bool {
	for i := range text {
		if _, ok := kept(text[i:]); ok {
			return true
		}
	}
	return false
}

// Encode appends a text that is UTF-8, with what Decode kept. It gives the first character that the character set does
// not have, 0 when it has all.
func (t *Table) Encode(dst, text []byte) (encoded []byte, missing rune) {
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			dst = append(dst, c)
			i++
			continue
		}
		if b, ok := kept(text[i:]); ok {
			dst = append(dst, b)
			i += 3
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		var ok bool
		if dst, ok = t.AppendRune(dst, r); !ok && missing == 0 {
			missing = r
		}
		i += n
	}
	return dst, missing
}

// AppendRune appends one character; not ok when the character set does not have it.
func (t *Table) AppendRune(dst []byte, r rune) (encoded []byte, ok bool) {
	if r < utf8.RuneSelf {
		return append(dst, byte(r)), true
	}
	code := uint32(0)
	if page := t.encode[r>>8]; page != nil {
		code = page[r&0xFF]
	}
	if code == 0 && t.scheme == gb18030 && r > 0xFFFF {
		return appendSupplementary(dst, r), true
	}
	for shift := 24; shift >= 0; shift -= 8 {
		if b := code >> shift; b != 0 {
			dst = append(dst, byte(b))
		}
	}
	return dst, code != 0
}

// EncodeString is Encode for a text that must be said: what the character set does not have is written by missing.
func (t *Table) EncodeString(text string, missing func(dst []byte, r rune) []byte) string {
	if ASCII(text) {
		return text
	}
	var dst []byte
	for b := []byte(text); len(b) > 0; {
		if raw, ok := kept(b); ok {
			dst, b = append(dst, raw), b[3:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		var ok bool
		if dst, ok = t.AppendRune(dst, r); !ok {
			dst = missing(dst, r)
		}
		b = b[n:]
	}
	return string(dst)
}

// QuestionMark is how servers write a character that results cannot have.
func QuestionMark(dst []byte, _ rune) []byte { return append(dst, '?') }

// Escape is how servers write such a character in an error's text: \4E2D.
func Escape(dst []byte, r rune) []byte { return fmt.Appendf(dst, "\\%04X", r) }
