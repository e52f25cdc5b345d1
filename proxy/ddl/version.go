package ddl

// version.go: the number by which every Serval sees that tables have changed. It is counted up with each schema change that
// goes through a Serval, and read by all of them twice a second on a connection beside the pools.

import (
	"context"
	"strconv"
	"time"

	"serval/proxy/backend"
)

// pollEvery is how soon a Serval hears of a change that another made.
const pollEvery = 500 * time.Millisecond

// version reads it on a connection.
func (s *Store) version(c *backend.Conn) (uint64, error) {
	rows, err := c.Query("SELECT version FROM " + s.table("catalog") + " WHERE one = 1")
	switch code(err) {
	case codeNoTable, codeUnknownDatabase:
		return 0, nil
	}
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	return strconv.ParseUint(string(rows[0][0]), 10, 64)
}

// bump counts the version up.
func (s *Store) bump(c *backend.Conn) (uint64, error) {
	if _, err := c.Exec("INSERT INTO " + s.table("catalog") + " (one, version) VALUES (1, 1) ON DUPLICATE KEY UPDATE version = version + 1"); err != nil {
		return 0, err
	}
	return s.version(c)
}

// Version reads the catalog's version; 0 while no schema change has gone through a Serval.
func (s *Store) Version(ctx context.Context) (version uint64, err error) {
	err = s.own(ctx, s.group, func(c *backend.Conn) error {
		version, err = s.version(c)
		return err
	})
	return version, err
}

// Changed counts the version up for a change that is not logged: of a table that is whole in one group.
func (s *Store) Changed(ctx context.Context) (version uint64, err error) {
	err = s.own(ctx, s.group, func(c *backend.Conn) error {
		if err := s.make(c); err != nil {
			return err
		}
		version, err = s.bump(c)
		return err
	})
	return version, err
}

// Watch calls changed with the version whenever it is another one than before, until ctx ends. What changed fails at is
// tried again with the next look.
func (s *Store) Watch(ctx context.Context, changed func(version uint64) error) {
	w := watcher{store: s}
	defer w.disconnect()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if v, err := w.look(ctx); err != nil {
			w.complain(ctx, err)
		} else if w.complaint = ""; v != 0 && v != w.seen && changed(v) == nil {
			w.seen = v
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// watcher has the connection on which the version is read.
type watcher struct {
	store     *Store
	conn      *backend.Conn
	since     time.Time
	uncut     func() bool
	seen      uint64
	complaint string
}

// reconnect is after what time the connection is made anew: the group's primary may be another by then.
const reconnect = 30 * time.Second

func (w *watcher) look(ctx context.Context) (uint64, error) {
	if w.conn != nil && time.Since(w.since) > reconnect {
		w.disconnect()
	}
	if w.conn == nil {
		dialling, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		conn, err := w.store.cluster.Group(w.store.group).Primary().AcquireBeside(dialling)
		if err != nil {
			return 0, err
		}
		w.conn, w.since = conn, time.Now()
		w.uncut = context.AfterFunc(ctx, conn.Discard)
	}
	if err := w.conn.NetConn().SetDeadline(time.Now().Add(askTimeout)); err != nil {
		w.disconnect()
		return 0, err
	}
	if time.Since(w.since) < pollEvery { // a new one
		if _, err := w.conn.Exec(ownState); err != nil {
			w.disconnect()
			return 0, err
		}
	}
	v, err := w.store.version(w.conn)
	if err != nil && code(err) == 0 {
		w.disconnect()
	}
	return v, err
}

func (w *watcher) disconnect() {
	if w.conn != nil {
		w.uncut()
		w.conn.Release()
		w.conn = nil
	}
}

// complain logs an error once for as long as it stays the same; that a server cannot be reached is logged where it is
// dialled.
func (w *watcher) complain(ctx context.Context, err error) {
	if ctx.Err() != nil || err.Error() == w.complaint {
		return
	}
	w.complaint = err.Error()
	if code(err) != 0 {
		w.store.log.Warn("schema changes of other Servals cannot be seen", "group", w.store.group, "error", err)
	}
}
