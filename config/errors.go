package config

import (
	"fmt"
	"sort"
	"strings"
)

// errors.go: what is said to the operator. Nothing here knows what the file means. A message never holds a password,
// or text that could be one (see shownKey).

// Error is one thing that is wrong in a configuration file.
type Error struct {
	File    string
	Line    int // from 1; 0 when it is about the file as a whole
	Column  int // from 1, in characters
	Message string
	Hint    string // what to do; may be empty

	err error // what it was caused by, for errors.Is; may be nil
}

// Error is "file:line:column: message; hint".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	b.WriteString(": ")
	b.WriteString(e.Message)
	if e.Hint != "" {
		b.WriteString("; ")
		b.WriteString(e.Hint)
	}
	return b.String()
}

// Unwrap is the error of the operating system behind this one, if there is one.
func (e *Error) Unwrap() error { return e.err }

// Errors is everything that is wrong in a configuration file, in the order of the file. Load and Parse return it as
// their error; it is never empty then.
type Errors []*Error

// Error is one line for each error.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the single errors to errors.Is and errors.As.
func (es Errors) Unwrap() []error {
	all := make([]error, len(es))
	for i, e := range es {
		all[i] = e
	}
	return all
}

// sorted puts errors in file order and drops repetitions (an aliased block is read once per use).
func (es Errors) sorted() Errors {
	sort.SliceStable(es, func(i, j int) bool {
		if es[i].Line != es[j].Line {
			return es[i].Line < es[j].Line
		}
		return es[i].Column < es[j].Column
	})
	kept := es[:0]
	seen := map[string]bool{}
	for _, e := range es {
		if text := e.Error(); !seen[text] {
			seen[text] = true
			kept = append(kept, e)
		}
	}
	return kept
}
