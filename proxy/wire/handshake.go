package wire

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
)

// handshake.go: the connection phase as a server has it: greeting, the client's response, the login. Passwords come
// from a function; this file knows no configuration and does not choose a database. How a password is proven is in
// auth_native.go and auth_sha2.go.

// DefaultServerVersion is what a Handshake with an empty ServerVersion says. Clients choose their behaviour by the
// number: "8.4" lets them use what MySQL 8 has, and does not let them take Serval for MariaDB.
const DefaultServerVersion = "8.4.0-Serval"

// ServerCapabilities is what Serval honours towards clients, and so all that it advertises.
//
//	LONG_PASSWORD      no meaning for MySQL; without it MariaDB's clients look for MariaDB's own capabilities
//	FOUND_ROWS         backend connections with and without it are pooled apart
//	LONG_FLAG, TRANSACTIONS, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH…  the protocol since MySQL 5.7
//	MULTI_STATEMENTS   split in the proxy
//	DEPRECATE_EOF      ends.go: backends' EOF packets are dropped or become OK packets, rows pass as they are
//	COMPRESS, ZSTD_COMPRESSION_ALGORITHM  compress.go; where a client has both it is zlib, as servers choose
//	SSL                where the listener has a certificate (Handshake.TLS)
//	QUERY_ATTRIBUTES   read over (attributes.go, execute.go), not passed on
//	SESSION_TRACK      track.go
//	LOCAL_FILES        infile.go
//	IGNORE_SPACE       part of the session's sql_mode; INTERACTIVE  wait_timeout is interactive_timeout
//	ODBC, CAN_HANDLE_EXPIRED_PASSWORDS  no meaning: servers do nothing with the first, and no password expires here
//	not: NO_SCHEMA (names with a database are taken), OPTIONAL_RESULTSET_METADATA (columns are always sent)
const ServerCapabilities uint32 = CapLongPassword | CapFoundRows | CapLongFlag | CapConnectWithDB | CapProtocol41 |
	CapTransactions | CapSecureConnection | CapMultiStatements | CapMultiResults | CapPSMultiResults | CapPluginAuth | CapConnectAttrs |
	CapPluginAuthLenencClientData | CapDeprecateEOF | CapCompress | CapZstdCompression |
	CapQueryAttributes | CapSessionTrack | CapLocalFiles | CapIgnoreSpace | CapInteractive | CapODBC |
	CapCanHandleExpiredPasswords

// Authentication plugins.
const (
	PluginNative = "mysql_native_password"
	PluginSHA2   = "caching_sha2_password"
)

const (
	protocolVersion  = 10
	saltSize         = 20
	handshakeLimit   = 128 << 10 // bytes of the largest packet taken from a client that has not logged in
	collationDefault = CollationUTF8MB4GeneralCI
)

// Handshake is what a server says of itself to a client and how it checks a login. One value per connection; what it
// points to is shared.
type Handshake struct {
	ServerVersion string // "" = DefaultServerVersion
	ConnectionID  uint32
	Collation     uint8  // of the greeting; 0 = utf8mb4_general_ci, which MySQL and MariaDB both have
	Status        uint16 // status flags of the greeting
	Capabilities  uint32 // 0 = ServerCapabilities
	// Passwords gives a user's password. Unknown users take the same steps as known ones with another password.
	Passwords func(user string) (password string, ok bool)
	Keys      *RSAKeys   // for caching_sha2_password over plain TCP; nil: only its fast path works there
	SHA2Cache *SHA2Cache // nil: every caching_sha2_password login takes the full exchange
	// TLS is offered when it is there (CapSSL is then advertised).
	TLS *tls.Config
	// SecureOnly: clients neither with TLS nor on a Unix socket are refused (3159).
	SecureOnly bool
	// NeedsTLS tells whether a user may only log in with TLS; nil: none has to.
	NeedsTLS func(user string) bool
}

// Client is who has logged in.
type Client struct {
	User, Database string            // Database: "" when none was named
	Host           string            // as access errors name it: an IP address, "localhost" for what is no TCP
	Capabilities   uint32            // agreed on: theirs ∩ ours
	Collation      uint16            // number of the collation that the client wants
	MaxPacket      uint32            // largest packet that the client takes, bytes
	Attributes     map[string]string // connect attributes, nil when it sent none
	Plugin         string            // by which the password was proven

	salt [saltSize]byte // of the last exchange, for ChangeUser
}

func badHandshake() *Error { return &Error{Code: 1043, State: "08S01", Message: "Bad handshake"} }

// Accept does the connection phase on a new connection, but for the last OK: the caller checks the database, answers,
// and calls StartCompression. A refused login has been answered, and is returned as *Error; other errors are the connection's.
// Timeouts are the caller's, by deadlines on the connection.
func (h *Handshake) Accept(c *Conn) (*Client, error) {
	limit := c.maxPacket
	c.SetMaxPacket(handshakeLimit)
	defer c.SetMaxPacket(limit)

	a := login{h: h, c: c, caps: h.Capabilities}
	if a.caps == 0 {
		a.caps = ServerCapabilities
	}
	if h.TLS != nil {
		a.caps |= CapSSL
	}
	a.newSalt()
	if err := a.greet(); err != nil {
		return nil, err
	}
	p, err := a.response()
	if err != nil {
		return nil, err
	}
	client, response, ok := parseResponse(p, a.caps)
	if !ok {
		return nil, a.refuse(badHandshake())
	}
	if h.SecureOnly && !c.secureTransport() {
		return nil, a.refuse(&Error{Code: 3159, State: "HY000", Message: "Connections using insecure transport are prohibited while --require_secure_transport=ON."})
	}
	client.Host = hostOf(c.nc.RemoteAddr())
	return a.authenticate(client, response)
}

// response reads the client's answer to the greeting, after TLS has begun when it asks for that.
func (a *login) response() ([]byte, error) {
	p, err := a.exchange()
	if err != nil || a.caps&CapSSL == 0 || !isSSLRequest(p) {
		return p, err
	}
	if err := a.c.startTLS(a.h.TLS); err != nil {
		return nil, err
	}
	return a.exchange()
}

// login is the state of one connection phase.
type login struct {
	h    *Handshake
	c    *Conn
	caps uint32
	salt [saltSize]byte
}

// newSalt makes a challenge. As servers do, without NUL (some clients read it as a C string) and '$'.
func (a *login) newSalt() {
	rand.Read(a.salt[:]) // never fails, as documented
	for i, b := range a.salt {
		if b &= 0x7f; b == 0 || b == '$' {
			b++
		}
		a.salt[i] = b
	}
}

// greet sends the initial handshake packet (Protocol::HandshakeV10).
func (a *login) greet() error {
	version, collation := a.h.ServerVersion, a.h.Collation
	if version == "" {
		version = DefaultServerVersion
	}
	if collation == 0 {
		collation = collationDefault
	}
	a.c.ResetSequence()
	p := append(a.c.beginPacket(), protocolVersion)
	p = append(append(p, version...), 0)
	p = binary.LittleEndian.AppendUint32(p, a.h.ConnectionID)
	p = append(append(p, a.salt[:8]...), 0)
	p = binary.LittleEndian.AppendUint16(p, uint16(a.caps))
	p = append(p, collation)
	p = binary.LittleEndian.AppendUint16(p, a.h.Status)
	p = binary.LittleEndian.AppendUint16(p, uint16(a.caps>>16))
	p = append(p, saltSize+1)
	p = append(p, make([]byte, 10)...)
	p = append(append(p, a.salt[8:]...), 0)
	p = append(append(p, PluginSHA2...), 0)
	return a.c.endPacket(p)
}

// authenticate lets the client prove its password by the plugin it named, or by another one that it is asked for.
func (a *login) authenticate(client *Client, response []byte) (*Client, error) {
	user := client.User
	password, known := a.h.Passwords(user)
	if !known {
		password = rand.Text() // nobody's, so that the steps do not tell who exists
	}
	plugin := client.Plugin
	supported := plugin == PluginNative || plugin == PluginSHA2
	if !supported || noResponse(response) && password != "" {
		// A client that was set to another plugin than the greeting's sends nothing before it is asked.
		if !supported {
			plugin = PluginSHA2
		}
		if client.Capabilities&CapPluginAuth == 0 {
			return nil, a.refuse(accessDenied(client, false))
		}
		var err error
		if response, err = a.switchPlugin(plugin); err != nil {
			return nil, err
		}
	}
	given := !noResponse(response)
	var proven bool
	var err error
	switch {
	case !given || password == "":
		proven = !given && password == ""
	case plugin == PluginNative:
		proven = verifyNative(response, a.salt[:], password)
	default:
		proven, err = a.verifySHA2(user, response, password)
	}
	if err != nil {
		return nil, err
	}
	if !proven || !known || a.h.NeedsTLS != nil && a.h.NeedsTLS(user) && a.c.secure.Load() == nil {
		return nil, a.refuse(accessDenied(client, given))
	}
	client.Plugin, client.salt = plugin, a.salt
	a.c.SetCapabilities(client.Capabilities)
	return client, nil
}

// noResponse tells whether a client proves the empty password: caching_sha2_password sends that as a NUL.
func noResponse(response []byte) bool {
	return len(response) == 0 || len(response) == 1 && response[0] == 0
}

// switchPlugin asks the client to begin again with another plugin (Protocol::AuthSwitchRequest) and returns its
// response, valid until the next read.
func (a *login) switchPlugin(plugin string) ([]byte, error) {
	a.newSalt()
	p := append(a.c.beginPacket(), headerEOF)
	p = append(append(p, plugin...), 0)
	p = append(append(p, a.salt[:]...), 0)
	if err := a.c.endPacket(p); err != nil {
		return nil, err
	}
	return a.exchange()
}

// exchange sends what is buffered and reads the client's next packet.
func (a *login) exchange() ([]byte, error) {
	if err := a.c.Flush(); err != nil {
		return nil, err
	}
	p, err := a.c.ReadPacket()
	if errors.Is(err, ErrPacketTooLarge) {
		return nil, a.refuse(badHandshake())
	}
	return p, err
}

// refuse answers with an error and returns it.
func (a *login) refuse(e *Error) error {
	if err := a.c.WriteError(e); err != nil {
		return err
	}
	if err := a.c.Flush(); err != nil {
		return err
	}
	return e
}

func accessDenied(client *Client, given bool) *Error {
	using := "NO"
	if given {
		using = "YES"
	}
	return &Error{Code: 1045, State: "28000", Message: fmt.Sprintf("Access denied for user '%s'@'%s' (using password: %s)",
		client.User, client.Host, using)}
}

// hostOf is the client's host as access errors name it: its address, as servers with skip_name_resolve say it.
func hostOf(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return "localhost"
	}
	return tcp.IP.String()
}
