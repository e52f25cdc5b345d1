// Command foldgen writes router/key_fold_table.go: the frozen tables by which strings are folded before they are
// hashed. It is run by hand (go run ./router/foldgen), hardly ever again: a changed table would send stored rows to
// other shards, and TestFoldIsFrozen fails when it changes.
//
// The tables come from the servers themselves. foldgen reads the primary weights of every code point (and of every
// pair that weighs otherwise than its parts) in the Unicode collations of a MySQL and a MariaDB server, starts from
// NFKD, lower case and no marks, and repairs that until it factors through the weights of every collation: there is a
// function g with fold(string) = g(weight 1) g(weight 2) … . Then strings of equal weights have equal folds, which
// is what routing needs; e2e/fold_test.go proves it again from the outside.
package main

import (
	"database/sql"
	"flag"
	"log"
	"os"

	_ "github.com/go-sql-driver/mysql"
)

// main.go: flags, and the order of the steps. Nothing here is linked into Serval.

func main() {
	mysql := flag.String("mysql", "root@tcp(127.0.0.1:3306)/", "DSN of a MySQL 8.0 or later server")
	maria := flag.String("mariadb", "root@tcp(127.0.0.1:3307)/", "DSN of a MariaDB 10.10 or later server")
	out := flag.String("o", "router/key_fold_table.go", "file to write")
	flag.Parse()
	if err := run(*mysql, *maria, *out); err != nil {
		log.Fatal("foldgen: ", err)
	}
}

func run(mysqlDSN, mariaDSN, out string) error {
	my, err := sql.Open("mysql", mysqlDSN)
	if err != nil {
		return err
	}
	defer my.Close()
	ma, err := sql.Open("mysql", mariaDSN)
	if err != nil {
		return err
	}
	defer ma.Close()

	// The first is where the fold starts from; the order of the others decides nothing but ties.
	sources := []struct {
		db        *sql.DB
		collation string
		bmpOnly   bool // all supplementary characters weigh the same
	}{
		{my, "utf8mb4_0900_ai_ci", false},
		{my, "utf8mb4_unicode_520_ci", false},
		{my, "utf8mb4_unicode_ci", true},
		{ma, "utf8mb4_uca1400_ai_ci", false},
	}
	var all []*collation
	for _, s := range sources {
		c, err := readCollation(s.db, s.collation)
		if err != nil {
			return err
		}
		c.bmpOnly = s.bmpOnly
		log.Printf("%s: %d characters and pairs", s.collation, len(c.entries))
		all = append(all, c)
	}
	uca := newSolver(all[0])
	uca.solve(all)

	general, err := readCollation(my, "utf8mb4_general_ci")
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := emit(f, uca.fold, generalFold(general)); err != nil {
		return err
	}
	return f.Close()
}
