package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestAskFile(t *testing.T) {
	question := append([]byte{headerLocalInfile}, "file"...)
	large := patterned(maxFrame)
	for _, pieces := range [][][]byte{
		{nil},
		{[]byte("ab"), []byte("c"), nil},
		{patterned(100000), patterned(5), nil},
		{large, []byte("behind"), nil},
	} {
		front := &memConn{in: append(frames(2, pieces...), frames(0, []byte("next"))...)}
		c := NewConn(front)
		c.seq = 1
		f, err := c.AskFile(question)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		if want := bytes.Join(pieces, nil); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes, %v, want %d", len(got), err, len(want))
		}
		if !bytes.Equal(front.out, frames(1, question)) {
			t.Errorf("the client was asked %q", front.out)
		}
		if err := f.Drain(); err != nil {
			t.Error(err)
		}
		c.ResetSequence()
		if p, err := c.ReadPacket(); err != nil || string(p) != "next" {
			t.Errorf("behind the file: %q, %v", p, err)
		}
	}
}

func TestAskFileOfGoneClient(t *testing.T) {
	for _, in := range [][]byte{frames(2, []byte("abc")), frames(2, []byte("abc"))[:5], nil} {
		c := NewConn(&memConn{in: in})
		c.seq = 1
		f, err := c.AskFile([]byte{headerLocalInfile})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(f); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestGiveFile(t *testing.T) {
	question := append([]byte{headerLocalInfile}, "file"...)
	refused := &Error{Code: 1366, State: "HY000", Message: "Incorrect"}
	for _, answer := range [][]byte{okPacketForTest(), AppendError(nil, refused)} {
		back := &memConn{in: append(frames(1, question), frames(11, answer)...)}
		c := NewConn(back)
		if err := errors.Join(c.WriteCommand(ComQuery, []byte("LOAD")), c.Flush()); err != nil {
			t.Fatal(err)
		}
		sent := len(back.out)
		if q, err := c.FileQuestion(); err != nil || !bytes.Equal(q, question) {
			t.Fatalf("%q, %v", q, err)
		}
		data := patterned(7*filePiece + 3)
		ok, err := c.GiveFile(data)
		var e *Error
		if IsError(answer) && (!errors.As(err, &e) || e.Code != 1366) || IsOK(answer) && (err != nil || ok.AffectedRows != 3) {
			t.Errorf("%+v, %v", ok, err)
		}
		var pieces [][]byte
		for len(data) > 0 {
			n := min(len(data), filePiece)
			pieces, data = append(pieces, data[:n]), data[n:]
		}
		if want := frames(2, append(pieces, nil)...); !bytes.Equal(back.out[sent:], want) {
			t.Errorf("the server was given %d bytes, want %d", len(back.out)-sent, len(want))
		}
	}
}

func TestFileQuestionRefused(t *testing.T) {
	c := NewConn(&memConn{in: frames(0, AppendError(nil, errLocalInfile()))})
	var e *Error
	if _, err := c.FileQuestion(); !errors.As(err, &e) || e.Code != 3948 {
		t.Error(err)
	}
	c = NewConn(&memConn{in: frames(0, okPacketForTest())})
	if _, err := c.FileQuestion(); !errors.Is(err, ErrLocalFile) {
		t.Error(err)
	}
}

func okPacketForTest() []byte { return AppendOK(nil, &OK{AffectedRows: 3, Status: 2}) }
