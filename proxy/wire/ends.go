package wire

import "encoding/binary"

// ends.go: the packets that end answers and parts of answers, in the layout that was agreed on with the peer. With
// CapDeprecateEOF there is no packet behind column definitions, and rows end in an OK packet with the header 0xFE
// (page_protocol_basic_ok_packet, page_protocol_com_query_response_text_resultset). A row may begin with 0xFE too: it
// then holds a value of 16 MiB or more, so its first frame is a full one, which no OK packet is.

// WriteOK puts an OK packet into the write buffer, with the changes that were noted by Track; ok's own are not sent.
func (c *Conn) WriteOK(ok *OK) error {
	if !c.Tracks() {
		return c.endPacket(AppendOK(c.beginPacket(), ok))
	}
	if c.onEnd != nil {
		c.onEnd(false, true, ok.Status)
	}
	return c.endPacket(c.appendTracked(c.appendOK(c.beginPacket(), headerOK, ok), ok.Info))
}

// appendOK appends an OK packet up to its info.
func (c *Conn) appendOK(dst []byte, header byte, ok *OK) []byte {
	status := ok.Status
	if c.hasTracked {
		status |= StatusSessionStateChange
	}
	dst = append(dst, header)
	dst = AppendLenEncInt(AppendLenEncInt(dst, ok.AffectedRows), ok.LastInsertID)
	dst = binary.LittleEndian.AppendUint16(dst, status)
	return binary.LittleEndian.AppendUint16(dst, ok.Warnings)
}

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
	if c.onEnd != nil && c.onEnd(true, c.caps&CapDeprecateEOF != 0, status) {
		status |= StatusSessionStateChange
	}
	if c.caps&CapDeprecateEOF == 0 {
		return c.endPacket(AppendEOF(c.beginPacket(), warnings, status))
	}
	p := c.appendOK(c.beginPacket(), headerEOF, &OK{Status: status, Warnings: warnings})
	return c.endPacket(c.appendTracked(p, nil))
}

// WriteColumnCount puts the packet that begins a result set into the write buffer.
func (c *Conn) WriteColumnCount(n int) error {
	return c.endPacket(AppendLenEncInt(c.beginPacket(), uint64(n)))
}
