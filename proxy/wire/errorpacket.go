package wire

import (
	"encoding/binary"
	"fmt"
)

// errorpacket.go: error packets.

// Error is an error as MySQL clients see it. State is the SQLSTATE of five characters.
type Error struct {
	Code    uint16
	State   string
	Message string
	// FromServer: a server sent it, so that Message is in the character_set_results of its connection.
	FromServer bool
}

func (e *Error) Error() string {
	return fmt.Sprintf("ERROR %d (%s): %s", e.Code, e.State, e.Message)
}

const (
	generalState = "HY000"
	maxMessage   = 2048 // bytes; servers keep to 512 characters, clients cut at their own buffer
)

// AppendError appends an error packet's payload. A State that has not five characters is sent as HY000.
func AppendError(dst []byte, e *Error) []byte {
	state, message := e.State, e.Message
	if len(state) != 5 {
		state = generalState
	}
	if len(message) > maxMessage {
		message = message[:maxMessage]
	}
	dst = append(dst, headerError)
	dst = binary.LittleEndian.AppendUint16(dst, e.Code)
	dst = append(dst, '#')
	dst = append(dst, state...)
	return append(dst, message...)
}

// ParseError reads an error packet. Errors sent before the handshake have no SQLSTATE: they get HY000 (08004 for 1040,
// "Too many connections").
func ParseError(p []byte) (*Error, error) {
	if !IsError(p) || len(p) < 3 {
		return nil, malformed("error", p)
	}
	e := &Error{Code: binary.LittleEndian.Uint16(p[1:]), State: generalState, FromServer: true}
	rest := p[3:]
	if len(rest) >= 6 && rest[0] == '#' {
		e.State, rest = string(rest[1:6]), rest[6:]
	} else if e.Code == 1040 {
		e.State = "08004"
	}
	e.Message = string(rest)
	return e, nil
}

// WriteError puts an error packet into the write buffer.
func (c *Conn) WriteError(e *Error) error { return c.endPacket(AppendError(c.beginPacket(), e)) }
