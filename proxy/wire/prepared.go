package wire

import "encoding/binary"

// prepared.go: the answer to COM_STMT_PREPARE
// (https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_prepare.html): read from a backend, written
// to a client.

// Prepared is a server's answer to COM_STMT_PREPARE.
type Prepared struct {
	Statement  uint32
	Parameters [][]byte // raw definitions (ParseColumn); nil when ReadPrepared was told to drop them
	Columns    [][]byte // likewise
	Warnings   uint16
	// ParameterCount and ColumnCount are there whether or not the definitions were kept.
	ParameterCount, ColumnCount int
}

// ReadPrepared reads the answer to COM_STMT_PREPARE. keep: the definitions are wanted. An error packet is returned as
// *Error; any other error means that src cannot be used any more.
func ReadPrepared(src *Conn, keep bool) (*Prepared, error) {
	p, err := src.ReadPacket()
	switch {
	case err != nil:
		return nil, noCleanEOF(err)
	case IsError(p):
		return nil, serverError(p)
	case len(p) < 12 || p[0] != headerOK:
		return nil, malformed("COM_STMT_PREPARE_OK", p)
	}
	s := &Prepared{
		Statement:      binary.LittleEndian.Uint32(p[1:]),
		ColumnCount:    int(binary.LittleEndian.Uint16(p[5:])),
		ParameterCount: int(binary.LittleEndian.Uint16(p[7:])),
		Warnings:       binary.LittleEndian.Uint16(p[10:]),
	}
	if s.Parameters, err = readDefinitions(src, s.ParameterCount, keep); err != nil {
		return nil, err
	}
	s.Columns, err = readDefinitions(src, s.ColumnCount, keep)
	return s, err
}

// readDefinitions reads n definitions and the EOF behind them; nothing when n is 0.
func readDefinitions(src *Conn, n int, keep bool) ([][]byte, error) {
	if n == 0 {
		return nil, nil
	}
	var defs [][]byte
	for range n {
		p, err := src.ReadPacket()
		switch {
		case err != nil:
			return nil, noCleanEOF(err)
		case IsError(p) || IsEOF(p):
			return nil, malformed("definition", p)
		case keep:
			defs = append(defs, append([]byte(nil), p...))
		}
	}
	p, err := src.ReadPacket()
	if err != nil {
		return nil, noCleanEOF(err)
	}
	if !IsEOF(p) {
		return nil, malformed("EOF", p)
	}
	return defs, nil
}

// AppendPrepareOK appends the packet that begins the answer to COM_STMT_PREPARE.
func AppendPrepareOK(dst []byte, statement uint32, columns, parameters int, warnings uint16) []byte {
	dst = append(dst, headerOK)
	dst = binary.LittleEndian.AppendUint32(dst, statement)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(columns))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(parameters))
	dst = append(dst, 0)
	return binary.LittleEndian.AppendUint16(dst, warnings)
}
