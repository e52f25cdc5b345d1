package router

// explained.go: EXPLAIN (and MariaDB's ANALYZE) of a statement: planned like the statement, whose text goes to the one
// place where it would run. The words before the statement are kept from the parser, which does not know all of them.

import (
	"strings"

	"serval/rewrite/fingerprint"
)

// explainHead finds the words that ask for a statement's plan: end is where the statement begins, 0 when there are none.
// analyze: the statement is carried out.
func explainHead(text []byte, mode fingerprint.Mode) (end int, analyze bool) {
	lex := fingerprint.Lexer{Text: text, Mode: mode}
	var t fingerprint.Token
	next := func() string {
		for t = lex.Next(); t.Kind == fingerprint.TokenSpace; t = lex.Next() {
		}
		if t.Kind == fingerprint.TokenQuotedName {
			return "" // a table
		}
		return strings.ToLower(string(text[t.Start:t.End]))
	}
	table := true
	switch next() {
	case "explain", "desc", "describe":
	case "analyze":
		analyze, table = true, false // ANALYZE TABLE is another statement
	default:
		return 0, false
	}
	for {
		switch next() {
		case "analyze":
			analyze = true
		case "extended", "partitions":
		case "format":
			if next() != "=" {
				return 0, false
			}
			next()
		case "select", "insert", "update", "delete", "replace", "with", "values", "(":
			return t.Start, analyze
		case "table":
			if !table {
				return 0, false
			}
			return t.Start, analyze
		default:
			return 0, false
		}
	}
}

// withoutExplain blanks the words before an explained statement.
func withoutExplain(sql string, mode fingerprint.Mode) string {
	if sql == "" || !strings.ContainsRune("eEdDaA \t\r\n/#-(", rune(sql[0])) {
		return sql
	}
	end, _ := explainHead([]byte(sql), mode)
	if end == 0 {
		return sql
	}
	return strings.Repeat(" ", end) + sql[end:]
}

// explained turns the plan of a statement into that of its explanation.
func (p *planning) explained(analyze bool) error {
	switch {
	case analyze && p.plan.Writes():
		return refuse("ANALYZE of a statement that writes", nil, "EXPLAIN shows its plan without carrying it out")
	case p.plan.Kind == KindVirtual:
		return refuse("EXPLAIN of a query on system tables", nil, "Serval fills them for each statement: there is no plan to show")
	case p.plan.Kind == KindBroadcast:
		p.plan.Kind, p.plan.Groups = KindGroup, p.plan.Groups[:1]
	}
	p.plan.scatter = nil
	p.plan.scatterRefusal = refuse("EXPLAIN over several shards", p.plan.Sharded, "name one key, or use EXPLAIN ROUTE to see the shards")
	p.plan.Verb, p.plan.Explains, p.plan.InsertID = VerbShow, true, InsertIDNone
	p.plan.Typed = nil // the result is not the statement's
	return nil
}
