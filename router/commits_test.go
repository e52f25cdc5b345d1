package router

import (
	"testing"

	"serval/rewrite/fingerprint"
)

// What servers do is in e2e (TestImplicitCommits): this is about how the words are found.
func TestCommits(t *testing.T) {
	for sql, want := range map[string]bool{
		"create table x (i int)":                      true,
		"/* a */ DROP -- b\n TABLE x":                 true,
		"DROP/**/TEMPORARY TABLE x":                   false,
		"CREATE OR REPLACE TEMPORARY TABLE x (i INT)": false,
		"CREATE OR REPLACE VIEW v AS SELECT 1":        true,
		"drop prepare p":                              false,
		"ANALYZE FORMAT=JSON SELECT 1":                false,
		"analyze local table x":                       true,
		"LOCK TABLE x READ":                           true,
		"SET PASSWORD = 'x'":                          true,
		"SET autocommit = 1":                          false,
		"UPDATE `create` SET a = 1":                   false,
		"`drop`":                                      false,
		"":                                            false,
	} {
		var st fingerprint.Statement
		st.Scan([]byte(sql), 0)
		if got := Commits(&st); got != want {
			t.Errorf("%s: %t, want %t", sql, got, want)
		}
	}
}
