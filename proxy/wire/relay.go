package wire

import "fmt"

// relay.go: one whole answer to a query, from a backend to a client. Column definitions, status flags, OKs and errors
// go through a Patcher, since they hold what is the client session's; rows are passed on as they are, frame by frame,
// without being decoded or joined, so that memory does not depend on what they hold. It knows no names and no flags.

// Patcher changes what of a backend's answer belongs to the client's session.
type Patcher interface {
	// Column appends to dst the column definition that the client sees instead of def.
	Column(dst, def []byte) []byte
	// Status gives the status flags that the client sees; it decides StatusMoreResultsExists too.
	Status(backend uint16) uint16
	// Error may change an error in place.
	Error(e *Error)
	// OK may change an OK packet in place, after Status was applied to it. Neither ok nor its Info may be kept.
	OK(ok *OK)
}

// OutcomeKind says what an answer was.
type OutcomeKind uint8

// The kinds of answers. OutcomeNone: the backend broke before the answer's end.
const (
	OutcomeNone OutcomeKind = iota
	OutcomeOK
	OutcomeError
	OutcomeRows
)

// Outcome is what Relay saw pass, as the backend sent it.
type Outcome struct {
	Kind         OutcomeKind
	AffectedRows uint64
	LastInsertID uint64
	Status       uint16 // unpatched, of the answer's last packet; 0 after an error, which ends a multi-result too
	Warnings     uint16
	ErrCode      uint16 // of the backend's error, or 3948 for a refused LOAD DATA LOCAL
	Rows         uint64 // complete rows
	Columns      int
	Started      bool // something of this answer is in dst's buffer or beyond
	Torn         bool // dst stands inside a row: the client cannot even be told of an error, only be disconnected
}

// Side is one of the two connections of a relay.
type Side uint8

// The sides.
const (
	SideClient Side = iota + 1
	SideBackend
)

func (s Side) String() string {
	if s == SideClient {
		return "client"
	}
	return "backend"
}

// SideError says on which side a relay broke.
type SideError struct {
	Side Side
	Err  error
}

func (e *SideError) Error() string { return fmt.Sprintf("relay: %s: %v", e.Side, e.Err) }

// Unwrap gives the cause.
func (e *SideError) Unwrap() error { return e.Err }

// backendError and clientError give an error its side. A backend that closes inside an answer breaks it.
func backendError(err error) error { return &SideError{SideBackend, noCleanEOF(err)} }

func clientError(err error) error {
	if err == nil {
		return nil
	}
	return &SideError{SideClient, err}
}

// errLocalInfile answers LOAD DATA LOCAL, with the words of a server that has it off.
func errLocalInfile() *Error {
	return &Error{Code: 3948, State: "42000", Message: "Loading local data is disabled; this must be enabled on both the client and server sides"}
}

type relay struct {
	dst, src *Conn
	p        Patcher
	out      Outcome
}

// Relay passes one answer (OK, error, or a result set) from src to dst's write buffer; the caller flushes. While
// Outcome.Status has StatusMoreResultsExists there is another answer to be relayed. A backend's error packet is an
// answer like others, no error. A broken connection is a *SideError: if the backend broke and the outcome is not Torn
// then the client can be sent an error packet, in the place of the rest of the answer. It allocates nothing, but for
// error packets.
func Relay(dst, src *Conn, p Patcher) (Outcome, error) {
	r := relay{dst: dst, src: src, p: p}
	err := r.answer()
	return r.out, err
}

func (r *relay) answer() error {
	first, err := r.src.ReadPacket()
	switch {
	case err != nil:
		return backendError(err)
	case IsOK(first):
		return r.okPacket(first)
	case IsError(first):
		return r.errorPacket(first)
	case IsLocalInfile(first) && r.mayAsk():
		return r.infile(first)
	case IsLocalInfile(first):
		return r.refuseInfile()
	}
	columns, err := columnCount(first)
	if err != nil {
		return backendError(err)
	}
	r.out.Columns = columns
	r.out.Started = true
	if err := r.dst.WritePacket(first); err != nil {
		return clientError(err)
	}
	if done, err := r.columns(columns); done || err != nil {
		return err
	}
	return r.rows()
}

// maxColumns bounds what a broken server can claim; servers allow 4096.
const maxColumns = 1 << 16

// columnCount reads the packet that begins a result set.
func columnCount(p []byte) (int, error) {
	n, used, ok := ReadLenEncInt(p)
	if !ok || used != len(p) || n == 0 || n > maxColumns {
		return 0, malformed("column count", p)
	}
	return int(n), nil
}

// columns passes the definitions and the EOF behind them; done: an error came in their place.
func (r *relay) columns(n int) (done bool, err error) {
	for i := 0; i <= n; i++ {
		def, err := r.src.ReadPacket()
		switch {
		case err != nil:
			return false, backendError(err)
		case IsError(def):
			return true, r.errorPacket(def)
		case i == n:
			return false, r.eofPacket(def, false)
		case IsEOF(def) || len(def) == 0:
			return false, backendError(malformed("column definition", def))
		}
		if err := r.dst.endPacket(r.p.Column(r.dst.beginPacket(), def)); err != nil {
			return false, clientError(err)
		}
	}
	return false, nil
}

func (r *relay) okPacket(p []byte) error {
	ok, err := ParseOK(p)
	if err != nil {
		return backendError(err)
	}
	r.out.Kind = OutcomeOK
	r.out.AffectedRows, r.out.LastInsertID = ok.AffectedRows, ok.LastInsertID
	r.out.Status, r.out.Warnings = ok.Status, ok.Warnings
	r.out.Started = true
	seen := &r.dst.ok
	*seen = ok
	seen.Status = r.p.Status(ok.Status)
	r.p.OK(seen)
	err = r.dst.WriteOK(seen)
	*seen = OK{}
	return clientError(err)
}

func (r *relay) errorPacket(p []byte) error {
	e, err := ParseError(p)
	if err != nil {
		return backendError(err)
	}
	r.out.ErrCode = e.Code
	r.p.Error(e)
	return r.sendError(e)
}

func (r *relay) sendError(e *Error) error {
	r.out.Kind, r.out.Status, r.out.Warnings = OutcomeError, 0, 0
	r.out.Started = true
	return clientError(r.dst.WriteError(e))
}

// eofPacket passes an EOF with the client's flags, in the layout of its place.
func (r *relay) eofPacket(p []byte, rowsEnd bool) error {
	warnings, status, err := ParseEOF(p)
	if err != nil {
		return backendError(err)
	}
	r.out.Status, r.out.Warnings = status, warnings
	if status = r.p.Status(status); rowsEnd {
		return clientError(r.dst.WriteRowsEnd(warnings, status))
	}
	return clientError(r.dst.WriteColumnsEnd(warnings, status))
}

// refuseInfile answers a request for a file of the client: the backend gets an empty file, the client an error.
func (r *relay) refuseInfile() error {
	if _, err := giveNoFile(r.src); err != nil {
		return backendError(err)
	}
	e := errLocalInfile()
	r.out.ErrCode = e.Code
	return r.sendError(e)
}

// giveNoFile ends a LOAD DATA LOCAL that src asks a file for, and returns the answer to it.
func giveNoFile(src *Conn) ([]byte, error) {
	if err := src.WritePacket(nil); err != nil {
		return nil, err
	}
	if err := src.Flush(); err != nil {
		return nil, err
	}
	return src.ReadPacket()
}
