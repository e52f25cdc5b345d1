package loaddata

import (
	"strings"
	"unicode/utf8"
)

// width.go: how many bytes the characters of a file have. The servers look at this while they look for separators, so
// that the last byte of a character is never taken for one.

// width is a way to cut bytes into characters.
type width uint8

const (
	unknownWidth width = iota
	oneByte
	utf8Three
	utf8Four
	gbkWidth  // gbk
	big5Width // big5
	sjisWidth // sjis, cp932
	euckrWidth
	gb2312Width
	ujisWidth // ujis, eucjpms
)

// singles begins the names of character sets of one byte.
var singles = [...]string{"latin", "cp125", "cp85", "cp866", "koi8", "ascii", "binary", "greek", "hebrew", "hp8", "dec8", "swe7",
	"armscii8", "geostd8", "keybcs2", "macce", "macroman", "tis620"}

func widthOf(charset string) width {
	switch charset {
	case "utf8mb4":
		return utf8Four
	case "utf8", "utf8mb3":
		return utf8Three
	case "gbk":
		return gbkWidth
	case "big5":
		return big5Width
	case "sjis", "cp932":
		return sjisWidth
	case "euckr":
		return euckrWidth
	case "gb2312":
		return gb2312Width
	case "ujis", "eucjpms":
		return ujisWidth
	}
	for _, s := range singles {
		if strings.HasPrefix(charset, s) {
			return oneByte
		}
	}
	return unknownWidth // ucs2 and the like, which servers refuse, and gb18030
}

// asciiTails tells whether a byte below 0x80 can be the end of a character.
func (w width) asciiTails() bool {
	return w == gbkWidth || w == big5Width || w == sjisWidth || w == euckrWidth
}

// utf8 tells whether it is one of the two UTF-8.
func (w width) utf8() bool { return w == utf8Three || w == utf8Four }

func in(b, lo, hi byte) bool { return lo <= b && b <= hi }

// character is the number of bytes of the character that begins with p[0], which is above 0x7F: 0 when none does, and
// -1 when p is too short to tell.
func (w width) character(p []byte) int {
	if w == oneByte {
		return 1
	}
	if w.utf8() {
		return w.utf8Character(p)
	}
	if w == sjisWidth && in(p[0], 0xA1, 0xDF) {
		return 1
	}
	if !w.leads(p[0]) {
		return 0
	}
	if len(p) < 2 {
		return -1
	}
	if w == ujisWidth && p[0] == 0x8F {
		switch {
		case !in(p[1], 0xA1, 0xFE):
			return 0
		case len(p) < 3:
			return -1
		case !in(p[2], 0xA1, 0xFE):
			return 0
		}
		return 3
	}
	if !w.follows(p[0], p[1]) {
		return 0
	}
	return 2
}

func (w width) leads(b byte) bool {
	switch w {
	case gbkWidth, euckrWidth:
		return in(b, 0x81, 0xFE)
	case big5Width:
		return in(b, 0xA1, 0xF9)
	case sjisWidth:
		return in(b, 0x81, 0x9F) || in(b, 0xE0, 0xFC)
	case gb2312Width:
		return in(b, 0xA1, 0xF7)
	}
	return in(b, 0xA1, 0xFE) || b == 0x8E || b == 0x8F // ujis
}

func (w width) follows(lead, b byte) bool {
	switch w {
	case gbkWidth:
		return in(b, 0x40, 0x7E) || in(b, 0x80, 0xFE)
	case euckrWidth:
		return in(b, 0x41, 0x5A) || in(b, 0x61, 0x7A) || in(b, 0x81, 0xFE)
	case big5Width:
		return in(b, 0x40, 0x7E) || in(b, 0xA1, 0xFE)
	case sjisWidth:
		return in(b, 0x40, 0x7E) || in(b, 0x80, 0xFC)
	case ujisWidth:
		if lead == 0x8E {
			return in(b, 0xA1, 0xDF)
		}
	}
	return in(b, 0xA1, 0xFE)
}

func (w width) utf8Character(p []byte) int {
	r, n := utf8.DecodeRune(p)
	switch {
	case r == utf8.RuneError && n <= 1:
		if !utf8.FullRune(p) {
			return -1
		}
		return 0
	case n == 4 && w == utf8Three:
		return 0
	}
	return n
}
