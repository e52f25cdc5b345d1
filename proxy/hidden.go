package proxy

// hidden.go: user variables that a statement assigns without naming them: its tables have triggers, or it calls stored
// routines, that do. Their bodies are read with the catalog; whatever is written like @name in one of them counts.

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"serval/proxy/backend"
	"serval/router"
)

// hiddenWriters are the user variables that the triggers and routines of each group name.
type hiddenWriters map[string][]string

// of are those that a statement on a group may have assigned unseen: it changes rows, or calls what may be a routine.
func (h hiddenWriters) of(p *router.Plan, group string) []string {
	if len(h) == 0 || !p.Writes() && !p.Calls {
		return nil
	}
	return h[group]
}

// readHiddenWriters asks every group for the bodies that hold an @.
func readHiddenWriters(ctx context.Context, cluster *backend.Cluster) (hiddenWriters, error) {
	h := hiddenWriters{}
	for _, g := range cluster.Groups() {
		names, err := hiddenNames(ctx, g.Primary())
		if err != nil {
			return h, fmt.Errorf("group %s: %w", g.Name(), err)
		}
		if len(names) > 0 {
			h[g.Name()] = names
		}
	}
	return h, nil
}

const bodies = `SELECT ROUTINE_DEFINITION FROM information_schema.ROUTINES WHERE ROUTINE_DEFINITION LIKE '%@%' AND ROUTINE_SCHEMA NOT IN ('sys', 'mysql')
UNION ALL SELECT ACTION_STATEMENT FROM information_schema.TRIGGERS WHERE ACTION_STATEMENT LIKE '%@%' AND TRIGGER_SCHEMA NOT IN ('sys', 'mysql')`

func hiddenNames(ctx context.Context, n *backend.Node) ([]string, error) {
	c, err := n.AcquireOne(ctx, false)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, c.Discard)
	defer stop()
	if err := c.SetState(&backend.State{}); err != nil {
		c.Discard()
		return nil, err
	}
	rows, err := c.Query(bodies)
	if err != nil {
		c.Discard()
		return nil, err
	}
	c.Release()
	var names []string
	for _, r := range rows {
		for _, name := range variablesIn(string(r[0])) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

// variablesIn finds what may be a user variable in a text, strings and comments included, in lower case.
func variablesIn(text string) (names []string) {
	for {
		at := strings.IndexByte(text, '@')
		if at < 0 {
			return names
		}
		text = text[at+1:]
		if strings.HasPrefix(text, "@") {
			text = text[1:]
			continue
		}
		if name := nameAt(text); name != "" {
			names = append(names, strings.ToLower(name))
		}
	}
}

// nameAt is the name at the beginning of a text, with or without quotes.
func nameAt(text string) string {
	if text != "" && strings.IndexByte("`'\"", text[0]) >= 0 {
		if end := strings.IndexByte(text[1:], text[0]); end > 0 {
			return text[1 : 1+end]
		}
		return ""
	}
	end := 0
	for end < len(text) && (text[end] >= 0x80 || text[end] == '_' || text[end] == '$' || text[end] == '.' ||
		text[end] >= '0' && text[end] <= '9' || text[end]|0x20 >= 'a' && text[end]|0x20 <= 'z') {
		end++
	}
	return text[:end]
}
