package proxy

// loadworker.go: one group's part of a LOAD DATA into a table in several places. Its goroutine has the group's connection
// until the session waits for it; it touches nothing of the session.

import (
	"errors"
	"io"
	"math"
	"strings"
	"sync"

	"serval/proxy/backend"
	"serval/proxy/loaddata"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/router"
)

var errEOF = io.EOF

// later is a stream that is not known yet.
type later struct{ io.Reader }

// failure is the first failure by the file's lines: one server would have stopped there.
type failure struct {
	mu   sync.Mutex
	line uint64
	err  error
}

// note keeps a failure when it is before the others.
func (f *failure) note(line uint64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil || line < f.line {
		f.line, f.err = line, err
	}
}

// row is the line that failed, the greatest number when none has.
func (f *failure) row() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		return math.MaxUint64
	}
	return f.line
}

// loadWorker loads batches into one group.
type loadWorker struct {
	group string
	conn  *backend.Conn
	first *failure

	in   chan loadJob
	done chan struct{}

	common   int    // warnings that every batch has
	renew    string // brings user variables back to what they were: servers look at their types when a statement begins
	counts   loaddata.Counts
	affected uint64
	warnings loaddata.Warnings
	status   uint16
	began    bool  // it has been given lines
	broken   error // the connection's end
}

// loadJob is a batch and the statement for it.
type loadJob struct {
	sql   []byte
	batch *loaddata.Batch
}

// worker gives the worker of a place's group, whose connection joins the transaction when it is the first time.
func (l *loading) worker(place, limit int) (*loadWorker, error) {
	return l.workerOf(l.load.Table.Shards[place].Group, limit)
}

func (l *loading) workerOf(group string, limit int) (*loadWorker, error) {
	for _, w := range l.workers {
		if w.group == group {
			return w, l.hold(w.conn) // KILL is heard here
		}
	}
	conn, err := l.join(group, l.state.backend(l.plan.DefaultDB), true)
	if err != nil {
		return nil, err
	}
	if l.pinsTime(l.plan) {
		if _, err := conn.Exec(l.timestamp()); err != nil {
			return nil, execFailed(conn, err)
		}
	}
	w := &loadWorker{group: group, conn: conn, first: &l.first, renew: l.variables(), in: make(chan loadJob, 1), done: make(chan struct{})}
	w.warnings.Limit = limit
	if len(l.workers) > 0 {
		w.common = l.workers[0].common
	}
	l.workers = append(l.workers, w)
	go w.work()
	return w, nil
}

// send gives the batch of a place to the workers that load it.
func (l *loading) send(place int) error {
	b := l.batches[place]
	l.held -= b.Size()
	l.batches[place] = nil
	if b.First() > l.first.row() {
		return nil
	}
	shards := l.load.Table.Shards[place : place+1]
	if l.load.Table.Kind != router.Sharded {
		shards = l.load.Table.Shards
	}
	for i, s := range shards {
		w, err := l.workerOf(s.Group, l.workers[0].warnings.Limit)
		if err != nil {
			return err
		}
		w.in <- loadJob{l.sqlOf(place + i), b}
	}
	return nil
}

// work loads what comes, until there is no more. After a failure only lines before it are of interest.
func (w *loadWorker) work() {
	defer close(w.done)
	for job := range w.in {
		if w.broken == nil && job.batch.First() <= w.first.row() {
			w.load(job)
		}
	}
}

func (w *loadWorker) load(job loadJob) {
	ok, err := w.give(job)
	if err == nil {
		w.status = ok.Status
		counts := loaddata.ParseCounts(ok.Info)
		counts.Warnings -= min(counts.Warnings, uint64(w.common))
		w.counts.Add(counts)
		w.affected += ok.AffectedRows
		if counts.Warnings == 0 || w.warnings.Full(job.batch.First()) {
			return
		}
		var list []loaddata.Warning
		if list, err = w.askWarnings(); err == nil {
			w.warnings.Add(job.batch, list[min(w.common, len(list)):])
			return
		}
	}
	line := job.batch.First()
	var e *wire.Error
	if !errors.As(err, &e) {
		w.broken = err
	} else if message, row := job.batch.Renumber(e.Message); row > 0 {
		e.Message, line = message, row
	}
	w.first.note(line, &loadFailure{w, err})
}

// loadFailure is a failure of one worker.
type loadFailure struct {
	worker *loadWorker
	err    error
}

func (f *loadFailure) Error() string { return f.err.Error() }
func (f *loadFailure) Unwrap() error { return f.err }

// give carries a batch out.
func (w *loadWorker) give(job loadJob) (wire.OK, error) {
	if w.began && w.renew != "" {
		if _, err := w.conn.Exec(w.renew); err != nil {
			return wire.OK{}, err
		}
	}
	w.began = true
	if err := w.conn.Send(job.sql); err != nil {
		return wire.OK{}, err
	}
	if _, err := w.conn.FileQuestion(); err != nil {
		return wire.OK{}, err
	}
	return w.conn.GiveFile(job.batch.Data)
}

// probe carries the statement out with an empty file, and gives the question for it.
func (w *loadWorker) probe(sql []byte) (question []byte, ok wire.OK, err error) {
	if err := w.conn.Send(sql); err != nil {
		return nil, ok, err
	}
	p, err := w.conn.FileQuestion()
	if err != nil {
		return nil, ok, err
	}
	question = append(question, p...)
	ok, err = w.conn.GiveFile(nil)
	w.status = ok.Status
	return question, ok, err
}

// askWarnings fetches the warnings of the last statement.
func (w *loadWorker) askWarnings() ([]loaddata.Warning, error) {
	rows, err := w.conn.Query("SHOW WARNINGS")
	var list []loaddata.Warning
	for _, r := range rows {
		if len(r) == 3 {
			list = append(list, loaddata.Warning{Level: string(r[0]), Code: string(r[1]), Message: string(r[2])})
		}
	}
	return list, err
}

// notOfCharset leaves out what a server says of the character set that Serval has named.
func notOfCharset(list []loaddata.Warning) (left []loaddata.Warning) {
	for _, w := range list {
		if !strings.Contains(w.Message, "utf8mb3") {
			left = append(left, w)
		}
	}
	return left
}

// counted are the workers whose numbers make the answer: of a broadcast table's copies one.
func (l *loading) counted() []*loadWorker {
	if l.load.Table.Kind != router.Sharded {
		return l.workers[:min(1, len(l.workers))]
	}
	return l.workers
}

// wait has the workers end.
func (l *loading) wait() {
	for _, w := range l.workers {
		if w.in != nil {
			close(w.in)
			<-w.done
			w.in = nil
		}
	}
}

// finish waits for the workers and does the transaction's books. Its error is the first failure by the file's lines, or
// what stopped the reading.
func (l *loading) finish(stopped error) error {
	l.wait()
	for _, w := range l.workers {
		if w.broken != nil {
			return l.failed(w, w.broken)
		}
	}
	err, last := l.first.err, l.lastWorker()
	var failed *loadFailure
	if errors.As(err, &failed) {
		last = failed.worker
	}
	if stopped != nil {
		err = stopped
	}
	for _, f := range []func() error{func() error { return l.remember(last) }, l.unpinTime} {
		if e := f(); e != nil && (err == nil || !isConnectionError(err)) {
			return e
		}
	}
	if stopped == nil && failed != nil {
		return l.failed(failed.worker, failed.err)
	}
	for _, w := range l.workers {
		if l.txn.of(w.conn) != nil && w.status != 0 {
			l.after(w.conn, w.status)
		}
	}
	return err
}

// lastWorker is the worker that has the file's last line, nil when there is none.
func (l *loading) lastWorker() *loadWorker {
	for _, w := range l.workers {
		if l.last >= 0 && w.group == l.load.Table.Shards[l.last].Group {
			return w
		}
	}
	return nil
}

// failed is a worker's failure as the client is told, with what it means for the transaction.
func (l *loading) failed(w *loadWorker, err error) error {
	var e *wire.Error
	if errors.As(err, &e) && !clientSide(e) {
		l.patch.names(e)
		l.afterError(w.conn, e.Code)
		return e
	}
	l.loseTransaction(w.conn)
	return lostBackend("group "+w.group, err)
}

// remember takes over what the lines have left in user variables: last is the worker whose values stay.
func (l *loading) remember(last *loadWorker) error {
	for _, w := range l.workers {
		if w != last && w.began {
			if err := l.rememberOf(w); err != nil {
				return err
			}
		}
	}
	if last == nil || !last.began {
		return nil
	}
	return l.rememberOf(last)
}

func (l *loading) rememberOf(w *loadWorker) error {
	return l.rememberUserVariables(w.conn, l.assigns(l.plan, w.group))
}

// variables is the SET that gives the statement's user variables the values that they had before it.
func (l *loading) variables() string {
	var items []string
	for _, name := range l.usersToRead(l.plan.Users.Assigned) {
		literal := l.state.users[strings.ToLower(name)]
		if literal == "" {
			literal = "NULL"
		}
		items = append(items, "@"+rewrite.Quote(name)+"="+literal)
	}
	if len(items) == 0 {
		return ""
	}
	return "SET " + strings.Join(items, ",")
}

// unpinTime lets the time of the connections go on.
func (l *loading) unpinTime() error {
	if !l.pinsTime(l.plan) {
		return nil
	}
	for _, w := range l.workers {
		if _, err := w.conn.Exec("SET timestamp=DEFAULT"); err != nil {
			return l.failed(w, err)
		}
	}
	return nil
}
