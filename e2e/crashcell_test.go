package e2e

// crashcell_test.go: one cell of the crash matrix: a transaction over several groups that waits at one step of its commit,
// what its client was told, and what has to be there afterwards.

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"serval/e2e/failpoint"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

// crashShape is what a transaction does, in roles: 0 is the deciding group, 1 and 2 the ones after it.
type crashShape struct {
	name   string
	writes []int
	reads  []int
	alone  bool // one statement and autocommit; which group decides is Serval's choice
}

var (
	crashTwo     = crashShape{name: "two", writes: []int{0, 1}}
	crashThree   = crashShape{name: "three", writes: []int{0, 1, 2}}
	crashReader  = crashShape{name: "reader", writes: []int{0, 1}, reads: []int{2}}
	crashDecider = crashShape{name: "reading-decider", writes: []int{1, 2}, reads: []int{0}}
	crashAlone   = crashShape{name: "one statement", writes: []int{0, 1, 2}, alone: true}
)

// crashBalance is what every account has before.
const crashBalance = 100

// crashCell is a transaction that is to stop when it comes to a step for the nth time.
type crashCell struct {
	shape  crashShape
	decide int // the deciding group
	step   string
	nth    int

	id       string // its gtrid, when it has come to a step
	base     int64  // its accounts are base, base+1, base+2, in groups 0, 1, 2
	counts   map[string]int
	hit      *failpoint.Hit // where it waits
	killed   bool           // its Serval was killed there: what was not decided never is
	began    chan struct{}  // closed when id is known
	reached  chan struct{}  // closed when it waits
	answered chan struct{}  // closed when its client knows, see answer
	answer   crashAnswer
	conn     *raw.Conn
}

func (c *crashCell) String() string {
	return fmt.Sprintf("%s decided in g%d, at %s %d", c.shape.name, c.decide, c.step, c.nth)
}

// crashAnswer is what the client was told of its transaction.
type crashAnswer struct {
	truth  crashTruth
	text   string
	commit bool // it is the answer to COMMIT
	at     time.Time
}

type crashTruth int

// What a client may believe.
const (
	crashUnknown crashTruth = iota // the connection ended, or the answer says so
	crashCommitted
	crashRefused // an error that says that nothing was committed
)

// knows tells whether the client has its answer.
func (c *crashCell) knows() bool {
	select {
	case <-c.answered:
		return true
	default:
		return false
	}
}

// group is the group of a role.
func (c *crashCell) group(role int) int { return (c.decide + role) % crashGroups }

// statements are the transaction but for its COMMIT: money from the first writer to the others.
func (c *crashCell) statements() []string {
	if c.shape.alone {
		return nil
	}
	list := []string{"BEGIN"}
	for role := range crashGroups {
		id := c.base + int64(c.group(role))
		if slices.Contains(c.shape.writes, role) {
			list = append(list, fmt.Sprintf("UPDATE account SET balance = balance + (%d) WHERE id = %d", c.change(role), id))
		}
		if slices.Contains(c.shape.reads, role) {
			list = append(list, fmt.Sprintf("SELECT balance FROM account WHERE id = %d", id))
		}
	}
	return list
}

// commit is the statement that commits.
func (c *crashCell) commit() string {
	if c.shape.alone {
		return fmt.Sprintf("UPDATE account SET balance = balance + 1 WHERE id IN (%d, %d, %d)", c.base, c.base+1, c.base+2)
	}
	return "COMMIT"
}

// change is what the transaction does to a role's account.
func (c *crashCell) change(role int) int {
	switch at := slices.Index(c.shape.writes, role); {
	case c.shape.alone:
		return 1
	case at < 0:
		return 0
	case at == 0:
		return 1 - len(c.shape.writes)
	}
	return 1
}

// wanted are the balances of the accounts in the order of the groups, with the transaction committed.
func (c *crashCell) wanted() [crashGroups]int {
	var w [crashGroups]int
	for role := range crashGroups {
		w[c.group(role)] = crashBalance + c.change(role)
	}
	return w
}

// decided tells whether the step comes after the decision.
func (c *crashCell) decided() bool {
	steps := failpoint.Session()
	return slices.Index(steps, c.step) >= slices.Index(steps, "after-commit-decision")
}

// run is the client's life. What it has been told is in answer when answered is closed.
func (c *crashCell) run(addr string) {
	defer func() {
		c.answer.at = time.Now()
		close(c.answered)
	}()
	conn, err := raw.Dial(addr, raw.Options{User: servers.User, Password: servers.Password, Database: "bank"})
	if err != nil {
		c.answer = crashAnswer{truth: crashRefused, text: "no login: " + err.Error()}
		return
	}
	c.conn = conn
	defer conn.Cut()
	for _, sql := range c.statements() {
		a, err := conn.Query(sql)
		switch {
		case err != nil: // COMMIT was not sent
			c.answer = crashAnswer{truth: crashRefused, text: fmt.Sprintf("%s: %v", sql, err)}
			return
		case a[0].Kind == raw.Error:
			c.answer = crashAnswer{truth: crashRefused, text: fmt.Sprintf("%s: ERROR %d: %s", sql, a[0].Code, a[0].Message)}
			_, _ = conn.Query("ROLLBACK")
			return
		}
	}
	a, err := conn.Query(c.commit())
	c.answer = readCommit(a, err)
	c.answer.commit = true
}

// readCommit is what a client makes of the answer to COMMIT.
func readCommit(a []raw.Answer, err error) crashAnswer {
	switch {
	case err != nil:
		return crashAnswer{truth: crashUnknown, text: err.Error()}
	case a[0].Kind != raw.Error:
		return crashAnswer{truth: crashCommitted, text: "OK"}
	}
	text := fmt.Sprintf("ERROR %d: %s", a[0].Code, a[0].Message)
	if a[0].Code == 2013 && strings.Contains(a[0].Message, "not known") {
		return crashAnswer{truth: crashUnknown, text: text}
	}
	return crashAnswer{truth: crashRefused, text: text}
}

// crashFate is what became of a transaction, as its accounts show it.
type crashFate int

const (
	crashTorn crashFate = iota // some of it
	crashAll
	crashNone
)

func (c *crashCell) fate(balances map[int64]int) crashFate {
	var is [crashGroups]int
	for g := range crashGroups {
		is[g] = balances[c.base+int64(g)]
	}
	switch is {
	case c.wanted():
		return crashAll
	case [crashGroups]int{crashBalance, crashBalance, crashBalance}:
		return crashNone
	}
	return crashTorn
}

// judge says what is wrong with what became of the transaction, "" when nothing is.
func (c *crashCell) judge(fate crashFate) string {
	switch {
	case fate == crashTorn:
		return "some branches committed and some did not"
	case fate == crashAll && c.answer.truth == crashRefused:
		return "the client was told that nothing was committed, and all was"
	case fate == crashNone && c.answer.truth == crashCommitted:
		return "the client was told that it was committed, and nothing is there"
	case fate == crashAll && c.killed && !c.decided():
		return "Serval died before the decision, and it was committed"
	case fate == crashNone && c.decided() && c.hit != nil:
		return "it was decided to commit, and nothing is there"
	}
	return ""
}

// crashCells makes the cells of a shape for each deciding group that is asked for, at every step and each time that the
// shape comes to it.
func crashCells(next *atomic.Int64, shape crashShape, deciding []int, steps []string) []*crashCell {
	var cells []*crashCell
	for _, d := range deciding {
		for _, step := range steps {
			for nth := range shape.times(step) {
				cells = append(cells, &crashCell{shape: shape, decide: d, step: step, nth: nth + 1, counts: map[string]int{},
					base:  crashGroups * next.Add(1),
					began: make(chan struct{}), reached: make(chan struct{}), answered: make(chan struct{})})
			}
		}
	}
	return cells
}

// times is how often a transaction of the shape comes to a step.
func (s crashShape) times(step string) int {
	switch step {
	case "before-xa-start", "after-xa-start": // every group but the first
		return len(s.writes) + len(s.reads) - 1
	case "before-prepare", "after-prepare", "before-xa-commit", "after-xa-commit": // every writer but the deciding group
		return len(s.writes) - 1 + len(s.readsFirst())
	}
	return 1
}

// readsFirst is the deciding group when it only reads: then all writers are branches.
func (s crashShape) readsFirst() []int {
	return slices.DeleteFunc(slices.Clone(s.reads), func(role int) bool { return role != 0 })
}
