package proxy

// reset.go: COM_RESET_CONNECTION and COM_CHANGE_USER: the session is as after its login, its own or another user's.

import (
	"errors"
	"time"

	"serval/proxy/wire"
)

// resetConnection handles COM_RESET_CONNECTION. The current database stays.
func (c *session) resetConnection() error {
	k := c.srv.known.Load()
	c.known = k
	if err := c.forgetSession(); err != nil {
		return err
	}
	c.state.init(k, c.client.Collation)
	if !k.flavor.mariadb { // MySQL gives the servers' character set, MariaDB the login's
		c.state.agree(k, c.client.Capabilities&^wire.CapInteractive) // which MariaDB forgets
		c.state.names = k.flavor.defaultNames
		c.state.render()
	}
	return c.ok(&wire.OK{})
}

// forgetSession ends what is open, and forgets what a session has beside its user and database.
func (c *session) forgetSession() error {
	if err := c.rollBackOpen(); err != nil {
		return err
	}
	c.unpinAll()
	c.closePrepared()
	c.next = nextTransaction{}
	c.lastInsertID, c.rowCount, c.found, c.warnings = 0, 0, 0, c.warnings[:0]
	c.forgetTracking()
	return nil
}

// rollBackOpen ends a transaction without its answer: where its connection is lost, its server does.
func (c *session) rollBackOpen() error {
	for _, b := range c.txn.branches {
		if err := c.hold(b.Conn); err != nil {
			return err
		}
	}
	c.rollBackBranches()
	c.txn = transaction{}
	return nil
}

// changeUser handles COM_CHANGE_USER. Where that fails the connection is closed, as MySQL does.
func (c *session) changeUser(p []byte) (quit bool, err error) {
	k := c.srv.known.Load()
	c.known = k
	nc := c.conn.NetConn()
	if err := nc.SetDeadline(time.Now().Add(loginTimeout)); err != nil {
		return true, err
	}
	client, err := c.handshake(k).ChangeUser(c.conn, p, c.client)
	if err != nil {
		var refused *wire.Error
		if errors.As(err, &refused) { // the client has been told
			c.srv.metrics.Error(refused.Code)
			return true, nil
		}
		return true, err
	}
	if err := c.forgetSession(); err != nil {
		return true, err
	}
	c.become(k, client)
	c.db = ""
	if err := c.enter(k, client); err != nil {
		c.fail(err)
		return true, c.conn.Flush()
	}
	c.process.login(c.user.Name, nc.RemoteAddr().String(), c.db)
	if err := c.ok(&wire.OK{}); err != nil {
		return true, err
	}
	return false, errors.Join(c.conn.Flush(), nc.SetDeadline(time.Time{}))
}
