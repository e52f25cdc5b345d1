package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// secret_test.go: passwords are fetched, and never printed.

// leaked is a password that no output may hold.
const leaked = "hunter2"

func TestPasswordsAreNotPrinted(t *testing.T) {
	c := mustParse(t, `
users: {app: {password: hunter2}}
defaults: {user: root, password: hunter2}
groups: {g0: {primary: "db:3306", replicas: ["db:3307"]}}
databases: {shop: }
`, world(nil, nil))
	if c.Users[0].Password != leaked || c.Groups[0].Replicas[0].Password != leaked {
		t.Fatal("the passwords are lost")
	}
	printed := map[string]string{}
	for name, v := range map[string]any{
		"config": c, "value": *c, "user": c.Users[0], "user pointer": &c.Users[0], "users": c.Users, "group": c.Groups[0],
		"node": c.Groups[0].Primary, "node pointer": &c.Groups[0].Primary, "nodes": c.Groups[0].Replicas,
	} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%10.3v"} {
			printed[name+" "+format] = fmt.Sprintf(format, v)
		}
		var text, structured bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&structured, nil)).Info("m", "v", v)
		printed[name+" text log"], printed[name+" json log"] = text.String(), structured.String()
		asJSON, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		asYAML, err := yaml.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		printed[name+" JSON"], printed[name+" YAML"] = string(asJSON), string(asYAML)
	}
	for how, text := range printed {
		if strings.Contains(text, leaked) || strings.Contains(text, fmt.Sprintf("%x", leaked)) {
			t.Errorf("%s: %s", how, text)
		}
	}
	if got := fmt.Sprintf("%+v", c.Users[0]); got != "{Name:app Password:*** Databases:[] NeedsTLS:false Admin:false Limits:{Shards: Rows: Bytes: Time:}}" {
		t.Errorf("user is printed as %s", got)
	}
}

// TestErrorsHoldNoPassword: the password is where it was put by mistake, or is cut in two by YAML's syntax.
func TestErrorsHoldNoPassword(t *testing.T) {
	for _, user := range []string{
		"{password: a,hunter2}", "{password: a,hunter2, databases: [shop]}", "{password:hunter2}", "{password:hunter2: x}",
		"{password: a,hunter2, hunter2: x}", "hunter2", "[hunter2]", "{passwd: hunter2}", "{password: [hunter2]}", "{password: {hunter2: x}}",
		"{password: *hunter2}", "{password: &hunter2}", "{password: !hunter2 x}", "{password: !hunter2}", "{password: @hunter2}", "{password: %hunter2}",
		"{password: 'hunter2}", "{password: \"\\hunter2\"}", "{password: a: hunter2}", "{password: x, password_file: hunter2}", "{password_env: hunter2}",
		"{password_env: 'hunter2!'}", "{password_file: hunter2}", "{password: #hunter2}\n", "{password: x, databases: [}hunter2]}", "{password: `hunter2`}",
		"{password: ]hunter2}", "{password: }hunter2}", "{password: |hunter2}", "{password: >hunter2}", "\n    password:hunter2", "\n    password: a: hunter2",
		"\n    password: !<hunter2", "\n    password: *hunter2", "\n    password: \"a\"hunter2", "\n    password: - hunter2", "\n    password: ? hunter2",
	} {
		for _, form := range []string{
			"users:\n  app: %s\n" + "groups: {g0: {primary: \"a:1\", user: root, password: \"\"}}\ndatabases: {shop: }\n",
			"users: {app: {password: x}}\ngroups:\n  g0:\n    replicas: [{address: \"a:1\"}]\n    primary: %s\ndatabases: {shop: }\n",
			"users: {app: {password: x}}\ndefaults: %s\ngroups: {g0: \"root:hunter2@tcp(db:1)/\"}\ndatabases: {shop: }\n",
		} {
			if user == leaked && strings.Contains(form, "primary: %s") {
				continue // a word in the place of an address is an address, and is shown
			}
			text := fmt.Sprintf(form, user)
			_, err := parse([]byte(text), "t.yaml", world(nil, nil))
			if err == nil {
				t.Errorf("no error for\n%s", text)
			} else if strings.Contains(err.Error(), leaked) {
				t.Errorf("%v\nfor\n%s", err, text)
			}
		}
	}
}

func TestPasswordFile(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"secret": "s3cret\n", "large": strings.Repeat("x", maxPasswordFile+1)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := `
users: {app: {password_file: secret}}
groups: {g0: {primary: "a:1", user: root, password_file: %q}}
databases: {shop: }
`
	path := filepath.Join(dir, "serval.yaml")
	for _, test := range []struct{ file, want string }{
		{filepath.Join(dir, "secret"), ""},
		{filepath.Join(dir, "large"), "the file is too large"},
		{dir, "is a directory"},
		{filepath.Join(dir, "none"), "no such file"},
	} {
		if err := os.WriteFile(path, fmt.Appendf(nil, text, test.file), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		switch {
		case test.want == "" && err != nil:
			t.Error(err)
		case test.want == "":
			if c.Users[0].Password != "s3cret" || c.Groups[0].Primary.Password != "s3cret" {
				t.Errorf("%s: %q", test.file, c.Users[0].Password)
			}
		case err == nil || !strings.Contains(err.Error(), test.want):
			t.Errorf("%s: %v", test.file, err)
		}
	}
	var one *Error
	if _, err := Load(path); !errors.As(err, &one) || one.Line != 3 {
		t.Errorf("%v", err)
	}
}
