package transcode

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// made is a table of answers that golang.org/x/text gives in a server's place: one code, one character.
func made(t testing.TB, charset string, e encoding.Encoding) *Table {
	t.Helper()
	samples := Samples(charset)
	for i := range samples {
		s := &samples[i]
		for text := s.Text; len(text) > 0; text = text[s.Length:] {
			u, err := e.NewDecoder().Bytes(text[:s.Length])
			if err != nil || utf8.RuneCount(u) != 1 || bytes.ContainsRune(u, utf8.RuneError) {
				u = []byte("?")
			}
			s.Unicode = append(s.Unicode, u...)
			back, err := e.NewEncoder().Bytes(u)
			if err != nil {
				back = []byte("?")
			}
			s.Back = append(s.Back, back...)
		}
	}
	table, err := New(charset, samples)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestDecode(t *testing.T) {
	gbk, sjis := made(t, "gbk", simplifiedchinese.GBK), made(t, "cp932", japanese.ShiftJIS)
	gb18030 := made(t, "gb18030", simplifiedchinese.GB18030)
	tests := []struct {
		table    *Table
		in, want string
		met      Text
	}{
		{gbk, "select 'a'", "select 'a'", Text{}},
		{gbk, "'\xd6\xd0\xce\xc4'", "'中文'", Text{}},
		{gbk, "'\xbf\x5c' or", "'縗' or", Text{}},                            // the backslash is the character's
		{gbk, "'\xbf\x5c'' or", "'縗'' or", Text{}},                          // what addslashes makes of '\xbf'
		{gbk, `'\` + "\xbf\x5c'", `'\縗'`, Text{Escaped: true}},              // a server takes 5C BF together
		{gbk, `'\\` + "\xbf\x5c'", `'\\縗'`, Text{}},                         // the backslash is escaped itself
		{gbk, "'\xff'", "'\xed\xb3\xbf'", Text{Kept: true}},                 // no lead byte
		{gbk, "'\x81'", "'\xed\xb2\x81'", Text{Kept: true}},                 // a quote cannot follow
		{gbk, "\xff", "\xed\xb3\xbf", Text{Kept: true}},                     //
		{gbk, "'\xa2\xab'", "'\xed\xb2\xa2\xed\xb2\xab'", Text{Kept: true}}, // a code without a character
		{sjis, "'\x95\x5c\xb1'", "'表ｱ'", Text{}},
		{gb18030, "'\x95\x32\x82\x36\xd6\xd0'", "'𠀀中'", Text{}},
		{gb18030, "'\x81\x30'", "'\xed\xb2\x810'", Text{Kept: true}}, // half of a code
	}
	for _, tt := range tests {
		got, met := tt.table.Decode(nil, []byte(tt.in))
		if string(got) != tt.want || met != tt.met {
			t.Errorf("%s % x: %q %+v, want %q %+v", tt.table.Name, tt.in, got, met, tt.want, tt.met)
		}
		if back, missing := tt.table.Encode(nil, got); string(back) != tt.in || missing != 0 {
			t.Errorf("%s % x came back as % x, %U", tt.table.Name, tt.in, back, missing)
		}
	}
}

func TestEncodeMissing(t *testing.T) {
	gbk := made(t, "gbk", simplifiedchinese.GBK)
	if got, missing := gbk.Encode(nil, []byte("a한b글")); string(got) != "ab" || missing != '한' {
		t.Errorf("%q %U", got, missing)
	}
	for _, tt := range []struct {
		missing func([]byte, rune) []byte
		want    string
	}{{QuestionMark, "\xd6\xd0?"}, {Escape, "\xd6\xd0\\D55C"}} {
		if got := gbk.EncodeString("中한", tt.missing); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// FuzzRoundTrip: whatever a client sends, a server gets the same.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("\xbf\x5c\xff\x81\x30\x81\x30\xed\xb0\x80"))
	tables := []*Table{made(f, "gbk", simplifiedchinese.GBK), made(f, "cp932", japanese.ShiftJIS), made(f, "gb18030", simplifiedchinese.GB18030)}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, table := range tables {
			decoded, met := table.Decode(nil, text)
			if back, missing := table.Encode(nil, decoded); !bytes.Equal(back, text) || missing != 0 {
				t.Errorf("%s: % x came back as % x", table.Name, text, back)
			}
			if kept := HasKept(decoded); kept != met.Kept {
				t.Errorf("%s: % x: kept %t, found %t", table.Name, text, met.Kept, kept)
			}
		}
	})
}

func TestNewRefuses(t *testing.T) {
	swe7 := Samples("swe7")
	for i := range swe7 {
		swe7[i].Unicode = bytes.Repeat([]byte("É"), len(swe7[i].Text))
	}
	if _, err := New("swe7", swe7); err == nil {
		t.Error("a character set without ASCII: no error")
	}
	short := Samples("latin1")
	if _, err := New("latin1", short); err == nil {
		t.Error("no answers: no error")
	}
}
