package verify

// shapes.go: are all places of a table made by the same CREATE TABLE, but for names?

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/router"
)

const codeNoTable, codeUnknownDatabase = 1146, 1049

var (
	nextID   = regexp.MustCompile(` AUTO_INCREMENT=\d+`)
	referred = regexp.MustCompile(`REFERENCES ("(?:[^"]|"")+"\.)?"((?:[^"]|"")+?)(?:_\d+)?"`)
)

func shapes(ctx context.Context, cluster *backend.Cluster, t *router.Table) (faults []string, err error) {
	var first []string
	model := -1
	for i, s := range t.Shards {
		rows, err := ask(ctx, cluster, s.Group, "", "SHOW CREATE TABLE "+rewrite.Quote(s.Database)+"."+rewrite.Quote(s.Table))
		var refused *wire.Error
		if errors.As(err, &refused) && (refused.Code == codeNoTable || refused.Code == codeUnknownDatabase) {
			faults = append(faults, place(t, i)+" is missing")
			continue
		}
		if err != nil {
			return nil, err
		}
		lines := shape(t, i, string(rows[0][1]))
		if model < 0 {
			model, first = i, lines
			continue
		}
		if what := difference(first, lines); what != "" {
			faults = append(faults, fmt.Sprintf("%s is not made like %s: %s", place(t, i), place(t, model), what))
		}
	}
	if model < 0 {
		return nil, nil // it is there nowhere: it has not been created yet
	}
	return faults, nil
}

// shape is a definition's lines with logical names.
func shape(t *router.Table, i int, text string) []string {
	text = nextID.ReplaceAllString(text, "")
	lines := strings.Split(text, "\n")
	lines[0] = "CREATE TABLE"
	for n, line := range lines {
		if t.Kind != router.Sharded {
			break
		}
		if rest, ok := strings.CutPrefix(line, `  CONSTRAINT "`); ok {
			if name, behind, found := strings.Cut(rest, `"`); found {
				line = `  CONSTRAINT "` + t.LogicalConstraint(i, name) + `"` + behind
			}
		}
		lines[n] = referred.ReplaceAllString(line, `REFERENCES "$2"`)
	}
	return lines
}

// difference is the first line in which two definitions differ.
func difference(a, b []string) string {
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			return "it has " + strings.TrimSpace(b[i])
		case i >= len(b):
			return "it lacks " + strings.TrimSpace(a[i])
		case a[i] != b[i]:
			return strings.TrimSpace(b[i]) + " in place of " + strings.TrimSpace(a[i])
		}
	}
	return ""
}
