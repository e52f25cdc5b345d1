package router

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// key_fold.go: texts in a normal form, such that texts which the column's collation calls equal fold to equal bytes.
// The reverse need not hold: a fold that is coarser only puts unequal texts into one shard. The tables are frozen
// (key_fold_table.go, made from the servers' own weights by foldgen): a fold that changed would send stored rows
// elsewhere. e2e/fold_test.go proves every collation below against the servers.

// folding is one way to fold; texts of two columns meet in one shard only when their foldings are the same.
type folding uint8

const (
	foldingNone       folding = iota // not supported
	foldingBytes                     // VARBINARY: the bytes
	foldingZeros                     // BINARY: the bytes without the zeros that pad them
	foldingExact                     // _bin and _cs of one weight per letter: without trailing spaces
	foldingASCII                     // ascii_general_ci: lower case
	foldingGeneral                   // general_ci: one weight per character of the basic plane, one for all others
	foldingUnicode                   // Unicode collation algorithm 5.2, 9.0 and 14.0, untailored
	foldingUnicodeBMP                // the same of version 4.0, where all supplementary characters are equal
	foldingSwedish                   // latin1, by the name of the collation
	foldingLatin                     // latin1_general_ci
	foldingGerman
	foldingDanish
	foldingSpanish
)

// charset is what a column can hold.
type charset uint8

const (
	charsetBinary charset = iota
	charsetASCII
	charsetLatin1 // MySQL's: Windows-1252
	charsetUTF8MB3
	charsetUTF8MB4
)

// textRules says how a text column's keys are made.
type textRules struct {
	fold    folding
	charset charset
}

// rulesOf finds a text column's rules; the fold is foldingNone for collations that are not proved.
func rulesOf(col *Column) textRules {
	switch col.DataType {
	case "binary":
		return textRules{foldingZeros, charsetBinary}
	case "varbinary":
		return textRules{foldingBytes, charsetBinary}
	}
	set, rest, _ := strings.Cut(col.Collation, "_")
	switch set {
	case "utf8mb4":
		return textRules{unicodeFolding(rest), charsetUTF8MB4}
	case "utf8mb3", "utf8":
		return textRules{unicodeFolding(rest), charsetUTF8MB3}
	case "latin1":
		return textRules{latin1Folding(rest), charsetLatin1}
	case "ascii":
		switch rest {
		case "general_ci", "general_nopad_ci":
			return textRules{foldingASCII, charsetASCII}
		case "bin", "nopad_bin":
			return textRules{foldingExact, charsetASCII}
		}
	}
	return textRules{}
}

func unicodeFolding(rest string) folding {
	switch rest {
	case "bin", "nopad_bin", "0900_bin":
		return foldingExact
	case "general_ci", "general_nopad_ci":
		return foldingGeneral
	case "unicode_ci", "unicode_nopad_ci":
		return foldingUnicodeBMP
	case "unicode_520_ci", "unicode_520_nopad_ci", "0900_ai_ci", "0900_as_ci", "0900_as_cs",
		"uca1400_ai_ci", "uca1400_ai_cs", "uca1400_as_ci", "uca1400_as_cs",
		"uca1400_nopad_ai_ci", "uca1400_nopad_ai_cs", "uca1400_nopad_as_ci", "uca1400_nopad_as_cs":
		return foldingUnicode
	}
	return foldingNone
}

func latin1Folding(rest string) folding {
	switch rest {
	case "bin", "nopad_bin", "general_cs":
		return foldingExact
	case "swedish_ci", "swedish_nopad_ci":
		return foldingSwedish
	case "general_ci":
		return foldingLatin
	case "german1_ci":
		return foldingGerman
	case "danish_ci":
		return foldingDanish
	case "spanish_ci":
		return foldingSpanish
	}
	return foldingNone
}

// holds tells whether a column of the character set can store the text without losing anything. Bytes that are not
// UTF-8 are no text.
func (c charset) holds(text []byte) bool {
	if c == charsetBinary {
		return true
	}
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return false
		}
		switch {
		case c == charsetASCII, c == charsetUTF8MB3 && r > 0xFFFF, c == charsetLatin1 && !isLatin1(r):
			return false
		}
		i += n
	}
	return true
}

// isLatin1 tells whether MySQL's latin1 has the character.
func isLatin1(r rune) bool {
	switch r {
	case 0x81, 0x8D, 0x8F, 0x90, 0x9D: // not in Windows-1252; MySQL maps them to themselves
		return true
	}
	return r < 0x80 || r >= 0xA0 && r <= 0xFF || strings.ContainsRune("€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ", r)
}

// appendFold returns the fold of a text, in text's own memory where nothing changes, else appended to dst.
func (f folding) appendFold(dst, text []byte) []byte {
	switch f {
	case foldingBytes:
		return text
	case foldingZeros:
		return bytes.TrimRight(text, "\x00")
	case foldingExact:
		return trimSpaces(text)
	}
	start := len(dst)
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			i++
			switch {
			case c >= 'A' && c <= 'Z':
				c += 'a' - 'A'
			case (c < ' ' || c == 0x7F) && (f == foldingUnicode || f == foldingUnicodeBMP):
				continue // control characters weigh nothing, or are not worth a table
			}
			dst = append(dst, c)
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		i += n
		dst = f.appendRune(dst, r)
	}
	return trimSpaces(dst[start:])
}

// trimSpaces cuts what PAD SPACE collations do not see. Other collations do, but CHAR columns lose it.
func trimSpaces(text []byte) []byte {
	for len(text) > 0 && text[len(text)-1] == ' ' {
		text = text[:len(text)-1]
	}
	return text
}

func (f folding) appendRune(dst []byte, r rune) []byte {
	switch f {
	case foldingGeneral:
		if r > 0xFFFF {
			return utf8.AppendRune(dst, utf8.RuneError)
		}
		if at := findFold(foldGeneralTable[:], r); at != nil {
			return at.append(dst, r)
		}
		return utf8.AppendRune(dst, r)
	case foldingUnicode, foldingUnicodeBMP:
		if r > 0xFFFF && f == foldingUnicodeBMP {
			return dst
		}
		if r >= hangulFirst && r <= hangulLast {
			return appendHangul(dst, r-hangulFirst)
		}
		if at := findFold(foldUnicodeTable[:], r); at != nil {
			return at.append(dst, r)
		}
		return dst
	}
	return utf8.AppendRune(dst, f.latin1(r))
}

// The letters that a latin1 collation calls equal, after the one that stands for them.
const (
	swedishLetters = "aÀÁÂÃàáâã cÇç dÐð eÈÉÊËèéêë iÌÍÎÏìíîï nÑñ oÒÓÔÕòóôõ uÙÚÛùúû yÜÝüý [Åå \\ÄÆäæ ]Öö ØØø ÞÞþ"
	latinLetters   = "ÀÀà ÁÁá ÂÂâ ÃÃã ÄÄä ÅÅå ÆÆæ ÇÇç ÈÈè ÉÉé ÊÊê ËËë ÌÌì ÍÍí ÎÎî ÏÏï ÐÐð ÑÑñ ÒÒò ÓÓó ÔÔô ÕÕõ ÖÖö ØØø ÙÙù ÚÚú ÛÛû ÜÜü ÝÝý ÞÞþ"
	germanLetters  = "aÀÁÂÃÄÅÆàáâãäåæ cÇç eÈÉÊËèéêë iÌÍÎÏìíîï nÑñ oÒÓÔÕÖØòóôõöø sß uÙÚÛÜùúûü yÝý ÐÐð ÞÞþ"
	danishLetters  = "aÀÁÂÃàáâã cÇç dÐð eÈÉÊËèéêë iÌÍÎÏìíîï nÑñ oÒÓÔÕòóôõ uÙÚÛùúû yÜÝüý [ÄÆäæ \\ÖØöø ]Åå ÞÞþ"
	spanishLetters = "aÀÁÂÃÄÅÆàáâãäåæ cÇç dÐð eÈÉÊËèéêë iÌÍÎÏìíîï oÒÓÔÕÖØòóôõöø uÙÚÛÜùúûü yÝýÿ ÑÑñ ÞÞþ"
)

// latin1 folds a letter of latin1 that is not ASCII.
func (f folding) latin1(r rune) rune {
	letters := ""
	switch f {
	case foldingSwedish:
		letters = swedishLetters
	case foldingLatin:
		letters = latinLetters
	case foldingGerman:
		letters = germanLetters
	case foldingDanish:
		letters = danishLetters
	case foldingSpanish:
		letters = spanishLetters
	}
	first, atStart := rune(0), true
	for _, l := range letters {
		switch {
		case atStart:
			first, atStart = l, false
		case l == ' ':
			atStart = true
		case l == r:
			return first
		}
	}
	return r
}
