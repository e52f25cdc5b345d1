package transcode

// DefaultCollation is the number of the default collation of a character set
// (information_schema.COLLATIONS, IS_DEFAULT; of utf8mb4 MySQL's since 8.0). Without one, results are not converted, and
// what the server says itself is in utf8mb3, which is also the answer for names that are not known.
func DefaultCollation(charset string) uint16 {
	switch charset {
	case "big5":
		return 1
	case "dec8":
		return 3
	case "cp850":
		return 4
	case "hp8":
		return 6
	case "koi8r":
		return 7
	case "latin1":
		return 8
	case "latin2":
		return 9
	case "ascii":
		return 11
	case "ujis":
		return 12
	case "sjis":
		return 13
	case "hebrew":
		return 16
	case "tis620":
		return 18
	case "euckr":
		return 19
	case "koi8u":
		return 22
	case "gb2312":
		return 24
	case "greek":
		return 25
	case "cp1250":
		return 26
	case "gbk":
		return 28
	case "latin5":
		return 30
	case "armscii8":
		return 32
	case "cp866":
		return 36
	case "keybcs2":
		return 37
	case "macce":
		return 38
	case "macroman":
		return 39
	case "cp852":
		return 40
	case "latin7":
		return 41
	case "cp1251":
		return 51
	case "cp1256":
		return 57
	case "cp1257":
		return 59
	case "binary":
		return 63
	case "geostd8":
		return 92
	case "cp932":
		return 95
	case "eucjpms":
		return 97
	case "gb18030":
		return 248
	case "utf8mb4":
		return 255
	}
	return 33
}
