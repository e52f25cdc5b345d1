package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// pattern.go: names of physical databases and tables with {shard}, {group}, {db} and {table} in them.

// pattern is a name with places to fill: literal, place, literal, place, …, literal.
type pattern struct {
	literals []string // one more than places
	places   []place
}

// place is one {name} or {shard:0width}.
type place struct {
	name  string
	width int // of {shard}: digits at least, with leading zeros
}

// placeWidth is the part of {shard:04} after the colon.
var placeWidth = regexp.MustCompile(`^0[1-9]$`)

// parsePattern returns what is wrong as a message and a hint, in one error each.
func parsePattern(s string) (*pattern, *patternFault) {
	p := &pattern{}
	for rest := s; ; {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			p.literals = append(p.literals, rest)
			return p, nil
		}
		end := strings.IndexByte(rest, '}')
		if rest[open] == '}' || end < 0 {
			return nil, &patternFault{"a brace has no partner", "write {shard}, {group}, {db} or {table}"}
		}
		inner, err := parsePlace(rest[open+1 : end])
		if err != nil {
			return nil, err
		}
		p.literals = append(p.literals, rest[:open])
		p.places = append(p.places, inner)
		rest = rest[end+1:]
	}
}

// patternFault is why a pattern is none, and what to write instead.
type patternFault struct{ message, hint string }

func parsePlace(s string) (place, *patternFault) {
	name, width, has := strings.Cut(s, ":")
	names := []string{"shard", "group", "db", "table"}
	known := false
	for _, n := range names {
		known = known || n == name
	}
	switch {
	case !known:
		hint := "write {shard}, {group}, {db} or {table}"
		if near := nearest(name, names); near != "" {
			hint = didYouMean("{" + near + "}")
		}
		return place{}, &patternFault{fmt.Sprintf("{%s} is not known", s), hint}
	case !has:
		return place{name: name}, nil
	case name != "shard" || !placeWidth.MatchString(width):
		return place{}, &patternFault{fmt.Sprintf("{%s} has no valid width", s), "write {shard:04} for 0000, 0001, …; the others have no width"}
	}
	return place{name: name, width: int(width[1] - '0')}, nil
}

// names are the values of a pattern's places.
type names struct {
	shard            int
	group, db, table string
}

// expand fills the places.
func (p *pattern) expand(n names) string {
	var b strings.Builder
	for i, at := range p.places {
		b.WriteString(p.literals[i])
		switch at.name {
		case "shard":
			digits := strconv.Itoa(n.shard)
			b.WriteString(strings.Repeat("0", max(0, at.width-len(digits))))
			b.WriteString(digits)
		case "group":
			b.WriteString(n.group)
		case "db":
			b.WriteString(n.db)
		case "table":
			b.WriteString(n.table)
		}
	}
	b.WriteString(p.literals[len(p.places)])
	return b.String()
}
