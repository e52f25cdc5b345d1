package fingerprint

// begins.go: the first words of a statement.

// Begins tells whether the statement begins with these lower-case words.
func (s *Statement) Begins(words ...string) bool {
	lex := Lexer{Text: s.Text[:s.End], Mode: s.Mode}
	for _, w := range words {
		t := nextSolid(&lex)
		if t.Kind != TokenWord || !equalFold(s.Text[t.Start:t.End], w) {
			return false
		}
	}
	return true
}
