package ddl

// store.go: Serval's own tables for schema changes, on the first group's primary, and connections of its own to them. It
// does not know what is written there when (journal.go, unfinished.go, version.go).

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"serval/proxy/backend"
	"serval/proxy/declared"
	"serval/proxy/wire"
)

// askTimeout bounds one question on a connection of Serval's own.
const askTimeout = 10 * time.Second

// placesAtOnce bounds the places of one group that one Serval changes at the same time.
const placesAtOnce = 4

// Store is what all sessions of one Serval share of schema changes. It is safe for use by many goroutines.
type Store struct {
	cluster  *backend.Cluster
	group    string // in which the log is
	database string
	log      *slog.Logger
	made     atomic.Bool
	slots    map[string]chan struct{} // by group
}

// NewStore makes the store of a cluster, in the database that is Serval's own on the first group. Nothing is asked yet.
func NewStore(cluster *backend.Cluster, database string, log *slog.Logger) *Store {
	s := &Store{cluster: cluster, group: cluster.Groups()[0].Name(), database: database, log: log, slots: map[string]chan struct{}{}}
	for _, g := range cluster.Groups() {
		s.slots[g.Name()] = make(chan struct{}, placesAtOnce)
	}
	return s
}

// ownState makes statements mean the same whatever the server's defaults are.
const ownState = "SET SESSION autocommit = 1, innodb_lock_wait_timeout = 10, sql_safe_updates = 0, sql_quote_show_create = 1, wait_timeout = 2147483, sql_mode = 'STRICT_ALL_TABLES'"

// table is a table of Serval's own as SQL has it under every sql_mode.
func (s *Store) table(name string) string { return "`" + s.database + "`.`" + name + "`" }

// own asks something of a group's primary on a connection for this alone.
func (s *Store) own(ctx context.Context, group string, ask func(*backend.Conn) error) error {
	g := s.cluster.Group(group)
	if g == nil {
		return fmt.Errorf("there is no group %s", group)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return g.Primary().Beside(ctx, func(c *backend.Conn) error {
		if _, err := c.Exec(ownState); err != nil {
			return err
		}
		return ask(c)
	})
}

// make makes the tables that are missing. Several Servals may do it at once.
func (s *Store) make(c *backend.Conn) error {
	if s.made.Load() {
		return nil
	}
	for _, sql := range []string{
		"CREATE DATABASE IF NOT EXISTS `" + s.database + "`",
		"CREATE TABLE IF NOT EXISTS " + s.table("catalog") + " (one TINYINT UNSIGNED NOT NULL PRIMARY KEY, version BIGINT UNSIGNED NOT NULL) ENGINE=InnoDB",
		"CREATE TABLE IF NOT EXISTS " + s.table("ddl") + " (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, statement MEDIUMBLOB NOT NULL," +
			" db VARBINARY(255) NOT NULL, fingerprint CHAR(64) CHARACTER SET ascii NOT NULL, names MEDIUMBLOB NOT NULL, session MEDIUMBLOB NOT NULL," +
			" proxy VARBINARY(255) NOT NULL, state ENUM('running','failed','done','forgotten') CHARACTER SET ascii NOT NULL, error BLOB NOT NULL," +
			" started_at BIGINT UNSIGNED NOT NULL, ended_at BIGINT UNSIGNED NOT NULL DEFAULT 0, KEY (state)) ENGINE=InnoDB",
		"CREATE TABLE IF NOT EXISTS " + s.table("ddl_place") + " (ddl BIGINT UNSIGNED NOT NULL, place INT UNSIGNED NOT NULL, grp VARBINARY(255) NOT NULL," +
			" name VARBINARY(600) NOT NULL, shard INT NOT NULL, before_it CHAR(64) CHARACTER SET ascii NOT NULL," +
			" state ENUM('pending','done','failed') CHARACTER SET ascii NOT NULL, error BLOB NOT NULL, PRIMARY KEY (ddl, place)) ENGINE=InnoDB",
		"INSERT IGNORE INTO " + s.table("catalog") + " (one, version) VALUES (1, 1)",
	} {
		if _, err := c.Exec(sql); err != nil {
			return s.cannot(c, err)
		}
	}
	if err := declared.Make(c, s.database); err != nil {
		return s.cannot(c, err)
	}
	s.made.Store(true)
	return nil
}

// cannot says of a server's refusal what schema changes need.
func (s *Store) cannot(c *backend.Conn, err error) error {
	var refused *wire.Error
	if !errors.As(err, &refused) {
		return err
	}
	return &wire.Error{Code: refused.Code, State: refused.State, Message: fmt.Sprintf(
		"Schema changes over several places are logged in the database %s on %s, which cannot be used: the account needs all privileges on it (%s)",
		s.database, c.Node(), refused.Message)}
}

// within does something in a transaction.
func within(c *backend.Conn, do func() error) error {
	if _, err := c.Exec("START TRANSACTION"); err != nil {
		return err
	}
	err := do()
	if err == nil {
		_, err = c.Exec("COMMIT")
	} else if code(err) != 0 {
		_, _ = c.Exec("ROLLBACK") // the first error is the one that counts
	}
	return err
}

// The servers' error numbers that are told apart.
const (
	codeUnknownDatabase = 1049
	codeUnknown         = 1105
	codeNoTable         = 1146
	codeLockWait        = 1205
)

// code is the number of a server's error, 0 for any other and for none.
func code(err error) uint16 {
	var refused *wire.Error
	if errors.As(err, &refused) && !(refused.Code >= 2000 && refused.Code < 3000) { // those are of lost connections
		return refused.Code
	}
	return 0
}

// bytesOf is a text as SQL that means the same in every state of a session.
func bytesOf(s string) string { return fmt.Sprintf("x'%x'", s) }

// asciiOf is a word of Serval's own as SQL.
func asciiOf(s string) string { return fmt.Sprintf("_ascii x'%x'", s) }
