package wire

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

// testTLS is a server's TLS with a certificate that nobody has signed.
func testTLS(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}

// tlsPair is a server's Conn and its client's TLS connection, which sent its hello together with the request for it.
func tlsPair(t *testing.T) (*Conn, *tls.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close(); far.Close() })
	client := tls.Client(&withHead{Conn: near, head: frames(0, []byte("request"))}, &tls.Config{InsecureSkipVerify: true})
	done := make(chan error, 1)
	go func() { done <- client.Handshake() }()
	server := NewConn(far)
	if p, err := server.ReadPacket(); err != nil || string(p) != "request" {
		t.Fatalf("%q, %v", p, err)
	}
	if err := errors.Join(server.startTLS(testTLS(t)), <-done); err != nil {
		t.Fatal(err)
	}
	return server, client
}

// withHead sends head with the first write.
type withHead struct {
	net.Conn
	head []byte
}

func (w *withHead) Write(p []byte) (int, error) {
	if w.head == nil {
		return w.Conn.Write(p)
	}
	_, err := w.Conn.Write(append(w.head, p...))
	w.head = nil
	return len(p), err
}

func TestTLSFromTheMiddle(t *testing.T) {
	server, client := tlsPair(t)
	if !server.secureTransport() || server.TLS() == nil || server.TLS().Version < tls.VersionTLS12 {
		t.Fatal("not secure")
	}
	go client.Write(frames(1, []byte("hello")))
	if p, err := server.ReadPacket(); err != nil || string(p) != "hello" {
		t.Fatalf("%q, %v", p, err)
	}
	if err := errors.Join(server.WritePacket([]byte("answer")), server.Flush()); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 10)
	if _, err := io.ReadFull(client, got); err != nil || string(got) != string(frames(2, []byte("answer"))) {
		t.Fatalf("%q, %v", got, err)
	}
}

// The watcher sees through TLS: a client that says goodbye and closes, or only closes, is gone; one that has sent
// something is not.
func TestGoneOverTLS(t *testing.T) {
	for name, leave := range map[string]func(c *tls.Conn) error{
		"goodbye": func(c *tls.Conn) error { return c.Close() },
		"cut":     func(c *tls.Conn) error { return c.NetConn().Close() },
	} {
		server, client := tlsPair(t)
		if err := server.Gone(); err != nil {
			t.Fatalf("%s: gone already: %v", name, err)
		}
		if _, err := client.Write(frames(1, []byte("hello"))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
		if err := server.Gone(); err != nil {
			t.Fatalf("%s: gone with something to say: %v", name, err)
		}
		if err := leave(client); err != nil {
			t.Fatal(err)
		}
		end := time.Now().Add(5 * time.Second)
		for server.Gone() == nil {
			if time.Now().After(end) {
				t.Fatalf("%s: not noticed", name)
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func TestRefusedWithoutTLS(t *testing.T) {
	m := &memConn{in: frames(1, clientResponse(ServerCapabilities, "app", "x", "", PluginSHA2, "", ""))}
	_, err := (&Handshake{Passwords: passwords, TLS: testTLS(t), SecureOnly: true}).Accept(NewConn(m))
	var e *Error
	if !errors.As(err, &e) || e.Code != 3159 {
		t.Fatal(err)
	}
	if caps := m.out[4+1+len(DefaultServerVersion)+1+4+8+1+1]; caps&(CapSSL>>8) == 0 {
		t.Fatalf("SSL is not advertised: %#x", caps)
	}
}
