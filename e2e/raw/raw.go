// Package raw is a MySQL client that hides nothing: it keeps every packet of an answer as it came, so that two
// servers can be compared to the byte. Logging in is go-mysql's; everything after it is written here and shares
// nothing with Serval's own proxy/wire, which it is there to check.
//
// Unless Options say otherwise it asks for the classic framing (no DEPRECATE_EOF, no QUERY_ATTRIBUTES, no SESSION_TRACK).
// A server that does not have what was asked for is spoken to without it.
package raw

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"
	"golang.org/x/text/encoding"
)

// raw.go: connections, text commands and the answers' structure; fields.go takes column definitions apart, binary.go has
// prepared statements, values.go their values, login.go what changes who the client is.

// Commands, https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase.html.
const (
	comInitDB          = 0x02
	comQuery           = 0x03
	comFieldList       = 0x04
	comChangeUser      = 0x11
	comStmtPrepare     = 0x16
	comStmtExecute     = 0x17
	comStmtSendLong    = 0x18
	comStmtClose       = 0x19
	comStmtReset       = 0x1a
	comStmtFetch       = 0x1c
	comResetConnection = 0x1f
)

// Timeout ends a statement that is not answered: a hang is an error and not a stuck test.
const Timeout = 60 * time.Second

// Conn is a connection. It is not safe for concurrent use.
type Conn struct {
	inner    *client.Conn
	caps     capabilities
	encoding encoding.Encoding // of statements, nil: UTF-8, or as they are given
}

// capabilities are those that both sides have and that change how packets are laid out.
type capabilities struct {
	deprecateEOF, queryAttributes, sessionTrack, connectAttributes bool
}

// Options say what a connection asks for.
type Options struct {
	User, Password, Database string
	MultiStatements          bool
	FoundRows                bool

	// Other layouts of packets, see the capability flags CLIENT_DEPRECATE_EOF, CLIENT_QUERY_ATTRIBUTES and
	// CLIENT_SESSION_TRACK.
	DeprecateEOF, QueryAttributes, SessionTrack bool

	// Charset is the client's character set, of the login and of what is sent; "" is utf8mb4.
	Charset string
}

// Dial connects and logs in.
func Dial(addr string, o Options) (*Conn, error) {
	set, err := charsetOf(o.Charset)
	if err != nil {
		return nil, err
	}
	inner, err := client.ConnectWithTimeout(addr, o.User, o.Password, o.Database, 10*time.Second, func(c *client.Conn) error {
		if !o.DeprecateEOF {
			c.UnsetCapability(mysql.CLIENT_DEPRECATE_EOF)
		}
		if !o.QueryAttributes {
			c.UnsetCapability(mysql.CLIENT_QUERY_ATTRIBUTES)
		}
		for _, capability := range o.optional() {
			if err := c.SetCapability(capability); err != nil {
				return err
			}
		}
		return c.SetCollation(set.collation)
	})
	if err != nil {
		return nil, err
	}
	agreed := strings.Split(inner.CapabilityString(), "|")
	has := func(name string) bool { return slices.Contains(agreed, name) }
	return &Conn{inner: inner, encoding: set.encoding, caps: capabilities{
		deprecateEOF: has("CLIENT_DEPRECATE_EOF"), queryAttributes: has("CLIENT_QUERY_ATTRIBUTES"),
		sessionTrack: has("CLIENT_SESSION_TRACK"), connectAttributes: has("CLIENT_CONNECT_ATTRS"),
	}}, nil
}

// optional are the capabilities that go-mysql does not ask for by itself.
func (o Options) optional() []uint32 {
	var list []uint32
	if o.FoundRows {
		list = append(list, mysql.CLIENT_FOUND_ROWS)
	}
	if o.MultiStatements {
		list = append(list, mysql.CLIENT_MULTI_STATEMENTS, mysql.CLIENT_MULTI_RESULTS, mysql.CLIENT_PS_MULTI_RESULTS)
	}
	if o.SessionTrack {
		list = append(list, mysql.CLIENT_SESSION_TRACK)
	}
	return list
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
	Tracked          bool   // SESSION_TRACK was agreed on
	Track            []byte // session state changes as they came

	// Error
	Code           uint16
	State, Message string

	// Rows
	Columns []Column
	Rows    [][]byte // payloads; see Values, and BinaryValues for those of prepared statements
	Binary  bool     // Rows are of the binary protocol
}

// Query sends COM_QUERY and reads all results: more than one for several statements. The error is of the
// connection; what the server refuses is an Answer.
func (c *Conn) Query(sql string) ([]Answer, error) {
	if err := c.Send(sql); err != nil {
		return nil, err
	}
	return c.results(false)
}

// results reads all results of a command.
func (c *Conn) results(binary bool) ([]Answer, error) {
	var answers []Answer
	for {
		a, err := c.read()
		if err != nil {
			return answers, fmt.Errorf("result %d: %w", len(answers)+1, err)
		}
		a.Binary = binary && a.Kind == Rows
		answers = append(answers, *a)
		if a.Kind == Error || a.Status&mysql.SERVER_MORE_RESULTS_EXISTS == 0 {
			return answers, nil
		}
	}
}

// Send sends COM_QUERY and reads nothing.
func (c *Conn) Send(sql string) error {
	if c.caps.queryAttributes {
		sql = "\x00\x01" + sql // no attributes, in one set
	}
	return c.send(comQuery, sql)
}

// Receive reads the answers to what was sent.
func (c *Conn) Receive() ([]Answer, error) { return c.results(false) }

// Stream sends COM_QUERY and gives each row to the function as it comes, so that a large result is never held. The
// answer's Rows stay empty. The row is only valid during the call; an error of the function ends the reading with the
// connection left as it is.
func (c *Conn) Stream(sql string, row func([]byte) error) (*Answer, error) {
	if err := c.Send(sql); err != nil {
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
	if err := c.send(comFieldList, table+"\x00"+wildcard); err != nil {
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
		if c.isEnd(p) {
			return a, c.end(p, a)
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
	switch command {
	case comQuery, comStmtPrepare, comFieldList, comInitDB:
		var err error
		if argument, err = c.Encode(argument); err != nil {
			return err
		}
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
		return c.parseOK(p)
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
	cursor, err := c.readColumns(first, a)
	if err != nil || cursor {
		return a, err
	}
	for {
		p, err := c.inner.ReadPacket()
		if err != nil {
			return nil, err
		}
		if c.isEnd(p) {
			return a, c.end(p, a)
		}
		if len(p) > 0 && p[0] == 0xff {
			return parseError(p) // an error in the middle of the rows
		}
		if err := row(p); err != nil {
			return nil, err
		}
	}
}

// readColumns reads the definitions that follow a column count. It tells whether a cursor was opened, which means that
// no rows follow.
func (c *Conn) readColumns(first []byte, a *Answer) (cursor bool, err error) {
	n, rest, err := lenEncInt(first)
	if err != nil || len(rest) != 0 {
		return false, fmt.Errorf("column count % x: malformed", first)
	}
	if a.Columns, err = c.definitions(int(n)); err != nil || c.caps.deprecateEOF {
		return false, err
	}
	p, err := c.inner.ReadPacket()
	if err == nil && !isEOF(p) {
		err = fmt.Errorf("packet after the column definitions is % .20x, want EOF", p)
	}
	if err != nil {
		return false, err
	}
	if binary.LittleEndian.Uint16(p[3:])&mysql.SERVER_STATUS_CURSOR_EXISTS == 0 {
		return false, nil
	}
	return true, c.end(p, a)
}

// definitions reads n column definitions.
func (c *Conn) definitions(n int) ([]Column, error) {
	var columns []Column
	for range n {
		p, err := c.inner.ReadPacket()
		if err != nil {
			return nil, err
		}
		column, err := parseColumn(p)
		if err != nil {
			return nil, err
		}
		columns = append(columns, column)
	}
	return columns, nil
}

func isEOF(p []byte) bool { return len(p) == 5 && p[0] == 0xfe }

// isEnd tells whether a packet ends the rows: EOF, or an OK packet with EOF's first byte. A row that begins so has a
// first value of 16 MiB or more.
func (c *Conn) isEnd(p []byte) bool {
	if c.caps.deprecateEOF {
		return len(p) > 0 && p[0] == 0xfe && len(p) < 1<<24-1
	}
	return isEOF(p)
}

// end takes what the packet behind the rows says.
func (c *Conn) end(p []byte, a *Answer) error {
	if !c.caps.deprecateEOF {
		a.Warnings, a.Status = binary.LittleEndian.Uint16(p[1:]), binary.LittleEndian.Uint16(p[3:])
		return nil
	}
	ok, err := c.parseOK(p)
	if err != nil {
		return err
	}
	a.AffectedRows, a.LastInsertID, a.Info = ok.AffectedRows, ok.LastInsertID, ok.Info
	a.Warnings, a.Status, a.Tracked, a.Track = ok.Warnings, ok.Status, ok.Tracked, ok.Track
	return nil
}

func (c *Conn) parseOK(p []byte) (*Answer, error) {
	a := &Answer{Kind: OK, Tracked: c.caps.sessionTrack}
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
	if rest = rest[4:]; len(rest) == 0 {
		return a, nil
	}
	if !c.caps.sessionTrack {
		// MariaDB leaves the rest of the packet as text, MySQL prefixes it with its length; both are seen.
		if n, text, err := lenEncInt(rest); err == nil && n == uint64(len(text)) {
			rest = text
		}
		a.Info = string(rest)
		return a, nil
	}
	info, _, rest, err := lenEncText(rest)
	if err != nil {
		return nil, fmt.Errorf("info of an OK packet: %w", err)
	}
	a.Info = string(info)
	if a.Status&mysql.SERVER_SESSION_STATE_CHANGED != 0 {
		if a.Track, _, rest, err = lenEncText(rest); err != nil {
			return nil, fmt.Errorf("session state of an OK packet: %w", err)
		}
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%d bytes at the end of an OK packet", len(rest))
	}
	return a, nil
}

func parseError(p []byte) (*Answer, error) {
	if len(p) < 9 || p[3] != '#' {
		return nil, fmt.Errorf("error packet % .40x without SQLSTATE", p)
	}
	return &Answer{Kind: Error, Code: binary.LittleEndian.Uint16(p[1:]), State: string(p[4:9]), Message: string(p[9:])}, nil
}
