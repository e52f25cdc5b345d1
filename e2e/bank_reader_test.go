package e2e

// bank_reader_test.go: those that only look while the bank works. What a client was told is committed is there on a new
// connection through the other Serval: at once, or when something has just failed, when recovery has finished it. And a
// reader that asks for SERIALIZABLE sees all the money, always.

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// bankSeen counts what the readers have done.
type bankSeen struct {
	atOnce, later, latest atomic.Int64 // acknowledged transfers; the longest wait for one, in nanoseconds
	totals, totalsQuiet   atomic.Int64
	refused               map[string]int // totals by their error; it belongs to watchTotal
}

// watchAcknowledged looks for transfers that were acknowledged, a moment ago or some time.
func (b *bank) watchAcknowledged(r *rand.Rand) {
	for b.open() {
		var e *bankEntry
		select {
		case e = <-b.fresh:
		case <-time.After(20 * time.Millisecond):
			if e = b.journal.pick(r.IntN); e == nil {
				continue
			}
		}
		b.lookFor(e)
	}
}

// lookFor looks for a transfer until it is there. While nothing fails it has to be there at once, and some seconds after a
// fault it has to be there too.
func (b *bank) lookFor(e *bankEntry) {
	began, proxy := time.Now(), (e.proxy+1)%bankProxies
	for {
		asked := time.Now()
		missing, err := b.legsOf(e, proxy)
		switch {
		case err != nil:
			if b.faults.calmSince(asked) {
				b.journal.fail("a reader through Serval %d: %v", proxy, err)
				return
			}
			proxy = (proxy + 1) % bankProxies
		case missing == "" && b.faults.calmSince(e.began):
			b.seen.atOnce.Add(1)
			return
		case missing == "":
			b.seen.later.Add(1)
			b.seen.latest.Store(max(b.seen.latest.Load(), int64(time.Since(began))))
			return
		case b.faults.calmSince(asked):
			b.journal.fail("%s is not seen %v after it was acknowledged, through Serval %d: %s", missing, time.Since(e.ended).Round(time.Millisecond), proxy, e)
			return
		}
		if !b.open() {
			return // the audit looks at all of them
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// legsOf reads a transfer's rows on a new connection and says what is missing.
func (b *bank) legsOf(e *bankEntry, proxy int) (missing string, err error) {
	conn, err := dialBank("raw", b.proxies[proxy].Addr)
	if err != nil {
		return "", err
	}
	defer conn.cut()
	want := [][]int64{{e.from, 1, -e.amount}, {e.to, 2, e.amount}}
	for i, id := range []int64{e.from, e.to} {
		rows, err := conn.query("SELECT account, leg, amount FROM ledger WHERE account = ? AND transfer = ?", id, e.id)
		if err != nil {
			return "", err
		}
		if fmt.Sprint(rows) != fmt.Sprint(want[i:i+1]) {
			return fmt.Sprintf("leg %v (there is %v)", want[i], rows), nil
		}
	}
	return "", nil
}

// watchTotal sums balances from time to time: all, or, which disturbs less, those of the vault.
func (b *bank) watchTotal(r *rand.Rand) {
	b.seen.refused = map[string]int{}
	for b.open() {
		time.Sleep(100*time.Millisecond + drawn(r, 500*time.Millisecond))
		q := bankTotal{proxy: r.IntN(bankProxies), begin: []string{"BEGIN", "START TRANSACTION READ ONLY"}[r.IntN(2)],
			accounts: bankVault, sql: fmt.Sprintf("SELECT id, balance FROM accounts WHERE id > %d", bankAccounts-bankVault)}
		if r.IntN(4) == 0 {
			q.accounts, q.sql = bankAccounts, "SELECT id, balance FROM accounts"
		}
		b.checkTotal(q)
	}
}

// bankTotal is a question for the sum of all accounts of a closed circle.
type bankTotal struct {
	proxy    int
	begin    string
	accounts int64
	sql      string
}

func (b *bank) checkTotal(q bankTotal) {
	began := time.Now()
	rows, total, err := b.total(q)
	calm := b.faults.calmSince(began)
	switch code := codeOf(err); {
	case err != nil:
		b.seen.refused[reasonOf(err)]++
		if calm && code != bankDeadlock && code != bankLockWait {
			b.journal.fail("%+v: %v", q, err)
		}
	case rows != q.accounts || total != q.accounts*bankStart:
		b.journal.fail("SERIALIZABLE, from %s on, %+v sees %d accounts with %d, want %d", began.Format("05.000"), q, rows, total, q.accounts*bankStart)
	case calm:
		b.seen.totalsQuiet.Add(1)
	default:
		b.seen.totals.Add(1)
	}
}

// total sums balances in a transaction that has to be carried out as if it were alone.
func (b *bank) total(q bankTotal) (rows, total int64, err error) {
	conn, err := dialBank("raw", b.proxies[q.proxy].Addr)
	if err != nil {
		return 0, 0, err
	}
	defer conn.cut()
	for _, sql := range []string{"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", q.begin} {
		if _, err := conn.exec(sql); err != nil {
			return 0, 0, err
		}
	}
	accounts, err := conn.query(q.sql)
	if err != nil {
		return 0, 0, err
	}
	for _, a := range accounts {
		total += a[1]
	}
	// That it can be committed says that its locks were held all the time, in both groups.
	_, err = conn.exec("COMMIT")
	return int64(len(accounts)), total, err
}
