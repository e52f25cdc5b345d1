package e2e

// casefile_test.go: reads cases/*.test (format: cases/README.md). It knows the format and no server.

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testCase is one statement of a case file with the directives before it.
type testCase struct {
	line int
	sql  string

	mayRefuse bool   // a refusal is as good as the plain server's answer
	unordered bool   // rows are compared sorted
	bothFail  bool   // both sides answer the same error
	refused   bool   // Serval answers 1235 and the plain server is not asked
	reason    string // text that the refusal has to contain
	reset     bool   // the data are put back first
	only      string // the kind of server that it is for
	views     bool   // it reads the system tables of a server on which these are views: see viewColumn
	ignore    string // "message", "warnings" or "rows": the one thing that is not compared
	as        string // "text": never prepared; "literals": prepared, without parameters
	block     string // as, of the cases that follow
	session   string // the connection that it runs on, see connect
	connect   []string
}

// caseFile is one file of cases.
type caseFile struct {
	name  string
	cases []testCase
}

// readCases reads all case files in the order of their names.
func readCases(t *testing.T) []caseFile {
	t.Helper()
	return readCasesIn(t, "cases/*.test")
}

// readCasesIn reads the case files that match a pattern.
func readCasesIn(t *testing.T, pattern string) []caseFile {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
	}
	var files []caseFile
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parseCases(filepath.Base(path), string(text))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

func parseCases(name, text string) (caseFile, error) {
	f := caseFile{name: name}
	next := testCase{}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if directive, ok := strings.CutPrefix(line, "-- "); ok {
			if err := next.directive(directive); err != nil {
				return f, fmt.Errorf("%s:%d: %w", name, i+1, err)
			}
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		next.line = i + 1
		for strings.HasSuffix(line, "\\") && i+1 < len(lines) {
			i++
			line = strings.TrimSuffix(line, "\\") + "\n" + lines[i]
		}
		next.sql = line
		f.cases = append(f.cases, next)
		next = testCase{session: next.session, as: next.block, block: next.block} // these stay chosen until others are
	}
	return f, nil
}

// directive takes one line without its "-- ".
func (c *testCase) directive(text string) error {
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case "unordered":
		c.unordered = true
	case "both_fail":
		c.bothFail = true
	case "reset":
		c.reset = true
	case "only":
		c.only = rest
	case "error":
		code, reason, _ := strings.Cut(rest, " ")
		if code != "1235" {
			return fmt.Errorf("-- error %s: only refusals (1235) are written so; an error that both sides give is -- both_fail", code)
		}
		c.refused, c.reason = true, reason
	case "ignore":
		what, why, _ := strings.Cut(rest, " ")
		if what != "message" && what != "warnings" && what != "rows" || why == "" {
			return fmt.Errorf("-- ignore %s: write message, warnings or rows, and a reason", rest)
		}
		c.ignore = what
	case "as":
		what, why, _ := strings.Cut(rest, " ")
		if what == "usual" {
			c.as, c.block = "", ""
			return nil
		}
		if from, why, found := strings.Cut(rest, " from here, "); found && why != "" && (from == "text" || from == "literals") {
			c.as, c.block = from, from
			return nil
		}
		if what != "text" && what != "literals" || why == "" {
			return fmt.Errorf("-- as %s: write text or literals, and a reason", rest)
		}
		c.as = what
	case "connect":
		words := strings.Fields(rest)
		if len(words) == 0 {
			return fmt.Errorf("-- connect needs a name")
		}
		c.session, c.connect = words[0], words[1:]
	default:
		return fmt.Errorf("unknown directive %q", text)
	}
	return nil
}

func TestParseCases(t *testing.T) {
	f, err := parseCases("x.test", "# note\nSELECT 1\n-- unordered\n-- connect b multi\nSELECT 2,\\\n 3\nSELECT 4\n-- error 1235 DISTINCT\nSELECT 5\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []testCase{
		{line: 2, sql: "SELECT 1"},
		{line: 5, sql: "SELECT 2,\n 3", unordered: true, session: "b", connect: []string{"multi"}},
		{line: 7, sql: "SELECT 4", session: "b"},
		{line: 9, sql: "SELECT 5", session: "b", refused: true, reason: "DISTINCT"},
	}
	if got := fmt.Sprintf("%+v", f.cases); got != fmt.Sprintf("%+v", want) {
		t.Errorf("cases\n%s\nwant\n%+v", got, want)
	}
	for _, bad := range []string{"-- unorderd\nSELECT 1", "-- error 1064 x\nSELECT", "-- ignore columns because\nSELECT", "-- connect\n", "-- as text\nSELECT 1"} {
		if _, err := parseCases("x.test", bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
