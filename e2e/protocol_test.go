package e2e

// protocol_test.go: the transports and layouts that clients choose: TLS, compression, Unix sockets, the PROXY protocol,
// capabilities. Whatever they choose, the answers are the plain server's.

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"serval/config"
	"serval/e2e/raw"
	"serval/e2e/servers"
	"serval/proxy"
)

// gates are the listeners of a Serval beside the bed's own.
type gates struct {
	tcp, secure, only, proxied string // addresses: with TLS offered, required, behind a load balancer
	socket                     string
	files                      pki
}

func TestProtocol(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			g := openGates(t, b)
			t.Run("mariadb", func(t *testing.T) { mariadbTransports(t, b, g) })
			t.Run("mysql", func(t *testing.T) { mysqlTransports(t, b, g) })
			t.Run("go-sql-driver", func(t *testing.T) { goTransports(t, b, g) })
			t.Run("TLS refusals", func(t *testing.T) { tlsRefusals(t, g) })
			t.Run("client certificates", func(t *testing.T) { clientCertificates(t, g) })
			t.Run("PROXY header", func(t *testing.T) { proxyHeader(t, g) })
			t.Run("abandoned over TLS", func(t *testing.T) { abandonedOverTLS(t, b, g) })
			t.Run("capabilities", func(t *testing.T) { everyCapability(t, b) })
		})
	}
}

// openGates starts a second Serval before the bed's nodes.
func openGates(t *testing.T, b *bed) *gates {
	t.Helper()
	dir := t.TempDir()
	g := &gates{socket: filepath.Join(dir, "serval.sock"), files: makePKI(t, dir)}
	cfg := *b.Config
	cfg.Users = append(cfg.Users[:len(cfg.Users):len(cfg.Users)], config.User{Name: "tlsonly", Password: "secret", NeedsTLS: true})
	offered := &config.ListenerTLS{Cert: g.files.cert, Key: g.files.key, ClientCA: g.files.ca}
	required := &config.ListenerTLS{Cert: g.files.cert, Key: g.files.key, ClientCA: g.files.ca, ClientCert: true, Require: true}
	const free = "127.0.0.1:0"
	cfg.Listeners = []config.Listener{
		{Address: free},
		{Address: free, TLS: offered},
		{Address: free, TLS: required},
		{Address: free, TLS: offered, ProxyFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		{Address: g.socket, Permissions: 0o600},
	}
	s := proxy.NewServer(&cfg, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	addrs := s.Addrs()
	g.tcp, g.secure, g.only, g.proxied = addrs[0].String(), addrs[1].String(), addrs[2].String(), addrs[3].String()
	return g
}

// pki are the files of an authority, of a server for 127.0.0.1 and of a client.
type pki struct{ ca, cert, key, clientCert, clientKey string }

func makePKI(t *testing.T, dir string) pki {
	t.Helper()
	var caKey *ecdsa.PrivateKey
	var ca *x509.Certificate
	sign := func(name string, isCA bool) (certFile, keyFile string) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
			NotAfter: time.Now().Add(time.Hour), IsCA: isCA, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
		parent, signer := ca, caKey
		if isCA {
			c.KeyUsage = x509.KeyUsageCertSign
			parent, signer = c, key
			ca, caKey = c, key
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		certFile, keyFile = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
		if err := errors.Join(os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
			os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)); err != nil {
			t.Fatal(err)
		}
		return certFile, keyFile
	}
	var p pki
	p.ca, _ = sign("ca", true)
	p.cert, p.key = sign("server", false)
	p.clientCert, p.clientKey = sign("client", false)
	return p
}

const transportScript = `SELECT user_id, name, balance FROM users ORDER BY user_id LIMIT 50; SELECT * FROM products ORDER BY product_id;
SELECT REPEAT('ab', 200000) AS big FROM users WHERE user_id = 42; SELECT COUNT(*) FROM settings; USE crm; SHOW TABLES`

// cli runs statements in a command line client.
func cli(t *testing.T, argv []string, args ...string) string {
	t.Helper()
	args = append(append(append([]string{}, argv[1:]...), args...), "--user="+servers.User, "--password="+servers.Password, "--table", "shop", "-e", transportScript)
	out, err := exec.Command(argv[0], args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s: %v", argv[0], err)
	}
	return string(out)
}

func at(addr string) []string {
	host, port, _ := strings.Cut(addr, ":")
	return []string{"--protocol=tcp", "--host=" + host, "--port=" + port}
}

func compareTransports(t *testing.T, argv []string, plain string, ways map[string][]string) {
	t.Helper()
	for name, args := range ways {
		if out := cli(t, argv, args...); out != plain {
			t.Errorf("%s: output differs\nplain:\n%.3000s\nserval:\n%.3000s", name, plain, out)
		}
	}
}

func mariadbTransports(t *testing.T, b *bed, g *gates) {
	argv := []string{"mariadb", "--no-defaults"}
	plain := cli(t, argv, at(b.Plain.Addr())...)
	compareTransports(t, argv, plain, map[string][]string{
		"tcp":             at(g.tcp),
		"compressed":      append(at(g.tcp), "--compress"),
		"socket":          {"--protocol=socket", "--socket=" + g.socket},
		"TLS":             append(at(g.secure), "--ssl"),
		"TLS, compressed": append(at(g.secure), "--ssl", "--compress", "--ssl-ca="+g.files.ca, "--ssl-verify-server-cert"),
		"client certificate": append(at(g.only), "--ssl", "--ssl-ca="+g.files.ca, "--ssl-cert="+g.files.clientCert,
			"--ssl-key="+g.files.clientKey),
	})
}

// mysqlTransports has MySQL's own client, which cannot log in to MariaDB itself but to Serval before it.
func mysqlTransports(t *testing.T, b *bed, g *gates) {
	if err := servers.MySQL.Available(); err != nil {
		t.Skip(err)
	}
	argv := append(servers.InRootfs("usr/bin/mysql"), "--no-defaults")
	off := []string{"--ssl-mode=DISABLED", "--get-server-public-key"}
	zlib, zstd := "--compression-algorithms=zlib", "--compression-algorithms=zstd"
	plain := ""
	if b.Kind == servers.MySQL {
		plain = cli(t, argv, append(at(b.Plain.Addr()), off...)...)
	} else {
		plain = cli(t, argv, append(at(g.tcp), off...)...)
	}
	compareTransports(t, argv, plain, map[string][]string{
		"tcp":       append(at(g.tcp), off...),
		"zlib":      append(append(at(g.tcp), off...), zlib),
		"zstd":      append(append(at(g.tcp), off...), zstd, "--zstd-compression-level=19"),
		"both":      append(append(at(g.tcp), off...), "--compression-algorithms=zstd,zlib"),
		"socket":    {"--protocol=socket", "--socket=" + g.socket},
		"TLS":       append(at(g.secure), "--ssl-mode=REQUIRED"),
		"TLS 1.2":   append(at(g.secure), "--ssl-mode=REQUIRED", "--tls-version=TLSv1.2"),
		"TLS, zlib": append(at(g.secure), "--ssl-mode=REQUIRED", zlib),
		"TLS, zstd": append(at(g.secure), "--ssl-mode=VERIFY_IDENTITY", "--ssl-ca="+g.files.ca, zstd),
		"own":       append(at(g.only), "--ssl-mode=VERIFY_CA", "--ssl-ca="+g.files.ca, "--ssl-cert="+g.files.clientCert, "--ssl-key="+g.files.clientKey),
	})
	ask := exec.Command(argv[0], append(append(append(argv[1:], at(g.tcp)...), off...), "--user=app", "--password=app", "--batch", "--commands", "shop")...)
	ask.Stdin = strings.NewReader("query_attributes trace abc n 7\nSELECT user_id FROM users WHERE user_id = 42;\nquery_attributes trace x\nSELECT 5;\n")
	if out, err := ask.Output(); err != nil || string(out) != "user_id\n42\n5\n5\n" {
		t.Errorf("query attributes: %q, %v", out, err)
	}
}

// goTransports has go-sql-driver with statements of all sizes, so that compressed packets and ordinary ones do not end
// together.
func goTransports(t *testing.T, b *bed, g *gates) {
	const config = "serval"
	if err := mysql.RegisterTLSConfig(config, clientTLS(t, g, false)); err != nil {
		t.Fatal(err)
	}
	for name, dsn := range map[string]string{
		"tcp": "app:app@tcp(" + g.tcp + ")/shop?x=1", "socket": "app:app@unix(" + g.socket + ")/shop?x=1",
		"zlib": "app:app@tcp(" + g.tcp + ")/shop?compress=true", "TLS": "app:app@tcp(" + g.secure + ")/shop?tls=" + config,
		"TLS, zlib": "app:app@tcp(" + g.secure + ")/shop?compress=true&tls=" + config, "TLS only": "tlsonly:secret@tcp(" + g.secure + ")/shop?tls=" + config,
	} {
		db, err := sql.Open("mysql", strings.Replace(dsn, "x=1", "", 1)+"&interpolateParams=true&timeout=5s&readTimeout=30s&maxAllowedPacket=0")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 40, 60, 16000, 17000, 1 << 20, 17 << 20} {
			want := strings.Repeat("x", n/2) + strings.Repeat("yz", n/4)
			var got string
			if err := db.QueryRow("SELECT ? FROM users WHERE user_id = 42", want).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %d bytes: %d came back, %v", name, n, len(got), err)
				break
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func clientTLS(t *testing.T, g *gates, withCertificate bool) *tls.Config {
	t.Helper()
	data, err := os.ReadFile(g.files.ca)
	if err != nil {
		t.Fatal(err)
	}
	c := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "127.0.0.1"}
	c.RootCAs.AppendCertsFromPEM(data)
	if withCertificate {
		pair, err := tls.LoadX509KeyPair(g.files.clientCert, g.files.clientKey)
		if err != nil {
			t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

// tlsRefusals: who has to use TLS and does not.
func tlsRefusals(t *testing.T, g *gates) {
	for _, c := range []struct {
		name, addr, user, password string
		code                       uint16
	}{
		{"listener that requires TLS", g.only, "app", "app", 3159},
		{"listener that requires TLS, wrong password", g.only, "app", "wrong", 3159},
		{"user that needs TLS", g.secure, "tlsonly", "secret", 1045},
		{"user that needs TLS, no TLS there", g.tcp, "tlsonly", "secret", 1045},
		{"other user", g.secure, "app", "app", 0},
	} {
		db, err := sql.Open("mysql", c.user+":"+c.password+"@tcp("+c.addr+")/shop?timeout=5s")
		if err != nil {
			t.Fatal(err)
		}
		var refused *mysql.MySQLError
		err = db.Ping()
		if c.code == 0 && err != nil || c.code != 0 && (!errors.As(err, &refused) || refused.Number != c.code) {
			t.Errorf("%s: %v, want error %d", c.name, err, c.code)
		}
		db.Close()
	}
}

// clientCertificates: required ones have to be shown, and those that are shown have to be right.
func clientCertificates(t *testing.T, g *gates) {
	own := clientTLS(t, g, true)
	none := clientTLS(t, g, false)
	wrong := clientTLS(t, g, false)
	foreign := makePKI(t, t.TempDir()) // of another authority
	pair, err := tls.LoadX509KeyPair(foreign.clientCert, foreign.clientKey)
	if err != nil {
		t.Fatal(err)
	}
	wrong.Certificates = []tls.Certificate{pair}
	for _, c := range []struct {
		name string
		addr string
		tls  *tls.Config
		ok   bool
	}{
		{"required, shown", g.only, own, true}, {"required, none", g.only, none, false}, {"required, wrong", g.only, wrong, false},
		{"optional, shown", g.secure, own, true}, {"optional, none", g.secure, none, true}, {"optional, wrong", g.secure, wrong, false},
	} {
		cfg := mysql.NewConfig()
		cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.TLS, cfg.Timeout = "app", "app", "tcp", c.addr, c.tls, 5*time.Second
		cfg.Logger = nopLogger{}
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(connector)
		if err := db.Ping(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		db.Close()
	}
}

type nopLogger struct{}

func (nopLogger) Print(...any) {}

// proxyHeader: the address of a client behind a load balancer is the one that counts.
func proxyHeader(t *testing.T, g *gates) {
	dialWith := func(header string) (string, error) {
		const name = "balanced"
		mysql.RegisterDialContext(name, proxyDialer(g.proxied, header))
		db, err := sql.Open("mysql", "app:app@"+name+"(x)/shop?timeout=5s")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var user string
		err = db.QueryRow("SELECT USER()").Scan(&user)
		return user, err
	}
	for header, want := range map[string]string{
		"PROXY TCP4 198.51.100.22 203.0.113.7 35646 3306\r\n": "app@198.51.100.22",
		"PROXY TCP6 2001:db8::1 2001:db8::2 35646 3306\r\n":   "app@2001:db8::1",
		"PROXY UNKNOWN\r\n": "app@127.0.0.1",
		"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x12\x34\x0c\xea": "app@192.0.2.1",
		"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00":                                                 "app@127.0.0.1",
	} {
		if got, err := dialWith(header); err != nil || got != want {
			t.Errorf("%q: %s, %v", header, got, err)
		}
	}
	nc, err := net.Dial("tcp", g.proxied)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = nc.SetDeadline(time.Now().Add(5 * time.Second))
	if got, err := io.ReadAll(nc); len(got) > 0 {
		t.Errorf("without a header %q is answered, %v", got, err)
	}
}

// proxyDialer connects and says header first.
func proxyDialer(addr, header string) mysql.DialContextFunc {
	return func(ctx context.Context, _ string) (net.Conn, error) {
		var d net.Dialer
		nc, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		_, err = io.WriteString(nc, header)
		return nc, err
	}
}

// abandonedOverTLS: the watcher sees that a client with TLS is gone.
func abandonedOverTLS(t *testing.T, b *bed, g *gates) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName, cfg.TLS = "app", "app", "tcp", g.secure, "shop", clientTLS(t, g, false)
	cfg.Logger = nopLogger{}
	var socket net.Conn
	cfg.DialFunc = func(ctx context.Context, network, addr string) (nc net.Conn, err error) {
		var d net.Dialer
		socket, err = d.DialContext(ctx, network, addr)
		return socket, err
	}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	done := make(chan error, 1)
	go func() {
		_, err := db.Exec("SELECT SLEEP(300), 'abandonedtls' FROM users WHERE user_id = 42")
		done <- err
	}()
	if n := b.running(t, "abandonedtls", func(n int) bool { return n > 0 }); n == 0 {
		t.Fatal("it does not run")
	}
	socket.Close()
	if n := b.running(t, "abandonedtls", func(n int) bool { return n == 0 }); n != 0 {
		t.Error("still runs after its client is gone")
	}
	<-done
}

// everyCapability: whatever a client has agreed on, the answers are the same and can be read.
func everyCapability(t *testing.T, b *bed) {
	statements := []string{
		"SELECT user_id, name, balance FROM users ORDER BY user_id LIMIT 20", "SELECT * FROM orders WHERE user_id = 42",
		"SELECT 1 FROM nosuch", "SELECT * FROM users WHERE user_id = 42 AND name = 'nobody'", "SHOW TABLES", "SELECT DATABASE()",
		"UPDATE users SET level = level WHERE user_id = 42", "UPDATE users SET level = level", "SET NAMES utf8mb4", "BEGIN", "ROLLBACK", "USE crm", "USE shop",
		"SELECT 1 / 0 FROM users WHERE user_id = 42", "SHOW WARNINGS", "SELECT 1; SELECT user_id FROM users ORDER BY 1; DO 0; USE shop; SELECT 2",
	}
	var first []string
	for bits := range 1 << 5 {
		has := func(bit int) bool { return bits&(1<<bit) != 0 }
		o := raw.Options{User: servers.User, Password: servers.Password, Database: "shop", MultiStatements: true, FoundRows: has(0),
			DeprecateEOF: has(1), QueryAttributes: has(2), SessionTrack: has(3)}
		if has(4) {
			o.Database = ""
		}
		c, err := raw.Dial(b.addr, o)
		if err != nil {
			t.Fatal(err)
		}
		if has(4) {
			if a, err := c.Command(0x02, "shop"); err != nil || a.Kind != raw.OK {
				t.Fatalf("COM_INIT_DB: %+v, %v", a, err)
			}
		}
		var all []string
		for _, sql := range statements {
			answers, err := c.Query(sql)
			if err != nil {
				t.Fatalf("%+v: %s: %v", o, sql, err)
			}
			for i := range answers {
				answers[i].Track, answers[i].Tracked = nil, false
				answers[i].Status &^= 0x4000
				if o.FoundRows && strings.HasPrefix(sql, "UPDATE") {
					answers[i].AffectedRows = 0 // what the flag is for
				}
			}
			all = append(all, fmt.Sprintf("%s: %+v", sql, answers))
		}
		for _, table := range []string{"users", "settings", "nosuch"} {
			a, err := c.FieldList(table, "")
			if err != nil {
				t.Fatal(err)
			}
			a.Track, a.Tracked = nil, false
			all = append(all, fmt.Sprintf("%+v", a))
		}
		if first == nil {
			first = all
		}
		for i := range all {
			if all[i] != first[i] {
				t.Errorf("%+v:\n%s\nwant\n%s", o, all[i], first[i])
			}
		}
		c.Close()
	}
}
