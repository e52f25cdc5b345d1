package wire

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"sync"
)

// auth_sha2.go: caching_sha2_password. The fast path: a user who has proven the password before answers with
// SHA256(password) XOR SHA256(SHA256(SHA256(password)) + salt). The full exchange: the client sends the password
// itself, on a secure transport as it is, otherwise under the server's RSA key, which it can ask for. See
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_caching_sha2_authentication_exchanges.html.

// The bytes of the exchange.
const (
	headerAuthMore  = 0x01
	sha2PublicKey   = 0x02 // client: send me the public key
	sha2FastSuccess = 0x03 // server: the response was right
	sha2FullNeeded  = 0x04 // server: send the password
)

const rsaBits = 2048

// RSAKeys is the key pair under which clients send passwords over plain TCP.
type RSAKeys struct {
	private *rsa.PrivateKey
	public  []byte // PEM
}

// NewRSAKeys generates a key pair of 2048 bits (some tens of milliseconds): once, at start.
func NewRSAKeys() (*RSAKeys, error) {
	private, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return nil, fmt.Errorf("wire: RSA key: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("wire: RSA key: %w", err)
	}
	return &RSAKeys{private, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}, nil
}

// SHA2Cache remembers who has proven which password by the full exchange, as SHA256(SHA256(password)). The zero value
// is empty; it is safe for concurrent use. It holds users that exist only, so it needs no bound.
type SHA2Cache struct {
	mu    sync.RWMutex
	users map[string][sha256.Size]byte
}

// Remember notes that user has this password. A server that knows the passwords calls it for all users at start: it
// spares first logins the full exchange, which some clients cannot do over plain TCP. MySQL's own must be told
// --get-server-public-key; MariaDB's 10.11 (without --skip-ssl) takes any connection for a secure one in this exchange
// and sends the password in the clear, which is refused.
func (s *SHA2Cache) Remember(user, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.users == nil {
		s.users = make(map[string][sha256.Size]byte)
	}
	s.users[user] = sha2Stored(password)
}

// has tells whether user has proven this password: after a change of passwords the old entry does not count.
func (s *SHA2Cache) has(user, password string) bool {
	s.mu.RLock()
	stored, ok := s.users[user]
	s.mu.RUnlock()
	want := sha2Stored(password)
	return ok && subtle.ConstantTimeCompare(stored[:], want[:]) == 1
}

func sha2Stored(password string) [sha256.Size]byte {
	once := sha256.Sum256([]byte(password))
	return sha256.Sum256(once[:])
}

// sha2Response is what a client with this password answers to salt.
func sha2Response(salt []byte, password string) [sha256.Size]byte {
	once := sha256.Sum256([]byte(password))
	twice := sha256.Sum256(once[:])
	response := sha256.Sum256(append(twice[:], salt...))
	subtle.XORBytes(response[:], response[:], once[:])
	return response
}

// verifySHA2 checks a response, asking for the password itself when the user is not in the cache. password is not
// empty. The OK of the fast path is left in the write buffer, for the answer that follows it.
func (a *login) verifySHA2(user string, response []byte, password string) (bool, error) {
	want := sha2Response(a.salt[:], password)
	if a.h.SHA2Cache != nil && a.h.SHA2Cache.has(user, password) &&
		subtle.ConstantTimeCompare(response, want[:]) == 1 {
		return true, a.sendMore([]byte{sha2FastSuccess})
	}
	if err := a.sendMore([]byte{sha2FullNeeded}); err != nil {
		return false, err
	}
	p, err := a.exchange()
	if err != nil {
		return false, err
	}
	got, err := a.sentPassword(p)
	if err != nil {
		return false, err
	}
	gotHash, wantHash := sha256.Sum256(got), sha256.Sum256([]byte(password))
	if subtle.ConstantTimeCompare(gotHash[:], wantHash[:]) != 1 {
		return false, nil
	}
	if a.h.SHA2Cache != nil {
		a.h.SHA2Cache.Remember(user, password)
	}
	return true, nil
}

// sentPassword decodes the packet in which the client sends the password, after it has asked for the public key if it
// does. What cannot be decoded is nobody's password: nil.
func (a *login) sentPassword(p []byte) ([]byte, error) {
	if a.c.secureTransport() {
		return cutNUL(p), nil
	}
	keys := a.h.Keys
	if keys == nil {
		return nil, nil
	}
	if len(p) == 1 && p[0] == sha2PublicKey {
		if err := a.sendMore(keys.public); err != nil {
			return nil, err
		}
		var err error
		if p, err = a.exchange(); err != nil {
			return nil, err
		}
	}
	// Without TLS a password in the clear is not accepted, even if it is right: it has not the size of the key.
	if len(p) != keys.private.Size() {
		return nil, nil
	}
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, keys.private, p, nil)
	if err != nil {
		return nil, nil
	}
	for i := range plain {
		plain[i] ^= a.salt[i%saltSize]
	}
	return cutNUL(plain), nil
}

// sendMore puts a packet with data of the exchange (Protocol::AuthMoreData) into the write buffer.
func (a *login) sendMore(data []byte) error {
	return a.c.endPacket(append(append(a.c.beginPacket(), headerAuthMore), data...))
}

// cutNUL is a C string without its end; nil when it has none.
func cutNUL(p []byte) []byte {
	if len(p) == 0 || p[len(p)-1] != 0 {
		return nil
	}
	return p[:len(p)-1]
}
