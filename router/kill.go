package router

// kill.go: KILL, read from its tokens: the parser knows fewer forms than servers do.

import (
	"strconv"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// Kill is a KILL statement.
type Kill struct {
	ID    uint64
	Own   bool // of the session itself: KILL CONNECTION_ID()
	Query bool // only what it runs
}

// readKill reads KILL [HARD | SOFT] [CONNECTION | QUERY] id; nil when the statement is none. Ids that are no numbers are
// refused.
func readKill(st *fingerprint.Statement) (*Kill, error) {
	if !st.Begins("kill") {
		return nil, nil
	}
	tk := rewrite.Tokenize(st)
	k, at := &Kill{}, 1
	if tk.Is(at, "hard") || tk.Is(at, "soft") {
		at++
	}
	switch {
	case tk.Is(at, "query"):
		k.Query = true
		at++
		if tk.Is(at, "id") {
			return nil, refuse("KILL QUERY ID", nil, "queries have no ids of their own here: KILL QUERY with the connection's id")
		}
	case tk.Is(at, "connection"):
		at++
	case tk.Is(at, "user"):
		return nil, refuse("KILL USER", nil, "KILL the connections by their ids")
	}
	switch rest := len(tk.List) - at; {
	case rest == 1 && tk.List[at].Kind == fingerprint.TokenInteger:
		id, err := strconv.ParseUint(string(tk.Text[tk.List[at].Start:tk.List[at].End]), 10, 64)
		if err != nil {
			return nil, unproven(err)
		}
		k.ID = id
	case rest == 3 && tk.Is(at, "connection_id") && tk.Is(at+1, "(") && tk.Is(at+2, ")"):
		k.Own = true
	case rest == 0:
		return nil, nil // a syntax error, in the server's words
	default:
		return nil, refuse("KILL of an expression", nil, "give the connection's id as a number")
	}
	return k, nil
}
