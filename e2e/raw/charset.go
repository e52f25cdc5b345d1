package raw

// charset.go: clients that do not speak UTF-8. Statements are given in UTF-8 and sent in the connection's character set;
// what comes back stays as it came. The encodings are golang.org/x/text's: the characters that it has in another place
// than the servers are left to tests that give bytes.

import (
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// charset is one that a client can have.
type charset struct {
	collation string // whose number is in the login
	encoding  encoding.Encoding
}

func charsetOf(name string) (charset, error) {
	switch name {
	case "", "utf8mb4":
		return charset{"utf8mb4_general_ci", nil}, nil
	case "utf8mb3":
		return charset{"utf8_general_ci", nil}, nil
	case "binary":
		return charset{"binary", nil}, nil
	case "ascii":
		return charset{"ascii_general_ci", nil}, nil
	case "latin1":
		return charset{"latin1_swedish_ci", charmap.Windows1252}, nil
	case "latin2":
		return charset{"latin2_general_ci", charmap.ISO8859_2}, nil
	case "cp1251":
		return charset{"cp1251_general_ci", charmap.Windows1251}, nil
	case "koi8r":
		return charset{"koi8r_general_ci", charmap.KOI8R}, nil
	case "gbk":
		return charset{"gbk_chinese_ci", simplifiedchinese.GBK}, nil
	case "gb2312":
		return charset{"gb2312_chinese_ci", simplifiedchinese.GBK}, nil
	case "gb18030":
		return charset{"gb18030_chinese_ci", simplifiedchinese.GB18030}, nil
	case "big5":
		return charset{"big5_chinese_ci", traditionalchinese.Big5}, nil
	case "sjis":
		return charset{"sjis_japanese_ci", japanese.ShiftJIS}, nil
	case "cp932":
		return charset{"cp932_japanese_ci", japanese.ShiftJIS}, nil
	case "ujis":
		return charset{"ujis_japanese_ci", japanese.EUCJP}, nil
	case "eucjpms":
		return charset{"eucjpms_japanese_ci", japanese.EUCJP}, nil
	case "euckr":
		return charset{"euckr_korean_ci", korean.EUCKR}, nil
	}
	if strings.Contains(name, "_") { // a collation, for a client that sends ASCII
		return charset{name, nil}, nil
	}
	return charset{}, fmt.Errorf("raw: no character set %q", name)
}

// Encode gives a text in the connection's character set.
func (c *Conn) Encode(text string) (string, error) {
	if c.encoding == nil {
		return text, nil
	}
	return c.encoding.NewEncoder().String(text)
}

// encodeParameter gives a string in the connection's character set. One that it does not have stays as it is.
func (c *Conn) encodeParameter(v Parameter) Parameter {
	if c.encoding == nil || v.Type != mysql.MYSQL_TYPE_VAR_STRING {
		return v
	}
	_, text, err := lenEncInt(v.Value)
	if err != nil {
		return v
	}
	encoded, err := c.Encode(string(text))
	if err != nil {
		return v
	}
	return String(encoded)
}

// SetCharset has texts sent in another character set from now on, as after SET NAMES.
func (c *Conn) SetCharset(name string) error {
	set, err := charsetOf(name)
	c.encoding = set.encoding
	return err
}
