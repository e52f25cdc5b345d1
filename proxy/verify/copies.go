package verify

// copies.go: have all copies of a broadcast table the same rows? Rows are compared by sums of their digests, which do not
// depend on the order in which a server reads them.

import (
	"context"
	"fmt"
	"strings"

	"serval/proxy/backend"
	"serval/rewrite"
	"serval/router"
)

func copies(ctx context.Context, cluster *backend.Cluster, t *router.Table) (faults []string, err error) {
	if t.Kind != router.Broadcast || len(t.Columns) == 0 {
		return nil, nil
	}
	var first backend.Row
	for i, s := range t.Shards {
		rows, err := ask(ctx, cluster, s.Group, s.Database, digest(t, s))
		if err != nil {
			return nil, err
		}
		row := rows[0]
		switch {
		case i == 0:
			first = row
		case string(row[0]) != string(first[0]):
			faults = append(faults, fmt.Sprintf("%s has %s rows, %s has %s", place(t, i), row[0], place(t, 0), first[0]))
		case string(row[1]) != string(first[1]) || string(row[2]) != string(first[2]):
			faults = append(faults, fmt.Sprintf("%s has other values than %s, in as many rows (%s)", place(t, i), place(t, 0), row[0]))
		}
	}
	return faults, nil
}

// digest asks for the number of rows and the sums of both halves of their digests.
func digest(t *router.Table, s router.Shard) string {
	var values []string
	for i := range t.Columns {
		values = append(values, "IFNULL(HEX("+comparable(&t.Columns[i])+"), '-')")
	}
	digest := "SHA2(CONCAT_WS(',', " + strings.Join(values, ", ") + "), 256)" // MySQL 9.7 has no MD5
	half := func(from int) string {
		return fmt.Sprintf("COALESCE(SUM(CAST(CONV(SUBSTRING(%s, %d, 15), 16, 10) AS DECIMAL(40))), 0)", digest, from)
	}
	return "SELECT COUNT(*), " + half(1) + ", " + half(17) + " FROM " + rewrite.Quote(s.Database) + "." + rewrite.Quote(s.Table)
}

// comparable is a column as bytes: HEX of a number would round it.
func comparable(c *router.Column) string {
	name := rewrite.Quote(c.Name)
	switch c.DataType {
	case "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection", "bit", "vector":
		return name
	}
	return "CAST(" + name + " AS BINARY)"
}
