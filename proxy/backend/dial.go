package backend

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"serval/proxy/wire"
)

// dial.go: a new connection. go-mysql's client does the connection phase (greeting, TLS, login plugins); after that
// its socket is taken over by wire and go-mysql's buffers are garbage.
//
// Capabilities towards servers, beside those that go-mysql always asks for (PROTOCOL_41, SECURE_CONNECTION,
// LONG_PASSWORD, TRANSACTIONS, PLUGIN_AUTH, LONG_FLAG, CONNECT_ATTRS, SSL by configuration):
//
//	MULTI_RESULTS      yes: a CALL must be able to answer with several results
//	FOUND_ROWS         as the client has it; such connections are pooled apart
//	DEPRECATE_EOF      no: one layout to read; what a client has negotiated is its wire.Conn's matter
//	QUERY_ATTRIBUTES   no: changes the layout of COM_QUERY
//	SESSION_TRACK      yes: what SET and COMMIT tell is passed on to clients that asked for it
//	MULTI_STATEMENTS   no: the proxy splits statements, a server must never see two in one packet
//	LOCAL_FILES        yes: who asks for a client's file unasked is refused by wire.Relay
//	COMPRESS, IGNORE_SPACE  no

// keepAlive finds a server that went without a word within a minute, while a statement waits for it.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}

// handshakeBuffer is the size of go-mysql's read buffer, in bytes: the handshake is all that goes through it.
const handshakeBuffer = 1 << 10

// dial connects and logs in within ConnectTimeout and ctx.
func dial(ctx context.Context, n *Node, foundRows bool) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, n.settings.ConnectTimeout)
	defer cancel()
	nc, err := dialSocket(ctx, n.cfg.Address)
	if err != nil {
		return nil, err
	}
	// go-mysql's handshake knows no context: a deadline in the past ends it.
	stop := cutAtEnd(ctx, nc)
	c, err := login(ctx, n, nc, foundRows)
	if !stop() { // the deadline was or will be set: too late, whatever came of the login
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		_ = nc.Close()
		return nil, err
	}
	if life := n.settings.MaxLifetime; life > 0 {
		// Up to a tenth less, so that connections made together do not all end together.
		c.expires = time.Now().Add(life - rand.N(life/10+1))
	}
	return c, nil
}

// cutAtEnd makes reads and writes of nc fail as soon as ctx is done. stop ends that; it is false when it was too late.
func cutAtEnd(ctx context.Context, nc net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = nc.SetDeadline(time.Unix(1, 0)) })
}

// dialSocket opens the socket: a path is a Unix socket, anything else host:port.
func dialSocket(ctx context.Context, address string) (net.Conn, error) {
	network := "tcp"
	if strings.Contains(address, "/") {
		network = "unix"
	}
	d := net.Dialer{KeepAliveConfig: keepAlive}
	nc, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if tcp, ok := nc.(*net.TCPConn); ok {
		_ = tcp.SetNoDelay(true) // Go's default; said here since a proxy lives by it
	}
	return nc, nil
}

// login does the connection phase on nc and brings the session to its base state. A panic in go-mysql, which indexes
// into packets without looking at their length, is an error of the server's.
func login(ctx context.Context, n *Node, nc net.Conn, foundRows bool) (c *Conn, err error) {
	defer func() {
		if p := recover(); p != nil {
			c, err = nil, fmt.Errorf("malformed handshake packet (%v)", p)
		}
	}()
	tlsConfig, err := tlsConfig(&n.cfg)
	if err != nil {
		return nil, err
	}
	network := nc.RemoteAddr().Network()
	reuse := func(context.Context, string, string) (net.Conn, error) { return nc, nil }
	cc, err := client.ConnectWithDialer(ctx, network, n.cfg.Address, n.cfg.User, n.cfg.Password, "", reuse,
		func(cc *client.Conn) error {
			cc.BufferSize = handshakeBuffer
			cc.SetAttributes(map[string]string{"program_name": "serval"})
			cc.UnsetCapability(mysql.CLIENT_DEPRECATE_EOF)
			cc.UnsetCapability(mysql.CLIENT_QUERY_ATTRIBUTES)
			if tlsConfig != nil {
				cc.SetTLSConfig(tlsConfig)
			}
			capabilities := []uint32{mysql.CLIENT_MULTI_RESULTS, mysql.CLIENT_PS_MULTI_RESULTS, mysql.CLIENT_SESSION_TRACK, mysql.CLIENT_LOCAL_FILES}
			if foundRows {
				capabilities = append(capabilities, mysql.CLIENT_FOUND_ROWS)
			}
			for _, capability := range capabilities {
				if err := cc.SetCapability(capability); err != nil {
					return err
				}
			}
			return cc.SetCollation(baseCollation) // one byte in the login packet: 45, which both servers know
		})
	if err != nil {
		return nil, err
	}
	return takeOver(n, cc, foundRows)
}

// takeOver makes a Conn of go-mysql's. A server says nothing after the login's OK until it is asked, so nothing is
// left in go-mysql's buffer; were it otherwise, the first answer here would be short of its beginning or out of order
// and the dial would fail.
func takeOver(n *Node, cc *client.Conn, foundRows bool) (*Conn, error) {
	c := &Conn{
		Conn:      wire.NewConn(cc.Conn.Conn), // of TLS, when there is TLS
		node:      n,
		threadID:  cc.GetConnectionID(),
		version:   strings.TrimPrefix(cc.GetServerVersion(), "5.5.5-"),
		foundRows: foundRows,
	}
	// Said again in words: a server may ignore the login packet's collation (skip-character-set-client-handshake,
	// init_connect), and what is not known cannot be compared.
	if _, err := c.Exec("SET NAMES " + DefaultNames); err != nil {
		return nil, err
	}
	c.have.Names = DefaultNames
	if err := c.Quiet(); err != nil {
		return nil, err
	}
	return c, nil
}

// killQuery stops what the server's thread runs, through a connection of its own.
func (n *Node) killQuery(ctx context.Context, thread uint32) error {
	ctx, cancel := context.WithTimeout(ctx, n.settings.ConnectTimeout)
	defer cancel()
	return n.Beside(ctx, func(side *Conn) error {
		_, err := side.Exec("KILL QUERY " + strconv.FormatUint(uint64(thread), 10))
		return err
	})
}

// Beside asks something through a connection of its own, outside the pool's limit: what sessions wait for that hold
// all of the pool's connections. The connection is closed when ask returns, and cut when ctx ends.
func (n *Node) Beside(ctx context.Context, ask func(*Conn) error) error {
	side, err := n.AcquireBeside(ctx)
	if err != nil {
		return err
	}
	defer side.Release()
	defer cutAtEnd(ctx, side.NetConn())()
	return ask(side)
}
