package e2e

// scriptfile_test.go: reads scripts/*.txt (format: scripts/README.md). It knows the format and no server.

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// script is what a few clients say in turn.
type script struct {
	file, name string
	line       int
	levels     []string // isolation levels that it runs at; "" is the server's own
	only       string   // the kind of server that it is for
	timeouts   bool     // clients wait for locks as long as the server says, not long
	foundRows  []string // clients that log in with FOUND_ROWS
	multi      []string // clients that may say several statements at once
	steps      []step
	clients    []string // in the order in which they speak
}

// stepKind is what a step does.
type stepKind uint8

const (
	stepRun  stepKind = iota // send, read the answer
	stepSend                 // send, wait until it is answered or waits for a lock
	stepRead                 // read the answer to what was sent
)

// step is one line of a script.
type step struct {
	line      int
	client    string
	kind      stepKind
	sql       string
	unordered bool   // rows are compared sorted
	expect    string // what the plain server answers: "" no error, a code (or one of "1205/3572"), or "lost" for a connection that ended
	refused   string // Serval answers 1235 with this text and the plain server is not asked
}

// isolationLevels are all of them, as SET TRANSACTION says them.
var isolationLevels = []string{"READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"}

// readScripts reads all scripts in the order of the files' names.
func readScripts(t *testing.T) []script {
	t.Helper()
	paths, err := filepath.Glob("scripts/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("scripts/*.txt: %d files, %v", len(paths), err)
	}
	var all []script
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		list, err := parseScripts(filepath.Base(path), string(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
	}
	return all
}

func parseScripts(file, text string) ([]script, error) {
	var all []script
	refused := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		at := func(err error) error { return fmt.Errorf("scripts/%s:%d: %w", file, i+1, err) }
		if name, ok := strings.CutPrefix(line, "== "); ok {
			all = append(all, script{file: file, name: name, line: i + 1, levels: []string{""}})
			continue
		}
		if len(all) == 0 {
			return nil, at(fmt.Errorf("a script begins with == and its name"))
		}
		s := &all[len(all)-1]
		if text, ok := strings.CutPrefix(line, "-- refused "); ok {
			refused = text
			continue
		}
		if directive, ok := strings.CutPrefix(line, "-- "); ok {
			if err := s.directive(directive); err != nil {
				return nil, at(err)
			}
			continue
		}
		st, err := parseStep(line)
		if err != nil {
			return nil, at(err)
		}
		st.line, st.refused, refused = i+1, refused, ""
		if !slices.Contains(s.clients, st.client) {
			s.clients = append(s.clients, st.client)
		}
		s.steps = append(s.steps, st)
	}
	return all, nil
}

// directive takes one line without its "-- ".
func (s *script) directive(text string) error {
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case "isolation":
		s.levels = nil
		for level := range strings.SplitSeq(rest, ", ") {
			switch {
			case level == "all":
				s.levels = append(s.levels, isolationLevels...)
			case slices.Contains(isolationLevels, level):
				s.levels = append(s.levels, level)
			default:
				return fmt.Errorf("-- isolation: %q is no level", level)
			}
		}
	case "only":
		s.only = rest
	case "timeouts":
		s.timeouts = true
	case "found_rows":
		s.foundRows = strings.Fields(rest)
	case "multi":
		s.multi = strings.Fields(rest)
	default:
		return fmt.Errorf("unknown directive %q", text)
	}
	return nil
}

var (
	stepLine = regexp.MustCompile(`^(\w+)([?~]*): (.*?)(?: => (\d+(?:/\d+)*|lost))?$`)
	readLine = regexp.MustCompile(`^(\w+)!(~?)(?: => (\d+(?:/\d+)*|lost))?$`)
)

func parseStep(line string) (step, error) {
	if m := readLine.FindStringSubmatch(line); m != nil {
		return step{client: m[1], kind: stepRead, unordered: m[2] != "", expect: m[3]}, nil
	}
	m := stepLine.FindStringSubmatch(line)
	if m == nil || strings.Contains(m[3], " => ") {
		return step{}, fmt.Errorf("neither a statement nor a directive: %s", line)
	}
	st := step{client: m[1], sql: m[3], unordered: strings.Contains(m[2], "~"), expect: m[4]}
	if strings.Contains(m[2], "?") {
		st.kind = stepSend
	}
	return st, nil
}

func TestParseScripts(t *testing.T) {
	got, err := parseScripts("x.txt", "# note\n== one\n-- isolation READ COMMITTED, SERIALIZABLE\na: BEGIN\nb?: UPDATE t SET x = 1\na~: SELECT 1 => 1205\nb!  \n"+
		"b! => 1213\n== two\n-- isolation all\n-- refused sharded\nc: DROP TABLE t => 1235\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []script{
		{file: "x.txt", name: "one", line: 2, levels: []string{"READ COMMITTED", "SERIALIZABLE"}, clients: []string{"a", "b"}, steps: []step{
			{line: 4, client: "a", sql: "BEGIN"},
			{line: 5, client: "b", kind: stepSend, sql: "UPDATE t SET x = 1"},
			{line: 6, client: "a", sql: "SELECT 1", unordered: true, expect: "1205"},
			{line: 7, client: "b", kind: stepRead},
			{line: 8, client: "b", kind: stepRead, expect: "1213"},
		}},
		{file: "x.txt", name: "two", line: 9, levels: isolationLevels, clients: []string{"c"}, steps: []step{
			{line: 12, client: "c", sql: "DROP TABLE t", expect: "1235", refused: "sharded"},
		}},
	}
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("scripts\n%s\nwant\n%s", g, w)
	}
	for _, bad := range []string{"a: SELECT 1", "== x\n-- isolation DIRTY", "== x\nSELECT 1", "== x\n-- isolations all", "== x\na: SELECT 1 => x", "== x\nb?"} {
		if _, err := parseScripts("x.txt", bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
