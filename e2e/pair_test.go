package e2e

// pair_test.go: two sets of connections, to the plain server and to Serval, on which one statement is run and compared.

import (
	"fmt"
	"strings"
	"testing"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

// pair runs statements on both sides. Sessions are opened when they are first named; "" is the first one.
type pair struct {
	bed      *bed
	tally    *tally
	layout   raw.Options // how packets are to be laid out
	sessions map[string]*session
}

type session struct {
	options raw.Options
	plain   *raw.Conn
	serval  *raw.Conn
	oneShot bool        // SET TRANSACTION was said: see forNextOnly
	mode    literalMode // how the plain server reads literals
}

func newPair(b *bed) *pair { return &pair{bed: b, tally: &tally{}, sessions: map[string]*session{}} }

func (p *pair) close() {
	for _, s := range p.sessions {
		if s.plain != nil {
			s.plain.Close()
		}
		if s.serval != nil {
			s.serval.Close()
		}
	}
}

// session returns a case's session, connected on both sides.
func (p *pair) session(c *testCase) (*session, error) {
	s := p.sessions[c.session]
	if s == nil {
		s = &session{options: p.layout}
		s.options.User, s.options.Password, s.options.Database = servers.User, servers.Password, "shop"
		for _, o := range c.connect {
			switch o {
			case "multi":
				s.options.MultiStatements = true
			case "found_rows":
				s.options.FoundRows = true
			default:
				name, value, _ := strings.Cut(o, "=")
				switch name {
				case "db":
					s.options.Database = value
				case "charset":
					s.options.Charset = value
				default:
					return nil, fmt.Errorf("-- connect: unknown option %q", o)
				}
			}
		}
		p.sessions[c.session] = s
	}
	var err error
	if s.plain == nil {
		if s.plain, err = raw.Dial(p.bed.Plain.Addr(), s.options); err != nil {
			return nil, fmt.Errorf("connect to the plain server: %w", err)
		}
	}
	if s.serval == nil {
		if s.serval, err = raw.Dial(p.bed.addr, s.options); err != nil {
			return nil, fmt.Errorf("connect to serval: %w", err)
		}
	}
	return s, nil
}

// run runs one case and returns what is wrong, "" when nothing is.
func (p *pair) run(t *testing.T, c *testCase) string {
	t.Helper()
	s, err := p.session(c)
	if err != nil {
		return err.Error()
	}
	serval, err := s.serval.Query(c.sql)
	if err != nil {
		s.serval.Cut()
		s.serval = nil // the next case gets a new connection
		if !c.refused {
			_, _ = s.plain.Query(c.sql) // so that what follows finds the same data
		}
		return fmt.Sprintf("serval's connection: %v", err)
	}
	if c.refused {
		return refusal(serval, c)
	}
	plain, err := s.plain.Query(c.sql)
	if err != nil {
		s.plain.Cut()
		s.plain = nil
		return fmt.Sprintf("the plain server's connection: %v", err)
	}
	failed := plain[len(plain)-1].Kind == raw.Error
	if failed != c.bothFail {
		return fmt.Sprintf("a mistake in the case: the plain server answers %s; both_fail is %t", describe(plain), c.bothFail)
	}
	if d := difference(plain, serval, c); d != "" || c.ignore == "warnings" {
		return d
	}
	return s.compareWarnings(plain[len(plain)-1])
}

// compareWarnings asks both sides for the warnings that both have announced.
func (s *session) compareWarnings(last raw.Answer) string {
	if last.Warnings == 0 || last.Kind == raw.Error {
		return ""
	}
	plain, err := s.plain.Query("SHOW WARNINGS")
	if err != nil {
		return fmt.Sprintf("SHOW WARNINGS on the plain server: %v", err)
	}
	serval, err := s.serval.Query("SHOW WARNINGS")
	if err != nil {
		return fmt.Sprintf("SHOW WARNINGS: %v", err)
	}
	if d := difference(plain, serval, &testCase{unordered: true}); d != "" {
		return "SHOW WARNINGS: " + d
	}
	return ""
}
