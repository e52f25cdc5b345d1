package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"
)

func TestReadPacketSizesAndSplits(t *testing.T) {
	sizes := []int{0, 1, 4, 251, 508, 509, 512, 600, 16379, 16380, 16381, 16384, 40000, 200000}
	for _, step := range []int{1, 3, 511, 16384, 0} {
		for _, idle := range []bool{false, true} {
			var payloads [][]byte
			for _, n := range sizes {
				payloads = append(payloads, patterned(n))
			}
			c := NewConn(&memConn{in: frames(0, payloads...), step: step})
			for i, want := range payloads {
				if idle {
					c.ReleaseBuffers()
				}
				got, err := c.ReadPacket()
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("step %d idle %v: packet %d of %d bytes: got %d bytes, %v", step, idle, i, len(want), len(got), err)
				}
			}
			if _, err := c.ReadPacket(); err != io.EOF {
				t.Fatalf("end: %v, want io.EOF", err)
			}
		}
	}
}

func TestFramesOf16MiB(t *testing.T) {
	for _, n := range []int{maxFrame - 1, maxFrame, maxFrame + 1, 2 * maxFrame} {
		want := patterned(n)
		m := &memConn{}
		c := NewConn(m)
		if err := errors.Join(c.WritePacket(want), c.Flush()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.out, frames(0, want)) {
			t.Fatalf("%d bytes: frames differ", n)
		}
		cmd := &memConn{}
		cc := NewConn(cmd)
		if err := errors.Join(cc.WriteCommand(want[0], want[1:]), cc.Flush()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(cmd.out, m.out) {
			t.Fatalf("%d bytes: WriteCommand differs from WritePacket", n)
		}
		got, err := NewConn(&memConn{in: m.out}).ReadPacket()
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes: read %d bytes, %v", n, len(got), err)
		}
	}
}

func TestReadPacketErrors(t *testing.T) {
	whole := frames(0, []byte("hello"))
	large := frames(0, patterned(50000))
	tests := []struct {
		name string
		in   []byte
		want error
	}{
		{"closed", nil, io.EOF},
		{"in header", whole[:2], io.ErrUnexpectedEOF},
		{"behind header", whole[:4], io.ErrUnexpectedEOF},
		{"in payload", whole[:7], io.ErrUnexpectedEOF},
		{"in a large one", large[:30000], io.ErrUnexpectedEOF},
		{"before the empty frame", frames(0, make([]byte, maxFrame))[:maxFrame+4], io.ErrUnexpectedEOF},
		{"number", frames(3, []byte("x")), ErrSequence},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := NewConn(&memConn{in: tt.in}).ReadPacket(); !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestTooLargeIsDrained(t *testing.T) {
	for _, n := range []int{101, 20000, maxFrame, maxFrame + 5} {
		c := NewConn(&memConn{in: frames(0, patterned(n), []byte("next"))})
		c.SetMaxPacket(100)
		if _, err := c.ReadPacket(); err != ErrPacketTooLarge {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if p, err := c.ReadPacket(); err != nil || string(p) != "next" {
			t.Fatalf("after %d bytes: %q, %v", n, p, err)
		}
		if cap(c.large) > 0 {
			t.Fatalf("kept %d bytes", cap(c.large))
		}
	}
}

// A header that claims 16 MiB must not make the reader allocate them.
func TestLyingLengthAllocatesLittle(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 20 {
		c := NewConn(&memConn{in: []byte{0xff, 0xff, 0xff, 0, 'x'}})
		if _, err := c.ReadPacket(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 20*200<<10 {
		t.Fatalf("allocated %d bytes", got)
	}
}

func TestIdleConnIsSmall(t *testing.T) {
	m := &memConn{in: frames(0, patterned(300), patterned(5000))}
	c := NewConn(m)
	c.ReleaseBuffers()
	if _, err := c.ReadPacket(); err != nil {
		t.Fatal(err)
	}
	if m.reads != 1 || c.rblock != nil {
		t.Fatalf("a small packet took %d reads, block %v", m.reads, c.rblock != nil)
	}
	if _, err := c.ReadPacket(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.WritePacket([]byte("answer")), c.Flush()); err != nil {
		t.Fatal(err)
	}
	c.ReleaseBuffers()
	if c.rblock != nil || c.wblock != nil || c.large != nil {
		t.Fatal("an idle connection holds a block")
	}
	if size := int(sizeOfConn); size > 1<<10 {
		t.Fatalf("a Conn has %d bytes", size)
	}
}

func TestReleaseKeepsWhatIsPending(t *testing.T) {
	m := &memConn{in: append(frames(0, []byte("one")), frames(0, []byte("two"), patterned(2000))...)}
	c := NewConn(m)
	for i, want := range [][]byte{[]byte("one"), []byte("two"), patterned(2000)} {
		if i < 2 {
			c.ResetSequence()
		}
		if p, err := c.ReadPacket(); err != nil || !bytes.Equal(p, want) {
			t.Fatalf("%d: %d bytes, %v", i, len(p), err)
		}
		c.ReleaseBuffers()
	}
	c.ResetSequence()
	if err := c.WritePacket([]byte("pending")); err != nil {
		t.Fatal(err)
	}
	c.ReleaseBuffers()
	if err := c.Flush(); err != nil || !bytes.Equal(m.out, frames(0, []byte("pending"))) {
		t.Fatalf("%q, %v", m.out, err)
	}
}

func TestWritesAreGathered(t *testing.T) {
	m := &memConn{}
	c := NewConn(m)
	var want [][]byte
	for i := range 100 {
		p := patterned(i * 3)
		want = append(want, p)
		if err := c.WritePacket(p); err != nil {
			t.Fatal(err)
		}
	}
	if m.writes != 0 {
		t.Fatalf("%d writes before the buffer was full", m.writes)
	}
	if err := c.Flush(); err != nil || m.writes != 1 || !bytes.Equal(m.out, frames(0, want...)) {
		t.Fatalf("%d writes, %d bytes, %v", m.writes, len(m.out), err)
	}
}

func TestWriteErrorStays(t *testing.T) {
	m := &memConn{failAfter: 10}
	c := NewConn(m)
	if err := c.WritePacket(patterned(100000)); !errors.Is(err, io.ErrClosedPipe) {
		t.Fatal(err)
	}
	m.failAfter = 0
	if err := errors.Join(c.WriteOK(&OK{}), c.WriteCommand(ComPing, nil)); !errors.Is(err, io.ErrClosedPipe) {
		t.Fatalf("later write: %v", err)
	}
	if err := c.Flush(); !errors.Is(err, io.ErrClosedPipe) || len(m.out) != 0 {
		t.Fatalf("flush: %v, %d bytes out", err, len(m.out))
	}
}

func TestGoneAndQuiet(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	near, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := NewConn(near)
	defer c.Close()
	if err := errors.Join(c.Gone(), c.Quiet()); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _ = c.Quiet() }); n != 0 {
		t.Fatalf("Quiet allocates %v times", n)
	}
	if _, err := far.Write([]byte{1}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return c.Quiet() != nil })
	if err := c.Gone(); err != nil {
		t.Fatalf("a peer that sends is there: %v", err)
	}
	var b [1]byte
	if _, err := near.Read(b[:]); err != nil {
		t.Fatal(err)
	}
	far.Close()
	eventually(t, func() bool { return c.Gone() == io.EOF })
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for range 500 {
		if ok() {
			return
		}
		time.Sleep(2 * time.Millisecond)
	}
	t.Fatal("did not happen within a second")
}

// FuzzReadPacket: whatever bytes come, in whatever pieces: no panic, and packets are what a simple reader finds.
func FuzzReadPacket(f *testing.F) {
	f.Add(frames(0, []byte("select 1")), uint8(1), false)
	f.Add(frames(0, patterned(700), nil), uint8(0), true)
	f.Add([]byte{0xff, 0xff, 0xff, 0, 1}, uint8(3), true)
	f.Fuzz(func(t *testing.T, in []byte, step uint8, idle bool) {
		c := NewConn(&memConn{in: bytes.Clone(in), step: int(step)})
		c.SetMaxPacket(1 << 20)
		for seq := uint8(0); ; seq++ {
			if idle {
				c.ReleaseBuffers()
			}
			p, err := c.ReadPacket()
			if err != nil {
				return
			}
			if len(in) < 4+len(p) || in[3] != seq || !bytes.Equal(in[4:4+len(p)], p) {
				t.Fatalf("packet %d is not what was sent", seq)
			}
			in = in[4+len(p):]
		}
	})
}

func BenchmarkReadWriteSmall(b *testing.B) {
	in := frames(0, patterned(60))
	m := &memConn{discard: true}
	c := NewConn(m)
	b.ReportAllocs()
	for b.Loop() {
		m.in = in
		c.ResetSequence()
		c.ReleaseBuffers()
		if _, err := c.ReadPacket(); err != nil {
			b.Fatal(err)
		}
		_ = c.WriteOK(&OK{AffectedRows: 1})
		_ = c.Flush()
	}
}
