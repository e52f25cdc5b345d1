package proxy

import (
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"serval/config"
	"serval/proxy/wire"
)

var silent = slog.New(slog.NewTextHandler(io.Discard, nil))

func TestUnixListener(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.sock")
	cfg := &config.Listener{Address: path, Permissions: 0o600}
	l, err := listen(cfg, silent)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Lstat(path)
	if err != nil || file.Mode() != fs.ModeSocket|0o600 || l.Addr().String() != path {
		t.Fatalf("%v, %v, %s", file.Mode(), err, l.Addr())
	}
	if _, err := listen(cfg, silent); err == nil {
		t.Fatal("a socket on which somebody listens was taken")
	}
	if nc, err := net.Dial("unix", path); err != nil {
		t.Fatal(err)
	} else {
		nc.Close()
	}
	// A server that was killed leaves its file behind.
	l.Listener.(*unixListener).UnixListener.Close()
	if l, err = listen(cfg, silent); err != nil {
		t.Fatal(err)
	}
	// What another one has put there meanwhile stays.
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(cfg, silent); err == nil {
		t.Fatal("a file that is no socket was replaced")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if l, err = listen(cfg, silent); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if left, _ := filepath.Glob(path + "*"); len(left) != 1 { // .old
		t.Fatalf("%v are left", left)
	}
}

func TestTrustedProxies(t *testing.T) {
	l := &listener{cfg: &config.Listener{ProxyFrom: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}}
	for from, trusted := range map[string]bool{"10.1.2.3": true, "::ffff:10.1.2.3": true, "fd00::1": true, "11.0.0.1": false, "::1": false} {
		_, ok := l.client(addressed{addr: &net.TCPAddr{IP: net.ParseIP(from), Port: 1}}).(*wire.Proxied)
		if ok != trusted {
			t.Errorf("%s: %v", from, ok)
		}
	}
	if _, ok := l.client(addressed{addr: &net.UnixAddr{}}).(*wire.Proxied); ok {
		t.Error("a Unix socket is trusted")
	}
}

// addressed is a connection of which only the address is looked at.
type addressed struct {
	net.Conn
	addr net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.addr }
