package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// reader.go: strict reading of a YAML tree, one value at a time. It knows forms (mapping, list, number, duration …)
// and reports what does not fit them; it does not know what the configuration's keys mean.

// reader collects everything that is wrong while the tree is read. A value that is wrong is reported once and reads as
// its default, so that one mistake does not cause others.
type reader struct {
	file string
	src  source
	errs Errors
}

// fail reports something at a node.
func (r *reader) fail(n *yaml.Node, hint, format string, args ...any) {
	r.failBecause(n, nil, hint, format, args...)
}

// failBecause reports something at a node that an error of the system caused.
func (r *reader) failBecause(n *yaml.Node, err error, hint, format string, args ...any) {
	r.errs = append(r.errs, &Error{
		File: r.file, Line: n.Line, Column: n.Column, Message: fmt.Sprintf(format, args...), Hint: hint, err: err,
	})
}

// deref follows an alias (*name) to what it stands for.
func deref(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// isNull tells whether nothing is written where a value could be.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// knownTags are the types of YAML itself. Any other is most likely a text that starts with "!" and is not quoted.
var knownTags = []string{"!!str", "!!int", "!!float", "!!bool", "!!null", "!!timestamp", "!!map", "!!seq", ""}

// plain reports a value with a type of its own; such a type's name is not repeated, as it may be part of a password.
func (r *reader) plain(n *yaml.Node, path string) bool {
	if slices.Contains(knownTags, n.Tag) {
		return true
	}
	r.fail(n, `put a text that starts with "!" in quotes`, "%s: types of your own (!name) are not known here", path)
	return false
}

// entry is one "key: value" of a mapping.
type entry struct {
	name       string
	key, value *yaml.Node // value is never an alias
}

// entries reads a mapping whose keys are names that the operator chose, in the order of the file. Nothing at all reads
// as an empty mapping.
func (r *reader) entries(n *yaml.Node, path string) []entry {
	n = deref(n)
	if isNull(n) || !r.plain(n, path) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.fail(n, `write "key: value" lines below it, indented`, "%s: a mapping is wanted, not %s", path, form(n))
		return nil
	}
	var list []entry
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := deref(n.Content[i]), deref(n.Content[i+1])
		switch {
		case key.Tag == "!!merge":
			r.fail(key, "use the defaults: block, or an alias (*name) for a whole value", "%s: YAML merge keys (<<) are not supported", path)
			continue
		case key.Kind != yaml.ScalarNode:
			r.fail(key, "write a plain name before the colon", "%s: a key cannot be %s", path, form(key))
			continue
		case !r.plain(key, path):
			continue
		}
		if line, ok := lines[key.Value]; ok {
			r.fail(key, "remove one of them", "%s: duplicate key%s, first given on line %d", path, shownKey(n, key), line)
			continue
		}
		lines[key.Value] = key.Line
		list = append(list, entry{name: key.Value, key: key, value: value})
	}
	return list
}

// plainKey is what a key that somebody meant as a key looks like.
var plainKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// shownKey is a key's text for a message, or nothing when it may be the rest of a password: in {password: a, b}, b is a key.
func shownKey(mapping, key *yaml.Node) string {
	if !plainKey.MatchString(key.Value) {
		return ""
	}
	if mapping.Style&yaml.FlowStyle != 0 {
		for i := 0; i < len(mapping.Content); i += 2 {
			if strings.HasPrefix(mapping.Content[i].Value, "password") && !slices.Contains(passwordKeys[:], key.Value) {
				return ""
			}
		}
	}
	return " " + strconv.Quote(key.Value)
}

// block is a mapping whose keys are fixed words.
type block struct {
	r      *reader
	path   string
	at     *yaml.Node // where to report what is missing
	fields map[string]entry
	broken bool // a key is unknown: what seems missing may be that one
}

// block reads a mapping and reports keys that are not among the allowed ones. It is never nil, only empty when n is not a mapping.
// at is the node that names the block, where there is one.
func (r *reader) block(n, at *yaml.Node, path string, allowed ...string) *block {
	if at == nil {
		at = n
	}
	b := &block{r: r, path: path, at: at, fields: map[string]entry{}}
	for _, e := range r.entries(n, path) {
		if slices.Contains(allowed, e.name) {
			b.fields[e.name] = e
			continue
		}
		r.fail(e.key, keyHint(e, allowed), "%s: unknown key%s", path, shownKey(deref(n), e.key))
		b.broken = true
	}
	b.broken = b.broken || deref(n).Kind != yaml.MappingNode && !isNull(deref(n))
	return b
}

// keyHint says what an unknown key was probably meant to be.
func keyHint(e entry, allowed []string) string {
	if before, _, ok := strings.Cut(e.name, ":"); ok && slices.Contains(allowed, before) {
		return "put a space after the colon of " + before + ":"
	}
	if now := retiredKey(e.name); now != "" {
		return now
	}
	if near := nearest(e.name, allowed); near != "" {
		return didYouMean(near)
	}
	hint := "the keys here are " + strings.Join(allowed, ", ")
	if isNull(e.value) && e.value.Value == "" && slices.Contains(allowed, passwordKeys[0]) {
		hint += "; put a password with a comma in quotes"
	}
	return hint
}

// topPath is the path of the whole file, which its keys' paths leave out.
const topPath = "the file"

// sub is the path of one of the block's keys.
func (b *block) sub(key string) string {
	if b.path == topPath {
		return key
	}
	return b.path + "." + key
}

// get is the value of a key; nil when the key is absent.
func (b *block) get(key string) *yaml.Node { return b.fields[key].value }

// key is the key's own node, or the block's where the key is absent.
func (b *block) key(key string) *yaml.Node {
	if e, ok := b.fields[key]; ok {
		return e.key
	}
	return b.at
}

// has tells whether a key is there, whatever its value.
func (b *block) has(key string) bool { return b.get(key) != nil }

// require tells whether a key is there, and reports that it is missing.
func (b *block) require(key, hint string) bool {
	if b.has(key) {
		return true
	}
	if !b.broken {
		b.r.fail(b.at, hint, "%s: the key %s is missing", b.path, key)
	}
	return false
}

// form names what a node is, without its text.
func form(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	}
	return "a single value"
}

// text reads one value as it is written: 007 and yes are texts here.
func (r *reader) text(n *yaml.Node, path string) (string, bool) {
	n = deref(n)
	if isNull(n) {
		r.fail(n, `write one after the colon, in quotes if it starts with # or &; "" is an empty text`, "%s: there is no value", path)
		return "", false
	}
	if !r.plain(n, path) {
		return "", false
	}
	if n.Kind != yaml.ScalarNode {
		r.fail(n, "write one value after the colon", "%s: a single value is wanted, not %s", path, form(n))
		return "", false
	}
	return n.Value, true
}

// list reads a list; a single value reads as a list of one. Nothing reads as an empty list.
func (r *reader) list(n *yaml.Node, path string) []*yaml.Node {
	n = deref(n)
	switch {
	case isNull(n) || !r.plain(n, path):
		return nil
	case n.Kind == yaml.ScalarNode:
		return []*yaml.Node{n}
	case n.Kind != yaml.SequenceNode:
		r.fail(n, "write [a, b] or one \"- \" line for each", "%s: a list is wanted, not %s", path, form(n))
		return nil
	}
	items := make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		items[i] = deref(item)
	}
	return items
}

// text of a key, or the default.
func (b *block) text(key, def string) string {
	n := b.get(key)
	if n == nil {
		return def
	}
	if s, ok := b.r.text(n, b.sub(key)); ok {
		return s
	}
	return def
}

// choice is one of some words.
func (b *block) choice(key, def string, options ...string) string {
	n := b.get(key)
	if n == nil {
		return def
	}
	s, ok := b.r.text(n, b.sub(key))
	switch {
	case !ok:
		return def
	case slices.Contains(options, s):
		return s
	}
	hint := "write one of " + strings.Join(options, ", ")
	if near := nearest(s, options); near != "" {
		hint = didYouMean(near)
	}
	b.r.fail(n, hint, "%s: %q is not known", b.sub(key), s)
	return def
}

// flag is true or false.
func (b *block) flag(key string, def bool) bool {
	n := b.get(key)
	if n == nil {
		return def
	}
	s, ok := b.r.text(n, b.sub(key))
	switch {
	case !ok:
	case s == "true":
		return true
	case s == "false":
		return false
	default:
		b.r.fail(n, "write true or false", "%s: %q is neither true nor false", b.sub(key), s)
	}
	return def
}

// wholeNumber is decimal digits, grouped by underscores if one likes, without leading zeros (which YAML once took for octal).
var wholeNumber = regexp.MustCompile(`^[+-]?(0|[1-9][0-9_]*)$`)

// number is a whole number from min to max.
func (b *block) number(key string, def, min, max int) int {
	n := b.get(key)
	if n == nil {
		return def
	}
	path := b.sub(key)
	s, ok := b.r.text(n, path)
	if !ok {
		return def
	}
	v, err := strconv.Atoi(strings.ReplaceAll(s, "_", ""))
	if err != nil || !wholeNumber.MatchString(s) {
		b.r.fail(n, fmt.Sprintf("write one from %d to %d", min, max), "%s: %q is not a whole number", path, s)
		return def
	}
	if v < min || v > max {
		b.r.fail(n, fmt.Sprintf("write one from %d to %d", min, max), "%s: %d is out of range", path, v)
		return def
	}
	return v
}

// duration is a time such as 30s or 1h30m, at least min and at most a year.
func (b *block) duration(key string, def, min time.Duration) time.Duration {
	const max = 366 * 24 * time.Hour
	n := b.get(key)
	if n == nil {
		return def
	}
	path := b.sub(key)
	s, ok := b.r.text(n, path)
	if !ok {
		return def
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		b.r.fail(n, "write a number with a unit: 500ms, 30s, 5m, 1h", "%s: %q is not a duration", path, s)
	case d < min:
		b.r.fail(n, fmt.Sprintf("write %s or more", min), "%s: %s is too short", path, s)
	case d > max:
		b.r.fail(n, "write a year (8784h) or less", "%s: %s is too long", path, s)
	default:
		return d
	}
	return def
}

// byteUnits are the units of sizes; K, M and G are binary as in MySQL's own options.
var byteUnits = []struct {
	suffix string
	factor int
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"", 1}}

// size is a number of bytes from min to max.
func (b *block) size(key string, def, min, max int) int {
	n := b.get(key)
	if n == nil {
		return def
	}
	path := b.sub(key)
	s, ok := b.r.text(n, path)
	if !ok {
		return def
	}
	for _, unit := range byteUnits {
		digits, found := strings.CutSuffix(s, unit.suffix)
		if !found || !wholeNumber.MatchString(digits) {
			continue
		}
		v, err := strconv.Atoi(strings.ReplaceAll(digits, "_", ""))
		if err != nil || v > max/unit.factor || v*unit.factor < min {
			b.r.fail(n, fmt.Sprintf("write one from %d to %d bytes", min, max), "%s: %s is out of range", path, s)
			return def
		}
		return v * unit.factor
	}
	b.r.fail(n, "write a number of bytes, or one with a unit: 512KiB, 64MiB, 1GiB", "%s: %q is not a size", path, s)
	return def
}
