package wire

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestLenEncInt(t *testing.T) {
	tests := []struct {
		v    uint64
		want []byte
	}{
		{0, []byte{0}},
		{250, []byte{250}},
		{251, []byte{0xfc, 251, 0}},
		{0xffff, []byte{0xfc, 0xff, 0xff}},
		{0x10000, []byte{0xfd, 0, 0, 1}},
		{0xffffff, []byte{0xfd, 0xff, 0xff, 0xff}},
		{0x1000000, []byte{0xfe, 0, 0, 0, 1, 0, 0, 0, 0}},
		{math.MaxUint64, []byte{0xfe, 255, 255, 255, 255, 255, 255, 255, 255}},
	}
	for _, tt := range tests {
		got := AppendLenEncInt(nil, tt.v)
		if !bytes.Equal(got, tt.want) {
			t.Errorf("%d: % x, want % x", tt.v, got, tt.want)
		}
		if v, n, ok := ReadLenEncInt(append(got, 'x')); v != tt.v || n != len(tt.want) || !ok {
			t.Errorf("%d: read %d, %d, %v", tt.v, v, n, ok)
		}
		for cut := range got {
			if _, _, ok := ReadLenEncInt(got[:cut]); ok {
				t.Errorf("%d: read from %d of %d bytes", tt.v, cut, len(got))
			}
		}
	}
}

func TestLenEncBytes(t *testing.T) {
	for _, n := range []int{0, 1, 250, 251, 70000} {
		want := patterned(n)
		b := AppendLenEncBytes(nil, want)
		s, null, used, ok := ReadLenEncBytes(b)
		if !bytes.Equal(s, want) || null || used != len(b) || !ok {
			t.Errorf("%d bytes: %d, %v, %d, %v", n, len(s), null, used, ok)
		}
		if _, _, _, ok := ReadLenEncBytes(b[:len(b)-1]); ok {
			t.Errorf("%d bytes: read from a cut string", n)
		}
	}
	if _, null, n, ok := ReadLenEncBytes(AppendNull(nil)); !null || n != 1 || !ok {
		t.Error("NULL")
	}
	lie := []byte{0xfe, 255, 255, 255, 255, 255, 255, 255, 255, 'a'}
	if _, _, _, ok := ReadLenEncBytes(lie); ok {
		t.Error("a length of 2^64-1 was believed")
	}
}

func TestGoldenPackets(t *testing.T) {
	tests := []struct {
		name      string
		got, want string
	}{
		{"OK", string(AppendOK(nil, &OK{Status: StatusAutocommit})), "\x00\x00\x00\x02\x00\x00\x00"},
		{"OK of an update", string(AppendOK(nil, &OK{AffectedRows: 300, LastInsertID: 7, Status: 3, Warnings: 1, Info: []byte("hi")})),
			"\x00\xfc\x2c\x01\x07\x03\x00\x01\x00\x02hi"},
		{"EOF", string(AppendEOF(nil, 1, 0x22)), "\xfe\x01\x00\x22\x00"},
		{"error", string(AppendError(nil, &Error{Code: 1096, State: "HY000", Message: "No tables used"})), "\xff\x48\x04#HY000No tables used"},
		{"error without state", string(AppendError(nil, &Error{Code: 1096, State: "", Message: "x"})), "\xff\x48\x04#HY000x"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestParseOK(t *testing.T) {
	tests := []struct {
		name, in string
		want     OK
		bad      bool
	}{
		{"plain", "\x00\x01\x00\x02\x00\x00\x00", OK{AffectedRows: 1, Status: 2}, false},
		{"info with length", "\x00\x00\x00\x02\x00\x00\x00\x02hi", OK{Status: 2, Info: []byte("hi")}, false},
		{"info to the end", "\x00\x00\x00\x02\x00\x00\x00hello", OK{Status: 2, Info: []byte("hello")}, false},
		{"cut", "\x00\x00\x00\x02\x00\x00", OK{}, true},
		{"cut integer", "\x00\xfc\x01", OK{}, true},
		{"not OK", "\xfe\x00\x00\x02\x00\x00\x00", OK{}, true},
		{"empty", "", OK{}, true},
	}
	for _, tt := range tests {
		got, err := ParseOK([]byte(tt.in))
		var m *MalformedError
		if tt.bad != errors.As(err, &m) || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

func TestParseError(t *testing.T) {
	tests := []struct {
		in   string
		want *Error
	}{
		{"\xff\x48\x04#HY000No tables used", &Error{Code: 1096, State: "HY000", Message: "No tables used", FromServer: true}},
		{"\xff\x10\x04Too many connections", &Error{Code: 1040, State: "08004", Message: "Too many connections", FromServer: true}},
		{"\xff\x15\x04#28000", &Error{Code: 1045, State: "28000", Message: "", FromServer: true}},
		{"\xff\x15\x04", &Error{Code: 1045, State: "HY000", Message: "", FromServer: true}},
		{"\xff\x15", nil},
	}
	for _, tt := range tests {
		got, err := ParseError([]byte(tt.in))
		if !reflect.DeepEqual(got, tt.want) || (err != nil) != (tt.want == nil) {
			t.Errorf("%q: %+v, %v", tt.in, got, err)
		}
	}
	long := AppendError(nil, &Error{Code: 1, State: "HY000", Message: strings.Repeat("x", 100000)})
	if len(long) > maxMessage+9 {
		t.Errorf("a message of %d bytes was sent", len(long))
	}
}

// The definition of SELECT id FROM shop.users u, as MySQL 8 sends it.
const goldenColumn = "\x03def\x04shop\x01u\x05users\x02id\x02id\x0c\x3f\x00\x14\x00\x00\x00\x08\x03\x42\x00\x00\x00"

func TestColumn(t *testing.T) {
	want := Column{Catalog: []byte("def"), Schema: []byte("shop"), Table: []byte("u"), OrgTable: []byte("users"),
		Name: []byte("id"), OrgName: []byte("id"), Charset: CollationBinary, Length: 20, Type: TypeLongLong,
		Flags: 0x4203, Default: []byte{}}
	var got Column
	if err := ParseColumn([]byte(goldenColumn), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v\n%+v\n%+v", err, want, got)
	}
	if back := AppendColumn(nil, &got); string(back) != goldenColumn {
		t.Fatalf("%q", back)
	}
	if err := ParseColumn([]byte(goldenColumn+"\x0242"), &got); err != nil || string(got.Default) != "\x0242" {
		t.Fatalf("default value: %q, %v", got.Default, err)
	}
	for cut := range len(goldenColumn) - 2 { // two bytes of filler are not needed
		var m *MalformedError
		if err := ParseColumn([]byte(goldenColumn)[:cut], &got); !errors.As(err, &m) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

func TestKinds(t *testing.T) {
	tests := []struct {
		in              string
		ok, eof, er, lf bool
	}{
		{"", false, false, false, false},
		{"\x00\x00\x00\x02\x00\x00\x00", true, false, false, false},
		{"\xfe\x00\x00\x02\x00", false, true, false, false},
		{"\xfe\x00\x00\x00\x00\x01\x00\x00\x00", false, false, false, false}, // a row of 16 MiB begins so
		{"\xff\x48\x04", false, false, true, false},
		{"\xfbfile", false, false, false, true},
	}
	for _, tt := range tests {
		p := []byte(tt.in)
		if IsOK(p) != tt.ok || IsEOF(p) != tt.eof || IsError(p) != tt.er || IsLocalInfile(p) != tt.lf {
			t.Errorf("%q", tt.in)
		}
	}
}

// The decoders never panic, and what they read is within what they were given.
func FuzzParsePackets(f *testing.F) {
	f.Add([]byte(goldenColumn))
	f.Add(AppendOK(nil, &OK{AffectedRows: 300, Info: []byte("info")}))
	f.Add(AppendError(nil, &Error{Code: 1045, State: "28000", Message: "Access denied"}))
	f.Add(AppendEOF(nil, 1, 2))
	f.Add([]byte{0xfe, 255, 255, 255, 255, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, p []byte) {
		if ok, err := ParseOK(p); err == nil {
			if len(ok.Info) == 0 {
				ok.Info = nil // "" may be sent with its length or left out
			}
			again, err := ParseOK(AppendOK(nil, &ok))
			if err != nil || !reflect.DeepEqual(ok, again) {
				t.Fatalf("%+v, %+v, %v", ok, again, err)
			}
		}
		if e, err := ParseError(p); err == nil && len(e.Message) <= maxMessage {
			again, err := ParseError(AppendError(nil, e))
			if err != nil || *e != *again {
				t.Fatalf("%+v, %+v, %v", e, again, err)
			}
		}
		_, _, _ = ParseEOF(p)
		var c, again Column
		if err := ParseColumn(p, &c); err == nil {
			if err := ParseColumn(AppendColumn(nil, &c), &again); err != nil {
				t.Fatal(err)
			}
		}
		_, _ = columnCount(p)
	})
}

// Whatever an unknown client answers to the greeting: no panic, and nothing longer than what it sent.
func FuzzParseResponse(f *testing.F) {
	f.Add(clientResponse(ServerCapabilities, "app", "secret", "shop", PluginNative, "k", "v"), ServerCapabilities)
	f.Add(clientResponse(CapProtocol41, "a", "", "", "", "", ""), uint32(CapProtocol41))
	f.Fuzz(func(t *testing.T, p []byte, caps uint32) {
		client, auth, ok := parseResponse(p, caps)
		if ok && len(client.User)+len(auth)+len(client.Database)+len(client.Plugin) > len(p) {
			t.Fatal("more than was sent")
		}
	})
}
