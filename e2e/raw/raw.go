// Package raw is a MySQL client that hides nothing: it keeps every packet of an answer as it came, so that two
// servers can be compared to the byte. Logging in is go-mysql's; everything after it is written here and shares
// nothing with Serval's own proxy/wire, which it is there to check.
//
// It asks for the classic framing (no DEPRECATE_EOF, no QUERY_ATTRIBUTES), which is what Serval speaks, so that both
// sides of a comparison answer in one layout.
package raw

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
)

// raw.go: connections, commands and the answers' structure; fields.go takes column definitions apart.

// Timeout ends a statement that is not answered: a hang is an error and not a stuck test.
const Timeout = 60 * time.Second

// Conn is a connection. It is not safe for concurrent use.
type Conn struct {
	inner *client.Conn
}

// Options say what a connection asks for.
type Options struct {
	User, Password, Database string
	MultiStatements          bool
	FoundRows                bool
}

// Dial connects and logs in.
func Dial(addr string, o Options) (*Conn, error) {
	inner, err := client.ConnectWithTimeout(addr, o.User, o.Password, o.Database, 10*time.Second, func(c *client.Conn) error {
		c.UnsetCapability(mysql.CLIENT_DEPRECATE_EOF)
		c.UnsetCapability(mysql.CLIENT_QUERY_ATTRIBUTES)
		if o.FoundRows {
			if err := c.SetCapability(mysql.CLIENT_FOUND_ROWS); err != nil {
				return err
			}
		}
		if o.MultiStatements {
			if err := c.SetCapability(mysql.CLIENT_MULTI_STATEMENTS); err != nil {
				return err
			}
			if err := c.SetCapability(mysql.CLIENT_MULTI_RESULTS); err != nil {
				return err
			}
		}
		return c.SetCollation("utf8mb4_general_ci")
	})
	if err != nil {
		return nil, err
	}
	return &Conn{inner: inner}, nil
}

// Close says goodbye (COM_QUIT) and closes the connection.
func (c *Conn) Close() { _ = c.inner.Quit() }

// Cut closes the connection without a goodbye, as a client that was killed.
func (c *Conn) Cut() { _ = c.inner.Close() }

// NetConn is the connection underneath, for tests that misbehave.
func (c *Conn) NetConn() net.Conn { return c.inner.Conn.Conn }

// ID is the connection's id as the server told it in the handshake.
func (c *Conn) ID() uint32 { return c.inner.GetConnectionID() }

// Kind says what an answer is.
type Kind uint8

// The kinds of answer.
const (
	OK Kind = iota
	Error
	Rows
)

// Answer is one result of a statement.
type Answer struct {
	Kind Kind

	// OK
	AffectedRows, LastInsertID uint64
	Info                       string

	// OK and Rows (there of the EOF packet after the rows)
	Status, Warnings uint16

	// Error
	Code           uint16
	State, Message string

	// Rows
	Columns []Column
	Rows    [][]byte // payloads of the text protocol; see Values
}

// Query sends COM_QUERY and reads all results: more than one for several statements. The error is of the
// connection; what the server refuses is an Answer.
func (c *Conn) Query(sql string) ([]Answer, error) {
	if err := c.send(0x03, sql); err != nil {
		return nil, err
	}
	var answers []Answer
	for {
		a, err := c.read()
		if err != nil {
			return answers, fmt.Errorf("result %d: %w", len(answers)+1, err)
		}
		answers = append(answers, *a)
		if a.Kind == Error || a.Status&mysql.SERVER_MORE_RESULTS_EXISTS == 0 {
			return answers, nil
		}
	}
}

// Send sends COM_QUERY and reads nothing.
func (c *Conn) Send(sql string) error { return c.send(0x03, sql) }

// Stream sends COM_QUERY and gives each row to the function as it comes, so that a large result is never held. The
// answer's Rows stay empty. The row is only valid during the call; an error of the function ends the reading with the
// connection left as it is.
func (c *Conn) Stream(sql string, row func([]byte) error) (*Answer, error) {
	if err := c.send(0x03, sql); err != nil {
		return nil, err
	}
	p, err := c.inner.ReadPacket()
	if err != nil {
		return nil, err
	}
	if len(p) > 0 && p[0] == 0xff {
		return parseError(p)
	}
	return c.readRows(p, row)
}

// Command sends any command whose answer is one OK or an error: COM_PING, COM_INIT_DB.
func (c *Conn) Command(command byte, argument string) (*Answer, error) {
	if err := c.send(command, argument); err != nil {
		return nil, err
	}
	return c.read()
}

// FieldList sends COM_FIELD_LIST, whose answer is definitions and an EOF, or an error.
func (c *Conn) FieldList(table, wildcard string) (*Answer, error) {
	if err := c.send(0x04, table+"\x00"+wildcard); err != nil {
		return nil, err
	}
	a := &Answer{Kind: Rows}
	for {
		p, err := c.inner.ReadPacket()
		if err != nil {
			return nil, err
		}
		if p[0] == 0xff {
			return parseError(p)
		}
		if isEOF(p) {
			a.Warnings, a.Status = binary.LittleEndian.Uint16(p[1:]), binary.LittleEndian.Uint16(p[3:])
			return a, nil
		}
		column, err := parseColumn(p)
		if err != nil {
			return nil, err
		}
		a.Columns = append(a.Columns, column)
	}
}

func (c *Conn) send(command byte, argument string) error {
	if err := c.NetConn().SetDeadline(time.Now().Add(Timeout)); err != nil {
		return err
	}
	c.inner.ResetSequence()
	p := make([]byte, 5, 5+len(argument))
	p[4] = command
	return c.inner.WritePacket(append(p, argument...))
}

func (c *Conn) read() (*Answer, error) {
	p, err := c.inner.ReadPacket()
	if err != nil {
		return nil, err
	}
	if len(p) == 0 {
		return nil, errors.New("empty packet")
	}
	switch p[0] {
	case 0x00:
		return parseOK(p)
	case 0xff:
		return parseError(p)
	case 0xfb:
		return nil, errors.New("the server asks for a local file")
	}
	var rows [][]byte
	a, err := c.readRows(p, func(row []byte) error { rows = append(rows, row); return nil })
	if err == nil && a.Kind == Rows {
		a.Rows = rows
	}
	return a, err
}

func (c *Conn) readRows(first []byte, row func([]byte) error) (*Answer, error) {
	a := &Answer{Kind: Rows}
	if err := c.readColumns(first, a); err != nil {
		return nil, err
	}
	for {
		p, err := c.inner.ReadPacket()
		if err != nil {
			return nil, err
		}
		if isEOF(p) {
			a.Warnings, a.Status = binary.LittleEndian.Uint16(p[1:]), binary.LittleEndian.Uint16(p[3:])
			return a, nil
		}
		if len(p) > 0 && p[0] == 0xff {
			return parseError(p) // an error in the middle of the rows
		}
		if err := row(p); err != nil {
			return nil, err
		}
	}
}

func (c *Conn) readColumns(first []byte, a *Answer) error {
	n, rest, err := lenEncInt(first)
	if err != nil || len(rest) != 0 {
		return fmt.Errorf("column count % x: malformed", first)
	}
	for range n {
		p, err := c.inner.ReadPacket()
		if err != nil {
			return err
		}
		column, err := parseColumn(p)
		if err != nil {
			return err
		}
		a.Columns = append(a.Columns, column)
	}
	p, err := c.inner.ReadPacket()
	if err == nil && !isEOF(p) {
		err = fmt.Errorf("packet after the column definitions is % .20x, want EOF", p)
	}
	return err
}

func isEOF(p []byte) bool { return len(p) == 5 && p[0] == 0xfe }

func parseOK(p []byte) (*Answer, error) {
	a := &Answer{Kind: OK}
	var err error
	rest := p[1:]
	if a.AffectedRows, rest, err = lenEncInt(rest); err != nil {
		return nil, err
	}
	if a.LastInsertID, rest, err = lenEncInt(rest); err != nil {
		return nil, err
	}
	if len(rest) < 4 {
		return nil, fmt.Errorf("OK packet of %d bytes", len(p))
	}
	a.Status, a.Warnings = binary.LittleEndian.Uint16(rest), binary.LittleEndian.Uint16(rest[2:])
	if rest = rest[4:]; len(rest) > 0 {
		// MariaDB leaves the rest of the packet as text, MySQL prefixes it with its length; both are seen.
		if n, text, err := lenEncInt(rest); err == nil && n == uint64(len(text)) {
			rest = text
		}
	}
	a.Info = string(rest)
	return a, nil
}

func parseError(p []byte) (*Answer, error) {
	if len(p) < 9 || p[3] != '#' {
		return nil, fmt.Errorf("error packet % .40x without SQLSTATE", p)
	}
	return &Answer{Kind: Error, Code: binary.LittleEndian.Uint16(p[1:]), State: string(p[4:9]), Message: string(p[9:])}, nil
}
