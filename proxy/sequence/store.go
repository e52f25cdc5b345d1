package sequence

// store.go: what is kept of ids in Serval's own database, in one group: the table sequence has a row for each counter,
// the table node one for each node number of snowflakes. Every statement is a transaction of its own.

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/rewrite"
)

// store keeps counters and node numbers. Its errors are *wire.Error where a server refused.
type store interface {
	// take moves a counter to floor, if it is below, and then by n: first is where it was moved from. known: there is one.
	take(ctx context.Context, name string, floor, n uint64) (first uint64, known bool, err error)
	// open makes a counter that begins behind the ids that are there.
	open(ctx context.Context, name string, src *Source) error
	// forget removes a counter that no other Serval has taken from.
	forget(ctx context.Context, name string) error
	copy(ctx context.Context, from, to string) error
	// lease gives a node number that nobody has, or the one that this Serval has for longer. Times of ids are to be
	// greater than after, and at most promised.
	lease(ctx context.Context, have int, promised int64) (node int, after int64, err error)
	close()
}

// serverStore is the store on a group's primary.
type serverStore struct {
	cluster  *backend.Cluster
	group    string
	database string
	owner    string // this Serval, for as long as it runs

	links map[string]*link // by group; the map does not change
}

func newServerStore(cluster *backend.Cluster, group, database string) *serverStore {
	var b [8]byte
	rand.Read(b[:]) // never fails
	s := &serverStore{cluster: cluster, group: group, database: database, owner: hex.EncodeToString(b[:]), links: map[string]*link{}}
	for _, g := range cluster.Groups() {
		s.links[g.Name()] = &link{node: g.Primary(), turn: make(chan struct{}, 1)}
	}
	return s
}

func (s *serverStore) table(name string) string {
	return rewrite.Quote(s.database) + "." + rewrite.Quote(name)
}

// name is a counter's name as a literal that means its bytes under every character set.
func literal(name string) string { return "x'" + hex.EncodeToString([]byte(name)) + "'" }

// exec carries a statement out in the store's group, and makes the tables when they are missing.
func (s *serverStore) exec(ctx context.Context, sql string) (ok wire.OK, err error) {
	err = s.links[s.group].do(ctx, func(c *backend.Conn) error {
		if ok, err = c.Exec(sql); isMissing(err) {
			if err = s.makeTables(c); err == nil {
				ok, err = c.Exec(sql)
			}
		}
		return err
	})
	return ok, err
}

func (s *serverStore) makeTables(c *backend.Conn) error {
	for _, sql := range []string{
		"CREATE DATABASE IF NOT EXISTS " + rewrite.Quote(s.database),
		"CREATE TABLE IF NOT EXISTS " + s.table("sequence") + " (`name` VARBINARY(520) NOT NULL PRIMARY KEY, `next` BIGINT UNSIGNED NOT NULL," +
			" `owner` BINARY(16) NOT NULL, `shared` TINYINT UNSIGNED NOT NULL) ENGINE=InnoDB",
		"CREATE TABLE IF NOT EXISTS " + s.table("node") + " (`id` SMALLINT UNSIGNED NOT NULL PRIMARY KEY, `owner` BINARY(16) NOT NULL," +
			" `expires` BIGINT NOT NULL, `last` BIGINT NOT NULL) ENGINE=InnoDB",
	} {
		if _, err := c.Exec(sql); err != nil {
			return fmt.Errorf("making what ids are kept in: %w", err)
		}
	}
	return nil
}

// take implements store. The number comes back as the statement's insert id, so that it is one statement.
func (s *serverStore) take(ctx context.Context, name string, floor, n uint64) (first uint64, known bool, err error) {
	ok, err := s.exec(ctx, fmt.Sprintf("UPDATE %s SET `shared` = IF(`owner` = '%s', `shared`, 1), `owner` = '%s', `next` = LAST_INSERT_ID(GREATEST(`next`, %d)) + %d WHERE `name` = %s",
		s.table("sequence"), s.owner, s.owner, floor, n, literal(name)))
	if code(err) == codeOutOfRange {
		return 0, true, ErrExhausted
	}
	return ok.LastInsertID, ok.AffectedRows > 0, err
}

// open implements store.
func (s *serverStore) open(ctx context.Context, name string, src *Source) error {
	next, err := s.begin(ctx, src)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, fmt.Sprintf("INSERT INTO %s (`name`, `next`, `owner`, `shared`) VALUES (%s, %d, '%s', 0) ON DUPLICATE KEY UPDATE `next` = GREATEST(`next`, %d)",
		s.table("sequence"), literal(name), next, s.owner, next))
	return err
}

// begin is the first number behind all that are there, on all places of a table.
func (s *serverStore) begin(ctx context.Context, src *Source) (uint64, error) {
	next := uint64(1)
	if src == nil {
		return next, nil
	}
	places := map[string][]Place{}
	for _, p := range src.Places {
		places[p.Group] = append(places[p.Group], p)
	}
	for group, in := range places {
		err := s.links[group].do(ctx, func(c *backend.Conn) error {
			n, err := nextIn(c, src.Column, in)
			next = max(next, n)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return next, nil
}

// nextIn is the first number behind those of some physical tables on one server.
func nextIn(c *backend.Conn, column string, places []Place) (uint64, error) {
	next := uint64(1)
	for len(places) > 0 {
		n := min(len(places), 64)
		part := places[:n]
		places = places[n:]
		var ids, counts []string
		for _, p := range part {
			ids = append(ids, "SELECT MAX("+rewrite.Quote(column)+") AS m FROM "+rewrite.Quote(p.Database)+"."+rewrite.Quote(p.Table))
			counts = append(counts, "(CAST("+literal(p.Database)+" AS CHAR CHARACTER SET utf8mb4), CAST("+literal(p.Table)+" AS CHAR CHARACTER SET utf8mb4))")
		}
		rows, err := c.Query("SELECT MAX(m) FROM (" + strings.Join(ids, " UNION ALL ") + ") AS t")
		if err != nil {
			return 0, err
		}
		next = max(next, behind(rows, 1))
		rows, err = c.Query("SELECT MAX(AUTO_INCREMENT) FROM information_schema.TABLES WHERE (TABLE_SCHEMA, TABLE_NAME) IN (" + strings.Join(counts, ", ") + ")")
		if err != nil && code(err) == 0 {
			return 0, err // a server that does not tell has its ids counted
		}
		next = max(next, behind(rows, 0))
	}
	return next, nil
}

// behind reads a number that may be NULL or negative, and adds to it.
func behind(rows []backend.Row, add uint64) uint64 {
	if len(rows) == 0 || rows[0][0] == nil {
		return 0
	}
	n, err := strconv.ParseUint(string(rows[0][0]), 10, 64)
	if err != nil || n > 1<<64-1-add {
		return 0
	}
	return n + add
}

// forget implements store.
func (s *serverStore) forget(ctx context.Context, name string) error {
	_, err := s.exec(ctx, fmt.Sprintf("DELETE FROM %s WHERE `name` = %s AND `owner` = '%s' AND `shared` = 0", s.table("sequence"), literal(name), s.owner))
	return err
}

// copy implements store.
func (s *serverStore) copy(ctx context.Context, from, to string) error {
	_, err := s.exec(ctx, fmt.Sprintf("INSERT INTO %s (`name`, `next`, `owner`, `shared`) SELECT %s, `next`, `owner`, `shared` FROM %s AS old WHERE old.`name` = %s"+
		" ON DUPLICATE KEY UPDATE `next` = GREATEST(%s.`next`, old.`next`), `shared` = 1", s.table("sequence"), literal(to), s.table("sequence"), literal(from), s.table("sequence")))
	return err
}

// link is a connection to a group's primary beside its pool, kept between uses.
type link struct {
	node *backend.Node
	turn chan struct{}
	conn *backend.Conn
}

// linkTimeout bounds one use: a server that hangs is found out.
const linkTimeout = 5 * time.Second

// state makes statements mean the same whatever the server's defaults are.
var state = []string{
	"SET SESSION autocommit = 1, innodb_lock_wait_timeout = 3, lock_wait_timeout = 3, sql_safe_updates = 0, sql_mode = 'STRICT_ALL_TABLES'",
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
	"SET SESSION information_schema_stats_expiry = 0", // MySQL: the counters as they are now
}

// do asks something. A connection that was kept and turns out dead is replaced; what is asked may come twice then.
func (l *link) do(ctx context.Context, ask func(*backend.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, linkTimeout)
	defer cancel()
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-l.turn }()
	for {
		kept := l.conn != nil
		if !kept {
			if err := l.connect(ctx); err != nil {
				return err
			}
		}
		stop := context.AfterFunc(ctx, l.conn.Discard)
		err := ask(l.conn)
		cut := !stop()
		if code(err) != 0 || err == nil {
			if cut {
				l.conn = nil
			}
			return err
		}
		l.conn.Discard()
		l.conn = nil
		if !kept || cut {
			return fmt.Errorf("%s does not answer: %w", l.node, err)
		}
	}
}

// connect opens the connection.
func (l *link) connect(ctx context.Context) error {
	c, err := l.node.AcquireBeside(ctx)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, c.Discard)()
	for i, sql := range state {
		if _, err := c.Exec(sql); err != nil && (i == 0 || code(err) == 0) {
			c.Discard()
			return err
		}
	}
	l.conn = c
	return nil
}

// close ends the connection. Nobody uses it any more.
func (l *link) close() {
	if l.conn != nil {
		l.conn.Discard()
		l.conn = nil
	}
}

// close ends all connections.
func (s *serverStore) close() {
	for _, l := range s.links {
		l.close()
	}
}

const (
	codeUnknownDatabase = 1049
	codeNoTable         = 1146
	codeOutOfRange      = 1690
	codeDuplicate       = 1062
)

func isMissing(err error) bool {
	return code(err) == codeUnknownDatabase || code(err) == codeNoTable
}

// code is the number of a server's error, 0 for any other error and for none.
func code(err error) uint16 {
	var refused *wire.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return 0
}
