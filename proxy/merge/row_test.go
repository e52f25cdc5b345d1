package merge

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestField(t *testing.T) {
	long := strings.Repeat("x", 70000)
	payload := row("a", null, "", long, "z")
	for i, want := range []string{"a", null, "", long, "z"} {
		text, isNull, err := (*Layout)(nil).Field(payload, i)
		if err != nil || isNull != (want == null) || !isNull && string(text) != want {
			t.Errorf("field %d: %.20q %v %v", i, text, isNull, err)
		}
	}
	for _, c := range []struct {
		payload []byte
		n       int
	}{{payload, 5}, {payload, -1}, {nil, 0}, {[]byte{5, 'a'}, 0}, {[]byte{0xfc, 1}, 0}, {[]byte{0xff}, 0}, {payload[:len(payload)-1], 4}} {
		if _, _, err := (*Layout)(nil).Field(c.payload, c.n); !errors.Is(err, ErrMalformedRow) {
			t.Errorf("field %d of %.20q: %v", c.n, c.payload, err)
		}
	}
}

func TestVisiblePrefix(t *testing.T) {
	payload := row("a", null, "bc", "hidden")
	for n, want := range [][]byte{{}, row("a"), row("a", null), row("a", null, "bc"), payload} {
		got, err := (*Layout)(nil).VisiblePrefix(nil, payload, n)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d columns: %q, %v, want %q", n, got, err, want)
		}
	}
	if _, err := (*Layout)(nil).VisiblePrefix(nil, payload, 5); !errors.Is(err, ErrMalformedRow) {
		t.Error(err)
	}
}

// FuzzRow: whatever the bytes, scanning ends, agrees with itself, and stays inside the row.
func FuzzRow(f *testing.F) {
	f.Add(row("1", null, "abc"), uint8(2))
	f.Add([]byte{0xfc, 0xff, 0xff, 1}, uint8(1))
	f.Add([]byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, uint8(0))
	f.Fuzz(func(t *testing.T, payload []byte, n uint8) {
		text, isNull, err := (*Layout)(nil).Field(payload, int(n))
		prefix, prefixErr := (*Layout)(nil).VisiblePrefix(nil, payload, int(n)+1)
		if (err == nil) != (prefixErr == nil) {
			t.Fatalf("Field: %v, VisiblePrefix: %v", err, prefixErr)
		}
		if err != nil {
			return
		}
		if !bytes.HasPrefix(payload, prefix) || !isNull && !bytes.HasSuffix(prefix, text) {
			t.Fatalf("%q is not the end of %q", text, prefix)
		}
		for kind := Integer; kind <= Time; kind++ {
			keys := []Key{{Column: int(n), Kind: kind, SpaceWeight: []byte{0, 32}}}
			sorted := NewSorted([]Stream{&list{rows: [][]byte{payload, payload}}, &list{rows: [][]byte{payload}}}, keys, nil)
			if rows, err := collect(sorted); err == nil && len(rows) != 3 {
				t.Fatalf("kind %d: %d rows", kind, len(rows))
			}
		}
	})
}
