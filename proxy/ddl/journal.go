package ddl

// journal.go: the log of one schema change while it is carried out. All is written on one connection, which also holds the
// locks on the logical tables: who has lost the locks cannot write any more. It does not know what the places do.

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
)

// journal is the connection; mu guards it.
type journal struct {
	store *Store
	mu    sync.Mutex
	conn  *backend.Conn
	give  func(*backend.Conn, error)
	err   error // what broke it
}

// openJournal takes the locks on a job's tables.
func (s *Store) openJournal(job *Job) (*journal, error) {
	conn, err := job.Conns.Beside(s.group)
	if err != nil {
		return nil, err
	}
	j := &journal{store: s, conn: conn, give: job.Conns.Give}
	err = j.ask(askTimeout, func() error {
		if _, err := conn.Exec(ownState); err != nil {
			return err
		}
		return s.make(conn)
	})
	if err == nil {
		err = j.lock(job)
	}
	if err != nil {
		j.close()
		return nil, err
	}
	job.Conns.Shield(conn)
	return j, nil
}

// lock takes the locks in one order, whatever the statement's is.
func (j *journal) lock(job *Job) error {
	names := map[string]router.TableKey{}
	var sorted []string
	for _, t := range job.Change.Tables {
		name := lockName(t)
		if _, have := names[name]; !have {
			names[name] = t
			sorted = append(sorted, name)
		}
	}
	slices.Sort(sorted)
	for _, name := range sorted {
		wait := "@@global.lock_wait_timeout"
		limit := time.Duration(0) // the server's own
		if job.LockWait >= 0 {
			wait, limit = strconv.Itoa(int(job.LockWait.Seconds())), job.LockWait+askTimeout
		}
		var got bool
		err := j.ask(limit, func() error {
			rows, err := j.conn.Query("SELECT GET_LOCK(" + asciiOf(name) + ", " + wait + ")")
			got = err == nil && len(rows) == 1 && string(rows[0][0]) == "1"
			return err
		})
		if err != nil {
			return err
		}
		if !got {
			t := names[name]
			return &wire.Error{Code: codeLockWait, State: "HY000", Message: fmt.Sprintf(
				"Lock wait timeout exceeded; try restarting transaction (another schema change of '%s' is being carried out)", keyName(t))}
		}
	}
	return nil
}

// lockName is the named lock of a table: names may be longer than those of locks.
func lockName(t router.TableKey) string {
	sum := sha256.Sum256([]byte(strings.ToLower(t.Database + "\x00" + t.Name)))
	return "serval.ddl." + hex.EncodeToString(sum[:16])
}

func keyName(t router.TableKey) string {
	if t.Name == "" {
		return t.Database
	}
	return t.Database + "." + t.Name
}

// ask asks within a time, 0: without limit. A connection that broke stays broken.
func (j *journal) ask(limit time.Duration, do func() error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	deadline := time.Time{}
	if limit > 0 {
		deadline = time.Now().Add(limit)
	}
	err := j.conn.NetConn().SetDeadline(deadline)
	if err == nil {
		err = do()
	}
	if err != nil && code(err) == 0 {
		j.err = fmt.Errorf("the log of schema changes in group %s cannot be written: %w", j.store.group, err)
		err = j.err
	}
	return err
}

// holds sees whether the locks are still there.
func (j *journal) holds() error {
	return j.ask(askTimeout, func() error {
		_, err := j.conn.Exec("DO 0")
		return err
	})
}

// close frees the locks.
func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	err := j.err
	if err == nil {
		err = errClosed // the connection has locks: it is not for others
	}
	j.give(j.conn, err)
}

var errClosed = fmt.Errorf("the schema change is over")

// begin writes the change with its places.
func (j *journal) begin(r *run) error {
	return j.transaction(func(c *backend.Conn) error {
		if err := j.prune(c); err != nil {
			return err
		}
		ok, err := c.Exec(fmt.Sprintf("INSERT INTO %s (statement, db, fingerprint, names, session, proxy, state, error, started_at) VALUES (%s, %s, %s, %s, %s, %s, 'running', '', %d)",
			j.store.table("ddl"), bytesOf(r.job.Text), bytesOf(r.job.Database), asciiOf(r.job.fingerprint()), bytesOf(joinKeys(r.job.Change.Tables)),
			bytesOf(r.job.Session), bytesOf(r.job.Proxy), time.Now().Unix()))
		if err != nil {
			return err
		}
		r.id = ok.LastInsertID
		if err := j.addPlaces(c, r.id, r.places); err != nil {
			return err
		}
		if r.job.Begin != nil {
			if err := r.job.Begin(c); err != nil {
				return err
			}
		}
		_, err = j.store.bump(c)
		return err
	})
}

// rowsAtOnce bounds one INSERT of places.
const rowsAtOnce = 200

func (j *journal) addPlaces(c *backend.Conn, id uint64, places []*place) error {
	for batch := range slices.Chunk(places, rowsAtOnce) {
		var rows []string
		for _, p := range batch {
			rows = append(rows, fmt.Sprintf("(%d, %d, %s, %s, %d, %s, 'pending', '')", id, p.number, bytesOf(p.Group), bytesOf(p.name()), p.Shard, asciiOf(p.before)))
		}
		if _, err := c.Exec("INSERT INTO " + j.store.table("ddl_place") + " (ddl, place, grp, name, shard, before_it, state, error) VALUES " + strings.Join(rows, ", ")); err != nil {
			return err
		}
	}
	return nil
}

// resume says that an unfinished change runs again, with places that it did not have.
func (j *journal) resume(r *run, added []*place) error {
	return j.transaction(func(c *backend.Conn) error {
		if _, err := c.Exec(fmt.Sprintf("UPDATE %s SET state = 'running', proxy = %s WHERE id = %d", j.store.table("ddl"), bytesOf(r.job.Proxy), r.id)); err != nil {
			return err
		}
		return j.addPlaces(c, r.id, added)
	})
}

// keepFor is for how long what is done stays in the log.
const keepFor = 7 * 24 * time.Hour

// prune forgets what was done long ago.
func (j *journal) prune(c *backend.Conn) error {
	old := fmt.Sprintf("state IN ('done', 'forgotten') AND ended_at < %d", time.Now().Add(-keepFor).Unix())
	if _, err := c.Exec("DELETE FROM " + j.store.table("ddl_place") + " WHERE ddl IN (SELECT id FROM " + j.store.table("ddl") + " WHERE " + old + ")"); err != nil {
		return err
	}
	_, err := c.Exec("DELETE FROM " + j.store.table("ddl") + " WHERE " + old)
	return err
}

// note writes what became of a place.
func (j *journal) note(id uint64, p *place) error {
	text := ""
	if p.err != nil {
		text = p.err.Error()
	}
	return j.ask(askTimeout, func() error {
		_, err := j.conn.Exec(fmt.Sprintf("UPDATE %s SET state = '%s', error = %s WHERE ddl = %d AND place = %d", j.store.table("ddl_place"), p.state, bytesOf(text), id, p.number))
		return err
	})
}

// finish writes that all places are done.
func (j *journal) finish(r *run) (version uint64, err error) {
	err = j.transaction(func(c *backend.Conn) error {
		ids := []string{strconv.FormatUint(r.id, 10)}
		if err := j.end(c, ids, "done"); err != nil {
			return err
		}
		ids = nil
		for _, old := range r.replaced {
			ids = append(ids, strconv.FormatUint(old.ID, 10))
		}
		if err := j.end(c, ids, "forgotten"); err != nil {
			return err
		}
		if r.job.End != nil {
			if err := r.job.End(c); err != nil {
				return err
			}
		}
		version, err = j.store.bump(c)
		return err
	})
	return version, err
}

func (j *journal) end(c *backend.Conn, ids []string, state string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := c.Exec(fmt.Sprintf("UPDATE %s SET state = '%s', error = '', ended_at = %d WHERE id IN (%s)", j.store.table("ddl"), state, time.Now().Unix(), strings.Join(ids, ", ")))
	return err
}

// fail writes that not all places are done.
func (j *journal) fail(id uint64, why error) error {
	return j.transaction(func(c *backend.Conn) error {
		_, err := c.Exec(fmt.Sprintf("UPDATE %s SET state = 'failed', error = %s WHERE id = %d", j.store.table("ddl"), bytesOf(why.Error()), id))
		if err == nil {
			_, err = j.store.bump(c)
		}
		return err
	})
}

// drop takes a change out that has changed nothing anywhere.
func (j *journal) drop(r *run) error {
	return j.transaction(func(c *backend.Conn) error {
		for _, sql := range []string{
			fmt.Sprintf("DELETE FROM %s WHERE ddl = %d", j.store.table("ddl_place"), r.id),
			fmt.Sprintf("DELETE FROM %s WHERE id = %d", j.store.table("ddl"), r.id),
		} {
			if _, err := c.Exec(sql); err != nil {
				return err
			}
		}
		if r.job.Undo != nil {
			if err := r.job.Undo(c); err != nil {
				return err
			}
		}
		_, err := j.store.bump(c)
		return err
	})
}

func (j *journal) transaction(do func(*backend.Conn) error) error {
	return j.ask(askTimeout, func() error { return within(j.conn, func() error { return do(j.conn) }) })
}

// joinKeys is a list of tables as one text, each in lower case: name, NUL, database, newline.
func joinKeys(tables []router.TableKey) string {
	var b strings.Builder
	for _, t := range tables {
		b.WriteString(strings.ToLower(t.Database) + "\x00" + strings.ToLower(t.Name) + "\n")
	}
	return b.String()
}

func splitKeys(s string) (tables []router.TableKey) {
	for _, line := range strings.Split(strings.TrimSuffix(s, "\n"), "\n") {
		db, name, _ := strings.Cut(line, "\x00")
		tables = append(tables, router.TableKey{Database: db, Name: name})
	}
	return tables
}
