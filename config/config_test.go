package config

import (
	"io/fs"
	"os"
	"testing"
)

// config_test.go: what valid files become.

// world is a source of tests: variables and files by name.
func world(env, files map[string]string) source {
	return source{
		env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		file: func(path string, limit int64) ([]byte, error) {
			data, ok := files[path]
			if !ok {
				return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
			}
			if int64(len(data)) > limit {
				return nil, errTooLarge
			}
			return []byte(data), nil
		},
	}
}

func TestExampleLoads(t *testing.T) {
	for _, name := range []string{"SERVAL_APP_PASSWORD", "SERVAL_ROOT_PASSWORD", "SERVAL_BACKEND_PASSWORD"} {
		t.Setenv(name, "secret")
	}
	c, err := Load("../serval.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c.File != "../serval.example.yaml" || len(c.Groups) != 3 || len(c.Databases[0].Tables) != 10 {
		t.Errorf("%+v", c)
	}
	if _, err := os.Stat("../docs/configuration.md"); err != nil {
		t.Error(err)
	}
}
