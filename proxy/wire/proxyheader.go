package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
)

// proxyheader.go: the header with which a load balancer says whom it speaks for,
// https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt, versions 1 (a line) and 2 (binary). Whom to believe is
// the caller's decision.

const (
	headerV1Max = 107 // bytes of the longest line, with its CR LF
	headerV2Max = 4 << 10
)

var headerV2 = []byte("\r\n\r\n\x00\r\nQUIT\n")

// ErrNoProxyHeader is a connection that does not begin with a PROXY header.
var ErrNoProxyHeader = errors.New("wire: no PROXY header")

// Proxied is a connection through a load balancer.
type Proxied struct {
	net.Conn
	client net.Addr // behind the load balancer, once the header was read
}

// NewProxied makes a Proxied of a load balancer's connection; ReadHeader comes before anything else is read.
func NewProxied(nc net.Conn) *Proxied { return &Proxied{Conn: nc, client: nc.RemoteAddr()} }

// RemoteAddr is the client's address.
func (p *Proxied) RemoteAddr() net.Addr { return p.client }

// NetConn is the connection to the load balancer.
func (p *Proxied) NetConn() net.Conn { return p.Conn }

// ReadHeader reads the header with which the connection has to begin and nothing behind it. The address stays the load
// balancer's when the header does not name one (a question of its own).
func (p *Proxied) ReadHeader() error {
	nc := p.Conn
	start := make([]byte, len(headerV2), headerV1Max) // shorter than the shortest line
	if _, err := io.ReadFull(nc, start); err != nil {
		return fmt.Errorf("%w: %w", ErrNoProxyHeader, err)
	}
	var addr net.Addr
	var err error
	switch {
	case bytes.Equal(start, headerV2):
		addr, err = readHeaderV2(nc)
	case bytes.HasPrefix(start, []byte("PROXY ")):
		addr, err = readHeaderV1(nc, start)
	default:
		return ErrNoProxyHeader
	}
	if err == nil && addr != nil {
		p.client = addr
	}
	return err
}

// readHeaderV1 reads the rest of a line: PROXY TCP4 192.0.2.1 192.0.2.2 56324 3306.
func readHeaderV1(r io.Reader, line []byte) (net.Addr, error) {
	for !bytes.HasSuffix(line, []byte("\r\n")) {
		if len(line) == headerV1Max {
			return nil, malformed("PROXY", line)
		}
		line = append(line, 0)
		if _, err := io.ReadFull(r, line[len(line)-1:]); err != nil {
			return nil, fmt.Errorf("wire: PROXY header: %w", noCleanEOF(err))
		}
	}
	words := bytes.Split(line[:len(line)-2], []byte(" "))
	if len(words) >= 2 && string(words[1]) == "UNKNOWN" {
		return nil, nil
	}
	if len(words) != 6 {
		return nil, malformed("PROXY", line)
	}
	ip, err := netip.ParseAddr(string(words[2]))
	if err != nil || ip.Zone() != "" || ip.Is4() != (string(words[1]) == "TCP4") || ip.Is6() != (string(words[1]) == "TCP6") {
		return nil, malformed("PROXY", line)
	}
	at, err := netip.ParseAddrPort(net.JoinHostPort(ip.String(), string(words[4])))
	if err != nil {
		return nil, malformed("PROXY", line)
	}
	return net.TCPAddrFromAddrPort(at), nil
}

// readHeaderV2 reads what follows the signature.
func readHeaderV2(r io.Reader) (net.Addr, error) {
	var fixed [4]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return nil, fmt.Errorf("wire: PROXY header: %w", noCleanEOF(err))
	}
	n := int(binary.BigEndian.Uint16(fixed[2:]))
	if fixed[0]>>4 != 2 || fixed[0]&0xf > 1 || n > headerV2Max {
		return nil, malformed("PROXY", fixed[:])
	}
	body := make([]byte, n) // addresses, and more that is of no use here
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("wire: PROXY header: %w", noCleanEOF(err))
	}
	if fixed[0]&0xf == 0 { // LOCAL
		return nil, nil
	}
	size := 0
	switch fixed[1] {
	case 0x00: // UNSPEC
		return nil, nil
	case 0x11:
		size = net.IPv4len
	case 0x21:
		size = net.IPv6len
	}
	if size == 0 || n < 2*size+4 {
		return nil, malformed("PROXY", body)
	}
	ip, _ := netip.AddrFromSlice(body[:size])
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip.Unmap(), binary.BigEndian.Uint16(body[2*size:]))), nil
}
