package e2e

// lookup_race_test.go: many clients put in, change and take away rows with the same few values of a column with a lookup index.
// What they are told adds up, and the index and its table agree.

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

func TestLookupRace(t *testing.T) {
	program, err := cluster.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := &bed{Cluster: cluster.Start(t, kind, cluster.Shape{Schema: lookupSchema, Layout: lookupLayout, Nodes: 2, Plain: true, Server: bedServer})}
			for _, column := range []string{"email", "nick"} {
				servalCommand(t, program, b, 0, "lookup", "build", "shop.members."+column)
			}
			b.addr = startServal(t, b.Cluster)
			r := lookupRace{bed: b, until: time.Now().Add(duration(t, 3*time.Second))}
			var wait sync.WaitGroup
			for i := range 8 {
				wait.Go(func() { r.client(t, i) })
			}
			wait.Wait()
			t.Logf("%s: %d rows put in, %d taken away, %d changed, %d duplicates, %d deadlocks and timeouts", kind, r.in.Load(), r.out.Load(), r.changed.Load(), r.refused.Load(), r.again.Load())
			for _, column := range []string{"email", "nick"} {
				if out := servalCommand(t, program, b, 0, "lookup", "check", "shop.members."+column); !strings.Contains(out, "0 faults") {
					t.Errorf("%s: %s", column, out)
				}
			}
			c := dial(t, b.addr, "shop")
			defer c.Close()
			rows, distinct := map[string]bool{}, map[string]bool{}
			for _, row := range texts(say(t, c, "SELECT id, email FROM members")) {
				rows[row] = true
				distinct[row[strings.Index(row, "/")+1:]] = true
			}
			if len(rows) != len(distinct) || int64(len(rows)) != r.in.Load()-r.out.Load() {
				t.Errorf("%d rows with %d values; %d were put in and %d taken away", len(rows), len(distinct), r.in.Load(), r.out.Load())
			}
		})
	}
}

type lookupRace struct {
	bed                              *bed
	until                            time.Time
	in, out, changed, refused, again atomic.Int64
}

// client works until the time is over. Its statements are single ones and transactions.
func (r *lookupRace) client(t *testing.T, n int) {
	c := dial(t, r.bed.addr, "shop")
	defer c.Close()
	rnd := rand.New(rand.NewPCG(7, uint64(n)))
	for time.Now().Before(r.until) {
		email, id := fmt.Sprintf("'e%d@x'", rnd.IntN(30)), rnd.IntN(40)
		var ok bool
		switch rnd.IntN(4) {
		case 0, 1:
			if _, ok = r.do(t, c, fmt.Sprintf("INSERT INTO members (id, email, nick) VALUES (%d, %s, 'n%d')", id, email, rnd.IntN(30))); ok {
				r.in.Add(1)
			}
		case 2:
			var rows uint64
			if rows, ok = r.do(t, c, "DELETE FROM members WHERE email = "+email); ok {
				r.out.Add(int64(rows))
			}
		default:
			var rows uint64
			if rows, ok = r.do(t, c, fmt.Sprintf("UPDATE members SET email = %s, nick = NULL WHERE id = %d", email, id)); ok {
				r.changed.Add(int64(rows))
			}
		}
	}
}

// do carries a statement out; a duplicate, a deadlock or a lock that was waited for in vain are no mistakes.
func (r *lookupRace) do(t *testing.T, c *raw.Conn, sql string) (rows uint64, ok bool) {
	a := say(t, c, sql)
	switch {
	case a.Kind != raw.Error:
		return a.AffectedRows, true
	case a.Code == 1062:
		r.refused.Add(1)
	case a.Code == 1213 || a.Code == 1205:
		r.again.Add(1)
	default:
		t.Errorf("%s: %s", sql, told(a))
	}
	return 0, false
}
