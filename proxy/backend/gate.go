package backend

import (
	"sync"
	"time"

	"serval/proxy/wire"
)

// gate.go: the short circuit before a node's dials. While a server is down its statements fail at once with the last
// dial's error; one dial at a time finds out whether it is back.

// retryAfter is the time for which a failed dial's error stands for the dials after it.
const retryAfter = 200 * time.Millisecond

// gate lets dials through while the server answers. After a failure it lets one through every retryAfter, and none
// beside that one, however long it takes.
type gate struct {
	mu      sync.Mutex
	down    *wire.Error // the last dial's error; nil when it succeeded
	until   time.Time   // when the next dial may try
	probing bool        // a dial is trying while down
}

// suspect tells whether the last dial failed.
func (g *gate) suspect() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.down != nil
}

// enter asks to dial. The caller calls fail, succeed or leave afterwards, unless it got an error.
func (g *gate) enter(now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.down == nil {
		return nil
	}
	if g.probing || now.Before(g.until) {
		e := *g.down // a copy: errors are edited on their way to the client
		return &e
	}
	g.probing = true
	return nil
}

// fail ends a dial with an error; it tells whether the server was thought to be up.
func (g *gate) fail(now time.Time, err *wire.Error) (news bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	news = g.down == nil
	e := *err
	g.down, g.until, g.probing = &e, now.Add(retryAfter), false
	return news
}

// succeed ends a dial that gave a connection; it tells whether the server was thought to be down.
func (g *gate) succeed() (news bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	news = g.down != nil
	g.down, g.probing = nil, false
	return news
}

// leave ends a dial that says nothing about the server.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
}
