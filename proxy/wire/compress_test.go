package wire

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
)

// codecs by the capability that asks for them.
var codecs = map[string]uint32{"zlib": CapCompress, "zstd": CapZstdCompression}

// squeezedConn is a Conn with compression over m.
func squeezedConn(t testing.TB, m *memConn, caps uint32) *Conn {
	t.Helper()
	c := NewConn(m)
	c.SetCapabilities(caps)
	if err := c.StartCompression(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCompressedBothWays(t *testing.T) {
	noise := make([]byte, 200_000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	for name, caps := range codecs {
		for _, payloads := range [][][]byte{
			{{}}, {[]byte("short")}, {bytes.Repeat([]byte("a"), 45)}, {bytes.Repeat([]byte("a"), 46)}, {noise},
			{patterned(100), noise, {}, bytes.Repeat([]byte("abc"), 1<<20), []byte("end")}, {bytes.Repeat([]byte{7}, maxFrame+10)},
		} {
			m := &memConn{}
			w := squeezedConn(t, m, caps)
			for _, p := range payloads {
				if err := w.WritePacket(p); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			for _, step := range []int{0, 5} {
				if len(m.out) > 1<<16 {
					step = 0
				}
				rd := squeezedConn(t, &memConn{in: bytes.Clone(m.out), step: step}, caps)
				for i, p := range payloads {
					got, err := rd.ReadPacket()
					if err != nil || !bytes.Equal(got, p) {
						t.Fatalf("%s: packet %d: %d bytes of %d, %v", name, i, len(got), len(p), err)
					}
				}
				rd.ReleaseBuffers()
				if rd.squeezed.plain != nil || rd.squeezed.packed != nil || rd.squeezed.out != nil {
					t.Errorf("%s: buffers are kept", name)
				}
				if _, err := rd.ReadPacket(); err != io.EOF {
					t.Fatalf("%s: end: %v", name, err)
				}
			}
		}
	}
}

// What is short goes as it is, what is not gets shorter.
func TestCompressedLayout(t *testing.T) {
	for name, caps := range codecs {
		m := &memConn{}
		c := squeezedConn(t, m, caps)
		_ = errors.Join(c.WritePacket([]byte("ping")), c.Flush(), c.WritePacket(make([]byte, 1000)), c.Flush())
		if want := "\x08\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00ping"; string(m.out[:15]) != want {
			t.Errorf("%s: % x", name, m.out[:15])
		}
		h := m.out[15:22]
		if n := int(h[0]) | int(h[1])<<8; n != len(m.out)-22 || n > 100 || h[3] != 1 || int(h[4])|int(h[5])<<8 != 1004 {
			t.Errorf("%s: header % x of %d bytes", name, h, len(m.out)-22)
		}
	}
}

func TestCompressedDamage(t *testing.T) {
	for name, caps := range codecs {
		m := &memConn{}
		c := squeezedConn(t, m, caps)
		_ = errors.Join(c.WritePacket(bytes.Repeat([]byte("SELECT "), 300)), c.Flush())
		whole := m.out
		read := func(in []byte) error {
			c := squeezedConn(t, &memConn{in: in}, caps)
			c.SetMaxPacket(1 << 20)
			_, err := c.ReadPacket()
			return err
		}
		for cut := 1; cut < len(whole); cut++ {
			if err := read(bytes.Clone(whole[:cut])); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%s: cut at %d: %v", name, cut, err)
			}
		}
		for at := range whole {
			in := bytes.Clone(whole)
			in[at] ^= 0x40
			if at == 4 || at == 5 || at == 0 || at == 3 { // lengths and the number
				if err := read(in); err == nil {
					t.Errorf("%s: byte %d changed, and taken", name, at)
				}
			}
			_ = read(in)
		}
		long := bytes.Clone(whole)
		long[6] = 0x70 // claims 7 MiB
		if err := read(long); !errors.Is(err, ErrPacketTooLarge) {
			t.Errorf("%s: more than a packet may have: %v", name, err)
		}
		other := bytes.Clone(whole)
		other[3] = 9
		if err := read(other); !errors.Is(err, ErrSequence) {
			t.Errorf("%s: number: %v", name, err)
		}
	}
}

func TestCompressedBomb(t *testing.T) {
	for name, caps := range codecs {
		k := map[uint32]codec{CapCompress: zlibCodec{}, CapZstdCompression: zstdCodec{}}[caps]
		packed, err := k.pack(nil, make([]byte, 8<<20))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.unpack(nil, packed, 1000); !errors.Is(err, errLength) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := k.unpack(nil, packed, 9<<20); !errors.Is(err, errLength) {
			t.Errorf("%s: %v", name, err)
		}
		if p, err := k.unpack(nil, packed, 8<<20); err != nil || len(p) != 8<<20 {
			t.Errorf("%s: %d, %v", name, len(p), err)
		}
	}
}

func FuzzCompressed(f *testing.F) {
	for _, caps := range codecs {
		m := &memConn{}
		c := squeezedConn(f, m, caps)
		_ = errors.Join(c.WritePacket(bytes.Repeat([]byte("SELECT "), 30)), c.Flush())
		f.Add(m.out)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, caps := range codecs {
			c := squeezedConn(t, &memConn{in: bytes.Clone(in)}, caps)
			c.SetMaxPacket(1 << 20)
			for {
				if _, err := c.ReadPacket(); err != nil {
					break
				}
				c.ReleaseBuffers()
			}
		}
	})
}
