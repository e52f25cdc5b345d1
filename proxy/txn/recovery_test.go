package txn

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"serval/config"
	"serval/proxy/backend"
	"serval/proxy/wire"
)

// recovery_test.go: what needs no server: which branches are due when, which verdicts may go, what is read from a list.

const storeA, storeB = "00000000000000aa", "00000000000000bb"

// newTestManager has groups g0 (store a), g1 and g2 (store b, on one server) that nobody dials.
func newTestManager(t *testing.T) *Manager {
	t.Helper()
	var groups []config.Group
	for _, name := range []string{"g0", "g1", "g2"} {
		groups = append(groups, config.Group{Name: name, Primary: config.Node{Address: "127.0.0.1:1"}})
	}
	cluster := backend.Open(groups, nil)
	t.Cleanup(cluster.Close)
	m := New(cluster, config.Transactions{Database: "serval"}, slog.New(slog.DiscardHandler))
	for group, k := range map[string]identity{"g0": {storeA, "one"}, "g1": {storeB, "two"}, "g2": {storeB, "two"}} {
		m.stores[group].known.Store(&k)
	}
	return m
}

func TestDue(t *testing.T) {
	m := newTestManager(t)
	s := m.scanners[1]
	x := XID{ID: NewID(storeA, 1), Thread: 5}
	list := &prepared{ours: []XID{x}, foreign: 2}
	start := time.Now()
	look := func(after time.Duration, list *prepared, want int) {
		t.Helper()
		if got := len(s.due(list, start.Add(after))); got != want {
			t.Fatalf("after %v: %d branches are due, want %d", after, got, want)
		}
	}
	m.Start(x.ID)
	look(0, list, 0)
	look(othersGrace, list, 0) // it is this process's
	look(ownGrace, list, 1)
	s.finished(x, RolledBack, true, nil, start)
	m.Finish(x.ID)
	look(0, &prepared{}, 0)
	look(0, list, 0) // as if another Serval had begun it
	look(othersGrace/2, list, 0)
	look(othersGrace/2, &prepared{}, 0)
	look(othersGrace, list, 0) // it was gone in between
	look(2*othersGrace, list, 1)
	look(3*othersGrace, list, 0) // somebody is at it
	if got := s.stats; got.InDoubt != 1 || got.Foreign != 2 {
		t.Fatalf("stats %+v", got)
	}
	s.finished(x, "", false, errors.New("no"), start.Add(3*othersGrace))
	look(3*othersGrace, list, 1)
	s.finished(x, "", false, errUnknownStore, start.Add(3*othersGrace))
	look(3*othersGrace, list, 0)
	look(time.Hour, list, 1) // the store could have been made
	if got := s.stats; got.InDoubt != 0 || got.Strangers != 1 {
		t.Fatalf("stats %+v", got)
	}
	s.finished(x, Committed, true, nil, start.Add(3*othersGrace))
	look(time.Hour, &prepared{}, 0)
	if got := s.stats; got.Committed != 1 || got.RolledBack != 1 || got.Strangers != 0 || got.Foreign != 0 {
		t.Fatalf("stats %+v", got)
	}

	m.Later(x.ID)
	select {
	case <-s.wake:
	default:
		t.Error("nobody was woken")
	}
	look(0, list, 1) // no grace
	m.forgetLater(time.Now().Add(2 * time.Hour))
	if len(m.later) != 0 {
		t.Error("what was given up is kept for ever")
	}
}

func TestSettled(t *testing.T) {
	m := newTestManager(t)
	id, other := NewID(storeA, 1), NewID(storeA, 1)
	none := map[ID]bool{other: true}
	all := lists{"g0": none, "g1": none, "g2": none}
	for _, c := range []struct {
		name         string
		participants []string
		in           lists
		want         bool
	}{
		{"nobody has it", []string{storeB}, all, true},
		{"no participants are known", nil, all, true},
		{"no participants are known, a group is silent", nil, lists{"g0": none, "g1": none}, false},
		{"still prepared", []string{storeB}, lists{"g0": none, "g1": none, "g2": {id: true}}, false},
		{"a participant is silent", []string{storeB}, lists{"g0": none, "g1": none}, false},
		{"another is silent", []string{storeB}, lists{"g1": none, "g2": none}, true},
		{"a participant is not known", []string{storeB, "00000000000000cc"}, all, false},
		{"nonsense", []string{""}, all, false},
	} {
		if got := m.settled(decision{id: id, participants: c.participants}, c.in); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestReadXID(t *testing.T) {
	x := XID{ID: NewID(storeA, 1), Thread: 17}
	id := x.ID.String()
	digits := func(n int) string { return string(rune('0'+n/10)) + string(rune('0'+n%10)) }
	for _, c := range []struct {
		row  []string
		ours bool
		fail bool
	}{
		{[]string{"1397051990", digits(len(id)), "2", id + "17"}, true, false},
		{[]string{"1397051990", digits(len(id)), "3", id + "17"}, false, false},
		{[]string{"1397051990", "99", "2", id + "17"}, false, false},
		{[]string{"1", digits(len(id)), "2", id + "17"}, false, false},
		{[]string{"-1", "1", "0", "x"}, false, false},
		{[]string{"1397051990", "0", "0", ""}, false, false},
		{[]string{"1397051990", "-1", "1", ""}, false, false},
		{[]string{"x", "0", "0", ""}, false, true},
		{[]string{"1397051990", "0", "0"}, false, true},
	} {
		var row backend.Row
		for _, v := range c.row {
			row = append(row, []byte(v))
		}
		got, ok, err := readXID(row)
		if ok != c.ours || (err != nil) != c.fail || ok && got != x {
			t.Errorf("%q: %v, %v, %v", c.row, got, ok, err)
		}
	}
}

func TestDecisionSQL(t *testing.T) {
	m := newTestManager(t)
	id := NewID(storeA, 1)
	got := m.DecisionSQL(id, []string{storeB, storeA, storeB})
	want := "INSERT INTO `serval`.`xa_decision` (`gtrid`, `verdict`, `participants`, `decided_at`) VALUES (_binary'" + id.String() +
		"', _ascii'commit', _binary'" + storeA + "," + storeB + "', "
	if !strings.HasPrefix(got, want) {
		t.Errorf("got %s\nwant %s…", got, want)
	}
}

func TestDeciders(t *testing.T) {
	m := newTestManager(t)
	for store, want := range map[string][]string{storeA: {"g0"}, storeB: {"g1", "g2"}} {
		if got, err := m.deciders(context.Background(), store); err != nil || !slices.Equal(got, want) {
			t.Errorf("deciders of %s: %v, %v, want %v", store, got, err, want)
		}
	}
	if _, err := m.Resolve(context.Background(), NewID("00000000000000cc", 1)); !errors.Is(err, errUnknownStore) {
		t.Errorf("a store of nobody's: %v", err)
	}
	if err := m.checkCopy("g1", &identity{storeB, "two"}); err != nil {
		t.Errorf("groups on one server: %v", err)
	}
	var refused *wire.Error
	if err := m.checkCopy("g1", &identity{storeA, "two"}); !errors.As(err, &refused) || !strings.Contains(refused.Message, "g0") {
		t.Errorf("a copied group: %v", err)
	}
}

func TestProcess(t *testing.T) {
	var list []backend.Row
	for _, text := range []string{"7|app|h|d|Sleep|1||", "71|app|h|d|Query|1|Waiting for semi-sync ACK from slave|COMMIT", "72|app|h|d|Query|1||xa commit 'a'", "73|app|h|d|Query|1||INSERT INTO t"} {
		var row backend.Row
		for _, v := range strings.Split(text, "|") {
			row = append(row, []byte(v))
		}
		list = append(list, row)
	}
	for thread, ending := range map[uint32]bool{7: false, 71: true, 72: true, 73: false} {
		if p := process(list, thread); p == nil || string(p.user) != "app" || p.ending() != ending {
			t.Errorf("connection %d: %v", thread, p)
		}
	}
	if p := process(list, 1); p != nil {
		t.Errorf("connection 1: %v", p)
	}
}
