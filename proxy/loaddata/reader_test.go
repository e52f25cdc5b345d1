package loaddata

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func csv() Format {
	return Format{FieldTerm: []byte(","), LineTerm: []byte("\n"), Enclosed: '"', Escaped: '\\', Charset: "utf8mb4", Fields: 3}
}

func tsv() Format {
	return Format{FieldTerm: []byte("\t"), LineTerm: []byte("\n"), Enclosed: -1, Escaped: '\\', Charset: "utf8mb4", Fields: 2}
}

// lines reads all lines and prints them: [bytes:field|field].
func lines(f Format, file string, src io.Reader, want ...int) string {
	r, err := NewReader(src, f, want...)
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	for {
		l, err := r.Next()
		if err == io.EOF {
			return out.String()
		}
		if err != nil {
			return out.String() + "!" + err.Error()
		}
		fmt.Fprintf(&out, "[%q", l.Bytes)
		for _, w := range l.Wanted {
			switch {
			case w.Missing:
				out.WriteString(" -")
			case w.Null:
				out.WriteString(" \\N")
			default:
				fmt.Fprintf(&out, " %s", w.Text)
			}
		}
		out.WriteString("]")
	}
}

func TestReader(t *testing.T) {
	with := func(f Format, change func(*Format)) Format { change(&f); return f }
	tests := []struct {
		name, file, want string
		f                Format
		fields           []int
	}{
		{"plain", "1\ta\n2\tb\n", `["1\ta\n" 1]["2\tb\n" 2]`, tsv(), []int{0}},
		{"no last terminator", "1\ta\n2\tb", `["1\ta\n" a]["2\tb" b]`, tsv(), []int{1}},
		{"empty lines are lines", "\n\n", `["\n"  -]["\n"  -]`, tsv(), []int{0, 1}},
		{"empty file", "", ``, tsv(), []int{0}},
		{"too long", "1\ta\tc\\\n\td\n2", `["1\ta\tc\\\n\td\n" a]["2" -]`, tsv(), []int{1}},
		{"escapes", `\N` + "\t" + `a\tb\\` + "\n", `["\\N\ta\\tb\\\\\n" \N a` + "\t" + `b\]`, tsv(), []int{0, 1}},
		{"an escaped terminator", "1\\\n2\t3\n", `["1\\\n2\t3\n" 1` + "\n" + `2]`, tsv(), []int{0}},
		{"quotes", "\"a\nb\",2,3\n1,\"x\"\"y\",3\n", `["\"a\nb\",2,3\n" a` + "\n" + `b 2]["1,\"x\"\"y\",3\n" 1 x"y]`, csv(), []int{0, 1}},
		{"a quote in the middle", `a"b,"c"d","e` + "\n", `["a\"b,\"c\"d\",\"e\n" a"b c"d "e` + "\n" + `]`, csv(), []int{0, 1, 2}},
		{"the word NULL", "NULL,\"NULL\",NULLS\n", `["NULL,\"NULL\",NULLS\n" \N NULL NULLS]`, csv(), []int{0, 1, 2}},
		{"a quote that is no end skips no line", "1,2,3,\"a\nb\",4,5\n", `["1,2,3,\"a\n" 3]["b\",4,5\n" 5]`, csv(), []int{2}},
		{"skipped", "head\n1\ta\n", `["1\ta\n" 1]`, with(tsv(), func(f *Format) { f.Skip = 1 }), []int{0}},
		{"skipped: more than there are", "head\n1\ta\n", ``, with(tsv(), func(f *Format) { f.Skip = 3 }), []int{0}},
		{"starting by", "junk\nxx1\ta\nxxx2\tb\nend", `["junk\nxx1\ta\n" 1]["xxx2\tb\n" x2]`, with(tsv(), func(f *Format) { f.LineStart = []byte("xx") }), []int{0}},
		{"long separators", "1||a\r\r\n2|b||c\r\n", `["1||a\r\r\n" a` + "\r" + `]["2|b||c\r\n" c]`,
			with(tsv(), func(f *Format) { f.FieldTerm, f.LineTerm = []byte("||"), []byte("\r\n") }), []int{1}},
		{"no lines", "1,a,2,b,3", `["1,a," 1 a]["2,b," 2 b]["3" 3 -]`, with(tsv(), func(f *Format) { f.FieldTerm, f.LineTerm = []byte(","), []byte(",") }), []int{0, 1}},
		{"doubled escapes", `"a""b",2,"c"` + "\n", `["\"a\"\"b\",2,\"c\"\n" a"b c]`, with(csv(), func(f *Format) { f.Escaped = '"' }), []int{0, 2}},
		{"no escapes", `a\` + "\tb\n", `["a\\\tb\n" a\ b]`, with(tsv(), func(f *Format) { f.Escaped = -1 }), []int{0, 1}},
		{"gbk", "\x81\x5c\t\xb0\xa1\n", `["\x81\\\t\xb0\xa1\n" ` + "\x81\x5c \xb0\xa1]", with(tsv(), func(f *Format) { f.Charset = "gbk" }), []int{0, 1}},
		{"no characters", "1\t\xff\n", `!line 1 has bytes that are no characters of utf8mb4`, tsv(), []int{0}},
		{"latin1", "1\t\xff\n", `["1\t\xff\n" 1]`, with(tsv(), func(f *Format) { f.Charset = "latin1" }), []int{0}},
		{"four bytes", "1\t😀\n", `!line 1 has bytes that are no characters of utf8mb3`, with(tsv(), func(f *Format) { f.Charset = "utf8mb3" }), []int{0}},
		{"0xFF where lines have no terminator", "1,\xff,", `!line 1 has bytes that are no characters of latin1`,
			with(tsv(), func(f *Format) { f.FieldTerm, f.LineTerm, f.Charset = []byte(","), nil, "latin1" }), []int{0}},
		{"fixed", "x", `the fixed-row format (FIELDS TERMINATED BY '' ENCLOSED BY ''): write the file with a field terminator`,
			with(tsv(), func(f *Format) { f.FieldTerm = nil }), []int{0}},
		{"ends in an escape", "1\ta\\", `["1\ta\\" a\]`, tsv(), []int{1}},
		{"ends in a quote that is open", `"a,b`, `["\"a,b" "a,b -]`, csv(), []int{0, 1}},
	}
	for _, tt := range tests {
		for i, src := range []io.Reader{strings.NewReader(tt.file), iotest.OneByteReader(strings.NewReader(tt.file)), iotest.DataErrReader(strings.NewReader(tt.file))} {
			if got := lines(tt.f, tt.file, src, tt.fields...); got != tt.want {
				t.Errorf("%s (%d): %s, want %s", tt.name, i, got, tt.want)
			}
		}
	}
}

// TestReaderAtAnyBorder: where the source's pieces end makes no difference.
func TestReaderAtAnyBorder(t *testing.T) {
	file := strings.Repeat("1,\"é,\n\"\"x\",\\N\\,\n", 30) + "\\"
	f := csv()
	whole := lines(f, file, strings.NewReader(file), 0, 1, 2)
	for at := range file {
		r, err := NewReader(strings.NewReader(file), f, 0, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		r.buf = append(make([]byte, 0, len(file)), file[:at]...)
		r.w = at
		r.src = strings.NewReader(file[at:])
		var n int
		for {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if want := strings.Count(whole, "["); n != want {
			t.Fatalf("cut at %d: %d lines, want %d", at, n, want)
		}
	}
}

type breaks struct{}

var errBroken = errors.New("broken")

func (breaks) Read([]byte) (int, error) { return 0, errBroken }

func TestReaderBroken(t *testing.T) {
	got := lines(tsv(), "", io.MultiReader(strings.NewReader("1\ta\n2"), breaks{}), 0)
	if got != "!broken" {
		t.Error(got)
	}
}

func TestUnsupported(t *testing.T) {
	for name, f := range map[string]Format{
		"FIELDS TERMINATED BY":  {FieldTerm: []byte("é"), LineTerm: []byte("\n"), Enclosed: -1, Escaped: -1, Charset: "utf8mb4", Fields: 1},
		"IGNORE LINES":          {FieldTerm: []byte(","), Enclosed: -1, Escaped: -1, Charset: "utf8mb4", Fields: 1, Skip: 1},
		"gb18030":               {FieldTerm: []byte(","), LineTerm: []byte("\n"), Enclosed: -1, Escaped: -1, Charset: "gb18030", Fields: 1},
		"the separator '|'":     {FieldTerm: []byte("|"), LineTerm: []byte("\n"), Enclosed: -1, Escaped: -1, Charset: "sjis", Fields: 1},
		"FIELDS ENCLOSED or ES": {FieldTerm: []byte("|"), LineTerm: []byte("\n"), Enclosed: 0xA7, Escaped: -1, Charset: "latin1", Fields: 1},
	} {
		_, err := NewReader(strings.NewReader(""), f)
		var u *Unsupported
		if !errors.As(err, &u) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func BenchmarkReader(b *testing.B) {
	line := "1234567,some text of a name,2024-01-02 03:04:05,12.50,\"quoted, text\",more text here to be skipped\n"
	file := strings.Repeat(line, 10000)
	f := csv()
	f.Fields = 6
	b.SetBytes(int64(len(file)))
	for range b.N {
		r, err := NewReader(strings.NewReader(file), f, 0)
		if err != nil {
			b.Fatal(err)
		}
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
	}
}
