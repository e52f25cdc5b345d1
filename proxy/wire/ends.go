package wire

import "encoding/binary"

// ends.go: the packets that end answers and parts of answers, in the layout that was agreed on with the peer. With
// CapDeprecateEOF there is no packet behind column definitions, and rows end in an OK packet with the header 0xFE
// (page_protocol_basic_ok_packet, page_protocol_com_query_response_text_resultset). A row may begin with 0xFE too: it
// then holds a value of 16 MiB or more, so its first frame is a full one, which no OK packet is.

// WriteOK puts an OK packet into the write buffer.
func (c *Conn) WriteOK(ok *OK) error { return c.endPacket(AppendOK(c.beginPacket(), ok)) }

// WriteColumnsEnd puts what follows a list of definitions into the write buffer: the columns of a result, the
// parameters or columns of a prepared statement. It is nothing with CapDeprecateEOF. (A result set that is left on the
// server for COM_STMT_FETCH ends behind its columns: there WriteRowsEnd is due.)
func (c *Conn) WriteColumnsEnd(warnings, status uint16) error {
	if c.caps&CapDeprecateEOF != 0 {
		return c.werr
	}
	return c.endPacket(AppendEOF(c.beginPacket(), warnings, status))
}

// WriteRowsEnd puts what ends a result's rows into the write buffer, which is also the answer to commands that are
// answered by an EOF packet: COM_SET_OPTION, COM_FIELD_LIST's end, COM_STMT_FETCH's end.
func (c *Conn) WriteRowsEnd(warnings, status uint16) error {
	if c.caps&CapDeprecateEOF == 0 {
		return c.endPacket(AppendEOF(c.beginPacket(), warnings, status))
	}
	p := append(c.beginPacket(), headerEOF, 0, 0) // no rows affected, no id
	p = binary.LittleEndian.AppendUint16(p, status)
	return c.endPacket(binary.LittleEndian.AppendUint16(p, warnings))
}

// WriteColumnCount puts the packet that begins a result set into the write buffer.
func (c *Conn) WriteColumnCount(n int) error {
	return c.endPacket(AppendLenEncInt(c.beginPacket(), uint64(n)))
}
