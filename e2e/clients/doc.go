// Package clients runs the programs that people connect with (command lines, drivers, ORMs, dump tools) on one plain
// server and through Serval on a sharded cluster, and compares: the client matrix, docs/clients.md.
//
// A client is a small program in a folder of its language that knows nothing of Serval. It is told where to connect by
// DB_HOST, DB_PORT, DB_USER, DB_PASSWORD, DB_NAME and DB_KIND (mariadb or mysql), finds the tables of schema.sql in its
// database and the values of types.tsv, and prints one line for each thing it tried:
//
//	version PyMySQL 1.0.2        what it is
//	ok FEATURE                   it worked
//	not ok FEATURE: why          it did not
//	out FEATURE text             what must be the same on the plain server and through Serval
//
// With STOP_AFTER=FEATURE it ends after that feature; `connect` is the first of all programs, so that its start-up
// statements can be recorded (command record). Features in run.go says which features there are. list.go has all clients,
// gaps.go what is known not to work and why: a failure that is not there fails the test, and so does a gap that is none.
//
//	go test ./e2e/clients                                   what is quick: part of `make test`
//	make clients                                            everything, and writes docs/clients.md
//	SERVAL_CLIENTS=pymysql,go-prepared go test -v ./e2e/clients
package clients
