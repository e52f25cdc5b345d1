package raw

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// binary.go: prepared statements,
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase_ps.html.

// Statement is a prepared statement as the server told it.
type Statement struct {
	ID         uint32
	Parameters []Column
	Columns    []Column
	Warnings   uint16

	conn *Conn
}

// Prepare sends COM_STMT_PREPARE. The statement is nil when the server answers an error, which is then the Answer.
func (c *Conn) Prepare(sql string) (*Statement, *Answer, error) {
	if err := c.send(comStmtPrepare, sql); err != nil {
		return nil, nil, err
	}
	p, err := c.inner.ReadPacket()
	if err != nil {
		return nil, nil, err
	}
	if len(p) > 0 && p[0] == 0xff {
		a, err := parseError(p)
		return nil, a, err
	}
	if len(p) != 12 || p[0] != 0 || p[9] != 0 {
		return nil, nil, fmt.Errorf("answer to COM_STMT_PREPARE % .40x: malformed", p)
	}
	s := &Statement{conn: c, ID: binary.LittleEndian.Uint32(p[1:]), Warnings: binary.LittleEndian.Uint16(p[10:])}
	columns, parameters := binary.LittleEndian.Uint16(p[5:]), binary.LittleEndian.Uint16(p[7:])
	if s.Parameters, err = c.definitionBlock(int(parameters)); err != nil {
		return nil, nil, fmt.Errorf("parameters: %w", err)
	}
	if s.Columns, err = c.definitionBlock(int(columns)); err != nil {
		return nil, nil, fmt.Errorf("columns: %w", err)
	}
	return s, nil, nil
}

// definitionBlock is n definitions, with an EOF packet behind them where there are some and EOF is spoken.
func (c *Conn) definitionBlock(n int) ([]Column, error) {
	if n == 0 {
		return nil, nil
	}
	columns, err := c.definitions(n)
	if err != nil || c.caps.deprecateEOF {
		return columns, err
	}
	p, err := c.inner.ReadPacket()
	if err == nil && !isEOF(p) {
		err = fmt.Errorf("packet after the definitions is % .20x, want EOF", p)
	}
	return columns, err
}

// Flags of COM_STMT_EXECUTE.
const (
	CursorNone     byte = 0
	CursorReadOnly byte = 1
)

// Execute sends COM_STMT_EXECUTE with the parameters' types and reads all results.
func (s *Statement) Execute(parameters ...Parameter) ([]Answer, error) {
	return s.run(CursorNone, true, parameters)
}

// ExecuteAgain is Execute with the types left as they were bound before.
func (s *Statement) ExecuteAgain(parameters ...Parameter) ([]Answer, error) {
	return s.run(CursorNone, false, parameters)
}

// Open executes with a cursor; the answer has no rows when the server opened one, see Fetch.
func (s *Statement) Open(parameters ...Parameter) ([]Answer, error) {
	return s.run(CursorReadOnly, true, parameters)
}

func (s *Statement) run(flags byte, types bool, parameters []Parameter) ([]Answer, error) {
	if err := s.Send(flags, types, parameters); err != nil {
		return nil, err
	}
	return s.conn.results(true)
}

// Send sends COM_STMT_EXECUTE and reads nothing. Without types the flag new_params_bind_flag is 0.
func (s *Statement) Send(flags byte, types bool, parameters []Parameter) error {
	return s.conn.send(comStmtExecute, string(s.executePayload(flags, types, parameters)))
}

func (s *Statement) executePayload(flags byte, types bool, parameters []Parameter) []byte {
	p := binary.LittleEndian.AppendUint32(nil, s.ID)
	p = append(p, flags)
	p = binary.LittleEndian.AppendUint32(p, 1) // iteration_count
	if len(parameters) == 0 {
		return p
	}
	if s.conn.caps.queryAttributes {
		p = mysql.AppendLengthEncodedInteger(p, uint64(len(parameters)))
	}
	nulls := make([]byte, (len(parameters)+7)/8)
	for i, v := range parameters {
		if v.Null {
			nulls[i/8] |= 1 << (i % 8)
		}
	}
	p = append(p, nulls...)
	if !types {
		p = append(p, 0)
	} else {
		p = append(p, 1)
		for _, v := range parameters {
			p = append(p, v.Type, v.typeFlag())
			if s.conn.caps.queryAttributes {
				p = append(p, 0) // no name
			}
		}
	}
	for _, v := range parameters {
		if !v.Null && !v.Long {
			p = append(p, s.conn.encodeParameter(v).Value...)
		}
	}
	return p
}

// SendLong sends a piece of a parameter's value (COM_STMT_SEND_LONG_DATA), which has no answer.
func (s *Statement) SendLong(parameter int, data []byte) error {
	p := binary.LittleEndian.AppendUint32(nil, s.ID)
	p = binary.LittleEndian.AppendUint16(p, uint16(parameter))
	return s.conn.send(comStmtSendLong, string(append(p, data...)))
}

// Fetch asks the statement's cursor for rows (COM_STMT_FETCH). Columns are not in the answer: they came with Open.
// The status flag SERVER_STATUS_LAST_ROW_SENT (0x80) says that there are no more.
func (s *Statement) Fetch(rows uint32) (*Answer, error) {
	p := binary.LittleEndian.AppendUint32(nil, s.ID)
	if err := s.conn.send(comStmtFetch, string(binary.LittleEndian.AppendUint32(p, rows))); err != nil {
		return nil, err
	}
	a := &Answer{Kind: Rows, Binary: true}
	for {
		p, err := s.conn.inner.ReadPacket()
		switch {
		case err != nil:
			return nil, err
		case s.conn.isEnd(p):
			return a, s.conn.end(p, a)
		case len(p) > 0 && p[0] == 0xff:
			return parseError(p)
		}
		a.Rows = append(a.Rows, p)
	}
}

// Reset forgets long data and closes the cursor (COM_STMT_RESET).
func (s *Statement) Reset() (*Answer, error) {
	return s.conn.Command(comStmtReset, string(binary.LittleEndian.AppendUint32(nil, s.ID)))
}

// Close deallocates the statement (COM_STMT_CLOSE), which has no answer.
func (s *Statement) Close() error {
	return s.conn.send(comStmtClose, string(binary.LittleEndian.AppendUint32(nil, s.ID)))
}

// Unknown is a handle that no server has given, for tests that ask for it.
func (c *Conn) Unknown(id uint32) *Statement { return &Statement{conn: c, ID: id} }

// Parameter is a typed value of COM_STMT_EXECUTE.
type Parameter struct {
	Type     byte
	Unsigned bool
	Null     bool
	Long     bool   // its value was sent by SendLong
	Value    []byte // as it stands in the packet
}

func (p Parameter) typeFlag() byte {
	if p.Unsigned {
		return 0x80
	}
	return 0
}

// Null is NULL.
func Null() Parameter { return Parameter{Type: mysql.MYSQL_TYPE_NULL, Null: true} }

// NullOf is NULL of a type.
func NullOf(t byte) Parameter { return Parameter{Type: t, Null: true} }

// LongData is a value that was sent by SendLong.
func LongData(t byte) Parameter { return Parameter{Type: t, Long: true} }

// Int is a value of an integer type: TINY, SHORT, YEAR, INT24, LONG or LONGLONG.
func Int(t byte, unsigned bool, v uint64) Parameter {
	size := map[byte]int{mysql.MYSQL_TYPE_TINY: 1, mysql.MYSQL_TYPE_SHORT: 2, mysql.MYSQL_TYPE_YEAR: 2,
		mysql.MYSQL_TYPE_INT24: 4, mysql.MYSQL_TYPE_LONG: 4, mysql.MYSQL_TYPE_LONGLONG: 8}[t]
	return Parameter{Type: t, Unsigned: unsigned, Value: binary.LittleEndian.AppendUint64(nil, v)[:size]}
}

// BigInt is a signed LONGLONG.
func BigInt(v int64) Parameter { return Int(mysql.MYSQL_TYPE_LONGLONG, false, uint64(v)) }

// Double is a DOUBLE.
func Double(v float64) Parameter {
	return Parameter{Type: mysql.MYSQL_TYPE_DOUBLE, Value: binary.LittleEndian.AppendUint64(nil, math.Float64bits(v))}
}

// Float is a FLOAT.
func Float(v float32) Parameter {
	return Parameter{Type: mysql.MYSQL_TYPE_FLOAT, Value: binary.LittleEndian.AppendUint32(nil, math.Float32bits(v))}
}

// Text is a value of a type that is sent as a length and bytes: strings, blobs, NEWDECIMAL, JSON, BIT, ENUM …
func Text(t byte, v string) Parameter {
	return Parameter{Type: t, Value: append(mysql.AppendLengthEncodedInteger(nil, uint64(len(v))), v...)}
}

// String is a VAR_STRING.
func String(v string) Parameter { return Text(mysql.MYSQL_TYPE_VAR_STRING, v) }

// DateTime is a DATE, DATETIME or TIMESTAMP in the shortest form that holds it.
func DateTime(t byte, year, month, day, hour, minute, second, micro int) Parameter {
	v := binary.LittleEndian.AppendUint16(nil, uint16(year))
	v = append(v, byte(month), byte(day))
	switch {
	case micro != 0:
		v = append(v, byte(hour), byte(minute), byte(second))
		v = binary.LittleEndian.AppendUint32(v, uint32(micro))
	case hour != 0 || minute != 0 || second != 0:
		v = append(v, byte(hour), byte(minute), byte(second))
	case year == 0 && month == 0 && day == 0:
		v = nil
	}
	return Parameter{Type: t, Value: append([]byte{byte(len(v))}, v...)}
}

// Time is a TIME.
func Time(negative bool, days, hour, minute, second, micro int) Parameter {
	v := []byte{0}
	if negative {
		v[0] = 1
	}
	v = binary.LittleEndian.AppendUint32(v, uint32(days))
	v = append(v, byte(hour), byte(minute), byte(second))
	if micro != 0 {
		v = binary.LittleEndian.AppendUint32(v, uint32(micro))
	}
	return Parameter{Type: mysql.MYSQL_TYPE_TIME, Value: append([]byte{byte(len(v))}, v...)}
}
