package e2e

// compare_test.go: what "the same answer" means.

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"serval/e2e/raw"
)

// comparedStatus are the status flags of OK and EOF packets that a client acts on: in a transaction (1), autocommit (2),
// more results (8), no backslash escapes (0x200). Left out: what a server tells about how it ran the
// statement (no index used, slow, database dropped, metadata changed), which no client needs and no cut table can repeat.
const comparedStatus = 0x0001 | 0x0002 | 0x0008 | 0x0200

// difference describes how two lists of answers differ; "" when they do not.
func difference(plain, serval []raw.Answer, c *testCase) string {
	if len(plain) != len(serval) {
		return fmt.Sprintf("%d results, plain has %d\n  plain:  %s\n  serval: %s", len(serval), len(plain), describe(plain), describe(serval))
	}
	for i := range plain {
		if d := answerDifference(&plain[i], &serval[i], c); d != "" {
			return fmt.Sprintf("result %d: %s", i+1, d)
		}
	}
	return ""
}

func answerDifference(p, s *raw.Answer, c *testCase) string {
	if p.Kind != s.Kind {
		return fmt.Sprintf("\n  plain:  %s\n  serval: %s", describe([]raw.Answer{*p}), describe([]raw.Answer{*s}))
	}
	var d []string
	note := func(what string, plain, serval any) {
		if plain != serval {
			d = append(d, fmt.Sprintf("%s\n  plain:  %v\n  serval: %v", what, plain, serval))
		}
	}
	note("error code", p.Code, s.Code)
	note("SQLSTATE", p.State, s.State)
	if c.ignore != "message" {
		note("message", p.Message, s.Message)
	}
	note("affected rows", p.AffectedRows, s.AffectedRows)
	note("last insert id", p.LastInsertID, s.LastInsertID)
	note("info", p.Info, s.Info)
	if c.ignore != "warnings" {
		note("warnings", p.Warnings, s.Warnings)
	}
	note("status", fmt.Sprintf("%#x", p.Status&comparedStatus), fmt.Sprintf("%#x", s.Status&comparedStatus))
	if p.Tracked && s.Tracked {
		note("session state", comparableTrack(p.Track, c.sql), comparableTrack(s.Track, c.sql))
	}
	note("columns", len(p.Columns), len(s.Columns))
	for i := 0; i < len(p.Columns) && i < len(s.Columns); i++ {
		note(fmt.Sprintf("column %d", i+1), c.comparable(p.Columns[i]), c.comparable(s.Columns[i]))
	}
	if c.views && p.Binary && s.Binary { // the width of integers is not compared: see viewColumn
		p, s = asText(p), asText(s)
	}
	if rows := rowDifference(p, s, c.unordered); rows != "" && c.ignore != "rows" {
		d = append(d, rows)
	}
	return strings.Join(d, "\n")
}

// systemTables finds statements (and files of them) that read what MySQL makes of views.
var systemTables = regexp.MustCompile(`(?i)information_schema|^tools_|^show`)

// comparable is the part of a column's definition that has to be the same.
func (c *testCase) comparable(column raw.Column) raw.Column {
	column = comparableColumn(column, c.sql)
	if c.views {
		column = viewColumn(column)
	}
	return column
}

// viewColumn is the part of a column of MySQL's system tables that is the same whatever the optimizer does. They are views
// on tables that nobody may read: whether a result says the view's name or alias, an inner table's or none, which flags the
// inner table's keys leave, and as which integer type or kind of text an expression comes, changes with an
// ORDER BY. Names, the kind of type and lengths of what is no expression stay compared.
func viewColumn(column raw.Column) raw.Column {
	column.Schema, column.Table, column.OrgTable, column.OrgName, column.Decimals = "", "", "", "", 0
	column.Flags &= 0x0020 // unsigned
	switch column.Type {
	case 3, 8: // INT, BIGINT
		column.Type, column.Length = 8, 0
	case 247, 249, 250, 251, 252, 253, 254: // ENUM, BLOBs, VARCHAR, CHAR
		column.Type, column.Length = 253, 0
	}
	return column
}

// throughTemporaryTable finds statements whose result may pass through a temporary table. Whether it does is the
// optimizer's choice, made from statistics, and a shard's are not the plain server's.
var throughTemporaryTable = regexp.MustCompile(`(?i)\b(JOIN|DISTINCT|UNION|GROUP|OVER)\b|FROM\s+[\w.` + "`" + `]+(\s+(AS\s+)?\w+)?\s*,`)

// comparableColumn is the part of a column's definition that is the same whatever the optimizer does. A temporary table's columns
// have lost their key flags (primary 2, unique 4, multiple 8, part of a key 0x4000) and the binary flag of
// numbers (0x80), gained the one of a group's column (0x8000), and expressions have gained an original name: two plain servers with the same data were seen to
// differ in these. Everything else is always compared, and these too where no temporary table can be in the way.
func comparableColumn(column raw.Column, sql string) raw.Column {
	if column.Type == mysql.MYSQL_TYPE_VAR_STRING {
		column.Flags &^= 0x0020 // "unsigned" of a string: BIN() of a prepared statement gains it by its second execution
	}
	if throughTemporaryTable.MatchString(sql[:min(len(sql), 4096)]) { // a statement of 16 MiB is a literal
		column.Flags &^= 0x0002 | 0x0004 | 0x0008 | 0x0080 | 0x4000 | 0x8000
		if column.OrgTable == "" {
			column.OrgName = ""
		}
	}
	return column
}

var changesDatabase = regexp.MustCompile(`(?i)\b(USE|DATABASE|SCHEMA)\b`)

// comparableTrack is the changes of session state in an order of their own: MariaDB tells variables in the order of a hash
// of addresses. It also tells the current database anew when a query on information_schema has gone through others; and
// MySQL 9.7 tells BEGIN and COMMIT of a session that has not asked for the transaction's state (kind 5), and no more of it.
func comparableTrack(track []byte, sql string) string {
	var entries []string
	for len(track) > 1 && len(track) >= 2+int(track[1]) {
		kind, size := track[0], int(track[1]) // lengths over 250 are not met here
		if kind != 5 && (kind != 1 || changesDatabase.MatchString(sql)) {
			entries = append(entries, fmt.Sprintf("%d %q", kind, track[2:2+size]))
		}
		track = track[2+size:]
	}
	if len(track) > 0 {
		entries = append(entries, fmt.Sprintf("malformed %q", track))
	}
	slices.Sort(entries)
	return strings.Join(entries, ", ")
}

func rowDifference(p, s *raw.Answer, unordered bool) string {
	plain, serval := p.Rows, s.Rows
	if unordered {
		plain, serval = sorted(plain), sorted(serval)
	}
	for i := 0; i < len(plain) && i < len(serval); i++ {
		if !bytes.Equal(plain[i], serval[i]) {
			return fmt.Sprintf("row %d of %d (plain) and %d (serval)\n  plain:  %s\n  serval: %s",
				i+1, len(plain), len(serval), showRow(plain[i], p), showRow(serval[i], s))
		}
	}
	switch n := min(len(plain), len(serval)); {
	case len(plain) > n:
		return fmt.Sprintf("%d rows (plain) and %d (serval); the first that is missing: %s", len(plain), n, showRow(plain[n], p))
	case len(serval) > n:
		return fmt.Sprintf("%d rows (plain) and %d (serval); the first too many: %s", n, len(serval), showRow(serval[n], s))
	}
	return ""
}

// asText is an answer of binary rows whose rows are the texts of their values.
func asText(a *raw.Answer) *raw.Answer {
	text := *a
	text.Rows = nil
	for _, row := range a.Rows {
		values, err := rowValues(row, a)
		text.Rows = append(text.Rows, fmt.Append(nil, values, err))
	}
	return &text
}

func sorted(rows [][]byte) [][]byte {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, bytes.Compare)
	return rows
}

func showRow(row []byte, a *raw.Answer) string {
	values, err := rowValues(row, a)
	if err != nil {
		return fmt.Sprintf("% .100x (%v)", row, err)
	}
	return clip(fmt.Sprint(values))
}

// rowValues takes a row of either protocol apart.
func rowValues(row []byte, a *raw.Answer) ([]raw.Value, error) {
	if a.Binary {
		return raw.BinaryValues(row, a.Columns)
	}
	return raw.Values(row, len(a.Columns))
}

func describe(answers []raw.Answer) string {
	var parts []string
	for _, a := range answers {
		switch a.Kind {
		case raw.OK:
			parts = append(parts, fmt.Sprintf("OK affected %d id %d info %q warnings %d", a.AffectedRows, a.LastInsertID, a.Info, a.Warnings))
		case raw.Error:
			parts = append(parts, fmt.Sprintf("ERROR %d (%s) %s", a.Code, a.State, a.Message))
		case raw.Rows:
			parts = append(parts, fmt.Sprintf("%d rows of %d columns", len(a.Rows), len(a.Columns)))
		}
	}
	return strings.Join(parts, "; ")
}

func clip(s string) string {
	if len(s) > 600 {
		return s[:600] + "…"
	}
	return s
}
