package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// secret.go: where passwords come from, and how they are kept out of whatever is printed. This is the only file that
// reads the environment or other files than the configuration.

// hidden stands for a password wherever one would be printed.
const hidden = "***"

// maxPasswordFile is the size in bytes up to which a password file is believed to be one.
const maxPasswordFile = 4096

// The formatting methods have value receivers, so that they also serve pointers and fields of other structs.

// Format implements fmt.Formatter for every verb, without the password.
func (u User) Format(f fmt.State, verb rune) { fmt.Fprintf(f, fmt.FormatString(f, verb), u.redacted()) }

// LogValue implements slog.LogValuer, without the password.
func (u User) LogValue() slog.Value { return slog.AnyValue(u.redacted()) }

// MarshalJSON implements json.Marshaler, without the password.
func (u User) MarshalJSON() ([]byte, error) { return json.Marshal(u.redacted()) }

// MarshalYAML implements yaml.Marshaler, without the password.
func (u User) MarshalYAML() (any, error) { return u.redacted(), nil }

// Format implements fmt.Formatter for every verb, without the password.
func (n Node) Format(f fmt.State, verb rune) { fmt.Fprintf(f, fmt.FormatString(f, verb), n.redacted()) }

// LogValue implements slog.LogValuer, without the password.
func (n Node) LogValue() slog.Value { return slog.AnyValue(n.redacted()) }

// MarshalJSON implements json.Marshaler, without the password.
func (n Node) MarshalJSON() ([]byte, error) { return json.Marshal(n.redacted()) }

// MarshalYAML implements yaml.Marshaler, without the password.
func (n Node) MarshalYAML() (any, error) { return n.redacted(), nil }

// printedUser and printedNode have the fields but not the methods, so that printing them does not recur.
type (
	printedUser User
	printedNode Node
)

func (u User) redacted() printedUser {
	if u.Password != "" {
		u.Password = hidden
	}
	return printedUser(u)
}

func (n Node) redacted() printedNode {
	if n.Password != "" {
		n.Password = hidden
	}
	return printedNode(n)
}

// source is the world outside the file. Tests and the fuzz target put their own in its place.
type source struct {
	env  func(name string) (string, bool)
	file func(path string, limit int64) ([]byte, error)
}

var errTooLarge = errors.New("the file is too large")

// system is the process's environment and the machine's files.
func system() source {
	return source{env: os.LookupEnv, file: readFile}
}

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, errTooLarge
	}
	return data, nil
}

// passwordKeys are the ways to give a password; one at a time.
var passwordKeys = [...]string{"password", "password_env", "password_file"}

// password reads the block's password. given tells whether one of the keys is there, even when it is wrong, so that
// a missing password is not reported on top.
func (b *block) password() (value string, given bool) {
	var first string
	for _, key := range passwordKeys {
		n := b.get(key)
		if n == nil {
			continue
		}
		if given {
			b.r.fail(b.key(key), "keep one of the two", "%s: both %s and %s are given", b.path, first, key)
			continue
		}
		given, first = true, key
		switch key {
		case "password":
			value, _ = b.r.text(n, b.path+".password")
		case "password_env":
			value = b.r.passwordFromEnv(n, b.path+".password_env")
		case "password_file":
			value = b.r.passwordFromFile(n, b.path+".password_file")
		}
	}
	return value, given
}

// plainEnvName is what the name of a variable usually looks like. A name that looks otherwise may be the password itself, put
// under the wrong key, and is not repeated in an error.
var plainEnvName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

func (r *reader) passwordFromEnv(n *yaml.Node, path string) string {
	name, ok := r.text(n, path)
	if !ok {
		return ""
	}
	shown := "the environment variable named here"
	if plainEnvName.MatchString(name) {
		shown = "the environment variable " + name
	}
	value, ok := r.src.env(name)
	switch {
	case !ok:
		r.fail(n, "set it before Serval starts", "%s: %s is not set", path, shown)
	case value == "":
		r.fail(n, `set it, or write password: "" where no password is wanted`, "%s: %s is empty", path, shown)
	}
	return value
}

func (r *reader) passwordFromFile(n *yaml.Node, path string) string {
	name, ok := r.text(n, path)
	if !ok {
		return ""
	}
	shown := "the file named here"
	if strings.Contains(name, "/") {
		shown = "the file " + name
	}
	data, err := r.src.file(r.resolve(name), maxPasswordFile)
	if err != nil {
		r.failBecause(n, err, "a relative path starts at the configuration file's folder",
			"%s: %s cannot be read: %s", path, shown, reason(err))
		return ""
	}
	// Editors and echo end a file with a newline that is not meant.
	value := string(data)
	if line, ok := strings.CutSuffix(value, "\n"); ok {
		value = strings.TrimSuffix(line, "\r")
	}
	switch {
	case value == "":
		r.fail(n, `write the password into it, or password: "" where none is wanted`, "%s: %s is empty", path, shown)
	case strings.ContainsAny(value, "\n\x00"):
		r.fail(n, "leave only the password in it", "%s: %s has more than one line", path, shown)
	}
	return value
}

// reason is an error's cause without the path, which may be a password put under the wrong key.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// resolve makes a path relative to the configuration file's folder.
func (r *reader) resolve(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(r.file), path)
}
