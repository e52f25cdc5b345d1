package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// filePatcher lets the backend ask.
type filePatcher struct{ testPatcher }

func (filePatcher) AsksForFile() bool { return true }

// infileConns are the two sides of a relay in which the backend asks for a file and the client sends pieces.
func infileConns(answer []byte, pieces ...[]byte) (dst, src *Conn, front, back *memConn) {
	back = &memConn{in: frames(1, append([]byte{headerLocalInfile}, "file"...))}
	front = &memConn{in: frames(2, pieces...)}
	dst, src = NewConn(front), NewConn(back)
	src.seq, dst.seq = 1, 1
	dst.SetCapabilities(CapLocalFiles)
	if answer != nil { // its number: question, pieces with their frames, answer
		seq := uint8(2)
		for _, p := range pieces {
			seq += uint8(len(p)/maxFrame + 1)
		}
		back.in = append(back.in, frames(seq, answer)...)
	}
	return dst, src, front, back
}

func TestInfile(t *testing.T) {
	ok := AppendOK(nil, &OK{AffectedRows: 2, Status: 2, Info: []byte("Records: 2")})
	failed := AppendError(nil, &Error{Code: 1062, State: "23000", Message: "Duplicate entry"})
	full := patterned(maxFrame)
	tests := []struct {
		name   string
		pieces [][]byte
		answer []byte
		want   OutcomeKind
	}{
		{"empty file", [][]byte{nil}, ok, OutcomeOK},
		{"small", [][]byte{[]byte("1\t2\n"), nil}, ok, OutcomeOK},
		{"many", append(bytes.Split(bytes.Repeat([]byte("1\t2;"), 90), []byte(";"))[:90], nil), ok, OutcomeOK},
		{"large", [][]byte{patterned(5 << 20), patterned(100), nil}, ok, OutcomeOK},
		{"full frames", [][]byte{full, patterned(2 * maxFrame), nil}, ok, OutcomeOK},
		{"refused", [][]byte{patterned(100), nil}, failed, OutcomeError},
	}
	for _, tt := range tests {
		dst, src, front, back := infileConns(tt.answer, tt.pieces...)
		out, err := Relay(dst, src, &filePatcher{})
		if err := errors.Join(err, dst.Flush()); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if out.Kind != tt.want || !bytes.Equal(back.out, frames(2, tt.pieces...)) {
			t.Errorf("%s: %+v, %d bytes went to the backend", tt.name, out, len(back.out))
		}
		if !bytes.HasPrefix(front.out, frames(1, append([]byte{headerLocalInfile}, "file"...))) || src.Buffered() > 0 || dst.Buffered() > 0 {
			t.Errorf("%s: % x", tt.name, front.out[:min(len(front.out), 40)])
		}
	}
}

// A client that breaks in the middle must not look like one whose file has ended.
func TestInfileClientBreaks(t *testing.T) {
	whole := frames(2, patterned(100), patterned(30000), nil)
	for cut := range whole {
		if cut > 300 && cut < len(whole)-300 && cut%101 != 0 {
			continue
		}
		dst, src, front, back := infileConns(nil)
		front.in = whole[:cut]
		_, err := Relay(dst, src, &filePatcher{})
		_ = src.Flush()
		var side *SideError
		if !errors.As(err, &side) || side.Side != SideClient || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		end := NewConn(&memConn{in: back.out})
		end.seq = 2
		for {
			p, err := end.ReadPacket()
			if err != nil {
				break
			}
			if len(p) == 0 {
				t.Fatalf("cut at %d: the backend was told that the file has ended", cut)
			}
		}
	}
}

// A backend that breaks while the file comes leaves the client where it can be told.
func TestInfileBackendBreaks(t *testing.T) {
	dst, src, front, back := infileConns(nil, patterned(100000), patterned(100000), nil)
	back.failAfter = 50000
	out, err := Relay(dst, src, &filePatcher{})
	var side *SideError
	if !errors.As(err, &side) || side.Side != SideBackend || out.Torn || !out.Started {
		t.Fatalf("%+v, %v", out, err)
	}
	if dst.Buffered() > 0 || len(front.in) > 0 {
		t.Fatal("the client's file was not read to its end")
	}
	if err := errors.Join(dst.WriteError(&Error{Code: 2013, State: "HY000", Message: "lost"}), dst.Flush()); err != nil {
		t.Fatal(err)
	}
	if want := frames(5, AppendError(nil, &Error{Code: 2013, State: "HY000", Message: "lost"})); !bytes.HasSuffix(front.out, want) {
		t.Fatalf("% x", front.out)
	}
}

// Nobody's file is given to a server that was not asked to load one, or of a client that does not give files.
func TestInfileUnasked(t *testing.T) {
	for name, p := range map[string]Patcher{"unasked": &testPatcher{}, "not able": &filePatcher{}} {
		dst, src, front, back := infileConns(AppendError(nil, &Error{Code: 1, State: "HY000", Message: "x"}), nil)
		if name == "not able" {
			dst.SetCapabilities(0)
		}
		out, err := Relay(dst, src, p)
		if err := errors.Join(err, dst.Flush()); err != nil || out.ErrCode != 3948 || bytes.IndexByte(front.out, headerLocalInfile) == 4 {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
		if !bytes.Equal(back.out, frames(2, nil)) {
			t.Errorf("%s: the backend got % x", name, back.out)
		}
	}
}
