package loaddata

import (
	"fmt"
	"io"
)

// reader.go: a file as a stream of lines. Memory is one line and what was read ahead.

const (
	readAhead = 256 << 10
	// MaxLine is the longest line that is taken: it has to be in memory whole.
	MaxLine = 64 << 20
)

// Bad is a line that cannot be cut as the servers would.
type Bad struct {
	Line uint64 // counted from 1, without those that were skipped
	Why  string
}

func (e *Bad) Error() string { return fmt.Sprintf("line %d %s", e.Line, e.Why) }

// Field is what a server reads of a field.
type Field struct {
	Text    []byte
	Null    bool // \N, or the word NULL where fields are enclosed
	Missing bool // the line is too short to have it
	// Line.Bytes[Start:End] is the field in the file, without its terminator.
	Start, End int
}

// Line is one line of the file, or what LINES options make one. It is valid until the next call.
type Line struct {
	Number uint64 // from 1, as servers count in warnings
	Bytes  []byte // with its terminator, and what LINES STARTING BY skips
	Body   int    // Bytes[Body:] are the fields
	Wanted []Field
}

// Reader cuts a stream.
type Reader struct {
	src   io.Reader
	cut   cutter
	want  []int // indexes of fields, ascending
	buf   []byte
	r, w  int
	eof   bool
	ended bool
	line  Line
	field field
}

// NewReader makes a reader that tells the text of the wanted fields (ascending). Its error is an *Unsupported.
func NewReader(src io.Reader, f Format, want ...int) (*Reader, error) {
	if err := f.prepare(); err != nil {
		return nil, err
	}
	r := &Reader{src: src, cut: cutter{f: f}, want: want}
	r.cut.init()
	r.line.Wanted = make([]Field, len(want))
	return r, nil
}

// Next gives the next line; io.EOF behind the last one. Other errors are a *Bad, or the source's.
func (r *Reader) Next() (*Line, error) {
	for ; r.cut.f.Skip > 0; r.cut.f.Skip-- {
		if err := r.skip(); err != nil {
			return nil, err
		}
	}
	for !r.ended {
		next, how := r.record()
		switch how {
		case endMore:
			if err := r.more(); err != nil {
				return nil, err
			}
		case endBad:
			return nil, r.bad("has bytes that are no characters of " + r.cut.f.Charset)
		case endFile:
			r.ended = true
			if next < 0 {
				return nil, io.EOF
			}
			return r.give(next), nil
		default:
			return r.give(next), nil
		}
	}
	return nil, io.EOF
}

// give makes the line out of the bytes up to next.
func (r *Reader) give(next int) *Line {
	r.line.Number++
	r.line.Bytes = r.buf[r.r:next:next]
	r.r = next
	return &r.line
}

func (r *Reader) bad(why string) error { return &Bad{Line: r.line.Number + 1, Why: why} }

// skip goes over one of the lines that IGNORE says. The end of the file is no error: there are no lines then.
func (r *Reader) skip() error {
	for !r.ended {
		next, how := r.cut.skipLine(r.buf[:r.w], r.r, r.eof)
		switch how {
		case endMore:
			if err := r.more(); err != nil {
				return err
			}
			continue
		case endBad:
			return r.bad("or one that is ignored before it has bytes that are no characters of " + r.cut.f.Charset)
		case endFile:
			r.ended = true
		}
		r.r = next
		return nil
	}
	return nil
}

// record reads the fields of the line at r.r. next is behind the line; -1: there is none, the file has ended.
func (r *Reader) record() (next int, how ending) {
	b, wanted := r.buf[:r.w], 0
	p, how := r.cut.start(b, r.r, r.eof)
	if how != endField {
		return -1, how
	}
	r.line.Body = p - r.r
	for i := range r.cut.f.Fields {
		keep := wanted < len(r.want) && r.want[wanted] == i
		from := p
		if p, how = r.cut.readField(b, p, r.eof, keep, &r.field); how == endMore || how == endBad {
			return p, how
		}
		if how == endFile && p == from { // the file has ended before this field
			if i == 0 {
				return -1, endFile
			}
			r.missing(wanted, p)
			return p, endFile
		}
		if keep {
			r.keep(wanted)
			wanted++
		}
		if how != endField {
			r.missing(wanted, p)
			return p, how
		}
	}
	if len(r.cut.f.LineTerm) == 0 {
		return p, endLine
	}
	return r.cut.skipLine(b, p, r.eof)
}

// keep notes a wanted field.
func (r *Reader) keep(i int) {
	f, fld := &r.line.Wanted[i], &r.field
	f.Text = append(f.Text[:0], fld.text...)
	f.Start, f.End, f.Missing = fld.start-r.r, fld.end-r.r, false
	f.Null = fld.null && len(fld.text) == 1 || r.cut.f.Enclosed >= 0 && !fld.enclosed && string(fld.text) == "NULL"
}

// missing marks the wanted fields from i on as not there.
func (r *Reader) missing(i, p int) {
	for ; i < len(r.want); i++ {
		f := &r.line.Wanted[i]
		f.Text, f.Null, f.Missing, f.Start, f.End = f.Text[:0], false, true, p-r.r, p-r.r
	}
}

// more reads more of the file behind what is there.
func (r *Reader) more() error {
	if r.r > 0 {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	if r.w >= MaxLine {
		return r.bad(fmt.Sprintf("is longer than %d MiB, or a quote in it is not closed", MaxLine>>20))
	}
	if need := max(readAhead, 2*r.w); len(r.buf) < need { // a line that does not fit is not begun again for every byte
		r.buf = append(make([]byte, 0, need), r.buf[:r.w]...)[:need]
	}
	for from := r.w; r.w < len(r.buf) && r.w-from < max(readAhead/2, from); {
		n, err := r.src.Read(r.buf[r.w:])
		r.w += n
		if err == io.EOF {
			r.eof = true
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
