package router

import "testing"

func TestStringKind(t *testing.T) {
	text := &Column{Name: "k", DataType: "varchar", Collation: "utf8mb4_bin"}
	raw := &Column{Name: "k", DataType: "varbinary"}
	kept := "\xed\xb3\xbf" // package transcode's FF
	tests := []struct {
		charset Charset
		column  *Column
		text    string
		want    ValueKind
	}{
		{UTF8MB4, text, "中𠀀", ValueString},
		{UTF8MB4, raw, "中𠀀", ValueString},
		{UTF8MB4, raw, kept, ValueOpaque},
		{UTF8MB3, text, "中", ValueString},
		{UTF8MB3, text, "𠀀", ValueOpaque},
		{Characters, text, "中𠀀", ValueString},
		{Characters, raw, "a", ValueString},
		{Characters, raw, "中", ValueOpaque}, // its bytes are gbk's, say
		{Characters, nil, "中", ValueString},
		{BinaryCharset, text, "a", ValueString},
		{BinaryCharset, text, "中", ValueHexString},
		{BinaryCharset, raw, "\xff", ValueHexString},
		{OtherCharset, text, "a", ValueString},
		{OtherCharset, text, "é", ValueOpaque},
	}
	for _, tt := range tests {
		ev := evaluator{charset: tt.charset, key: tt.column}
		if got := ev.stringKind([]byte(tt.text)); got != tt.want {
			t.Errorf("%d %v %q: %d, want %d", tt.charset, tt.column, tt.text, got, tt.want)
		}
	}
	if _, match := KeyForCompare(text, Value{Kind: ValueString, Text: []byte(kept)}); match != MatchAny {
		t.Errorf("a byte that is no character: %d", match)
	}
	if _, err := KeyForInsert(text, Value{Kind: ValueString, Text: []byte(kept)}); err == nil {
		t.Error("a byte that is no character has a shard")
	}
}

func TestIntroducers(t *testing.T) {
	for _, sql := range []string{
		"SELECT _gbk'a', _big5 0xA5A4, _sjis  x'41', _utf8mb4'a', CONVERT(x USING euckr) FROM t",
		"CREATE TABLE t (a VARCHAR(10) CHARACTER SET sjis COLLATE sjis_bin DEFAULT _sjis'a')",
		"SET @a = _cp932'a'",
	} {
		if _, err := newStatementParser().parse(sql, 0); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for sql, want := range map[string]string{
		"SELECT _gbk'a', '_gbk''b', _utf8'c', _GBK /* x */ 'd', _gbk": "SELECT     'a', '_gbk''b', _utf8'c',      /* x */ 'd', _gbk",
	} {
		if got := withoutIntroducers(sql, 0); got != want {
			t.Errorf("%s\n got %s\nwant %s", sql, got, want)
		}
	}
}
