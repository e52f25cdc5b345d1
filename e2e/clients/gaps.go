package clients

// gaps.go: what is known not to work, and why. The test fails on everything else that fails, and on gaps that are gone.

import (
	"slices"
	"strings"
)

// Gap is a known failure of a feature.
type Gap struct {
	Clients []string // nil: every client that tries the feature
	Kind    string   // mariadb, mysql or "" for both
	Feature string   // "" for every feature
	Text    string   // part of what the program says
	Plain   bool     // it fails on the plain server: it is the client's or the server's doing
	Why     string   // for the page
}

// Gaps are all of them.
func Gaps() []Gap {
	return []Gap{
		{Clients: []string{"mysql-cli", "mysqldump"}, Kind: "mariadb", Plain: true,
			Why: "MySQL's own client cannot log in to MariaDB: it has no mysql_native_password any more. Serval lets it in."},
		{Clients: []string{"node-mysql"}, Kind: "mysql", Plain: true,
			Why: "MySQL 9.7 has no mysql_native_password, and this driver has nothing else. Serval lets it in all the same."},
		{Clients: []string{"mariadb-dump", "mysqldump"}, Feature: "dump_locked", Text: "LOCK TABLES",
			Why: "LOCK TABLES of sharded tables is refused (1235): their shards are on several connections. Dump with --single-transaction, " +
				"which shows all servers in snapshots of one moment, as near as they can be begun, or with --skip-lock-tables while nothing is written."},
		{Clients: []string{"mariadb-dump", "mysqldump"}, Feature: "load_sharded", Text: "LOCK TABLES",
			Why: "A dump has LOCK TABLES … WRITE around the rows, which is refused for sharded tables (1235): dump with --skip-add-locks."},
		{Clients: []string{"mydumper"}, Feature: "dump_options", Text: "Segmentation fault",
			Why: "mydumper --rows asks with EXPLAIN how many rows a table has, which is refused over several shards (1235), and mydumper crashes " +
				"at the error: dump sharded tables without --rows."},
		{Clients: []string{"mydumper"}, Feature: "dump_locked", Text: "FLUSH TABLES WITH READ LOCK",
			Why: "FLUSH TABLES WITH READ LOCK is refused (1235): there is no one server to be held. Dump with --no-locks while nothing is written."},
	}
}

// Covers tells whether the gap explains a failure.
func (g *Gap) Covers(client, kind, feature, why string) bool {
	return (g.Clients == nil || slices.Contains(g.Clients, client)) && (g.Kind == "" || g.Kind == kind) &&
		(g.Feature == "" || g.Feature == feature) && strings.Contains(why, g.Text)
}
