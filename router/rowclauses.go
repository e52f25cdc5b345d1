package router

// rowclauses.go: VALUES ROW(…) and the alias of inserted rows, which MySQL has and the parser does not know. They are blanked
// for the parser, and reach the server as they were written.

import (
	"strings"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// withoutRowWords blanks the words ROW in front of the rows of an INSERT.
func withoutRowWords(sql string, mode fingerprint.Mode) (blanked string, ok bool) {
	tk := rewrite.Tokenize(&fingerprint.Statement{Text: []byte(sql), Mode: mode, End: len(sql)})
	i := rowsBegin(tk)
	if i < 0 {
		return "", false
	}
	out := []byte(sql)
	for tk.Is(i, "row") && tk.Is(i+1, "(") {
		whiten(out, tk.List[i].Start, tk.List[i].End)
		if i = closing(tk, i+1) + 1; tk.Is(i, ",") {
			i++
		}
		ok = true
	}
	return string(out), ok
}

// withoutRowAlias blanks AS new(a, b) behind the rows of an INSERT.
func withoutRowAlias(sql string, mode fingerprint.Mode) (blanked string, ok bool) {
	tk := rewrite.Tokenize(&fingerprint.Statement{Text: []byte(sql), Mode: mode, End: len(sql)})
	i := rowsBegin(tk)
	if i < 0 {
		return "", false
	}
	for tk.Is(i, "(") || tk.Is(i, "row") && tk.Is(i+1, "(") {
		if tk.Is(i, "row") {
			i++
		}
		if i = closing(tk, i) + 1; tk.Is(i, ",") {
			i++
		}
	}
	if !tk.Is(i, "as") || !tk.IsName(i+1) {
		return "", false
	}
	end := i + 1
	if tk.Is(i+2, "(") {
		end = closing(tk, i+2)
	}
	if end >= len(tk.List) {
		return "", false
	}
	out := []byte(sql)
	whiten(out, tk.List[i].Start, tk.List[end].End)
	return string(out), true
}

// rowsBegin is the token behind VALUES of an INSERT or REPLACE, -1 when there is none.
func rowsBegin(tk *rewrite.Tokens) int {
	if !tk.Is(0, "insert") && !tk.Is(0, "replace") {
		return -1
	}
	depth := 0
	for i := 1; i < len(tk.List); i++ {
		if depth == 0 && (tk.Is(i, "values") || tk.Is(i, "value")) && (tk.Is(i+1, "(") || tk.Is(i+1, "row")) {
			return i + 1
		}
		depth += depthChange(strings.ToLower(tk.Word(i)))
	}
	return -1
}

func whiten(text []byte, start, end int) {
	for ; start < end; start++ {
		text[start] = ' '
	}
}
