package main

import (
	"log"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// solve.go: from weights to a fold that factors through them.

// solver holds the fold under repair: fold[c] is what the character c becomes.
type solver struct {
	fold    map[rune]string
	dropped map[rune]bool // letters that no fold may contain any more
	fixed   map[rune]bool // characters whose fold was already taken from their weights once
}

// plain is the fold to start from: compatibility decomposition, lower case, hiragana for katakana, letters and
// numbers and printable ASCII only.
func plain(r rune) string {
	var b strings.Builder
	for _, x := range norm.NFKD.String(string(r)) {
		for _, y := range norm.NFKD.String(string(lower(x))) {
			y = lower(y)
			if y >= 0x30A1 && y <= 0x30F6 {
				y -= 0x60
			}
			if kept(y) {
				b.WriteRune(y)
			}
		}
	}
	return b.String()
}

func lower(r rune) rune {
	if r == 'ς' {
		return 'σ'
	}
	return unicode.ToLower(unicode.ToUpper(r))
}

// kept tells which letters a fold may consist of.
func kept(r rune) bool {
	switch {
	case r < 0x80:
		return r >= 0x20 && r != 0x7F
	case r == 0x621, r == 0x674: // hamza: before its carrier in one version, after it in another
		return false
	case r >= 0xE40 && r <= 0xE44, r >= 0xEC0 && r <= 0xEC4, r >= 0x19B5 && r <= 0x19BA, r >= 0xAAB5 && r <= 0xAABC:
		return false // vowels written before their consonant, which newer versions put after it
	}
	return (unicode.IsLetter(r) || unicode.IsNumber(r)) && !unicode.IsMark(r)
}

// newSolver gives every weight of base the plainest fold among its characters, and every character the folds of its weights.
func newSolver(base *collation) *solver {
	s := &solver{fold: map[rune]string{}, dropped: map[rune]bool{}, fixed: map[rune]bool{}}
	best := map[string]rune{}
	for _, e := range base.entries {
		if len(e.weights) != 1 || len(e.chars) != 1 {
			continue
		}
		if b, ok := best[e.weights[0]]; !ok || rank(e.chars[0]) < rank(b) {
			best[e.weights[0]] = e.chars[0]
		}
	}
	for _, e := range base.entries {
		if len(e.chars) != 1 {
			continue
		}
		f := ""
		for _, w := range e.weights {
			if c, ok := best[w]; ok {
				f += plain(c)
			}
		}
		s.fold[e.chars[0]] = f
	}
	return s
}

func rank(c rune) int {
	switch p := plain(c); {
	case p == "":
		return 4
	case len([]rune(p)) > 1:
		return 3
	case p[0] < 0x80:
		return 0
	case p == string(c):
		return 1
	}
	return 2
}

// solve repairs until no collation contradicts.
func (s *solver) solve(all []*collation) {
	for repaired := true; repaired; {
		repaired = false
		for _, c := range all {
			for s.repair(c) {
				repaired = true
			}
		}
	}
	log.Printf("%d characters folded by another version's weights, %d letters dropped", len(s.fixed), len(s.dropped))
}

func (s *solver) of(e entry, bmpOnly bool) string {
	f := ""
	for _, c := range e.chars {
		if !bmpOnly || c <= 0xFFFF {
			f += s.fold[c]
		}
	}
	return f
}

// repair finds the first contradiction in a collation and mends it; false when there is none.
func (s *solver) repair(c *collation) bool {
	g := map[string]string{} // weight → fold
	for _, e := range c.entries {
		if len(e.weights) > 1 {
			continue
		}
		have, want := s.of(e, c.bmpOnly), ""
		if len(e.weights) == 1 {
			w, ok := g[e.weights[0]]
			if !ok {
				g[e.weights[0]] = have
				continue
			}
			want = w
		}
		if have != want {
			s.mend(c, e, have, want)
			return true
		}
	}
	s.infer(c, g)
	for _, e := range c.entries {
		want := ""
		for _, w := range e.weights {
			want += g[w]
		}
		if have := s.of(e, c.bmpOnly); have != want {
			s.mend(c, e, have, want)
			return true
		}
	}
	return false
}

// infer gives folds to weights that no character has alone: what is left of an expansion when the others are taken away.
func (s *solver) infer(c *collation, g map[string]string) {
	for changed := true; changed; {
		changed = false
		for _, e := range c.entries {
			unknown, before, after := "", "", ""
			count := 0
			for _, w := range e.weights {
				f, ok := g[w]
				switch {
				case !ok:
					unknown, count = w, count+1
				case count == 0:
					before += f
				default:
					after += f
				}
			}
			if have := s.of(e, c.bmpOnly); count == 1 && len(have) >= len(before)+len(after) &&
				strings.HasPrefix(have, before) && strings.HasSuffix(have, after) {
				g[unknown] = have[len(before) : len(have)-len(after)]
				changed = true
			}
		}
	}
}

// mend makes one entry agree: its character takes the fold of its weights, once; if that was tried, or it is a pair,
// the letters that differ are dropped everywhere.
func (s *solver) mend(c *collation, e entry, have, want string) {
	if len(e.chars) == 1 && !s.fixed[e.chars[0]] {
		s.fixed[e.chars[0]] = true
		s.fold[e.chars[0]] = want
		return
	}
	for _, r := range have + want {
		if strings.ContainsRune(have, r) != strings.ContainsRune(want, r) || len(have) == len(want) {
			s.drop(r)
		}
	}
	log.Printf("%s: %U has %q, its weights %q: dropped", c.name, e.chars, have, want)
}

func (s *solver) drop(r rune) {
	s.dropped[r] = true
	for c, f := range s.fold {
		s.fold[c] = strings.ReplaceAll(f, string(r), "")
	}
}

// generalFold is the fold of general_ci, where every character has one weight: the first of the characters
// that share it, in lower case when that is an ASCII letter.
func generalFold(c *collation) map[rune]string {
	first := map[string]rune{}
	fold := map[rune]string{}
	for _, e := range c.entries {
		if len(e.chars) != 1 || e.chars[0] > 0xFFFF {
			continue
		}
		w := e.weights[0]
		if _, ok := first[w]; !ok {
			r := e.chars[0]
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
			first[w] = r
		}
		fold[e.chars[0]] = string(first[w])
	}
	return fold
}
