package router

// nextvalue.go: SELECT NEXT VALUE FOR a sequence of Serval's own (database.name, the database being Serval's), or for a
// table that Serval numbers the rows of. It is read from its tokens, as MySQL has no such words. Sequences of a MariaDB
// server go their usual way.

import (
	"strings"

	"serval/rewrite"
)

// NextValue is a SELECT NEXT VALUE FOR.
type NextValue struct {
	Table    *Table // nil: a named sequence
	Sequence string // its name
	Column   string // of the result
}

// nextValue plans such a statement; done is false for all others.
func (p *planning) nextValue() (done bool, err error) {
	if !p.st.Begins("select", "next", "value", "for") {
		return false, nil
	}
	tk := rewrite.Tokenize(p.st)
	at := 4
	if !tk.IsName(at) {
		return false, nil
	}
	db, name, next := p.db, tk.Name(at), at+1
	if tk.Is(next, ".") && tk.IsName(next+1) {
		db, name, next = name, tk.Name(next+1), next+2
	}
	n := &NextValue{Column: string(tk.Text[tk.List[1].Start:tk.List[next-1].End])}
	switch {
	case strings.EqualFold(db, p.cat.Own) && p.cat.Own != "":
		if n.Sequence = p.cat.sequence(name); n.Sequence == "" {
			return true, &NoSuchTable{db, name}
		}
	default:
		if n.Table = p.cat.Table(db, name); n.Table == nil || n.Table.Kind != Sharded && n.Table.Kind != Broadcast {
			return false, nil
		}
		if n.Table.AutoIncrement() == nil {
			return true, refuse("NEXT VALUE FOR a table without an AUTO_INCREMENT column", n.Table, "declare a sequence in ids: {sequences: […]}")
		}
		p.noteDatabase(db)
	}
	if tk.Is(next, "as") && tk.IsName(next+1) {
		next++
	}
	if tk.IsName(next) {
		n.Column = tk.Name(next)
		next++
	}
	if next < len(tk.List) {
		return true, refuse("NEXT VALUE FOR with more in the statement", n.Table, "SELECT NEXT VALUE FOR the name by itself")
	}
	p.plan.Kind, p.plan.NextValue, p.plan.Reason = KindSession, n, "the session answers"
	return true, nil
}

// sequence is a declared sequence's name as it was declared, "" when there is none.
func (c *Catalog) sequence(name string) string {
	for _, s := range c.Sequences {
		if strings.EqualFold(s, name) {
			return s
		}
	}
	return ""
}
