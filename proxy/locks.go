package proxy

// locks.go: named locks (GET_LOCK and its relatives). They all live in the catalog's first group, so that they exclude
// each other over all clients of all Servals; the session is pinned there for as long as it holds one. Which ones it
// holds is asked of the server, whose counting is the one that matters.

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
)

// lockGroup is the group in which all named locks are.
func (c *session) lockGroup() string { return c.srv.cfg.Groups[0].Name }

// named carries out a statement about named locks.
func (c *session) named(p *router.Plan) (group string, err error) {
	group = c.lockGroup()
	if p.Locks.Holder {
		return group, c.lockHolder(p)
	}
	if p.Locks.Takes {
		statement := pinReason{kind: pinStatement}
		if err := c.pin(group, statement); err != nil {
			return group, err
		}
		defer c.unpin(group, statement)
	}
	err = c.relayLeg(p, group)
	c.syncLocks(group, p.Locks.Names)
	return group, err
}

// syncLocks asks the server which of the locks that were held or named are held now. A lock that two expressions name is
// asked for twice.
func (c *session) syncLocks(group string, names []router.LockName) {
	if c.pins[group] == nil {
		return
	}
	statement := pinReason{kind: pinStatement} // while more than one lock is asked for
	if !c.pins[group].reasons[statement] {
		c.addReason(c.pins[group], statement)
		defer c.unpin(group, statement)
	}
	var asked []string
	for _, n := range names {
		if text := c.lockNameText(n); text != "" {
			asked = append(asked, text)
		}
	}
	for name := range c.locks {
		asked = append(asked, fmt.Sprintf("_utf8mb4 x'%x'", name))
	}
	for _, text := range asked {
		var rows []backend.Row
		err := c.onPinned(group, func(conn *backend.Conn) (err error) {
			rows, err = conn.Query("SELECT HEX(CONVERT(" + text + " USING utf8mb4)), IS_USED_LOCK(" + text + ") <=> CONNECTION_ID()")
			return err
		})
		switch {
		case serverRefused(err): // no name for a lock: it was not taken either
		case err != nil:
			return // lost, and the locks with it
		default:
			name, err := hex.DecodeString(string(rows[0][0])) // whatever the client's character set is
			if err != nil {
				return
			}
			c.setLock(group, string(name), string(rows[0][1]) == "1")
		}
	}
}

// lockNameText is a lock's name as an expression.
func (c *session) lockNameText(n router.LockName) string {
	if n.Parameter < 0 || c.execution.of == nil {
		return n.Text
	}
	kind, text := c.execution.Value(n.Parameter)
	return string(appendLiteral(nil, kind, text, c.state.mode))
}

func (c *session) setLock(group, name string, held bool) {
	reason := pinReason{pinLock, name}
	switch {
	case held && !c.locks[name]:
		if c.locks == nil {
			c.locks = map[string]bool{}
		}
		c.locks[name] = true
		c.addReason(c.pins[group], reason)
	case !held && c.locks[name]:
		delete(c.locks, name)
		c.unpin(group, reason)
	}
}

// lockHolder answers SELECT IS_USED_LOCK(name): the holder's connection is another on the server than here. One that this
// Serval does not know holds the lock for somebody else's client, whose id means nothing here.
func (c *session) lockHolder(p *router.Plan) error {
	c.sql = c.route.SQL(c.sql[:0], 0, &c.st, &c.args)
	var (
		r     *wire.Result
		value []byte
	)
	err := c.withConn(c.lockGroup(), func(conn *backend.Conn) (err error) {
		r, value, err = oneValue(conn, c.sql)
		return err
	})
	if err != nil {
		return err
	}
	if value != nil {
		thread, err := strconv.ParseUint(string(value), 10, 32)
		if err != nil {
			return err
		}
		id := c.srv.sessionOfThread(c.lockGroup(), uint32(thread))
		if id == 0 {
			return notSupported("Serval does not support IS_USED_LOCK() for a lock that is not held by one of its own clients: its holder has no connection id here")
		}
		value = strconv.AppendUint(nil, uint64(id), 10)
	}
	t := &table{columns: make([]wire.Column, 1)}
	if err := wire.ParseColumn(r.Columns[0], &t.columns[0]); err != nil {
		return err
	}
	t.addValues(value)
	c.warnings = c.warnings[:0]
	return c.answerTable(t)
}

// oneValue asks for one row of one column.
func oneValue(conn *backend.Conn, sql []byte) (r *wire.Result, value []byte, err error) {
	if err := conn.Send(sql); err != nil {
		return nil, nil, err
	}
	if r, err = wire.ReadResult(conn.Conn); err != nil {
		return nil, nil, err
	}
	for {
		row, err := r.Next()
		if err == io.EOF {
			return r, value, nil
		}
		if err != nil {
			return nil, nil, err
		}
		if v, null, _, ok := wire.ReadLenEncBytes(row); ok && !null {
			value = append([]byte{}, v...)
		}
	}
}
