package router

// uservars.go: user variables (@name): which a statement reads and which it assigns, by its tokens. SELECT … INTO @a is
// not in the parser's grammar: the parser is given the text without that clause, the servers get it as it is.

import (
	"bytes"
	"strings"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// UserVariables are the user variables of a statement.
type UserVariables struct {
	// Assigned are the names of those that it gives a value, without quotes, each once (names do not know case).
	Assigned []string
	// Named: it has some.
	Named bool
	// Into: SELECT … INTO @name.
	Into bool
	// Inside: some are assigned in expressions: @name := …
	Inside bool
}

// userVariables notes the statement's user variables. What is assigned on several shards would have several values.
func (p *planning) userVariables() {
	p.plan.Users = userVariablesOf(p.text.tokens)
	p.plan.Calls = p.uses.strange != ""
	switch u := &p.plan.Users; {
	case u.Into:
		p.uses.setUnsafe("SELECT … INTO user variables")
	case len(u.Assigned) > 0:
		p.uses.setUnsafe("the assignment of the user variable @" + u.Assigned[0])
	}
}

// userVariablesOf finds the user variables of a statement.
func userVariablesOf(tk *rewrite.Tokens) (u UserVariables) {
	into := false
	for i := range tk.List {
		if !isUserVariable(tk, i) {
			into = into && tk.Is(i, ",")
			continue
		}
		u.Named = true
		into = into || tk.Is(i-1, "into")
		u.Into = u.Into || into
		inside := tk.Is(i+1, ":") && tk.Is(i+2, "=")
		u.Inside = u.Inside || inside
		if into || inside {
			u.assign(userVariable(tk, i))
		}
	}
	return u
}

func (u *UserVariables) assign(name string) {
	for _, have := range u.Assigned {
		if strings.EqualFold(have, name) {
			return
		}
	}
	u.Assigned = append(u.Assigned, name)
}

// isUserVariable tells whether token i is @name and not @@name.
func isUserVariable(tk *rewrite.Tokens, i int) bool {
	if i < 0 || i >= len(tk.List) || tk.List[i].Kind != fingerprint.TokenVariable {
		return false
	}
	t := tk.List[i]
	return t.End < t.Start+2 || tk.Text[t.Start+1] != '@'
}

// userVariable is the name of the user variable that token i is.
func userVariable(tk *rewrite.Tokens, i int) string {
	t := tk.List[i]
	return unquoteName(string(tk.Text[t.Start+1 : t.End]))
}

// unquoteName undoes the quotes around a variable's name.
func unquoteName(s string) string {
	if len(s) < 2 || s[0] != '`' && s[0] != '\'' && s[0] != '"' {
		return s
	}
	quote := s[:1]
	return strings.ReplaceAll(s[1:len(s)-1], quote+quote, quote)
}

// forParser is a statement as the parser can read it, of the same length: SELECT without INTO @a, @b, and SET with
// something else in the place of NAMES (the parser knows few character sets) and PERSIST.
func forParser(sql string, mode fingerprint.Mode) string {
	text := []byte(sql)
	word := firstWord(text)
	into := bytes.IndexByte(text, '@') >= 0 && len(word) > 0 && !strings.EqualFold(word, "set")
	if !into && !strings.EqualFold(word, "set") {
		return sql
	}
	tk := rewrite.Tokenize(&fingerprint.Statement{Text: text, End: len(text), Mode: mode})
	if into {
		return withoutInto(sql, tk)
	}
	return plainSet(sql, tk)
}

func firstWord(text []byte) string {
	text = bytes.TrimLeft(text, " \t\r\n(")
	end := 0
	for end < len(text) && (text[end]|0x20 >= 'a' && text[end]|0x20 <= 'z') {
		end++
	}
	return string(text[:end])
}

// withoutInto blanks INTO @a, @b.
func withoutInto(sql string, tk *rewrite.Tokens) string {
	for i := range tk.List {
		if !tk.Is(i, "into") || !isUserVariable(tk, i+1) {
			continue
		}
		end := i + 1
		for tk.Is(end+1, ",") && isUserVariable(tk, end+2) {
			end += 2
		}
		sql = blank(sql, tk.List[i].Start, tk.List[end].End, "")
	}
	return sql
}

// plainSet exchanges what the parser does not know.
func plainSet(sql string, tk *rewrite.Tokens) string {
	if _, ok := setTransaction(tk); ok {
		return sql
	}
	for _, part := range setParts(tk) {
		from, to := part[0], part[1]
		if from >= to {
			continue
		}
		if n, _ := namesItem(tk, from, to); n > 0 {
			sql = blank(sql, tk.List[from].Start, tk.List[to-1].End, "@n=1")
		}
		if w := tk.Word(from); strings.HasPrefix(w, "persist") && isScope(w) && tk.IsName(from+1) {
			sql = blank(sql, tk.List[from].Start, tk.List[from].End, "session")
		}
	}
	return sql
}

// blank exchanges sql[start:end] for text and spaces.
func blank(sql string, start, end int, text string) string {
	return sql[:start] + text + strings.Repeat(" ", end-start-len(text)) + sql[end:]
}
