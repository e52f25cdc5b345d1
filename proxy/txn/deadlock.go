package txn

// deadlock.go: who waits for whom, over all groups, and which transaction has to end. A server sees the waits of its own
// transactions only; put together, with the parts of one transaction as one, they may be a circle. Servers are read one
// after the other and one transaction's waits may be over before the next server is read. So every fact here has the
// time for which it is known to have stood, and a circle counts when there was a moment at which all of it stood: nobody
// in a circle can leave it, so what was one then still is, until somebody ends.
//
// Nothing here knows servers, connections or clocks: facts come from lockwaits.go and detector.go.

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// wait says that a transaction on a server waits for a lock that another one holds, or has asked for before it.
type wait struct {
	group          string
	waiter, holder side
	lock           string // the one that is waited for, in the server's words
}

// side is a transaction as one server knows it.
type side struct {
	trx    string // the storage engine's number
	thread uint64 // of its connection, 0: it has none (a prepared one)
}

// part says that a connection works for a transaction over several groups.
type part struct {
	id     string // of the transaction, see Waiter
	group  string
	thread uint64
}

// span is the time for which something is known to have stood; none when it ends before it begins.
type span struct{ from, to time.Time }

func (s span) covers(at time.Time) bool { return !s.from.After(at) && !s.to.Before(at) }

// facts are what is known now, each for how long already.
type facts struct {
	waits   map[wait]span
	parts   map[part]span
	started map[string]int64 // by transaction: when it began, in microseconds
}

func newFacts() *facts {
	return &facts{waits: map[wait]span{}, parts: map[part]span{}, started: map[string]int64{}}
}

// forgetWaits is for a group whose server cannot be read.
func (f *facts) forgetWaits(group string) {
	maps.DeleteFunc(f.waits, func(w wait, _ span) bool { return w.group == group })
}

// sawWaits exchanges a group's waits for those that its server told of: it looked between begin and end.
func (f *facts) sawWaits(group string, found []wait, begin, end time.Time) {
	now := make(map[wait]span, len(found))
	for _, w := range found {
		s, known := f.waits[w]
		if !known {
			s.from = end
		}
		s.to = begin
		now[w] = s
	}
	f.forgetWaits(group)
	maps.Copy(f.waits, now)
}

// seenPart is a part of a transaction, for as long as it is known to have been one.
type seenPart struct {
	part
	span
	started int64
}

// sawParts exchanges all parts for which mine is true for those found.
func (f *facts) sawParts(mine func(part) bool, found []seenPart) {
	now := make(map[part]span, len(found))
	for _, p := range found {
		s, known := f.parts[p.part]
		if !known || p.from.Before(s.from) {
			s.from = p.from
		}
		if s.to.Before(p.to) {
			s.to = p.to
		}
		now[p.part] = s
		f.started[p.id] = p.started
	}
	maps.DeleteFunc(f.parts, func(p part, _ span) bool { return mine(p) })
	maps.Copy(f.parts, now)
}

// tidy forgets when transactions began of which nothing else is known.
func (f *facts) tidy() {
	known := map[string]bool{}
	for p := range f.parts {
		known[p.id] = true
	}
	for id := range f.started {
		if !known[id] {
			delete(f.started, id)
		}
	}
}

// between are the transactions that wait on one of their connections while somebody waits for them on another: what a
// circle over groups is made of, beside transactions of one group.
func (f *facts) between() map[string]bool {
	waits, held := map[Thread]bool{}, map[Thread]bool{}
	for w := range f.waits {
		waits[Thread{w.group, w.waiter.thread}] = true
		held[Thread{w.group, w.holder.thread}] = true
	}
	waiting, blocking := map[string][]Thread{}, map[string][]Thread{}
	for p := range f.parts {
		at := Thread{p.group, p.thread}
		if waits[at] {
			waiting[p.id] = append(waiting[p.id], at)
		}
		if held[at] {
			blocking[p.id] = append(blocking[p.id], at)
		}
	}
	between := map[string]bool{}
	for id, out := range waiting {
		in := blocking[id]
		if len(in) > 1 || len(in) == 1 && (len(out) > 1 || in[0] != out[0]) {
			between[id] = true
		}
	}
	return between
}

// waitsOf are the connections on which a transaction waits.
func (f *facts) waitsOf(id string) []Thread {
	var on []Thread
	for w := range f.waits {
		_, its := f.parts[part{id, w.group, w.waiter.thread}]
		if at := (Thread{w.group, w.waiter.thread}); its && !slices.Contains(on, at) {
			on = append(on, at)
		}
	}
	return on
}

// node is a transaction in the graph: one over several groups by its id, any other by its server's name for it.
type node struct {
	id         string
	group, trx string
}

// graph is who waits for whom.
type graph map[node]map[node]bool

// at is the graph of all that stood at a moment.
func (f *facts) at(moment time.Time) graph {
	owner := map[Thread]string{}
	for p, s := range f.parts {
		if s.covers(moment) {
			owner[Thread{p.group, p.thread}] = p.id
		}
	}
	of := func(group string, s side) node {
		if id := owner[Thread{group, s.thread}]; id != "" {
			return node{id: id}
		}
		return node{group: group, trx: s.trx}
	}
	g := graph{}
	for w, s := range f.waits {
		if !s.covers(moment) {
			continue
		}
		from, to := of(w.group, w.waiter), of(w.group, w.holder)
		if g[from] == nil {
			g[from] = map[node]bool{}
		}
		g[from][to] = true
	}
	return g
}

// victims are the transactions over several groups that have to end so that nobody waits in a circle: of each circle the
// one that began last. Every Serval that sees the same chooses the same.
func (f *facts) victims(moment time.Time) []string {
	g := f.at(moment)
	var ids []string
	for {
		progress := false
		for _, circle := range g.circles() {
			last, found := f.youngest(circle)
			if !found {
				continue // of one server: that ends it
			}
			ids = append(ids, last)
			g.remove(node{id: last})
			progress = true
		}
		if !progress {
			return ids
		}
	}
}

// youngest is the transaction over several groups that began last.
func (f *facts) youngest(circle []node) (id string, found bool) {
	for _, n := range circle {
		if n.id == "" {
			continue
		}
		if !found || cmp.Or(cmp.Compare(f.started[n.id], f.started[id]), cmp.Compare(n.id, id)) > 0 {
			id, found = n.id, true
		}
	}
	return id, found
}

func (g graph) remove(n node) {
	delete(g, n)
	for _, to := range g {
		delete(to, n)
	}
}

// circles are the sets of transactions that all wait for each other, directly or through others: the strongly connected
// components of the graph that have an edge inside (Tarjan's algorithm).
func (g graph) circles() [][]node {
	s := search{graph: g, number: map[node]int{}, low: map[node]int{}, on: map[node]bool{}}
	for n := range g {
		if s.number[n] == 0 {
			s.visit(n)
		}
	}
	return s.found
}

type search struct {
	graph  graph
	number map[node]int // in the order of visits, from 1
	low    map[node]int
	stack  []node
	on     map[node]bool
	found  [][]node
}

func (s *search) visit(n node) {
	s.number[n] = len(s.number) + 1
	s.low[n] = s.number[n]
	s.stack, s.on[n] = append(s.stack, n), true
	for to := range s.graph[n] {
		switch {
		case s.number[to] == 0:
			s.visit(to)
			s.low[n] = min(s.low[n], s.low[to])
		case s.on[to]:
			s.low[n] = min(s.low[n], s.number[to])
		}
	}
	if s.low[n] != s.number[n] {
		return
	}
	i := slices.Index(s.stack, n)
	component := slices.Clone(s.stack[i:])
	for _, m := range component {
		delete(s.on, m)
	}
	s.stack = s.stack[:i]
	if len(component) > 1 || s.graph[n][n] {
		s.found = append(s.found, component)
	}
}
