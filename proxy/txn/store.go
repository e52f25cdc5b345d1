package txn

// store.go: Serval's own database on each group's primary. Its table store has one row, the group's store id: made once,
// replicated, so that it stays the group's whatever server is the primary, and tells two Servals apart that call their
// groups alike. Its table xa_decision has the verdicts. It does not know who asks for a verdict.

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"serval/proxy/backend"
	"serval/proxy/wire"
)

// storeTimeout bounds what a session waits for the first time that a group takes part in a two-phase commit.
const storeTimeout = 10 * time.Second

// storeDigits is the length of a store id.
const storeDigits = 16

// readAgain is how often a group without a store is asked for one, however many transactions ask.
const readAgain = time.Second

// identity is what is known of a group's store.
type identity struct {
	id     string
	server string // which server had it, see readStore
}

// failurePause is for how long a store that cannot be used is not tried again: each transaction that reads in two groups would.
const failurePause = 2 * time.Second

type storeFailure struct {
	err error
	at  time.Time
}

// groupStore is a group's, kept after it was first read.
type groupStore struct {
	turn  chan struct{} // one makes it, the others wait and read what came of it
	known atomic.Pointer[identity]

	failed atomic.Pointer[storeFailure]
	read   time.Time // when deciders read it last; belongs to who has the turn
}

// take waits for the turn.
func (s *groupStore) take(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *groupStore) leave() { <-s.turn }

func newStores(cluster *backend.Cluster) map[string]*groupStore {
	stores := map[string]*groupStore{}
	for _, g := range cluster.Groups() {
		stores[g.Name()] = &groupStore{turn: make(chan struct{}, 1)}
	}
	return stores
}

// Store gives a group's store id. The first time it makes what is missing on the group's primary and sees that all that
// two-phase commit and recovery will need is allowed. A refusal is a *wire.Error that says what is missing.
func (m *Manager) Store(ctx context.Context, group string) (id string, err error) {
	s := m.stores[group]
	if s == nil {
		return "", fmt.Errorf("there is no group %s", group)
	}
	if k := s.known.Load(); k != nil {
		return k.id, nil
	}
	if f := s.failed.Load(); f != nil && time.Since(f.at) < failurePause {
		return "", f.err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := s.take(ctx); err != nil {
		return "", cannotCommit(err)
	}
	defer s.leave()
	if k := s.known.Load(); k != nil {
		return k.id, nil
	}
	var k *identity
	err = m.own(ctx, group, func(ctx context.Context, c *backend.Conn) error {
		for {
			// Servals that make the store at once can lose deadlocks against each other.
			if k, err = m.openStore(c); code(err) != codeDeadlock && code(err) != codeLockWait || !pause(ctx, firstPause) {
				return err
			}
		}
	})
	if err == nil {
		err = m.checkCopy(group, k)
	}
	if err != nil {
		err = cannotCommit(err)
		if ctx.Err() == nil { // else it was the client who gave up
			s.failed.Store(&storeFailure{err: err, at: time.Now()})
		}
		return "", err
	}
	s.known.Store(k)
	return k.id, nil
}

// openStore reads the store, makes it when there is none, and tries what will be needed.
func (m *Manager) openStore(c *backend.Conn) (*identity, error) {
	k, err := m.readStore(c)
	if err == nil && k == nil {
		if err = m.makeStore(c); err == nil {
			k, err = m.readStore(c)
		}
	}
	if err == nil && k == nil {
		err = fmt.Errorf("the table %s was made and is not there", m.table("store"))
	}
	if err != nil {
		return nil, err
	}
	return k, m.tryStore(c)
}

// readStore is nil when there is no store. A server that has no such table yet is one without a store.
func (m *Manager) readStore(c *backend.Conn) (*identity, error) {
	rows, err := c.Query(fmt.Sprintf("SELECT id, CONCAT_WS(' ', @@hostname, @@port, @@datadir), (SELECT 1 FROM %s LIMIT 0) FROM %s WHERE one = 1",
		m.table("xa_decision"), m.table("store")))
	switch code(err) {
	case 0:
	case codeUnknownDatabase, codeNoTable:
		return nil, nil
	default:
		return nil, m.denied(c, "SELECT", err)
	}
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	k := &identity{id: string(rows[0][0]), server: string(rows[0][1])}
	if !isHex(k.id, storeDigits) {
		return nil, fmt.Errorf("%s: %q in %s is no store id of Serval's", c.Node(), k.id, m.table("store"))
	}
	return k, nil
}

// makeStore makes what is missing. Several Servals may do it at once: one of their rows stands afterwards.
func (m *Manager) makeStore(c *backend.Conn) error {
	var b [storeDigits / 2]byte
	rand.Read(b[:]) // never fails
	for _, step := range []struct{ privilege, sql string }{
		{"CREATE", "CREATE DATABASE IF NOT EXISTS `" + m.cfg.Database + "`"},
		{"CREATE", "CREATE TABLE IF NOT EXISTS " + m.table("store") +
			" (one TINYINT UNSIGNED NOT NULL PRIMARY KEY, id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL) ENGINE=InnoDB"},
		{"CREATE", "CREATE TABLE IF NOT EXISTS " + m.table("xa_decision") +
			" (gtrid VARBINARY(64) NOT NULL PRIMARY KEY, verdict ENUM('commit','rollback') CHARACTER SET ascii NOT NULL," +
			" participants MEDIUMBLOB NOT NULL, decided_at BIGINT UNSIGNED NOT NULL, KEY (decided_at)) ENGINE=InnoDB"},
		{"INSERT", "INSERT IGNORE INTO " + m.table("store") + " (one, id) VALUES (1, '" + hex.EncodeToString(b[:]) + "')"},
	} {
		ok, err := c.Exec(step.sql)
		if err != nil {
			return m.denied(c, step.privilege, err)
		}
		if step.privilege == "INSERT" && ok.AffectedRows > 0 {
			m.log.Info("Serval's own database was made", "group", c.Node().Group(), "database", m.cfg.Database)
		}
	}
	return nil
}

// tryStore does what will have to be done later, without effect and without locks: a missing privilege is an error now and not in the middle
// of a commit.
func (m *Manager) tryStore(c *backend.Conn) error {
	for _, step := range []struct{ privilege, sql string }{
		{"INSERT", "INSERT INTO " + m.table("xa_decision") + " (gtrid, verdict, participants, decided_at) SELECT '', 'rollback', '', 0 FROM DUAL WHERE 1 = 0"},
		{"UPDATE", "UPDATE " + m.table("xa_decision") + " SET decided_at = 0 WHERE gtrid = '' AND 1 = 0"},
		{"DELETE", "DELETE FROM " + m.table("xa_decision") + " WHERE gtrid = '' AND 1 = 0"},
		{"XA_RECOVER_ADMIN", "XA RECOVER"},
	} {
		if _, err := c.Exec(step.sql); err != nil {
			return m.denied(c, step.privilege, err)
		}
	}
	return nil
}

// denied says of a server's refusal which privilege the account needs; what is not about privileges stays what it is.
func (m *Manager) denied(c *backend.Conn, privilege string, err error) error {
	var refused *wire.Error
	if !errors.As(err, &refused) {
		return err
	}
	var reason string
	switch refused.Code {
	case codeDBDenied, codeTableDenied, codeSpecificAccess, codeXAFailed:
		on := "`" + m.cfg.Database + "`.*"
		if privilege == "XA_RECOVER_ADMIN" {
			on = "*.*"
		}
		reason = fmt.Sprintf("the account needs the privilege %s on %s", privilege, on)
	case codeReadOnly, codeReadOnlyMode:
		reason = "the server is read only"
	default:
		reason = "the database " + m.cfg.Database + " cannot be used"
	}
	return &wire.Error{Code: refused.Code, State: refused.State, Message: fmt.Sprintf("Cannot commit in several groups: on %s %s (%s)", c.Node(), reason, refused.Message)}
}

// cannotCommit makes a MySQL error of every error.
func cannotCommit(err error) error {
	if code(err) != 0 {
		return err
	}
	return &wire.Error{Code: codeUnknown, State: "HY000", Message: "Cannot commit in several groups: " + err.Error()}
}

// checkCopy refuses a group that was copied from another, store and all: which of the two decides could not be told.
// Groups on one server share its store.
func (m *Manager) checkCopy(group string, k *identity) error {
	for name, s := range m.stores {
		other := s.known.Load()
		if name != group && other != nil && other.id == k.id && other.server != k.server {
			return &wire.Error{Code: codeUnknown, State: "HY000", Message: fmt.Sprintf(
				"Cannot commit in several groups: groups %s and %s have the same id in %s, one is a copy of the other: on the copy DELETE FROM %s and restart Serval",
				group, name, m.table("store"), m.table("store"))}
		}
	}
	return nil
}

// errUnknownStore is a transaction that a group decides which is not of this configuration.
var errUnknownStore = fmt.Errorf("no group of this configuration has the transaction's store: %w", errHopeless)

// deciders are the groups with a store, found by asking all groups whose store is not known yet.
func (m *Manager) deciders(ctx context.Context, store string) ([]string, error) {
	if in := m.having(store); len(in) > 0 {
		return in, nil
	}
	groups := m.cluster.Groups()
	errs := make([]error, len(groups))
	var wait sync.WaitGroup
	for i, g := range groups {
		if m.stores[g.Name()].known.Load() != nil {
			continue
		}
		wait.Go(func() { errs[i] = m.lookFor(ctx, g.Name()) })
	}
	wait.Wait()
	if in := m.having(store); len(in) > 0 {
		return in, nil
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("it is not known which group has store %s: %w", store, err)
	}
	return nil, errUnknownStore
}

// lookFor reads the store of a group that had none, though not more often than once in readAgain.
func (m *Manager) lookFor(ctx context.Context, group string) error {
	s := m.stores[group]
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.leave()
	if time.Since(s.read) < readAgain {
		return nil
	}
	err := m.own(ctx, group, func(_ context.Context, c *backend.Conn) error { return m.learn(c) })
	if err == nil {
		s.read = time.Now()
	}
	return err
}

func (m *Manager) having(store string) (groups []string) {
	for _, g := range m.cluster.Groups() {
		if k := m.stores[g.Name()].known.Load(); k != nil && k.id == store {
			groups = append(groups, g.Name())
		}
	}
	return groups
}

// learn reads the store of c's group again, without making one: after a failover it could be missing. The caller has the
// group's turn.
func (m *Manager) learn(c *backend.Conn) error {
	k, err := m.readStore(c)
	if err != nil {
		return err
	}
	group := c.Node().Group()
	was := m.stores[group].known.Swap(k)
	if was != nil && (k == nil || k.id != was.id) {
		m.log.Warn("the group has lost its store: were its data exchanged?", "group", group, "store", was.id)
	}
	return nil
}

// table is a table of Serval's own as SQL has it under every sql_mode.
func (m *Manager) table(name string) string { return "`" + m.cfg.Database + "`.`" + name + "`" }

// DecisionSQL is the statement that writes the verdict "commit" on the deciding connection, in whatever state its session
// is. participants are the store ids of the branches. Texts are bytes, whatever the connection's character set would make
// of them, and the time is the proxy's, as a client may have set the session's.
func (m *Manager) DecisionSQL(id ID, participants []string) string {
	return m.verdictSQL(id, Committed, participants)
}

func (m *Manager) verdictSQL(id ID, v Verdict, participants []string) string {
	p := slices.Clone(participants)
	slices.Sort(p)
	return "INSERT INTO " + m.table("xa_decision") + " (`gtrid`, `verdict`, `participants`, `decided_at`) VALUES (_binary'" + id.String() +
		"', _ascii'" + string(v) + "', _binary'" + strings.Join(slices.Compact(p), ",") + "', " + strconv.FormatInt(time.Now().Unix(), 10) + ")"
}
