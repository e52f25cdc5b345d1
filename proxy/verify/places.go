package verify

// places.go: is each row of a sharded table in the shard of its key? The keys of each shard are read in their own order, some
// thousand at a time.

import (
	"context"
	"fmt"
	"strings"

	"serval/proxy/backend"
	"serval/rewrite"
	"serval/router"
)

// batch is how many keys are read at a time.
const batch = 5000

func places(ctx context.Context, cluster *backend.Cluster, t *router.Table) (faults []string, err error) {
	if t.Kind != router.Sharded || t.KeyColumn() == nil || t.Algorithm == nil {
		return nil, nil
	}
	for i := range t.Shards {
		wrong, example, err := strays(ctx, cluster, t, i)
		if err != nil {
			return nil, err
		}
		if wrong > 0 {
			faults = append(faults, fmt.Sprintf("%s has rows of %d keys that belong elsewhere: %s", place(t, i), wrong, example))
		}
	}
	return faults, nil
}

// strays counts the keys of a shard that are not its own.
func strays(ctx context.Context, cluster *backend.Cluster, t *router.Table, shard int) (wrong int, example string, err error) {
	s, col := t.Shards[shard], t.KeyColumn()
	key := rewrite.Quote(col.Name)
	where := ""
	for {
		rows, err := ask(ctx, cluster, s.Group, s.Database, "SELECT "+key+" FROM "+rewrite.Quote(s.Database)+"."+rewrite.Quote(s.Table)+
			" WHERE "+key+" IS NOT NULL"+where+" GROUP BY "+key+" ORDER BY "+key+fmt.Sprintf(" LIMIT %d", batch))
		if err != nil {
			return wrong, example, err
		}
		for _, row := range rows {
			if why := stray(t, shard, row[0]); why != "" {
				if wrong++; example == "" {
					example = why
				}
			}
		}
		if len(rows) < batch {
			return wrong, example, nil
		}
		where = " AND " + key + " > " + literal(col, rows[len(rows)-1][0])
	}
}

// stray says where a key belongs, "" when it is in its shard.
func stray(t *router.Table, shard int, value []byte) string {
	k, ok := router.KeyOfValue(t.KeyColumn(), value)
	if !ok {
		return fmt.Sprintf("%s = %q is no key", t.Key, value)
	}
	at, err := t.Algorithm.Shard(k)
	switch {
	case err != nil:
		return fmt.Sprintf("%s = %q has no shard (%v)", t.Key, value, err)
	case at != shard:
		return fmt.Sprintf("%s = %q belongs to %s", t.Key, value, place(t, at))
	}
	return ""
}

// literal is a value of a column that compares as the column does.
func literal(col *router.Column, value []byte) string {
	switch col.DataType {
	case "char", "varchar":
		charset, _, _ := strings.Cut(col.Collation, "_")
		return fmt.Sprintf("CONVERT(CONVERT(x'%x' USING utf8mb4) USING %s) COLLATE %s", value, charset, col.Collation)
	case "binary", "varbinary":
		return fmt.Sprintf("x'%x'", value)
	}
	return "'" + string(value) + "'"
}
