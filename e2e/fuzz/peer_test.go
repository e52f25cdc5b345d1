package fuzz

// peer_test.go: a client that can misbehave: it logs in properly and from then on writes whatever it is told to.

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// deadline is how long an answer, or the end of a connection, may take.
const deadline = 20 * time.Second

// peer is one connection to Serval.
type peer struct {
	nc   net.Conn
	id   uint32 // the session's
	caps uint32 // the server's
	salt []byte
	tail []byte // the last bytes that came
	sent [][]byte
}

// dial connects and reads the greeting.
func dial(addr string) (*peer, error) {
	nc, err := net.DialTimeout("tcp", addr, deadline)
	if err != nil {
		return nil, err
	}
	p := &peer{nc: nc}
	greeting, err := p.read()
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("greeting: %w", err)
	}
	if err := p.parseGreeting(greeting); err != nil {
		nc.Close()
		return nil, err
	}
	return p, nil
}

// parseGreeting takes Protocol::HandshakeV10 apart.
func (p *peer) parseGreeting(g []byte) error {
	end := bytes.IndexByte(g, 0)
	if len(g) < 1 || g[0] != 10 || end < 0 || len(g) < end+44 {
		return fmt.Errorf("greeting % .80x", g)
	}
	g = g[end+1:]
	p.id = binary.LittleEndian.Uint32(g)
	p.salt = append(append([]byte{}, g[4:12]...), g[31:43]...)
	p.caps = uint32(binary.LittleEndian.Uint16(g[13:])) | uint32(binary.LittleEndian.Uint16(g[18:]))<<16
	return nil
}

// read reads one packet; nothing that it is used for is split.
func (p *peer) read() ([]byte, error) {
	if err := p.nc.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		return nil, err
	}
	var h [4]byte
	if _, err := io.ReadFull(p.nc, h[:]); err != nil {
		return nil, err
	}
	b := make([]byte, int(h[0])|int(h[1])<<8|int(h[2])<<16)
	_, err := io.ReadFull(p.nc, b)
	return b, err
}

// frame puts a header before a payload.
func frame(payload []byte, seq byte) []byte {
	n := len(payload)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), seq}, payload...)
}

const baseCaps = mysql.CLIENT_PROTOCOL_41 | mysql.CLIENT_SECURE_CONNECTION | mysql.CLIENT_LONG_PASSWORD | mysql.CLIENT_TRANSACTIONS |
	mysql.CLIENT_PLUGIN_AUTH | mysql.CLIENT_LONG_FLAG | mysql.CLIENT_MULTI_STATEMENTS | mysql.CLIENT_MULTI_RESULTS | mysql.CLIENT_CONNECT_WITH_DB

// response is Protocol::HandshakeResponse41 of a proper login.
func (p *peer) response(user, password string, caps uint32) []byte {
	proof := mysql.CalcCachingSha2Password(p.salt, []byte(password))
	b := binary.LittleEndian.AppendUint32(nil, caps)
	b = binary.LittleEndian.AppendUint32(b, 1<<24)
	b = append(append(b, 45), make([]byte, 23)...)
	b = append(append(b, user...), 0)
	b = append(append(b, byte(len(proof))), proof...)
	b = append(append(b, "sbtest"...), 0)
	return append(append(b, "caching_sha2_password"...), 0)
}

// login proves the password by the fast way, which Serval always has.
func (p *peer) login(user, password string, caps uint32, seq byte) error {
	if err := p.write(frame(p.response(user, password, caps), seq)); err != nil {
		return err
	}
	for {
		answer, err := p.read()
		switch {
		case err != nil:
			return fmt.Errorf("login: %w", err)
		case len(answer) == 2 && answer[0] == 1 && answer[1] == 3:
		case len(answer) > 0 && answer[0] == 0:
			return nil
		default:
			return fmt.Errorf("login: % .60x", answer)
		}
	}
}

// secure begins TLS, as a client that asks for it.
func (p *peer) secure() error {
	b := binary.LittleEndian.AppendUint32(nil, baseCaps|mysql.CLIENT_SSL)
	b = binary.LittleEndian.AppendUint32(b, 1<<24)
	b = append(append(b, 45), make([]byte, 23)...)
	if err := p.write(frame(b, 1)); err != nil {
		return err
	}
	c := tls.Client(p.nc, &tls.Config{InsecureSkipVerify: true})
	if err := c.SetDeadline(time.Now().Add(deadline)); err != nil {
		return err
	}
	if err := c.Handshake(); err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	p.nc = c
	return nil
}

// write sends bytes and remembers the last of them for a report.
func (p *peer) write(b []byte) error {
	if len(p.sent) >= 8 {
		p.sent = p.sent[1:]
	}
	p.sent = append(p.sent, bytes.Clone(b[:min(len(b), 200)]))
	if err := p.nc.SetWriteDeadline(time.Now().Add(deadline)); err != nil {
		return err
	}
	_, err := p.nc.Write(b)
	return err
}

// pack puts bytes into a compressed packet that is not compressed, as clients do with short ones.
func pack(b []byte) []byte {
	n := len(b)
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), 0, 0, 0, 0}, b...)
}

// errEnded is a connection that the server has ended, which is one of the right answers to a damaged packet.
var errEnded = errors.New("ended")

// errLate is an answer, or an end, that does not come.
var errLate = fmt.Errorf("no answer within %v", deadline)

// until reads until a text has come. errEnded: the connection ended before it did.
func (p *peer) until(text string) error {
	if err := p.nc.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		return err
	}
	buf := make([]byte, 16<<10)
	for {
		if i := bytes.Index(p.tail, []byte(text)); i >= 0 {
			p.tail = bytes.Clone(p.tail[i+len(text):])
			return nil
		}
		p.tail = p.tail[max(0, len(p.tail)-len(text)):]
		n, err := p.nc.Read(buf)
		p.tail = append(p.tail, buf[:n]...)
		if n == 0 && err != nil {
			if late, ok := err.(net.Error); ok && late.Timeout() {
				return errLate
			}
			return errEnded
		}
	}
}

// ends says that no more will be sent and waits for the server's end.
func (p *peer) ends() error {
	if half, ok := p.nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // of a connection that the server has reset: then the end is seen by reading
	}
	err := p.until("\x00no server says this\x00")
	if errors.Is(err, errEnded) {
		return nil
	}
	return fmt.Errorf("does not end: %w", err)
}
