package e2e

// deadlock_scenarios_test.go: who waits for whom in TestDeadlocks, and who only waits.

import (
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"serval/e2e/raw"
	"serval/e2e/servers"
	"serval/proxy/txn"
)

func deadlockCircle(t *testing.T, bed *deadlockBed, begin, end string, servals ...int) {
	parties := circle(bed.dialAll(t, servals...), begin, end)
	victim := fight(t, bed, parties)
	for i := range parties {
		want := "1"
		if next := (i + len(parties) - 1) % len(parties); i != victim && next != victim {
			want = "2" // its own and the one's before
		}
		if got := bed.value(t, 2*i); got != want {
			t.Errorf("row %d is %s, want %s", 2*i, got, want)
		}
	}
	if got := bed.value(t, 2*victim+1); got != "0" {
		t.Errorf("the victim has left %s behind", got)
	}
	retry(t, &parties[victim])
	if got := bed.value(t, 2*victim+1); got != "1" {
		t.Errorf("after the victim's second try: %s", got)
	}
}

func deadlockPrepared(t *testing.T, bed *deadlockBed) {
	parties := circle(bed.dialAll(t, 0, 0), "BEGIN", "COMMIT")
	for i := range parties {
		parties[i].binary = true
	}
	retry(t, &parties[fight(t, bed, parties)])
}

// deadlockBetween: one who has only one group stands between two who have two.
func deadlockBetween(t *testing.T, bed *deadlockBed) {
	conns := bed.dialAll(t, 0, 0, 1)
	fight(t, bed, between(conns[0], conns[1], conns[2], add(2), add(3)))
}

// deadlockDirect: and one whom no Serval knows.
func deadlockDirect(t *testing.T, bed *deadlockBed) {
	conns := bed.dialAll(t, 0, 1)
	direct := dial(t, bed.Nodes[1].Addr(), "")
	defer direct.Close()
	fight(t, bed, between(conns[0], direct, conns[1], bed.physical(2, add(2)), bed.physical(3, add(3))))
}

// between: a has row 0 and wants 2, which the one in the middle has, who wants 3, which b has, who wants 0.
func between(a, middle, b *raw.Conn, two, three string) []party {
	return []party{
		{conn: a, first: []string{"BEGIN", add(0), add(1)}, wants: add(2), end: "COMMIT", only: 1},
		{conn: middle, first: []string{"BEGIN", two}, wants: three, end: "COMMIT", only: -1},
		{conn: b, first: []string{"BEGIN", add(3), add(4)}, wants: add(0), end: "COMMIT", only: 4},
	}
}

func deadlockAutocommit(t *testing.T, bed *deadlockBed) {
	conns := bed.dialAll(t, 0, 0)
	parties := []party{
		{conn: conns[0], first: []string{"DO 0"}, wants: "UPDATE kv SET v = v + 1 WHERE id IN (0, 1, 2)", end: "DO 0", only: 1},
		{conn: conns[1], first: []string{"BEGIN", add(2), add(3)}, wants: add(0), end: "COMMIT", only: 3},
	}
	victim := fight(t, bed, parties)
	if got := bed.value(t, 0) + bed.value(t, 2); got != "11" {
		t.Errorf("the one who went on has done %s", got)
	}
	retry(t, &parties[victim])
}

// deadlockScatter: the statements that wait have legs in all groups, one reads for update.
func deadlockScatter(t *testing.T, bed *deadlockBed) {
	conns := bed.dialAll(t, 0, 1)
	parties := []party{
		{conn: conns[0], first: []string{"BEGIN", add(2), add(3)}, wants: "SELECT v FROM kv WHERE id IN (0, 4) ORDER BY id FOR UPDATE", end: "COMMIT", only: 3},
		{conn: conns[1], first: []string{"BEGIN", add(0), add(5)}, wants: "UPDATE kv SET v = v + 1 WHERE id IN (1, 2)", end: "COMMIT", only: 5},
	}
	retry(t, &parties[fight(t, bed, parties)])
}

// deadlockReaders: with locks for reading only.
func deadlockReaders(t *testing.T, bed *deadlockBed) {
	conns := bed.dialAll(t, 0, 1)
	const read = "SELECT v FROM kv WHERE id = %d LOCK IN SHARE MODE"
	parties := []party{
		{conn: conns[0], first: []string{"BEGIN", fmt.Sprintf(read, 0)}, wants: add(2), end: "COMMIT", only: -1},
		{conn: conns[1], first: []string{"BEGIN", fmt.Sprintf(read, 2)}, wants: add(0), end: "COMMIT", only: -1},
	}
	retry(t, &parties[fight(t, bed, parties)])
}

// deadlockMulti: what follows the victim's statement in its command is not carried out.
func deadlockMulti(t *testing.T, bed *deadlockBed) {
	parties := circle(bed.dialAll(t, 0, 0), "BEGIN", "COMMIT")
	for i := range parties {
		parties[i].wants = "DO 1; " + parties[i].wants + "; DO 2"
	}
	victim := fight(t, bed, parties)
	if got := bed.value(t, 2*victim+1); got != "0" {
		t.Errorf("the victim has left %s behind", got)
	}
}

// deadlockUnharmed: a victim that gets its lock at the moment at which it is to be ended either goes on as if nothing had
// been, or is ended in all groups; nothing that it does later is hit.
func deadlockUnharmed(t *testing.T, bed *deadlockBed) {
	c := bed.dialAll(t, 0)[0]
	direct := dial(t, bed.Nodes[1].Addr(), "")
	defer direct.Close()
	went, ended := 0, 0
	for i := range 60 {
		done(t, direct, "BEGIN", bed.physical(2, "SELECT v FROM kv WHERE id = 2 FOR UPDATE"))
		done(t, c, "BEGIN", add(0))
		var answer *raw.Answer
		var asked sync.WaitGroup
		asked.Go(func() { answer = say(t, c, add(2)) })
		var waiters []txn.Waiter
		for len(waiters) == 0 {
			time.Sleep(10 * time.Millisecond)
			waiters = bed.servals[0].Waiting(10 * time.Millisecond)
		}
		var end sync.WaitGroup
		end.Go(func() { bed.servals[0].EndDeadlock(waiters[0].ID, waiters[0].Threads) })
		time.Sleep(time.Duration(i*100) * time.Microsecond)
		done(t, direct, "COMMIT")
		asked.Wait()
		switch {
		case answer.Kind == raw.OK:
			went++
			done(t, c, add(0), add(2), "COMMIT")
		case answer.Code == 1213:
			ended++
		default:
			t.Errorf("%+v", answer)
		}
		end.Wait()
		for range 3 {
			done(t, c, "SELECT v FROM kv WHERE id IN (0, 2)", "DO 1")
		}
	}
	t.Logf("%d went on, %d were ended", went, ended)
	for _, id := range []int{0, 2} {
		if got, want := bed.value(t, id), fmt.Sprint(2*went); got != want {
			t.Errorf("row %d is %s, want %s", id, got, want)
		}
	}
}

// deadlockMany: clients who take two of three rows in any order, and try again when they are told to. Everything that was
// acknowledged is there.
func deadlockMany(t *testing.T, bed *deadlockBed) {
	const clients, transfers = 6, 2
	var wait sync.WaitGroup
	var ended atomic.Int64
	start := time.Now()
	for i := range clients {
		c := bed.dialAll(t, i%2)[0]
		wait.Go(func() {
			for n := range transfers {
				from, to := 2*(i%3), 2*((i+1+n%2)%3)
				for {
					ok, code := transact(c, add(from), add(to), 20*time.Millisecond)
					if ok {
						break
					}
					if code != 1213 {
						t.Errorf("client %d: error %d", i, code)
						return
					}
					ended.Add(1)
				}
			}
		})
	}
	wait.Wait()
	t.Logf("%d transactions were ended, %v", ended.Load(), time.Since(start).Round(time.Millisecond))
	sum := 0
	for id := range 6 {
		var v int
		fmt.Sscan(bed.value(t, id), &v)
		sum += v
	}
	if sum != 2*clients*transfers {
		t.Errorf("the rows are %d, want %d", sum, 2*clients*transfers)
	}
}

// transact does two things in one transaction.
func transact(c *raw.Conn, first, then string, think time.Duration) (ok bool, code uint16) {
	for _, sql := range []string{"BEGIN", first, "", then, "COMMIT"} {
		if sql == "" {
			time.Sleep(think)
			continue
		}
		answers, err := c.Query(sql)
		if err != nil {
			return false, 2013
		}
		if a := answers[len(answers)-1]; a.Kind == raw.Error {
			return false, a.Code
		}
	}
	return true, 0
}

// deadlockContention: everybody takes rows in one order; waits are long, and transactions that have a row and wait for
// another are waited for. Nobody is ended.
func deadlockContention(t *testing.T, bed *deadlockBed) {
	pairs := [][2]int{{0, 2}, {0, 4}, {2, 4}, {0, 2}}
	var wait sync.WaitGroup
	var transfers atomic.Int64
	until := time.Now().Add(5 * time.Second)
	for i := range 20 {
		c := bed.dialAll(t, i%2)[0]
		wait.Go(func() {
			for n := i; time.Now().Before(until); n++ {
				first, p := add(pairs[n%len(pairs)][0]), pairs[n%len(pairs)]
				if i%5 == 4 { // has only locked, in one group: servers give such a transaction no number of its own
					first, p[1] = "SELECT v FROM kv WHERE id = 2 FOR UPDATE", 3
				}
				if ok, code := transact(c, first, add(p[1]), 50*time.Millisecond); !ok {
					t.Errorf("client %d: error %d", i, code)
					return
				}
				transfers.Add(1)
			}
		})
	}
	wait.Wait()
	t.Logf("%d transactions", transfers.Load())
}

// deadlockStatements: statements over groups have one order, whatever theirs is.
func deadlockStatements(t *testing.T, bed *deadlockBed) {
	var wait sync.WaitGroup
	until := time.Now().Add(2 * time.Second)
	for i := range 8 {
		c := bed.dialAll(t, i%2)[0]
		wait.Go(func() {
			for n := i; time.Now().Before(until); n++ {
				sql := "UPDATE kv SET v = v + 1 WHERE id IN (0, 2, 4)"
				if n%2 == 0 {
					sql = "UPDATE kv SET v = v + 1 WHERE id IN (4, 0, 2)"
				}
				answers, err := c.Query(sql)
				if err != nil || answers[0].Kind == raw.Error {
					t.Errorf("%v %+v", err, answers)
					return
				}
			}
		})
	}
	wait.Wait()
}

// deadlockCloseReading: a Serval that closes while it reads a server takes back what it has published there: a transaction
// that waits in one group and is waited for in another.
func deadlockCloseReading(t *testing.T, bed *deadlockBed) {
	node := func(n int) *raw.Conn {
		c, err := raw.Dial(bed.Nodes[n].Addr(), raw.Options{User: servers.User, Password: servers.Password})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	s := bed.serval(t)
	holder, middle, last, locks := node(1), dialEach(t, s)[0], node(0), node(0)
	done(t, holder, "BEGIN", bed.physical(2, add(2)))
	done(t, middle, "BEGIN", add(0))
	var asked sync.WaitGroup
	asked.Go(func() { _, _ = middle.Query(add(2)) })
	asked.Go(func() { _, _ = last.Query(bed.physical(0, add(0))) })
	bed.published(t)
	done(t, locks, "LOCK TABLES serval.waits WRITE")
	time.Sleep(500 * time.Millisecond) // its next reading waits
	time.AfterFunc(400*time.Millisecond, func() { _, _ = locks.Query("UNLOCK TABLES") })
	closesSoon(t, s, func() {})
	done(t, holder, "ROLLBACK")
	asked.Wait()
}

// published waits until a Serval has published a transaction on the first server.
func (bed *deadlockBed) published(t *testing.T) {
	t.Helper()
	for range 50 {
		if rows, err := bed.Nodes[0].Query("SELECT * FROM serval.waits"); err == nil && len(rows) > 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("nothing is published")
}

// deadlockClose: Close ends the detector, also while it waits for a server that hangs.
func deadlockClose(t *testing.T, bed *deadlockBed) {
	before := goleak.IgnoreCurrent()
	s := bed.serval(t)
	parties := circle(dialEach(t, s, s), "BEGIN", "COMMIT")
	var asked sync.WaitGroup
	for _, p := range parties {
		done(t, p.conn, p.first...)
	}
	for _, p := range parties {
		asked.Go(func() { _, _ = p.ask() })
	}
	free := func() {}
	if bed.Kind == servers.MariaDB { // the process of a MySQL that is known is the one around it
		pid := bed.Nodes[1].PID()
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		free = func() { _ = syscall.Kill(pid, syscall.SIGCONT) }
	}
	time.Sleep(600 * time.Millisecond)
	closesSoon(t, s, free)
	asked.Wait()
	for _, p := range parties {
		p.conn.Cut()
	}
	if err := goleak.Find(before, goleak.IgnoreAnyFunction("serval/e2e/servers.supervise")); err != nil {
		t.Error(err)
	}
}
