package router

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// The fold of every character is for ever: stored rows are where it sent them. If this test fails, undo what changed
// the fold; a new table needs a new folding beside the old one.
func TestFoldIsFrozen(t *testing.T) {
	for _, c := range []struct {
		name string
		f    folding
		want string
	}{
		{"general", foldingGeneral, "24e49573dc2bc817"},
		{"unicode", foldingUnicode, "5784e34668f9a8c4"},
		{"unicode of the basic plane", foldingUnicodeBMP, "f09d0d1ca300de1c"},
		{"ascii", foldingASCII, "f1d2da6cb04869ec"},
		{"swedish", foldingSwedish, "aeafeec3012ef039"},
		{"latin", foldingLatin, "128b05b947bbf410"},
		{"german", foldingGerman, "8914bafa23419263"},
		{"danish", foldingDanish, "2251baeda28bcca4"},
		{"spanish", foldingSpanish, "da8c82c29ede0298"},
	} {
		sum := sha256.New()
		var buf []byte
		last := rune(0x10FFFF)
		if c.f >= foldingSwedish || c.f == foldingASCII {
			last = 0x2FFF // beyond what latin1 has
		}
		for r := rune(0); r <= last; r++ {
			if r >= 0xD800 && r < 0xE000 {
				continue
			}
			buf = c.f.appendFold(buf[:0], []byte(string(r)+"x"))
			sum.Write(append(buf, '\n'))
		}
		if got := hex.EncodeToString(sum.Sum(nil))[:16]; got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestFoldTablesAreSorted(t *testing.T) {
	for name, table := range map[string][]foldRange{"unicode": foldUnicodeTable[:], "general": foldGeneralTable[:]} {
		last := rune(-1)
		for _, r := range table {
			if r.lo <= last || r.hi < r.lo || r.kind == foldText && int(r.to) >= len(foldTexts) {
				t.Fatalf("%s: bad range %+v after %x", name, r, last)
			}
			last = r.hi
		}
	}
}

// Folding what is folded changes nothing: bounds and lists of the configuration can be written in any case.
func TestFoldTwice(t *testing.T) {
	for _, f := range []folding{foldingGeneral, foldingUnicode, foldingUnicodeBMP, foldingASCII, foldingSwedish, foldingLatin, foldingGerman, foldingDanish, foldingSpanish} {
		for r := rune(' '); r <= 0x24F; r++ {
			once := f.appendFold(nil, []byte("x"+string(r)+"x"))
			if twice := f.appendFold(nil, once); string(twice) != string(once) {
				t.Errorf("folding %d: %U folds to %q and that to %q", f, r, once, twice)
			}
		}
	}
}

func TestRulesOf(t *testing.T) {
	for _, c := range []struct {
		collation string
		want      textRules
	}{
		{"utf8mb4_0900_ai_ci", textRules{foldingUnicode, charsetUTF8MB4}},
		{"utf8mb3_general_ci", textRules{foldingGeneral, charsetUTF8MB3}},
		{"utf8_unicode_ci", textRules{foldingUnicodeBMP, charsetUTF8MB3}},
		{"utf8mb4_nopad_bin", textRules{foldingExact, charsetUTF8MB4}},
		{"utf8mb4_uca1400_nopad_as_cs", textRules{foldingUnicode, charsetUTF8MB4}},
		{"latin1_general_cs", textRules{foldingExact, charsetLatin1}},
		{"ascii_bin", textRules{foldingExact, charsetASCII}},
		{"utf8mb4_de_pb_0900_ai_ci", textRules{foldingNone, charsetUTF8MB4}},
		{"utf8mb4_uca1400_swedish_ai_ci", textRules{foldingNone, charsetUTF8MB4}},
		{"latin1_german2_ci", textRules{foldingNone, charsetLatin1}},
		{"sjis_japanese_ci", textRules{}},
		{"binary", textRules{}},
		{"", textRules{}},
	} {
		if got := rulesOf(text("varchar", c.collation, 10)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.collation, got, c.want)
		}
	}
}

func BenchmarkFold(b *testing.B) {
	for name, s := range map[string]string{"ascii": "User-42@Example.com", "latin": "Jürgen Müßiggänger", "han": "日本語日本語"} {
		b.Run(name, func(b *testing.B) {
			buf, in := make([]byte, 0, 100), []byte(s)
			b.ReportAllocs()
			for b.Loop() {
				buf = foldingUnicode.appendFold(buf[:0], in)
			}
		})
	}
}
