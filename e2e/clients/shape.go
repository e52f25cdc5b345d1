package clients

// shape.go: the cluster that the clients work on: for every client a database of its own with the same tables, so that
// they can run side by side, and one database with many rows for all of them to read.

import (
	_ "embed"
	"fmt"
	"strings"

	"serval/e2e/cluster"
)

//go:embed schema.sql
var schema string

const bulkSchema = `USE bulk;
CREATE TABLE numbers (
  n INT NOT NULL PRIMARY KEY,
  label VARCHAR(100) NOT NULL
) DEFAULT CHARSET=utf8mb4;
`

const layoutHead = `listeners: ["{{.Listen}}"]
admin: off
log: {level: debug}
users:
  app: {password: app}
defaults: {user: app, password: app, pool: {max: 100}}
groups:
  g0: {primary: "{{.Node 0}}"}
  g1: {primary: "{{.Node 1}}"}
databases:
  bulk:
    default_group: g0
    tables:
      numbers: {shard: {column: n, by: hash_mod, shards: 4, groups: [g0, g1], database: bulk_s, table: "numbers_{shard}"}}
`

const layoutClient = `  %[1]s:
    default_group: g0
    physical: %[1]s_main
    tables:
      types: {shard: {column: id, by: hash_mod, shards: 4, groups: [g0, g1], database: "%[1]s_s", table: "types_{shard}", binding: id}}
      accounts: {shard: {column: id, by: hash_mod, shards: 4, groups: [g0, g1], database: "%[1]s_s", table: "accounts_{shard}", binding: id}}
`

// Shape is a cluster with one database for each name.
func Shape(databases []string) cluster.Shape {
	ddl, layout := strings.Builder{}, strings.Builder{}
	ddl.WriteString(bulkSchema)
	layout.WriteString(layoutHead)
	for _, d := range databases {
		fmt.Fprintf(&ddl, "USE %s;\n%s", d, schema)
		fmt.Fprintf(&layout, layoutClient, d)
	}
	return cluster.Shape{Schema: ddl.String(), Layout: layout.String(), Nodes: 2, Plain: true, Server: []string{"--innodb-lock-wait-timeout=5", "--local-infile=ON"}}
}

// BulkRows is how many rows bulk.numbers has: n from 1 on.
const BulkRows = 20000

// BulkLabel is the label of row n.
func BulkLabel(n int) string { return fmt.Sprintf("row %d %s", n, strings.Repeat("é", n%50)) }

// FillBulk puts the rows of bulk.numbers into the shards and into the plain server.
func FillBulk(c *cluster.Cluster) error {
	insert := func(p cluster.Place, wanted func(n int) bool) error {
		var values []string
		for n := 1; n <= BulkRows; n++ {
			if wanted(n) {
				values = append(values, fmt.Sprintf("(%d,'%s')", n, BulkLabel(n)))
			}
		}
		return p.Node.Exec(fmt.Sprintf("INSERT INTO `%s`.`%s` VALUES %s", p.Database, p.Table, strings.Join(values, ",")))
	}
	numbers := &c.Tables[0]
	for shard, p := range numbers.Places {
		if err := insert(p, func(n int) bool { return n%len(numbers.Places) == shard }); err != nil {
			return err
		}
	}
	return insert(cluster.Place{Node: c.Plain, Database: "bulk", Table: "numbers"}, func(int) bool { return true })
}
