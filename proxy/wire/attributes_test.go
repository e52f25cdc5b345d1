package wire

import (
	"errors"
	"strings"
	"testing"
)

func TestQueryText(t *testing.T) {
	two := "\x02\x01\x00\x01" + "\xfe\x00\x05trace" + "\x08\x80\x01n" + "\x03abc" + "\x01\x00\x00\x00\x00\x00\x00\x00"
	tests := []struct{ name, in, want string }{ // want "": malformed
		{"none", "\x00\x01SELECT 1", "SELECT 1"},
		{"two", two + "SELECT 2", "SELECT 2"},
		{"NULL", "\x01\x01\x01\x01\xfe\x00\x01aSELECT 3", "SELECT 3"},
		{"date", "\x01\x01\x00\x01\x0a\x00\x00\x04\xea\x07\x0b\x17SELECT 4", "SELECT 4"},
		{"nothing", "", ""},
		{"one number", "\x00", ""},
		{"two sets", "\x00\x02SELECT 1", ""},
		{"no types", "\x01\x01\x00\x00SELECT 1", ""},
		{"many", "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01SELECT 1", ""},
		{"many more than there are", "\xfd\x00\x00\x01\x01SELECT 1", ""},
		{"long name", "\x01\x01\x00\x01\xfe\x00\xf0a", ""},
		{"long value", "\x01\x01\x00\x01\xfe\x00\x01a\xf0SELECT 1", ""},
	}
	for _, tt := range tests {
		got, err := QueryText([]byte(tt.in))
		var m *MalformedError
		if tt.want == "" && !errors.As(err, &m) || tt.want != "" && (err != nil || string(got) != tt.want) {
			t.Errorf("%s: %q, %v", tt.name, got, err)
		}
	}
	for cut := range two {
		if _, err := QueryText([]byte(two[:cut])); err == nil {
			t.Errorf("cut at %d: taken", cut)
		}
	}
}

func FuzzQueryText(f *testing.F) {
	f.Add([]byte("\x02\x01\x00\x01\xfe\x00\x05trace\x08\x80\x01n\x03abc\x01\x00\x00\x00\x00\x00\x00\x00SELECT 1"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if text, err := QueryText(p); err == nil && !strings.HasSuffix(string(p), string(text)) {
			t.Errorf("%q of %q", text, p)
		}
	})
}
