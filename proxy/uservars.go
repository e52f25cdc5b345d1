package proxy

// uservars.go: user variables. The session keeps each as a literal that gives it back with its type and collation, on
// whichever connection the next statement runs. What a statement assigned is read back from its connection.

import (
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/router"
)

// errNotReadBack is a state that a server did not tell.
var errNotReadBack = errors.New("the session's variables could not be read back")

// setUser keeps a user variable's literal.
func (s *sessionState) setUser(name, text string) {
	if s.users == nil {
		s.users = map[string]string{}
	}
	s.users[strings.ToLower(name)] = text
}

// oddUsers tells whether a name may be the same as another one with other letters, as MySQL compares them.
func (s *sessionState) oddUsers() bool {
	for name := range s.users {
		if oddName(name) {
			return true
		}
	}
	return false
}

func oddName(name string) bool {
	return strings.HasSuffix(name, " ") || strings.ContainsFunc(name, func(r rune) bool { return r >= 0x80 })
}

// usersToRead are the variables whose value may have changed when these were assigned: where names are compared in
// ways that are the server's business, all of them.
func (c *session) usersToRead(assigned []string) []string {
	if len(assigned) == 0 || !slices.ContainsFunc(assigned, oddName) && !c.state.oddUsers() {
		return assigned
	}
	names := slices.Clone(assigned)
	for name := range c.state.users {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
			names = append(names, name)
		}
	}
	return names
}

// userVariableColumns asks for a variable: its value, whose column has its type, and what strings are made of.
func userVariableColumns(name string) string {
	v := "@" + rewrite.Quote(name)
	return v + ",HEX(" + v + "),CHARSET(" + v + "),COLLATION(" + v + ")"
}

// userVariableText is the literal for a value read by userVariableColumns, "" when it cannot be told.
func userVariableText(row backend.Row, col *wire.Column) string {
	value := string(row[0])
	null := row[0] == nil
	switch col.Type {
	case wire.TypeLongLong, wire.TypeLong, wire.TypeShort, wire.TypeTiny:
		kind := "SIGNED"
		if col.Flags&wire.FlagUnsigned != 0 {
			kind = "UNSIGNED"
		}
		return cast(value, null, kind)
	case wire.TypeNewDecimal:
		if !null && strings.Contains(value, ".") {
			return value
		}
		return cast(value, null, "DECIMAL(65,0)")
	case wire.TypeDouble, wire.TypeFloat:
		if null {
			return "CAST(NULL AS DOUBLE)"
		}
		if strings.ContainsAny(value, "eE") {
			return value
		}
		return value + "e0"
	}
	return stringText(row, null)
}

func cast(value string, null bool, kind string) string {
	if null {
		value = "NULL"
	}
	return "CAST(" + value + " AS " + kind + ")"
}

func stringText(row backend.Row, null bool) string {
	charset, collation := string(row[2]), string(row[3])
	switch {
	case !null && row[1] == nil:
		return "" // longer than a server's HEX() may be
	case charset == "binary" && null:
		return "NULL"
	case charset == "binary":
		return "_binary x'" + string(row[1]) + "'"
	case null:
		return "CONVERT(NULL USING " + charset + ") COLLATE " + collation
	}
	return "_" + charset + " x'" + string(row[1]) + "' COLLATE " + collation
}

func hexOf(v []byte) string { return hex.EncodeToString(v) }

// assigns are the variables that a statement on a group may have assigned.
func (c *session) assigns(p *router.Plan, group string) []string {
	hidden := c.known.hidden.of(p, group)
	if len(hidden) == 0 {
		return c.usersToRead(p.Users.Assigned)
	}
	return c.usersToRead(append(slices.Clone(p.Users.Assigned), hidden...))
}

// rememberUserVariables reads the values of user variables that a statement on conn may have assigned into the
// session's state. After an error the session's state is not known any more, and it has to end.
func (c *session) rememberUserVariables(conn *backend.Conn, names []string) error {
	if len(names) == 0 {
		return nil
	}
	back := readBack{users: names}
	if !c.more && !c.composing {
		if err := c.conn.Flush(); err != nil { // the client does not wait for this
			return clientError(err)
		}
	}
	answers, err := conn.Pipeline(back.sql())
	if err != nil {
		return clientError(errors.Join(errNotReadBack, err))
	}
	a := &answers[0]
	if a.Err != nil || len(a.Rows) != 1 {
		return clientError(errNotReadBack)
	}
	next := c.state.clone()
	if _, err := c.adopt(&next, &back, a); err != nil {
		return clientError(err)
	}
	next.render()
	conn.Became(next.backend(""))
	if err := c.mayKeep(&next, nil); err != nil {
		return clientError(errors.Join(errNotReadBack, err))
	}
	c.state = next
	return nil
}
