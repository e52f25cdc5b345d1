package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// declaration.go: how a table is laid out, said in SQL: in the comment of its CREATE TABLE. It knows the words of such
// a comment; what they mean for physical tables is in declare.go.

// Declaration is what a table's comment says of its layout. Fields that it does not name are empty.
type Declaration struct {
	Kind      TableKind
	Column    string   // Sharded: the shard key
	Shards    int      // Sharded: 0 when it does not say
	Algorithm string   // Sharded: hash_mod, hash_slot or jump
	Bind      string   // Sharded: the table that it is cut like
	Groups    []string // Sharded, Broadcast
	Group     string   // Vertical
}

// The words of a declaration.
const (
	wordShardBy   = "shard_by"
	wordBroadcast = "broadcast"
	wordGroup     = "group"
)

// declaredAlgorithms are those that need no more than a number of shards.
var declaredAlgorithms = []string{ByHashMod, ByHashSlot, ByJump}

// ParseDeclaration reads a table's comment: nil when it says nothing of a layout. Its parts stand between semicolons;
// the first that names a layout begins the declaration, and all behind it must belong to it.
//
//	shard_by=COLUMN[; shards=N][; algorithm=NAME][; bind=TABLE][; groups=A,B]
//	broadcast[; groups=A,B]
//	group=NAME
func ParseDeclaration(comment string) (*Declaration, error) {
	parts := strings.Split(comment, ";")
	for i, part := range parts {
		word, value, has := cutPart(part)
		switch {
		case word == wordShardBy && has:
			d := &Declaration{Kind: Sharded, Column: value}
			if value == "" {
				return nil, fmt.Errorf("%q names no column: write %s=COLUMN", strings.TrimSpace(part), wordShardBy)
			}
			return d, d.options(parts[i+1:], "shards", "algorithm", "bind", "groups")
		case word == wordBroadcast && !has:
			d := &Declaration{Kind: Broadcast}
			return d, d.options(parts[i+1:], "groups")
		case word == wordGroup && has:
			d := &Declaration{Kind: Vertical, Group: value}
			if value == "" {
				return nil, fmt.Errorf("%q names no group: write %s=NAME", strings.TrimSpace(part), wordGroup)
			}
			return d, d.options(parts[i+1:])
		}
		if meant := misspelt(word, has); meant != "" {
			return nil, fmt.Errorf("%q is no word of a declaration: %s", strings.TrimSpace(part), didYouMean(meant))
		}
	}
	return nil, nil
}

// misspelt is the word that was probably meant by the first one of a part, "" when it is ordinary text.
func misspelt(word string, has bool) string {
	if strings.ContainsAny(word, " \t\n") {
		return ""
	}
	if !has {
		if near := nearest(word, []string{wordBroadcast}); near != "" && len(word) > 5 {
			return near
		}
		return ""
	}
	switch word {
	case "shards", "algorithm", "bind", "groups": // of a declaration that has lost its head
		return wordShardBy
	case "shard_key", "sharding_key", "sharded_by", "partition_by":
		return wordShardBy
	}
	if len(word) < 5 {
		return ""
	}
	return nearest(word, []string{wordShardBy, wordGroup})
}

// cutPart is a part of a comment as word and value.
func cutPart(part string) (word, value string, has bool) {
	word, value, has = strings.Cut(part, "=")
	return strings.ToLower(strings.TrimSpace(word)), strings.TrimSpace(value), has
}

// options reads the parts behind the first.
func (d *Declaration) options(parts []string, allowed ...string) error {
	seen := map[string]bool{}
	for _, part := range parts {
		if strings.TrimSpace(part) == "" {
			continue
		}
		word, value, has := cutPart(part)
		switch {
		case !slices.Contains(allowed, word):
			hint := "nothing stands behind it"
			if len(allowed) > 0 {
				hint = "there are " + strings.Join(allowed, ", ")
			}
			if near := nearest(word, allowed); near != "" {
				hint = didYouMean(near)
			}
			return fmt.Errorf("%q is not known here: %s", strings.TrimSpace(part), hint)
		case !has || value == "":
			return fmt.Errorf("%q has no value: write %s=…", strings.TrimSpace(part), word)
		case seen[word]:
			return fmt.Errorf("%s is there twice", word)
		}
		seen[word] = true
		if err := d.option(word, value); err != nil {
			return err
		}
	}
	return nil
}

func (d *Declaration) option(word, value string) error {
	switch word {
	case "shards":
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > MaxShards {
			return fmt.Errorf("shards=%s: a number from 1 to %d is wanted", value, MaxShards)
		}
		d.Shards = n
	case "algorithm":
		if !slices.Contains(declaredAlgorithms, value) {
			hint := "there are " + oneOf(declaredAlgorithms) + "; range, list and date need the configuration file"
			if near := nearest(value, declaredAlgorithms); near != "" {
				hint = didYouMean(near)
			}
			return fmt.Errorf("algorithm=%s is not known here: %s", value, hint)
		}
		d.Algorithm = value
	case "bind":
		d.Bind = value
	case "groups":
		for _, g := range strings.Split(value, ",") {
			g = strings.TrimSpace(g)
			if g == "" || slices.Contains(d.Groups, g) {
				return fmt.Errorf("groups=%s: write each group once, with commas between them", value)
			}
			d.Groups = append(d.Groups, g)
		}
	}
	return nil
}

// String is the declaration as a comment.
func (d *Declaration) String() string {
	var parts []string
	switch d.Kind {
	case Vertical:
		return wordGroup + "=" + d.Group
	case Broadcast:
		parts = []string{wordBroadcast}
	case Sharded:
		parts = []string{wordShardBy + "=" + d.Column}
		if d.Shards > 0 {
			parts = append(parts, "shards="+strconv.Itoa(d.Shards))
		}
		if d.Algorithm != "" {
			parts = append(parts, "algorithm="+d.Algorithm)
		}
		if d.Bind != "" {
			parts = append(parts, "bind="+d.Bind)
		}
	}
	if len(d.Groups) > 0 {
		parts = append(parts, "groups="+strings.Join(d.Groups, ","))
	}
	return strings.Join(parts, "; ")
}
