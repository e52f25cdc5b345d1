package wire

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

func TestProxyHeader(t *testing.T) {
	const sig = "\r\n\r\n\x00\r\nQUIT\n"
	v4 := "\xc0\x00\x02\x01\xc0\x00\x02\x02\x12\x34\x0c\xea"
	v6 := "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01" + strings.Repeat("\x00", 16) + "\x12\x34\x0c\xea"
	const own = "192.0.2.7:0"
	tests := []struct{ name, in, want string }{ // want "": refused
		{"v1", "PROXY TCP4 198.51.100.22 203.0.113.7 35646 3306\r\n", "198.51.100.22:35646"},
		{"v1 IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 35646 3306\r\n", "[2001:db8::1]:35646"},
		{"v1 unknown", "PROXY UNKNOWN\r\n", own},
		{"v1 unknown, with words", "PROXY UNKNOWN ffff:: ffff:: 1 2\r\n", own},
		{"v1 family", "PROXY TCP4 2001:db8::1 2001:db8::2 35646 3306\r\n", ""},
		{"v1 family 2", "PROXY UDP4 198.51.100.22 203.0.113.7 35646 3306\r\n", ""},
		{"v1 port", "PROXY TCP4 198.51.100.22 203.0.113.7 70000 3306\r\n", ""},
		{"v1 host", "PROXY TCP4 example.org 203.0.113.7 7 3306\r\n", ""},
		{"v1 words", "PROXY TCP4 198.51.100.22 203.0.113.7 35646\r\n", ""},
		{"v1 without end", "PROXY " + strings.Repeat("x", 200), ""},
		{"v1 cut", "PROXY TCP4 198.51.100.22 203", ""},
		{"v2", sig + "\x21\x11\x00\x0c" + v4, "192.0.2.1:4660"},
		{"v2 with more", sig + "\x21\x11\x00\x10" + v4 + "\x03\x00\x01x", "192.0.2.1:4660"},
		{"v2 IPv6", sig + "\x21\x21\x00\x24" + v6, "[2001:db8::1]:4660"},
		{"v2 local", sig + "\x20\x00\x00\x00", own},
		{"v2 unspecified", sig + "\x21\x00\x00\x00", own},
		{"v2 version", sig + "\x11\x11\x00\x0c" + v4, ""},
		{"v2 command", sig + "\x22\x11\x00\x0c" + v4, ""},
		{"v2 UDP", sig + "\x21\x12\x00\x0c" + v4, ""},
		{"v2 short", sig + "\x21\x11\x00\x0b" + v4[:11], ""},
		{"v2 long", sig + "\x21\x11\xff\xff" + v4, ""},
		{"v2 cut", sig + "\x21\x11\x00\x0c" + v4[:3], ""},
		{"a client", "\x20\x00\x00\x01" + strings.Repeat("\x00", 32), ""},
		{"nothing", "", ""},
	}
	for _, tt := range tests {
		for _, step := range []int{0, 1} {
			m := &memConn{in: []byte(tt.in + "rest"), step: step}
			if tt.want == "" {
				m.in = []byte(tt.in)
			}
			p := NewProxied(m)
			err := p.ReadHeader()
			if tt.want == "" {
				if err == nil {
					t.Errorf("%s: taken as %s", tt.name, p.RemoteAddr())
				}
				continue
			}
			if err != nil || p.RemoteAddr().String() != tt.want {
				t.Errorf("%s: %v, %v", tt.name, p, err)
				continue
			}
			if rest, _ := io.ReadAll(p); string(rest) != "rest" || p.NetConn() != net.Conn(m) {
				t.Errorf("%s: %q is left", tt.name, rest)
			}
		}
	}
	if err := NewProxied(&memConn{in: []byte("GET / HTTP/1.1")}).ReadHeader(); !errors.Is(err, ErrNoProxyHeader) {
		t.Error(err)
	}
}
