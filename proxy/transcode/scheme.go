package transcode

// scheme.go: how the multi-byte character sets of MySQL and MariaDB are cut into characters: which bytes lead, which
// follow (strings/ctype-*.c of both servers, the functions ismbchar_*). Whether such a code means anything is the
// servers' table's business.

// scheme is a way to cut text into characters.
type scheme uint8

const (
	single scheme = iota // one byte each
	gbk
	gb18030
	gb2312
	big5
	sjis // and cp932
	euckr
	ujis // and eucjpms
)

// schemeOf is the scheme of a character set; all that have no other are of one byte.
func schemeOf(charset string) scheme {
	switch charset {
	case "gbk":
		return gbk
	case "gb18030":
		return gb18030
	case "gb2312":
		return gb2312
	case "big5":
		return big5
	case "sjis", "cp932":
		return sjis
	case "euckr":
		return euckr
	case "ujis", "eucjpms":
		return ujis
	}
	return single
}

// asciiTrails tells whether a byte below 0x80 can be the end of a character: a backslash, say.
func (s scheme) asciiTrails() bool { return s == gbk || s == gb18030 || s == big5 || s == sjis }

func in(b, lo, hi byte) bool { return b >= lo && b <= hi }

// length is how many bytes the character at the beginning of p has; 0 when none begins there. p[0] is above 0x7F.
func (s scheme) length(p []byte) int {
	if s == single {
		return 1
	}
	var next byte
	if len(p) > 1 {
		next = p[1]
	}
	switch s {
	case gbk:
		return two(in(p[0], 0x81, 0xFE) && (in(next, 0x40, 0x7E) || in(next, 0x80, 0xFE)))
	case gb18030:
		if in(p[0], 0x81, 0xFE) && in(next, 0x30, 0x39) {
			if len(p) > 3 && in(p[2], 0x81, 0xFE) && in(p[3], 0x30, 0x39) {
				return 4
			}
			return 0
		}
		return two(in(p[0], 0x81, 0xFE) && (in(next, 0x40, 0x7E) || in(next, 0x80, 0xFE)))
	case gb2312:
		return two(in(p[0], 0xA1, 0xF7) && in(next, 0xA1, 0xFE))
	case big5:
		return two(in(p[0], 0xA1, 0xF9) && (in(next, 0x40, 0x7E) || in(next, 0xA1, 0xFE)))
	case sjis:
		if in(p[0], 0xA1, 0xDF) {
			return 1
		}
		return two((in(p[0], 0x81, 0x9F) || in(p[0], 0xE0, 0xFC)) && (in(next, 0x40, 0x7E) || in(next, 0x80, 0xFC)))
	case euckr:
		return two(in(p[0], 0x81, 0xFE) && (in(next, 0x41, 0x5A) || in(next, 0x61, 0x7A) || in(next, 0x81, 0xFE)))
	case ujis:
		switch {
		case p[0] == 0x8F && in(next, 0xA1, 0xFE) && len(p) > 2 && in(p[2], 0xA1, 0xFE):
			return 3
		case p[0] == 0x8E:
			return two(in(next, 0xA1, 0xDF))
		}
		return two(in(p[0], 0xA1, 0xFE) && in(next, 0xA1, 0xFE))
	}
	return 1
}

func two(ok bool) int {
	if ok {
		return 2
	}
	return 0
}

// MaxBytes is how many bytes a character of a character set can have, UTF-8 included (information_schema.CHARACTER_SETS,
// MAXLEN). Without one it is utf8mb3's, see DefaultCollation.
func MaxBytes(charset string) int {
	switch charset {
	case "utf8mb4":
		return 4
	case "utf8", "utf8mb3", "null", "":
		return 3
	}
	switch schemeOf(charset) {
	case gb18030:
		return 4
	case ujis:
		return 3
	case single:
		return 1
	}
	return 2
}
