// Command summary reads `go test -json` and prints what a person wants of it: each package's result, the output of
// failed tests, why tests were skipped, how many statements were compared, and as the last line
//
//	N passed, N failed, N skipped
//
// It exits with 1 when anything failed or nothing was run. The last line is also written to the file
// $SERVAL_TEST_COUNTS, for .ci/run.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// event is a line of test2json (go doc test2json).
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

type summary struct {
	out                     io.Writer
	passed, failed, skipped int
	output                  map[string][]string // package and test → its lines
	parents                 map[string]bool     // tests that have subtests: counted by those
	broken                  bool                // a package failed outside of its tests
}

func main() {
	s := &summary{out: os.Stdout, output: map[string][]string{}, parents: map[string]bool{}}
	if err := s.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(1)
	}
	line := fmt.Sprintf("%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	fmt.Print(line)
	if path := os.Getenv("SERVAL_TEST_COUNTS"); path != "" {
		if err := os.WriteFile(path, []byte(line), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "summary:", err)
			os.Exit(1)
		}
	}
	if s.failed > 0 || s.broken || s.passed == 0 {
		os.Exit(1)
	}
}

func (s *summary) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil {
				fmt.Fprint(s.out, string(line)) // not JSON: of the go command itself
			} else {
				s.take(&e)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *summary) take(e *event) {
	key := e.Package + " " + e.Test
	switch e.Action {
	case "run":
		if i := strings.LastIndexByte(e.Test, '/'); i > 0 {
			s.parents[e.Package+" "+e.Test[:i]] = true
		}
	case "output":
		s.output[key] = append(s.output[key], e.Output)
	case "build-output":
		fmt.Fprint(s.out, e.Output)
	case "build-fail":
		s.broken = true
	case "pass", "fail", "skip":
		if e.Test == "" {
			s.endPackage(e)
			return
		}
		s.endTest(e, key)
	}
}

// notable are lines of passed tests that are shown.
var notable = []string{"statements compared", "resident", "a second", "clients cut"}

func (s *summary) endTest(e *event, key string) {
	for _, line := range s.output[key] {
		show := e.Action == "fail" || e.Action == "skip" && !strings.HasPrefix(line, "=== ")
		for _, n := range notable {
			show = show || strings.Contains(line, n)
		}
		if show {
			fmt.Fprint(s.out, line)
		}
	}
	delete(s.output, key)
	if s.parents[key] && e.Action != "fail" {
		return
	}
	switch e.Action {
	case "pass":
		s.passed++
	case "fail":
		s.failed++
	case "skip":
		s.skipped++
	}
}

func (s *summary) endPackage(e *event) {
	if e.Action == "fail" {
		s.broken = true
		// A panic or a build failure is told outside of any test, or in one that never ended.
		for key, lines := range s.output {
			if strings.HasPrefix(key, e.Package+" ") {
				fmt.Fprint(s.out, strings.Join(lines, ""))
			}
		}
	}
	for key := range s.output {
		if strings.HasPrefix(key, e.Package+" ") {
			delete(s.output, key)
		}
	}
	if e.Action != "skip" { // skip: the package has no tests
		fmt.Fprintf(s.out, "%-4s %s %.1fs\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], e.Package, e.Elapsed)
	}
}
