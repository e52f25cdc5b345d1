package raw

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// login.go: COM_RESET_CONNECTION and COM_CHANGE_USER,
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_change_user.html.

// ResetConnection sends COM_RESET_CONNECTION.
func (c *Conn) ResetConnection() (*Answer, error) { return c.Command(comResetConnection, "") }

// ChangeUser sends COM_CHANGE_USER with the collation utf8mb4_general_ci and proves the password as the server asks.
func (c *Conn) ChangeUser(user, password, database string) (*Answer, error) {
	p := append([]byte(user), 0)
	p = append(p, 0) // an empty proof: the server asks with a salt of its own
	p = append(append(p, database...), 0)
	p = binary.LittleEndian.AppendUint16(p, 45)
	p = append(append(p, "mysql_native_password"...), 0)
	if c.caps.connectAttributes {
		p = append(p, 0)
	}
	if err := c.send(comChangeUser, string(p)); err != nil {
		return nil, err
	}
	var salt []byte
	for {
		p, err := c.inner.ReadPacket()
		if err != nil {
			return nil, err
		}
		switch {
		case len(p) > 0 && p[0] == 0xfe:
			salt, err = c.answerSwitch(p, password)
		case len(p) == 2 && p[0] == 1 && p[1] == 3: // proven by the cache: OK follows
		case len(p) == 2 && p[0] == 1 && p[1] == 4:
			err = c.proveInFull(password, salt)
		case len(p) > 0 && p[0] == 0:
			return c.parseOK(p)
		case len(p) > 0 && p[0] == 0xff:
			return parseError(p)
		default:
			err = fmt.Errorf("answer to COM_CHANGE_USER % .40x", p)
		}
		if err != nil {
			return nil, err
		}
	}
}

// answerSwitch answers an authentication switch request.
func (c *Conn) answerSwitch(p []byte, password string) (salt []byte, err error) {
	var plugin []byte
	for i, b := range p[1:] {
		if b == 0 {
			plugin, salt = p[1:1+i], p[2+i:]
			break
		}
	}
	if n := len(salt); n > 0 && salt[n-1] == 0 {
		salt = salt[:n-1]
	}
	switch string(plugin) {
	case "mysql_native_password":
		return salt, c.reply(mysql.CalcNativePassword(salt, []byte(password)))
	case "caching_sha2_password":
		return salt, c.reply(mysql.CalcCachingSha2Password(salt, []byte(password)))
	}
	return nil, fmt.Errorf("the server asks for plugin %q", plugin)
}

// proveInFull sends the password under the server's public key (caching_sha2_password, full authentication).
func (c *Conn) proveInFull(password string, salt []byte) error {
	if err := c.reply([]byte{2}); err != nil {
		return err
	}
	p, err := c.inner.ReadPacket()
	if err != nil {
		return err
	}
	if len(p) == 0 || p[0] != 1 {
		return fmt.Errorf("answer to the question for the public key: % .20x", p)
	}
	block, _ := pem.Decode(p[1:])
	if block == nil {
		return errors.New("the server's public key is no PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return err
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("the server's public key is a %T", key)
	}
	proof, err := mysql.EncryptPassword(password, salt, public)
	if err != nil {
		return err
	}
	return c.reply(proof)
}

// reply sends a packet within an exchange.
func (c *Conn) reply(payload []byte) error {
	if err := c.NetConn().SetDeadline(time.Now().Add(Timeout)); err != nil {
		return err
	}
	return c.inner.WritePacket(append(make([]byte, 4), payload...))
}
