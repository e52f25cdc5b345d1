package router

// parser.go: the TiDB parser behind a small border: one statement in, its tree out.

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // the parser's own value types

	"serval/rewrite/fingerprint"
)

// statementParser keeps parsers for reuse: making one costs more than parsing a small statement.
type statementParser struct {
	pool sync.Pool
}

func newStatementParser() *statementParser {
	return &statementParser{pool: sync.Pool{New: func() any { return parser.New() }}}
}

// ErrNothing says that a text is all comments. Servers take it for a statement that does nothing.
var ErrNothing = errors.New("0 statements where one was expected")

// parse reads exactly one statement.
func (sp *statementParser) parse(sql string, mode fingerprint.Mode) (ast.StmtNode, error) {
	stmt, _, err := sp.parseClauses(sql, mode)
	return stmt, err
}

// parseReturning is parse that tells whether the statement ends in a RETURNING clause, which is not in the tree.
func (sp *statementParser) parseReturning(sql string, mode fingerprint.Mode) (stmt ast.StmtNode, returning bool, err error) {
	stmt, c, err := sp.parseClauses(sql, mode)
	return stmt, c.returning, err
}

// clauses are parts of an INSERT, REPLACE or DELETE that the parser does not know, and that are not in the tree.
type clauses struct {
	returning bool // RETURNING at the end
	alias     bool // VALUES (…) AS new
	rows      bool // VALUES ROW(…)
}

// parseClauses is parse that tells what is not in the tree.
func (sp *statementParser) parseClauses(sql string, mode fingerprint.Mode) (stmt ast.StmtNode, c clauses, err error) {
	if stmt, err = sp.parseOne(sql, mode); err == nil {
		return stmt, c, nil
	}
	rest := sql
	for _, blank := range []struct {
		was *bool
		do  func(string, fingerprint.Mode) (string, bool)
	}{{&c.returning, withoutReturning}, {&c.rows, withoutRowWords}, {&c.alias, withoutRowAlias}} {
		shorter, ok := blank.do(rest, mode)
		if !ok {
			continue
		}
		rest, *blank.was = shorter, true
		if stmt, again := sp.parseOne(rest, mode); again == nil {
			return stmt, c, nil
		}
	}
	return nil, clauses{}, err
}

func (sp *statementParser) parseOne(sql string, mode fingerprint.Mode) (ast.StmtNode, error) {
	p := sp.pool.Get().(*parser.Parser)
	defer func() {
		p.Reset() // its stack holds nodes of this tree, whose positions the next statement would overwrite
		sp.pool.Put(p)
	}()
	p.SetSQLMode(sqlMode(mode))
	sql = forParser(withoutWork(sql), mode)
	stmts, _, err := p.ParseSQL(sql)
	if err != nil && unknownIntroducer(err) {
		unknown := err
		if stmts, _, err = p.ParseSQL(withoutIntroducers(sql, mode)); err == nil && len(stmts) == 1 && readsValues(stmts[0]) {
			return nil, unknown
		}
	}
	if err != nil {
		return nil, err
	}
	if len(stmts) == 0 {
		return nil, ErrNothing
	}
	if len(stmts) != 1 {
		return nil, fmt.Errorf("%d statements where one was expected", len(stmts))
	}
	return stmts[0], nil
}

// withoutWork blanks the optional WORK of BEGIN, COMMIT and ROLLBACK, which the parser does not know.
func withoutWork(sql string) string {
	words := strings.Fields(sql)
	if len(words) < 2 || !strings.EqualFold(words[1], "work") {
		return sql
	}
	switch strings.ToLower(words[0]) {
	case "begin", "commit", "rollback":
		return words[0] + " " + strings.Join(words[2:], " ")
	}
	return sql
}

func sqlMode(m fingerprint.Mode) mysql.SQLMode {
	var mode mysql.SQLMode
	for _, bit := range []struct {
		ours   fingerprint.Mode
		theirs mysql.SQLMode
	}{
		{fingerprint.AnsiQuotes, mysql.ModeANSIQuotes},
		{fingerprint.NoBackslashEscapes, mysql.ModeNoBackslashEscapes},
		{fingerprint.PipesAsConcat, mysql.ModePipesAsConcat},
		{fingerprint.HighNotPrecedence, mysql.ModeHighNotPrecedence},
		{fingerprint.IgnoreSpace, mysql.ModeIgnoreSpace},
	} {
		if m&bit.ours != 0 {
			mode |= bit.theirs
		}
	}
	return mode
}
