package backend

import (
	"encoding/binary"
	"errors"
	"time"

	"serval/proxy/wire"
)

// statements.go: the statements that are prepared on a connection, kept from one use to the next and bounded: what has
// not been used for longest goes first. It knows the commands and not what statements mean; a statement's meaning depends
// on the session's state at its preparation, which is why the caller's key holds more than its text.

// maxStatements is how many a connection keeps. With 100 connections to a server that is below its own limit for all
// of them together (max_prepared_stmt_count, 16382).
const maxStatements = 128

// codeTooManyStatements is ER_MAX_PREPARED_STMT_COUNT_REACHED.
const codeTooManyStatements = 1461

// Statement is a statement prepared on one connection.
type Statement struct {
	ID    uint32
	Types []byte // the parameters' types of its executions here, all the same; nil before the first

	key         string
	newer, less *Statement // neighbours by the time of their last use
}

// statements are a connection's, the latest used first.
type statements struct {
	byKey map[string]*Statement
	first *Statement
	last  *Statement
}

// Prepared is the statement that was prepared under a key, nil when there is none.
func (c *Conn) Prepared(key []byte) *Statement {
	s := c.statements.byKey[string(key)]
	if s != nil && s != c.statements.first {
		c.statements.unlink(s)
		c.statements.push(s)
	}
	return s
}

// Prepare prepares a statement and keeps it under a key, in the place of one that was there. keep: the caller wants the
// definitions. A *wire.Error is the server's answer; after any other error the connection is of no more use.
func (c *Conn) Prepare(key, sql []byte, keep bool) (*Statement, *wire.Prepared, error) {
	if old := c.statements.byKey[string(key)]; old != nil {
		c.closeStatement(old)
	}
	c.trimStatements(int(c.node.statements.Load()) - 1)
	p, err := c.prepareOnce(sql, keep)
	if tooMany(err) {
		p, err = c.prepareWithRoom(sql, keep)
	}
	if err != nil {
		return nil, nil, err
	}
	s := &Statement{ID: p.Statement, key: string(key)}
	if c.statements.byKey == nil {
		c.statements.byKey = map[string]*Statement{}
	}
	c.statements.byKey[s.key] = s
	c.statements.push(s)
	return s, p, nil
}

// trimStatements closes all but the n that were used last.
func (c *Conn) trimStatements(n int) {
	for len(c.statements.byKey) > max(n, 0) {
		c.closeStatement(c.statements.last)
	}
}

func tooMany(err error) bool {
	var refused *wire.Error
	return errors.As(err, &refused) && refused.Code == codeTooManyStatements
}

// prepareWithRoom makes room on a server that has as many statements as it may: those that connections keep for later
// are dropped, and fewer are kept from now on. Only then is the server's refusal the answer.
func (c *Conn) prepareWithRoom(sql []byte, keep bool) (p *wire.Prepared, err error) {
	const attempts, pause = 5, 10 * time.Millisecond // for the server to notice
	kept := c.node.statements.Load()
	c.node.statements.CompareAndSwap(kept, max(1, kept/2))
	c.trimStatements(0)
	c.node.pool.dropIdle()
	for range attempts {
		if p, err = c.prepareOnce(sql, keep); !tooMany(err) {
			return p, err
		}
		time.Sleep(pause)
	}
	return p, err
}

func (c *Conn) prepareOnce(sql []byte, keep bool) (*wire.Prepared, error) {
	err := c.WriteCommand(wire.ComStmtPrepare, sql)
	if err == nil {
		err = c.Flush()
	}
	if err != nil {
		return nil, c.lost("prepare", err)
	}
	p, err := wire.ReadPrepared(c.Conn, keep)
	if err != nil {
		return nil, c.answer("prepare", err)
	}
	return p, nil
}

// closeStatement tells the server, with the next command that is sent: COM_STMT_CLOSE has no answer.
func (c *Conn) closeStatement(s *Statement) {
	delete(c.statements.byKey, s.key)
	c.statements.unlink(s)
	_ = c.WriteCommand(wire.ComStmtClose, binary.LittleEndian.AppendUint32(nil, s.ID)) // an error comes again at Flush
}

// forgetStatements is for a server that has closed them all by itself (COM_RESET_CONNECTION).
func (c *Conn) forgetStatements() { c.statements = statements{} }

func (l *statements) push(s *Statement) {
	s.newer, s.less = nil, l.first
	if l.first != nil {
		l.first.newer = s
	}
	l.first = s
	if l.last == nil {
		l.last = s
	}
}

func (l *statements) unlink(s *Statement) {
	if s.newer != nil {
		s.newer.less = s.less
	} else {
		l.first = s.less
	}
	if s.less != nil {
		s.less.newer = s.newer
	} else {
		l.last = s.newer
	}
	s.newer, s.less = nil, nil
}
