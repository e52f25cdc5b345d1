package wire

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// codec.go: zlib and zstd, as codecs of compressed packets. Packers and unpackers are large (up to a megabyte each), so
// all connections share them; one that waits has none.

// errLength is a piece that does not unpack to the length that its header claims.
var errLength = errors.New("the length is not what its header says")

// zlibCodec is CLIENT_COMPRESS.
type zlibCodec struct{}

type zlibWriter struct {
	w   *zlib.Writer
	out bytes.Buffer
}

// Caches, as blocks is one.
var (
	zlibWriters  = sync.Pool{New: func() any { return &zlibWriter{w: zlib.NewWriter(nil)} }}
	zlibReaders  sync.Pool // of what zlib.NewReader makes
	zstdEncoders sync.Pool // of *zstd.Encoder
	zstdDecoders sync.Pool // of *zstd.Decoder
)

func (zlibCodec) pack(dst, p []byte) ([]byte, error) {
	z := zlibWriters.Get().(*zlibWriter)
	defer zlibWriters.Put(z)
	z.out.Reset()
	z.w.Reset(&z.out)
	if _, err := z.w.Write(p); err != nil {
		return nil, err
	}
	if err := z.w.Close(); err != nil {
		return nil, err
	}
	return append(dst, z.out.Bytes()...), nil
}

func (zlibCodec) unpack(dst, p []byte, n int) ([]byte, error) {
	src := bytes.NewReader(p)
	r, err := zlibReader(src)
	if err != nil {
		return nil, err
	}
	defer zlibReaders.Put(r)
	dst, err = readExactly(r, dst, n)
	if err == nil && src.Len() > 0 {
		err = errLength
	}
	return dst, err
}

func zlibReader(src io.Reader) (io.Reader, error) {
	if r, ok := zlibReaders.Get().(io.Reader); ok {
		return r, r.(zlib.Resetter).Reset(src, nil)
	}
	return zlib.NewReader(src)
}

// readExactly reads the n bytes that r has to have after dst, and sees that it has no more.
func readExactly(r io.Reader, dst []byte, n int) ([]byte, error) {
	dst, err := readGrowing(r, dst, n)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, errLength
	}
	if err != nil {
		return nil, err
	}
	var more [1]byte
	switch k, err := io.ReadFull(r, more[:]); {
	case k > 0:
		return nil, errLength
	case err != io.EOF:
		return nil, err
	}
	return dst, nil
}

// zstdCodec is CLIENT_ZSTD_COMPRESSION_ALGORITHM. The level that a client names is that of its own side; here it is the
// library's default.
type zstdCodec struct{}

// zstdWindow is the largest window of a frame, in bytes: what a client packs is less than 16 MiB.
const zstdWindow = 16 << 20

func (zstdCodec) pack(dst, p []byte) ([]byte, error) {
	e, ok := zstdEncoders.Get().(*zstd.Encoder)
	if !ok {
		var err error
		if e, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
			zstd.WithWindowSize(squeezedPiece), zstd.WithEncoderCRC(false)); err != nil {
			return nil, err
		}
	}
	defer zstdEncoders.Put(e)
	return e.EncodeAll(p, dst), nil
}

func (zstdCodec) unpack(dst, p []byte, n int) ([]byte, error) {
	d, ok := zstdDecoders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		if d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderMaxMemory(zstdWindow)); err != nil {
			return nil, err
		}
	}
	if err := d.Reset(bytes.NewReader(p)); err != nil {
		return nil, err
	}
	dst, err := readExactly(d, dst, n)
	if d.Reset(nil) == nil {
		zstdDecoders.Put(d)
	}
	return dst, err
}
