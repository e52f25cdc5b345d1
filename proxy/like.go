package proxy

// like.go: LIKE on names, for SHOW.

import "strings"

// like matches % (anything), _ (one character) and, with escape, characters behind a backslash. exact: upper and lower
// case are not the same.
func like(s, pattern string, exact, escape bool) bool {
	if !exact {
		s, pattern = strings.ToLower(s), strings.ToLower(pattern)
	}
	return likeRunes([]rune(s), []rune(pattern), escape)
}

// likeRunes goes back to the last % only, so that no pattern takes long.
func likeRunes(s, like []rune, escape bool) bool {
	at, pos, star, mark := 0, 0, -1, 0
	for at < len(s) {
		escaped := escape && pos+1 < len(like) && like[pos] == '\\'
		switch {
		case escaped && like[pos+1] == s[at]:
			pos += 2
			at++
			continue
		case escaped:
		case pos < len(like) && like[pos] == '%':
			star, mark = pos, at
			pos++
			continue
		case pos < len(like) && (like[pos] == '_' || like[pos] == s[at]):
			pos++
			at++
			continue
		}
		if star < 0 {
			return false
		}
		mark++
		at, pos = mark, star+1
	}
	for pos < len(like) && like[pos] == '%' {
		pos++
	}
	return pos == len(like)
}
