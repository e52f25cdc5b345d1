package router

// changeparts.go: where the clauses of an UPDATE or DELETE stand in its text.

import (
	"fmt"

	"serval/rewrite"
)

// changeParts are spans of a statement's text; a clause that is not there has an empty one.
type changeParts struct {
	with                        span // with the word WITH
	ignore                      bool
	tables, where, order, limit span   // without the words
	set                         []span // assignments
	values                      []span // what is assigned
}

// partsReader walks the tokens of the statement itself, not of what is in parentheses.
type partsReader struct {
	tk *rewrite.Tokens
	at int
}

// changeParts finds the clauses. What they hold is compared with the tree by who uses them.
func (p *planning) changeParts(c *change) (*changeParts, error) {
	r := &partsReader{tk: p.text.tokens}
	parts := &changeParts{}
	verb := "delete"
	if p.plan.Verb == VerbUpdate {
		verb = "update"
	}
	parts.with = r.until(verb)
	for r.at++; r.tk.Is(r.at, "low_priority") || r.tk.Is(r.at, "quick") || r.tk.Is(r.at, "ignore"); r.at++ {
		parts.ignore = parts.ignore || r.tk.Is(r.at, "ignore")
	}
	switch {
	case verb == "update":
		parts.tables = r.until("set")
		r.at++
		for again := true; again; {
			parts.assignment(r)
			if again = r.tk.Is(r.at, ","); again {
				r.at++
			}
		}
	case c.many && r.tk.Is(r.at, "from"):
		r.until("using")
		r.at++
		parts.tables = r.until("where")
	default:
		r.until("from")
		r.at++
		parts.tables = r.until("where", "order", "limit", "returning")
	}
	for r.at < len(r.tk.List) && !r.tk.Is(r.at, "returning") {
		var part *span
		switch {
		case r.tk.Is(r.at, "where"):
			part = &parts.where
		case r.tk.Is(r.at, "order") && r.tk.Is(r.at+1, "by"):
			part = &parts.order
			r.at++
		case r.tk.Is(r.at, "limit"):
			part = &parts.limit
		default:
			return nil, unproven(fmt.Errorf("the clauses of the statement were not found"))
		}
		r.at++
		*part = r.until("where", "order", "limit", "returning")
	}
	return parts, nil
}

// until goes to the next of some words and gives what is passed over; USING (…) of a join is no USING.
func (r *partsReader) until(words ...string) span {
	depth, first := 0, r.at
	for ; r.at < len(r.tk.List); r.at++ {
		w := r.tk.Word(r.at)
		depth += depthChange(w)
		if depth != 0 || r.tk.Is(r.at-1, ".") || w == "using" && r.tk.Is(r.at+1, "(") {
			continue
		}
		for _, word := range words {
			if w == word {
				return r.span(first, r.at)
			}
		}
	}
	return r.span(first, r.at)
}

func (r *partsReader) span(first, end int) span {
	if first >= end {
		return span{}
	}
	return span{r.tk.List[first].Start, r.tk.List[end-1].End}
}

// assignment reads one assignment, up to the comma or clause behind it.
func (parts *changeParts) assignment(r *partsReader) {
	first := r.at
	for r.at < len(r.tk.List) && !r.tk.Is(r.at, "=") {
		r.at++
	}
	r.at++
	value := r.until(",", "where", "order", "limit", "returning")
	parts.values = append(parts.values, value)
	parts.set = append(parts.set, r.span(first, r.at))
}

// of is the text of a part.
func (p *planning) of(part span) string { return string(p.st.Text[part.start:part.end]) }
