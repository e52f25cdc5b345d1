package fuzz

// damage_test.go: how packets are damaged. Payloads keep a right frame around them, so that they reach what reads them;
// frames are damaged by themselves.

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
)

// damager damages packets; the same seed makes the same damage.
type damager struct{ *rand.Rand }

// edges are bytes with a meaning of their own in length-encoded numbers and packet headers.
var edges = []byte{0, 1, 0x7f, 0x80, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff}

// payload damages a copy of a payload in one to four places.
func (d damager) payload(p []byte, others [][]byte) []byte {
	p = bytes.Clone(p)
	for range 1 + d.IntN(4) {
		if len(p) == 0 {
			p = []byte{byte(d.IntN(256))}
		}
		p = d.once(p, others)
	}
	return p
}

func (d damager) once(p []byte, others [][]byte) []byte {
	at := d.IntN(len(p))
	switch d.IntN(12) {
	case 0:
		p[at] ^= 1 << d.IntN(8)
	case 1:
		p[at] = edges[d.IntN(len(edges))]
	case 2:
		p[at] = byte(d.IntN(256))
	case 3:
		return p[:at]
	case 4:
		return append(p, d.bytes(1+d.IntN(30))...)
	case 5:
		return append(append(bytes.Clone(p[:at]), d.bytes(1+d.IntN(9))...), p[at:]...)
	case 6:
		return append(p[:at], p[min(len(p), at+1+d.IntN(8)):]...)
	case 7: // a piece twice
		end := min(len(p), at+1+d.IntN(20))
		return append(append(bytes.Clone(p[:end]), p[at:end]...), p[end:]...)
	case 8: // the end of another packet
		other := others[d.IntN(len(others))]
		return append(p[:at:at], other[min(len(other), d.IntN(len(other)+1)):]...)
	case 9: // a giant number
		for i := at; i < min(len(p), at+[]int{2, 3, 4, 8}[d.IntN(4)]); i++ {
			p[i] = 0xff
		}
	case 10: // a length-encoded length that is a lie
		lie := []byte{0xfc, 0xfd, 0xfe}[d.IntN(3)]
		return append(append(bytes.Clone(p[:at]), append([]byte{lie}, d.bytes(8)...)...), p[at:]...)
	default:
		p[0] = byte(d.IntN(40)) // another command
	}
	return p
}

func (d damager) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(d.Uint32())
	}
	return b
}

// frames damages how a payload is framed. What follows on the connection has no meaning any more.
func (d damager) frames(p []byte) []byte {
	f := frame(p, 0)
	switch d.IntN(8) {
	case 0: // too short
		n := d.IntN(len(p) + 1)
		f[0], f[1], f[2] = byte(n), byte(n>>8), byte(n>>16)
	case 1: // too long
		n := len(p) + 1 + d.IntN(100000)
		f[0], f[1], f[2] = byte(n), byte(n>>8), byte(n>>16)
	case 2: // as long as can be, which says that another frame follows
		f[0], f[1], f[2] = 0xff, 0xff, 0xff
	case 3:
		f[3] = byte(1 + d.IntN(255))
	case 4: // cut off
		return f[:d.IntN(len(f))]
	case 5: // an empty packet before it
		return append([]byte{0, 0, 0, byte(d.IntN(2))}, f...)
	case 6: // noise
		return d.bytes(1 + d.IntN(200))
	default: // two frames that both begin a command, the second with a sequence that goes on
		return append(f, frame(p, 1)...)
	}
	return f
}

// compressed damages a compressed packet (7 bytes of header) that is to hold p.
func (d damager) compressed(p []byte) []byte {
	f := pack(frame(p, 0))
	switch d.IntN(5) {
	case 0:
		f[4], f[5], f[6] = d.bytes(1)[0], d.bytes(1)[0], d.bytes(1)[0] // claims to be compressed
	case 1:
		binary.LittleEndian.PutUint16(f, uint16(d.IntN(1<<16)))
	case 2:
		f[3] = byte(d.IntN(256))
	case 3:
		return f[:d.IntN(len(f))]
	default:
		f[d.IntN(len(f))] ^= byte(1 + d.IntN(255))
	}
	return f
}
