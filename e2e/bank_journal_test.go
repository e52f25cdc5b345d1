package e2e

// bank_journal_test.go: the clients' own ledger: every transfer that was tried, and what the client was told of it.

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// bankOutcome is what a client knows of a transfer.
type bankOutcome string

const (
	bankAcknowledged bankOutcome = "acknowledged" // the client was told that it is committed
	bankRefused      bankOutcome = "refused"      // it was told that it is not, or it never asked for it
	bankUnknown      bankOutcome = "not known"    // it was told that this is not known, or told nothing
)

// bankEntry is one transfer. Its client writes it until it is noted.
type bankEntry struct {
	id       int64
	from, to int64
	amount   int64

	began, ended time.Time
	proxy        int    // that carried it
	how          string // the driver and the forms of statements, for whoever looks for a mistake
	outcome      bankOutcome
	reason       string // an error's number and where, "" for none
	detail       string // the error's text
}

func (e *bankEntry) String() string {
	return fmt.Sprintf("transfer %d of %d from %d (shard %d) to %d (shard %d), %s to %s through Serval %d (%s): %s %s %s", e.id, e.amount, e.from, shardOf(e.from),
		e.to, shardOf(e.to), e.began.Format("05.000"), e.ended.Format("05.000"), e.proxy, e.how, e.outcome, e.reason, e.detail)
}

// bankJournal is all entries, and what clients saw that must not be.
type bankJournal struct {
	mu      sync.Mutex
	entries []*bankEntry
	known   []*bankEntry // those acknowledged
	wrong   []string
}

func newBankJournal() *bankJournal { return &bankJournal{} }

// note keeps an entry whose outcome is known.
func (j *bankJournal) note(e *bankEntry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
	if e.outcome == bankAcknowledged {
		j.known = append(j.known, e)
	}
}

func (j *bankJournal) fail(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.wrong = append(j.wrong, time.Now().Format("05.000 ")+fmt.Sprintf(format, args...))
}

// pick is one acknowledged transfer, nil when there is none; choose draws a number below n.
func (j *bankJournal) pick(choose func(n int) int) *bankEntry {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.known) == 0 {
		return nil
	}
	return j.known[choose(len(j.known))]
}

type bankCount struct{ all, acknowledged, refused, unknown int }

func (j *bankJournal) count() bankCount {
	n := bankCount{all: len(j.entries)}
	for _, e := range j.entries {
		switch e.outcome {
		case bankAcknowledged:
			n.acknowledged++
		case bankRefused:
			n.refused++
		default:
			n.unknown++
		}
	}
	return n
}

// reasons counts why transfers were refused or are not known.
func (j *bankJournal) reasons() string {
	count := map[string]int{}
	for _, e := range j.entries {
		if e.outcome != bankAcknowledged {
			count[e.reason]++
		}
	}
	return counted(count)
}

// counted is a text of how often each thing happened.
func counted(count map[string]int) string {
	var list []string
	for _, what := range slices.Sorted(maps.Keys(count)) {
		list = append(list, fmt.Sprintf("%s %d", what, count[what]))
	}
	return strings.Join(list, ", ")
}

// bankError is an error that a server has answered. All others are a connection's end.
type bankError struct {
	code    uint16
	message string
}

func (e *bankError) Error() string { return fmt.Sprintf("ERROR %d %s", e.code, e.message) }

const (
	bankLockWait = 1205
	bankDeadlock = 1213
	bankLost     = 2013
)

// codeOf is the number of a server's error, 0 for a connection's end.
func codeOf(err error) uint16 {
	var e *bankError
	if errors.As(err, &e) {
		return e.code
	}
	return 0
}

// refuse writes down an error of a statement before the one that would commit: whatever it is, nothing may be committed.
func (e *bankEntry) refuse(err error) {
	e.outcome, e.reason, e.detail = bankRefused, reasonOf(err), err.Error()
}

// reasonOf is a server's error's number, or that the connection ended.
func reasonOf(err error) string {
	if code := codeOf(err); code != 0 {
		return fmt.Sprint(code)
	}
	return "connection"
}

// judge writes down what an error of the statement that commits says. vague: it says neither that the transaction was
// rolled back nor that this is not known.
func (e *bankEntry) judge(err error) (vague bool) {
	e.refuse(err)
	code, text := codeOf(err), e.detail
	switch {
	case code == 0:
		e.outcome = bankUnknown
	case strings.Contains(text, "not known"):
		e.outcome = bankUnknown
	case code == bankDeadlock || code == bankLockWait || strings.Contains(text, "rolled back"):
	default:
		e.outcome, vague = bankUnknown, true
	}
	e.reason += " in COMMIT"
	return vague
}

// judgeAlone is judge for a statement that is a transaction of its own. A connection that a server lost in the middle of
// it (2013) leaves the client as it would without Serval: not knowing. An error of any other number is a refusal.
func (e *bankEntry) judgeAlone(err error) {
	if vague := e.judge(err); vague && codeOf(err) != bankLost {
		e.outcome = bankRefused
	}
	e.reason = strings.Replace(e.reason, "in COMMIT", "alone", 1)
}
