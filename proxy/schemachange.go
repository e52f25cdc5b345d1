package proxy

// schemachange.go: a schema change of a sharded or a broadcast table, in all its places (package ddl does it), with
// connections in the session's state; and the catalog's version, by which other Servals hear of it.

import (
	"errors"
	"net"
	"os"
	"strconv"
	"time"

	"serval/proxy/backend"
	"serval/proxy/ddl"
	"serval/proxy/declared"
	"serval/proxy/wire"
	"serval/router"
)

// schemaConns gives a schema change its connections. Its methods are called by several goroutines: what they need of the
// session is guarded (held) or does not change meanwhile.
type schemaConns struct {
	c     *session
	state backend.State
}

// Beside implements ddl.Connections.
func (s *schemaConns) Beside(group string) (*backend.Conn, error) {
	conn, err := s.c.srv.cluster.Group(group).Primary().AcquireBeside(s.c.waiting())
	if err != nil {
		return nil, err
	}
	if err := s.c.hold(conn); err != nil {
		conn.Discard()
		return nil, err
	}
	return conn, nil
}

// Take implements ddl.Connections. A session that is pinned to a connection of the group keeps that for itself.
func (s *schemaConns) Take(group, database string) (*backend.Conn, error) {
	state := s.state
	state.Database = database
	return s.c.borrowMore(group, &state)
}

// Shield implements ddl.Connections.
func (s *schemaConns) Shield(conn *backend.Conn) { s.c.letGo(conn) }

// Give implements ddl.Connections.
func (s *schemaConns) Give(conn *backend.Conn, err error) {
	var e *wire.Error
	if err != nil && (!errors.As(err, &e) || clientSide(e)) {
		s.c.discard(conn)
		return
	}
	conn.Forget() // its database may have another collation now
	s.c.giveBack(conn)
}

// schemaChange carries out a statement of KindSchema.
func (c *session) schemaChange(p *router.Plan) error {
	if c.lockedGroup != "" {
		return errTablesLocked("a schema change of a table that is in several places")
	}
	if p.Commits {
		if err := c.commitOpen(); err != nil {
			return err
		}
	}
	job := &ddl.Job{
		Change: p.Schema, Text: string(c.currentText()), Database: c.namesDB(), Session: c.state.text, Proxy: c.srv.name(),
		LockWait: c.lockWait(), Conns: &schemaConns{c: c, state: *c.state.backend("")},
	}
	c.srv.keepsLayouts(job)
	done, err := c.srv.schemas.Run(job)
	if err != nil {
		c.srv.reloadAfter(0, 0, nil)
		return c.schemaFailed(err)
	}
	before := c.srv.known.Load().catalog
	c.srv.reloadAfter(done.Version, 2, p.Databases) // it is counted when it begins, too
	c.followNumbers(p.Schema)
	if err := c.followSchema(p.Schema, before); err != nil {
		return err
	}
	return c.answerSchema(done)
}

// keepsLayouts has the layouts that a change declares, or of tables that it takes away or renames, kept together with its
// log.
func (s *Server) keepsLayouts(job *ddl.Job) {
	own, change := s.cfg.Transactions.Database, job.Change
	if len(change.Declares) > 0 {
		job.Begin = func(conn *backend.Conn) error {
			return each(change.Declares, func(d router.SchemaDeclaration) error { return declared.Keep(conn, own, d) })
		}
		job.Undo = func(conn *backend.Conn) error {
			return each(change.Declares, func(d router.SchemaDeclaration) error { return declared.Forget(conn, own, d.Table) })
		}
	}
	job.End = func(conn *backend.Conn) error {
		err := each(change.Forgets, func(t router.TableKey) error { return declared.Forget(conn, own, t) })
		if err == nil && len(change.Renames) > 0 {
			err = declared.Rename(conn, own, change.Renames)
		}
		return err
	}
}

// each does something with the items of a list until it fails.
func each[T any](list []T, do func(T) error) error {
	for _, item := range list {
		if err := do(item); err != nil {
			return err
		}
	}
	return nil
}

// schemaFailed makes the client's error of a change's: in its first server's words, with logical names.
func (c *session) schemaFailed(err error) error {
	var (
		e          *wire.Error
		incomplete *ddl.Incomplete
	)
	if errors.As(err, &e) {
		c.patch.names(e)
	}
	if errors.As(err, &incomplete) {
		told := toClient(incomplete.First)
		return &wire.Error{Code: told.Code, State: told.State, FromServer: told.FromServer, Message: incomplete.Error()}
	}
	return err
}

// answerSchema tells the client that the change is done.
func (c *session) answerSchema(done *ddl.Done) error {
	c.warnings = nil
	if err := c.addWarnings(done.Warnings); err != nil {
		return err
	}
	done.OK.Warnings = warningCount(c.warnings, done.OK.Warnings)
	c.rowCount = int64(done.OK.AffectedRows)
	return clientError(c.ok(&done.OK))
}

// lockWait is the session's lock_wait_timeout, negative when it is the servers' own.
func (c *session) lockWait() time.Duration {
	n, err := strconv.Atoi(c.state.vars["lock_wait_timeout"])
	if err != nil {
		return -1
	}
	return time.Duration(n) * time.Second
}

// name is what the log calls this Serval.
func (s *Server) name() string {
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	_, port, err := net.SplitHostPort(s.Addr().String())
	if err != nil {
		port = "?"
	}
	return net.JoinHostPort(host, port) + ", process " + strconv.Itoa(os.Getpid())
}

// reloadAfter reads the catalog again after a schema change that went through this server; version is the catalog's since then,
// 0: not known. Where nothing but its own counts have come since the last reading, these databases are read and no others.
func (s *Server) reloadAfter(version, counts uint64, databases []string) {
	var err error
	if version > 0 && version-s.schemaSeen.Load() <= counts && len(databases) > 0 {
		err = s.reloadDatabases(s.ctx, databases)
	} else {
		err = s.reload(s.ctx)
	}
	if err != nil {
		s.log.Warn("the catalog could not be read again after a schema change", "error", err)
		s.incomplete.Store(true)
		return
	}
	if version > 0 {
		s.schemaSeen.Store(version)
	}
}

// watchSchemas reads the catalog again when another Serval has changed it.
func (s *Server) watchSchemas() {
	s.schemas.Watch(s.ctx, func(version uint64) error {
		if s.schemaSeen.Load() == version {
			return nil
		}
		if err := s.reload(s.ctx); err != nil {
			if s.ctx.Err() == nil {
				s.log.Warn("the catalog could not be read again after a schema change through another Serval", "error", err)
			}
			return err
		}
		s.schemaSeen.Store(version)
		return nil
	})
}

// schemaChanged is called after a schema change of tables that are whole in one group, in these databases; nil: it may concern
// any.
func (c *session) schemaChanged(databases []string) {
	version, err := c.srv.schemas.Changed(c.srv.ctx)
	if err != nil {
		c.srv.log.Warn("other Servals do not hear of a schema change", "error", err)
	}
	c.srv.reloadAfter(version, 1, databases)
}

// tablesOnly are the databases whose tables a statement changes, nil when it may be about something else, a function say.
func tablesOnly(p *router.Plan) []string {
	if len(p.Named) == 0 {
		return nil
	}
	return p.Databases
}
