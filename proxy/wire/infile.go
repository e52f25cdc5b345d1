package wire

import "errors"

// infile.go: LOAD DATA LOCAL INFILE: a backend asks for a file of the client's, the client sends it in packets of any
// size and ends it with an empty one (page_protocol_com_query_response_local_infile_request). It passes frame by frame,
// so that memory does not depend on the file. The empty packet means "that was all": it is never sent to a backend for
// a client that broke in the middle, since the backend would commit the half.

// FileAsker is a Patcher for statements that may ask for a file of the client's. A backend that asks while the
// statement does not is refused: it could ask for any file.
type FileAsker interface {
	// AsksForFile tells whether the statement is a LOAD DATA LOCAL.
	AsksForFile() bool
}

// mayAsk tells whether the backend may have the client's file.
func (r *relay) mayAsk() bool {
	a, ok := r.p.(FileAsker)
	return ok && a.AsksForFile() && r.dst.caps&CapLocalFiles != 0
}

// infile passes the question, the file, and the answer to it.
func (r *relay) infile(question []byte) error {
	r.out.Started = true
	if err := errors.Join(r.dst.WritePacket(question), r.dst.Flush()); err != nil {
		return clientError(err)
	}
	lost, err := r.file()
	if err != nil {
		return clientError(noCleanEOF(err))
	}
	if lost == nil {
		lost = r.src.Flush()
	}
	if lost != nil {
		return backendError(lost)
	}
	p, err := r.src.ReadPacket()
	switch {
	case err != nil:
		return backendError(err)
	case IsOK(p):
		return r.okPacket(p)
	case IsError(p):
		return r.errorPacket(p)
	}
	return backendError(malformed("answer to a file", p))
}

// file passes the client's packets up to and with the empty one. When the backend breaks the rest is read and
// forgotten, so that the client can be told: lost is why. err is the client's.
func (r *relay) file() (lost, err error) {
	for joined := false; ; { // joined: the frame continues a packet
		length, err := r.dst.peekHeader()
		if err != nil {
			return lost, err
		}
		r.dst.skipHeader()
		if lost == nil {
			r.src.writeHeader(length)
		}
		for left := length; left > 0; {
			if r.dst.Buffered() == 0 {
				if err := r.dst.fill(1); err != nil {
					return lost, err
				}
			}
			k := min(left, r.dst.Buffered())
			if lost == nil {
				r.src.write(r.dst.rbuf[r.dst.r : r.dst.r+k])
				lost = r.src.werr
			}
			r.dst.r += k
			left -= k
		}
		if length == 0 && !joined {
			r.dst.seq--
			r.dst.nextSequence()
			return lost, nil
		}
		joined = length == maxFrame
	}
}
