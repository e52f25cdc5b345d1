package router

import "unicode/utf8"

// key_fold_lookup.go: how the frozen tables of key_fold_table.go are read.

// foldKind says what happens to the characters of a foldRange.
type foldKind uint8

const (
	foldDrop foldKind = iota // they fold to nothing
	foldMove                 // c → to + (c - lo)
	foldSame                 // c → to
	foldPair                 // two by two: c → to + (c - lo) rounded down to even
	foldText                 // c → the text at foldTexts[to], after its length
)

// foldRange is what some neighbouring characters fold to.
type foldRange struct {
	lo, hi, to rune
	kind       foldKind
}

// findFold is the range that has r, or nil.
func findFold(table []foldRange, r rune) *foldRange {
	lo, hi := 0, len(table)
	for lo < hi {
		if mid := (lo + hi) / 2; table[mid].hi < r {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(table) && table[lo].lo <= r {
		return &table[lo]
	}
	return nil
}

func (f *foldRange) append(dst []byte, r rune) []byte {
	switch f.kind {
	case foldMove:
		return utf8.AppendRune(dst, f.to+r-f.lo)
	case foldSame:
		return utf8.AppendRune(dst, f.to)
	case foldPair:
		return utf8.AppendRune(dst, f.to+(r-f.lo)&^1)
	case foldText:
		n := rune(foldTexts[f.to])
		return append(dst, foldTexts[f.to+1:f.to+1+n]...)
	}
	return dst
}

// Hangul syllables are their letters (Unicode, chapter 3.12): 9.0 weighs them so.
const (
	hangulFirst, hangulLast       = 0xAC00, 0xD7A3
	hangulLead, hangulVowel       = 0x1100, 0x1161
	hangulTail                    = 0x11A7
	hangulPerLead, hangulPerVowel = 588, 28
)

func appendHangul(dst []byte, syllable rune) []byte {
	dst = utf8.AppendRune(dst, hangulLead+syllable/hangulPerLead)
	dst = utf8.AppendRune(dst, hangulVowel+syllable%hangulPerLead/hangulPerVowel)
	if tail := syllable % hangulPerVowel; tail != 0 {
		dst = utf8.AppendRune(dst, hangulTail+tail)
	}
	return dst
}
