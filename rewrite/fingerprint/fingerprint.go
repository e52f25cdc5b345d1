package fingerprint

// fingerprint.go: the shape of a statement, in one pass over its bytes.

import "strings"

// Kind says how a literal was written.
type Kind uint8

// The kinds of literal. Opaque ones have a value that only MySQL knows (a charset introducer before them, say).
const (
	Opaque Kind = iota
	Integer
	Decimal
	Float
	String
	Hex
	Bit
	Null
	Parameter // a question mark of a prepared statement: its value is bound when it is executed
	Binary    // never in a text: the value of a parameter that is a byte string
	Temporal  // never in a text: the value of a parameter that is a date, with or without a time of day
	UTF8MB4   // a string behind _utf8mb4, in a row of VALUES
	Bytes     // a string behind _binary, in a row of VALUES
)

// Literal is one value cut out of the text: Text[Start:End], with its sign where one was read as part of it. A
// Parameter's Number counts the text's parameters from 0.
type Literal struct {
	Start, End int32
	Kind       Kind
	Number     uint16
}

// Bound gives the values of a prepared statement's parameters.
type Bound interface {
	// Value is parameter n as the literal that would stand for it: its kind, and its text with quotes and escapes
	// undone. The text is valid until the next call.
	Value(n int) (Kind, []byte)
}

// Slot is a hole in the shape: what was cut out at one place. A plain hole holds one literal; the hole of an IN list
// holds all of its values, and the hole behind the first VALUES row holds all further rows.
type Slot struct {
	Start, End   int32 // Text[Start:End] was cut out
	First, Count int32 // Literals[First : First+Count]
	Kind         SlotKind
}

// SlotKind says what a Slot stands for.
type SlotKind uint8

// The kinds of slot, and the bytes that mark them in a Key.
const (
	SlotLiteral SlotKind = 1 + iota
	SlotList
	SlotRows
)

// Row is one parenthesised row of an INSERT's VALUES: Text[Start:End] with its parentheses.
type Row struct {
	Start, End   int32
	FirstLiteral int32
}

// Statement is a statement's text cut into shape and literals. Scan fills it; its slices are reused by the next Scan.
type Statement struct {
	Text []byte
	Mode Mode

	Key      []byte // the shape: Text with every slot replaced by its kind as one byte
	Slots    []Slot
	Literals []Literal

	Rows        []Row // of INSERT/REPLACE … VALUES, when there are any
	RowsUniform bool  // all rows have the shape of the first, and all but the first are in one SlotRows
	RowLiterals int32 // literals of one row, when RowsUniform

	// Executable: the text has a comment whose content some servers run and others skip.
	Executable bool
	// Ambiguous: the text has bytes that Key uses as marks; the Key does not identify the shape.
	Ambiguous bool
	// Parameters is the number of parameters in the text, under Prepared. More than a literal can number make the text
	// unfit to be prepared.
	Parameters int
	// Bound has their values; nil when the statement is only planned.
	Bound Bound
	// End is where the statement ends: len(Text), or the offset of the semicolon behind which more statements follow.
	End int
}

type scanner struct {
	*Statement
	lex        Lexer
	copied     int // Text[:copied] is in Key or was cut out
	depth      int
	sawWord    bool
	insert     bool
	introducer bool // the previous token was _charset
	inWord     bool // the previous token that counts was IN
	valuesWord bool // … was the first VALUES of an INSERT
	valuesSeen bool
	rowsOff    bool // rows are not uniform: scan them like any text
}

// Scan cuts the first statement of text. It does not keep memory of its own: s refers to text until the next Scan.
func (s *Statement) Scan(text []byte, mode Mode) {
	s.scanFrom(text, mode, false)
}

// ScanWhole is Scan of a text that is one statement with its semicolons: the body of a stored program.
func (s *Statement) ScanWhole(text []byte, mode Mode) {
	*s = Statement{Text: text, Mode: mode, Key: append(s.Key[:0], text...), Slots: s.Slots[:0], Literals: s.Literals[:0], Rows: s.Rows[:0], End: len(text), Ambiguous: true}
}

func (s *Statement) scanFrom(text []byte, mode Mode, rowsOff bool) {
	*s = Statement{Text: text, Mode: mode, Key: s.Key[:0], Slots: s.Slots[:0], Literals: s.Literals[:0], Rows: s.Rows[:0], End: len(text)}
	sc := scanner{Statement: s, lex: Lexer{Text: text, Mode: mode}, rowsOff: rowsOff}
	for sc.step() {
	}
	s.copyTo(sc.copied, s.End)
	if !rowsOff && len(s.Rows) > 1 && !s.RowsUniform {
		s.scanFrom(text, mode, true)
		return
	}
	s.Ambiguous = marks(s.Key) != len(s.Slots)
	if mode&Prepared != 0 {
		s.number()
	}
}

// number counts the parameters.
func (s *Statement) number() {
	for i := range s.Literals {
		if l := &s.Literals[i]; l.Kind == Parameter {
			l.Number = uint16(s.Parameters)
			s.Parameters++
		}
	}
}

// copyTo appends Text[from:to], which is shape, to the Key.
func (s *Statement) copyTo(from, to int) {
	s.Key = append(s.Key, s.Text[from:to]...)
}

// step handles one token; false at the end of the statement.
func (sc *scanner) step() bool {
	t := sc.lex.Next()
	switch t.Kind {
	case TokenEnd:
		return false
	case TokenSpace:
		return true
	case TokenWord:
		sc.word(t)
		return true
	case TokenInteger, TokenDecimal, TokenFloat, TokenString, TokenHex, TokenBit, TokenNational, TokenParameter:
		sc.literal(t)
	case TokenPunctuation:
		if !sc.punctuation(t) {
			return false
		}
		return true
	case TokenExecOpen:
		sc.Executable = true
	}
	sc.inWord, sc.introducer, sc.valuesWord = false, false, false
	return true
}

func (sc *scanner) word(t Token) {
	w := sc.Text[t.Start:t.End]
	sc.introducer = w[0] == '_'
	sc.inWord = len(w) == 2 && equalFold(w, "in")
	if !sc.sawWord {
		sc.sawWord = true
		sc.insert = equalFold(w, "insert") || equalFold(w, "replace")
	}
	sc.valuesWord = false
	if sc.insert && !sc.valuesSeen && sc.depth == 0 && (equalFold(w, "values") || equalFold(w, "value")) {
		sc.valuesWord, sc.valuesSeen = true, true
	}
}

// literal cuts a literal out, together with the strings that continue it ('a' 'b').
func (sc *scanner) literal(t Token) {
	kind := literalKind(t.Kind)
	if sc.introducer && kind != Parameter {
		kind = Opaque
	}
	if t.Kind == TokenString {
		t.End = sc.continuation(t.End)
	}
	sc.cut(SlotLiteral, t.Start, t.End, len(sc.Literals), 1)
	sc.Literals = append(sc.Literals, Literal{Start: int32(t.Start), End: int32(t.End), Kind: kind})
}

// continuation is the end of the strings that follow at pos with only white space and comments between.
func (sc *scanner) continuation(end int) int {
	for {
		ahead := sc.lex
		t := nextSolid(&ahead)
		if t.Kind != TokenString {
			return end
		}
		sc.lex, end = ahead, t.End
	}
}

func literalKind(k TokenKind) Kind {
	switch k {
	case TokenInteger:
		return Integer
	case TokenDecimal:
		return Decimal
	case TokenFloat:
		return Float
	case TokenString:
		return String
	case TokenHex:
		return Hex
	case TokenBit:
		return Bit
	case TokenParameter:
		return Parameter
	}
	return Opaque
}

func (sc *scanner) cut(kind SlotKind, start, end, first, count int) {
	sc.copyTo(sc.copied, start)
	sc.Key = append(sc.Key, byte(kind))
	sc.Slots = append(sc.Slots, Slot{int32(start), int32(end), int32(first), int32(count), kind})
	sc.copied = end
}

func (sc *scanner) punctuation(t Token) bool {
	c := sc.Text[t.Start]
	in, values := sc.inWord, sc.valuesWord
	sc.inWord, sc.introducer, sc.valuesWord = false, false, false
	switch {
	case c == ';' && sc.depth <= 0:
		sc.End = t.Start
		return false
	case c == '(':
		sc.depth++
		switch {
		case in:
			sc.list()
		case values:
			sc.rows(t.Start)
		}
	case c == ')':
		sc.depth--
	}
	return true
}

// list tries to read the literals of an IN list up to its closing parenthesis, and makes one slot of them.
func (sc *scanner) list() {
	ahead, first := sc.lex, len(sc.Literals)
	for {
		lit, ok := signedLiteral(&ahead)
		if !ok {
			break
		}
		sc.Literals = append(sc.Literals, lit)
		t := nextSolid(&ahead)
		if t.Kind != TokenPunctuation {
			break
		}
		switch sc.Text[t.Start] {
		case ')':
			lits := sc.Literals[first:]
			start, end := int(lits[0].Start), int(lits[len(lits)-1].End)
			sc.cut(SlotList, start, end, first, len(lits))
			sc.lex.SetPos(end)
			return
		case ',':
			continue
		}
		break
	}
	sc.Literals = sc.Literals[:first]
}

// signedLiteral reads a literal with the sign that touches it.
func signedLiteral(l *Lexer) (Literal, bool) {
	t := nextSolid(l)
	start := t.Start
	signed := t.Kind == TokenPunctuation && (l.Text[t.Start] == '-' || l.Text[t.Start] == '+')
	if signed {
		t = l.Next()
	}
	kind := literalKind(t.Kind)
	if kind == Opaque || signed && kind != Integer && kind != Decimal && kind != Float {
		return Literal{}, false
	}
	if kind == String {
		for {
			ahead := *l
			next := nextSolid(&ahead)
			if next.Kind != TokenString {
				break
			}
			*l, t.End = ahead, next.End
		}
	}
	return Literal{Start: int32(start), End: int32(t.End), Kind: kind}, true
}

// nextSolid skips white space and comments.
func nextSolid(l *Lexer) Token {
	for {
		if t := l.Next(); t.Kind != TokenSpace {
			return t
		}
	}
}

// marks counts the bytes that could be slots.
func marks(key []byte) int {
	n := 0
	for _, c := range key {
		if c <= byte(SlotRows) {
			n++
		}
	}
	return n
}

// equalFold compares with a lower-case ASCII word.
func equalFold(w []byte, lower string) bool {
	if len(w) != len(lower) {
		return false
	}
	for i := 0; i < len(w); i++ {
		if w[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// Shape is the Key for people: a question mark for every slot, dots for the rows that follow the first. Comments stay.
func (s *Statement) Shape() string {
	var b strings.Builder
	for _, c := range s.Key {
		switch SlotKind(c) {
		case SlotLiteral:
			b.WriteByte('?')
		case SlotList:
			b.WriteString("?, …")
		case SlotRows:
			b.WriteString(", …")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
