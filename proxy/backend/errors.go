package backend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"serval/proxy/wire"
)

// errors.go: what a statement is told when no connection can be had. It knows MySQL's numbers and no statements.

// The client error numbers and SQLSTATEs that this package makes itself.
const (
	codeTooManyConnections = 1040 // ER_CON_COUNT_ERROR
	codeCannotConnect      = 2003 // CR_CONN_HOST_ERROR

	stateGeneral           = "HY000"
	stateConnectionRefused = "08004"
)

// ErrClosed is returned by an acquisition from a Cluster that was closed.
var ErrClosed = errors.New("backend: the cluster is closed")

// cannotConnect is a failed dial as a client sees it. A server that answered with an error of its own ("Access
// denied", "Too many connections", "Host is blocked") keeps its number; every other failure is a 2003.
func cannotConnect(n *Node, err error) *wire.Error {
	var my *mysql.MyError
	if errors.As(err, &my) {
		return &wire.Error{Code: my.Code, State: my.State, Message: fmt.Sprintf("%s (on '%s')", my.Message, n.name)}
	}
	var we *wire.Error
	if errors.As(err, &we) {
		return &wire.Error{Code: we.Code, State: we.State, Message: fmt.Sprintf("%s (on '%s')", we.Message, n.name)}
	}
	return &wire.Error{
		Code:    codeCannotConnect,
		State:   stateGeneral,
		Message: fmt.Sprintf("Can't connect to MySQL server on '%s' (%s)", n.name, reason(err)),
	}
}

// reason is the shortest text that still says why a dial failed: without the address, which the message has, and
// without the names of the functions that go-mysql puts before it.
func reason(err error) string {
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	case errors.As(err, &op):
		return op.Err.Error()
	case errors.Is(err, mysql.ErrBadConn):
		return "the server closed the connection in the handshake"
	}
	text := err.Error()
	for _, prefix := range []string{"handleAuthResult: ", "readAuthResult: ", "readInitialHandshake: ", "writeAuthHandshake: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return text
}

// poolFull is a pool that had no connection to give for AcquireTimeout.
func (n *Node) poolFull() *wire.Error {
	return &wire.Error{
		Code:  codeTooManyConnections,
		State: stateConnectionRefused,
		Message: fmt.Sprintf("Too many connections: all %d connections to %s were busy for %v (pool.max, pool.acquire_timeout)",
			n.pool.max, n.name, n.settings.AcquireTimeout),
	}
}

// tooManyAtOnce is a statement that needs more connections than the pool may ever have.
func (n *Node) tooManyAtOnce(count int) *wire.Error {
	return &wire.Error{
		Code:  codeTooManyConnections,
		State: stateConnectionRefused,
		Message: fmt.Sprintf("Too many connections: the statement needs %d connections to %s at once, its pool.max is %d",
			count, n.name, n.pool.max),
	}
}

// lost wraps an error of a connection that is of no more use. It is never a *wire.Error: that is how callers tell a
// server's answer from a server that is gone.
func (c *Conn) lost(doing string, err error) error {
	c.broken = true
	return fmt.Errorf("%s: %s: %w", c.node.name, doing, err)
}
