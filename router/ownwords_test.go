package router

import (
	"testing"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite/fingerprint"
)

func TestStartTransaction(t *testing.T) {
	for sql, want := range map[string]string{
		"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY":          "read only",
		"start transaction /* a */ read only , with consistent snapshot": "read only",
		"START TRANSACTION READ WRITE, WITH CONSISTENT SNAPSHOT":         "read write",
		"START TRANSACTION":                                                 "", // these are the parser's
		"START TRANSACTION READ ONLY":                                       "",
		"START TRANSACTION WITH CONSISTENT SNAPSHOT":                        "",
		"START TRANSACTION WITH CONSISTENT SNAPSHOT,":                       "",
		"START TRANSACTION WITH CONSISTENT SNAPSHOT READ ONLY":              "",
		"START TRANSACTION READ ONLY, READ WRITE, WITH CONSISTENT SNAPSHOT": "",
		"START SLAVE": "",
	} {
		var st fingerprint.Statement
		st.Scan([]byte(sql), 0)
		p := &planning{st: &st, plan: &Plan{}}
		got := ""
		if p.startTransaction() {
			got = "read write"
			if p.plan.Stmt.(*ast.BeginStmt).ReadOnly {
				got = "read only"
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", sql, got, want)
		}
	}
}
