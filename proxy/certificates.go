package proxy

// certificates.go: the certificate files of a listener, read again when they change, so that a renewed certificate
// needs no restart.

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"serval/config"
)

// certificates are a listener's files and what was made of them.
type certificates struct {
	cfg *config.ListenerTLS
	log *slog.Logger

	mu      sync.Mutex
	current *tls.Config
	seen    [3]fileState // of the files when they were last read, with or without success
}

// fileState tells one version of a file from another.
type fileState struct {
	changed time.Time
	size    int64
}

// config reads the files and gives the configuration of a listener, which looks at them again for each client.
func (c *certificates) config() (*tls.Config, error) {
	c.seen = c.states()
	var err error
	if c.current, err = c.read(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.fresh(), nil },
	}, nil
}

// fresh is the configuration made of the files as they are now, or as they last were when they cannot be used.
func (c *certificates) fresh() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.states()
	if now == c.seen {
		return c.current
	}
	c.seen = now
	next, err := c.read()
	if err != nil {
		c.log.Warn("the listener's changed certificate files cannot be used: the old ones stay", "cert", c.cfg.Cert, "error", err)
		return c.current
	}
	c.log.Info("the listener's certificate files were read again", "cert", c.cfg.Cert)
	c.current = next
	return next
}

// states looks at the files. What cannot be looked at differs from what could.
func (c *certificates) states() (s [3]fileState) {
	for i, path := range []string{c.cfg.Cert, c.cfg.Key, c.cfg.ClientCA} {
		if path == "" {
			continue
		}
		if file, err := os.Stat(path); err == nil {
			s[i] = fileState{file.ModTime(), file.Size()}
		}
	}
	return s
}

func (c *certificates) read() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.cfg.Cert, c.cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if c.cfg.ClientCA == "" {
		return t, nil
	}
	data, err := os.ReadFile(c.cfg.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	t.ClientCAs = x509.NewCertPool()
	if !t.ClientCAs.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("tls: no certificate in PEM form is in %s", c.cfg.ClientCA)
	}
	t.ClientAuth = tls.VerifyClientCertIfGiven
	if c.cfg.ClientCert {
		t.ClientAuth = tls.RequireAndVerifyClientCert
	}
	t.SessionTicketsDisabled = true // a resumed session would not be checked against authorities that have changed
	return t, nil
}
