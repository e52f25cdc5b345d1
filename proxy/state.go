package proxy

// state.go: the session state that a client set and that every connection working for it is brought to: character
// set, autocommit, and session variables. It is kept as the text that sets it.

import (
	"maps"
	"sort"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/charset"

	"serval/proxy/backend"
	"serval/proxy/transcode"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
	"serval/router"
)

type sessionState struct {
	autocommit  bool
	names       string            // "utf8mb4 COLLATE utf8mb4_general_ci"
	sets        charsets          // out of names and vars
	charset     router.Charset    // what sets lets be known of strings
	clientTable *transcode.Table  // of sets.client, nil: none is needed, or it is not known yet (session.learnCharset)
	vars        map[string]string // system variables, by name: literals
	users       map[string]string // user variables, by name in lower case: literals
	mode        fingerprint.Mode
	text        string // vars and users as backend.State wants them
	system      string // vars alone
	across      string // serval_transactions, "" for the configuration's: no server hears of it
	want        backend.State
}

// init is the state of a new session.
func (s *sessionState) init(k *knowledge, collation uint16) {
	s.autocommit = true
	s.names = namesOf(k, collation)
	s.vars, s.users, s.across = nil, nil, ""
	s.mode = modeOf(k.flavor.sqlMode)
	s.render()
}

// agree gives a new session what the client's capabilities say of its variables.
func (s *sessionState) agree(k *knowledge, capabilities uint32) {
	if capabilities&(wire.CapIgnoreSpace|wire.CapInteractive) == 0 {
		return
	}
	s.vars = map[string]string{}
	if capabilities&wire.CapIgnoreSpace != 0 {
		mode := strings.TrimSuffix("IGNORE_SPACE,"+k.flavor.sqlMode, ",")
		s.vars["sql_mode"], s.mode = "'"+mode+"'", modeOf(mode)
	}
	if capabilities&wire.CapInteractive != 0 {
		s.vars["wait_timeout"] = "@@interactive_timeout" // each server's own
	}
	s.render()
}

// namesOf is what SET NAMES says for a client's collation at login. A collation that the server does not know gives
// the server's own default, as it does without a proxy.
func namesOf(k *knowledge, collation uint16) string {
	coll, err := charset.GetCollationByID(int(collation))
	if err != nil || k.flavor.mariadb && (strings.Contains(coll.Name, "_0900_") || coll.CharsetName == "gb18030") {
		return k.flavor.defaultNames
	}
	return coll.CharsetName + " COLLATE " + coll.Name
}

// charsetOf is what a character set or collation name, or the text of SET NAMES, lets be known of strings.
func charsetOf(name string) router.Charset {
	switch {
	case strings.HasPrefix(name, "utf8mb4"):
		return router.UTF8MB4
	case strings.HasPrefix(name, "utf8"):
		return router.UTF8MB3
	}
	return router.OtherCharset
}

// modeOf reads the parts of an sql_mode that change how statements are read.
func modeOf(sqlMode string) fingerprint.Mode {
	var m fingerprint.Mode
	for _, word := range strings.Split(strings.ToUpper(sqlMode), ",") {
		switch strings.TrimSpace(word) {
		case "ANSI_QUOTES":
			m |= fingerprint.AnsiQuotes
		case "NO_BACKSLASH_ESCAPES":
			m |= fingerprint.NoBackslashEscapes
		case "PIPES_AS_CONCAT":
			m |= fingerprint.PipesAsConcat
		case "HIGH_NOT_PRECEDENCE":
			m |= fingerprint.HighNotPrecedence
		case "IGNORE_SPACE":
			m |= fingerprint.IgnoreSpace
		case "ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL":
			m |= fingerprint.AnsiQuotes | fingerprint.PipesAsConcat | fingerprint.IgnoreSpace
		}
	}
	return m
}

// render makes the canonical text. autocommit is always part of it: a server's global default is not the client's.
func (s *sessionState) render() {
	items := make([]string, 0, len(s.vars)+len(s.users)+1)
	for name, value := range s.vars {
		items = append(items, name+"="+value)
	}
	if s.autocommit {
		items = append(items, "autocommit=1")
	} else {
		items = append(items, "autocommit=0")
	}
	sort.Strings(items)
	s.system = strings.Join(items, ",")
	for name, literal := range s.users {
		items = append(items, "@"+rewrite.Quote(name)+"="+literal)
	}
	s.text = s.system
	if len(s.users) > 0 {
		sort.Strings(items)
		s.text = strings.Join(items, ",")
	}
	s.sets = s.charsets()
	s.charset = s.sets.strings()
}

// backend is the state that a connection must be in for a statement that needs this current database.
func (s *sessionState) backend(database string) *backend.State {
	s.want = backend.State{Database: database, Names: s.names, Vars: s.text, Client: s.clientTable}
	return &s.want
}

// clone is a copy that can be changed without the original.
func (s *sessionState) clone() sessionState {
	c := *s
	c.vars, c.users = make(map[string]string, len(s.vars)), make(map[string]string, len(s.users))
	maps.Copy(c.vars, s.vars)
	maps.Copy(c.users, s.users)
	return c
}

// moved forgets what a change of the current database sets anew.
func (s *sessionState) moved() {
	if _, ok := s.vars["collation_database"]; ok {
		delete(s.vars, "collation_database")
		s.render()
	}
}

// setCharsets keeps the four variables as a server gives them. renamed: SET NAMES or the like set them all; otherwise
// what SET NAMES said stands, with what differs behind it, since it says the collation of results too. results:
// character_set_results was set by itself, which gives them the collation that is its character set's own.
func (s *sessionState) setCharsets(got map[string]string, renamed, results bool) {
	_, had := s.vars["character_set_results"]
	for _, name := range charsetVariables {
		delete(s.vars, name)
	}
	client, connection, told := got["character_set_client"], got["character_set_connection"], got["character_set_results"]
	collation := got["collation_connection"]
	named, namedCollation, _ := strings.Cut(s.names, " COLLATE ")
	if renamed || named != client {
		s.names, had = client, false
		if connection == client {
			s.names, namedCollation = client+" COLLATE "+collation, collation
		}
	}
	if collation != namedCollation {
		s.vars["collation_connection"] = "'" + collation + "'"
	}
	switch {
	case told == "":
		s.vars["character_set_results"] = "NULL"
	case results || had || told != client:
		s.vars["character_set_results"] = "'" + told + "'"
	}
}

// collation is the number of the collation of results that are made for the client: the one that SET NAMES named, or the
// default of character_set_results when that is another.
func (s *sessionState) collation(k *knowledge) uint16 {
	set, name, explicit := strings.Cut(s.names, " COLLATE ")
	if _, own := s.vars["character_set_results"]; explicit && !own && set == s.sets.results {
		if coll, err := charset.GetCollationByName(name); err == nil {
			return uint16(coll.ID)
		}
	}
	if s.sets.results == "utf8mb4" && k.flavor.mariadb {
		return wire.CollationUTF8MB4GeneralCI
	}
	return transcode.DefaultCollation(s.sets.results)
}

// resultBytes is how many bytes a character of the servers' results can have.
func (s *sessionState) resultBytes() uint32 { return uint32(transcode.MaxBytes(s.sets.results)) }

// strict tells whether the session's sql_mode is strict.
func (c *session) strict() bool {
	mode, ok := c.state.vars["sql_mode"]
	if !ok {
		mode = c.known.flavor.sqlMode
	}
	return strings.Contains(mode, "STRICT_") || strings.Contains(mode, "TRADITIONAL")
}
