package gather

// shape.go: what a table looks like, as its server tells by SHOW CREATE TABLE, and the definition of a temporary table into
// which its rows go: columns of the same types, collations, defaults and visibility, and the same indexes. What would
// compute, check or refuse rows is left out: the rows are as they are.

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"serval/proxy/backend"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// Shape is a table without its rows.
type Shape struct {
	Columns []Column
	keys    []string // as they stand in CREATE TABLE
	options string
}

// Column is a column of a Shape.
type Column struct {
	Name       string
	definition string // with the name, as it stands in CREATE TABLE
	kind       valueKind
}

// ReadShape asks a server what a table looks like. The connection must be in a plain sql_mode, and its results in UTF-8
// or as they are. An error of the server's is a *wire.Error.
func ReadShape(conn *backend.Conn, table string) (*Shape, error) {
	rows, err := conn.Query("SHOW CREATE TABLE " + table)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 || len(rows[0]) < 2 {
		return nil, fmt.Errorf("SHOW CREATE TABLE %s gave %d rows", table, len(rows))
	}
	if len(rows[0]) == 2 {
		return parseShape(string(rows[0][1]))
	}
	return nil, ErrView
}

// ErrView says that a table is a view. Its rows cannot be copied: where a server puts a view's expressions into the statement, they
// have more digits than the view's columns.
var ErrView = errors.New("it is a view")

var (
	charsetOption = regexp.MustCompile(` DEFAULT CHARSET=(\w+)`)
	collateOption = regexp.MustCompile(` COLLATE=(\w+)`)
)

// parseShape reads the text of SHOW CREATE TABLE: a line for each column and key.
func parseShape(text string) (*Shape, error) {
	lines := strings.Split(text, "\n")
	s := &Shape{options: " ENGINE=InnoDB"}
	for _, line := range lines[1:] {
		if strings.HasPrefix(line, ")") {
			line, _, _ = strings.Cut(line, " COMMENT=")
			if m := charsetOption.FindString(line); m != "" {
				s.options += m
			}
			if m := collateOption.FindString(line); m != "" {
				s.options += m
			}
			break
		}
		line = strings.TrimSuffix(strings.TrimSpace(line), ",")
		if strings.HasPrefix(line, "`") {
			c, err := parseColumn(line)
			if err != nil {
				return nil, err
			}
			s.Columns = append(s.Columns, c)
		} else if key := keyOf(line); key != "" {
			s.keys = append(s.keys, key)
		}
	}
	if len(s.Columns) == 0 {
		return nil, fmt.Errorf("no columns in %.60q", text)
	}
	return s, nil
}

// keyOf is what is kept of a line that is no column.
func keyOf(line string) string {
	switch {
	case strings.Contains(line, "(("): // of an expression
		return ""
	case strings.HasPrefix(line, "FULLTEXT KEY "): // an ordinary one in its place, for the columns' flags in results
		line, _, _ = strings.Cut(strings.TrimPrefix(line, "FULLTEXT "), " /*!")
		head, columns, ok := strings.Cut(line, " (")
		columns, _, _ = strings.Cut(columns, ")")
		if !ok {
			return ""
		}
		return head + " (" + strings.ReplaceAll(columns, "`,`", "`(1),`") + "(1))"
	case strings.HasPrefix(line, "PRIMARY KEY "), strings.HasPrefix(line, "UNIQUE KEY "), strings.HasPrefix(line, "KEY "):
		return line
	}
	return "" // SPATIAL KEY, CONSTRAINT, PERIOD FOR, CHECK
}

// parseColumn reads a column's line.
func parseColumn(line string) (Column, error) {
	tk := rewrite.Tokenize(&fingerprint.Statement{Text: []byte(line), End: len(line)})
	if len(tk.List) < 2 || !tk.IsName(0) {
		return Column{}, fmt.Errorf("no column in %.60q", line)
	}
	c := Column{Name: tk.Name(0), kind: kindOf(tk.Word(1))}
	at := 0
	for i := 1; i < len(tk.List); {
		end := computed(tk, i)
		if end == i {
			i++
			continue
		}
		c.definition += line[at:tk.List[i].Start]
		at = len(line)
		if i = end; i < len(tk.List) {
			at = tk.List[i].Start
		}
	}
	c.definition += line[at:]
	return c, nil
}

// computed is the token behind what stands at token i and is not for a copy: GENERATED ALWAYS AS (…) VIRTUAL, CHECK (…);
// else i itself. json_valid() makes MariaDB's text JSON.
func computed(tk *rewrite.Tokens, i int) int {
	switch tk.Word(i) {
	case "generated":
		for !tk.Is(i, "as") && i < len(tk.List) {
			i++
		}
		if tk.Is(i+1, "row") { // AS ROW START
			return i + 3
		}
		end := behindParentheses(tk, i+1)
		if tk.Is(end, "virtual") || tk.Is(end, "stored") || tk.Is(end, "persistent") {
			end++
		}
		return end
	case "check":
		if tk.Is(i+1, "(") && !tk.Is(i+2, "json_valid") {
			return behindParentheses(tk, i+1)
		}
	}
	return i
}

func behindParentheses(tk *rewrite.Tokens, i int) int {
	for depth := 0; i < len(tk.List); i++ {
		switch tk.Word(i) {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return i
}

// Definitions is the table for CREATE TABLE, from the parenthesis on. plain: no key of it is unique.
func (s *Shape) Definitions(plain bool) string {
	defs := make([]string, 0, len(s.Columns)+len(s.keys))
	for i := range s.Columns {
		defs = append(defs, s.Columns[i].definition)
	}
	for _, key := range s.keys {
		if plain {
			key = strings.Replace(key, "PRIMARY KEY ", "KEY `serval primary` ", 1)
			key = strings.TrimPrefix(key, "UNIQUE ")
		}
		defs = append(defs, key)
	}
	return "(" + strings.Join(defs, ", ") + ")" + s.options
}

// Fields are the columns as they are read: in a form that loses nothing.
func (s *Shape) Fields() string {
	fields := make([]string, len(s.Columns))
	for i := range s.Columns {
		name := rewrite.Quote(s.Columns[i].Name)
		switch s.Columns[i].kind {
		case floating: // a FLOAT's text has six digits
			name += "*1e0"
		case counted: // members by their numbers, bits as a number
			name = "CAST(" + name + " AS UNSIGNED)"
		}
		fields[i] = name
	}
	return strings.Join(fields, ",")
}

// List are the columns that values are inserted into.
func (s *Shape) List() string {
	names := make([]string, len(s.Columns))
	for i := range s.Columns {
		names[i] = rewrite.Quote(s.Columns[i].Name)
	}
	return strings.Join(names, ",")
}
