package router

// show.go: SHOW and DESCRIBE, read from their tokens: the parser knows only some of them, and the session needs their
// parts as they were written. What is not read here (SHOW WARNINGS, PROCESSLIST, anything strange) goes to the parser.

import (
	"strings"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// Show is a SHOW or DESCRIBE statement.
type Show struct {
	What     string // "TABLES", "TABLE STATUS", "CREATE VIEW" …; see showForms
	Describe bool   // written as DESCRIBE
	Full     bool
	Extended bool
	Database string // "" for the current one
	Name     string // of the table, view, program or account
	Column   string // of DESCRIBE: as it was written, a name or a pattern

	HasLike bool
	Pattern string // of LIKE, its quotes and escapes undone
	Like    string // of LIKE, as it was written
	Where   string // what stands behind WHERE, as it was written

	IfNotExists bool
}

// Tail is the LIKE or WHERE at the statement's end, with a space before it.
func (s *Show) Tail() string {
	switch {
	case s.HasLike:
		return " LIKE " + s.Like
	case s.Where != "":
		return " WHERE " + s.Where
	}
	return ""
}

// showForm is how the statement goes on behind its words.
type showForm uint8

const (
	formFilter   showForm = iota // [LIKE … | WHERE …]
	formDatabase                 // [FROM db] [LIKE … | WHERE …]
	formTable                    // FROM table [FROM db] [LIKE … | WHERE …]
	formName                     // [IF NOT EXISTS] [db.]name
	formAny                      // anything
)

// showForms are the statements by their words behind SHOW, the longer ones first where one begins another.
var showForms = [...]struct {
	words, what string
	form        showForm
}{
	{"databases", "DATABASES", formFilter}, {"schemas", "DATABASES", formFilter},
	{"tables", "TABLES", formDatabase}, {"table status", "TABLE STATUS", formDatabase}, {"open tables", "OPEN TABLES", formDatabase},
	{"triggers", "TRIGGERS", formDatabase}, {"events", "EVENTS", formDatabase},
	{"columns", "COLUMNS", formTable}, {"fields", "COLUMNS", formTable},
	{"index", "INDEX", formTable}, {"indexes", "INDEX", formTable}, {"keys", "INDEX", formTable},
	{"procedure status", "PROCEDURE STATUS", formFilter}, {"function status", "FUNCTION STATUS", formFilter},
	{"package status", "PACKAGE STATUS", formFilter}, {"package body status", "PACKAGE BODY STATUS", formFilter},
	{"create database", "CREATE DATABASE", formName}, {"create schema", "CREATE DATABASE", formName},
	{"create table", "CREATE TABLE", formName}, {"create view", "CREATE VIEW", formName}, {"create trigger", "CREATE TRIGGER", formName},
	{"create procedure", "CREATE PROCEDURE", formName}, {"create function", "CREATE FUNCTION", formName}, {"create event", "CREATE EVENT", formName},
	{"create user", "CREATE USER", formAny}, {"grants", "GRANTS", formAny},
	{"engines", "ENGINES", formFilter}, {"storage engines", "ENGINES", formFilter}, {"engine", "ENGINE", formAny},
	{"plugins", "PLUGINS", formAny}, {"privileges", "PRIVILEGES", formFilter}, {"character set", "CHARACTER SET", formFilter},
	{"charset", "CHARACTER SET", formFilter}, {"collation", "COLLATION", formFilter}, {"profiles", "PROFILES", formFilter},
	{"status", "STATUS", formFilter}, {"variables", "VARIABLES", formFilter},
	{"global status", "STATUS", formFilter}, {"global variables", "VARIABLES", formFilter},
	{"session status", "STATUS", formFilter}, {"session variables", "VARIABLES", formFilter},
	{"local status", "STATUS", formFilter}, {"local variables", "VARIABLES", formFilter},
	{"master status", "REPLICATION", formAny}, {"binary log", "REPLICATION", formAny}, {"binlog", "REPLICATION", formAny},
	{"binary logs", "REPLICATION", formAny}, {"master logs", "REPLICATION", formAny}, {"slave", "REPLICATION", formAny},
	{"replica", "REPLICATION", formAny}, {"replicas", "REPLICATION", formAny}, {"all slaves", "REPLICATION", formAny},
	{"all replicas", "REPLICATION", formAny}, {"relaylog", "REPLICATION", formAny},
}

// showReader walks over the tokens.
type showReader struct {
	*rewrite.Tokens
	st  *fingerprint.Statement
	at  int
	out *Show
}

// readShow reads a statement; nil when it is none of those.
func readShow(st *fingerprint.Statement) *Show {
	r := &showReader{Tokens: rewrite.Tokenize(st), st: st, out: &Show{}}
	ok := false
	switch r.Word(0) {
	case "show":
		ok = r.show()
	case "desc", "describe", "explain":
		ok = r.describe()
	}
	if !ok {
		return nil
	}
	return r.out
}

// word steps over a word.
func (r *showReader) word(w string) bool {
	if r.Is(r.at, w) {
		r.at++
		return true
	}
	return false
}

func (r *showReader) show() bool {
	r.at = 1
	r.out.Extended = r.word("extended")
	r.out.Full = r.word("full")
	for _, f := range showForms {
		if !r.words(f.words) {
			continue
		}
		r.out.What = f.what
		switch f.form {
		case formTable:
			if !r.word("from") && !r.word("in") || !r.name() {
				return false
			}
			return r.database() && r.filter()
		case formDatabase:
			return r.database() && r.filter()
		case formFilter:
			return r.filter()
		case formName:
			if r.word("if") {
				r.out.IfNotExists = true
				if !r.word("not") || !r.word("exists") {
					return false
				}
			}
			return r.name() && r.at == len(r.List)
		}
		return true
	}
	return false
}

// words steps over several words, or over none when they are not there.
func (r *showReader) words(words string) bool {
	from := r.at
	for _, w := range strings.Fields(words) {
		if !r.word(w) {
			r.at = from
			return false
		}
	}
	return true
}

// name reads [database.]name.
func (r *showReader) name() bool {
	if !r.IsName(r.at) {
		return false
	}
	r.out.Name = r.Name(r.at)
	r.at++
	if r.Is(r.at, ".") {
		if !r.IsName(r.at + 1) {
			return false
		}
		r.out.Database, r.out.Name = r.out.Name, r.Name(r.at+1)
		r.at += 2
	}
	return true
}

// database reads [FROM database].
func (r *showReader) database() bool {
	if !r.word("from") && !r.word("in") {
		return true
	}
	if !r.IsName(r.at) {
		return false
	}
	r.out.Database = r.Name(r.at)
	r.at++
	return true
}

// filter reads [LIKE 'pattern' | WHERE …] and the end.
func (r *showReader) filter() bool {
	switch {
	case r.at == len(r.List):
		return true
	case r.Is(r.at, "where") && r.at+1 < len(r.List):
		r.out.Where = string(r.Text[r.List[r.at].End:r.st.End])
		return true
	case r.Is(r.at, "like") && r.at+2 == len(r.List) && r.List[r.at+1].Kind == fingerprint.TokenString:
		t := r.List[r.at+1]
		r.out.HasLike, r.out.Like = true, string(r.Text[t.Start:t.End])
		text, _ := r.st.Decode(fingerprint.Literal{Start: int32(t.Start), End: int32(t.End), Kind: fingerprint.String}, nil)
		r.out.Pattern = string(text)
		return true
	}
	return false
}

// describe reads DESCRIBE table [column | 'pattern'].
func (r *showReader) describe() bool {
	r.at = 1
	switch r.Word(1) {
	case "select", "insert", "update", "delete", "replace", "with", "table", "values", "format", "analyze", "extended", "partitions", "for", "into", "route":
		return false
	}
	if !r.name() {
		return false
	}
	r.out.What, r.out.Describe = "COLUMNS", true
	if r.at < len(r.List) {
		t := r.List[r.at]
		if !r.IsName(r.at) && t.Kind != fingerprint.TokenString {
			return false
		}
		r.out.Column = string(r.Text[t.Start:t.End])
		r.at++
	}
	return r.at == len(r.List)
}

// showing plans a SHOW statement.
func (p *planning) showing(s *Show) error {
	if s.Where != "" {
		n, err := p.parser.parse("SELECT 1 FROM t WHERE "+s.Where, p.st.Mode)
		if err != nil {
			return &SyntaxError{err}
		}
		p.stmt = n
		if err := p.harmless(); err != nil {
			return err
		}
	}
	p.plan.Kind, p.plan.Show = KindSession, s
	p.plan.Reason = "the session answers"
	return nil
}
