package e2e

// ids_test.go: tables whose rows Serval numbers, compared with one plain server: one Serval gives the numbers that a server
// gives. What several do together is in ids_writers_test.go.

import (
	"os"
	"path/filepath"
	"testing"

	"serval/e2e/cluster"
	"serval/e2e/servers"
)

func TestIDs(t *testing.T) {
	files := readCasesIn(t, "cases/ids/*.test")
	for _, kind := range servers.Kinds(t) {
		for _, w := range []way{
			{name: "text", run: (*pair).run},
			{name: "prepared", run: (*pair).runPrepared},
			{name: "parameters", run: (*pair).runParameters, layout: modernLayout},
		} {
			t.Run(string(kind)+"/"+w.name, func(t *testing.T) {
				b := newIDsBed(t, kind)
				var n tally
				for _, f := range files {
					w.file(t, b, f, &n)
				}
			})
		}
	}
}

// newIDsBed starts a cluster of schema/ids.sql and ids.yaml, without rows.
func newIDsBed(t *testing.T, kind servers.Kind) *bed {
	t.Helper()
	c := cluster.Start(t, kind, idsShape(t))
	return &bed{Cluster: c, addr: startServal(t, c), primary: map[string]string{
		"shop.notes": "id", "shop.posts": "id", "shop.kinds": "id", "shop.small": "id", "shop.later": "id, k",
	}, formula: map[string]string{"notes": "MOD(id, 4)", "posts": "MOD(user_id, 4)", "small": "MOD(id, 2)"}}
}

func idsShape(t *testing.T) cluster.Shape {
	t.Helper()
	schema, err := os.ReadFile(filepath.Join("schema", "ids.sql"))
	if err != nil {
		t.Fatal(err)
	}
	layout, err := os.ReadFile(filepath.Join("schema", "ids.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return cluster.Shape{Schema: string(schema), Layout: string(layout), Nodes: 2, Plain: true, Server: bedServer}
}
