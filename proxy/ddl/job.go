package ddl

// job.go: one run of a schema change, from its locks to its end. What the places are asked is in places.go.

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
)

// Connections gives a run its connections. Its methods are called by several goroutines.
type Connections interface {
	// Beside gives a connection beside the pools, in no particular state.
	Beside(group string) (*backend.Conn, error)
	// Take gives a connection in the session's state, in a database ("": any).
	Take(group, database string) (*backend.Conn, error)
	// Shield says that from now on nothing that happens to the session ends what a connection does.
	Shield(c *backend.Conn)
	// Give takes a connection back; err is what ended its use. A connection with an error that is not a server's answer
	// is of no more use.
	Give(c *backend.Conn, err error)
}

// Job is a statement that is to be carried out.
type Job struct {
	Change   *router.SchemaChange
	Text     string        // the client's
	Database string        // logical, that is current
	Session  string        // the session's state, for those who read the log
	Proxy    string        // which Serval this is
	LockWait time.Duration // for the locks on the tables; negative: as long as the servers wait by themselves
	Conns    Connections

	// Begin, Undo and End may write beside the log, in its transactions: when the change begins, when it has changed
	// nothing anywhere, when all is done. They may be nil.
	Begin, Undo, End func(*backend.Conn) error
}

// fingerprint is the same for the same statement in the same database.
func (j *Job) fingerprint() string {
	sum := sha256.Sum256([]byte(j.Database + "\x00" + strings.Trim(j.Text, "; \t\r\n")))
	return hex.EncodeToString(sum[:])
}

// Done is what a change that is done in all places answers.
type Done struct {
	OK       wire.OK       // affected rows and info of all places together
	Warnings []backend.Row // of one place, as SHOW WARNINGS gives them
	Version  uint64        // of the catalog from now on
	Resumed  uint64        // the number of the unfinished change that was completed, 0: it was none
}

// run is a job that has its locks.
type run struct {
	*Store
	job      *Job
	journal  *journal
	id       uint64
	places   []*place
	resumed  bool
	replaced []*Unfinished // that this change makes void

	mu    sync.Mutex // guards what follows
	model *place     // one that is done, nil: none is yet
	known string     // its shape, "" when it was not read yet
}

// Run carries a job out. Its error is a server's when nothing was changed anywhere, and else an *Incomplete.
func (s *Store) Run(job *Job) (*Done, error) {
	j, err := s.openJournal(job)
	if err != nil {
		return nil, err
	}
	defer j.close()
	r := &run{Store: s, job: job, journal: j}
	for i := range job.Change.Places {
		r.places = append(r.places, &place{SchemaPlace: &job.Change.Places[i], number: i, state: placePending})
	}
	failpoint("ddl-locked", 0)
	if err := r.begin(); err != nil {
		return nil, err
	}
	failpoint("ddl-logged", r.id)
	r.carryOut()
	failpoint("ddl-carried-out", r.id)
	return r.end()
}

// begin finds out whether this is a new change, and writes it into the log.
func (r *run) begin() error {
	var list []*Unfinished
	err := r.journal.ask(askTimeout, func() (err error) {
		list, err = r.unfinished(r.journal.conn)
		return err
	})
	if err != nil {
		return err
	}
	for _, u := range list {
		switch {
		case !u.touches(r.job.Change.Tables):
		case u.fingerprint == r.job.fingerprint():
			return r.resume(u)
		case r.job.Change.Verb == router.SchemaDrop && u.within(r.job.Change.Tables):
			r.replaced = append(r.replaced, u)
		default:
			return inTheWay(u)
		}
	}
	if err := r.lookAtAll(func(p *place, now shape) { p.before = now.raw }); err != nil {
		return err
	}
	return r.journal.begin(r)
}

// inTheWay refuses a statement on a table with another one that is not finished.
func inTheWay(u *Unfinished) error {
	var names []string
	for _, t := range u.Tables {
		names = append(names, keyName(t))
	}
	return &wire.Error{Code: codeUnknown, State: "HY000", Message: fmt.Sprintf(
		"Serval: schema change %d of %s is not finished (%d of %d places are done): run it again to complete it, or give it up with \"serval ddl forget %d\": %s",
		u.ID, strings.Join(names, ", "), u.Done(), len(u.Places), u.ID, clip(u.Statement, 200))}
}

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + " …"
	}
	return s
}

// resume takes an unfinished change up: what the log or the place's shape says to be done is not done again.
func (r *run) resume(u *Unfinished) error {
	r.id, r.resumed = u.ID, true
	known := map[string]*UnfinishedPlace{}
	next := 0
	for i := range u.Places {
		known[u.Places[i].Group+"\x00"+u.Places[i].Name] = &u.Places[i]
		next = max(next, u.Places[i].Number+1)
	}
	var added []*place
	for _, p := range r.places {
		was := known[p.Group+"\x00"+p.name()]
		if was == nil {
			p.number, next = next, next+1
			added = append(added, p)
			continue
		}
		p.number, p.before = was.Number, was.before
		if was.State == string(placeDone) && !r.repeats() {
			p.state, p.earlier = placeDone, true
		}
	}
	if err := r.awaitOrphans(); err != nil {
		return err
	}
	err := r.lookAtAll(func(p *place, now shape) {
		p.now = now
		if p.before == "" {
			p.before = now.raw
		}
	})
	if err != nil {
		return err
	}
	for _, p := range r.places {
		if p.state == placeDone {
			r.model, r.known = p, p.now.logical
			break
		}
	}
	for _, p := range r.places {
		if p.state != placeDone && !r.repeats() && p.now.raw != p.before && (r.known == "" || r.known == p.now.logical) {
			p.state, p.earlier = placeDone, true
		}
	}
	if err := r.journal.resume(r, added); err != nil {
		return err
	}
	for _, p := range r.places {
		if p.earlier {
			if err := r.journal.note(r.id, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// repeats tells whether another run has to do all places again: what was in a table since then is to go as well.
func (r *run) repeats() bool {
	return r.job.Change.Verb == router.SchemaTruncate || r.job.Change.Verb == router.SchemaOther
}

// lookAtAll reads the shapes of all places, the groups side by side.
func (r *run) lookAtAll(saw func(*place, shape)) error {
	byGroup := map[string][]*place{}
	for _, p := range r.places {
		byGroup[p.Group] = append(byGroup[p.Group], p)
	}
	var (
		wait sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for group, places := range byGroup {
		wait.Go(func() {
			err := r.beside(group, func(c *backend.Conn) error {
				for _, p := range places {
					now, err := readShape(c, p.SchemaPlace)
					if err != nil {
						return err
					}
					mu.Lock()
					saw(p, now)
					mu.Unlock()
				}
				return nil
			})
			if err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if len(errs) > 0 {
		return errs[0]
	}
	return nil
}

// beside asks a group on a connection that the session's end cuts.
func (r *run) beside(group string, ask func(*backend.Conn) error) error {
	c, err := r.job.Conns.Beside(group)
	if err != nil {
		return err
	}
	if _, err = c.Exec(ownState); err == nil && r.job.LockWait >= 0 {
		_, err = c.Exec(fmt.Sprintf("SET SESSION lock_wait_timeout = %d", max(1, int(r.job.LockWait.Seconds()))))
	}
	if err == nil {
		err = ask(c)
	}
	r.job.Conns.Give(c, err)
	return err
}

// end writes the outcome.
func (r *run) end() (*Done, error) {
	var failed []*place
	changed := false
	for _, p := range r.places {
		switch {
		case p.state != placeDone:
			failed = append(failed, p)
			changed = changed || p.unknown
		default:
			changed = true
		}
	}
	if len(failed) == 0 {
		if err := r.compare(); err != nil {
			return nil, r.incomplete(err)
		}
		version, err := r.journal.finish(r)
		if err != nil {
			return nil, r.incomplete(err)
		}
		d := r.answer()
		d.Version = version
		return d, nil
	}
	first := failed[0].err
	for _, p := range failed {
		if p.err != nil {
			first = p.err
			break
		}
	}
	if !changed && !r.resumed {
		if err := r.journal.drop(r); err != nil {
			return nil, r.incomplete(err)
		}
		return nil, first
	}
	e := r.incomplete(first)
	if err := r.journal.fail(r.id, e); err != nil {
		r.log.Warn("the end of a schema change could not be logged", "id", r.id, "error", err)
	}
	return nil, e
}

// compare finds places that are unlike the others after a change was completed in several runs.
func (r *run) compare() error {
	if !r.resumed || r.job.Change.Verb == router.SchemaDrop || r.repeats() {
		return nil
	}
	if err := r.lookAtAll(func(p *place, now shape) { p.now = now }); err != nil {
		return err
	}
	for _, p := range r.places[1:] {
		if p.now.logical != r.places[0].now.logical {
			return &wire.Error{Code: codeUnknown, State: "HY000", Message: fmt.Sprintf(
				"%s is unlike %s: compare them with SHOW CREATE TABLE on the servers, make them alike, and run the statement again", p, r.places[0])}
		}
	}
	return nil
}

// Incomplete is a change that is done in some places and not in others, or of which that is not known.
type Incomplete struct {
	ID     uint64
	Done   int
	Places int
	First  error // what went wrong first
	state  string
}

func (e *Incomplete) Error() string {
	return fmt.Sprintf("%v; Serval: schema change %d is done in %d of %d places (%s): run the same statement again to complete it, \"serval ddl status\" lists what is not finished",
		said(e.First), e.ID, e.Done, e.Places, e.state)
}

func (e *Incomplete) Unwrap() error { return e.First }

// said is an error without the number that packets have beside it.
func said(err error) string {
	var refused *wire.Error
	if errors.As(err, &refused) {
		return refused.Message
	}
	if errors.Is(err, context.Canceled) {
		return "Query execution was interrupted"
	}
	return err.Error()
}

func (r *run) incomplete(first error) *Incomplete {
	e := &Incomplete{ID: r.id, Places: len(r.places), First: first}
	var done, not []string
	for _, p := range r.places {
		if p.state == placeDone {
			e.Done++
			done = append(done, p.short())
		} else {
			not = append(not, p.short())
		}
	}
	e.state = "done: " + list(done) + "; not: " + list(not)
	return e
}

// list is a short text of names.
func list(names []string) string {
	const most = 16
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// answer adds up what the places said.
func (r *run) answer() *Done {
	d := &Done{}
	if r.resumed {
		d.Resumed = r.id
	}
	var numbers [3]uint64
	info, first := false, true
	for _, p := range r.places {
		if p.earlier {
			continue
		}
		if first {
			d.OK, d.Warnings = p.ok, p.warnings
			d.OK.AffectedRows, first = 0, false
		} else if p.Shard < 0 {
			continue // a copy did the same
		}
		d.OK.AffectedRows += p.ok.AffectedRows
		if len(p.ok.Info) > 0 {
			info = true
			for i, n := range infoNumbers(p.ok.Info) {
				numbers[i] += n
			}
		}
	}
	d.OK.LastInsertID, d.OK.Status, d.OK.Track = 0, 0, nil
	if info {
		d.OK.Info = fmt.Appendf(nil, "Records: %d  Duplicates: %d  Warnings: %d", numbers[0], numbers[1], d.OK.Warnings)
	}
	return d
}

// infoNumbers are the numbers in "Records: 3  Duplicates: 0  Warnings: 0".
func infoNumbers(info []byte) (n [3]uint64) {
	at, in := -1, false
	for _, b := range info {
		digit := b >= '0' && b <= '9'
		if digit && !in {
			at++
		}
		if in = digit; digit && at < len(n) {
			n[at] = n[at]*10 + uint64(b-'0')
		}
	}
	return n
}
