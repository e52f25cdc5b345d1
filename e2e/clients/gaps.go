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

const mydumperReads = "mydumper reads every table in a transaction, and a transaction is on the servers of one group: sharded tables are refused (1235); " +
	"unsharded ones are dumped and loaded."

// Gaps are all of them.
func Gaps() []Gap {
	return []Gap{
		{Clients: []string{"mysql-cli", "mysqldump"}, Kind: "mariadb", Plain: true,
			Why: "MySQL's own client cannot log in to MariaDB: it has no mysql_native_password any more. Serval lets it in."},
		{Clients: []string{"node-mysql"}, Kind: "mysql", Plain: true,
			Why: "MySQL 9.7 has no mysql_native_password, and this driver has nothing else. Serval lets it in all the same."},
		{Feature: "distributed", Text: "several groups",
			Why: "A transaction is on the servers of one group: a statement that needs a second one is refused (1235) and changes nothing."},
		{Feature: "sharded_ddl", Text: "schema changes on table",
			Why: "Sharded tables are changed on the servers, not through Serval: refused (1235), with what to do."},
		{Clients: []string{"mariadb-dump", "mysqldump", "mydumper"}, Feature: "load_sharded",
			Why: "A dump with DROP TABLE and CREATE TABLE of sharded tables, and with rows of several servers in one INSERT, is refused (1235). " +
				"Load the rows alone: --no-create-info --skip-extended-insert --skip-disable-keys."},
		{Clients: []string{"mariadb-dump", "mysqldump"}, Feature: "dump_consistent",
			Why: "Sharded tables as one moment shows them: that takes LOCK TABLES or a transaction on the servers of several groups, which are refused (1235). " +
				"Dump with --skip-lock-tables while nothing is written. Unsharded tables are dumped with --single-transaction as ever."},
		{Clients: []string{"mydumper"}, Feature: "dump", Why: mydumperReads},
		{Clients: []string{"mydumper"}, Feature: "dump_options", Why: mydumperReads},
	}
}

// Covers tells whether the gap explains a failure.
func (g *Gap) Covers(client, kind, feature, why string) bool {
	return (g.Clients == nil || slices.Contains(g.Clients, client)) && (g.Kind == "" || g.Kind == kind) &&
		(g.Feature == "" || g.Feature == feature) && strings.Contains(why, g.Text)
}
