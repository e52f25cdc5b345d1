package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"

	"gopkg.in/yaml.v3"
)

// tls.go: the tls: block of a node, and what listeners' tls: blocks have in common with it. It reads the files that are named, so that `serval check` finds a broken
// certificate, but opens no connection.

// maxPEM is the size in bytes up to which a certificate file is believed to be one.
const maxPEM = 4 << 20

// tls reads a mode, or a mapping, over the settings of the level above.
func (r *reader) tls(n, at *yaml.Node, path string, t TLS) TLS {
	if n.Kind == yaml.ScalarNode && !isNull(n) { // tls: required
		// A word says all: files of the level above are kept only where they are used.
		one := &block{r: r, path: path[:len(path)-len(".tls")], at: at, fields: map[string]entry{"tls": {name: "tls", key: at, value: n}}}
		t.Mode = one.choice("tls", t.Mode, TLSOff, TLSRequired, TLSVerifyCA, TLSVerifyIdentity)
		return t.used()
	}
	b := r.block(n, at, path, "mode", "ca", "cert", "key", "server_name")
	t.Mode = b.choice("mode", t.Mode, TLSOff, TLSRequired, TLSVerifyCA, TLSVerifyIdentity)
	if t.Mode == TLSOff && !b.has("mode") {
		b.require("mode", "add mode: verify_identity (or verify_ca, or required, which checks no certificate)")
		return t
	}
	if own := b.firstOf("ca", "cert", "key", "server_name"); own != "" && t.Mode == TLSOff {
		r.fail(b.key(own), "remove it, or choose another mode", "%s.%s: nothing is encrypted with mode off", path, own)
		return t.used()
	}
	if b.has("ca") && t.Mode == TLSRequired {
		r.fail(b.key("ca"), "use mode verify_ca or verify_identity", "%s.ca: mode required does not check certificates", path)
	}
	if s := b.path; b.has("ca") {
		t.CA = b.pem("ca", func(data []byte) error {
			if !x509.NewCertPool().AppendCertsFromPEM(data) {
				return fmt.Errorf("%s.ca: no certificate in PEM form is in the file", s)
			}
			return nil
		})
	}
	if b.has("cert") || b.has("key") {
		t.Cert, t.Key = b.keyPair()
	}
	t.ServerName = b.text("server_name", t.ServerName)
	return t.used()
}

// used keeps the fields that the mode uses: an inherited CA means nothing where certificates are not checked.
func (t TLS) used() TLS {
	switch t.Mode {
	case TLSOff:
		return TLS{Mode: TLSOff}
	case TLSRequired:
		t.CA = ""
	}
	return t
}

// firstOf is the first of some keys that is there, or "".
func (b *block) firstOf(keys ...string) string {
	for _, key := range keys {
		if b.has(key) {
			return key
		}
	}
	return ""
}

// pem reads the file that a key names and returns its path.
func (b *block) pem(key string, check func(data []byte) error) string {
	n := b.get(key)
	name, ok := b.r.text(n, b.path+"."+key)
	if !ok {
		return ""
	}
	path := b.r.resolve(name)
	data, err := b.r.src.file(path, maxPEM)
	if err != nil {
		b.r.failBecause(n, err, "a relative path starts at the configuration file's folder",
			"%s.%s: the file %s cannot be read: %s", b.path, key, path, reason(err))
		return path
	}
	if err := check(data); err != nil {
		b.r.failBecause(n, err, "name a file of PEM blocks", "%s", err)
	}
	return path
}

// keyPair reads the files of a certificate and of its key, which belong together.
func (b *block) keyPair() (certFile, keyFile string) {
	if !b.has("cert") && !b.has("key") {
		return "", ""
	}
	for _, pair := range [][2]string{{"cert", "key"}, {"key", "cert"}} {
		if !b.has(pair[0]) {
			b.r.fail(b.key(pair[1]), "give both or neither", "%s: %s is given without %s", b.path, pair[1], pair[0])
			return "", ""
		}
	}
	var cert []byte
	certFile = b.pem("cert", func(data []byte) error { cert = data; return nil })
	keyFile = b.pem("key", func(data []byte) error {
		if cert == nil {
			return nil // reported already
		}
		if _, err := tls.X509KeyPair(cert, data); err != nil {
			return fmt.Errorf("%s.key: it does not go with cert: %w", b.path, err)
		}
		return nil
	})
	return certFile, keyFile
}
