package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"runtime"
	"testing"
	"time"
)

// testPatcher renames the table and gives the client's flags.
type testPatcher struct{ status uint16 }

func (p *testPatcher) Column(dst, def []byte) []byte {
	if i := bytes.Index(def, []byte("\x01u\x05users")); i >= 0 {
		dst = append(dst, def[:i]...)
		dst = append(dst, "\x01u\x06people"...)
		return append(dst, def[i+len("\x01u\x05users"):]...)
	}
	return append(dst, def...)
}
func (p *testPatcher) Status(s uint16) uint16 { return p.status | s&StatusMoreResultsExists }
func (p *testPatcher) Error(e *Error)         { e.Message = "logical: " + e.Message }
func (p *testPatcher) OK(ok *OK)              { ok.LastInsertID++ }

const patchedColumn = "\x03def\x04shop\x01u\x06people\x02id\x02id\x0c\x3f\x00\x14\x00\x00\x00\x08\x03\x42\x00\x00\x00"

// relayCase: the payloads that the backend sends and that the client is to see.
type relayCase struct {
	name     string
	in, out  [][]byte
	want     Outcome
	toServer []byte // what the backend gets from the relay
}

func resultSet(rows ...[]byte) (in, out [][]byte) {
	in = append([][]byte{{1}, []byte(goldenColumn), AppendEOF(nil, 0, 2)}, rows...)
	out = append([][]byte{{1}, []byte(patchedColumn), AppendEOF(nil, 0, 1)}, rows...)
	return append(in, AppendEOF(nil, 5, 0x22)), append(out, AppendEOF(nil, 5, 1))
}

func relayCases() []relayCase {
	rows := func(name string, payloads ...[]byte) relayCase {
		in, out := resultSet(payloads...)
		return relayCase{name: name, in: in, out: out, want: Outcome{Kind: OutcomeRows, Status: 0x22, Warnings: 5,
			Rows: uint64(len(payloads)), Columns: 1, Started: true}}
	}
	many := make([][]byte, 3000)
	for i := range many {
		many[i] = AppendLenEncBytes(nil, patterned(i%97))
	}
	long := append([]byte{0xfe, 0, 0, 0, 1, 0, 0, 0, 0}, make([]byte, 1<<24)...)
	e := &Error{Code: 1317, State: "70100", Message: "Query execution was interrupted"}
	seen := &Error{Code: 1317, State: "70100", Message: "logical: Query execution was interrupted"}
	errIn, errOut := AppendError(nil, e), AppendError(nil, seen)
	in, out := resultSet([]byte{1, 'a'})
	n := len(in) - 1
	return []relayCase{
		rows("no rows"),
		rows("one row", []byte{1, 'a'}),
		rows("NULL and empty", []byte{0xfb}, []byte{0}),
		rows("many rows", many...),
		rows("rows around the buffer", patterned(16379), patterned(16380), patterned(16381), patterned(100000), []byte{0}),
		rows("rows of 16 MiB", patterned(maxFrame), long, patterned(2*maxFrame), []byte{1, 'z'}),
		{name: "OK", in: [][]byte{AppendOK(nil, &OK{AffectedRows: 2, LastInsertID: 9, Status: 2, Warnings: 1, Info: []byte("i")})},
			out:  [][]byte{AppendOK(nil, &OK{AffectedRows: 2, LastInsertID: 10, Status: 1, Warnings: 1, Info: []byte("i")})},
			want: Outcome{Kind: OutcomeOK, AffectedRows: 2, LastInsertID: 9, Status: 2, Warnings: 1, Started: true}},
		{name: "error", in: [][]byte{errIn}, out: [][]byte{errOut},
			want: Outcome{Kind: OutcomeError, ErrCode: 1317, Started: true}},
		{name: "error among definitions", in: [][]byte{{1}, errIn}, out: [][]byte{{1}, errOut},
			want: Outcome{Kind: OutcomeError, ErrCode: 1317, Columns: 1, Started: true}},
		{name: "error among rows", in: append(in[:n:n], errIn), out: append(out[:n:n], errOut),
			want: Outcome{Kind: OutcomeError, ErrCode: 1317, Columns: 1, Rows: 1, Started: true}},
		{name: "local infile", in: [][]byte{[]byte("\xfb/etc/passwd")}, out: [][]byte{AppendError(nil, errLocalInfile())},
			want: Outcome{Kind: OutcomeError, ErrCode: 3948, Started: true}, toServer: []byte{0, 0, 0, 2}},
	}
}

// sent is what a backend sends after a command; a request for a file is answered in between.
func (tt *relayCase) sent() []byte {
	in := frames(1, tt.in...)
	if tt.toServer != nil {
		in = append(in, frames(3, AppendOK(nil, &OK{}))...)
	}
	return in
}

func TestRelay(t *testing.T) {
	for _, tt := range relayCases() {
		in := tt.sent()
		for _, step := range []int{1, 7, 1000, 0} {
			if step == 1 && len(in) > 1<<20 {
				step = 16384 - 7
			}
			for _, seq := range []uint8{1, 200, 65} { // the client's numbers agree with the backend's, or not; 65: DEPRECATE_EOF
				want := tt.out
				back := &memConn{in: bytes.Clone(in), step: step}
				front := &memConn{}
				src, dst := NewConn(back), NewConn(front)
				src.seq, dst.seq = 1, seq
				if seq == 65 {
					dst.SetCapabilities(CapDeprecateEOF)
					want = withoutEOF(want)
				}
				got, err := Relay(dst, src, &testPatcher{status: 1})
				if err := errors.Join(err, dst.Flush()); err != nil {
					t.Fatalf("%s, step %d: %v", tt.name, step, err)
				}
				if !reflect.DeepEqual(got, tt.want) {
					t.Fatalf("%s, step %d: %+v, want %+v", tt.name, step, got, tt.want)
				}
				if !bytes.Equal(front.out, frames(seq, want...)) {
					t.Fatalf("%s, step %d, number %d: the client got other bytes", tt.name, step, seq)
				}
				if src.Buffered() != 0 || !bytes.Equal(back.out, tt.toServer) {
					t.Fatalf("%s: %d bytes left, backend got % x", tt.name, src.Buffered(), back.out)
				}
			}
		}
	}
}

// withoutEOF is what a client with DEPRECATE_EOF sees of an answer.
func withoutEOF(out [][]byte) [][]byte {
	var seen [][]byte
	for i, p := range out {
		if warnings, status, err := ParseEOF(p); err != nil {
			seen = append(seen, p)
		} else if i > 2 { // 2 is behind the columns
			end := AppendOK(nil, &OK{Status: status, Warnings: warnings})
			end[0] = headerEOF
			seen = append(seen, end)
		}
	}
	return seen
}

// A backend that breaks at any byte is a backend's error, and the client stands between two packets unless Torn.
func TestRelayBackendBreaks(t *testing.T) {
	payloads, _ := resultSet([]byte{1, 'a'}, patterned(300), patterned(20000), []byte{0})
	in := frames(1, payloads...)
	for cut := range in {
		if cut > 500 && cut < len(in)-200 && cut%997 != 0 {
			continue
		}
		front := &memConn{}
		src, dst := NewConn(&memConn{in: bytes.Clone(in[:cut])}), NewConn(front)
		src.seq, dst.seq = 1, 1
		out, err := Relay(dst, src, &testPatcher{})
		var side *SideError
		if !errors.As(err, &side) || side.Side != SideBackend || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if out.Torn {
			continue
		}
		if err := errors.Join(dst.WriteError(&Error{Code: 2013, State: "HY000", Message: "lost"}), dst.Flush()); err != nil {
			t.Fatal(err)
		}
		client := NewConn(&memConn{in: front.out})
		client.seq = 1
		var last []byte
		for {
			p, err := client.ReadPacket()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("cut at %d: the client sees %v", cut, err)
			}
			last = p
		}
		if !IsError(last) || out.Started != (len(front.out) > 20) {
			t.Fatalf("cut at %d: last packet % x, %+v", cut, last, out)
		}
	}
}

func TestRelayRefusesNonsense(t *testing.T) {
	tests := map[string][]byte{
		"empty answer":       frames(1, nil),
		"EOF as answer":      frames(1, AppendEOF(nil, 0, 0)),
		"lying column count": frames(1, []byte{0xfe, 255, 255, 255, 255, 255, 255, 255, 255}),
		"EOF too early":      frames(1, []byte{2}, []byte(goldenColumn), AppendEOF(nil, 0, 0)),
		"empty row":          frames(1, []byte{1}, []byte(goldenColumn), AppendEOF(nil, 0, 0), nil),
		"numbers": append(frames(1, []byte{1}, []byte(goldenColumn), AppendEOF(nil, 0, 0)),
			frames(9, []byte{1, 'a'})...),
		"short EOF": frames(1, []byte{1}, []byte(goldenColumn), []byte{0xfe}),
	}
	for name, in := range tests {
		src, dst := NewConn(&memConn{in: in}), NewConn(&memConn{})
		src.seq = 1
		_, err := Relay(dst, src, &testPatcher{})
		var side *SideError
		if !errors.As(err, &side) || side.Side != SideBackend {
			t.Errorf("%s: %v", name, err)
		}
		src = NewConn(&memConn{in: in})
		src.seq = 1
		if r, err := ReadResult(src); err == nil {
			if err = r.Discard(); err == nil {
				t.Errorf("%s: ReadResult takes it", name)
			}
		}
	}
}

func TestRelayClientBreaks(t *testing.T) {
	for _, failAfter := range []int{1, 40000} {
		payloads, _ := resultSet(bytes.Split(bytes.Repeat([]byte("\x08abcdefgh\x00"), 20000), []byte{0})[:20000]...)
		src, dst := NewConn(&memConn{in: frames(1, payloads...)}), NewConn(&memConn{failAfter: failAfter})
		src.seq, dst.seq = 1, 1
		_, err := Relay(dst, src, &testPatcher{})
		var side *SideError
		if !errors.As(err, &side) || side.Side != SideClient || !errors.Is(err, io.ErrClosedPipe) {
			t.Fatalf("fails after %d: %v", failAfter, err)
		}
	}
}

// A row of 1 GiB needs two blocks and no more.
func TestRelayLongRowInBoundedMemory(t *testing.T) {
	head := frames(1, []byte{1}, []byte(goldenColumn), AppendEOF(nil, 0, 2))
	src := NewConn(&endlessConn{memConn: memConn{in: head}, frames: 64, seq: 4})
	dst := NewConn(&memConn{discard: true})
	src.seq, dst.seq = 1, 1
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	out, err := Relay(dst, src, &testPatcher{})
	if err != nil || out.Rows != 1 || out.Torn {
		t.Fatalf("%+v, %v", out, err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 3*bufferSize || src.large != nil {
		t.Fatalf("%d bytes allocated", got)
	}
	t.Logf("1 GiB in %v", time.Since(start))
}

// endlessConn sends full frames, an empty one and an EOF after what memConn has.
type endlessConn struct {
	memConn
	frames, left int
	seq          uint8
}

func (e *endlessConn) Read(p []byte) (int, error) {
	if len(e.in) == 0 && e.left == 0 {
		switch {
		case e.frames > 0:
			e.in, e.left = []byte{0xff, 0xff, 0xff, e.seq, 0xfe}, maxFrame-1
		case e.frames == 0:
			e.in = append([]byte{0, 0, 0, e.seq}, frames(e.seq+1, AppendEOF(nil, 0, 2))...)
		}
		e.frames--
		e.seq++
	}
	if len(e.in) > 0 || e.left == 0 {
		return e.memConn.Read(p)
	}
	n := min(len(p), e.left)
	clear(p[:n])
	e.left -= n
	return n, nil
}

func TestReadResult(t *testing.T) {
	for _, tt := range relayCases() {
		in := tt.sent()
		for _, step := range []int{5, 0} {
			if len(in) > 1<<20 {
				step = 0
			}
			src := NewConn(&memConn{in: bytes.Clone(in), step: step})
			src.seq = 1
			r, err := ReadResult(src)
			var e *Error
			switch {
			case tt.want.Kind == OutcomeOK:
				if err != nil || r.OK.AffectedRows != 2 || r.Status != 2 || string(r.OK.Info) != "i" {
					t.Fatalf("%s: %+v, %v", tt.name, r, err)
				}
				continue
			case tt.want.Kind == OutcomeError && tt.want.Rows == 0:
				if !errors.As(err, &e) || e.Code != tt.want.ErrCode {
					t.Fatalf("%s: %v", tt.name, err)
				}
				continue
			case err != nil || len(r.Columns) != 1 || string(r.Columns[0]) != goldenColumn:
				t.Fatalf("%s: %+v, %v", tt.name, r, err)
			}
			for i := range tt.want.Rows {
				row, err := r.Next()
				if err != nil || !bytes.Equal(row, tt.in[3+i]) {
					t.Fatalf("%s: row %d: %d bytes, %v", tt.name, i, len(row), err)
				}
			}
			_, err = r.Next()
			if tt.want.Kind == OutcomeError {
				if !errors.As(err, &e) || e.Code != tt.want.ErrCode || !errors.As(r.Discard(), &e) {
					t.Fatalf("%s: end %v", tt.name, err)
				}
			} else if err != io.EOF || r.Status != 0x22 || r.Warnings != 5 || r.Discard() != nil || r.MoreResults() {
				t.Fatalf("%s: end %v, %+v", tt.name, err, r)
			}
		}
	}
}

// FuzzRelay: a relay and a reader of results agree on what an answer is.
func FuzzRelay(f *testing.F) {
	for _, tt := range relayCases() {
		if in := tt.sent(); len(in) < 1<<16 {
			f.Add(in, uint8(3))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		front := &memConn{}
		src, dst := NewConn(&memConn{in: bytes.Clone(in), step: int(step)}), NewConn(front)
		src.seq, dst.seq = 1, 1
		out, err := Relay(dst, src, &testPatcher{})
		_ = dst.Flush()
		plain := NewConn(&memConn{in: bytes.Clone(in)})
		plain.seq = 1
		r, readErr := ReadResult(plain)
		rows := uint64(0)
		for readErr == nil {
			if _, readErr = r.Next(); readErr == nil {
				rows++
			}
		}
		var e *Error
		answered := readErr == io.EOF || errors.As(readErr, &e)
		if (err == nil) != answered || rows != out.Rows {
			t.Fatalf("relay: %+v, %v; reader: %d rows, %v", out, err, rows, readErr)
		}
	})
}

// oneRow is the answer to a point select.
func oneRow() []byte {
	in, _ := resultSet(AppendLenEncBytes(nil, patterned(120)))
	return frames(1, in...)
}

func relayOnce(tb testing.TB, dst, src *Conn, p Patcher, in *memConn, answer []byte) {
	in.in = answer
	src.seq, dst.seq = 1, 1
	if _, err := Relay(dst, src, p); err != nil {
		tb.Fatal(err)
	}
	if err := dst.Flush(); err != nil {
		tb.Fatal(err)
	}
}

func TestRelayAllocatesNothing(t *testing.T) {
	for name, answer := range map[string][]byte{"one row": oneRow(), "OK": frames(1, AppendOK(nil, &OK{Info: []byte("x")}))} {
		in, out := &memConn{}, &memConn{discard: true}
		src, dst := NewConn(in), NewConn(out)
		var p Patcher = &testPatcher{status: 1}
		n := testing.AllocsPerRun(200, func() { relayOnce(t, dst, src, p, in, answer) })
		if n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if out.writes != in.reads {
			t.Errorf("%s: %d reads, %d writes", name, in.reads, out.writes)
		}
	}
}

func BenchmarkRelayOneRow(b *testing.B) {
	in := &memConn{}
	src, dst := NewConn(in), NewConn(&memConn{discard: true})
	answer, p := oneRow(), Patcher(&testPatcher{status: 1})
	b.ReportAllocs()
	for b.Loop() {
		relayOnce(b, dst, src, p, in, answer)
	}
}

func BenchmarkRelayManyRows(b *testing.B) {
	rows := make([][]byte, 10000)
	for i := range rows {
		rows[i] = AppendLenEncBytes(nil, patterned(120))
	}
	payloads, _ := resultSet(rows...)
	answer := frames(1, payloads...)
	in := &memConn{}
	src, dst := NewConn(in), NewConn(&memConn{discard: true})
	p := Patcher(&testPatcher{status: 1})
	b.SetBytes(int64(len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		relayOnce(b, dst, src, p, in, answer)
	}
}
