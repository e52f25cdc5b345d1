package proxy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"serval/config"
)

// writeCertificate writes a self-signed certificate of a name, dated so that the files differ from those before.
func writeCertificate(t *testing.T, cfg *config.ListenerTLS, name string, age time.Duration) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), Subject: pkix.Name{CommonName: name}}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeAged(t, cfg.Cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), age)
	writeAged(t, cfg.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), age)
}

func writeAged(t *testing.T, path string, data []byte, age time.Duration) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestCertificatesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	cfg := &config.ListenerTLS{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}
	writeCertificate(t, cfg, "first", 3*time.Hour)
	files := &certificates{cfg: cfg, log: silent}
	base, err := files.config()
	if err != nil || base.MinVersion != tls.VersionTLS12 {
		t.Fatal(err)
	}
	shown := func() string {
		c, err := base.GetConfigForClient(nil)
		if err != nil || c.MinVersion != tls.VersionTLS12 {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(c.Certificates[0].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.Subject.CommonName
	}
	if shown() != "first" {
		t.Fatal(shown())
	}
	writeAged(t, cfg.Cert, []byte("half a file"), 2*time.Hour)
	for range 2 { // the second time the file is known to be broken
		if shown() != "first" {
			t.Fatal("a broken file is used")
		}
	}
	writeCertificate(t, cfg, "second", time.Hour)
	if shown() != "second" {
		t.Fatal("the new files are not used")
	}
	if err := os.Remove(cfg.Key); err != nil {
		t.Fatal(err)
	}
	if shown() != "second" {
		t.Fatal("no files")
	}
}

func TestClientAuthorities(t *testing.T) {
	dir := t.TempDir()
	cfg := &config.ListenerTLS{Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}
	writeCertificate(t, cfg, "own", 0)
	cfg.ClientCA = cfg.Cert
	for required, want := range map[bool]tls.ClientAuthType{false: tls.VerifyClientCertIfGiven, true: tls.RequireAndVerifyClientCert} {
		cfg.ClientCert = required
		files := &certificates{cfg: cfg, log: silent}
		if _, err := files.config(); err != nil || files.current.ClientAuth != want || files.current.ClientCAs == nil {
			t.Errorf("%v: %+v, %v", required, files.current, err)
		}
	}
	cfg.ClientCA = cfg.Key
	if _, err := (&certificates{cfg: cfg, log: silent}).config(); err == nil {
		t.Error("a key is no authority")
	}
}
