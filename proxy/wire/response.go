package wire

import (
	"bytes"
	"encoding/binary"
)

// response.go: decoding the client's answer to the greeting (Protocol::HandshakeResponse41). What a client sends here
// comes from anybody who can connect.

const responseFixed = 32 // bytes before the user name

// parseResponse reads a handshake response; fields are there as far as both sides have the capability. ours is what
// was advertised; auth points into p. ok is false for what is no response, for clients older than PROTOCOL_41 and for
// a request for TLS, which is not advertised.
func parseResponse(p []byte, ours uint32) (client *Client, auth []byte, ok bool) {
	if len(p) < responseFixed {
		return nil, nil, false
	}
	caps := binary.LittleEndian.Uint32(p) & ours
	if caps&CapProtocol41 == 0 {
		return nil, nil, false
	}
	client = &Client{
		Capabilities: caps,
		MaxPacket:    binary.LittleEndian.Uint32(p[4:]),
		Collation:    uint16(p[8]),
		Plugin:       PluginNative, // of clients that do not know plugins
	}
	r := reader{rest: p[responseFixed:]}
	client.User = string(r.untilNUL())
	switch {
	case caps&CapPluginAuthLenencClientData != 0:
		auth = r.lenenc()
	case caps&CapSecureConnection != 0:
		auth = r.take(int(r.byte()))
	default:
		auth = r.untilNUL()
	}
	if caps&CapConnectWithDB != 0 {
		client.Database = string(r.untilNULOrEnd())
	}
	if caps&CapPluginAuth != 0 {
		client.Plugin = string(r.untilNULOrEnd())
	}
	if caps&CapConnectAttrs != 0 && len(r.rest) > 0 {
		client.Attributes = parseAttributes(&r)
	}
	return client, auth, !r.short
}

// isSSLRequest tells whether p is the beginning of a response, sent to ask for TLS (Protocol::SSLRequest).
func isSSLRequest(p []byte) bool {
	return len(p) == responseFixed && binary.LittleEndian.Uint32(p)&CapSSL != 0
}

// parseAttributes reads connect attributes: names and values by turns, in one string with its length before it.
func parseAttributes(r *reader) map[string]string {
	all := reader{rest: r.lenenc()}
	attributes := make(map[string]string)
	for len(all.rest) > 0 {
		name := all.lenenc()
		attributes[string(name)] = string(all.lenenc())
	}
	r.short = r.short || all.short
	return attributes
}

// reader takes fields from a packet's front. A field that is not there is empty and sets short.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) fail() []byte {
	r.rest, r.short = nil, true
	return nil
}

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		return r.fail()
	}
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *reader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	return r.take(1)[0]
}

func (r *reader) lenenc() []byte {
	s, null, n, ok := ReadLenEncBytes(r.rest)
	if !ok || null {
		return r.fail()
	}
	r.rest = r.rest[n:]
	return s
}

func (r *reader) untilNUL() []byte {
	i := bytes.IndexByte(r.rest, 0)
	if i < 0 {
		return r.fail()
	}
	s := r.rest[:i]
	r.rest = r.rest[i+1:]
	return s
}

// untilNULOrEnd is untilNUL for fields that some clients end with the packet, or leave out when they are last.
func (r *reader) untilNULOrEnd() []byte {
	if bytes.IndexByte(r.rest, 0) < 0 {
		return r.take(len(r.rest))
	}
	return r.untilNUL()
}
