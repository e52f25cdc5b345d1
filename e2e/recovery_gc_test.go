package e2e

// recovery_gc_test.go: decisions that nobody needs any more.

import (
	"fmt"
	"slices"
	"sort"
	"testing"
	"time"

	"serval/e2e/servers"
	"serval/proxy/txn"
)

// TestCollect: a verdict is deleted when it is old and nobody can ask for it any more, and not before.
func TestCollect(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			d := startDoubt(t, kind, 2)
			m := d.manager(t)
			s0, s1 := storeOf(t, m, "g0"), storeOf(t, m, "g1")
			const hour = 3600
			alive := d.connect(t, 0)
			const gone = 4000000000
			put := func(thread uint32, verdict, participants string, age int) string {
				id := txn.NewID(s0, thread)
				run(t, alive, fmt.Sprintf("INSERT INTO serval.xa_decision VALUES ('%s', '%s', '%s', %d)", id, verdict, participants, time.Now().Unix()-int64(age)))
				return id.String()
			}
			var keep []string
			keep = append(keep,
				put(gone, "commit", s1, 60),
				put(gone, "commit", s1+",00000000000000ff", 2*hour), // a branch in a group that is not known here
				put(gone, "rollback", "", 23*hour),
				put(alive.GetConnectionID(), "rollback", "", 100*hour)) // its coordinator could wake up
			needed := txn.NewID(s0, gone)
			x, c := d.branch(t, 1, needed, 1)
			_ = c.Close()
			run(t, alive, fmt.Sprintf("INSERT INTO serval.xa_decision VALUES ('%s', 'commit', '%s', 1000)", needed, s1),
				"INSERT INTO serval.xa_decision VALUES ('somebody else', 'commit', '', 1000)")
			keep = append(keep, needed.String(), "somebody else")
			for range 1201 { // more than two batches
				put(gone, "commit", s1, hour)
			}
			put(gone, "commit", "", hour)
			put(gone, "rollback", "", 25*hour)

			collect := func(want int) {
				t.Helper()
				if n, err := m.Collect(t.Context()); err != nil || n != want {
					t.Fatalf("%d verdicts deleted, %v, want %d", n, err, want)
				}
			}
			collect(0) // the first look
			collect(1203)
			rows, err := d.nodes[0].Query("SELECT gtrid FROM serval.xa_decision WHERE gtrid <> ''") // the fence
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, r := range rows {
				left = append(left, r[0])
			}
			sort.Strings(left)
			sort.Strings(keep)
			if !slices.Equal(left, keep) {
				t.Fatalf("left %v\nwant %v", left, keep)
			}
			if err := m.FinishBranch(t.Context(), "g1", x, txn.Committed); err != nil {
				t.Fatal(err)
			}
			collect(0) // it was prepared at the last look
			d.nodes[1].Kill()
			if n, err := m.Collect(t.Context()); err == nil || n != 0 {
				t.Fatalf("%d verdicts deleted without the branch's group, %v", n, err)
			}
			if err := d.nodes[1].Restart(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(300 * time.Millisecond) // the short circuit before its dials
			collect(0)
			collect(1)
		})
	}
}
