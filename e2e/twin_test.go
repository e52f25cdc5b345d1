package e2e

// twin_test.go: a second plain server in Serval's place. SERVAL_E2E_TWIN=1 compares plain with plain: what then differs is
// the harness's own fault (or the servers' own disagreement with themselves), and no refusal is looked for.

import (
	"os"
	"testing"

	"serval/e2e/servers"
)

func twinWanted() bool { return os.Getenv("SERVAL_E2E_TWIN") != "" }

// startTwin starts the second plain server and makes its tables.
func (b *bed) startTwin(t *testing.T) {
	t.Helper()
	b.twin = servers.Start(t, b.Kind, bedServer...)
	b.addr = b.twin.Addr()
	var statements []string
	for _, d := range b.Config.Databases {
		statements = append(statements, "CREATE DATABASE `"+d.Name+"`")
	}
	for _, table := range b.Tables {
		statements = append(statements, "USE `"+table.Database+"`", table.DDL)
	}
	if err := b.twin.Exec(statements...); err != nil {
		t.Fatal(err)
	}
}
