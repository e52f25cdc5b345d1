package router

// returning.go: INSERT, REPLACE and DELETE … RETURNING, which MariaDB has and the parser does not know. The clause is
// blanked for the parser, and reaches the server as it was written, its qualifiers mended like all others
// (mariadb.com/kb: INSERT...RETURNING). Only lists of columns are taken: what else could stand there would need planning.

import (
	"slices"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// withoutReturning blanks the clause; ok is false when the statement does not end in one that is a list of columns.
func withoutReturning(sql string, mode fingerprint.Mode) (blanked string, ok bool) {
	tk := rewrite.Tokenize(&fingerprint.Statement{Text: []byte(sql), Mode: mode, End: len(sql)})
	if !tk.Is(0, "insert") && !tk.Is(0, "replace") && !tk.Is(0, "delete") {
		return "", false
	}
	depth := 0
	for i := range tk.List {
		switch {
		case tk.Is(i, "("):
			depth++
		case tk.Is(i, ")"):
			depth--
		case depth == 0 && tk.Is(i, "returning") && !tk.Is(i-1, ".") && columnsOnly(tk, i+1):
			return sql[:tk.List[i].Start], true
		}
	}
	return "", false
}

// namedFunctions are called without parentheses, and tell what only Serval knows.
var namedFunctions = []string{"current_user", "current_role"}

// columnsOnly tells whether the tokens from i to the end are a list of columns: a, t.b AS c, t.*.
func columnsOnly(tk *rewrite.Tokens, i int) bool {
	for {
		switch {
		case tk.Is(i, "*"):
			i++
		case tk.IsName(i) && !slices.Contains(namedFunctions, tk.Word(i)):
			i = columnEnd(tk, i)
		default:
			return false
		}
		if i == len(tk.List) {
			return true
		}
		if !tk.Is(i, ",") {
			return false
		}
		i++
	}
}

// columnEnd is the token behind a column and its alias.
func columnEnd(tk *rewrite.Tokens, i int) int {
	for i++; tk.Is(i, ".") && (tk.IsName(i+1) || tk.Is(i+1, "*")); {
		i += 2
	}
	if tk.Is(i, "as") && tk.IsName(i+1) {
		return i + 2
	}
	if tk.IsName(i) {
		return i + 1
	}
	return i
}
