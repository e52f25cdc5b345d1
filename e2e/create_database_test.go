package e2e

// create_database_test.go: CREATE DATABASE of a configured database that no server has: it is made in all groups, and
// then its tables are.

import (
	"testing"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

func TestCreateDatabase(t *testing.T) {
	program, err := cluster.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newDDLBed(t, kind, program)
			for _, n := range b.Nodes {
				if err := n.Exec("DROP DATABASE d_main"); err != nil {
					t.Fatal(err)
				}
			}
			s := b.Serve(t, cluster.Run{Program: program})
			c, err := raw.Dial(s.Addr, raw.Options{User: servers.User, Password: servers.Password})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if a := must(t, c, "CREATE DATABASE d CHARACTER SET latin1"); a.AffectedRows != 1 {
				t.Errorf("%d rows affected, a server says 1", a.AffectedRows)
			}
			for _, n := range b.Nodes {
				rows, err := n.Query("SELECT default_character_set_name FROM information_schema.schemata WHERE schema_name = 'd_main'")
				if err != nil || len(rows) != 1 || rows[0][0] != "latin1" {
					t.Errorf("%v, %v: the database is not there as it should be", rows, err)
				}
			}
			if a := one(t, c, "CREATE DATABASE d"); a.Code != 1007 || a.Message != "Can't create database 'd'; database exists" {
				t.Errorf("a second time: %d %s", a.Code, a.Message)
			}
			must(t, c, "USE d", "CREATE TABLE kept (id BIGINT PRIMARY KEY, v INT)", "INSERT INTO kept VALUES (1, 1), (2, 2), (3, 3), (4, 4)")
			if places, shapes := b.shapes(t, "kept"); places != 4 || len(shapes) != 1 {
				t.Errorf("%d places, shapes %q", places, shapes)
			}
		})
	}
}
