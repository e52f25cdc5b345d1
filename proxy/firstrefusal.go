package proxy

// firstrefusal.go: which row's error an INSERT that is split over shards answers with: that of the first row that is refused, as
// on one server, which carries rows out in their order. Shards find theirs at the same time; so the statement, which has been
// undone by then, is tried with fewer of its rows until the first bad one is the last.

import (
	"errors"
	"io"

	"serval/proxy/wire"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// errTried undoes what was only tried.
var errTried = errors.New("the rows were only tried")

// firstRefusal is the error that one server would give in the place of err, a leg's.
func (c *session) firstRefusal(p *router.Plan, err error) error {
	n := len(c.st.Rows)
	if p.Kind != router.KindInsert || n < 2 || len(c.route.Legs) < 2 || c.seeking || c.txn.lost || !ofRow(err) {
		return err
	}
	var st fingerprint.Statement
	st.Scan(c.currentText(), c.state.mode)
	if len(st.Rows) != n {
		return err
	}
	c.seeking = true
	defer func() { c.seeking = false }()
	good, bad := 0, n  // rows before good are taken, one before bad is not
	for bad-good > 1 { // err is that of the first bad rows
		some := (good + bad) / 2
		switch tried := c.tryRows(&st, some); {
		case errors.Is(tried, errTried):
			good = some
		case ofRow(tried):
			bad, err = some, tried
		case waitsOrLacks(tried): // the statement's own error tells more
			return err
		default: // the transaction may be gone, which the client has to hear
			return tried
		}
	}
	return err
}

// tryRows carries the statement out with its first rows only, and undoes it: errTried is success.
func (c *session) tryRows(st *fingerprint.Statement, n int) error {
	sql := append([]byte{}, st.Text[:st.Rows[n-1].End]...)
	sql = append(sql, st.Text[st.Rows[len(st.Rows)-1].End:st.End]...)
	return c.atomically(func() error {
		r, err := c.step(sql)
		if err != nil {
			return err
		}
		defer r.Close()
		for err == nil { // RETURNING: its error may come in the place of rows
			_, err = r.Next()
		}
		if err != io.EOF {
			return err
		}
		return errTried
	})
}

// ofRow tells whether an error may be about a row: not about locks, connections, or what Serval does not do.
func ofRow(err error) bool {
	var e *wire.Error
	if !errors.As(err, &e) || clientSide(e) {
		return false
	}
	switch e.Code {
	case codeDeadlock, codeLockWait, codeQueryInterrupted, codeNotSupported, codeOutOfDisk:
		return false
	}
	return true
}

// waitsOrLacks tells whether a try came to nothing for a reason that leaves the transaction as it was.
func waitsOrLacks(err error) bool {
	var e *wire.Error
	return err == nil || errors.As(err, &e) && (e.Code == codeLockWait || e.Code == codeNotSupported || e.Code == codeOutOfDisk)
}
