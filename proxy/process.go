package proxy

// process.go: what others may know of a session while it works: SHOW PROCESSLIST, information_schema.processlist, KILL.
// Everything here is behind one lock; the session's own goroutine writes, anybody reads. The text of a statement is
// not copied when it begins: it is the connection's buffer, which readers look at under the lock while the statement
// runs.

import (
	"sync"
	"time"
)

// process is the part of a session that others see.
type process struct {
	mu      sync.Mutex
	command string // "Query", "Sleep" …
	db      string
	info    []byte // the statement's text, nil when none runs
	since   time.Time
	pins    string // what pins it, in words
}

// begin notes a command.
func (p *process) begin(command, db string, text []byte, now time.Time) {
	p.mu.Lock()
	p.command, p.db, p.info, p.since = command, db, text, now
	p.mu.Unlock()
}

// end notes that the session waits for a command.
func (p *process) end(db string, now time.Time) {
	p.mu.Lock()
	p.command, p.db, p.info, p.since = "Sleep", db, nil, now
	p.mu.Unlock()
}

func (p *process) setPins(text string) {
	p.mu.Lock()
	p.pins = text
	p.mu.Unlock()
}
