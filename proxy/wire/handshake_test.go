package wire

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"database/sql"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"net"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// testKeys are generated once for all tests.
var testKeys = sync.OnceValues(NewRSAKeys)

func passwords(user string) (string, bool) {
	p, ok := map[string]string{"app": "secret", "tls": "secret", "empty": "", "long": strings.Repeat("pässwort", 20)}[user]
	return p, ok
}

// clientResponse builds a handshake response.
func clientResponse(caps uint32, user, auth, db, plugin, key, value string) []byte {
	p := binary.LittleEndian.AppendUint32(nil, caps)
	p = binary.LittleEndian.AppendUint32(p, 1<<24)
	p = append(p, 45)
	p = append(p, make([]byte, 23)...)
	p = append(append(p, user...), 0)
	switch {
	case caps&(CapPluginAuthLenencClientData|CapSecureConnection) != 0:
		p = AppendLenEncString(p, auth)
	default:
		p = append(append(p, auth...), 0)
	}
	if caps&CapConnectWithDB != 0 {
		p = append(append(p, db...), 0)
	}
	if caps&CapPluginAuth != 0 {
		p = append(append(p, plugin...), 0)
	}
	if caps&CapConnectAttrs != 0 {
		p = AppendLenEncBytes(p, AppendLenEncString(AppendLenEncString(nil, key), value))
	}
	return p
}

func TestGreeting(t *testing.T) {
	m := &memConn{}
	h := &Handshake{ServerVersion: "8.4.0-Serval", ConnectionID: 0x01020304, Status: 2, Passwords: passwords}
	if _, err := h.Accept(NewConn(m)); err == nil {
		t.Fatal("nobody answered")
	}
	p := m.out[4:]
	for _, b := range append(bytes.Clone(p[18:26]), p[45:57]...) {
		if b == 0 || b == '$' || b > 0x7f {
			t.Fatalf("salt with %#x", b)
		}
	}
	clear(p[18:26])
	clear(p[45:57])
	want := "\x0a8.4.0-Serval\x00\x04\x03\x02\x01" + strings.Repeat("\x00", 8) + "\x00\xef\xa7\x2d\x02\x00\xff\x0d\x15" +
		strings.Repeat("\x00", 10) + strings.Repeat("\x00", 12) + "\x00caching_sha2_password\x00"
	if string(p) != want {
		t.Fatalf("got  %q\nwant %q", p, want)
	}
}

func TestParseResponse(t *testing.T) {
	const all = ServerCapabilities
	tests := []struct {
		name string
		in   []byte
		want *Client
		auth string
	}{
		{"everything", clientResponse(all, "app", "xyz", "shop", PluginSHA2, "_os", "Linux"), &Client{User: "app", Database: "shop",
			Capabilities: all, Collation: 45, MaxPacket: 1 << 24, Attributes: map[string]string{"_os": "Linux"}, Plugin: PluginSHA2}, "xyz"},
		{"unadvertised", clientResponse(all|CapOptionalResultsetMetadata|CapNoSchema, "app", "", "", PluginSHA2, "", ""), &Client{User: "app",
			Capabilities: all, Collation: 45, MaxPacket: 1 << 24, Attributes: map[string]string{"": ""}, Plugin: PluginSHA2}, ""},
		{"little", clientResponse(CapProtocol41|CapSecureConnection, "app", "xyz", "", "", "", ""), &Client{User: "app",
			Capabilities: CapProtocol41 | CapSecureConnection, Collation: 45, MaxPacket: 1 << 24, Plugin: PluginNative}, "xyz"},
		{"less", clientResponse(CapProtocol41, "app", "xyz", "", "", "", ""), &Client{User: "app",
			Capabilities: CapProtocol41, Collation: 45, MaxPacket: 1 << 24, Plugin: PluginNative}, "xyz"},
		{"before 4.1", clientResponse(CapSecureConnection, "app", "", "", "", "", ""), nil, ""},
		{"TLS", clientResponse(all|CapSSL, "", "", "", "", "", "")[:32], nil, ""},
		{"empty", nil, nil, ""},
	}
	for _, tt := range tests {
		got, auth, ok := parseResponse(tt.in, all)
		if ok != (tt.want != nil) || ok && (!reflect.DeepEqual(got, tt.want) || string(auth) != tt.auth) {
			t.Errorf("%s: %v %q %+v, want %+v", tt.name, ok, auth, got, tt.want)
		}
	}
	lie := clientResponse(all, "app", "x", "", PluginSHA2, "k", "v")
	lie[len(lie)-5] = 0xfc // the attributes claim 600 bytes or so
	if _, _, ok := parseResponse(lie, all); ok {
		t.Error("lying attributes were taken")
	}
}

// script is a client that is played by hand: it reads the greeting and sends what each step makes of the last packet.
type script struct {
	user, plugin string
	first        func(salt []byte) []byte
	steps        []func(salt, last []byte) []byte
}

func (s *script) play(t *testing.T, c *Conn) (last []byte) {
	t.Helper()
	read := func() []byte {
		p, err := c.ReadPacket()
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Clone(p)
	}
	g := read()
	i := bytes.IndexByte(g[1:], 0) + 2
	salt := append(bytes.Clone(g[i+4:i+12]), g[i+31:i+43]...)
	send := func(p []byte) {
		if err := errors.Join(c.WritePacket(p), c.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	send(clientResponse(ServerCapabilities, s.user, string(s.first(salt)), "", s.plugin, "", ""))
	for _, step := range s.steps {
		last = read()
		if last[0] == headerEOF {
			salt = last[len(last)-1-saltSize : len(last)-1]
		}
		if p := step(salt, last); p != nil {
			send(p)
		}
	}
	return read()
}

func encrypt(pemKey, salt []byte, password string) []byte {
	b, _ := pem.Decode(pemKey)
	key, err := x509.ParsePKIXPublicKey(b.Bytes)
	if err != nil {
		return nil
	}
	plain := append([]byte(password), 0)
	for i := range plain {
		plain[i] ^= salt[i%len(salt)]
	}
	out, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, key.(*rsa.PublicKey), plain, nil)
	if err != nil {
		return nil
	}
	return out
}

func TestLogin(t *testing.T) {
	keys, err := testKeys()
	if err != nil {
		t.Fatal(err)
	}
	native := func(pw string) func([]byte) []byte {
		return func(salt []byte) []byte { r := nativeResponse(salt, pw); return r[:] }
	}
	sha2 := func(pw string) func([]byte) []byte {
		return func(salt []byte) []byte { r := sha2Response(salt, pw); return r[:] }
	}
	none := func([]byte) []byte { return []byte{} }
	type step = func(salt, last []byte) []byte
	again := func(f func([]byte) []byte) step { return func(salt, _ []byte) []byte { return f(salt) } }
	askKey := func(_, _ []byte) []byte { return []byte{sha2PublicKey} }
	sendKey := func(pw string) step { return func(salt, last []byte) []byte { return encrypt(last[1:], salt, pw) } }
	clear := func(pw string) step { return func(_, _ []byte) []byte { return append([]byte(pw), 0) } }
	wait := func(_, _ []byte) []byte { return nil }
	raw := func(p ...byte) func([]byte) []byte { return func([]byte) []byte { return p } }
	tests := []struct {
		name   string
		script script
		cached bool
		denied string // "" = let in, else what the password was
	}{
		{"native", script{"app", PluginNative, native("secret"), nil}, false, ""},
		{"native wrong", script{"app", PluginNative, native("wrong"), nil}, false, "YES"},
		{"native short", script{"app", PluginNative, raw(1, 2, 3), nil}, false, "YES"},
		{"native unknown user", script{"nobody", PluginNative, native("secret"), nil}, false, "YES"},
		{"native empty", script{"empty", PluginNative, none, nil}, false, ""},
		{"password where none is", script{"empty", PluginNative, native("x"), nil}, false, "YES"},
		{"native that waits to be asked", script{"app", PluginNative, none, []step{again(native("secret"))}}, false, ""},
		{"no password where one is", script{"app", PluginSHA2, raw(0), []step{again(raw(0))}}, false, "NO"},
		{"no password, unknown user", script{"nobody", PluginSHA2, none, []step{again(none)}}, false, "NO"},
		{"sha2 full", script{"app", PluginSHA2, sha2("secret"), []step{askKey, sendKey("secret")}}, false, ""},
		{"sha2 long", script{"long", PluginSHA2, none, []step{again(sha2("x")), askKey, sendKey(strings.Repeat("pässwort", 20))}}, false, ""},
		{"sha2 full wrong", script{"app", PluginSHA2, sha2("wrong"), []step{askKey, sendKey("wrong")}}, false, "YES"},
		{"sha2 full unknown", script{"nobody", PluginSHA2, sha2("secret"), []step{askKey, sendKey("secret")}}, false, "YES"},
		{"sha2 fast", script{"app", PluginSHA2, sha2("secret"), []step{wait}}, true, ""},
		{"sha2 fast wrong", script{"app", PluginSHA2, sha2("wrong"), []step{askKey, sendKey("wrong")}}, true, "YES"},
		{"sha2 empty", script{"empty", PluginSHA2, raw(0), nil}, false, ""},
		{"sha2 in the clear", script{"app", PluginSHA2, sha2("secret"), []step{clear("secret")}}, false, "YES"},
		{"other plugin", script{"app", "dialog", none, []step{again(sha2("secret")), askKey, sendKey("secret")}}, false, ""},
		{"other plugin, empty", script{"empty", "dialog", none, []step{again(none)}}, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			near, far := net.Pipe()
			defer near.Close()
			defer far.Close()
			cache := &SHA2Cache{}
			if tt.cached {
				cache.Remember("app", "secret")
			}
			done := make(chan error, 1)
			go func() {
				c := NewConn(far)
				h := &Handshake{Passwords: passwords, Keys: keys, SHA2Cache: cache}
				client, err := h.Accept(c)
				if err == nil && client.User != tt.script.user {
					err = errors.New("another user: " + client.User)
				}
				if err == nil {
					err = errors.Join(c.WriteOK(&OK{}), c.Flush())
				}
				done <- err
			}()
			last := tt.script.play(t, NewConn(near))
			err := <-done
			if tt.denied == "" {
				if err != nil || !IsOK(last) {
					t.Fatalf("%v, % x", err, last)
				}
				return
			}
			want := &Error{Code: 1045, State: "28000", Message: "Access denied for user '" + tt.script.user + "'@'localhost' (using password: " + tt.denied + ")"}
			var e *Error
			if !errors.As(err, &e) || *e != *want || string(last) != string(AppendError(nil, want)) {
				t.Fatalf("%v, %q", err, last)
			}
		})
	}
}

// An old entry of the cache does not let an old password in.
func TestSHA2CacheAfterPasswordChange(t *testing.T) {
	cache := &SHA2Cache{}
	cache.Remember("app", "old")
	if cache.has("app", "new") || !cache.has("app", "old") || cache.has("other", "old") {
		t.Fatal("cache")
	}
}

func TestBadHandshake(t *testing.T) {
	for name, in := range map[string][]byte{"short": frames(1, []byte("GET / HTTP/1.1")), "huge": frames(1, patterned(handshakeLimit+1))} {
		m := &memConn{in: in}
		_, err := (&Handshake{Passwords: passwords}).Accept(NewConn(m))
		var e *Error
		if !errors.As(err, &e) || e.Code != 1043 || !bytes.HasSuffix(m.out, AppendError(nil, e)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// serve is a server that answers each query with one row that holds it.
func serve(t testing.TB, l net.Listener, h Handshake) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			c := NewConn(nc)
			defer c.Close()
			h := h
			if _, err := h.Accept(c); err != nil {
				return
			}
			_ = errors.Join(c.WriteOK(&OK{Status: StatusAutocommit}), c.Flush(), c.StartCompression())
			for {
				c.ResetSequence()
				c.ReleaseBuffers()
				p, err := c.ReadPacket()
				if err != nil || p[0] == ComQuit {
					return
				}
				if err := echo(c, p); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
}

func echo(c *Conn, p []byte) error {
	if p[0] != ComQuery {
		return errors.Join(c.WriteOK(&OK{Status: StatusAutocommit}), c.Flush())
	}
	if string(p[1:]) == "select $$" { // the mysql client asks this first and expects an error
		return errors.Join(c.WriteError(&Error{Code: 1064, State: "42000", Message: "no"}), c.Flush())
	}
	row := AppendLenEncBytes(nil, p[1:])
	return errors.Join(c.WritePacket([]byte{1}),
		c.WriteColumn(&Column{Name: []byte("q"), Charset: 45, Length: 1 << 20, Type: TypeVarString}), c.WriteColumnsEnd(0, 2),
		c.WritePacket(row), c.WriteRowsEnd(0, 2), c.Flush())
}

func TestGoSQLDriver(t *testing.T) {
	keys, err := testKeys()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go serve(t, l, Handshake{Passwords: passwords, Keys: keys, SHA2Cache: &SHA2Cache{}, TLS: testTLS(t),
		NeedsTLS: func(user string) bool { return user == "tls" }})
	tests := []struct {
		user, password, params string
		denied                 bool
	}{
		{"app", "secret", "", false}, // full, then
		{"app", "secret", "", false}, // fast
		{"app", "secret", "?clientFoundRows=true&multiStatements=true&connectionAttributes=program_name:x", false},
		{"app", "secret", "?compress=true", false},
		{"app", "secret", "?tls=skip-verify", false},
		{"app", "secret", "?tls=skip-verify&compress=true", false},
		{"app", "wrong", "?tls=skip-verify", true},
		{"tls", "secret", "?tls=skip-verify", false},
		{"tls", "secret", "", true},
		{"empty", "", "", false},
		{"app", "wrong", "", true},
		{"app", "", "", true},
		{"nobody", "secret", "", true},
	}
	for _, tt := range tests {
		db, err := sql.Open("mysql", tt.user+":"+tt.password+"@tcp("+l.Addr().String()+")/shop"+tt.params)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{10, 300, 20000, maxFrame - 10, maxFrame + 10} {
			query := "/*" + strings.Repeat("x", n)
			var got string
			err := db.QueryRow(query).Scan(&got)
			var e *mysql.MySQLError
			if tt.denied {
				if !errors.As(err, &e) || e.Number != 1045 {
					t.Errorf("%s/%s: %v", tt.user, tt.password, err)
				}
				break
			}
			if err != nil || got != query {
				t.Errorf("%s%s: %d bytes: %d bytes, %v", tt.user, tt.params, n, len(got), err)
			}
			if n > 1<<20 && tt.params != "" {
				break
			}
		}
		db.Close()
	}
}
