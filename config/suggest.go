package config

import (
	"strconv"
	"strings"
)

// suggest.go: "did you mean …?". It knows words, not what they stand for.

// didYouMean is the hint for a word that is near another.
func didYouMean(word string) string { return "did you mean " + strconv.Quote(word) + "?" }

// nearest is the option that was probably meant by word; "" when none is near enough.
func nearest(word string, options []string) string {
	const longest = 64 // names are not longer; the distance's cost is the product of the lengths
	if len(word) > longest {
		return ""
	}
	flat := strings.NewReplacer("-", "_", " ", "_")
	word = flat.Replace(strings.ToLower(word))
	best, bestDistance := "", 0
	for _, candidate := range options {
		if len(candidate) > longest {
			continue
		}
		// A third of the letters may differ, two at most: "by" is not meant by "to".
		limit := min(2, max(len(word), len(candidate))/3)
		option := flat.Replace(strings.ToLower(candidate))
		d := distance(word, option)
		if len(word) > 2 && strings.HasPrefix(option, word) {
			d = min(d, limit) // "hash" for "hash_mod"
		}
		if d <= limit && (best == "" || d < bestDistance) {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance is the number of letters to insert, remove, replace or swap with their neighbour to make b of a
// (optimal string alignment).
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

// oneOf lists names for a hint, not too many.
func oneOf(names []string) string {
	const most = 8
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
