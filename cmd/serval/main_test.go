package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"serval/config"
)

// main_test.go: what each command line prints and which exit code it has. Serving itself is tested in e2e.

const goodConfig = `
users: {app: {password: secret}}
defaults: {user: serval, password: inside}
groups: {g0: "127.0.0.1:3306", g1: {primary: "127.0.0.1:3316", replicas: ["127.0.0.1:3326"]}}
databases:
  shop:
    default_group: g0
    tables:
      users:    {shard: {column: id, by: hash_mod, shards: 8, groups: [g0, g1]}}
      products: {broadcast: true}
`

func TestCommandLines(t *testing.T) {
	folder := t.TempDir()
	good, bad := filepath.Join(folder, "good.yaml"), filepath.Join(folder, "bad.yaml")
	writeFile(t, good, goodConfig)
	writeFile(t, bad, strings.NewReplacer("hash_mod", "hashmod", "default_group: g0", "default_group: g9").Replace(goodConfig))
	for _, c := range []struct {
		name     string
		args     []string
		code     int
		out, err []string // parts
	}{
		{name: "nothing", code: 2, err: []string{"usage: serval <command>", "serve -c serval.yaml", "check", "version"}},
		{name: "help", args: []string{"help"}, code: 0, out: []string{"usage: serval <command>"}},
		{name: "-h", args: []string{"-h"}, code: 0, out: []string{"usage: serval <command>"}},
		{name: "unknown command", args: []string{"server"}, code: 2, err: []string{`there is no command "server"`, "usage:"}},
		{name: "version", args: []string{"version"}, code: 0, out: []string{"serval ", "go1."}},
		{name: "version with an argument", args: []string{"version", "x"}, code: 2, err: []string{`unexpected argument "x"`}},
		{name: "check", args: []string{"check", "-c", good}, code: 0, out: []string{
			good + ": OK: 1 listener, 1 user, 2 groups, 3 nodes, 1 database, 2 tables (1 sharded, 1 broadcast)\n"}},
		{name: "check finds every error", args: []string{"check", "-c", bad}, code: 1, err: []string{
			bad + ":7:", "g9", bad + ":9:", "hashmod", `did you mean "hash_mod"?`, "2 errors in the configuration\n"}},
		{name: "check without the file", args: []string{"check", "-c", filepath.Join(folder, "none.yaml")}, code: 1,
			err: []string{"none.yaml: cannot be read", "1 error in the configuration\n"}},
		{name: "check without -c", args: []string{"check", good}, code: 2, err: []string{"named with -c"}},
		{name: "check's help", args: []string{"check", "-h"}, code: 0, err: []string{"configuration file"}},
		{name: "serve does not start with errors", args: []string{"serve", "-c", bad}, code: 1, err: []string{"2 errors"}},
		{name: "serve without -c", args: []string{"serve", good}, code: 2, err: []string{"named with -c"}},
		{name: "transactions' help", args: []string{"transactions", "-h"}, code: 0, err: []string{"commit|rollback GTRID", "-without-decision"}},
		{name: "transactions without the file", args: []string{"transactions", "-c", filepath.Join(folder, "none.yaml")}, code: 1, err: []string{"none.yaml: cannot be read"}},
		{name: "transactions with another word", args: []string{"transactions", "-c", good, "forget"}, code: 2, err: []string{`unexpected argument "forget"`}},
		{name: "transactions without a gtrid", args: []string{"transactions", "commit", "-c", good}, code: 2, err: []string{"commit takes one gtrid"}},
		{name: "transactions with a foreign gtrid", args: []string{"transactions", "rollback", "x"}, code: 2, err: []string{`"x" is not the gtrid`}},
		{name: "transactions, an option without its verb", args: []string{"transactions", "-without-decision"}, code: 2, err: []string{"goes with commit or rollback"}},
		{name: "unknown option", args: []string{"serve", "-config", good}, code: 2, err: []string{"-config"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, err bytes.Buffer
			if code := run(context.Background(), c.args, &out, &err); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			contains(t, "stdout", out.String(), c.out)
			contains(t, "stderr", err.String(), c.err)
		})
	}
}

// TestDocumentedConfigurations: what the README and the compose file show has to work.
func TestDocumentedConfigurations(t *testing.T) {
	password := filepath.Join(t.TempDir(), "password")
	writeFile(t, password, "inside\n")
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "```yaml\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		t.Fatal("the README shows no configuration")
	}
	t.Setenv("APP_PASSWORD", "secret")
	if _, err := config.Parse([]byte(strings.ReplaceAll(block, "/etc/serval/mysql-password", password)), "README.md"); err != nil {
		t.Error(err)
	}
	if _, err := config.Load("../../docs/compose/serval.yaml"); err != nil {
		t.Error(err)
	}
}

func TestDescribeBuild(t *testing.T) {
	info := &debug.BuildInfo{Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.modified", Value: "true"},
	}}
	info.Main.Version = "v1.2.3"
	if got, want := describeBuild(info), "serval v1.2.3 commit 0123456789ab (modified) go1."; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q…", got, want)
	}
	if got, want := describeBuild(&debug.BuildInfo{}), "serval (devel) go1."; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q…", got, want)
	}
}

func TestLog(t *testing.T) {
	for _, c := range []struct {
		settings config.Log
		want     string // what a warning looks like, but for its time; "" is not at all
	}{
		{config.Log{Level: "info", Format: "text"}, "level=WARN msg=late group=g0\n"},
		{config.Log{Level: "warn", Format: "json"}, `"level":"WARN","msg":"late","group":"g0"}` + "\n"},
		{config.Log{Level: "error", Format: "text"}, ""},
	} {
		var out bytes.Buffer
		newLog(c.settings, &out).Warn("late", "group", "g0")
		if !strings.HasSuffix(out.String(), c.want) || (c.want == "") != (out.Len() == 0) {
			t.Errorf("%+v: got %q", c.settings, out.String())
		}
	}
}

// TestNoEngineIsLinked keeps the proxy a proxy: the embedded engine is the demo's alone.
func TestNoEngineIsLinked(t *testing.T) {
	packages, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, p := range strings.Fields(string(packages)) {
		if strings.Contains(p, "go-mysql-server") || strings.Contains(p, "dolthub/vitess") {
			t.Errorf("cmd/serval links %s", p)
		}
	}
}

func contains(t *testing.T, what, text string, parts []string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%s does not contain %q:\n%s", what, p, text)
		}
	}
	if len(parts) == 0 && text != "" {
		t.Errorf("%s: unexpected %q", what, text)
	}
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
