package txn

// lockwaits.go: what a server knows of lock waits, and the rows of the table waits on it, read on a connection that is kept
// while there is something to watch. It draws no conclusions.
//
// MySQL has the waits in performance_schema.data_lock_waits, which is empty when performance_schema is OFF. MariaDB has
// them in information_schema.INNODB_LOCK_WAITS, which is a copy that the server renews only when nobody has looked at it
// for 0.1 s. How old the copy is tells the statement for which it was made, a Serval's: it stands in the copy itself, and
// says when it was sent.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"serval/proxy/backend"
)

// readTimeout bounds one reading of a server, with its retries: one that hangs must not hold the others up for long. After
// a failure it is doubled, since what servers tell grows with the square of those who wait for one row.
const readTimeout = time.Second

// reading is what a server said between begin and end.
type reading struct {
	begin, end time.Time
	now        int64         // the server's clock, in microseconds, not before begin
	old        time.Duration // how old the waits may be
	waits      []wait
	rows       []row
}

// at is the time at which the server's clock showed something, or a little earlier.
func (r *reading) at(clock int64) time.Time {
	return r.begin.Add(time.Duration(clock-r.now) * time.Microsecond)
}

// age is the time since a row was renewed.
func (r *reading) age(w row) time.Duration { return time.Duration(r.now-w.seen) * time.Microsecond }

// row is a row of the table waits: a part of a transaction, from since until seen by the clock of the server that has the
// row. The transaction started by the clock of the Serval that wrote it.
type row struct {
	id                   string
	thread               uint64
	started, since, seen int64 // microseconds
}

func (w row) same(other row) bool { return w.id == other.id && w.thread == other.thread }

// lockReader reads one group's primary.
type lockReader struct {
	m     *Manager
	group string
	conn  *backend.Conn // nil: none at the moment

	last   *reading  // whose clock tells what the server's is now
	denied string    // why the server's waits cannot be read, as it was last logged
	after  time.Time // until when a server that failed is left alone

	failures int // since it was last read

	unpublished string // why the table waits cannot be used, as it was last logged
}

// errStale is a server that tells of lock waits of nobody knows when.
var errStale = errors.New("the server's lock waits are old")

// notWatched is a server that does not tell of its lock waits: to try again soon is of no use.
type notWatched struct{ why string }

func (e *notWatched) Error() string { return e.why }

const (
	retryNotWatched = 10 * time.Second
	retryFailed     = 2 * time.Second // at most, and from the second time on
)

// read reads the server; nil when that is not possible now.
func (r *lockReader) read(ctx context.Context) *reading {
	if time.Now().Before(r.after) {
		return nil
	}
	var got *reading
	err := r.with(ctx, func(ctx context.Context, c *backend.Conn) error {
		for {
			var err error
			if got, err = r.readOnce(c); !errors.Is(err, errStale) {
				return err
			}
			if !pause(ctx, renewed+rand.N(renewed)) {
				return err
			}
		}
	})
	if err != nil {
		r.failed(err)
		return nil
	}
	r.denied, r.failures = "", 0
	return got
}

// failed leaves a server alone for a while, and says why when that is news.
func (r *lockReader) failed(err error) {
	var not *notWatched
	switch {
	case errors.Is(err, errStale):
	case errors.As(err, &not):
		r.after = time.Now().Add(retryNotWatched)
		if r.denied != not.why {
			r.denied = not.why
			r.m.log.Warn("deadlocks between this group and others are not found, they end with the lock wait timeout", "group", r.group, "reason", not.why)
		}
	default:
		r.after = time.Now().Add(min(time.Duration(r.failures)*retryFailed/4, retryFailed))
		r.failures++
		r.m.log.Debug("lock waits could not be read", "group", r.group, "error", err)
	}
}

// with does something on the reader's connection, within readTimeout. A connection that broke is closed.
func (r *lockReader) with(ctx context.Context, do func(context.Context, *backend.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout<<min(r.failures, 1))
	defer cancel()
	if r.conn == nil {
		c, err := r.m.cluster.Group(r.group).Primary().AcquireBeside(ctx)
		if err != nil {
			return err
		}
		r.conn = c
		stop := context.AfterFunc(ctx, c.Discard)
		err = prepare(c)
		if !stop() || err != nil {
			r.drop()
			return errors.Join(err, ctx.Err())
		}
	}
	stop := context.AfterFunc(ctx, r.conn.Discard)
	err := do(ctx, r.conn)
	if !stop() || err != nil && code(err) == 0 && !errors.Is(err, errStale) && !errors.As(err, new(*notWatched)) {
		r.drop()
		err = errors.Join(err, ctx.Err())
	}
	return err
}

func (r *lockReader) drop() {
	r.conn.Discard()
	r.conn = nil
}

// rest gives the connection up.
func (r *lockReader) rest() {
	if r.conn != nil {
		r.conn.Release()
		r.conn = nil
	}
}

// clockSQL is the server's time in microseconds, whatever its time zone is.
const clockSQL = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"

func (r *lockReader) readOnce(c *backend.Conn) (*reading, error) {
	if r.last == nil && mariaDB(c) {
		if err := r.readClock(c); err != nil {
			return nil, err
		}
	}
	got := &reading{begin: time.Now()}
	answers, err := c.Pipeline(r.statements(c)...)
	if err != nil {
		return nil, err
	}
	got.end = time.Now()
	if mariaDB(c) {
		answers = answers[1:]
	}
	if err := got.readClock(&answers[0]); err != nil {
		return nil, err
	}
	r.last = got
	got.rows = r.publishedRows(&answers[1])
	if mariaDB(c) {
		return got, r.mariaDBWaits(got, answers[2:])
	}
	return got, r.mySQLWaits(got, answers[2:])
}

// readClock reads the server's clock alone.
func (r *lockReader) readClock(c *backend.Conn) error {
	got := &reading{begin: time.Now()}
	answers, err := c.Pipeline(clockSQL)
	if err != nil {
		return err
	}
	got.end, r.last = time.Now(), got
	return got.readClock(&answers[0])
}

func (r *reading) readClock(a *backend.Answer) (err error) {
	if a.Err != nil {
		return a.Err
	}
	if r.now, err = strconv.ParseInt(string(a.Rows[0][0]), 10, 64); err != nil {
		return fmt.Errorf("the server's clock: %w", err)
	}
	return nil
}

// statements are asked in one write. On MariaDB they are a transaction, so that it stands in what is read.
func (r *lockReader) statements(c *backend.Conn) []string {
	published := "SELECT id, thread, started, since, seen FROM " + r.m.table(waitsTable)
	if mariaDB(c) {
		now := r.last.now + time.Since(r.last.end).Microseconds()
		return []string{
			"START TRANSACTION WITH CONSISTENT SNAPSHOT", clockSQL, published,
			fmt.Sprintf("%s%d */ trx_id, trx_mysql_thread_id, trx_requested_lock_id, trx_rows_locked, IF(trx_query LIKE '%s%%', trx_query, NULL) FROM information_schema.INNODB_TRX",
				trxMark, now, trxMark),
			fmt.Sprintf("%s%d */ DISTINCT requesting_trx_id, requested_lock_id, blocking_trx_id FROM information_schema.INNODB_LOCK_WAITS", trxMark, now),
			"COMMIT",
		}
	}
	return []string{
		clockSQL, published,
		"SELECT @@performance_schema",
		"SELECT REQUESTING_ENGINE_TRANSACTION_ID, REQUESTING_ENGINE_LOCK_ID, BLOCKING_ENGINE_TRANSACTION_ID, REQUESTING_THREAD_ID, BLOCKING_THREAD_ID FROM performance_schema.data_lock_waits",
		"SELECT THREAD_ID, PROCESSLIST_ID FROM performance_schema.threads WHERE PROCESSLIST_ID > 0",
	}
}

// trxMark begins the statement that reads transactions from MariaDB; the server's clock follows, not later than when the
// statement came there.
const trxMark = "SELECT /* serval reads lock waits at "

// renewed is how long nobody may have read MariaDB's copy so that it is made anew.
const renewed = 110 * time.Millisecond

func mariaDB(c *backend.Conn) bool { return strings.Contains(c.ServerVersion(), "MariaDB") }

// mySQLWaits makes waits of performance_schema, whose threads have other numbers than connections.
func (r *lockReader) mySQLWaits(got *reading, answers []backend.Answer) error {
	for i, what := range []string{"", "SELECT on performance_schema.data_lock_waits", "SELECT on performance_schema.threads"} {
		if e := answers[i].Err; e != nil {
			return &notWatched{fmt.Sprintf("the account needs %s (%s)", what, e.Message)}
		}
	}
	if string(answers[0].Rows[0][0]) != "1" {
		return &notWatched{"the server runs with performance_schema=OFF"}
	}
	connections := map[string]uint64{}
	for _, t := range answers[2].Rows {
		connections[string(t[0])] = number(t[1])
	}
	got.waits = make([]wait, len(answers[1].Rows))
	for i, w := range answers[1].Rows {
		got.waits[i] = wait{group: r.group, lock: string(w[1]),
			waiter: side{string(w[0]), connections[string(w[3])]}, holder: side{string(w[2]), connections[string(w[4])]}}
	}
	return nil
}

// mariaDBWaits makes waits of information_schema. MariaDB numbers a transaction when it first writes or locks for writing;
// until then its number is 0, as that of others.
func (r *lockReader) mariaDBWaits(got *reading, answers []backend.Answer) error {
	for i := range answers[:2] {
		if e := answers[i].Err; e != nil {
			return &notWatched{fmt.Sprintf("the account needs PROCESS on *.* (%s)", e.Message)}
		}
	}
	t, made := mariaDBTrxs{byTrx: map[string]uint64{}, waiting: map[string][]uint64{}}, int64(0)
	for _, row := range answers[0].Rows {
		t.add(string(row[0]), number(row[1]), string(row[2]), number(row[3]))
		if mark, ours := strings.CutPrefix(string(row[4]), trxMark); ours {
			clock, _, _ := strings.Cut(mark, " ")
			made = max(made, int64(number([]byte(clock))))
		}
	}
	if got.old = time.Duration(got.now-made) * time.Microsecond; got.old > freshFor {
		return errStale
	}
	for _, row := range answers[1].Rows {
		got.waits = append(got.waits, t.waits(r.group, string(row[0]), string(row[1]), string(row[2]), answers[1].Rows)...)
	}
	return nil
}

const noNumber = "0"

// mariaDBTrxs are the transactions of a MariaDB server.
type mariaDBTrxs struct {
	byTrx   map[string]uint64   // connections, of those that have a number
	waiting map[string][]uint64 // of those without, by the lock that they wait for
	locking []uint64            // of those without that have locks and do not wait
}

func (t *mariaDBTrxs) add(trx string, thread uint64, requested string, locked uint64) {
	switch {
	case trx != noNumber:
		t.byTrx[trx] = thread
	case requested != "":
		t.waiting[requested] = append(t.waiting[requested], thread)
	}
	if trx == noNumber && locked > 0 {
		t.locking = append(t.locking, thread)
	}
}

// waits are those that a row stands for. Of transactions without a number it is known who waits for a lock, and for whom
// when there is only one; who holds a lock is known when only one without a number has any.
func (t *mariaDBTrxs) waits(group, waiter, lock, holder string, all []backend.Row) []wait {
	h := side{holder, t.byTrx[holder]}
	if holder == noNumber {
		if len(t.locking) != 1 {
			return nil
		}
		h = side{noNumber + "/" + strconv.FormatUint(t.locking[0], 10), t.locking[0]}
	}
	if waiter != noNumber {
		return []wait{{group: group, waiter: side{waiter, t.byTrx[waiter]}, holder: h, lock: lock}}
	}
	threads := t.waiting[lock]
	if len(threads) > 1 {
		for _, row := range all {
			if string(row[0]) == waiter && string(row[1]) == lock && string(row[2]) != holder {
				return nil
			}
		}
	}
	waits := make([]wait, 0, len(threads))
	for _, thread := range threads {
		waits = append(waits, wait{group: group, waiter: side{noNumber + "/" + strconv.FormatUint(thread, 10), thread}, holder: h, lock: lock})
	}
	return waits
}

// number reads a number as servers write it; NULL is 0.
func number(text []byte) uint64 {
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
