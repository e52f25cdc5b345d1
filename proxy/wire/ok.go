package wire

import (
	"encoding/binary"
	"fmt"
)

// ok.go: OK and EOF packets, and how to tell the kinds of answers apart. Reading and the Append functions have the
// classic layout, which backends use; what a client gets is in ends.go.

// OK says that a statement is done.
type OK struct {
	AffectedRows, LastInsertID uint64
	Status, Warnings           uint16
	Info                       []byte // human text such as "Rows matched: 1  Changed: 1  Warnings: 0"
	Track                      []byte // session state changes that a server told, see EachTracked
}

// IsOK tells whether p, as the first packet of an answer, is an OK packet. (A row may begin with 0 too.)
func IsOK(p []byte) bool { return len(p) > 0 && p[0] == headerOK }

// IsError tells whether p is an error packet; no row and no column count begins with 0xFF.
func IsError(p []byte) bool { return len(p) > 0 && p[0] == headerError }

// IsEOF tells whether p is an EOF packet. A row that begins with 0xFE has an 8 byte length there, so it has at least
// 9 bytes.
func IsEOF(p []byte) bool { return len(p) > 0 && len(p) < 9 && p[0] == headerEOF }

// IsLocalInfile tells whether p, as the first packet of an answer, asks for a file of the client.
func IsLocalInfile(p []byte) bool { return len(p) > 0 && p[0] == headerLocalInfile }

// AppendOK appends an OK packet's payload.
func AppendOK(dst []byte, ok *OK) []byte {
	dst = append(dst, headerOK)
	dst = AppendLenEncInt(dst, ok.AffectedRows)
	dst = AppendLenEncInt(dst, ok.LastInsertID)
	dst = binary.LittleEndian.AppendUint16(dst, ok.Status)
	dst = binary.LittleEndian.AppendUint16(dst, ok.Warnings)
	if len(ok.Info) > 0 {
		dst = AppendLenEncBytes(dst, ok.Info)
	}
	return dst
}

// AppendEOF appends an EOF packet's payload.
func AppendEOF(dst []byte, warnings, status uint16) []byte {
	dst = append(dst, headerEOF)
	dst = binary.LittleEndian.AppendUint16(dst, warnings)
	return binary.LittleEndian.AppendUint16(dst, status)
}

// ParseOK reads an OK packet; Info and Track point into p. The manual calls the info a string to the packet's end, but servers
// send it with its length before it (and clients expect that): both are read.
func ParseOK(p []byte) (OK, error) {
	var ok OK
	if !IsOK(p) {
		return ok, malformed("OK", p)
	}
	rest := p[1:]
	for _, v := range []*uint64{&ok.AffectedRows, &ok.LastInsertID} {
		x, n, good := ReadLenEncInt(rest)
		if !good {
			return OK{}, malformed("OK", p)
		}
		*v, rest = x, rest[n:]
	}
	if len(rest) < 4 {
		return OK{}, malformed("OK", p)
	}
	ok.Status = binary.LittleEndian.Uint16(rest)
	ok.Warnings = binary.LittleEndian.Uint16(rest[2:])
	rest = rest[4:]
	if ok.Status&StatusSessionStateChange != 0 { // then the layout is not in doubt
		return ok, ok.readTracked(rest)
	}
	if info, null, n, good := ReadLenEncBytes(rest); good && !null && n == len(rest) {
		ok.Info = info
	} else if len(rest) > 0 {
		ok.Info = rest
	}
	return ok, nil
}

// readTracked reads an info and the session state changes behind it.
func (ok *OK) readTracked(p []byte) error {
	r := reader{rest: p}
	ok.Info, ok.Track = r.lenenc(), r.lenenc()
	if r.short || len(r.rest) > 0 {
		*ok = OK{}
		return malformed("OK", p)
	}
	return nil
}

// ParseEOF reads an EOF packet.
func ParseEOF(p []byte) (warnings, status uint16, err error) {
	if !IsEOF(p) || len(p) < 5 {
		return 0, 0, malformed("EOF", p)
	}
	return binary.LittleEndian.Uint16(p[1:]), binary.LittleEndian.Uint16(p[3:]), nil
}

// MalformedError is a packet that is not what its place in the protocol asks for.
type MalformedError struct {
	What   string // kind of packet that was expected
	Length int    // bytes of the payload
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("wire: malformed %s packet of %d bytes", e.What, e.Length)
}

func malformed(what string, p []byte) error { return &MalformedError{What: what, Length: len(p)} }
