package e2e

// cases_test.go: the comparison of Serval with a plain server, statement by statement.

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

// tally counts what was compared on one kind of server.
type tally struct{ statements, refusals, failed, prepared, parameters int }

func TestCases(t *testing.T) {
	files := readCases(t)
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			way{name: "text", run: (*pair).run}.files(t, b, files)
		})
	}
}

// way is one way to run the cases: as text, prepared, with parameters.
type way struct {
	name   string
	run    func(*pair, *testing.T, *testCase) string
	layout raw.Options // how packets are laid out
}

// files runs all case files, each on the data as they were loaded.
func (w way) files(t *testing.T, b *bed, files []caseFile) {
	t.Helper()
	var n tally
	for _, f := range files {
		if b.dirty {
			b.restore(t)
		}
		b.dirty = w.file(t, b, f, &n)
	}
	t.Logf("%s, %s: %d statements compared, %d refusals checked, %d of them wrong", b.Kind, w.name, n.statements, n.refusals, n.failed)
	if n.prepared > 0 {
		t.Logf("%d were prepared, %d of them with parameters", n.prepared, n.parameters)
	}
}

// file runs the cases of a file, each as a test of its own, and compares the tables when they may have changed.
func (w way) file(t *testing.T, b *bed, f caseFile, n *tally) (dirty bool) {
	p := newPair(b)
	p.tally, p.layout = n, w.layout
	defer p.close()
	for i := range f.cases {
		c := &f.cases[i]
		if c.only != "" && c.only != string(b.Kind) {
			continue
		}
		if c.refused && b.twin != nil {
			continue // a server refuses nothing
		}
		if c.refused {
			n.refusals++
		} else {
			n.statements++
		}
		dirty = dirty || changes(c.sql)
		c.views = b.Kind == servers.MySQL && (systemTables.MatchString(c.sql) || systemTables.MatchString(f.name))
		ok := t.Run(fmt.Sprintf("%s:%d", f.name, c.line), func(t *testing.T) {
			if c.reset {
				b.restore(t)
			}
			if d := w.run(p, t, c); d != "" {
				t.Errorf("%s\n%s", clip(c.sql), d)
			}
		})
		if !ok {
			n.failed++
		}
	}
	if dirty {
		t.Run(f.name+":contents", b.compareContents)
	}
	return dirty
}

var readOnly = regexp.MustCompile(`(?is)^\s*\(*\s*(SELECT|SHOW|EXPLAIN|DESC|DESCRIBE|USE|SET|WITH|VALUES|TABLE)\b`)

// changes tells whether a statement may write. What looks like a comment or several statements is taken to.
func changes(sql string) bool { return !readOnly.MatchString(sql) || strings.Contains(sql, ";") }

// refusal checks that Serval says no in the way that is promised: 1235 (42000) with a reason.
func refusal(answers []raw.Answer, c *testCase) string {
	a := answers[len(answers)-1]
	switch {
	case a.Kind != raw.Error:
		return "not refused: " + describe(answers)
	case a.Code != 1235 || a.State != "42000":
		return "refused with another error: " + describe(answers)
	case len(a.Message) < 30:
		return "refused without a reason: " + a.Message
	case !strings.Contains(strings.ToLower(a.Message), strings.ToLower(c.reason)):
		return fmt.Sprintf("the reason does not name %q: %s", c.reason, a.Message)
	}
	return ""
}
