package transcode

// build.go: a Table from a server's answers.

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Sample is a text of a character set, of which a server is asked what it is in utf8mb4, and what that is in the
// character set again.
type Sample struct {
	Text    []byte // codes of one length, one after the other
	Length  int    // bytes of a code
	Unicode []byte // the server's answer: Text in utf8mb4
	Back    []byte // and Unicode in the character set
}

// Samples are all codes of a character set, but for the characters of gb18030 beyond the basic plane, which follow a
// rule (GB 18030-2005, four-byte codes from 0x90308130 on).
func Samples(charset string) []Sample {
	s := schemeOf(charset)
	ascii := Sample{Length: 1}
	for b := range 0x80 {
		ascii.Text = append(ascii.Text, byte(b))
	}
	samples := []Sample{ascii}
	if charset == "ascii" {
		return samples
	}
	one, double, triple := Sample{Length: 1}, Sample{Length: 2}, Sample{Length: 3}
	for lead := 0x80; lead <= 0xFF; lead++ {
		for next := 0; next <= 0xFF; next++ {
			switch code := []byte{byte(lead), byte(next)}; s.length(code) {
			case 1:
				if next == 0 {
					one.Text = append(one.Text, byte(lead))
				}
			case 2:
				double.Text = append(double.Text, code...)
			}
			if s == ujis && lead >= 0xA1 && s.length([]byte{0x8F, byte(lead), byte(next)}) == 3 {
				triple.Text = append(triple.Text, 0x8F, byte(lead), byte(next))
			}
		}
	}
	for _, more := range []Sample{one, double, triple} {
		if len(more.Text) > 0 {
			samples = append(samples, more)
		}
	}
	if s == gb18030 {
		four := Sample{Length: 4}
		for i := range 39420 { // to 0x8431A439, U+FFFF
			four.Text = append(four.Text, byte(0x81+i/12600), byte(0x30+i/1260%10), byte(0x81+i/10%126), byte(0x30+i%10))
		}
		samples = append(samples, four)
	}
	return samples
}

// New makes the table of a character set of its samples, answered. It is an error when ASCII is not ASCII there (swe7),
// or when the answers are not those of these samples.
func New(charset string, samples []Sample) (*Table, error) {
	t := &Table{Name: charset, scheme: schemeOf(charset), decode: map[uint32]*[256]rune{}, encode: map[rune]*[256]uint32{}}
	for i := range samples {
		if err := t.add(&samples[i]); err != nil {
			return nil, fmt.Errorf("character set %s: %w", charset, err)
		}
	}
	return t, nil
}

func (t *Table) add(s *Sample) error {
	unicode := s.Unicode
	back := s.Back
	for text := s.Text; len(text) > 0; text = text[s.Length:] {
		code := text[:s.Length]
		r, n := utf8.DecodeRune(unicode)
		if n == 0 || r == utf8.RuneError && n == 1 {
			return fmt.Errorf("the server gave %d bytes of UTF-8 for %d of text", len(s.Unicode), len(s.Text))
		}
		unicode = unicode[n:]
		if code[0] < utf8.RuneSelf {
			if r != rune(code[0]) {
				return fmt.Errorf("byte %#x is %U", code[0], r)
			}
			back = back[t.codeLength(back):] // sjis: a backslash comes back as the wide one
			continue
		}
		same := bytes.HasPrefix(back, code)
		back = back[t.codeLength(back):]
		if r >= utf8.RuneSelf && same {
			t.put(code, r)
		}
	}
	if len(unicode) > 0 || len(back) > 0 {
		return fmt.Errorf("the server gave more characters than it was asked for")
	}
	return nil
}

// codeLength is the length of the code at the beginning of a server's text.
func (t *Table) codeLength(text []byte) int {
	switch {
	case len(text) == 0:
		return 0
	case text[0] < utf8.RuneSelf:
		return 1
	}
	return max(t.scheme.length(text), 1)
}

func (t *Table) put(code []byte, r rune) {
	n := uint32(0)
	for _, b := range code {
		n = n<<8 | uint32(b)
	}
	if t.decode[n>>8] == nil {
		t.decode[n>>8] = new([256]rune)
	}
	if t.encode[r>>8] == nil {
		t.encode[r>>8] = new([256]uint32)
	}
	t.decode[n>>8][n&0xFF] = r
	t.encode[r>>8][r&0xFF] = n
}

// supplementary is the character of a four-byte code of gb18030 from 0x90308130 on, 0 when there is none.
func supplementary(code []byte) rune {
	if code[0] < 0x90 || code[0] > 0xE3 {
		return 0
	}
	r := (((rune(code[0])-0x90)*10+rune(code[1])-0x30)*126+rune(code[2])-0x81)*10 + rune(code[3]) - 0x30 + 0x10000
	if r > utf8.MaxRune {
		return 0
	}
	return r
}

func appendSupplementary(dst []byte, r rune) []byte {
	i := r - 0x10000
	return append(dst, byte(0x90+i/12600), byte(0x30+i/1260%10), byte(0x81+i/10%126), byte(0x30+i%10))
}
