package servers

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// servers_test.go: a server starts, keeps its data over kill -9, and is gone after Close.

func TestServerLife(t *testing.T) {
	for _, kind := range Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			s := Start(t, kind)
			if err := s.Exec("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1),(2)"); err != nil {
				t.Fatal(err)
			}
			before := s.PID()
			if err := s.Restart(); err != nil {
				t.Fatal(err)
			}
			if s.PID() == before {
				t.Fatalf("same process %d after a restart", before)
			}
			rows, err := s.Query("SELECT id, NULL FROM d.t ORDER BY id")
			if err != nil {
				t.Fatal(err)
			}
			if got, want := fmt.Sprint(rows), "[[1 NULL] [2 NULL]]"; got != want {
				t.Fatalf("rows %s, want %s", got, want)
			}
			pid := s.PID()
			s.Close()
			if err := syscall.Kill(pid, 0); err != syscall.ESRCH {
				t.Fatalf("process %d after Close: %v, want gone", pid, err)
			}
			if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
				t.Fatalf("directory after Close: %v, want gone", err)
			}
		})
	}
}
