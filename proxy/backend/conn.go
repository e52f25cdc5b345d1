package backend

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"serval/proxy/transcode"
	"serval/proxy/wire"
)

// conn.go: one connection to a server while a session has it. What it is asked is the session's business; this file
// knows how to ask and how to give it back.

// quitTimeout bounds the goodbye to a server that does not take it.
const quitTimeout = time.Second

// Conn is a connection to a server, logged in. It is used by one goroutine at a time; Kill and Discard may be called
// by another one, which ends what the first is waiting for.
type Conn struct {
	*wire.Conn
	node      *Node
	threadID  uint32
	version   string
	foundRows bool

	out    atomic.Bool // a session has it; who sets it to false gives it back
	beside bool        // it has no place in the pool: Release closes it
	broken bool        // an exchange was cut: the next packet could be anything

	client *transcode.Table // how text is written for the server, see State

	have    State  // what the server's session is in; Database "" is not known
	pending *batch // written before the next statement, its answers not read: see SetStateWith
	unknown bool   // have.Vars is not to be trusted: the next SetState resets the connection
	kept    bool   // a session has things on it that a reset would take away: see Keep

	statements statements // prepared on it

	expires   time.Time // zero: never
	idleSince time.Time
}

// Node is the server that the connection is to.
func (c *Conn) Node() *Node { return c.node }

// ThreadID is the connection's id on its server (CONNECTION_ID(), the first column of SHOW PROCESSLIST).
func (c *Conn) ThreadID() uint32 { return c.threadID }

// ServerVersion is the server's version as it greets, without the "5.5.5-" that MariaDB puts before its own.
func (c *Conn) ServerVersion() string { return c.version }

// FoundRows tells whether the connection has CLIENT_FOUND_ROWS.
func (c *Conn) FoundRows() bool { return c.foundRows }

// Send writes a COM_QUERY and flushes it; its answer is to be read by wire.Relay or wire.ReadResult. sql is not kept.
func (c *Conn) Send(sql []byte) error {
	err := c.WriteCommand(wire.ComQuery, sql)
	if err == nil {
		err = c.Flush()
	}
	if err != nil {
		return c.lost("send", err)
	}
	return nil
}

// Exec runs a statement of the proxy's own, such as BEGIN or COMMIT, and returns its OK; rows are read and dropped. A
// *wire.Error is the server's answer; after any other error the connection is of no more use.
func (c *Conn) Exec(sql string) (wire.OK, error) {
	var ok wire.OK
	_, err := c.query(sql, func(r *wire.Result) error {
		if r.OK != nil {
			ok = *r.OK
			return nil
		}
		err := r.Discard()
		ok = wire.OK{Status: r.Status, Warnings: r.Warnings}
		return err
	})
	return ok, err
}

// Row is a row of a small result; nil is NULL.
type Row [][]byte

// Query runs a statement of the proxy's own and returns its rows, all in memory: for metadata, not for data. Errors
// are Exec's.
func (c *Conn) Query(sql string) ([]Row, error) {
	var rows []Row
	_, err := c.query(sql, func(r *wire.Result) error {
		for {
			p, err := r.Next()
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			row, err := DecodeRow(p, len(r.Columns))
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
	})
	return rows, err
}

// query sends sql and gives each of its results to read, which reads it to its end.
func (c *Conn) query(sql string, read func(*wire.Result) error) (results int, err error) {
	if err := c.Send([]byte(sql)); err != nil {
		return 0, err
	}
	for {
		r, err := wire.ReadResult(c.Conn)
		if err == nil {
			err = read(r)
		}
		if err != nil {
			return results, c.answer("query", err)
		}
		results++
		if !r.MoreResults() {
			return results, nil
		}
	}
}

// answer is an error of reading an answer: the server's own words as they are, anything else as a lost connection.
func (c *Conn) answer(doing string, err error) error {
	var refused *wire.Error
	if errors.As(err, &refused) {
		return refused
	}
	return c.lost(doing, err)
}

// DecodeRow copies the values of a row in the text protocol.
func DecodeRow(p []byte, columns int) (Row, error) {
	p = append([]byte(nil), p...)
	row := make(Row, columns)
	for i := range row {
		value, null, n, ok := wire.ReadLenEncBytes(p)
		if !ok {
			return nil, &wire.MalformedError{What: "row", Length: len(p)}
		}
		if !null {
			row[i] = value
		}
		p = p[n:]
	}
	return row, nil
}

// usable tells whether an idle connection may be used: not too old, and its server has neither closed it nor said
// anything (a server says goodbye before it closes).
func (c *Conn) usable(now time.Time) bool {
	return (c.expires.IsZero() || now.Before(c.expires)) && c.Quiet() == nil
}

// claim makes the caller the one who gives the connection back. Without it a Kill from another goroutine could hit the
// statement of the connection's next user.
func (c *Conn) claim() bool { return c.out.CompareAndSwap(true, false) }

// Release gives the connection back to its pool. The caller says that it is clean: every answer read to its end, no
// transaction, nothing locked. A connection that lost its server is closed instead. Releasing twice does nothing.
func (c *Conn) Release() {
	if !c.claim() {
		return
	}
	now := time.Now()
	if c.broken || c.pending != nil || c.Buffered() > 0 || !c.expires.IsZero() && now.After(c.expires) {
		c.drop()
		return
	}
	if c.beside {
		c.quit()
		return
	}
	if c.kept {
		c.kept, c.unknown = false, true
	}
	c.ReleaseBuffers()
	c.idleSince = now
	c.node.pool.put(c)
}

// Discard closes the connection, whatever state it is in, and gives its place back.
func (c *Conn) Discard() {
	if c.claim() {
		c.drop()
	}
}

// Close is Discard, so that the Close of the wire.Conn inside cannot lose a place in the pool.
func (c *Conn) Close() error {
	c.Discard()
	return nil
}

// drop closes a claimed connection.
func (c *Conn) drop() {
	_ = c.Conn.Close() // nothing is left to be said to this server
	if !c.beside {
		c.node.pool.free(1)
	}
}

// quit closes a connection that no session has, with a goodbye, so that the server does not count it as aborted.
func (c *Conn) quit() {
	_ = c.NetConn().SetDeadline(time.Now().Add(quitTimeout))
	if !c.broken && c.WriteCommand(wire.ComQuit, nil) == nil {
		_ = c.Flush() // the server may have gone before; either way it is over
	}
	c.ReleaseBuffers()
	_ = c.Conn.Close()
}

// Interrupt stops the statement that runs on the connection and leaves the connection as it is. The caller makes sure
// that the connection is not given back meanwhile.
func (c *Conn) Interrupt(ctx context.Context) {
	if err := c.node.killQuery(ctx, c.threadID); err != nil {
		c.node.log.Debug("backend statement could not be killed", "thread", c.threadID, "error", err)
	}
}

// Kill stops the statement that runs on the connection, with KILL QUERY from a connection beside it (outside the
// pool's limit), and discards it. It may be called by another goroutine than the one that uses c. It returns when the
// server has answered, or cannot be reached, or ctx is done; the connection is discarded in any case.
func (c *Conn) Kill(ctx context.Context) {
	if !c.claim() {
		return
	}
	defer c.drop()
	if err := c.node.killQuery(ctx, c.threadID); err != nil {
		c.node.log.Debug("backend statement could not be killed", "thread", c.threadID, "error", err)
	}
}
