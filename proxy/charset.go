package proxy

// charset.go: the border between a client's character set and the UTF-8 that everything inside reads. A statement is
// decoded when it comes in; the connection to the server runs in the client's character sets and has the text encoded
// again (backend.State.Client), byte for byte what the client wrote but for the names that were exchanged. Rows pass as
// the server made them; what the session says itself is encoded to character_set_results here.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"serval/proxy/backend/schema"
	"serval/proxy/transcode"
	"serval/proxy/wire"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// charsets are a session's character_set_client, the one of collation_connection, and character_set_results.
type charsets struct{ client, connection, results string }

// charsets reads them out of SET NAMES and the variables set after it.
func (s *sessionState) charsets() charsets {
	name, _, _ := strings.Cut(s.names, " ")
	all := charsets{name, name, name}
	for variable, place := range map[string]*string{
		"character_set_client": &all.client, "character_set_connection": &all.connection, "character_set_results": &all.results,
	} {
		if value, ok := s.vars[variable]; ok {
			*place = strings.ToLower(strings.Trim(value, "'"))
		}
	}
	if value, ok := s.vars["collation_connection"]; ok { // setting one of the two sets the other
		all.connection, _, _ = strings.Cut(strings.ToLower(strings.Trim(value, "'")), "_")
	}
	return all
}

// strings is what the character sets let be known of a statement's strings.
func (c charsets) strings() router.Charset {
	client, connection := charsetOf(c.client), charsetOf(c.connection)
	switch {
	case c.client == "binary" && c.connection == "binary":
		return router.BinaryCharset
	case c.client == "binary" || client == router.OtherCharset && !transcoded(c.client):
		return router.OtherCharset
	case client == router.OtherCharset && c.client == c.connection:
		return router.Characters
	case client == router.OtherCharset || connection == router.OtherCharset:
		return connection
	}
	return max(client, connection)
}

// transcoded tells whether text of a character set is anything else than UTF-8 or bytes.
func transcoded(name string) bool {
	return !strings.HasPrefix(name, "utf8") && name != "binary" && name != "" && name != "null"
}

// charsetVariables are what SET NAMES sets.
var charsetVariables = [...]string{"character_set_client", "character_set_connection", "character_set_results", "collation_connection"}

// charsetTables are the character sets that were asked for, as the servers convert them. They live as long as the
// process: a server's tables change with its version at most.
type charsetTables struct {
	mu     sync.Mutex
	byName map[string]*transcode.Table // version, space, name
}

// charsetTimeout bounds the question to one server.
const charsetTimeout = 10 * time.Second

// charsetTable is the table of a character set; nil where none is needed.
func (s *Server) charsetTable(name string) (*transcode.Table, error) {
	if !transcoded(name) {
		return nil, nil
	}
	key := s.known.Load().flavor.version + " " + name
	s.charsets.mu.Lock()
	defer s.charsets.mu.Unlock()
	if t := s.charsets.byName[key]; t != nil {
		return t, nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, charsetTimeout)
	defer cancel()
	var last error
	for _, g := range s.cfg.Groups {
		t, err := schema.ReadCharset(ctx, s.cluster.Group(g.Name).Primary(), name)
		if err == nil {
			if s.charsets.byName == nil {
				s.charsets.byName = map[string]*transcode.Table{}
			}
			s.charsets.byName[key] = t
			return t, nil
		}
		if errors.Is(err, schema.ErrCharset) {
			return nil, noCharset(name)
		}
		last = err
	}
	return nil, fmt.Errorf("no server can be asked for its character set %s: %w", name, last)
}

// noCharset refuses a character set in which ASCII is not ASCII.
func noCharset(name string) error {
	return notSupported("Serval does not support the client character set %s: connect with utf8mb4", name)
}

// learnCharset finds the table of the client's character set.
func (c *session) learnCharset() error {
	name := c.state.sets.client
	if t := c.state.clientTable; t != nil && t.Name == name || t == nil && !transcoded(name) {
		return nil
	}
	t, err := c.srv.charsetTable(name)
	if err != nil {
		return err
	}
	c.state.clientTable = t
	return nil
}

// decode gives a client's text in UTF-8. It is valid until the next call.
func (c *session) decode(raw []byte) ([]byte, error) {
	if err := c.learnCharset(); err != nil {
		return nil, err
	}
	if c.state.clientTable == nil || transcode.ASCII(raw) {
		return raw, nil
	}
	text, met := c.state.clientTable.Decode(c.decoded[:0], raw)
	c.decoded = text
	if met.Escaped && c.state.mode&fingerprint.NoBackslashEscapes == 0 {
		return nil, notSupported("Serval does not support a backslash before a character of several bytes in %s, which MySQL takes apart: leave the backslash out", c.state.clientTable.Name)
	}
	if met.Kept {
		return text, c.onlyInStrings(text)
	}
	return text, nil
}

// onlyInStrings refuses bytes that are no characters where they could be read in more than one way. In strings and
// comments they are the server's business.
func (c *session) onlyInStrings(text []byte) error {
	lex := fingerprint.Lexer{Text: text, Mode: c.state.mode}
	for {
		t := lex.Next()
		switch t.Kind {
		case fingerprint.TokenEnd:
			return nil
		case fingerprint.TokenString, fingerprint.TokenNational, fingerprint.TokenSpace:
			continue
		}
		if transcode.HasKept(text[t.Start:t.End]) {
			c.known = c.srv.known.Load()
			return c.syntaxError(errNoCharacters, text) // as a server says it
		}
	}
}

// errNoCharacters are bytes that are no characters of the client's character set, outside of strings and comments.
var errNoCharacters = errors.New("bytes outside of strings that are no characters of the client's character set")

// connectionNames tells one collation of literals from another.
func (s *sessionState) connectionNames() string { return s.names + s.vars["collation_connection"] }

// sameStrings refuses a statement whose strings a server read under other character sets than it would now.
func (c *session) sameStrings(ps *preparedStatement) error {
	if now := c.state.sets; ps.sets.client == now.client && ps.sets.connection == now.connection && ps.names == c.state.connectionNames() {
		return nil
	}
	for _, l := range c.st.Literals {
		if l.Kind == fingerprint.String || l.Kind == fingerprint.Opaque {
			return notSupported("Serval does not support a statement with strings that was prepared under another character set or collation: prepare it again")
		}
	}
	return nil
}

// decodeName decodes a name that a command has as its argument.
func (c *session) decodeName(raw []byte) (string, error) {
	text, err := c.decode(raw)
	return string(text), err
}

// decodeAgain gives the statements behind one that changed how text is read: they are what the client sent in the
// character set that is its own now.
func (c *session) decodeAgain(rest []byte, was *transcode.Table) ([]byte, error) {
	if transcode.ASCII(rest) {
		return rest, c.learnCharset()
	}
	raw := append([]byte(nil), rest...)
	if was != nil {
		raw, _ = was.Encode(nil, rest) // it has all of what came out of it
	}
	return c.decode(raw)
}

// resultTable is the table of character_set_results; nil when results are UTF-8, or are not converted.
func (c *session) resultTable() *transcode.Table {
	name := c.state.sets.results
	if t := c.state.clientTable; t != nil && t.Name == name {
		return t
	}
	t, err := c.srv.charsetTable(name)
	if err != nil {
		return nil // then there is no server to give results either
	}
	return t
}

// toResults encodes a text of the session's own for the client.
func (c *session) toResults(text string) string {
	if transcode.ASCII(text) {
		return text
	}
	t := c.resultTable()
	if t == nil {
		return text
	}
	return t.EncodeString(text, transcode.QuestionMark)
}

// messageToResults is toResults for an error's message.
func (c *session) messageToResults(text string) string {
	if transcode.ASCII(text) {
		return text
	}
	if t := c.resultTable(); t != nil {
		return t.EncodeString(text, transcode.Escape)
	}
	return text
}

// fromResults decodes what a server said to the session.
func (c *session) fromResults(text string) string {
	if transcode.ASCII(text) {
		return text
	}
	t := c.resultTable()
	if t == nil {
		return text
	}
	decoded, _ := t.Decode(nil, []byte(text))
	return string(decoded)
}

// eachName changes the names in a column's definition.
func (c *session) eachName(col *wire.Column, change func(string) string) {
	for _, name := range []*[]byte{&col.Schema, &col.Table, &col.OrgTable, &col.Name, &col.OrgName} {
		if !transcode.ASCII(*name) {
			*name = []byte(change(string(*name)))
		}
	}
}

// decodeColumn gives the names in a definition that a server sent in UTF-8.
func (c *session) decodeColumn(col *wire.Column) { c.eachName(col, c.fromResults) }

// appendColumn appends a definition whose names are UTF-8.
func (c *session) appendColumn(dst []byte, col wire.Column) []byte {
	c.eachName(&col, c.toResults)
	return wire.AppendColumn(dst, &col)
}

// plainly marks a server's error that came from a connection in UTF-8, whatever the session's results are.
func plainly(err error) error {
	var e *wire.Error
	if !errors.As(err, &e) || !e.FromServer {
		return err
	}
	plain := *e
	plain.FromServer = false
	return &plain
}

// setsCharset tells whether a variable is one of the session's character sets.
func setsCharset(variable string) bool { return slices.Contains(charsetVariables[:], variable) }

// mayCharset refuses a character set, or a collation of one, in which ASCII is not ASCII: numbers and names in results, and
// the letters of statements, are read as such.
func (c *session) mayCharset(name string) error {
	name = strings.ReplaceAll(name, "\x00", "") // told in the very character set that it is about
	name, _, _ = strings.Cut(strings.ToLower(name), "_")
	_, err := c.srv.charsetTable(name)
	return err
}

// changedReading tells whether statements are read otherwise than before.
func (c *session) changedReading(was *transcode.Table, mode fingerprint.Mode) bool {
	before := ""
	if was != nil {
		before = was.Name
	}
	now := ""
	if transcoded(c.state.sets.client) {
		now = c.state.sets.client
	}
	return before != now || c.state.mode != mode
}
