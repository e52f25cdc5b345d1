package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/memory"
	"github.com/dolthub/go-mysql-server/server"
	gms "github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/go-mysql-server/sql/types"
	"github.com/dolthub/vitess/go/mysql"
	driver "github.com/go-sql-driver/mysql"
	"github.com/sirupsen/logrus"
)

// cluster.go: the servers behind the proxy: in-memory engines in this process that speak MySQL's protocol on free
// loopback ports. It knows nothing of sharding.

// The account with which Serval logs in to the engines.
const (
	engineUser     = "serval"
	enginePassword = "inside"
)

// engineVersion is what the engine answers for VERSION().
const engineVersion = "8.0.31"

const lockWait = "innodb_lock_wait_timeout"

// cluster is the demo's engines, one for each group.
type cluster struct {
	engines []*engine
}

// engine is one server with one database.
type engine struct {
	group    string
	address  string // host:port
	database string

	listener net.Listener
	handler  *serialHandler
	server   *server.Server
	sql      *sqle.Engine
	accepted chan struct{} // closed when the accepting goroutine has ended
}

// quietEngines keeps the engines' log, which is logrus's global one, off the terminal: it has a line for every
// connection, and clients are told of their errors anyway.
func quietEngines() { logrus.SetOutput(io.Discard) }

// startCluster starts an engine for each group, each with an empty database of the given name.
func startCluster(database string, groups ...string) (*cluster, error) {
	// Clients greet people with it. The engines keep it for the whole process.
	if err := gms.SystemVariables.AssignValues(map[string]any{"version_comment": "in-memory go-mysql-server"}); err != nil {
		return nil, fmt.Errorf("naming the engines: %w", err)
	}
	// The engines have it as a global one only; sessions of Serval's set it.
	gms.SystemVariables.AddSystemVariables([]gms.SystemVariable{&gms.MysqlSystemVariable{
		Name: lockWait, Scope: gms.GetMysqlScope(gms.SystemVariableScope_Both), Dynamic: true,
		Type: types.NewSystemIntType(lockWait, 1, 1073741824, false), Default: int64(50),
	}})
	c := &cluster{}
	for _, g := range groups {
		e, err := startEngine(g, database)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("starting the engine of group %s: %w", g, err), c.close())
		}
		c.engines = append(c.engines, e)
	}
	return c, nil
}

// startEngine starts one server on a free loopback port.
func startEngine(group, database string) (*engine, error) {
	databases := memory.NewDBProvider(memory.NewDatabase(database))
	e := &engine{group: group, database: database, sql: sqle.NewDefault(databases), accepted: make(chan struct{})}
	accounts := e.sql.Analyzer.Catalog.MySQLDb
	editor := accounts.Editor()
	accounts.AddSuperUser(editor, engineUser, "127.0.0.1", enginePassword)
	editor.Close()

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	e.listener, e.address = l, l.Addr().String()
	settings := server.Config{Protocol: "tcp", Address: e.address, Listener: l, Version: engineVersion + "-demo"}
	e.server, err = server.NewServerWithHandler(settings, e.sql, gms.NewContext, memory.NewSessionBuilder(databases), nil,
		func(h mysql.Handler) (mysql.Handler, error) {
			e.handler = newSerialHandler(h)
			return e.handler, nil
		})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	go func() {
		defer close(e.accepted)
		e.server.Listener.Accept()
	}()
	return e, nil
}

// run executes statements on the engine itself, past the proxy.
func (e *engine) run(ctx context.Context, statements ...string) (err error) {
	login := driver.NewConfig()
	login.Net, login.Addr, login.DBName = "tcp", e.address, e.database
	login.User, login.Passwd = engineUser, enginePassword
	connector, err := driver.NewConnector(login)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("group %s: %w, in: %s", e.group, err, s)
		}
	}
	return nil
}

// close stops the server, ends its connections and waits until nothing of it runs.
func (e *engine) close() error {
	e.server.Listener.Close()
	<-e.accepted
	e.handler.closeConnections()
	if err := e.sql.Close(); !errors.Is(err, context.Canceled) { // which is how its background threads say that they ended
		return err
	}
	return nil
}

// close stops all engines.
func (c *cluster) close() error {
	var errs []error
	for _, e := range c.engines {
		if err := e.close(); err != nil {
			errs = append(errs, fmt.Errorf("stopping the engine of group %s: %w", e.group, err))
		}
	}
	return errors.Join(errs...)
}
