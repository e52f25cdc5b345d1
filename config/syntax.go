package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// syntax.go: bytes to a YAML tree, and where it breaks when it does. It knows nothing of the configuration's keys.

// errPanic is the YAML library's own fault: it panics on a few broken texts.
var errPanic = errors.New("the text cannot be read as YAML")

// parseTree reads the one document of a text.
func parseTree(data []byte, file string) (*yaml.Node, *Error) {
	if bad := notUTF8(data); bad >= 0 {
		before := data[:bad]
		start := bytes.LastIndexByte(before, '\n') + 1
		return nil, &Error{
			File: file, Line: bytes.Count(before, []byte("\n")) + 1, Column: utf8.RuneCount(before[start:]) + 1,
			Message: "the text is not UTF-8", Hint: "save the file as UTF-8",
		}
	}
	root, err := decode(bytes.NewReader(data))
	switch {
	case errors.Is(err, io.EOF) || err == nil && (len(root.Content) != 1 || isNull(root.Content[0])):
		return nil, &Error{File: file, Line: 1, Column: 1, Message: "the file is empty", Hint: "start from serval.example.yaml"}
	case err == nil:
		return root.Content[0], nil
	}
	at := root.Line // of a second document; else 0
	if at == 0 {
		at = badLine(data)
	}
	line := lineAt(data, at)
	message, hint := explain(err, line)
	return nil, &Error{File: file, Line: at, Column: badColumn(err, line), Message: message, Hint: hint}
}

// notUTF8 is the offset of the first byte that is not UTF-8, or -1. YAML may also be UTF-16, but lines and columns could not be
// told then.
func notUTF8(data []byte) int {
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// errSecond is a second document after "---".
var errSecond = errors.New("a second document begins")

// decode reads the first document and checks that it is the only one. The node is never nil; of errSecond it is the second document.
func decode(text io.Reader) (root *yaml.Node, err error) {
	root = &yaml.Node{}
	defer func() {
		if recover() != nil {
			root, err = &yaml.Node{}, errPanic
		}
	}()
	d := yaml.NewDecoder(text)
	if err := d.Decode(root); err != nil {
		return &yaml.Node{}, fmt.Errorf("first document: %w", err)
	}
	second := &yaml.Node{}
	switch err := d.Decode(second); {
	case errors.Is(err, io.EOF):
		return root, nil
	case err != nil:
		return &yaml.Node{}, fmt.Errorf("second document: %w", err)
	}
	return second, errSecond
}

// badLine finds the line on which a text stops being YAML. The library's own line is that of the enclosing block, or
// none at all, so the longest good beginning is looked for: the trouble is in the line after it. Whole top-level sections are
// tried first, as every try reads the text from the start.
func badLine(data []byte) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	ends := make([]int, len(lines)) // ends[i]: length of the text up to and with line i
	length := 0
	for i, line := range lines {
		length += len(line)
		ends[i] = length
	}
	good := func(upTo int) bool { // the first upTo lines
		_, err := decode(bytes.NewReader(data[:ends[upTo-1]]))
		return err == nil || errors.Is(err, io.EOF)
	}
	by := &lineReader{lines: lines}
	_, _ = decode(by)                // it fails, as it did before, and has read no further than it had to
	low, high := 0, max(by.given, 1) // the first low lines are good, the first high are not
	for i := high - 1; i > 0; i-- {
		if c := lines[i][:min(1, len(lines[i]))]; len(c) == 0 || bytes.ContainsAny(c, " \t\r\n#]}-") {
			continue
		}
		if good(i) {
			low = i
			break
		}
		high = i
	}
	for i := high - 1; i > low; i-- {
		if good(i) {
			low = i
			break
		}
	}
	return low + 1
}

// lineReader gives one line at a time, so that it shows how far a text was read. A line longer than the reader's
// buffer is given in pieces.
type lineReader struct {
	lines [][]byte
	rest  []byte // of the line that is being given
	given int    // lines begun
}

// Read implements io.Reader.
func (l *lineReader) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		if l.given == len(l.lines) {
			return 0, io.EOF
		}
		l.rest = l.lines[l.given]
		l.given++
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// lineAt is the text of a line, counted from 1, without its end.
func lineAt(data []byte, number int) string {
	lines := strings.Split(string(data), "\n")
	if number < 1 || number > len(lines) {
		return ""
	}
	return strings.TrimSuffix(lines[number-1], "\r")
}

// badColumn is the best guess at the character that is wrong: a tab in the indentation, an alias's star, else the
// first one that is not a space.
func badColumn(err error, line string) int {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	if strings.Contains(err.Error(), "unknown anchor") {
		if at := aliasStar.FindStringIndex(line); at != nil {
			return len([]rune(line[:at[1]]))
		}
	}
	return indent + 1
}

// aliasStar is where an alias can begin.
var aliasStar = regexp.MustCompile(`(^|[\s\[{,])\*`)

// explanations says in the operator's words what the YAML library says in its own. The library's text is used only where it is
// constant: "unknown anchor 'x'" would show a password that starts with a star.
var explanations = []struct{ sign, message, hint string }{
	{"a second document", "a second YAML document begins here", `keep one document, without "---" lines in the middle`},
	{"unknown anchor", "a value that starts with * is an alias, and nothing has that name", `put a text that starts with "*" in quotes`},
	{"mapping values are not allowed", "a colon stands where no key can be", "check the indentation of this line and of the one before it, and put texts that hold \": \" in quotes"},
	{"did not find expected key", "this line does not belong to the block above it", "keys of one block start in the same column"},
	{"could not find expected ':'", "a key without a colon", `write "key: value", with a space after the colon`},
	{"expected ',' or", "a [ or { is not closed, or a comma is missing", "check the brackets from here on"},
	{"<document start>", "this line does not belong to what is above it", "check the brackets before it, and its indentation"},
	{"end of stream", "a quote is not closed", "close it; a single quote inside single quotes is doubled"},
	{"'-' indicator", "this line does not belong to the list above it", `start every entry with "- ", in the same column`},
	{"block sequence entries", "a list cannot begin here", `start it on a line of its own, with "- " before every entry`},
	{"expected node content", "a value is missing, or it starts with a bracket or a comma", "put texts that start with one of []{}, in quotes"},
	{"unknown escape character", "a backslash in double quotes starts something unknown", "write two backslashes, or use single quotes"},
	{"cannot start any token", "a character that cannot start a value", "put a text that starts with @, `, % or a tab in quotes, and indent with spaces"},
	{"control characters", "a control character is in the text", "remove it"},
}

func explain(err error, line string) (message, hint string) {
	if tab := strings.IndexByte(line, '\t'); tab >= 0 && strings.TrimLeft(line[:tab], " ") == "" {
		return "a tab in the indentation", "indent with spaces"
	}
	text := err.Error()
	if strings.HasPrefix(line, "---") {
		text = errSecond.Error() // whatever else is wrong in it
	}
	for _, e := range explanations {
		if strings.Contains(text, e.sign) {
			return e.message, e.hint
		}
	}
	return "this is not YAML", "check the indentation, the quotes and the brackets of this line"
}
