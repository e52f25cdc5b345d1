package config

import (
	"crypto/x509"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// listeners.go: where clients connect, and how: addresses, Unix sockets, TLS, the PROXY protocol. It reads the files
// that are named, so that `serval check` finds a broken certificate, but opens no port.

const (
	defaultListener = "127.0.0.1:3307"
	// defaultPermissions lets every user of the machine try to log in, as servers' own sockets do.
	defaultPermissions fs.FileMode = 0o666
	// maxSocketPath is what a Unix socket's address has room for on every system, in bytes.
	maxSocketPath = 99
)

func (r *reader) listeners(n *yaml.Node) []Listener {
	if n == nil {
		return []Listener{{Address: defaultListener}}
	}
	items := r.list(n, "listeners")
	list := make([]Listener, 0, len(items))
	for i, item := range items {
		if l, ok := r.listener(item, "listeners["+strconv.Itoa(i)+"]"); ok {
			list = append(list, l)
		}
	}
	if isNull(n) || n.Kind == yaml.SequenceNode && len(items) == 0 {
		r.fail(n, "name one, or leave the key out for "+defaultListener, "listeners: there is none")
	}
	return list
}

// listener reads one: an address alone, or a block.
func (r *reader) listener(n *yaml.Node, path string) (l Listener, ok bool) {
	if n.Kind != yaml.MappingNode {
		r.listenAddress(n, path, &l)
		return l, true
	}
	b := r.block(n, nil, path, "address", "tls", "proxy_protocol", "permissions")
	if !b.require("address", "write address: 127.0.0.1:3307, or the path of a Unix socket") {
		return l, false
	}
	r.listenAddress(b.get("address"), path+".address", &l)
	if b.has("tls") {
		l.TLS = r.listenerTLS(b.get("tls"), b.key("tls"), path+".tls")
	}
	if b.has("proxy_protocol") {
		l.ProxyFrom = r.proxyProtocol(b.get("proxy_protocol"), b.key("proxy_protocol"), path+".proxy_protocol")
		if l.Unix() {
			r.fail(b.key("proxy_protocol"), "remove it", "%s.proxy_protocol: peers of a Unix socket have no addresses", path)
		}
	}
	if b.has("permissions") {
		r.permissions(b, &l)
	}
	return l, true
}

// listenAddress reads host:port, or the path of a Unix socket: what has a slash.
func (r *reader) listenAddress(n *yaml.Node, path string, l *Listener) {
	if s := deref(n); s.Kind != yaml.ScalarNode || !strings.Contains(s.Value, "/") || strings.Contains(s.Value, "@") {
		l.Address, _ = r.address(n, path, true)
		return
	}
	l.Address, l.Permissions = r.resolve(deref(n).Value), defaultPermissions
	if !strings.Contains(l.Address, "/") {
		l.Address = "./" + l.Address
	}
	switch {
	case strings.HasSuffix(l.Address, "/"):
		r.fail(n, "write the socket's path, such as /run/serval/serval.sock", "%s: %q is a folder", path, l.Address)
	case len(l.Address) > maxSocketPath:
		r.fail(n, fmt.Sprintf("use up to %d bytes", maxSocketPath), "%s: %q is too long for a Unix socket", path, l.Address)
	}
}

// permissions reads a Unix socket's mode, in octal as chmod has it.
func (r *reader) permissions(b *block, l *Listener) {
	n, path := b.get("permissions"), b.sub("permissions")
	if !l.Unix() {
		r.fail(b.key("permissions"), "remove it", "%s: only a Unix socket has permissions", path)
		return
	}
	s, ok := r.text(n, path)
	if !ok {
		return
	}
	mode, err := strconv.ParseUint(strings.TrimPrefix(s, "0o"), 8, 32)
	if err != nil || mode > 0o777 {
		r.fail(n, `write them in octal, such as "0660"`, "%s: %q are no permissions", path, s)
		return
	}
	l.Permissions = fs.FileMode(mode)
}

// listenerTLS reads what clients of a listener are shown, and asked for.
func (r *reader) listenerTLS(n, at *yaml.Node, path string) *ListenerTLS {
	b := r.block(n, at, path, "cert", "key", "client_ca", "client_cert", "require")
	if !b.has("cert") && !b.has("key") {
		b.require("cert", "add cert: and key:, files of PEM blocks")
	}
	t := &ListenerTLS{Require: b.flag("require", false)}
	t.Cert, t.Key = b.keyPair()
	if b.has("client_ca") {
		t.ClientCA = b.pem("client_ca", func(data []byte) error {
			if !x509.NewCertPool().AppendCertsFromPEM(data) {
				return fmt.Errorf("%s.client_ca: no certificate in PEM form is in the file", path)
			}
			return nil
		})
	}
	const optional, required = "optional", "required"
	t.ClientCert = b.choice("client_cert", optional, optional, required) == required
	if b.has("client_cert") && !b.has("client_ca") {
		r.fail(b.key("client_cert"), "add client_ca:, a file with the authorities that may sign them", "%s.client_cert: clients' certificates cannot be checked", path)
	}
	if t.ClientCert && b.has("require") && !t.Require {
		r.fail(b.key("require"), "write true, or make client_cert optional", "%s.require: a certificate can only be shown with TLS", path)
	}
	t.Require = t.Require || t.ClientCert
	return t
}

// proxyProtocol reads the networks whose connections begin with a PROXY header.
func (r *reader) proxyProtocol(n, at *yaml.Node, path string) []netip.Prefix {
	b := r.block(n, at, path, "from")
	if !b.require("from", "add from: [10.0.0.0/8], the networks of the load balancers") {
		return nil
	}
	var list []netip.Prefix
	items := r.list(b.get("from"), path+".from")
	for _, item := range items {
		s, ok := r.text(item, path+".from")
		if !ok {
			continue
		}
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(s); err == nil && addr.Zone() == "" {
				prefix = netip.PrefixFrom(addr, addr.BitLen())
			}
		}
		if err != nil || !prefix.IsValid() {
			r.fail(item, "write 10.0.0.0/8, or one address", "%s.from: %q is no network", path, s)
			continue
		}
		if prefix != prefix.Masked() {
			r.fail(item, "write "+prefix.Masked().String(), "%s.from: %s has bits behind its length", path, s)
			continue
		}
		list = append(list, prefix)
	}
	if len(items) == 0 {
		r.fail(b.key("from"), "name a network, or leave proxy_protocol out", "%s.from: there is none", path)
	}
	return list
}

// checkListeners reports addresses that could not be listened on together.
func (r *reader) checkListeners(c *Config, top *block) {
	var taken []string
	for i, l := range c.Listeners {
		if j := slices.IndexFunc(taken, func(t string) bool { return overlap(t, l.Address) }); j >= 0 {
			items := r.list(top.get("listeners"), "listeners")
			what := "port"
			if l.Unix() {
				what = "socket"
			}
			r.fail(items[min(i, len(items)-1)], "remove one, or change its "+what, "listeners: %s and %s are one %s", taken[j], l.Address, what)
		}
		taken = append(taken, l.Address)
	}
	for _, t := range taken {
		if overlap(t, c.Admin.Address) {
			r.fail(top.key("admin"), "give admin a port of its own", "admin: %s is also a listener's port (%s)", c.Admin.Address, t)
			return
		}
	}
}

// overlap tells whether two listening addresses take the same port, or are one socket.
func overlap(a, b string) bool {
	if strings.Contains(a, "/") {
		return a == b
	}
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	wild := func(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }
	return hostA == hostB || wild(hostA) || wild(hostB)
}
