package proxy

// procedures.go: what a procedure may leave behind on its connection, by the words of its text: temporary tables, locks,
// prepared statements, and whatever it calls. A text that cannot be read may leave anything.

import (
	"bytes"
	"sync"

	"serval/proxy/backend"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// procedureCache keeps what was found for one catalog.
type procedureCache struct{ found sync.Map } // "group\x00database\x00name" → procedureText

// procedureText is what a procedure's text says.
type procedureText struct {
	leaves bool // something may stay on the connection
	rows   bool // it may answer with rows
}

// lasting are words of statements whose effect outlasts the procedure.
func lasting(word string) bool {
	switch word {
	case "temporary", "get_lock", "lock", "prepare", "execute", "call", "handler":
		return true
	}
	return false
}

// readProcedure reads a procedure's text, once for each catalog.
func (c *session) readProcedure(proc *router.Procedure, group string) (procedureText, error) {
	key := group + "\x00" + proc.Physical + "\x00" + proc.Name
	if v, ok := c.known.procedures.found.Load(key); ok {
		return v.(procedureText), nil
	}
	var rows []backend.Row
	err := c.withConn(group, func(conn *backend.Conn) (err error) {
		rows, err = conn.Query("SHOW CREATE PROCEDURE " + rewrite.Quote(proc.Physical) + "." + rewrite.Quote(proc.Name))
		return err
	})
	if serverRefused(err) { // there is none: CALL will say so
		return procedureText{}, nil
	}
	if err != nil {
		return procedureText{}, err
	}
	t := procedureText{leaves: true, rows: true}
	if len(rows) == 1 && len(rows[0]) > 2 && rows[0][2] != nil {
		t = wordsOf(rows[0][2])
	}
	c.known.procedures.found.Store(key, t)
	return t, nil
}

func wordsOf(text []byte) (t procedureText) {
	var st fingerprint.Statement
	st.ScanWhole(text, 0)
	tk := rewrite.Tokenize(&st)
	for i := range tk.List {
		switch w := tk.Word(i); {
		case lasting(w):
			t.leaves, t.rows = true, true // what it calls or executes may do anything
		case w == "select" || w == "show" || w == "explain" || w == "table" || w == "values":
			t.rows = true
		}
	}
	return t
}

// wholeBody takes a text that defines a stored program as one statement, semicolons and all; false when it is none.
func (c *session) wholeBody(text []byte) bool {
	var st fingerprint.Statement
	st.ScanWhole(text, c.state.mode)
	plain := st.Plain(c.known.flavor.server)
	st.Scan(plain, c.state.mode)
	if !router.Compound(&st) {
		return false
	}
	c.st.ScanWhole(bytes.TrimRight(plain, " \t\r\n;"), c.state.mode)
	return true
}
