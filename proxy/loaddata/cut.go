package loaddata

import "bytes"

// cut.go: one line, by the rules of READ_INFO::read_field and READ_INFO::next_line. Fields are read by the first, up to
// as many as the statement names; what is left of the line is skipped by the second, for which enclosing quotes mean
// nothing. Both servers read the same, but for characters that are none (refused here) and for a backslash before a
// character of several bytes (refused where it matters).

// ending says how a field, or a line, ended.
type ending uint8

const (
	endField ending = iota
	endLine
	endFile
	endMore // not in the bytes that are there
	endBad  // bytes that are no characters
)

// cutter cuts bytes that are in memory.
type cutter struct {
	f     Format
	width width
	plain [256]bool // bytes that mean nothing between fields
	lead  [256]bool // bytes that begin a character of several
	// strange: without a terminator MariaDB takes 0xFF for the beginning of one, and puts a 0 behind it.
	strange bool
}

func (c *cutter) init() {
	c.width = widthOf(c.f.Charset)
	c.strange = len(c.f.LineTerm) == 0 || len(c.f.FieldTerm) == 0
	for b := range c.plain {
		multi := b >= 0x80 && c.width != oneByte || b == 0xFF && c.strange
		c.lead[b] = multi
		c.plain[b] = !multi && b != c.f.Escaped && b != c.f.Enclosed && b != first(c.f.FieldTerm) && b != first(c.f.LineTerm)
	}
}

// field is where a field stands in the line, and what a server reads from it.
type field struct {
	start, end int    // without its terminator
	text       []byte // unescaped, without quotes; only where it was asked for
	enclosed   bool
	null       bool // \N was met
}

// at tells whether a separator stands at p; more: the bytes end before that is known.
func at(b []byte, p int, sep []byte, eof bool) (yes, more bool) {
	if len(sep) == 0 {
		return false, false
	}
	rest := b[p:]
	if len(rest) >= len(sep) {
		return bytes.Equal(rest[:len(sep)], sep), false
	}
	return false, !eof && bytes.Equal(rest, sep[:len(rest)])
}

// start finds where the fields of the line at p begin, behind LINES STARTING BY.
func (c *cutter) start(b []byte, p int, eof bool) (int, ending) {
	s := c.f.LineStart
	if len(s) == 0 {
		return p, endField
	}
	if i := bytes.Index(b[p:], s); i >= 0 {
		return p + i + len(s), endField
	}
	if eof {
		return len(b), endFile
	}
	return p, endMore
}

// readField reads the field at p; keep: its text is wanted. next is behind its terminator. The field is there unless
// the file ends at p (how is endFile and next is p then) or how is endMore or endBad.
func (c *cutter) readField(b []byte, p int, eof, keep bool, fld *field) (next int, how ending) {
	*fld = field{start: p, text: fld.text[:0]}
	if p == len(b) {
		if eof {
			return p, endFile
		}
		return p, endMore
	}
	quote := -1
	if int(b[p]) == c.f.Enclosed {
		quote = c.f.Enclosed
		p++
	}
	for p < len(b) {
		if c.plain[b[p]] {
			from := p
			for p++; p < len(b) && c.plain[b[p]]; p++ {
			}
			if keep {
				fld.text = append(fld.text, b[from:p]...)
			}
			continue
		}
		done := false
		if p, how, done = c.special(b, p, eof, keep, quote, fld); done {
			return p, how
		}
	}
	if !eof {
		return p, endMore
	}
	return c.cutOff(fld, p, keep, quote)
}

// cutOff ends a field with the file.
func (c *cutter) cutOff(fld *field, p int, keep bool, quote int) (int, ending) {
	if keep && quote >= 0 { // the quote that was not closed is part of the value
		fld.text = append([]byte{byte(quote)}, fld.text...)
	}
	fld.end = p
	return p, endFile
}

// special reads the byte at p, which may mean something. done: the field has ended.
func (c *cutter) special(b []byte, p int, eof, keep bool, quote int, fld *field) (next int, how ending, done bool) {
	ch := int(b[p])
	if ch == c.f.Escaped {
		if p+1 == len(b) {
			if !eof {
				return p, endMore, true
			}
			if keep {
				fld.text = append(fld.text, b[p])
			}
			n, how := c.cutOff(fld, p+1, keep, quote)
			return n, how, true
		}
		if c.f.Escaped != c.f.Enclosed || int(b[p+1]) == c.f.Escaped {
			return c.escaped(b, p+1, eof, keep, fld)
		}
	}
	if quote < 0 {
		for _, sep := range [...]struct {
			text []byte
			how  ending
		}{{c.f.LineTerm, endLine}, {c.f.FieldTerm, endField}} {
			yes, more := at(b, p, sep.text, eof)
			if yes {
				fld.end = p
				return p + len(sep.text), sep.how, true
			}
			if more {
				return p, endMore, true
			}
		}
	} else if ch == quote {
		return c.quoted(b, p, eof, keep, fld)
	}
	return c.character(b, p, eof, keep, fld)
}

// escaped reads what stands behind the escape character.
func (c *cutter) escaped(b []byte, p int, eof, keep bool, fld *field) (next int, how ending, done bool) {
	if c.lead[b[p]] {
		if !c.width.utf8() && c.width.character(b[p:]) != 1 {
			return p, endBad, true // the servers take it apart, each in its own way
		}
		return c.character(b, p, eof, keep, fld)
	}
	ch := b[p]
	switch ch {
	case 'n':
		ch = '\n'
	case 't':
		ch = '\t'
	case 'r':
		ch = '\r'
	case 'b':
		ch = '\b'
	case '0':
		ch = 0
	case 'Z':
		ch = 26
	case 'N':
		fld.null = true
	}
	if keep {
		fld.text = append(fld.text, ch)
	}
	return p + 1, endField, false
}

// quoted reads the quote at p, inside of an enclosed field: two are one, and the last one has a terminator behind it.
func (c *cutter) quoted(b []byte, p int, eof, keep bool, fld *field) (next int, how ending, done bool) {
	q := p + 1
	if q == len(b) {
		if !eof {
			return p, endMore, true
		}
		fld.end, fld.enclosed = q, true
		return q, endFile, true
	}
	if b[q] == b[p] {
		if keep {
			fld.text = append(fld.text, b[p])
		}
		return q + 1, endField, false
	}
	line, more := at(b, q, c.f.LineTerm, eof)
	fieldEnd, more2 := at(b, q, c.f.FieldTerm, eof)
	switch {
	case line:
		fld.end, fld.enclosed = q, true
		return q + len(c.f.LineTerm), endLine, true
	case more || more2 && !fieldEnd:
		return p, endMore, true
	case fieldEnd:
		fld.end, fld.enclosed = q, true
		return q + len(c.f.FieldTerm), endField, true
	}
	if keep {
		fld.text = append(fld.text, b[p])
	}
	return q, endField, false
}

// character reads a character that is data.
func (c *cutter) character(b []byte, p int, eof, keep bool, fld *field) (next int, how ending, done bool) {
	n := 1
	if c.lead[b[p]] {
		if n = c.length(b[p:]); n <= 0 {
			return p, unreadable(n, eof), true
		}
	}
	if keep {
		fld.text = append(fld.text, b[p:p+n]...)
	}
	return p + n, endField, false
}

// length is the number of bytes of the character at the beginning of p: 0 and -1 as width.character says.
func (c *cutter) length(p []byte) int {
	if c.strange && p[0] == 0xFF {
		return 0
	}
	return c.width.character(p)
}

// unreadable is what bytes mean that are no character, or the beginning of one.
func unreadable(n int, eof bool) ending {
	if n < 0 && !eof {
		return endMore
	}
	return endBad
}

// skipLine goes behind the end of the line that p is in.
func (c *cutter) skipLine(b []byte, p int, eof bool) (next int, how ending) {
	for p < len(b) {
		ch := b[p]
		switch {
		case c.plain[ch]:
			p++
			continue
		case c.lead[ch]:
			n := c.length(b[p:])
			if n <= 0 {
				return p, unreadable(n, eof)
			}
			p += n
			continue
		case int(ch) == c.f.Escaped:
			p += 2
			continue
		}
		yes, more := at(b, p, c.f.LineTerm, eof)
		switch {
		case yes:
			return p + len(c.f.LineTerm), endLine
		case more:
			return p, endMore
		}
		p++
	}
	if eof {
		return len(b), endFile
	}
	return p, endMore
}
