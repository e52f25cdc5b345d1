package backend

import (
	"fmt"

	"serval/proxy/transcode"
	"serval/proxy/wire"
)

// charset.go: the last step of a statement's text on its way to a server. Inside Serval it is UTF-8; the server reads
// the character set of the session's client, in which the connection runs.

// ErrUnencodable says that a statement has a character (a name from the configuration, say) that the client's character
// set does not have.
type ErrUnencodable struct {
	Charset   string
	Character rune
}

func (e *ErrUnencodable) Error() string {
	return fmt.Sprintf("character set %s has no %q, which the statement needs on its server", e.Charset, e.Character)
}

// WriteCommand is wire.Conn's, with the argument in the character set of State.Client where it is text.
func (c *Conn) WriteCommand(command byte, arg []byte) error {
	if c.client != nil && !transcode.ASCII(arg) {
		switch command {
		case wire.ComQuery, wire.ComStmtPrepare, wire.ComInitDB, wire.ComFieldList:
			encoded, missing := c.client.Encode(nil, arg)
			if missing != 0 {
				return &ErrUnencodable{c.client.Name, missing}
			}
			arg = encoded
		}
	}
	return c.Conn.WriteCommand(command, arg)
}
