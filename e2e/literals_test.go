package e2e

// literals_test.go: finds the literals of a statement and turns them into parameters. It is a reader of its own, written
// from the manual's "Literal Values" and not from Serval's lexer, which it helps to check. It may leave a literal alone
// where it is in doubt; the plain server says whether what comes of it is a statement.

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"serval/e2e/raw"
)

// literalMode are the parts of sql_mode that change where literals are.
type literalMode struct{ ansiQuotes, noBackslash bool }

func literalModeOf(sqlMode string) literalMode {
	return literalMode{strings.Contains(sqlMode, "ANSI_QUOTES"), strings.Contains(sqlMode, "NO_BACKSLASH_ESCAPES")}
}

// literal is one literal of a text and the parameter that means the same.
type literal struct {
	start, end int
	value      raw.Parameter
	integer    bool
	n          int64 // of an integer
}

// token is a piece of a statement.
var token = regexp.MustCompile(`(?s)^(?:` + strings.Join([]string{
	`(?P<space>\s+|/\*.*?\*/|#[^\n]*|--(?:[ \t][^\n]*|\n|$))`,
	`(?P<quoted>` + "`(?:[^`]|``)*`" + `)`,
	`(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)`,
	`(?P<word>[@A-Za-z_\x80-\xff$][A-Za-z0-9_\x80-\xff$@]*)`,
}, "|") + `)`)

// literals finds them, from the left. A literal that is a whole item of ORDER BY or GROUP BY is left alone: it is a
// position, or does nothing.
func literals(sql string, mode literalMode) []literal {
	var found []literal
	before := ""   // the token before, upper case; spaces do not count
	order := false // in the list of an ORDER BY or GROUP BY
	add := func(l literal, start, size int) {
		if !order || before != "BY" && before != "," {
			l.start, l.end = start, start+size
			found = append(found, l)
		}
	}
	for i := 0; i < len(sql); {
		rest := sql[i:]
		if c := rest[0]; c == '\'' || c == '"' {
			value, n := stringLiteral(rest, mode)
			if n == 0 {
				return found // no end: the statement is a mistake
			}
			if !(c == '"' && mode.ansiQuotes) && !prefixed(before, sql[:i]) {
				add(literal{value: raw.String(value)}, i, n)
			}
			before, i = "'", i+n
			continue
		}
		m := token.FindStringSubmatch(rest)
		if m == nil {
			m = []string{rest[:1], "", "", "", ""}
		}
		switch {
		case m[3] != "":
			if l, ok := numberLiteral(m[3], rest[len(m[3]):], before); ok {
				add(l, i, len(m[3]))
			}
		case strings.EqualFold(m[4], "NULL") && before != "IS" && before != "NOT":
			add(literal{value: raw.Null()}, i, 4)
		}
		if m[1] == "" {
			before = strings.ToUpper(m[0])
			order = before == "BY" || order && !endsOrder[before]
		}
		i += len(m[0])
	}
	return found
}

// endsOrder are the tokens behind which a list of ORDER BY or GROUP BY is over.
var endsOrder = map[string]bool{")": true, "LIMIT": true, "HAVING": true, "SELECT": true, "UNION": true, "FOR": true, "ON": true}

// prefixed tells whether a string has another meaning by what stands before it: x'00', _latin1'a', DATE '2026-01-01'.
func prefixed(before, text string) bool {
	switch before {
	case "DATE", "TIME", "TIMESTAMP", "AS", "'":
		return true
	}
	if strings.HasPrefix(before, "_") {
		return true
	}
	word := len(text) > 0 && text[len(text)-1] != ' ' && text[len(text)-1] != '\n'
	return word && (before == "X" || before == "B" || before == "N" || before == "@")
}

// stringLiteral reads a quoted string and gives its value and length, 0 when it has no end.
func stringLiteral(s string, mode literalMode) (string, int) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == s[0] && i+1 < len(s) && s[i+1] == s[0]:
			b.WriteByte(c)
			i++
		case c == s[0]:
			return b.String(), i + 1
		case c == '\\' && !mode.noBackslash && i+1 < len(s):
			i++
			switch s[i] {
			case '%', '_':
				b.WriteString(s[i-1 : i+1])
			case '0', 'n', 'r', 't', 'b', 'Z':
				b.WriteByte(map[byte]byte{'0': 0, 'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'Z': 26}[s[i]])
			default:
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", 0
}

// numberLiteral is the literal of a number's text, unless it is part of a name.
func numberLiteral(text, after, before string) (literal, bool) {
	if before == "." || before == "@" {
		return literal{}, false
	}
	if after != "" && (after[0] == '_' || after[0] == '$' || after[0] >= 0x80 || after[0]|0x20 >= 'a' && after[0]|0x20 <= 'z') {
		return literal{}, false // 0x1f, 1abc
	}
	if strings.ContainsAny(text, "eE") {
		v, err := strconv.ParseFloat(text, 64)
		return literal{value: raw.Double(v)}, err == nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return literal{value: raw.BigInt(n), integer: true, n: n}, true
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return literal{value: raw.Int(mysql.MYSQL_TYPE_LONGLONG, true, n)}, true
	}
	return literal{value: raw.Text(mysql.MYSQL_TYPE_NEWDECIMAL, text)}, true
}

// withParameters is a statement with some of its literals replaced by question marks.
func withParameters(sql string, list []literal) string {
	var b strings.Builder
	last := 0
	for _, l := range list {
		b.WriteString(sql[last:l.start] + "?")
		last = l.end
	}
	return b.String() + sql[last:]
}

func TestLiterals(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT 1, -2.5, 1e3, 'it''s' FROM t2 WHERE a1 = 0x1f AND b.2c = .5":   "SELECT ?, -?, ?, ? FROM t2 WHERE a1 = 0x1f AND b.2c = ?",
		"SELECT x'00', _latin1'a', N'b', DATE '2026-01-01', '?' -- 'c' 7":      "SELECT x'00', _latin1'a', N'b', DATE '2026-01-01', ? -- 'c' 7",
		"SELECT NULL, a IS NULL, `b 'c' 3` /* 4 'd' */ FROM t # 5":             "SELECT ?, a IS NULL, `b 'c' 3` /* 4 'd' */ FROM t # 5",
		`INSERT INTO t VALUES ("a\"b", 'c\'d', 18446744073709551615, 12.50)`:   "INSERT INTO t VALUES (?, ?, ?, ?)",
		"SELECT a + 1 FROM t GROUP BY 1, b ORDER BY 2, c + 3, NULL LIMIT 4, 5": "SELECT a + ? FROM t GROUP BY 1, b ORDER BY 2, c + ?, NULL LIMIT ?, ?",
		"SELECT 'open": "SELECT 'open",
		"SELECT user_id AS 'u', @a1, t1.c2 FROM t LIMIT 3": "SELECT user_id AS 'u', @a1, t1.c2 FROM t LIMIT ?",
	} {
		if got := withParameters(sql, literals(sql, literalMode{})); got != want {
			t.Errorf("%s\n got %s\nwant %s", sql, got, want)
		}
	}
	if got := fmt.Sprintf("%q", literals(`'a\%b\\'`, literalMode{})[0].value.Value); got != `"\x05a\\%b\\"` {
		t.Errorf("value %s", got)
	}
}
