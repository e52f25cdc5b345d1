package e2e

// serializable_test.go: what docs/transactions.md promises to sessions that want no half-visible commit. A transaction at
// SERIALIZABLE that reads a row of a prepared branch waits for the branch's end, also when the server was killed in
// between; and what it has read nobody changes before it ends.

import (
	"strings"
	"testing"

	"serval/e2e/servers"
	"serval/proxy/txn"
)

// waits tells whether the statement waits for a lock.
func (d *doubt) waits(t *testing.T, statements ...string) bool {
	t.Helper()
	err := d.nodes[0].Exec(append([]string{"SET innodb_lock_wait_timeout = 1"}, statements...)...)
	if err != nil && !strings.Contains(err.Error(), "Lock wait timeout") {
		t.Fatal(err)
	}
	return err != nil
}

func TestSerializableWaitsForBranches(t *testing.T) {
	const serializable = "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE"
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			d := startDoubt(t, kind, 1)
			execute(t, d.nodes[0], "INSERT INTO d.t VALUES (1, 0), (2, 0)")
			id := txn.NewID(strings.Repeat("0", 16), 1)
			other := txn.XID{ID: txn.NewID(id.Store, 2), Thread: 2}
			c := d.connect(t, 0)
			x := txn.XID{ID: id, Thread: c.GetConnectionID()}
			run(t, c, "XA START "+x.SQL(), "UPDATE d.t SET v = 1 WHERE id = 1", "XA END "+x.SQL(), "XA PREPARE "+x.SQL())
			for _, when := range []string{"prepared", "after a crash"} {
				for begin, want := range map[string]bool{
					"BEGIN":                       true,
					"START TRANSACTION READ ONLY": true,
					"XA START " + other.SQL():     true,
					"SET autocommit = 0":          true,
					"DO 0":                        false, // autocommit: a consistent read
				} {
					if got := d.waits(t, serializable, begin, "SELECT * FROM d.t WHERE id = 1"); got != want {
						t.Errorf("%s: a read after %s waits: %v, want %v", when, begin, got, want)
					}
				}
				if d.waits(t, "BEGIN", "SELECT * FROM d.t WHERE id = 1") {
					t.Errorf("%s: a read at REPEATABLE READ waits", when)
				}
				if err := d.nodes[0].Restart(); err != nil {
					t.Fatal(err)
				}
			}
			for _, begin := range []string{"BEGIN", "START TRANSACTION READ ONLY"} {
				reader := d.connect(t, 0)
				run(t, reader, serializable, begin, "SELECT * FROM d.t WHERE id = 2")
				if !d.waits(t, "UPDATE d.t SET v = 2 WHERE id = 2") {
					t.Errorf("what was read after %s can be changed", begin)
				}
				run(t, reader, "COMMIT")
			}
		})
	}
}
