package router

// charsets.go: the character sets of MySQL and MariaDB that the parser does not know: as names (CONVERT … USING big5,
// CHARACTER SET sjis) and as introducers (_gbk'…'). What they mean is the servers' business: a literal behind an
// introducer is opaque to routing.

import (
	"errors"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	known "github.com/pingcap/tidb/pkg/parser/charset"
	"github.com/pingcap/tidb/pkg/parser/terror"

	"serval/rewrite/fingerprint"
)

// otherCharsets are those that the parser refuses, with their default collations.
const otherCharsets = `armscii8 armscii8_general_ci big5 big5_chinese_ci cp1250 cp1250_general_ci cp1251 cp1251_general_ci
 cp1256 cp1256_general_ci cp1257 cp1257_general_ci cp850 cp850_general_ci cp852 cp852_general_ci cp866 cp866_general_ci
 cp932 cp932_japanese_ci dec8 dec8_swedish_ci eucjpms eucjpms_japanese_ci euckr euckr_korean_ci gb2312 gb2312_chinese_ci
 geostd8 geostd8_general_ci greek greek_general_ci hebrew hebrew_general_ci hp8 hp8_english_ci keybcs2 keybcs2_general_ci
 koi8r koi8r_general_ci koi8u koi8u_general_ci latin2 latin2_general_ci latin5 latin5_turkish_ci latin7 latin7_general_ci
 macce macce_general_ci macroman macroman_general_ci sjis sjis_japanese_ci swe7 swe7_swedish_ci tis620 tis620_thai_ci
 ucs2 ucs2_general_ci ujis ujis_japanese_ci utf16 utf16_general_ci utf16le utf16le_general_ci utf32 utf32_general_ci`

func init() { // the parser's own list, which is to be complete before anything is parsed
	words := strings.Fields(otherCharsets)
	for i := 0; i < len(words); i += 2 {
		known.AddCharset(&known.Charset{Name: words[i], DefaultCollation: words[i+1], Collations: map[string]*known.Collation{}, Maxlen: 1})
	}
}

// unknownIntroducer tells whether the parser's error is about an introducer's character set.
func unknownIntroducer(err error) bool {
	var e *terror.Error
	return errors.As(err, &e) && e.Code() == ast.ErrUnknownCharacterSet.Code() && strings.Contains(e.Error(), "introducer")
}

// withoutIntroducers blanks the introducers that the parser does not know; all else stays where it is.
func withoutIntroducers(sql string, mode fingerprint.Mode) string {
	text := []byte(sql)
	lex := fingerprint.Lexer{Text: []byte(sql), Mode: mode}
	for {
		t := lex.Next()
		if t.Kind == fingerprint.TokenEnd {
			return string(text)
		}
		if t.Kind != fingerprint.TokenWord || text[t.Start] != '_' || !introducer(sql[t.Start+1:t.End]) {
			continue
		}
		ahead := lex
		next := ahead.Next()
		for next.Kind == fingerprint.TokenSpace {
			next = ahead.Next()
		}
		switch next.Kind {
		case fingerprint.TokenString, fingerprint.TokenHex, fingerprint.TokenBit:
			for i := t.Start; i < t.End; i++ {
				text[i] = ' '
			}
		}
	}
}

// introducer tells whether a word behind an underscore is a character set that the parser has no introducer for.
func introducer(word string) bool {
	if _, err := known.GetCharsetInfo(word); err != nil {
		return false
	}
	_, err := known.GetDefaultCollationLegacy(word)
	return err != nil
}

// readsValues tells whether a statement is carried out from its tree, in which a blanked introducer would be missed.
func readsValues(stmt ast.StmtNode) bool {
	switch stmt.(type) {
	case *ast.SelectStmt, *ast.SetOprStmt, *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt, *ast.SetStmt, *ast.DoStmt, ast.DDLNode:
		return false
	}
	return true
}
