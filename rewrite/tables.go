package rewrite

// tables.go: where table names stand in a statement's text. The parser's tree does not say, so the tokens are
// walked with just enough grammar to know a FROM clause. The planner compares what is found here with the tree, and
// what was spliced with a second parse: a mistake here becomes a refused statement, never a wrong one.

import "serval/rewrite/fingerprint"

// TableRef is a table's name where a table is meant (not a column's qualifier).
type TableRef struct {
	DB, Name           string // DB is "" when the name stands alone
	Start, End         int    // Text[Start:End] is the whole of it: db . name
	NameStart, NameEnd int
	First              int  // index of its first token
	Target             bool // stands in the target list of a multiple-table DELETE: names an entry of FROM
}

// clause is what the walk knows of one pair of parentheses (or of the statement itself).
type clause struct {
	query  bool // a query block or statement: FROM means a table list here
	expect bool // the next name is a table's
	inFrom bool // a comma leads to the next table
	paren  bool // a parenthesis in a table list: may turn out to be a query
	target bool // the tables are the targets of a multiple-table DELETE
}

type tableWalk struct {
	*Tokens
	refs  []TableRef
	stack []clause
}

// Tables finds every table reference of a SELECT, INSERT, REPLACE, UPDATE or DELETE (also WITH and UNION), in the
// order of the text.
func (tk *Tokens) Tables() []TableRef {
	w := &tableWalk{Tokens: tk, stack: []clause{{query: true}}}
	for i := 0; i < len(tk.List); {
		i = w.step(i)
	}
	return w.refs
}

func (w *tableWalk) top() *clause { return &w.stack[len(w.stack)-1] }

// step handles token i and returns the next one to handle.
func (w *tableWalk) step(i int) int {
	c := w.top()
	switch t := w.List[i]; {
	case t.Kind == fingerprint.TokenPunctuation:
		w.punctuation(i)
	case c.expect && w.IsName(i) && !w.tableKeyword(i):
		return w.table(i)
	case t.Kind == fingerprint.TokenWord && !(i > 0 && w.Is(i-1, ".")):
		w.word(i)
	}
	return i + 1
}

func (w *tableWalk) punctuation(i int) {
	c := w.top()
	switch w.Text[w.List[i].Start] {
	case '(':
		next := clause{}
		if c.expect {
			c.expect = false
			next = clause{paren: true, expect: true, inFrom: true}
		} else {
			next.query = w.Is(i+1, "select") || w.Is(i+1, "with") || w.Is(i+1, "table") || w.Is(i+1, "(") || w.Is(i+1, "values")
		}
		w.stack = append(w.stack, next)
	case ')':
		if len(w.stack) > 1 {
			w.stack = w.stack[:len(w.stack)-1]
		}
	case ',':
		if c.inFrom {
			c.expect = true
		}
	}
}

// tableKeyword handles words that may stand where a table's name is expected; true when the word is one.
func (w *tableWalk) tableKeyword(i int) bool {
	c := w.top()
	switch w.Word(i) {
	case "select", "with", "values":
		if c.paren {
			*c = clause{query: true}
			return true
		}
		return false
	case "lateral", "low_priority", "ignore", "quick", "delayed", "high_priority", "into", "from", "only":
		return w.IsName(i+1) || w.Is(i+1, "(")
	case "dual", "json_table":
		c.expect = false
		return true
	}
	return false
}

func (w *tableWalk) word(i int) {
	c := w.top()
	switch w.Word(i) {
	case "select":
		c.query, c.inFrom, c.expect = true, false, false
	case "from":
		if c.query {
			c.expect, c.inFrom, c.target = true, true, false
		}
	case "join", "straight_join":
		if c.inFrom {
			c.expect = true
		}
	case "using":
		// DELETE FROM a USING a JOIN b: the tables before USING were the targets.
		if w.Is(0, "delete") && len(w.stack) == 1 && c.inFrom && !w.Is(i+1, "(") {
			for k := range w.refs {
				w.refs[k].Target = true
			}
			c.expect = true
		}
	case "update", "replace", "insert", "into", "delete", "table":
		w.verb(i, c)
	case "where", "group", "having", "order", "limit", "union", "except", "intersect", "for", "lock", "window", "set", "value", "values", "procedure", "returning":
		c.inFrom, c.expect = false, false
	}
}

// verb handles the words that lead to a table's name outside of a FROM clause.
func (w *tableWalk) verb(i int, c *clause) {
	switch w.Word(i) {
	case "update":
		if i == 0 || w.queryHead(i) {
			c.expect, c.inFrom = true, true
		}
	case "insert", "replace":
		if (i == 0 || w.queryHead(i)) && !w.Is(i+1, "(") {
			c.expect = true
		}
	case "into":
		c.inFrom, c.expect = false, false
		if len(w.stack) == 1 && (w.Is(0, "insert") || w.Is(0, "replace")) && len(w.refs) == 0 {
			c.expect = true
		}
	case "table":
		if i == 0 || w.Is(i-1, "(") || w.Is(i-1, "union") || w.Is(i-1, "all") {
			c.expect = true
		}
	case "delete":
		if (i == 0 || w.queryHead(i)) && !w.Is(i+1, "from") {
			c.expect, c.inFrom, c.target = w.targetList(i), true, true
		}
	}
}

// queryHead tells whether the word at i opens the statement behind a WITH clause: WITH x AS (…) UPDATE …
func (w *tableWalk) queryHead(i int) bool {
	return len(w.stack) == 1 && w.Is(0, "with") && w.Is(i-1, ")")
}

// targetList tells whether a list of names follows DELETE and its modifiers (and not FROM).
func (w *tableWalk) targetList(i int) bool {
	for i++; w.Is(i, "low_priority") || w.Is(i, "quick") || w.Is(i, "ignore"); i++ {
	}
	return !w.Is(i, "from")
}

// table reads the name at token i: name, or db.name; in the target list of a DELETE also name.* and db.name.*.
func (w *tableWalk) table(i int) int {
	c := w.top()
	c.expect = false
	ref := TableRef{First: i, Start: w.List[i].Start, Target: c.target}
	last := i
	if w.Is(i+1, ".") && w.IsName(i+2) {
		ref.DB, last = w.Name(i), i+2
	}
	ref.Name = w.Name(last)
	ref.NameStart, ref.NameEnd, ref.End = w.List[last].Start, w.List[last].End, w.List[last].End
	w.refs = append(w.refs, ref)
	next := last + 1
	if c.target && w.Is(next, ".") && w.Is(next+1, "*") {
		next += 2
	}
	if w.Is(next, "as") { // an alias is no keyword, whatever it is called
		next += 2
	}
	return next
}
