package proxy

// showcounter.go: AUTO_INCREMENT = n in SHOW CREATE TABLE of a table that is in several places: the largest of them is what
// one server would say.

import (
	"regexp"
	"strconv"
	"strings"

	"serval/rewrite"
	"serval/router"
)

// largestCounter puts the largest counter of all places into the definition that the first one gave.
func (c *session) largestCounter(t *router.Table, def, what, database string) string {
	if len(t.Shards) < 2 || t.AutoIncrement() == nil {
		return def
	}
	largest := counterIn(def)
	for _, s := range t.Shards[1:] {
		other, err := c.learn(s.Group, database, "SHOW "+what+" "+rewrite.Quote(s.Database)+"."+rewrite.Quote(s.Table))
		if err != nil || len(other.rows) == 0 {
			continue // a place that cannot be asked has no say
		}
		largest = max(largest, counterIn(string(other.rows[0][1])))
	}
	return withCounter(def, largest)
}

// counterOption is how servers write it.
var counterOption = regexp.MustCompile(` AUTO_INCREMENT=(\d+)`)

// options is where a definition's table options begin.
func options(def string) int { return max(strings.LastIndex(def, "\n) "), 0) }

// counterIn is the counter of a definition, 0 when it has none.
func counterIn(def string) uint64 {
	found := counterOption.FindStringSubmatch(def[options(def):])
	if found == nil {
		return 0
	}
	n, _ := strconv.ParseUint(found[1], 10, 64)
	return n
}

// withCounter writes another counter into a definition, at the place that servers give it.
func withCounter(def string, n uint64) string {
	at := options(def)
	if n == 0 || counterIn(def) == n {
		return def
	}
	head, tail := def[:at], counterOption.ReplaceAllString(def[at:], "")
	engine := strings.Index(tail, "ENGINE=")
	if engine < 0 {
		return def // the session wants none of this shown
	}
	end := engine + strings.IndexAny(tail[engine:]+" ", " ")
	return head + tail[:end] + " AUTO_INCREMENT=" + strconv.FormatUint(n, 10) + tail[end:]
}
