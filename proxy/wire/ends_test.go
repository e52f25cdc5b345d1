package wire

import (
	"errors"
	"testing"
)

func TestEnds(t *testing.T) {
	classic := func(c *Conn) { c.SetCapabilities(0) }
	modern := func(c *Conn) { c.SetCapabilities(CapDeprecateEOF) }
	tests := []struct {
		name string
		caps func(*Conn)
		do   func(*Conn) error
		want []string
	}{
		{"columns", classic, func(c *Conn) error { return c.WriteColumnsEnd(1, 2) }, []string{"\xfe\x01\x00\x02\x00"}},
		{"columns, no EOF", modern, func(c *Conn) error { return c.WriteColumnsEnd(1, 2) }, nil},
		{"rows", classic, func(c *Conn) error { return c.WriteRowsEnd(1, 0x0102) }, []string{"\xfe\x01\x00\x02\x01"}},
		{"rows, no EOF", modern, func(c *Conn) error { return c.WriteRowsEnd(1, 0x0102) }, []string{"\xfe\x00\x00\x02\x01\x01\x00"}},
		{"count", modern, func(c *Conn) error { return c.WriteColumnCount(300) }, []string{"\xfc\x2c\x01"}},
		{"OK", modern, func(c *Conn) error { return c.WriteOK(&OK{AffectedRows: 3, Status: 2, Info: []byte("x")}) }, []string{"\x00\x03\x00\x02\x00\x00\x00\x01x"}},
	}
	for _, tt := range tests {
		m := &memConn{}
		c := NewConn(m)
		tt.caps(c)
		if err := errors.Join(tt.do(c), c.Flush()); err != nil {
			t.Fatal(err)
		}
		var payloads [][]byte
		for _, w := range tt.want {
			payloads = append(payloads, []byte(w))
		}
		if want := frames(0, payloads...); string(m.out) != string(want) {
			t.Errorf("%s: % x, want % x", tt.name, m.out, want)
		}
	}
}
