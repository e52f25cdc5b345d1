package ddl

// places.go: the physical statements. The first place goes alone: what a server has against the statement is said by it
// before anything was changed anywhere. Then all others go, the groups side by side, a few places of a group at a time,
// also when one of them fails: what is done is done, and the statement run again does the rest.

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/router"
)

type placeState string

const (
	placePending placeState = "pending"
	placeDone    placeState = "done"
	placeFailed  placeState = "failed"
)

// place is one physical statement and what became of it.
type place struct {
	*router.SchemaPlace
	number   int
	state    placeState
	earlier  bool   // it was done before this run
	before   string // its shape before the change
	now      shape
	err      error
	unknown  bool // it failed, and may be changed
	ok       wire.OK
	warnings []backend.Row
}

// name is what the log calls it.
func (p *place) name() string {
	switch {
	case len(p.Objects) == 0:
		return rewrite.Quote(p.Database)
	case p.Objects[0].Table == "":
		return rewrite.Quote(p.Objects[0].Database)
	}
	return rewrite.Quote(p.Objects[0].Database) + "." + rewrite.Quote(p.Objects[0].Table)
}

// short is what errors call it.
func (p *place) short() string {
	if p.Shard < 0 {
		return "group " + p.Group
	}
	return fmt.Sprintf("shard %d", p.Shard)
}

func (p *place) String() string {
	return fmt.Sprintf("%s (%s in group %s)", p.short(), p.name(), p.Group)
}

// mark stands before each physical statement, so that one whose Serval has died can be found on its server.
func mark(id uint64) string { return fmt.Sprintf("/* serval ddl %d */ ", id) }

// carryOut does what is not done.
func (r *run) carryOut() {
	var pending []*place
	for _, p := range r.places {
		if p.state != placeDone {
			pending = append(pending, p)
		}
	}
	if len(pending) == len(r.places) { // nothing is changed anywhere yet
		r.carryOutPlace(pending[0])
		if pending[0].state != placeDone {
			return
		}
		pending = pending[1:]
	}
	var wait sync.WaitGroup
	for _, p := range pending {
		wait.Go(func() {
			slot := r.slots[p.Group]
			slot <- struct{}{}
			defer func() { <-slot }()
			r.carryOutPlace(p)
		})
	}
	wait.Wait()
}

// carryOutPlace does one place and writes what became of it.
func (r *run) carryOutPlace(p *place) {
	failpoint("ddl-before-place", r.id)
	if p.err = r.journal.holds(); p.err != nil { // without its locks another run may have begun
		p.state = placeFailed
		return
	}
	p.err = r.ask(p)
	failpoint("ddl-after-place", r.id)
	if p.err == nil || r.doneAnyway(p) {
		r.done(p)
	} else {
		p.state = placeFailed
	}
	if err := r.journal.note(r.id, p); err != nil {
		r.log.Warn("a place of a schema change could not be logged", "id", r.id, "place", p.String(), "error", err)
	}
	failpoint("ddl-noted-place", r.id)
}

// done notes a place that is done.
func (r *run) done(p *place) {
	p.state, p.err, p.unknown = placeDone, nil, false
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.model == nil {
		r.model = p
	}
}

// ask sends the statement to its server.
func (r *run) ask(p *place) error {
	c, err := r.job.Conns.Take(p.Group, p.Database)
	if err != nil {
		return err
	}
	p.ok, err = c.Exec(mark(r.id) + p.SQL)
	if code(err) == 0 && err != nil {
		p.unknown = true
	}
	if err == nil && p.ok.Warnings > 0 {
		if rows, said := c.Query("SHOW WARNINGS"); said == nil {
			p.warnings = rows
		}
	}
	r.job.Conns.Give(c, err)
	return err
}

// doneAnyway tells whether a place that answered an error has the statement behind it all the same: the connection broke
// when the server had done it, or it was done before and nobody knew.
func (r *run) doneAnyway(p *place) bool {
	if r.repeats() || !p.unknown && !already(code(p.err)) {
		return false
	}
	if p.unknown && r.awaitOrphansOf(p.Group, orphanShort) != nil {
		return false
	}
	var now shape
	err := r.beside(p.Group, func(c *backend.Conn) (err error) {
		now, err = readShape(c, p.SchemaPlace)
		return err
	})
	if err != nil {
		return false
	}
	broke := p.unknown
	p.unknown = false
	switch {
	case broke:
		return now.raw != p.before
	case r.resumed && now.raw != p.before:
		return r.likeDone(now, true)
	}
	return r.likeDone(now, false)
}

// likeDone compares a shape with that of a place that is done; alone is the answer when there is none.
func (r *run) likeDone(now shape, alone bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.model == nil {
		return alone
	}
	if r.known == "" {
		err := r.beside(r.model.Group, func(c *backend.Conn) error {
			s, err := readShape(c, r.model.SchemaPlace)
			r.known = s.logical
			return err
		})
		if err != nil {
			return false
		}
	}
	return r.known == now.logical
}

// already tells whether an error says that there is already what the statement makes, or no more what it takes away.
func already(code uint16) bool {
	switch code {
	case 1005, // MariaDB: the foreign key is there
		1050, 1051, // table
		1054, 1060, // column
		1061, 1068, 1091, 1176, // key
		1146,
		1507, 1517, // partition
		1826, 3821, 3822: // constraint
		return true
	}
	return false
}

// How long a statement of a run before is waited for.
const (
	orphanShort = 5 * time.Second
	orphanLong  = 30 * time.Second
	orphanLook  = 50 * time.Millisecond
)

// awaitOrphans waits until no server is at a statement of a run before, whose Serval may have died meanwhile.
func (r *run) awaitOrphans() error {
	limit := orphanLong
	if r.job.LockWait >= 0 {
		limit = min(limit, r.job.LockWait)
	}
	asked := map[string]bool{}
	for _, p := range r.places {
		if asked[p.Group] {
			continue
		}
		asked[p.Group] = true
		if err := r.awaitOrphansOf(p.Group, limit); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) awaitOrphansOf(group string, limit time.Duration) error {
	return r.beside(group, func(c *backend.Conn) error {
		for end := time.Now().Add(limit); ; time.Sleep(orphanLook) {
			running, err := orphan(c, r.id)
			if err != nil || !running {
				return err
			}
			if time.Now().After(end) {
				return &wire.Error{Code: codeLockWait, State: "HY000", Message: fmt.Sprintf("Lock wait timeout exceeded; the statement of schema change %d still runs in group %s: try again when it has ended", r.id, group)}
			}
		}
	})
}

// orphan tells whether a server is at a statement of a change.
func orphan(c *backend.Conn, id uint64) (bool, error) {
	rows, err := c.Query("SHOW FULL PROCESSLIST")
	if err != nil {
		return false, err
	}
	for _, row := range rows { // Id, User, Host, db, Command, Time, State, Info
		if len(row) > 7 && strings.HasPrefix(string(row[7]), mark(id)) {
			return true, nil
		}
	}
	return false, nil
}
