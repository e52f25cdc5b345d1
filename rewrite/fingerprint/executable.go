package fingerprint

// executable.go: comments that a server may run: /*! … */, /*!50000 … */, /*M!100100 … */. What they mean is decided
// here by the servers' own rules, so that the planner and the servers read the same statement:
// https://dev.mysql.com/doc/refman/9.4/en/comments.html, https://mariadb.com/kb/en/comment-syntax/.

// Server is what decides whether a server runs a comment.
type Server struct {
	MariaDB bool
	Version int // 90704 for 9.7.4, 101119 for 10.11.19
}

// Plain returns the statement's text with its executable comments decided: those that the server runs without their
// marks, the others and /*T! … */ as white space. The text keeps its length. It is a copy; s.Text is not changed.
func (s *Statement) Plain(server Server) []byte {
	out := append([]byte(nil), s.Text...)
	lex := Lexer{Text: s.Text, Mode: s.Mode}
	open := 0 // comments that are being run and not closed yet
	for {
		t := lex.Next()
		switch {
		case t.Kind == TokenEnd:
			return out
		case t.Kind == TokenExecOpen && server.runs(s.Text[t.Start:t.End]):
			blank(out[t.Start:t.End])
			open++
		case t.Kind == TokenExecOpen:
			end := commentEnd(s.Text, t.End)
			blank(out[t.Start:end])
			lex.SetPos(end)
		case open > 0 && t.Kind == TokenPunctuation && t.Start+1 < len(s.Text) && s.Text[t.Start] == '*' && s.Text[t.Start+1] == '/':
			blank(out[t.Start : t.Start+2])
			lex.SetPos(t.Start + 2)
			open--
		}
	}
}

// runs decides by the opening of a comment.
func (sv Server) runs(opening []byte) bool {
	digits, maria := opening[3:], false
	if opening[2] != '!' {
		if opening[2] == 'T' || !sv.MariaDB {
			return false
		}
		digits, maria = opening[4:], true
	}
	if len(digits) < 5 {
		return true
	}
	version := 0
	for _, d := range digits[:min(len(digits), 6)] {
		version = version*10 + int(d-'0')
	}
	if sv.MariaDB && !maria && version >= 50700 && version <= 99999 {
		return false
	}
	return version <= sv.Version
}

// commentEnd is behind the */ that ends a comment whose content starts at i.
func commentEnd(text []byte, i int) int {
	for ; i+1 < len(text); i++ {
		if text[i] == '*' && text[i+1] == '/' {
			return i + 2
		}
	}
	return len(text)
}

func blank(b []byte) {
	for i := range b {
		if b[i] != '\n' {
			b[i] = ' '
		}
	}
}
