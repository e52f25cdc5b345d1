package txn

// own.go: the manager's own connections to the groups' primaries: outside the pools, so that they are there when sessions
// wait for a recovery with all of the pool's connections in their hands, and in a state that does not depend on what the
// server's operator or a client has set. It knows nothing of what is asked on them.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"serval/proxy/backend"
	"serval/proxy/wire"
)

// attemptTimeout bounds one try at something on a server: a frozen one is found out, and the next try dials anew.
const attemptTimeout = 5 * time.Second

// Between tries, the time doubles from the first to the last.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

// ownState makes statements mean the same whatever the server's defaults are. The lock waits are short: who holds a
// decision's row for longer than a moment is asked about (see holder), not waited for.
var ownState = []string{
	"SET SESSION autocommit = 1, innodb_lock_wait_timeout = 1, lock_wait_timeout = 2, sql_safe_updates = 0, sql_mode = 'STRICT_ALL_TABLES'",
	"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE",
}

// prepare brings a new connection to ownState.
func prepare(c *backend.Conn) error {
	for _, sql := range ownState {
		if _, err := c.Exec(sql); err != nil {
			return err
		}
	}
	return nil
}

// own asks something of a group's primary on a connection for this alone, within attemptTimeout.
func (m *Manager) own(ctx context.Context, group string, ask func(context.Context, *backend.Conn) error) error {
	g := m.cluster.Group(group)
	if g == nil {
		return fmt.Errorf("there is no group %s", group)
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	err := g.Primary().Beside(ctx, func(c *backend.Conn) error {
		if err := prepare(c); err != nil {
			return err
		}
		return ask(ctx, c)
	})
	if err != nil && ctx.Err() != nil && code(err) == 0 {
		return fmt.Errorf("%s does not answer: %w", g.Primary(), context.Cause(ctx))
	}
	return err
}

// retry tries until it goes well or ctx ends; then the error is that of the last try.
func retry(ctx context.Context, try func(context.Context) error) error {
	for wait := firstPause; ; wait = min(2*wait, lastPause) {
		err := try(ctx)
		if err == nil || errors.Is(err, errHopeless) || !pause(ctx, wait) {
			return err
		}
	}
}

// errHopeless is wrapped by errors that another try does not heal.
var errHopeless = errors.New("trying again does not help")

// pause waits; false when ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// The servers' error numbers that recovery tells apart.
const (
	codeDBDenied        = 1044
	codeUnknownDatabase = 1049
	codeDuplicate       = 1062
	codeSyntax          = 1064
	codeUnknownThread   = 1094
	codeUnknown         = 1105 // Serval's own; other engines' for all they do not know
	codeTableDenied     = 1142
	codeNoTable         = 1146
	codeLockWait        = 1205
	codeDeadlock        = 1213
	codeSpecificAccess  = 1227
	codeReadOnly        = 1290
	codeUnknownXID      = 1397 // XAER_NOTA
	codeXAFailed        = 1401 // XAER_RMERR: what XA RECOVER says to those who may not
	codeXARolledBack    = 1402
	codeReadOnlyMode    = 1836
	codeLockNoWait      = 3572 // MariaDB says codeLockWait
	codeCannotConnect   = 2003 // package backend's
	codeXATimeout       = 1613
	codeXADeadlock      = 1614
)

// code is the number of a server's error, 0 for any other error and for none.
func code(err error) uint16 {
	var refused *wire.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return 0
}
