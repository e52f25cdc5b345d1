package txn

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"serval/proxy/backend"
)

// second is a moment of the tests.
func second(n float64) time.Time {
	return time.Unix(1000, 0).Add(time.Duration(n * float64(time.Second)))
}

// parseFacts reads facts as tests write them, all of which stood from 1 to 3 unless "from-to" follows:
//
//	part  ID GROUP THREAD
//	wait  GROUP THREAD>THREAD    the engine's number of a thread's transaction is "t" and the thread
//
// Transactions began in the order of their ids.
func parseFacts(t *testing.T, lines string) *facts {
	t.Helper()
	f := newFacts()
	for line := range strings.Lines(lines) {
		w := strings.Fields(line)
		if len(w) == 0 {
			continue
		}
		s := span{second(1), second(3)}
		var from, to float64
		if _, err := fmt.Sscanf(w[len(w)-1], "%g-%g", &from, &to); err == nil {
			s = span{second(from), second(to)}
		}
		switch w[0] {
		case "part":
			f.parts[part{w[1], w[2], number([]byte(w[3]))}] = s
			f.started[w[1]] = int64(w[1][0])
		case "wait":
			a, b, _ := strings.Cut(w[2], ">")
			f.waits[wait{group: w[1], waiter: side{"t" + a, number([]byte(a))}, holder: side{"t" + b, number([]byte(b))}}] = s
		default:
			t.Fatalf("%q", line)
		}
	}
	return f
}

func TestVictims(t *testing.T) {
	const two = "part A g1 1\n part A g2 1\n part B g1 2\n part B g2 2\n" // threads of different groups may have one number
	for _, c := range []struct {
		name, facts, victims, between string
	}{
		{"nobody waits", two, "", ""},
		{"one waits", two + "wait g1 1>2", "", ""},
		{"two wait for one", two + "part C g1 3\n part C g2 3\n wait g1 2>1\n wait g2 3>1", "", ""},
		{"a circle of two", two + "wait g1 1>2\n wait g2 2>1", "B", "A B"},
		{"the other way round", two + "wait g1 2>1\n wait g2 1>2", "B", "A B"},
		{"in one group: its server ends it", two + "wait g1 1>2\n wait g1 2>1", "B", ""},
		{"of others in one server", two + "wait g1 8>9\n wait g1 9>8", "", ""},
		{"a chain over groups", two + "part C g1 3\n part C g2 3\n wait g1 1>2\n wait g2 2>3", "", "B"},
		{"a circle of three", "part A g1 1\n part A g2 1\n part B g2 2\n part B g3 2\n part C g3 3\n part C g1 3\n" +
			"wait g2 1>2\n wait g3 2>3\n wait g1 3>1", "C", "A B C"},
		{"through a transaction of one group", two + "wait g1 1>7\n wait g1 7>2\n wait g2 2>1", "B", "A B"},
		{"through one that has no connection", two + "wait g1 1>0\n wait g2 2>1", "", "A"},
		{"a wait that came later", two + "wait g1 1>2\n wait g2 2>1 2.5-3", "", "A B"},
		{"a wait that was over", two + "wait g1 1>2\n wait g2 2>1 0-1.5", "", "A B"},
		{"a transaction of another Serval, not renewed", "part A g1 1 0.5-1.5\n part A g2 1\n part B g1 2\n part B g2 2\n wait g1 1>2\n wait g2 2>1", "", "A B"},
		{"unknown whose", "part A g1 1\n part A g2 1\n wait g1 1>2\n wait g2 2>1", "", "A"},
		{"for itself: two groups on one server", two + "wait g1 1>1", "A", ""},
		{"two circles with one in common", two + "part C g1 3\n part C g2 3\n wait g1 1>2\n wait g2 2>1\n wait g1 3>2\n wait g2 2>3", "C B", "A B C"},
		{"two circles", two + "part C g1 3\n part C g2 3\n part D g1 4\n part D g2 4\n wait g1 1>2\n wait g2 2>1\n wait g1 3>4\n wait g2 4>3", "B D", "A B C D"},
		{"waits in two groups at once", two + "wait g1 1>2\n wait g2 1>2", "", ""},
		{"waits in two groups and is waited for", two + "wait g1 1>2\n wait g2 1>8\n wait g2 2>1", "B", "A B"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := parseFacts(t, c.facts)
			if got := f.victims(second(2)); !sameSet(got, strings.Fields(c.victims)) {
				t.Errorf("victims %v, want %v", got, c.victims)
			}
			var between []string
			for id := range f.between() {
				between = append(between, id)
			}
			if !sameSet(between, strings.Fields(c.between)) {
				t.Errorf("between %v, want %v", between, c.between)
			}
		})
	}
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// TestSpans: what is read again goes on standing from when it was first read, what is missing once begins anew.
func TestSpans(t *testing.T) {
	f := newFacts()
	w := wait{group: "g1", waiter: side{"1", 1}, holder: side{"2", 2}, lock: "l"}
	other := wait{group: "g1", waiter: side{"1", 1}, holder: side{"2", 2}, lock: "another"}
	elsewhere := wait{group: "g2", waiter: side{"1", 1}, holder: side{"2", 2}, lock: "l"}
	f.sawWaits("g2", []wait{elsewhere}, second(0), second(1))
	for i, found := range [][]wait{{w}, {w, other}, {}, {w}} {
		f.sawWaits("g1", found, second(float64(i*2)), second(float64(i*2+1)))
		switch i {
		case 0:
			if f.waits[w].covers(second(0.5)) || f.waits[w].covers(second(1)) {
				t.Error("a wait that was read once stood at no moment that is known")
			}
		case 1:
			if !f.waits[w].covers(second(1)) || !f.waits[w].covers(second(2)) || f.waits[w].covers(second(2.5)) {
				t.Errorf("read twice: %v", f.waits[w])
			}
			if f.waits[other].covers(second(2)) {
				t.Error("another lock is another wait")
			}
		case 3:
			if f.waits[w].covers(second(2)) || len(f.waits) != 2 {
				t.Errorf("forgotten and read again: %v", f.waits)
			}
		}
	}
	p := part{"A", "g1", 1}
	all := func(part) bool { return true }
	f.sawParts(all, []seenPart{{p, span{second(1), second(0)}, 7}})
	if f.parts[p].covers(second(0)) || f.parts[p].covers(second(1)) {
		t.Errorf("%v", f.parts[p])
	}
	f.sawParts(all, []seenPart{{p, span{second(2), second(3)}, 7}})
	f.sawParts(all, []seenPart{{p, span{second(2), second(2)}, 7}}) // a row that was not renewed
	if !f.parts[p].covers(second(1)) || !f.parts[p].covers(second(3)) || f.started["A"] != 7 {
		t.Errorf("%v", f.parts[p])
	}
	f.sawParts(all, nil)
	if f.tidy(); len(f.parts)+len(f.started) != 0 {
		t.Errorf("%v %v", f.parts, f.started)
	}
}

// TestMariaDBWaits: transactions that have only locked for reading have no numbers there.
func TestMariaDBWaits(t *testing.T) {
	type trx struct {
		number    string
		thread    uint64
		requested string
		locked    uint64
	}
	for _, c := range []struct {
		name string
		trxs []trx
		rows []string // waiter lock holder
		want []string // waiter>holder, connections
	}{
		{"numbered", []trx{{"5", 1, "5:1", 1}, {"6", 2, "", 1}}, []string{"5 5:1 6"}, []string{"1>2"}},
		{"prepared without connection", []trx{{"5", 1, "5:1", 1}, {"6", 0, "", 1}}, []string{"5 5:1 6"}, []string{"1>0"}},
		{"one reader holds it", []trx{{"5", 1, "5:1", 1}, {"0", 2, "", 1}, {"0", 3, "", 0}}, []string{"5 5:1 0"}, []string{"1>2"}},
		{"two may hold it", []trx{{"5", 1, "5:1", 1}, {"0", 2, "", 1}, {"0", 3, "", 1}}, []string{"5 5:1 0"}, nil},
		{"two readers wait for one", []trx{{"0", 1, "0:1", 1}, {"0", 2, "0:1", 1}, {"6", 3, "", 1}}, []string{"0 0:1 6", "0 0:1 6"}, []string{"1>3", "2>3", "1>3", "2>3"}},
		{"two readers wait for two", []trx{{"0", 1, "0:1", 1}, {"0", 2, "0:1", 1}, {"6", 3, "", 1}, {"7", 4, "0:2", 1}}, []string{"0 0:1 6", "0 0:1 7"}, nil},
		{"one reader waits for two", []trx{{"0", 1, "0:1", 1}, {"6", 3, "", 1}, {"7", 4, "0:2", 1}}, []string{"0 0:1 6", "0 0:1 7"}, []string{"1>3", "1>4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			trxs := mariaDBTrxs{byTrx: map[string]uint64{}, waiting: map[string][]uint64{}}
			for _, x := range c.trxs {
				trxs.add(x.number, x.thread, x.requested, x.locked)
			}
			var rows []backend.Row
			for _, r := range c.rows {
				w := strings.Fields(r)
				rows = append(rows, backend.Row{[]byte(w[0]), []byte(w[1]), []byte(w[2])})
			}
			var got []string
			for _, r := range rows {
				for _, w := range trxs.waits("g", string(r[0]), string(r[1]), string(r[2]), rows) {
					got = append(got, fmt.Sprintf("%d>%d", w.waiter.thread, w.holder.thread))
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
