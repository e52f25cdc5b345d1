package e2e

// prepared_test.go: the cases once more over the binary protocol: prepared as they are, and with their literals as
// parameters. What the plain server answers to the same commands decides, also which statements cannot be prepared.

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

func TestPreparedCases(t *testing.T) {
	files := readCases(t)
	ways := []way{
		{name: "prepared", run: (*pair).runPrepared},
		{name: "parameters", run: (*pair).runParameters, layout: modernLayout},
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			for _, w := range ways {
				t.Run(w.name, func(t *testing.T) { w.files(t, b, files) })
			}
		})
	}
}

// modernLayout is how MySQL's own clients since version 8 have packets laid out.
var modernLayout = raw.Options{DeprecateEOF: true, QueryAttributes: true, SessionTrack: true}

// TestLayoutCases runs the cases as text in the layout that TestCases does not have.
func TestLayoutCases(t *testing.T) {
	files := readCases(t)
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			way{name: "layout", run: (*pair).run, layout: modernLayout}.files(t, newBed(t, kind), files)
		})
	}
}

// runPrepared prepares and executes a case's statement.
func (p *pair) runPrepared(t *testing.T, c *testCase) string {
	t.Helper()
	s, err := p.session(c)
	if err != nil {
		return err.Error()
	}
	if c.as == "text" || s.oneShot {
		return p.asText(t, s, c)
	}
	return p.prepared(t, s, c, c.sql, nil)
}

// asText runs a case that is not prepared.
func (p *pair) asText(t *testing.T, s *session, c *testCase) string {
	t.Helper()
	if d := p.run(t, c); d != "" {
		return d
	}
	return s.readMode(c.sql)
}

// definition finds statements whose literals are no values: servers take parameters in some of their places, for no good.
var definition = regexp.MustCompile(`(?i)^\s*(CREATE|ALTER)\b`)

// runParameters is runPrepared with the literals as parameters, as many of them as the plain server takes.
func (p *pair) runParameters(t *testing.T, c *testCase) string {
	t.Helper()
	s, err := p.session(c)
	if err != nil {
		return err.Error()
	}
	if c.as != "" || s.oneShot || definition.MatchString(c.sql) {
		return p.asText(t, s, c)
	}
	taken, err := s.parameters(c.sql)
	if err != nil {
		return fmt.Sprintf("the plain server's connection: %v", err)
	}
	sql := withParameters(c.sql, taken)
	if len(taken) == 0 {
		return p.asText(t, s, c)
	}
	if d := p.prepared(t, s, c, sql, taken); d != "" {
		return clip(sql) + "\n" + d
	}
	return ""
}

// maxGreedy bounds the literals that are tried one by one.
const maxGreedy = 24

// parameters are the literals that can be parameters: all, or those that can be added one by one.
func (s *session) parameters(sql string) ([]literal, error) {
	all := literals(sql, s.mode)
	if len(all) == 0 {
		return nil, nil
	}
	if ok, err := s.accepts(sql, all); ok || err != nil {
		return all, err
	}
	if ok, err := s.accepts(sql, nil); !ok || err != nil {
		return nil, err
	}
	var taken []literal
	for _, l := range all[:min(len(all), maxGreedy)] {
		ok, err := s.accepts(sql, append(slices.Clone(taken), l))
		if err != nil {
			return nil, err
		}
		if ok {
			taken = append(taken, l)
		}
	}
	return taken, nil
}

// accepts tells whether the plain server can prepare a statement with these literals as parameters, all of them seen.
func (s *session) accepts(sql string, list []literal) (bool, error) {
	stmt, _, err := s.plain.Prepare(withParameters(sql, list))
	if err != nil || stmt == nil {
		return false, err
	}
	return len(stmt.Parameters) == len(list), stmt.Close()
}

// forNextOnly finds SET TRANSACTION: servers take a PREPARE for the next transaction, of which alone it speaks.
var forNextOnly = regexp.MustCompile(`(?i)^SET\s+(TRANSACTION\b|@@(tx|transaction)_)`)

var namesMode = regexp.MustCompile(`(?i)sql_mode`)

// readMode notes what a statement may have changed in how literals are read. Both sides are asked, so that both have had
// the same statements.
func (s *session) readMode(sql string) string {
	s.oneShot = forNextOnly.MatchString(sql) || s.oneShot && strings.HasPrefix(sql, "SET")
	if !namesMode.MatchString(sql) || s.plain == nil || s.serval == nil {
		return ""
	}
	plain, err := s.plain.Query("SELECT @@sql_mode")
	if err != nil {
		return fmt.Sprintf("the plain server's connection: %v", err)
	}
	if _, err := s.serval.Query("SELECT @@sql_mode"); err != nil {
		return fmt.Sprintf("serval's connection: %v", err)
	}
	s.mode = literalModeOf(texts(&plain[0])[0])
	return ""
}

// prepared runs one statement over the binary protocol on both sides. A statement that cannot be prepared is run as
// text, so that what follows finds what it should.
func (p *pair) prepared(t *testing.T, s *session, c *testCase, sql string, list []literal) string {
	t.Helper()
	if c.refused {
		return s.refusedPrepared(c, sql, list)
	}
	b := &both{session: s, c: c, sql: sql}
	p.tally.prepared++
	p.tally.parameters += min(1, len(list))
	d := b.prepare()
	if b.plain == nil || b.serval == nil {
		b.close()
		if text := p.run(t, c); d == "" {
			d = text
		}
	} else {
		if runs := b.executions(list); d == "" {
			d = runs
		}
		b.close()
	}
	if mode := s.readMode(c.sql); d == "" {
		d = mode
	}
	return d
}

// refusedPrepared checks that a statement that Serval refuses is refused when it is prepared, or at the latest when it
// is executed. What no server prepares may be told so.
func (s *session) refusedPrepared(c *testCase, sql string, list []literal) string {
	stmt, a, err := s.serval.Prepare(sql)
	if err != nil {
		return s.lostServal(err)
	}
	if stmt == nil {
		plain, p, err := s.plain.Prepare(sql)
		switch {
		case err != nil:
			return s.lostPlain(err)
		case plain != nil:
			err = plain.Close()
		case p.Code == a.Code:
			return ""
		}
		if err != nil {
			return s.lostPlain(err)
		}
		return refusal([]raw.Answer{*a}, c)
	}
	answers, err := stmt.Execute(values(list, 0)...)
	if err == nil {
		err = stmt.Close()
	}
	if err != nil {
		return s.lostServal(err)
	}
	return refusal(answers, c)
}

// lostServal drops Serval's connection; the next case gets a new one.
func (s *session) lostServal(err error) string {
	s.serval.Cut()
	s.serval = nil
	return fmt.Sprintf("serval's connection: %v", err)
}

func (s *session) lostPlain(err error) string {
	s.plain.Cut()
	s.plain = nil
	return fmt.Sprintf("the plain server's connection: %v", err)
}

// both is one statement, prepared on both sides.
type both struct {
	session       *session
	c             *testCase
	sql           string
	plain, serval *raw.Statement // nil: could not be prepared
}

// prepare prepares the statement and compares what both sides say of it.
func (b *both) prepare() string {
	var p, s *raw.Answer
	var err error
	if b.serval, s, err = b.session.serval.Prepare(b.sql); err != nil {
		return "prepare: " + b.session.lostServal(err)
	}
	if b.plain, p, err = b.session.plain.Prepare(b.sql); err != nil {
		return "prepare: " + b.session.lostPlain(err)
	}
	switch {
	case p != nil && s != nil:
		if d := answerDifference(p, s, b.c); d != "" {
			return "prepare: " + d
		}
		return ""
	case p != nil:
		return fmt.Sprintf("prepare: the plain server answers %s, serval prepares it", describe([]raw.Answer{*p}))
	case s != nil:
		return fmt.Sprintf("prepare: serval answers %s, the plain server prepares it", describe([]raw.Answer{*s}))
	}
	if d := b.preparedDifference(); d != "" {
		return "prepare: " + d
	}
	if b.plain.Warnings == 0 || b.c.ignore == "warnings" {
		return ""
	}
	return b.session.compareWarnings(raw.Answer{Warnings: b.plain.Warnings})
}

func (b *both) preparedDifference() string {
	var d []string
	note := func(what string, plain, serval any) {
		if plain != serval {
			d = append(d, fmt.Sprintf("%s\n  plain:  %v\n  serval: %v", what, plain, serval))
		}
	}
	if b.c.ignore != "warnings" {
		note("warnings", b.plain.Warnings, b.serval.Warnings)
	}
	for _, list := range []struct {
		what          string
		plain, serval []raw.Column
	}{{"parameter", b.plain.Parameters, b.serval.Parameters}, {"column", b.plain.Columns, b.serval.Columns}} {
		note("number of "+list.what+"s", len(list.plain), len(list.serval))
		for i := 0; i < len(list.plain) && i < len(list.serval); i++ {
			note(fmt.Sprintf("%s %d", list.what, i+1), b.c.comparable(list.plain[i]), b.c.comparable(list.serval[i]))
		}
	}
	return strings.Join(d, "\n")
}

// executions executes the statement with the literals' values, once more without sending their types, and, where that
// can do no harm, with other numbers, which other shards have.
func (b *both) executions(list []literal) string {
	d := b.execute("execute", b.c, (*raw.Statement).Execute, values(list, 0))
	if d != "" || len(list) == 0 || b.plain == nil || b.serval == nil {
		return d
	}
	if d = b.execute("second execution", b.c, (*raw.Statement).ExecuteAgain, values(list, 0)); d != "" || !onlyReads.MatchString(b.sql) || limited.MatchString(b.sql) {
		return d
	}
	c := *b.c
	c.unordered, c.mayRefuse = true, true // other numbers may lead to other shards, and to several of them
	return b.execute("execution with other numbers", &c, (*raw.Statement).ExecuteAgain, values(list, 1))
}

var onlyReads = regexp.MustCompile(`(?i)^\s*\(*\s*(SELECT|WITH|VALUES|TABLE)\b`)

var limited = regexp.MustCompile(`(?i)\bLIMIT\b`)

// values are the parameters, integers with something added.
func values(list []literal, plus int64) []raw.Parameter {
	var all []raw.Parameter
	for _, l := range list {
		if l.integer && plus != 0 {
			l.value = raw.BigInt(l.n + plus)
		}
		all = append(all, l.value)
	}
	return all
}

func (b *both) execute(what string, c *testCase, run func(*raw.Statement, ...raw.Parameter) ([]raw.Answer, error), parameters []raw.Parameter) string {
	serval, err := run(b.serval, parameters...)
	if err != nil {
		b.serval = nil
		_, _ = run(b.plain, parameters...) // so that what follows finds the same data
		return what + ": " + b.session.lostServal(err)
	}
	plain, err := run(b.plain, parameters...)
	if err != nil {
		b.plain = nil
		return what + ": " + b.session.lostPlain(err)
	}
	if c.mayRefuse && refusal(serval, c) == "" {
		return ""
	}
	d := difference(plain, serval, c)
	if d == "" && c.ignore != "warnings" {
		d = b.session.compareWarnings(plain[len(plain)-1])
	}
	if d != "" {
		return what + ": " + d
	}
	return ""
}

func (b *both) close() {
	for _, s := range []*raw.Statement{b.plain, b.serval} {
		if s != nil {
			_ = s.Close() // has no answer; a broken connection is noticed by the next command
		}
	}
}
