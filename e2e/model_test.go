package e2e

// model_test.go: the commit protocol in a model checker. docs/commit.pml must hold in all its variants, and each mistake that it
// knows how to make must be found: a model that cannot fail proves nothing.

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// spinModel is docs/commit.pml with some names defined.
type spinModel struct {
	defines string // separated by spaces
	cycles  bool   // look for executions that go on for ever, in place of wrong states and wrong ends
	fails   string // what spin has to find; "" for nothing
}

const (
	wrongState = "assertion violated"
	wrongEnd   = "invalid end state"
)

var spinModels = []spinModel{
	{},
	{cycles: true},
	{defines: "ATTACHED"},
	{defines: "FAILOVER"},
	{defines: "NO_TOMBSTONE", fails: wrongState},
	{defines: "TIMEOUT_MEANS_NONE", fails: wrongState},
	{defines: "NO_KILL", fails: wrongEnd},
	{defines: "COMMIT_BEFORE_PREPARED", fails: wrongState},
	{defines: "IGNORE_1062", fails: wrongState},
	{defines: "LOST_MEANS_ROLLED_BACK", fails: wrongState},
	{defines: "NO_DEADLINE", fails: wrongState},
	{defines: "GC_EARLY", fails: wrongState},
	{defines: "GC_TOMBSTONE_EARLY", fails: wrongState},
	{defines: "FAILOVER NO_SEMISYNC", fails: wrongState},
	{defines: "FAILOVER NO_BARRIER", fails: wrongState},
	{defines: "FAILOVER GC_NO_BARRIER", fails: wrongState},
}

func TestCommitModel(t *testing.T) {
	for _, tool := range []string{"spin", "gcc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: no %s here, the model of the commit protocol is not checked; run `bash e2e/install.sh`", tool)
		}
	}
	checkMistakesListed(t)
	for _, m := range spinModels {
		name := m.defines
		if m.cycles {
			name += " cycles"
		}
		t.Run(strings.TrimSpace(name), func(t *testing.T) { m.check(t) })
	}
}

// checkMistakesListed: every mistake of the model is among spinModels.
func checkMistakesListed(t *testing.T) {
	text, err := os.ReadFile("../docs/commit.pml")
	if err != nil {
		t.Fatal(err)
	}
	var listed int
	for _, m := range spinModels {
		if m.fails != "" {
			listed++
		}
	}
	if n := bytes.Count(text, []byte("/* MISTAKE")); n != listed {
		t.Errorf("docs/commit.pml has %d mistakes, spinModels %d", n, listed)
	}
}

// check makes the checker of this variant and runs it over all states.
func (m spinModel) check(t *testing.T) {
	dir := t.TempDir()
	model, err := filepath.Abs("../docs/commit.pml")
	if err != nil {
		t.Fatal(err)
	}
	generate := []string{"spin", "-a"}
	for _, d := range strings.Fields(m.defines) {
		generate = append(generate, "-D"+d)
	}
	runTool(t, dir, append(generate, model)...)
	compile, search := []string{"gcc", "-O1", "-w", "-DCOLLAPSE", "-DNOFAIR"}, []string{"./pan", "-m100000"}
	if m.cycles {
		compile, search = append(compile, "-DNP"), append(search, "-l")
	} else {
		compile = append(compile, "-DSAFETY")
	}
	runTool(t, dir, append(compile, "-o", "pan", "pan.c")...)
	out := runTool(t, dir, search...)
	switch {
	case strings.Contains(out, "max search depth too small") || !strings.Contains(out, "errors: "):
		t.Fatalf("the search was not completed:\n%s", out)
	case m.fails == "" && !strings.Contains(out, "errors: 0"):
		trail, _ := exec.Command("sh", "-c", "cd "+dir+" && ./pan -r *.trail").CombinedOutput()
		t.Fatalf("the protocol fails:\n%s\n%s", out, trail)
	case m.fails != "" && !strings.Contains(out, "pan:1: "+m.fails):
		t.Fatalf("the mistake is not found:\n%s", out)
	}
}

// runTool runs a program in dir and returns what it printed. pan's exit code says nothing.
func runTool(t *testing.T, dir string, argv ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", argv, err, out)
	}
	return string(out)
}
