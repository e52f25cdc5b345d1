package backend

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"

	"serval/config"
)

// tls.go: a node's TLS settings as crypto/tls takes them. The modes are those of MySQL's own clients (--ssl-mode).

// tlsConfig reads the certificates that cfg names; nil when TLS is off. It is called for each new connection, so that
// renewed certificates are used without a restart.
func tlsConfig(cfg *config.Node) (*tls.Config, error) {
	t := &cfg.TLS
	if t.Mode == "" || t.Mode == config.TLSOff {
		return nil, nil
	}
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	if out.ServerName == "" {
		host, _, err := net.SplitHostPort(cfg.Address)
		if err != nil {
			host = cfg.Address
		}
		out.ServerName = host
	}
	if err := loadCertificates(out, t); err != nil {
		return nil, err
	}
	switch t.Mode {
	case config.TLSVerifyIdentity:
	case config.TLSVerifyCA:
		// Go verifies names and chains together or not at all: the chain alone is verified here.
		out.InsecureSkipVerify = true
		out.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(out.RootCAs, s) }
	case config.TLSRequired:
		out.InsecureSkipVerify = true
	default:
		return nil, fmt.Errorf("unknown tls mode %q", t.Mode)
	}
	return out, nil
}

func loadCertificates(out *tls.Config, t *config.TLS) error {
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return fmt.Errorf("tls ca: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("tls ca: %s holds no certificate", t.CA)
		}
	}
	if t.Cert != "" || t.Key != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return fmt.Errorf("tls cert: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// verifyChain verifies a server's certificate against roots (nil: the system's) for any name.
func verifyChain(roots *x509.CertPool, s tls.ConnectionState) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server sent no certificate")
	}
	opts := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, cert := range s.PeerCertificates[1:] {
		opts.Intermediates.AddCert(cert)
	}
	_, err := s.PeerCertificates[0].Verify(opts)
	return err
}
