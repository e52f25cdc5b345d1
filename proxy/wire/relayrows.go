package wire

// relayrows.go: the part of a relay that most bytes take. Frames that lie whole in the backend's buffer are
// renumbered there and written as one block; a frame larger than the buffer is passed as it comes. Only the first byte
// of a row is looked at.

// rows passes rows up to and with the EOF or error that ends them.
func (r *relay) rows() error {
	for {
		if err := r.block(); err != nil {
			return err
		}
		length, err := r.src.peekHeader()
		if err != nil {
			return backendError(err)
		}
		if !r.out.Torn { // the frame begins a row, or ends the rows
			if length == 0 {
				return backendError(malformed("row", nil))
			}
			if err := r.src.fill(headerSize + 1); err != nil {
				return backendError(err)
			}
			if endsRows(r.src.rbuf[r.src.r+headerSize], length) {
				return r.end()
			}
		}
		if length <= bufferSize-headerSize {
			if err := r.src.fill(headerSize + length); err != nil {
				return backendError(err)
			}
			continue // block takes it, and what came with it
		}
		if err := r.straight(length); err != nil {
			return err
		}
	}
}

// endsRows tells whether a frame that stands where a row could begin is an EOF or an error.
func endsRows(first byte, length int) bool {
	return first == headerError || first == headerEOF && length < 9
}

// block passes the frames of rows that are whole in the buffer. An incomplete frame stays there, so that a backend
// which breaks leaves the client between two frames.
func (r *relay) block() error {
	src, dst := r.src, r.dst
	buf, at := src.rbuf[:src.w], src.r
	for len(buf)-at >= headerSize {
		length := int(buf[at]) | int(buf[at+1])<<8 | int(buf[at+2])<<16
		next := at + headerSize + length
		if next > len(buf) || buf[at+3] != src.seq {
			break // rows waits for the rest, or reports the number
		}
		if !r.out.Torn && (length == 0 || endsRows(buf[at+headerSize], length)) {
			break
		}
		buf[at+3] = dst.seq
		dst.seq++
		src.seq++
		at = next
		r.out.Rows++
		r.out.Torn = false
	}
	if at == src.r {
		return nil
	}
	dst.write(buf[src.r:at])
	src.r = at
	return clientError(dst.werr)
}

// straight passes a frame that is larger than the buffer.
func (r *relay) straight(length int) error {
	src, dst := r.src, r.dst
	src.skipHeader()
	r.out.Torn = true
	dst.writeHeader(length)
	for left := length; left > 0; {
		if src.Buffered() == 0 {
			if err := src.fill(1); err != nil {
				return backendError(err)
			}
		}
		k := min(left, src.Buffered())
		dst.write(src.rbuf[src.r : src.r+k])
		if dst.werr != nil {
			return clientError(dst.werr)
		}
		src.r += k
		left -= k
	}
	if length < maxFrame {
		r.out.Torn = false
		r.out.Rows++
	}
	return nil
}

// end passes the packet behind the last row.
func (r *relay) end() error {
	p, err := r.src.ReadPacket()
	if err != nil {
		return backendError(err)
	}
	if IsError(p) {
		return r.errorPacket(p)
	}
	if err := r.eofPacket(p, true); err != nil {
		return err
	}
	r.out.Kind = OutcomeRows
	return nil
}
