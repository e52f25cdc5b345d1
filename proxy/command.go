package proxy

// command.go: the commands of the protocol's command phase,
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase.html.

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"serval/proxy/wire"
	"serval/rewrite/fingerprint"
)

// command carries out one command. Its error is the connection's, not the statement's; quit ends the session.
func (c *session) command(p []byte) (quit bool, err error) {
	if len(p) == 0 {
		c.fail(protocolError(codeUnknownCommand, "08S01", "Unknown command"))
		return false, nil
	}
	if p[0] == wire.ComQuery || p[0] == wire.ComStmtExecute {
		c.srv.questions.Add(1)
	}
	switch p[0] {
	case wire.ComQuit:
		return true, nil
	case wire.ComQuery:
		return false, c.comQuery(p[1:])
	case wire.ComPing:
		c.rowCount = 0
		return false, c.ok(&wire.OK{})
	case wire.ComInitDB:
		name, err := c.decodeName(p[1:])
		if err == nil {
			err = c.use(c.srv.known.Load(), name)
		}
		return false, c.answer(err)
	case wire.ComFieldList:
		return false, c.fieldList(p[1:])
	case wire.ComSetOption:
		return false, c.setOption(p[1:])
	case wire.ComProcessKill:
		return false, c.processKill(p[1:])
	case wire.ComResetConnection:
		return false, c.resetConnection()
	case wire.ComChangeUser:
		return c.changeUser(p[1:])
	case wire.ComStatistics:
		return false, c.statistics()
	case wire.ComProcessInfo:
		if c.srv.known.Load().flavor.mariadb { // MySQL has it no more
			return false, c.query([]byte("SHOW PROCESSLIST"))
		}
	case wire.ComStmtPrepare:
		text, err := c.decode(p[1:])
		if err != nil {
			return false, c.answer(err)
		}
		return false, c.newPrepared(text)
	case wire.ComStmtExecute:
		return false, c.executePrepared(p)
	case wire.ComStmtFetch:
		return false, c.fetch(p)
	case wire.ComStmtReset:
		return false, c.resetStatement(p)
	case wire.ComStmtSendLongData: // has no answer in the protocol
		c.longData(p)
		return false, nil
	case wire.ComStmtClose: // likewise
		c.closeStatement(p)
		return false, nil
	}
	c.fail(c.refusedCommand(p[0]))
	return false, nil
}

// refusedCommand is the answer to a command that is not carried out: a server's own answer to a user without special
// rights, but for what a server would have.
func (c *session) refusedCommand(b byte) error {
	switch b {
	case wire.ComBinlogDump, wire.ComBinlogDumpGTID:
		return notSupported("Serval does not support the command COM_BINLOG_DUMP: replicate from the servers")
	case wire.ComDebug:
		return needsPrivilege("SUPER")
	}
	return protocolError(codeUnknownCommand, "08S01", "Unknown command")
}

// answer ends a command with OK, or with the error.
func (c *session) answer(err error) error {
	if err != nil {
		c.fail(err)
		return nil
	}
	return c.ok(&wire.OK{})
}

// setOption switches MULTI_STATEMENTS for the connection.
func (c *session) setOption(p []byte) error {
	switch {
	case len(p) == 2 && p[0] == 0 && p[1] == 0:
		c.client.Capabilities |= wire.CapMultiStatements
	case len(p) == 2 && p[0] == 1 && p[1] == 0:
		c.client.Capabilities &^= wire.CapMultiStatements
	case len(p) < 2:
		return c.answer(errMalformedPacket())
	default:
		return c.answer(protocolError(codeUnknownCommand, "08S01", "Unknown command"))
	}
	return c.conn.WriteRowsEnd(0, c.status(0))
}

// statistics answers COM_STATISTICS in the words of the servers, of Serval itself. It opens no tables.
func (c *session) statistics() error {
	c.srv.mu.Lock()
	threads := len(c.srv.sessions)
	c.srv.mu.Unlock()
	up, questions, flushes := int64(time.Since(c.srv.started).Seconds()), c.srv.questions.Load(), "Flush tables: 0  "
	if c.srv.known.Load().flavor.mariadb {
		flushes = ""
	}
	return c.conn.WritePacket(fmt.Appendf(nil, "Uptime: %d  Threads: %d  Questions: %d  Slow queries: 0  Opens: 0  %sOpen tables: 0  Queries per second avg: %.3f",
		up, threads, questions, flushes, float64(questions)/float64(max(up, 1))))
}

// comQuery is COM_QUERY; attributes of the query are dropped.
func (c *session) comQuery(p []byte) error {
	if c.client.Capabilities&wire.CapQueryAttributes == 0 {
		return c.query(p)
	}
	text, err := wire.QueryText(p)
	if err != nil {
		return c.answer(errMalformedPacket())
	}
	return c.query(text)
}

// query carries out the statements of a COM_QUERY, one after the other; the first error is the last answer.
func (c *session) query(text []byte) error {
	text, err := c.decode(text)
	if err != nil {
		c.fail(err)
		return nil
	}
	for {
		if err := c.look(); err != nil {
			c.st.Scan(text, c.state.mode)
			c.more = false
			c.fail(err)
			return nil
		}
		c.st.Scan(text, c.state.mode)
		rest := nextStatement(&c.st)
		if rest != nil && c.wholeBody(text) {
			rest = nil
		}
		if rest != nil && c.client.Capabilities&wire.CapMultiStatements == 0 {
			c.fail(c.syntaxError(errSecondStatement, text)) // as a server says it
			return nil
		}
		c.more = rest != nil
		start := time.Now()
		c.began = start
		c.process.begin("Query", c.db, c.st.Text[:c.st.End], start)
		c.nextStatementBegins()
		client, mode := c.state.clientTable, c.state.mode
		kind, group, err := c.statement()
		c.srv.metrics.Statement(kind, group, time.Since(start))
		c.logStatement(kind, group, time.Since(start), err)
		if err == nil {
			if rest == nil {
				return nil
			}
			text = rest
			if c.changedReading(client, mode) {
				if text, err = c.decodeAgain(rest, client); err != nil {
					c.more = false
					c.fail(err)
					return nil
				}
			}
			continue
		}
		c.more = false
		if isConnectionError(err) {
			return err
		}
		if err != errAnswered {
			c.fail(err)
		}
		return nil
	}
}

// nextStatement is the text behind the statement's semicolon, nil when nothing but space follows.
func nextStatement(st *fingerprint.Statement) []byte {
	if st.End >= len(st.Text) {
		return nil
	}
	rest := st.Text[st.End+1:]
	lex := fingerprint.Lexer{Text: rest, Mode: st.Mode}
	for {
		switch t := lex.Next(); t.Kind {
		case fingerprint.TokenSpace:
		case fingerprint.TokenEnd:
			return nil
		default:
			if t.Kind == fingerprint.TokenPunctuation && rest[t.Start] == ';' {
				continue
			}
			return rest[t.Start:]
		}
	}
}

// logStatement notes a statement at level debug: its shape, or with log.statements its text.
func (c *session) logStatement(kind, group string, d time.Duration, err error) {
	if !c.srv.log.Enabled(c.srv.ctx, slog.LevelDebug) {
		return
	}
	text := c.st.Shape()
	if c.srv.cfg.Log.Statements {
		text = string(c.st.Text[:c.st.End])
	}
	code := uint16(0)
	switch {
	case err == errAnswered:
		code = c.patch.failed.Code
	case err != nil:
		code = toClient(err).Code
	}
	c.srv.log.Debug("statement", "session", c.id, "user", c.user.Name, "plan", kind, "group", group, "duration", d, "error", code, "text", text)
}

// errSecondStatement is a statement behind another one, from a client that did not ask for MULTI_STATEMENTS.
var errSecondStatement = errors.New("more than one statement")
