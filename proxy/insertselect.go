package proxy

// insertselect.go: INSERT and REPLACE … SELECT whose rows do not stay on their shards. The SELECT is one step, a locking
// read where one server would lock what it reads; its rows are inserted in batches, all of them or none. What counts is
// put together as if one server had done it.

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"serval/proxy/carry"
	"serval/proxy/wire"
	"serval/router"
)

const (
	// insertBytes and insertRows are how much one INSERT of a batch brings: well below the smallest max_allowed_packet.
	insertBytes = 256 << 10
	insertRows  = 1000
)

// insertion is the work on one INSERT … SELECT.
type insertion struct {
	session *session
	into    *router.Into
	plan    *router.Plan
	parts   router.InsertPieces
	writers []carry.Writer
	rows    *stepResult

	batch []byte
	count uint64 // rows in batch

	records, affected, duplicates uint64
	firstID, lastID               uint64 // of the batches' OK packets
	warned                        uint64
	warnings                      []warning
}

// insertSelect carries out an INSERT … SELECT in steps.
func (c *session) insertSelect(p *router.Plan) error {
	parts, ok := router.SplitInsertSelect(c.currentText(), c.state.mode)
	if !ok {
		return notSupported("Serval does not support this way to write INSERT … SELECT over several shards: write it more plainly")
	}
	if p.Into.Updates && !c.strict() { // in rows of VALUES they take a NULL for a NOT NULL column, in those of a SELECT not
		return notSupported("Serval does not support ON DUPLICATE KEY UPDATE in an INSERT … SELECT over several shards outside of strict sql_mode: servers judge its values otherwise than those of VALUES")
	}
	n := &insertion{session: c, into: p.Into, plan: p, parts: parts}
	if err := c.atomically(n.run); err != nil {
		return err
	}
	return n.answer()
}

// run reads and inserts.
func (n *insertion) run() error {
	rows, err := n.read()
	if err != nil {
		return err
	}
	defer rows.Close()
	n.rows = rows
	if err := n.prepare(); err != nil {
		return err
	}
	for {
		row, err := rows.Next()
		if err == io.EOF {
			return n.flush()
		}
		if err == nil {
			err = n.add(row)
		}
		if err != nil {
			return err
		}
	}
}

// read carries out the SELECT.
func (n *insertion) read() (*stepResult, error) { return n.session.readToWrite([]byte(n.parts.Query)) }

// readToWrite is a step that reads what is going to be written: the newest rows, under locks, where the servers read so.
func (c *session) readToWrite(query []byte) (*stepResult, error) {
	if !c.readsCommitted() {
		if locked, ok := c.srv.planner.LockReads(query, c.state.mode); ok {
			rows, err := c.step(locked)
			if err == nil {
				return rows, nil
			}
			if code := toClient(err).Code; code != codeNotSupported && code != codeParse {
				return nil, err
			}
		}
	}
	return c.step(query)
}

// readsCommitted tells whether statements that write take no locks on what they read elsewhere.
func (c *session) readsCommitted() bool {
	level := strings.ToUpper(c.state.vars[c.known.flavor.isolationVariable()] + c.next.isolation)
	return strings.Contains(level, "COMMITTED")
}

// prepare checks what servers check before they begin, and finds out how each column is written.
func (n *insertion) prepare() error {
	into, columns := n.into, n.rows.Columns
	if err := n.judge(); err != nil {
		return err
	}
	if into.Known && len(into.Columns) != len(columns) {
		return protocolError(codeColumnCount, "21S01", "Column count doesn't match value count at row 1")
	}
	n.writers = make([]carry.Writer, len(columns))
	for i := range columns {
		n.writers[i] = carry.Append
		if !into.Known {
			continue
		}
		target := into.Columns[i]
		if target == nil {
			return n.session.unknownColumn(into.Names[i])
		}
		if n.writers[i] = carry.Into(&columns[i], target.DataType); n.writers[i] == nil {
			return notSupported("Serval does not support an INSERT … SELECT over several shards that puts an ENUM or SET into the number column '%s': select its number, column + 0", target.Name)
		}
		if into.Divides && n.session.known.flavor.mariadb && columns[i].Type == wire.TypeNewDecimal && !slices.Contains([]string{"varchar", "char", "text"}, target.DataType) && len(columns[i].OrgTable) == 0 {
			return notSupported("Serval does not support a quotient or a mean in an INSERT … SELECT over several shards on MariaDB, which would store more digits of it than it shows: CAST it AS DECIMAL with the digits to be stored")
		}
	}
	return nil
}

// unknownColumn is a server's answer to a column list.
func (c *session) unknownColumn(name string) error {
	where := "field list"
	if c.known.flavor.mariadb {
		where = "INSERT INTO"
	}
	return protocolError(1054, "42S22", "Unknown column '%s' in '%s'", name, where)
}

// strictCodes are the warnings of a SELECT that MySQL makes errors of where rows are changed (sql_class.cc, Strict_error_handler).
var strictCodes = []uint16{1264, 1265, 1292, 1365, 1366, 1260, 1406, 1411, 1441, 3020, 3751, 3752, 3048}

// judge takes over the warnings of the SELECT.
func (n *insertion) judge() error {
	if err := n.session.strictly(n.rows.Warnings, n.into.Ignore); err != nil {
		return err
	}
	n.warn(n.rows.Warnings, uint64(len(n.rows.Warnings)), 0)
	return nil
}

// strictly gives the error that a SELECT's warnings are where rows are changed in strict mode.
func (c *session) strictly(warnings []warning, ignore bool) error {
	if ignore || !c.strict() {
		return nil
	}
	for _, w := range warnings {
		if w.level == "Warning" && (c.known.flavor.mariadb || slices.Contains(strictCodes, w.code)) {
			return protocolError(w.code, stateOf(w.code), "%s", w.message)
		}
	}
	return nil
}

// stateOf is the SQLSTATE of the errors that strict mode makes.
func stateOf(code uint16) string {
	switch code {
	case 1264:
		return "22003"
	case 1265, 1260:
		return "01000"
	case 1292:
		return "22007"
	case 1365:
		return "22012"
	case 1406:
		return "22001"
	case 1441:
		return "22008"
	}
	return "HY000"
}

// add puts a row into the batch.
func (n *insertion) add(row [][]byte) error {
	for i, value := range row {
		if value == nil && n.keyless(i) {
			return n.addKeyless(row, i)
		}
	}
	n.write(row)
	if n.count < insertRows && len(n.batch) < insertBytes {
		return nil
	}
	return n.flush()
}

// write writes a row into the batch.
func (n *insertion) write(row [][]byte) {
	if n.count == 0 {
		n.batch = append(append(n.batch[:0], n.parts.Head...), " VALUES "...)
	} else {
		n.batch = append(n.batch, ',')
	}
	n.batch = append(n.batch, '(')
	for i, value := range row {
		if i > 0 {
			n.batch = append(n.batch, ',')
		}
		n.batch = n.writers[i](n.batch, &n.rows.Columns[i], value, n.session.state.mode)
	}
	n.batch = append(n.batch, ')')
	n.count++
}

// addKeyless has a row refused that has no shard, with a NULL in column i: after the rows before it, and for what a server
// finds wrong with it first, so any shard's server is asked.
func (n *insertion) addKeyless(row [][]byte, i int) error {
	if err := n.flush(); err != nil {
		return err
	}
	n.write(row)
	n.finish()
	r, err := n.session.stepAt(0, n.batch)
	if err != nil {
		return n.failed(err)
	}
	r.Close()
	return notSupported("Serval does not support NULL as the shard key '%s': give every row a value", n.into.Columns[i].Name)
}

// keyless tells whether a NULL in column i would be a shard key that servers refuse.
func (n *insertion) keyless(i int) bool {
	t := n.into.Table
	return n.into.Known && t.Kind == router.Sharded && n.into.Columns[i] == t.KeyColumn() && !n.into.Columns[i].Nullable &&
		!n.into.Columns[i].AutoIncrement && !n.into.Ignore && n.session.strict()
}

// flush inserts the batch.
func (n *insertion) flush() error {
	if n.count == 0 {
		return nil
	}
	n.finish()
	r, err := n.session.step(n.batch)
	if err != nil {
		return n.failed(err)
	}
	defer r.Close()
	if r.OK == nil {
		return notSupported("Serval does not support rows returned by an INSERT … SELECT over several shards")
	}
	n.warn(r.Warnings, uint64(r.OK.Warnings), n.records)
	n.affected += r.OK.AffectedRows
	n.duplicates += n.duplicatesOf(r.OK)
	if id := r.OK.LastInsertID; id != 0 {
		if n.firstID == 0 {
			n.firstID = id
		}
		n.lastID = id
	}
	n.records += n.count
	n.count = 0
	return nil
}

// finish writes what stands behind the rows.
func (n *insertion) finish() {
	if n.parts.Tail != "" {
		n.batch = append(append(n.batch, ' '), n.parts.Tail...)
	}
}

// duplicatesOf is the number of rows of the batch that met an existing one.
func (n *insertion) duplicatesOf(ok *wire.OK) uint64 {
	switch {
	case len(ok.Info) > 0:
		return infoNumbers(ok.Info)[1]
	case n.into.Ignore && ok.AffectedRows < n.count:
		return n.count - ok.AffectedRows
	case ok.AffectedRows > n.count:
		return ok.AffectedRows - n.count
	}
	return 0
}

// failed gives a batch's error the number that the row has in the statement.
func (n *insertion) failed(err error) error {
	var e *wire.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Code == 1048 && n.count == 1 && !n.session.strict() {
		return notSupported("Serval does not support NULL for a NOT NULL column in an INSERT … SELECT over several shards, outside of strict sql_mode (%s)", e.Message)
	}
	e.Message = laterRow(e.Message, n.records)
	return e
}

// laterRow adds to the number of a row in a message.
func laterRow(message string, before uint64) string {
	head, number, found := cutLast(message, " at row ")
	row, err := strconv.ParseUint(number, 10, 64)
	if !found || err != nil {
		return message
	}
	return head + " at row " + strconv.FormatUint(row+before, 10)
}

func (n *insertion) warn(list []warning, total, before uint64) {
	n.warned += total
	for _, w := range list {
		if w.code == codeDeprecated && (n.records > 0 || n.session.prepared != nil) { // of the text: once, when it is parsed
			n.warned--
			continue
		}
		if len(n.warnings) == maxWarnings {
			return
		}
		w.message = laterRow(w.message, before)
		n.warnings = append(n.warnings, w)
	}
}

// answer tells the client, and keeps what the session can be asked for.
func (n *insertion) answer() error {
	c := n.session
	ok := wire.OK{AffectedRows: n.affected, Warnings: uint16(min(n.warned, 0xffff)), LastInsertID: n.lastID}
	if n.plan.InsertID == router.InsertIDGenerated {
		ok.LastInsertID = n.firstID
		if n.firstID != 0 {
			c.lastInsertID = n.firstID
		}
	}
	ok.Info = fmt.Appendf(nil, "Records: %d  Duplicates: %d  Warnings: %d", n.records, n.duplicates, n.warned)
	if len(n.parts.Query) > 6 && strings.EqualFold(n.parts.Query[:6], "values") && n.records == 1 {
		ok.Info = nil // VALUES ROW(…) counts as VALUES (…) does
	}
	c.warnings = n.warnings
	c.rowCount, c.found = int64(n.affected), n.records
	return clientError(c.ok(&ok))
}
