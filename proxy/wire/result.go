package wire

import "io"

// result.go: reading one answer for a merge or for the proxy's own use: definitions are kept, rows come one by one.

// Result is one answer of a backend, read row by row.
type Result struct {
	Columns  [][]byte // raw definitions (ParseColumn), owned by the Result; none when OK is set
	OK       *OK      // the answer when it was no result set, with its own copy of Info
	Status   uint16   // of the answer's last packet: for rows, valid after Next returned io.EOF
	Warnings uint16   // likewise

	src *Conn
	end error // how the rows ended; nil while there may be more
}

// ReadResult reads an answer up to its first row. An error packet is returned as *Error; any other error means that
// src cannot be used any more.
func ReadResult(src *Conn) (*Result, error) {
	first, err := src.ReadPacket()
	switch {
	case err != nil:
		return nil, noCleanEOF(err)
	case IsError(first):
		return nil, serverError(first)
	case IsOK(first):
		ok, err := ParseOK(first)
		if err != nil {
			return nil, err
		}
		ok.Info = append([]byte(nil), ok.Info...)
		ok.Track = append([]byte(nil), ok.Track...)
		return &Result{OK: &ok, Status: ok.Status, Warnings: ok.Warnings, end: io.EOF}, nil
	case IsLocalInfile(first):
		if _, err := giveNoFile(src); err != nil {
			return nil, noCleanEOF(err)
		}
		return nil, errLocalInfile()
	}
	n, err := columnCount(first)
	if err != nil {
		return nil, err
	}
	r := &Result{src: src}
	if err := r.readColumns(n); err != nil {
		return nil, err
	}
	return r, nil
}

// readColumns reads n definitions, into one piece of memory, and the EOF behind them.
func (r *Result) readColumns(n int) error {
	var all []byte
	ends := make([]int, 0, min(n, 64))
	for range n {
		def, err := r.src.ReadPacket()
		switch {
		case err != nil:
			return noCleanEOF(err)
		case IsError(def):
			return serverError(def)
		case IsEOF(def):
			return malformed("column definition", def)
		}
		all = append(all, def...)
		ends = append(ends, len(all))
	}
	p, err := r.src.ReadPacket()
	if err != nil {
		return noCleanEOF(err)
	}
	if IsError(p) {
		return serverError(p)
	}
	if r.Warnings, r.Status, err = ParseEOF(p); err != nil {
		return err
	}
	r.Columns = make([][]byte, n)
	start := 0
	for i, end := range ends {
		r.Columns[i] = all[start:end:end]
		start = end
	}
	return nil
}

// serverError is an error packet as a Go error: *Error, or what is wrong with the packet.
func serverError(p []byte) error {
	e, err := ParseError(p)
	if err != nil {
		return err
	}
	return e
}

// Next returns the payload of the next row in the text protocol, valid until the next call. At the end it returns
// io.EOF, and Status and Warnings are set; an error packet in place of a row is returned as *Error. It goes on giving
// the same error.
func (r *Result) Next() ([]byte, error) {
	if r.end != nil {
		return nil, r.end
	}
	p, err := r.src.ReadPacket()
	switch {
	case err != nil:
		r.end = noCleanEOF(err)
	case IsError(p):
		r.end = serverError(p)
	case IsEOF(p):
		if r.Warnings, r.Status, r.end = ParseEOF(p); r.end == nil {
			r.end = io.EOF
		}
	case len(p) == 0:
		r.end = malformed("row", p)
	default:
		return p, nil
	}
	return nil, r.end
}

// Discard reads and forgets the rows that are left, so that the connection can be used again. It returns nil at the
// end of the answer, else what Next would.
func (r *Result) Discard() error {
	for {
		if _, err := r.Next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// MoreResults tells whether another answer follows this one, once it was read to its end.
func (r *Result) MoreResults() bool { return r.Status&StatusMoreResultsExists != 0 }
