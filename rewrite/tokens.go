// Package rewrite makes the SQL that a shard is asked from the client's own text: it finds where names stand, and
// splices other names (and what a merge needs) in their places, so that everything else reaches the server as it was
// written. It knows neither catalogs nor shards.
package rewrite

// tokens.go: a statement's tokens without white space and comments, and helpers to read names from them.

import (
	"strings"

	"serval/rewrite/fingerprint"
)

// Tokens is a statement's text as tokens that mean something, for planning (not for the way of every statement).
type Tokens struct {
	Text []byte
	List []fingerprint.Token
}

// Tokenize reads the first statement of st's text.
func Tokenize(st *fingerprint.Statement) *Tokens {
	lex := fingerprint.Lexer{Text: st.Text[:st.End], Mode: st.Mode}
	tk := &Tokens{Text: st.Text}
	for {
		t := lex.Next()
		switch t.Kind {
		case fingerprint.TokenEnd:
			return tk
		case fingerprint.TokenSpace, fingerprint.TokenExecOpen:
		default:
			tk.List = append(tk.List, t)
		}
	}
}

// Is tells whether token i is this punctuation or (in any case) this lower-case word.
func (tk *Tokens) Is(i int, what string) bool {
	if i < 0 || i >= len(tk.List) {
		return false
	}
	t := tk.List[i]
	if t.Kind != fingerprint.TokenWord && t.Kind != fingerprint.TokenPunctuation {
		return false
	}
	return strings.EqualFold(string(tk.Text[t.Start:t.End]), what)
}

// Word is token i in lower case when it is a bare word or punctuation, "" otherwise.
func (tk *Tokens) Word(i int) string {
	if i < 0 || i >= len(tk.List) {
		return ""
	}
	t := tk.List[i]
	if t.Kind != fingerprint.TokenWord && t.Kind != fingerprint.TokenPunctuation {
		return ""
	}
	return strings.ToLower(string(tk.Text[t.Start:t.End]))
}

// IsName tells whether token i can be a name: a word or a quoted name.
func (tk *Tokens) IsName(i int) bool {
	return i >= 0 && i < len(tk.List) && (tk.List[i].Kind == fingerprint.TokenWord || tk.List[i].Kind == fingerprint.TokenQuotedName)
}

// Name is token i as a name, its quotes undone.
func (tk *Tokens) Name(i int) string {
	t := tk.List[i]
	s := string(tk.Text[t.Start:t.End])
	if t.Kind != fingerprint.TokenQuotedName {
		return s
	}
	quote := s[:1]
	return strings.ReplaceAll(s[1:len(s)-1], quote+quote, quote)
}

// Quote writes a name between backticks.
func Quote(name string) string {
	return "`" + strings.ReplaceAll(name, "`", "``") + "`"
}
