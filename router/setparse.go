package router

// setparse.go: SET, read from its tokens. The parser does not keep what matters here (which scope was written, which
// transaction a characteristic is for, character sets that it does not know); what the values are made of is its tree's
// business still.

import (
	"strings"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// SetForm is the kind of an assignment of SET.
type SetForm uint8

// The forms, https://dev.mysql.com/doc/refman/9.4/en/set-statement.html.
const (
	SetVariable    SetForm = iota // a system variable
	SetUser                       // @name
	SetNames                      // NAMES …
	SetCharset                    // CHARACTER SET …
	SetTransaction                // TRANSACTION …: all of the statement
	SetOwn                        // a variable that is Serval's own: no server knows it
)

// Assignment is one item of a SET.
type Assignment struct {
	Form  SetForm
	Scope string // "session", "global", "persist" or "persist_only"
	// Next: a characteristic of the next transaction only (SET TRANSACTION …, SET @@transaction_isolation = …).
	Next  bool
	Name  string // of the variable, in lower case; of a user variable as it is written, without its quotes
	Value string // the text of its value, or what follows NAMES, CHARACTER SET or TRANSACTION
}

// setItems cuts a SET into its items; nil when the tokens are not those of a SET of variables.
func setItems(tk *rewrite.Tokens) []Assignment {
	if !tk.Is(0, "set") {
		return nil
	}
	if a, ok := setTransaction(tk); ok {
		return []Assignment{a}
	}
	var items []Assignment
	scope := "session"
	for _, part := range setParts(tk) {
		a, word, ok := setItem(tk, part[0], part[1], scope)
		if !ok {
			return nil
		}
		scope = word // a scope holds for what follows it without one
		if a.Form == SetVariable && a.Name == AcrossGroups {
			a.Form = SetOwn
		}
		items = append(items, a)
	}
	return items
}

// setParts are the token ranges between the commas.
func setParts(tk *rewrite.Tokens) (parts [][2]int) {
	depth, start := 0, 1
	for i := 1; i < len(tk.List); i++ {
		switch tk.Word(i) {
		case "(":
			depth++
		case ")":
			depth--
		case ",":
			if depth == 0 {
				parts = append(parts, [2]int{start, i})
				start = i + 1
			}
		}
	}
	return append(parts, [2]int{start, len(tk.List)})
}

func setTransaction(tk *rewrite.Tokens) (Assignment, bool) {
	at, scope := 1, ""
	switch w := tk.Word(1); w {
	case "global", "session", "local":
		at, scope = 2, strings.Replace(w, "local", "session", 1)
	}
	if !tk.Is(at, "transaction") || at+1 >= len(tk.List) || tk.List[at+1].Kind != fingerprint.TokenWord {
		return Assignment{}, false
	}
	a := Assignment{Form: SetTransaction, Scope: scope, Next: scope == "", Value: textOf(tk, at+1, len(tk.List))}
	if a.Next {
		a.Scope = "session"
	}
	return a, true
}

// setItem reads the item of tokens [from, to); scope is the one that holds without another.
func setItem(tk *rewrite.Tokens, from, to int, scope string) (a Assignment, next string, ok bool) {
	if from >= to {
		return a, scope, false
	}
	if n, form := namesItem(tk, from, to); n > 0 {
		return Assignment{Form: form, Value: textOf(tk, from+n, to)}, scope, true
	}
	a.Scope = scope
	if isScope(tk.Word(from)) && from+1 < to && tk.IsName(from+1) {
		a.Scope = strings.Replace(tk.Word(from), "local", "session", 1)
		scope = a.Scope
		from++
	}
	at := from
	for at < to && !tk.Is(at, "=") && !(tk.Is(at, ":") && tk.Is(at+1, "=")) {
		at++
	}
	if at == from || at == to {
		return a, scope, false
	}
	value := at + 1
	if tk.Is(at, ":") {
		value++
	}
	a.Value = textOf(tk, value, to)
	if t := tk.List[from]; t.Kind == fingerprint.TokenVariable {
		return atItem(tk, a, from, at), scope, true
	}
	a.Name = joinedName(tk, "", from, at)
	return a, scope, true
}

// atItem reads a name that begins with @ or @@.
func atItem(tk *rewrite.Tokens, a Assignment, from, to int) Assignment {
	t := tk.List[from]
	text := string(tk.Text[t.Start:t.End])
	if !strings.HasPrefix(text, "@@") {
		a.Form, a.Scope, a.Name = SetUser, "", userVariable(tk, from)
		return a
	}
	name := joinedName(tk, unquoteName(text[2:]), from+1, to)
	a.Scope, a.Next = "session", isTransactionVariable(name)
	if scope, rest, ok := strings.Cut(name, "."); ok && isScope(scope) {
		a.Scope, a.Next, name = strings.Replace(scope, "local", "session", 1), false, rest
	}
	a.Name = name
	return a
}

// joinedName puts a name of several tokens together, in lower case.
func joinedName(tk *rewrite.Tokens, head string, from, to int) string {
	var b strings.Builder
	b.WriteString(head)
	for i := from; i < to; i++ {
		if tk.IsName(i) {
			b.WriteString(tk.Name(i))
		} else {
			b.WriteString(tk.Word(i))
		}
	}
	return strings.ToLower(b.String())
}

// namesItem is how many tokens NAMES or CHARACTER SET are, 0 for another item.
func namesItem(tk *rewrite.Tokens, from, to int) (int, SetForm) {
	n, form := 0, SetNames
	switch {
	case tk.Is(from, "names"):
		n = 1
	case tk.Is(from, "charset"):
		n, form = 1, SetCharset
	case (tk.Is(from, "character") || tk.Is(from, "char")) && tk.Is(from+1, "set"):
		n, form = 2, SetCharset
	}
	if n == 0 || from+n >= to || tk.Is(from+n, "=") || tk.Is(from+n, ":") || tk.Is(from+n, ".") {
		return 0, form
	}
	return n, form
}

func isScope(word string) bool {
	switch word {
	case "global", "session", "local", "persist", "persist_only":
		return true
	}
	return false
}

func isTransactionVariable(name string) bool {
	switch name {
	case "transaction_isolation", "tx_isolation", "transaction_read_only", "tx_read_only":
		return true
	}
	return false
}

// textOf is the text of tokens [from, to).
func textOf(tk *rewrite.Tokens, from, to int) string {
	if from >= to {
		return ""
	}
	return string(tk.Text[tk.List[from].Start:tk.List[to-1].End])
}
