package router

// commits.go: statements before which a server commits what is open, by their words: they are known before anything
// else of the statement is, since servers commit also for those that fail afterwards. What both servers really do is
// compared with it in e2e (TestImplicitCommits).

import (
	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// committing are such statements by their first word, with what may follow it; nil: whatever follows. What only one of the
// servers commits before is not here: Serval refuses it (CACHE INDEX, LOAD INDEX, STOP REPLICA …).
// https://dev.mysql.com/doc/refman/9.4/en/implicit-commit.html, https://mariadb.com/kb/en/sql-statements-that-cause-an-implicit-commit/
var committing = map[string]map[string]bool{
	"alter": nil, "create": nil, "drop": nil, "rename": nil, "truncate": nil,
	"analyze": wordSet("table tables local no_write_to_binlog"), "check": nil, "optimize": nil, "repair": nil,
	"flush": nil, "reset": nil, "purge": nil, "backup": nil, "import": wordSet("table"), "grant": nil, "revoke": nil,
	"install": nil, "uninstall": nil, "lock": wordSet("table tables"), "start": wordSet("replica slave"), "set": wordSet("password"),
}

// Commits tells whether a server commits what is open before it carries the statement out. Statements that do so in some
// states of the session only (BEGIN, SET autocommit, UNLOCK TABLES) are the session's to know.
func Commits(st *fingerprint.Statement) bool {
	tk := rewrite.Tokenize(st)
	next, ok := committing[tk.Word(0)]
	switch {
	case !ok || next != nil && !next[tk.Word(1)]:
		return false
	case tk.Is(0, "create"):
		return !tk.Is(1, "temporary") && !(tk.Is(1, "or") && tk.Is(3, "temporary"))
	case tk.Is(0, "drop"): // PREPARE is about no table
		return !tk.Is(1, "temporary") && !tk.Is(1, "prepare")
	}
	return true
}
