// Package fingerprint cuts the literals out of a statement's text: what is left is the statement's shape, which
// finds its plan; what was cut out are the arguments. It knows MySQL's lexical rules (comments, quotes, numbers)
// and no grammar beyond the two places where a shape may have any length: IN lists and VALUES rows.
package fingerprint

// lexer.go: one token at a time from a statement's text, without allocation, by the rules of
// https://dev.mysql.com/doc/refman/9.4/en/language-structure.html. It never fails: text that MySQL would refuse
// becomes some sequence of tokens, and MySQL (or the parser) says what is wrong with it.

// TokenKind is the lexical class of a token.
type TokenKind uint8

// The lexical classes. Space covers plain comments too, since they separate tokens and mean nothing else.
const (
	TokenEnd          TokenKind = iota
	TokenSpace                  // white space, plain comments and optimizer hints
	TokenWord                   // identifier or keyword without quotes
	TokenQuotedName             // `name`, or "name" under ANSI_QUOTES
	TokenVariable               // @x, @'x', @@x (the dots that follow are punctuation)
	TokenInteger                // 42
	TokenDecimal                // 4.2
	TokenFloat                  // 4e2
	TokenString                 // 'text', or "text" without ANSI_QUOTES
	TokenHex                    // 0x2A, x'2A'
	TokenBit                    // 0b1, b'1'
	TokenNational               // N'text'
	TokenParameter              // ? under Prepared
	TokenPunctuation            // one byte of anything else
	TokenExecOpen               // the opening of /*!50000, /*M!100100 or /*T!: what follows may be code
	TokenUnterminated           // a quote or comment without its end
)

// Mode is the part of sql_mode that changes how text is cut into tokens or parsed.
type Mode uint8

// The bits of Mode.
const (
	AnsiQuotes Mode = 1 << iota
	NoBackslashEscapes
	PipesAsConcat
	HighNotPrecedence
	IgnoreSpace
	// Prepared: the text is a prepared statement's, a question mark is a parameter.
	Prepared
)

// Token is a piece of the text.
type Token struct {
	Kind       TokenKind
	Start, End int // byte offsets: Text[Start:End]
}

// Lexer walks over a statement's text. The zero value with Text set is ready; copying it is how to look ahead.
type Lexer struct {
	Text []byte
	Mode Mode
	pos  int
	// afterDot: the previous token was a dot that follows a name, so that digits continue the name (db.1table).
	afterDot bool
	// name: the previous token was a name, so that a dot right behind it is a qualifier's.
	name bool
}

type class uint8

const (
	classOther class = iota
	classSpace
	classWord
	classDigit
	classQuote
	classBacktick
)

var classes = func() (t [256]class) {
	for c := 0; c < 256; c++ {
		switch {
		case c == ' ' || c >= '\t' && c <= '\r':
			t[c] = classSpace
		case c >= '0' && c <= '9':
			t[c] = classDigit
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' || c >= 0x80:
			t[c] = classWord
		case c == '\'' || c == '"':
			t[c] = classQuote
		case c == '`':
			t[c] = classBacktick
		}
	}
	return t
}()

// Pos is the offset of the next token.
func (l *Lexer) Pos() int { return l.pos }

// SetPos continues at another offset, which must be the start of a token.
func (l *Lexer) SetPos(pos int) { l.pos, l.afterDot, l.name = pos, false, false }

// Next returns the next token; TokenEnd at the end, for ever.
func (l *Lexer) Next() Token {
	t := l.scan()
	l.afterDot = l.name && t.Kind == TokenPunctuation && l.Text[t.Start] == '.'
	l.name = t.Kind == TokenWord || t.Kind == TokenQuotedName || t.Kind == TokenVariable
	l.pos = t.End
	return t
}

func (l *Lexer) scan() Token {
	text, i := l.Text, l.pos
	if i >= len(text) {
		return Token{TokenEnd, len(text), len(text)}
	}
	c := text[i]
	switch classes[c] {
	case classSpace:
		return Token{TokenSpace, i, l.spaceEnd(i)}
	case classWord:
		return l.word(i)
	case classDigit:
		if l.afterDot {
			return Token{TokenWord, i, wordEnd(text, i)}
		}
		return l.number(i)
	case classQuote:
		if c == '"' && l.Mode&AnsiQuotes != 0 {
			return quoted(text, i, i, false, TokenQuotedName)
		}
		return quoted(text, i, i, l.Mode&NoBackslashEscapes == 0, TokenString)
	case classBacktick:
		return quoted(text, i, i, false, TokenQuotedName)
	}
	return l.punctuation(i, c)
}

func (l *Lexer) punctuation(i int, c byte) Token {
	text := l.Text
	next := byte(0)
	if i+1 < len(text) {
		next = text[i+1]
	}
	switch {
	case c == '?' && l.Mode&Prepared != 0:
		return Token{TokenParameter, i, i + 1}
	case c == '@':
		return l.variable(i)
	case c == '.' && next >= '0' && next <= '9' && !l.name:
		return l.number(i)
	case c == '#', c == '-' && next == '-' && lineCommentFollows(text, i+2):
		return Token{TokenSpace, i, lineEnd(text, i)}
	case c == '/' && next == '*':
		return comment(text, i)
	}
	return Token{TokenPunctuation, i, i + 1}
}

func (l *Lexer) spaceEnd(i int) int {
	for i < len(l.Text) && classes[l.Text[i]] == classSpace {
		i++
	}
	return i
}

// word scans an identifier, keyword, or a literal that begins like one: x'2A', b'1', n'text'.
func (l *Lexer) word(i int) Token {
	text := l.Text
	if i+1 < len(text) && text[i+1] == '\'' && !l.afterDot {
		switch text[i] | 0x20 {
		case 'x':
			return quoted(text, i, i+1, false, TokenHex)
		case 'b':
			return quoted(text, i, i+1, false, TokenBit)
		case 'n':
			return quoted(text, i, i+1, l.Mode&NoBackslashEscapes == 0, TokenNational)
		}
	}
	return Token{TokenWord, i, wordEnd(text, i)}
}

func wordEnd(text []byte, i int) int {
	for i < len(text) && (classes[text[i]] == classWord || classes[text[i]] == classDigit) {
		i++
	}
	return i
}

// number scans a number; digits that run into letters are an identifier (2020_orders), as in MySQL.
func (l *Lexer) number(start int) Token {
	text, i := l.Text, start
	if text[i] == '0' && i+2 < len(text) && (text[i+1] == 'x' || text[i+1] == 'b') {
		if end := radixEnd(text, i+2, text[i+1] == 'x'); end > i+2 && (end == len(text) || classes[text[end]] != classWord && classes[text[end]] != classDigit) {
			if text[i+1] == 'x' {
				return Token{TokenHex, start, end}
			}
			return Token{TokenBit, start, end}
		}
	}
	kind := TokenInteger
	i = digitsEnd(text, i)
	if i < len(text) && text[i] == '.' {
		kind = TokenDecimal
		i = digitsEnd(text, i+1)
	}
	if i < len(text) && classes[text[i]] == classWord {
		if end := exponentEnd(text, i); end > i {
			return Token{TokenFloat, start, end}
		}
		if kind == TokenInteger {
			return Token{TokenWord, start, wordEnd(text, i)}
		}
	}
	return Token{kind, start, i}
}

func digitsEnd(text []byte, i int) int {
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	return i
}

func radixEnd(text []byte, i int, hex bool) int {
	for ; i < len(text); i++ {
		c := text[i]
		if c == '0' || c == '1' {
			continue
		}
		if !hex || !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			break
		}
	}
	return i
}

// exponentEnd is the end of an exponent that starts at i, or i when there is none.
func exponentEnd(text []byte, i int) int {
	if text[i] != 'e' && text[i] != 'E' {
		return i
	}
	j := i + 1
	if j < len(text) && (text[j] == '+' || text[j] == '-') {
		j++
	}
	if end := digitsEnd(text, j); end > j {
		return end
	}
	return i
}

// quoted scans from the quote at i to its end; the token begins at start. A doubled quote stands for itself.
func quoted(text []byte, start, i int, backslash bool, kind TokenKind) Token {
	quote := text[i]
	for i++; i < len(text); i++ {
		switch text[i] {
		case quote:
			if i+1 < len(text) && text[i+1] == quote {
				i++
				continue
			}
			return Token{kind, start, i + 1}
		case '\\':
			if backslash {
				i++
			}
		}
	}
	return Token{TokenUnterminated, start, len(text)}
}

// variable scans @name, @`name`, @'name' and @@name; the quotes of a variable's name are not a literal's.
func (l *Lexer) variable(start int) Token {
	text, i := l.Text, start+1
	if i < len(text) && text[i] == '@' {
		i++
	}
	if i < len(text) {
		switch classes[text[i]] {
		case classQuote, classBacktick:
			return quoted(text, start, i, text[i] != '`' && l.Mode&NoBackslashEscapes == 0, TokenVariable)
		}
	}
	for i < len(text) && (classes[text[i]] == classWord || classes[text[i]] == classDigit || text[i] == '.') {
		i++
	}
	return Token{TokenVariable, start, i}
}

func lineCommentFollows(text []byte, i int) bool {
	return i >= len(text) || text[i] <= ' '
}

func lineEnd(text []byte, i int) int {
	for i < len(text) && text[i] != '\n' {
		i++
	}
	return i
}

// comment scans /* … */. Executable comments give only their opening: what is inside is read as code.
func comment(text []byte, start int) Token {
	i := start + 2
	if i < len(text) && text[i] == '!' {
		return Token{TokenExecOpen, start, digitsEnd(text, i+1)}
	}
	if i+1 < len(text) && (text[i] == 'M' || text[i] == 'T') && text[i+1] == '!' {
		return Token{TokenExecOpen, start, digitsEnd(text, i+2)}
	}
	for ; i+1 < len(text); i++ {
		if text[i] == '*' && text[i+1] == '/' {
			return Token{TokenSpace, start, i + 2}
		}
	}
	return Token{TokenUnterminated, start, len(text)}
}
