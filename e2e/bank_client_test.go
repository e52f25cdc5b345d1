package e2e

// bank_client_test.go: a client of the bank: which Serval it is connected to, and what one transfer is in SQL. Every form of
// statement that a transfer can be written with is drawn: one statement over both groups or one for each, locks in any
// order, savepoints before and after the second group has joined, all ways to commit.

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// bankClient is one of those that move money. It belongs to its goroutine.
type bankClient struct {
	*bank
	r      *rand.Rand
	number int
	made   int64 // transfers so far

	conn   bankConn // nil: none
	proxy  int      // that conn leads to, or the next one will
	driver string
	manual bool // autocommit is off on conn

	e           *bankEntry // the present transfer
	first, last int64      // its accounts in the order in which they are locked
}

func newBankClient(b *bank, number int, r *rand.Rand) *bankClient {
	return &bankClient{bank: b, r: r, number: number, proxy: number % bankProxies, driver: bankDrivers[number%len(bankDrivers)]}
}

// work moves money until the end.
func (c *bankClient) work() {
	for c.open() {
		if !c.connected() {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		c.transfer()
		if c.conn != nil && c.r.IntN(200) == 0 {
			c.conn.close()
			c.conn, c.proxy = nil, c.r.IntN(bankProxies)
		}
	}
	if c.conn != nil {
		c.conn.close()
	}
}

// connected connects where there is no connection, next time to the other Serval when this one is away.
func (c *bankClient) connected() bool {
	if c.conn != nil {
		return true
	}
	began := time.Now()
	conn, err := dialBank(c.driver, c.proxies[c.proxy].Addr)
	if err == nil {
		c.conn, c.manual = conn, c.chance(4)
		if c.manual {
			if _, err = conn.exec("SET autocommit = 0"); err != nil {
				c.drop()
			}
		}
	}
	if err != nil {
		if c.faults.calmSince(began) {
			c.journal.fail("client %d: connect: %v", c.number, err)
		}
		c.proxy = (c.proxy + 1) % bankProxies
	}
	return c.conn != nil
}

// drop ends a connection that is of no use.
func (c *bankClient) drop() {
	c.conn.cut()
	c.conn = nil
}

// chance is true once in n times.
func (c *bankClient) chance(n int) bool { return c.r.IntN(n) == 0 }

// transfer makes one transfer and notes what became of it.
func (c *bankClient) transfer() {
	c.made++
	c.e = &bankEntry{id: int64(c.number+1)*1_000_000_000 + c.made, amount: 1 + c.r.Int64N(50), began: time.Now(), proxy: c.proxy, how: c.driver}
	c.choose()
	proxy := c.proxy
	if !c.manual && c.chance(8) {
		c.noteOnly()
	} else {
		c.move()
	}
	c.e.ended = time.Now()
	if c.faults.calmSince(c.e.began) {
		c.judgeCalm()
	}
	c.journal.note(c.e)
	switch {
	case c.e.outcome == bankAcknowledged:
		select {
		case c.fresh <- c.e:
		default: // the readers have enough to do
		}
	case c.conn == nil:
		c.proxy = (proxy + 1) % bankProxies
	}
	if code, _, _ := strings.Cut(c.e.reason, " "); code == "2003" || code == "2013" {
		time.Sleep(drawn(c.r, 50*time.Millisecond)) // as applications do that try again
	}
}

// judgeCalm: where nothing fails, only locks and the client's own wish are reasons for a refusal.
func (c *bankClient) judgeCalm() {
	switch {
	case c.e.outcome == bankAcknowledged:
	case strings.HasPrefix(c.e.reason, "own") || strings.HasPrefix(c.e.reason, fmt.Sprint(bankLockWait)) || strings.HasPrefix(c.e.reason, fmt.Sprint(bankDeadlock)):
	default:
		c.journal.fail("nothing was failing: %s", c.e)
	}
}

// choose draws the accounts: any two, two that many want, two in one group, two in one shard, two of the vault.
func (c *bankClient) choose() {
	const open = bankAccounts - bankVault
	e := c.e
	e.from = 1 + c.r.Int64N(open)
	switch kind := c.r.IntN(20); {
	case kind < 2: // one shard
		e.to = e.from%(open-8) + 8
	case kind < 4: // one group
		for e.to = e.from; e.to == e.from || second(e.to) != second(e.from); {
			e.to = 1 + c.r.Int64N(open)
		}
	case kind < 8:
		e.from, e.to = c.two(1, bankHot)
	case kind < 10:
		e.from, e.to = c.two(open+1, bankVault)
	default:
		e.from, e.to = c.two(1, open)
	}
	if c.chance(10) {
		e.amount *= 20 // which the account may not have
	}
	c.first, c.last = e.from, e.to
	if c.chance(2) {
		c.first, c.last = e.to, e.from
	}
}

// two draws two of n accounts.
func (c *bankClient) two(from, n int64) (one, other int64) {
	one = c.r.Int64N(n)
	return from + one, from + (one+1+c.r.Int64N(n-1))%n
}

// noteOnly writes a transfer of nothing into the ledger, in one statement that is a transaction of its own.
func (c *bankClient) noteOnly() {
	c.e.amount = 0
	c.how("alone")
	c.gate.pass()
	n, err := c.conn.exec(bankLegs, c.legs()...)
	if err != nil {
		c.e.judgeAlone(err)
		c.after(err)
		return
	}
	c.e.outcome = bankAcknowledged
	if n != 2 {
		c.journal.fail("%d rows instead of 2 inserted: %s", n, c.e)
	}
}

// how adds to the description of the transfer.
func (c *bankClient) how(what string) { c.e.how += ", " + what }

// after is what a client does after an error: it rolls back, or goes on when the server has done so, or gives up.
func (c *bankClient) after(err error) {
	switch code := codeOf(err); {
	case errors.Is(err, errSilent) && c.faults.calmSince(time.Now().Add(-5*time.Second)):
		c.journal.fail("%v, and nothing has failed for long: %s", err, c.e)
		c.drop()
	case code == 0:
		c.drop()
	case code == bankDeadlock && c.chance(2): // nothing is open
	case c.chance(3):
		c.drop()
	default:
		if _, err := c.conn.exec("ROLLBACK"); err != nil {
			c.drop()
		}
	}
}

// bankLegs is the ledger's part of a transfer, in one statement.
const bankLegs = "INSERT INTO ledger (account, transfer, leg, amount) VALUES (?, ?, 1, ?), (?, ?, 2, ?)"

func (c *bankClient) legs() []int64 {
	e := c.e
	return []int64{e.from, e.id, -e.amount, e.to, e.id, e.amount}
}

// move is a transfer as a transaction.
func (c *bankClient) move() {
	if err := c.body(); err != nil {
		if c.e.refuse(err); c.conn != nil {
			c.after(err)
		}
		return
	}
	switch {
	case c.e.outcome != "": // given up within
	case c.chance(12):
		c.rollback("own wish")
	case c.chance(80):
		c.e.outcome, c.e.reason = bankUnknown, "own end in COMMIT"
		c.conn.leave("COMMIT")
		c.conn = nil
	default:
		c.commit()
	}
}

// rollback is the client's own decision.
func (c *bankClient) rollback(reason string) {
	c.e.outcome, c.e.reason = bankRefused, reason
	if _, err := c.conn.exec("ROLLBACK"); err != nil {
		c.drop()
	}
}

// commit commits in one of the ways that there are.
func (c *bankClient) commit() {
	sql, then := "COMMIT", ""
	switch c.r.IntN(30) {
	case 0:
		sql, then = "BEGIN", "ROLLBACK" // which commits what is open
	case 1:
		sql, then = "COMMIT AND CHAIN", "ROLLBACK"
	case 2:
		if c.manual {
			sql, then = "SET autocommit = 1", "SET autocommit = 0"
		}
	}
	if sql != "COMMIT" {
		c.how(sql)
	}
	c.gate.pass()
	if _, err := c.conn.exec(sql); err != nil {
		if vague := c.e.judge(err); vague {
			c.journal.fail("an error of %s that does not say what became of the transaction: %v: %s", sql, err, c.e)
		}
		c.after(err)
		if c.conn != nil && c.manual && sql[0] == 'S' {
			c.drop() // whether autocommit was changed does not matter here
		}
		return
	}
	c.e.outcome = bankAcknowledged
	if then != "" {
		if _, err := c.conn.exec(then); err != nil {
			c.drop()
		}
	}
}

// body is all statements before the one that ends the transaction.
func (c *bankClient) body() error {
	steps := []func() error{c.begin, c.lock, c.pay, c.book}
	for range c.r.IntN(3) / 2 * (1 + c.r.IntN(2)) { // savepoints, anywhere behind the first
		at := 1 + c.r.IntN(len(steps))
		steps = append(steps[:at:at], append([]func() error{c.detour}, steps[at:]...)...)
	}
	leaves := c.chance(80)
	for _, step := range steps {
		if err := step(); err != nil || c.e.outcome != "" {
			return err
		}
		if leaves && c.chance(3) {
			c.e.outcome, c.e.reason = bankRefused, "own end"
			c.drop()
			return nil
		}
	}
	return nil
}

func (c *bankClient) begin() error {
	if c.manual && c.chance(2) {
		c.how("autocommit=0")
		return nil
	}
	sql := []string{"BEGIN", "START TRANSACTION", "START TRANSACTION READ WRITE"}[c.r.IntN(3)]
	_, err := c.conn.exec(sql)
	return err
}

// do runs a statement of the transaction that has to change n rows. One that waited too long for a lock has changed
// nothing, and may be tried again.
func (c *bankClient) do(n int64, sql string, values ...int64) error {
	got, err := c.conn.exec(sql, values...)
	if codeOf(err) == bankLockWait && c.chance(2) {
		c.how("again")
		got, err = c.conn.exec(sql, values...)
	}
	if err == nil && got != n {
		c.journal.fail("%d rows instead of %d changed by %s %v: %s", got, n, sql, values, c.e)
	}
	return err
}

// lock locks both accounts and looks whether there is enough money.
func (c *bankClient) lock() error {
	balance := map[int64]int64{}
	read := func(sql string, ids ...int64) error {
		rows, err := c.conn.query(sql, ids...)
		for _, r := range rows {
			balance[r[0]] = r[1]
		}
		if err == nil && len(rows) != len(ids) {
			c.journal.fail("%d accounts instead of %d from %s %v: %s", len(rows), len(ids), sql, ids, c.e)
		}
		return err
	}
	var err error
	if c.chance(3) {
		c.how("locked together")
		err = read("SELECT id, balance FROM accounts WHERE id IN (?, ?) FOR UPDATE", c.first, c.last)
	} else if err = read("SELECT id, balance FROM accounts WHERE id = ? FOR UPDATE", c.first); err == nil {
		err = read("SELECT id, balance FROM accounts WHERE id = ? FOR UPDATE", c.last)
	}
	if err != nil {
		return err
	}
	if balance[c.e.from] < c.e.amount {
		c.rollback("own poverty")
	}
	return nil
}

// pay changes both balances.
func (c *bankClient) pay() error {
	e := c.e
	if c.chance(3) {
		c.how("paid together")
		return c.do(2, "UPDATE accounts SET balance = balance + CASE id WHEN ? THEN ? ELSE ? END WHERE id IN (?, ?)", e.from, -e.amount, e.amount, e.from, e.to)
	}
	delta := map[int64]int64{e.from: -e.amount, e.to: e.amount}
	for _, id := range []int64{c.first, c.last} {
		if err := c.do(1, "UPDATE accounts SET balance = balance + ? WHERE id = ?", delta[id], id); err != nil {
			return err
		}
	}
	return nil
}

// book writes the ledger, and sometimes reads it.
func (c *bankClient) book() error {
	e := c.e
	if c.chance(2) {
		c.how("booked together")
		if err := c.do(2, bankLegs, c.legs()...); err != nil {
			return err
		}
	} else {
		for leg, id := range []int64{e.from, e.to} {
			if err := c.do(1, "INSERT INTO ledger (account, transfer, leg, amount) VALUES (?, ?, ?, ?)", id, e.id, int64(leg+1), e.amount*int64(2*leg-1)); err != nil {
				return err
			}
		}
	}
	if !c.chance(8) {
		return nil
	}
	rows, err := c.conn.query("SELECT leg, amount FROM ledger WHERE account IN (?, ?) AND transfer = ? ORDER BY leg", e.from, e.to, e.id)
	if want := fmt.Sprint([][]int64{{1, -e.amount}, {2, e.amount}}); err == nil && fmt.Sprint(rows) != want {
		c.journal.fail("a transaction reads %v of its own rows, want %s: %s", rows, want, e)
	}
	return err
}

// detour does under a savepoint what must not be, and takes it back.
func (c *bankClient) detour() error {
	c.how("savepoint")
	id := c.first
	if c.chance(2) {
		id = c.last
	}
	if _, err := c.conn.exec("SAVEPOINT detour"); err != nil {
		return err
	}
	if err := c.do(1, "UPDATE accounts SET balance = balance + 1000000 WHERE id = ?", id); err != nil {
		return err
	}
	if err := c.do(1, "INSERT INTO ledger (account, transfer, leg, amount) VALUES (?, ?, 9, 1000000)", id, c.e.id); err != nil {
		return err
	}
	if _, err := c.conn.exec("ROLLBACK TO detour"); err != nil {
		return err
	}
	if !c.chance(2) {
		return nil
	}
	_, err := c.conn.exec("RELEASE SAVEPOINT detour")
	return err
}
