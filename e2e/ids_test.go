package e2e

// ids_test.go: tables whose rows Serval numbers, compared with one plain server: one Serval gives the numbers that a server
// gives. What several do together is in ids_writers_test.go.

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"serval/e2e/cluster"
	"serval/e2e/raw"
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

// Numbers for applications: of named sequences and of tables.
func TestNextValue(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newIDsBed(t, kind)
			conn := dial(t, b.addr, "shop")
			defer conn.Close()
			for _, c := range []struct{ sql, want string }{
				{"SELECT NEXT VALUE FOR serval.invoice", "1"},
				{"select next value for serval.Invoice as n", "2"},
				{"SELECT NEXT VALUE FOR notes", "1"},
				{"INSERT INTO notes (v) VALUES ('a')", ""},
				{"SELECT MAX(id) FROM notes WHERE id = 2", "2"},
				{"SELECT NEXT VALUE FOR `shop`.`notes`", "3"},
				{"INSERT INTO notes VALUES (40, 'b', 1)", ""},
				{"SELECT NEXT VALUE FOR shop.notes", "41"},
				{"SELECT NEXT VALUE FOR kinds", "1"},
				{"SELECT LAST_INSERT_ID()", "2"},
				{"BEGIN", ""},
				{"SELECT NEXT VALUE FOR serval.invoice", "3"},
				{"ROLLBACK", ""},
				{"SELECT NEXT VALUE FOR serval.invoice", "4"},
				{"PREPARE s FROM 'SELECT NEXT VALUE FOR serval.invoice'", ""},
				{"EXECUTE s", "5"},
				{"EXECUTE s", "6"},
				{"SELECT NEXT VALUE FOR serval.nothing", "error 1146"},
				{"SELECT NEXT VALUE FOR serval.invoice, 1", "error 1235"},
			} {
				answers, err := conn.Query(c.sql)
				if err != nil {
					t.Fatal(err)
				}
				if got := shortAnswer(t, answers[0]); got != c.want {
					t.Errorf("%s: %s, want %q", c.sql, describe(answers), c.want)
				}
			}
			st, _, err := conn.Prepare("SELECT NEXT VALUE FOR serval.invoice")
			if err != nil {
				t.Fatal(err)
			}
			answers, err := st.Execute()
			if err != nil || len(answers[0].Rows) != 1 {
				t.Fatalf("%v %s", err, describe(answers))
			}
		})
	}
}

// shortAnswer is an answer's first value, the number of its error, or nothing.
func shortAnswer(t *testing.T, a raw.Answer) string {
	t.Helper()
	switch a.Kind {
	case raw.Error:
		return fmt.Sprintf("error %d", a.Code)
	case raw.Rows:
		values, err := raw.Values(a.Rows[0], len(a.Columns))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Trim(values[0].String(), `"`)
	}
	return ""
}
