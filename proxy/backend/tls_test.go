package backend

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"serval/config"
)

// authority makes certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T, name string) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &authority{cert: cert, key: key, file: file}
}

func (a *authority) issue(t *testing.T, dnsName string) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{dnsName},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTLSModes(t *testing.T) {
	ours, other := newAuthority(t, "ours"), newAuthority(t, "other")
	server := &tls.Config{Certificates: []tls.Certificate{ours.issue(t, "db.test")}}
	tests := []struct {
		name    string
		address string
		tls     config.TLS
		fails   bool
	}{
		{"required", "10.0.0.1:3306", config.TLS{Mode: config.TLSRequired}, false},
		{"ca", "10.0.0.1:3306", config.TLS{Mode: config.TLSVerifyCA, CA: ours.file}, false},
		{"other ca", "10.0.0.1:3306", config.TLS{Mode: config.TLSVerifyCA, CA: other.file}, true},
		{"system ca", "10.0.0.1:3306", config.TLS{Mode: config.TLSVerifyCA}, true},
		{"identity by address", "db.test:3306", config.TLS{Mode: config.TLSVerifyIdentity, CA: ours.file}, false},
		{"identity by name", "10.0.0.1:3306", config.TLS{Mode: config.TLSVerifyIdentity, CA: ours.file, ServerName: "db.test"}, false},
		{"other identity", "10.0.0.1:3306", config.TLS{Mode: config.TLSVerifyIdentity, CA: ours.file}, true},
		{"identity, other ca", "db.test:3306", config.TLS{Mode: config.TLSVerifyIdentity, CA: other.file}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := tlsConfig(&config.Node{Address: tt.address, TLS: tt.tls})
			if err != nil {
				t.Fatal(err)
			}
			a, b := net.Pipe()
			defer a.Close()
			done := make(chan error, 1)
			go func() {
				s := tls.Server(b, server)
				done <- s.Handshake()
				b.Close()
			}()
			err = tls.Client(a, cfg).Handshake()
			if (err != nil) != tt.fails {
				t.Errorf("%v, want failure: %v", err, tt.fails)
			}
			a.Close()
			<-done
		})
	}
}

func TestTLSSettings(t *testing.T) {
	if cfg, err := tlsConfig(&config.Node{TLS: config.TLS{Mode: config.TLSOff}}); cfg != nil || err != nil {
		t.Errorf("off: %v, %v", cfg, err)
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]config.TLS{
		"mode":     {Mode: "maybe"},
		"no file":  {Mode: config.TLSVerifyCA, CA: "/nowhere.pem"},
		"empty":    {Mode: config.TLSVerifyCA, CA: empty},
		"no key":   {Mode: config.TLSRequired, Cert: empty},
		"bad cert": {Mode: config.TLSRequired, Cert: empty, Key: empty},
	} {
		if cfg, err := tlsConfig(&config.Node{TLS: bad}); err == nil {
			t.Errorf("%s: %v", name, cfg)
		}
	}
}
