package router

// ownvars.go: system variables that no server knows. They are cut out of what a server is told of a SET, and their value is
// spliced in where a statement reads them.

import "serval/rewrite"

// AcrossGroups is the session variable that says what becomes of transactions over several groups.
const AcrossGroups = "serval_transactions"

// OnlyOwn tells whether a SET is of such variables alone: nothing is left for a server.
func (p *Plan) OnlyOwn() bool {
	for _, a := range p.Set {
		if a.Form != SetOwn {
			return false
		}
	}
	return len(p.Set) > 0
}

// SetsOwn tells whether a SET is of such variables, maybe among others.
func (p *Plan) SetsOwn() bool {
	for _, a := range p.Set {
		if a.Form == SetOwn {
			return true
		}
	}
	return false
}

// cutOwn cuts their assignments out of a SET that has others.
func (p *planning) cutOwn() error {
	if !p.plan.SetsOwn() || p.plan.OnlyOwn() {
		return nil
	}
	tk, b, kept := p.text.tokens, rewrite.NewBuilder(p.st), false
	for i, part := range setParts(tk) {
		first, last := part[0], part[1]-1
		switch {
		case p.plan.Set[i].Form != SetOwn:
			kept = true
			continue
		case kept: // with the comma before it
			first--
		default: // with the one behind it: something follows
			last++
		}
		b.Remove(tk.List[first].Start, tk.List[last].End)
	}
	var err error
	if p.plan.template, err = b.Template(); err != nil {
		return unproven(err)
	}
	return nil
}
