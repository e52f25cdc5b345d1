package e2e

// bank_audit_test.go: the end of the bank: no transaction is left open or prepared on any server, and the rows on the
// servers are compared with each other and with what the clients were told.

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/servers"
)

// bankFinish is how long recovery may take when everything is back.
const bankFinish = 15 * time.Second

// bankWrongShown is how many mistakes of one kind are told in full.
const bankWrongShown = 5

// bankLeg is a row of the ledger.
type bankLeg struct{ account, leg, amount int64 }

// audit waits until everything is finished and compares.
func (b *bank) audit(t *testing.T) {
	t.Helper()
	began := time.Now()
	for _, n := range b.Nodes {
		b.awaitFinished(t, n, began.Add(bankFinish))
	}
	t.Logf("finished %v after the end", time.Since(began).Round(time.Millisecond))
	for i, w := range b.journal.wrong[:min(len(b.journal.wrong), bankWrongShown)] {
		t.Errorf("%d of %d: %s", i+1, len(b.journal.wrong), w)
	}
	balances := b.readBalances(t)
	ledger := b.readLedger(t)
	b.compareBalances(t, balances, ledger)
	b.compareLedger(t, ledger)
}

// awaitFinished waits until a server has no transaction any more, neither prepared nor open.
func (b *bank) awaitFinished(t *testing.T, s *servers.Server, deadline time.Time) {
	t.Helper()
	for {
		prepared, err := s.Query("XA RECOVER")
		if err != nil {
			t.Fatal(err)
		}
		open, err := s.Query("SELECT trx_mysql_thread_id, trx_state, trx_started, trx_rows_modified, trx_query FROM information_schema.innodb_trx")
		if err != nil {
			t.Fatal(err)
		}
		if len(prepared)+len(open) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("on %s there are %v after everything was back: prepared %v, open %v", s.Addr(), bankFinish, prepared, open)
			return
		}
		time.Sleep(200 * time.Millisecond) // innodb_trx is made anew when nobody has asked for 100 ms
	}
}

// eachRow reads a table on the servers themselves and calls f with each row and its shard.
func (b *bank) eachRow(t *testing.T, table *cluster.Table, columns string, f func(shard int, row []int64)) {
	t.Helper()
	for shard, p := range table.Places {
		rows, err := p.Node.Query(fmt.Sprintf("SELECT %s FROM `%s`.`%s`", columns, p.Database, p.Table))
		if err != nil {
			t.Fatal(err)
		}
		for _, texts := range rows {
			row := make([]int64, len(texts))
			for i, text := range texts {
				if row[i], err = strconv.ParseInt(text, 10, 64); err != nil {
					t.Fatal(err)
				}
			}
			f(shard, row)
		}
	}
}

// readBalances reads all accounts, each of which has to be in its shard, once.
func (b *bank) readBalances(t *testing.T) map[int64]int64 {
	t.Helper()
	balances := map[int64]int64{}
	b.eachRow(t, &b.Tables[0], "id, balance", func(shard int, row []int64) {
		if _, twice := balances[row[0]]; twice || shardOf(row[0]) != shard || row[0] < 1 || row[0] > bankAccounts {
			t.Errorf("account %v in shard %d is in the wrong place or there twice", row, shard)
		}
		balances[row[0]] = row[1]
	})
	return balances
}

// readLedger reads all legs by transfer, ordered by leg.
func (b *bank) readLedger(t *testing.T) map[int64][]bankLeg {
	t.Helper()
	ledger := map[int64][]bankLeg{}
	b.eachRow(t, &b.Tables[1], "transfer, account, leg, amount", func(shard int, row []int64) {
		if shardOf(row[1]) != shard {
			t.Errorf("leg %v is in shard %d, where it does not belong", row, shard)
		}
		ledger[row[0]] = append(ledger[row[0]], bankLeg{row[1], row[2], row[3]})
	})
	for _, legs := range ledger {
		slices.SortFunc(legs, func(x, y bankLeg) int { return int(x.leg - y.leg) })
	}
	return ledger
}

// compareBalances checks the total, and that every account has its start and what the ledger says.
func (b *bank) compareBalances(t *testing.T, balances map[int64]int64, ledger map[int64][]bankLeg) {
	t.Helper()
	moved := map[int64]int64{}
	for _, legs := range ledger {
		for _, l := range legs {
			moved[l.account] += l.amount
		}
	}
	var total int64
	var wrong []string
	for id := int64(1); id <= bankAccounts; id++ {
		got, there := balances[id]
		total += got
		if want := bankStart + moved[id]; !there || got != want || got < 0 {
			wrong = append(wrong, fmt.Sprintf("account %d (shard %d) has %d, there: %t, by the ledger %d", id, shardOf(id), got, there, want))
		}
	}
	if total != bankAccounts*bankStart {
		t.Errorf("the bank has %d, want %d", total, bankAccounts*bankStart)
	}
	showWrong(t, "accounts", wrong)
}

// compareLedger compares the servers' ledger with the clients'.
func (b *bank) compareLedger(t *testing.T, ledger map[int64][]bankLeg) {
	t.Helper()
	var lost, kept, half, foreign []string
	for _, e := range b.journal.entries {
		got := ledger[e.id]
		delete(ledger, e.id)
		switch whole := slices.Equal(got, []bankLeg{{e.from, 1, -e.amount}, {e.to, 2, e.amount}}); {
		case whole && e.outcome == bankRefused:
			kept = append(kept, e.String())
		case whole:
		case len(got) > 0:
			half = append(half, fmt.Sprintf("%v of %s", got, e))
		case e.outcome == bankAcknowledged:
			lost = append(lost, e.String())
		}
	}
	for id, legs := range ledger {
		foreign = append(foreign, fmt.Sprintf("%d: %v", id, legs))
	}
	showWrong(t, "transfers were acknowledged and are not there", lost)
	showWrong(t, "transfers were refused and are there", kept)
	showWrong(t, "transfers are there in part", half)
	showWrong(t, "transfers are there that nobody made", foreign)
}

func showWrong(t *testing.T, what string, list []string) {
	t.Helper()
	for i, w := range list[:min(len(list), bankWrongShown)] {
		t.Errorf("%s, %d of %d: %s", what, i+1, len(list), w)
	}
}
