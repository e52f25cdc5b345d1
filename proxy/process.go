package proxy

// process.go: what others may know of a session while it works: SHOW PROCESSLIST, information_schema.processlist, KILL.
// Everything here is behind one lock; the session's own goroutine writes, anybody reads. The text of a statement is
// not copied when it begins: it is the connection's buffer, which readers look at under the lock while the statement
// runs.

import (
	"cmp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/proxy/schemaview"
)

// process is the part of a session that others see.
type process struct {
	mu      sync.Mutex
	user    string // "" before the login
	host    string // with the port
	command string // "Query", "Sleep" …
	db      string
	info    []byte // the statement's text, nil when none runs
	since   time.Time
	pins    string // what pins it, in words
}

// login notes who the client is.
func (p *process) login(user, host, db string) {
	p.mu.Lock()
	p.user, p.host, p.command, p.db, p.since = user, host, "Sleep", db, time.Now()
	p.mu.Unlock()
}

// begin notes a command and its statement's text, which stays as it is until the next call.
func (p *process) begin(command, db string, text []byte, now time.Time) {
	p.mu.Lock()
	p.command, p.db, p.info, p.since = command, db, text, now
	p.mu.Unlock()
}

// end notes that the session waits for a command.
func (p *process) end(db string) {
	p.mu.Lock()
	p.command, p.db, p.info, p.since = "Sleep", db, nil, time.Now()
	p.mu.Unlock()
}

func (p *process) setPins(text string) {
	p.mu.Lock()
	p.pins = text
	p.mu.Unlock()
}

// owner is the user whose session it is.
func (p *process) owner() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.user
}

// shownInfo is how much of a statement SHOW PROCESSLIST shows without FULL.
const shownInfo = 100

// row is the process as the list of processes has it; most: bytes of the text, 0 for all.
func (p *process) row(id uint32, most int) schemaview.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	past := time.Since(p.since)
	r := schemaview.Process{
		ID: uint64(id), User: p.user, Host: p.host, Command: p.command,
		Seconds: int64(past / time.Second), Milliseconds: past.Milliseconds(),
	}
	state := p.pins
	if p.info != nil {
		text := p.info
		if most > 0 && len(text) > most {
			text = text[:most]
		}
		info := string(text)
		r.Info = &info
		if state != "" {
			state = ", " + state
		}
		state = "executing" + state
	}
	r.State = &state
	if p.db != "" {
		db := p.db
		r.Database = &db
	}
	return r
}

// processes are the sessions that the user may see: its own, or all for an administrator.
func (c *session) processes(most int) []schemaview.Process {
	c.srv.mu.Lock()
	sessions := make([]*session, 0, len(c.srv.sessions))
	for _, s := range c.srv.sessions {
		sessions = append(sessions, s)
	}
	c.srv.mu.Unlock()
	var rows []schemaview.Process
	for _, s := range sessions {
		if owner := s.process.owner(); owner != "" && (c.user.Admin || owner == c.user.Name) {
			rows = append(rows, s.process.row(s.id, most))
		}
	}
	slices.SortFunc(rows, func(a, b schemaview.Process) int { return cmp.Compare(a.ID, b.ID) })
	return rows
}

// showProcesses answers SHOW [FULL] PROCESSLIST, with the columns that a server has.
func (c *session) showProcesses(s *ast.ShowStmt) error {
	sql, most := "SHOW PROCESSLIST", shownInfo
	if s.Full {
		sql, most = "SHOW FULL PROCESSLIST", 0
	}
	t, err := c.learn(c.defaultGroup(), "", sql)
	if err != nil {
		return err
	}
	t.rows = nil
	optional := func(s *string) []byte {
		if s == nil {
			return nil
		}
		return []byte(*s)
	}
	for _, p := range c.processes(most) {
		row := [][]byte{strconv.AppendUint(nil, p.ID, 10), []byte(p.User), []byte(p.Host), optional(p.Database), []byte(p.Command),
			strconv.AppendInt(nil, p.Seconds, 10), optional(p.State), optional(p.Info)}
		for len(row) < len(t.columns) { // MariaDB's Progress
			row = append(row, []byte("0.000"))
		}
		t.addValues(row[:len(t.columns)]...)
	}
	c.warnings = c.warnings[:0]
	return c.answerTable(t)
}
