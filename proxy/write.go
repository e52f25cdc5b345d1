package proxy

// write.go: a statement that writes on several shards: a split INSERT, UPDATE and DELETE without one key, writes of
// broadcast tables. It is done or not done, in all groups: in the client's transaction under a savepoint, else in a
// transaction of its own.

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"serval/config"
	"serval/proxy/backend"
	"serval/proxy/txn"
	"serval/proxy/wire"
	"serval/router"
)

// written is what a statement's legs did together.
type written struct {
	ok       wire.OK
	legs     []legDone   // in the order in which they were carried out: group by group
	warnings [][]warning // of each leg that had some
	back     returned    // RETURNING
}

// legDone is one leg's answer.
type legDone struct {
	leg int
	ok  wire.OK
}

func (c *session) writeLegs(p *router.Plan) error {
	groups := c.legGroups()
	var (
		w   written
		err error
	)
	if p.Returning {
		if err := mayReturn(p); err != nil {
			return err
		}
		defer w.back.Close()
	}
	switch {
	case c.inTransaction():
		err = c.writeInTransaction(p, groups, &w)
	case len(groups) == 1 || c.inTurn():
		err = c.writeInTurn(p, groups, &w)
	default:
		if err = c.mayWriteAcross(groups); err == nil {
			err = c.writeAtomically(p, groups, &w)
		}
	}
	if err != nil && (c.inTransaction() || !c.inTurn() || len(groups) == 1) {
		return c.firstRefusal(p, err)
	}
	if err != nil { // some groups may have committed
		return err
	}
	if p.Returning {
		return c.answerReturned(&w)
	}
	return c.answerWritten(p, &w)
}

// inTurn tells whether a statement of its own that writes in several groups commits one after the other.
func (c *session) inTurn() bool {
	return c.acrossGroups() == config.BestEffort || c.acrossGroups() == config.Atomic && c.srv.cfg.Transactions.Autocommit == config.BestEffort
}

// mayWriteAcross refuses a statement that writes in several groups where that is not wanted.
func (c *session) mayWriteAcross(groups []string) error {
	if len(groups) < 2 || c.acrossGroups() != config.Single {
		return nil
	}
	return notSupported("Serval does not write in several groups (%s) with one statement here (serval_transactions is single): write each key's rows by themselves", strings.Join(groups, ", "))
}

// writeInTurn writes each group in a transaction of its own.
func (c *session) writeInTurn(p *router.Plan, groups []string, w *written) error {
	for i, g := range groups {
		if err := c.writeGroup(p, g, w); err != nil {
			if i > 0 {
				return toldOutcome(&txn.Partly{Done: groups[:i], Err: err})
			}
			return err
		}
	}
	return nil
}

// writeAtomically writes in several groups in a transaction that is the statement's own.
func (c *session) writeAtomically(p *router.Plan, groups []string, w *written) error {
	c.txn = transaction{begin: "START TRANSACTION", next: c.next, own: true}
	defer func() { c.txn = transaction{} }()
	for _, g := range groups {
		conn, err := c.join(g, c.state.backend(c.writeDatabase(p, g)), true)
		if err == nil {
			err = c.writeWithin(p, conn, g, w)
		}
		if err != nil {
			c.writeFailed(conn, err)
			c.rollBackBranches()
			return err
		}
	}
	_, err := c.commitBranches()
	if err != nil && c.txn.open() { // killed before the commit: a client's transaction would stay, a statement's own does not
		c.rollBackBranches()
	}
	return err
}

// writeFailed puts logical names into an error, and gives a connection up that broke.
func (c *session) writeFailed(conn *backend.Conn, err error) {
	var e *wire.Error
	switch {
	case errors.As(err, &e) && !clientSide(e):
		c.patch.names(e)
	case c.txn.of(conn) != nil:
		c.txn.of(conn).Broken = true
	}
}

// clientSide tells whether an error is of a lost connection, as clients number them.
func clientSide(e *wire.Error) bool { return e.Code >= 2000 && e.Code < 3000 }

// writeInTransaction writes in the client's transaction: all of the statement or nothing, and the transaction goes on.
func (c *session) writeInTransaction(p *router.Plan, groups []string, w *written) error {
	var conns []*backend.Conn // on which the statement has begun
	for _, g := range groups {
		conn, err := c.join(g, c.state.backend(c.writeDatabase(p, g)), true)
		if err != nil {
			return c.undo(conns, nil, err)
		}
		if _, err = conn.Exec("SAVEPOINT " + statementSavepoint); err != nil {
			return c.undo(conns, conn, execFailed(conn, err))
		}
		conns = append(conns, conn)
		if err = c.writeWithin(p, conn, g, w); err != nil {
			return c.undo(conns, conn, err)
		}
	}
	return c.onAll(conns, "RELEASE SAVEPOINT "+statementSavepoint)
}

// undo takes back what a failed statement did in the client's transaction. failed is the connection on which it did, nil:
// on none. What the client is told is the first error.
func (c *session) undo(conns []*backend.Conn, failed *backend.Conn, err error) error {
	var e *wire.Error
	if !errors.As(err, &e) || failed != nil && clientSide(e) {
		c.loseTransaction(failed)
		return err
	}
	if failed != nil {
		c.patch.names(e)
		c.afterError(failed, e.Code)
	}
	if !c.txn.open() {
		return e
	}
	if refused := c.onAll(conns, "ROLLBACK TO SAVEPOINT "+statementSavepoint); refused != nil && c.txn.open() {
		c.loseTransaction(conns[0])
	}
	return e
}

// legGroups are the groups of the legs, in catalog order.
func (c *session) legGroups() []string {
	var groups []string
	for _, g := range c.known.catalog.Groups {
		if slices.ContainsFunc(c.route.Legs, func(l router.Leg) bool { return l.Group == g }) {
			groups = append(groups, g)
		}
	}
	return groups
}

// writeDatabase is the physical database that a group's connection has to be in.
func (c *session) writeDatabase(p *router.Plan, group string) string {
	for i, leg := range c.route.Legs {
		if leg.Group == group {
			return c.route.Database(i)
		}
	}
	return p.DefaultDB
}

// writeGroup writes the legs of one group in a transaction of their own.
func (c *session) writeGroup(p *router.Plan, group string, w *written) error {
	conn, err := c.writeConn(p, group)
	if err != nil {
		return err
	}
	err = c.writeWithin(p, conn, group, w)
	if err == nil {
		err = c.commitStatement(conn, group)
	}
	var e *wire.Error
	switch {
	case err == nil:
		c.giveBack(conn)
		return nil
	case !errors.As(err, &e) || clientSide(e):
		c.discard(conn)
		return err
	}
	c.patch.names(e)
	if _, err := conn.Exec("ROLLBACK"); err != nil {
		c.discard(conn)
	} else {
		c.giveBack(conn)
	}
	return e
}

// commitStatement commits the statement's own transaction.
func (c *session) commitStatement(conn *backend.Conn, group string) error {
	ok, err := conn.Exec("COMMIT")
	if err != nil && !serverRefused(err) {
		return protocolError(codeCommitUnknown, "HY000", "Lost connection to group %s while it committed the statement: whether it was committed is not known (%v)", group, err)
	}
	c.trackWritten(&ok)
	return err
}

// writeConn gives a connection for a group's legs, with a transaction begun on it.
func (c *session) writeConn(p *router.Plan, group string) (*backend.Conn, error) {
	for attempt := 0; ; attempt++ {
		conn, err := c.borrow(group, c.writeDatabase(p, group))
		if err != nil {
			return nil, err
		}
		if err = c.useNext(conn); err == nil {
			_, err = conn.Exec("START TRANSACTION")
		}
		if err == nil {
			return conn, nil
		}
		again := attempt == 0 && c.pinOf(conn) == nil && !serverRefused(err) // it was dead before: nothing has been done
		c.giveUpUnasked(conn, err)
		if !again {
			return nil, execFailed(conn, err)
		}
	}
}

// writeWithin carries out the group's legs, at one time.
func (c *session) writeWithin(p *router.Plan, conn *backend.Conn, group string, w *written) error {
	pinned := c.pinsTime(p)
	if pinned {
		if _, err := conn.Exec(c.timestamp()); err != nil {
			return execFailed(conn, err)
		}
	}
	var failed error
	for i, leg := range c.route.Legs {
		if leg.Group != group {
			continue
		}
		if failed = c.writeLeg(p, conn, i, w); failed != nil {
			break
		}
	}
	var e *wire.Error
	if pinned && (failed == nil || errors.As(failed, &e) && !clientSide(e)) {
		if _, err := conn.Exec("SET timestamp=DEFAULT"); err != nil {
			return lostBackend("group "+group, err)
		}
	}
	return failed
}

func (c *session) writeLeg(p *router.Plan, conn *backend.Conn, i int, w *written) error {
	err := c.ask(conn, i)
	var r *wire.Result
	if err == nil {
		r, err = wire.ReadResult(conn.Conn)
	}
	if err != nil {
		var e *wire.Error
		if errors.As(err, &e) {
			e.Message = c.rowNumbers(i, e.Message)
			if e.Code == 1048 && c.route.RowsOf(i) == 1 && p.Kind == router.KindInsert && !c.strict() {
				return notSupported("Serval does not support NULL for a NOT NULL column in rows that are split over shards, outside of strict sql_mode: a server takes it in a statement of several rows and refuses it in one (%s)", e.Message)
			}
			return e
		}
		return lostBackend("group "+conn.Node().Group(), err)
	}
	if r.OK == nil && p.Returning {
		if err := w.take(c, p, i, r); err != nil {
			return returnFailed(conn, r, err)
		}
	}
	if r.OK == nil && !p.Returning {
		if err := r.Discard(); err != nil {
			return lostBackend("group "+conn.Node().Group(), err)
		}
		return notSupported("Serval does not support rows returned by a write over several shards")
	}
	if r.Warnings > 0 {
		c.warnings = nil
		if err := c.legWarnings(conn, i, w); err != nil {
			return lostBackend("group "+conn.Node().Group(), err)
		}
	}
	if r.OK == nil {
		r.OK = &wire.OK{Warnings: r.Warnings}
	}
	w.add(c, i, r.OK)
	return nil
}

// returnFailed gives the error of a leg whose rows could not be taken; its connection can go on.
func returnFailed(conn *backend.Conn, r *wire.Result, err error) error {
	var e *wire.Error
	if !errors.As(err, &e) {
		return lostBackend("group "+conn.Node().Group(), err)
	}
	if e.Code != codeNotSupported { // the server's own, in the place of the rows that are left
		return e
	}
	if err := r.Discard(); err != nil {
		return lostBackend("group "+conn.Node().Group(), err)
	}
	return e
}

// legWarnings fetches a leg's warnings before its connection does something else.
func (c *session) legWarnings(conn *backend.Conn, leg int, w *written) error {
	c.composing = true
	err := c.collectWarnings(conn)
	c.composing = false
	for k := range c.warnings {
		c.warnings[k].message = c.rowNumbers(leg, c.warnings[k].message)
	}
	w.warnings = append(w.warnings, c.warnings)
	return err
}

// rowNumbers exchanges the number of a leg's row for the statement's ("Out of range value for column 'a' at row 2").
func (c *session) rowNumbers(leg int, message string) string {
	head, number, found := cutLast(message, " at row ")
	n, err := strconv.Atoi(number)
	if !found || err != nil || c.patch.plan.Kind != router.KindInsert {
		return message
	}
	return head + " at row " + strconv.Itoa(c.route.RowOf(leg, n))
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// add puts a leg's OK to the others'. The insert id is that of the statement's last row.
func (w *written) add(c *session, leg int, ok *wire.OK) {
	w.ok.AffectedRows += ok.AffectedRows
	w.ok.Warnings += ok.Warnings
	if leg == c.route.LastRow {
		w.ok.LastInsertID = ok.LastInsertID
	}
	w.legs = append(w.legs, legDone{leg, *ok})
}

// answerWritten sends the one OK that stands for all legs.
func (c *session) answerWritten(p *router.Plan, w *written) error {
	if p.Kind == router.KindBroadcast { // the copies did the same: one of them counts
		w.ok.AffectedRows, w.ok.Warnings = w.legs[0].ok.AffectedRows, w.legs[0].ok.Warnings
		w.ok.LastInsertID, w.ok.Info = w.legs[0].ok.LastInsertID, w.legs[0].ok.Info
		c.warnings = nil
		if len(w.warnings) > 0 {
			c.warnings = w.warnings[0]
		}
	} else {
		c.warnings = c.mergedWarnings(w.warnings, len(w.legs))
		if p.Kind == router.KindInsert {
			sortByRow(c.warnings)
		}
		if kept := len(slices.Concat(w.warnings...)); kept == int(w.ok.Warnings) { // else the servers know of more than they tell
			w.ok.Warnings = uint16(len(c.warnings))
		}
		c.warnings = c.warnings[:min(len(c.warnings), c.maxErrors())]
		w.ok.Info = c.mergedInfo(p, w)
	}
	c.numbersDone(&w.ok)
	c.rowCount = int64(w.ok.AffectedRows)
	if p.Verb == router.VerbUpdate && !c.known.flavor.mariadb {
		c.found = infoNumbers(w.ok.Info)[0]
	}
	if p.FromSelect && p.Kind != router.KindBroadcast {
		c.found = infoNumbers(w.ok.Info)[0]
	}
	return clientError(c.ok(&w.ok))
}

// mergedInfo adds up the legs' info strings: "Records: 3  Duplicates: 0  Warnings: 0", "Rows matched: 3  Changed: 1
// Warnings: 0". A leg that inserts one row has none; what it would say follows from its affected rows.
func (c *session) mergedInfo(p *router.Plan, w *written) []byte {
	if p.Verb == router.VerbUpdate && !slices.ContainsFunc(w.legs, func(d legDone) bool { return len(d.ok.Info) > 0 }) {
		return nil // MariaDB has none for a condition that cannot be met
	}
	var first, second uint64
	switch p.Verb {
	case router.VerbUpdate:
		for _, d := range w.legs {
			n := infoNumbers(d.ok.Info)
			first, second = first+n[0], second+n[1]
		}
		return fmt.Appendf(nil, "Rows matched: %d  Changed: %d  Warnings: %d", first, second, w.ok.Warnings)
	case router.VerbInsert, router.VerbReplace:
		for _, d := range w.legs {
			if p.FromSelect {
				n := infoNumbers(d.ok.Info)
				first, second = first+n[0], second+n[1]
				continue
			}
			rows := uint64(c.route.RowsOf(d.leg))
			first += rows
			second += duplicates(p, rows, &d.ok)
		}
		return fmt.Appendf(nil, "Records: %d  Duplicates: %d  Warnings: %d", first, second, w.ok.Warnings)
	}
	return nil
}

// duplicates is the number of rows of a leg that met an existing one.
func duplicates(p *router.Plan, rows uint64, ok *wire.OK) uint64 {
	switch {
	case len(ok.Info) > 0:
		return infoNumbers(ok.Info)[1]
	case p.InsertIgnores(): // a row that ON DUPLICATE KEY UPDATE has changed counts as one that was inserted
		return rows - min(rows, ok.AffectedRows)
	case ok.AffectedRows > rows:
		return ok.AffectedRows - rows
	}
	return 0
}

// infoNumbers are the numbers in an info string, in order.
func infoNumbers(info []byte) (n [3]uint64) {
	at, in := -1, false
	for _, b := range info {
		if b < '0' || b > '9' {
			in = false
			continue
		}
		if !in {
			at, in = at+1, true
		}
		if at < len(n) {
			n[at] = n[at]*10 + uint64(b-'0')
		}
	}
	return n
}
