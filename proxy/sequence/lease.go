package sequence

// lease.go: node numbers of snowflakes in the table node: who has them until when, and up to which time ids of them may
// have been given.

import (
	"context"
	"fmt"
	"strconv"

	"serval/proxy/backend"
)

// serverNow is the server's clock in milliseconds: it says when a lease has ended, and nothing more.
const serverNow = "FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000)"

// lease implements store. A number is taken from others when their lease has ended; after is the time that they were
// promised, which the new times begin behind.
func (s *serverStore) lease(ctx context.Context, have int, promised int64) (node int, after int64, err error) {
	if have >= 0 {
		ok, err := s.exec(ctx, fmt.Sprintf("UPDATE %s SET `expires` = %s + %d, `last` = GREATEST(`last`, %d) WHERE `id` = %d AND `owner` = '%s'",
			s.table("node"), serverNow, leaseAhead.Milliseconds(), promised, have, s.owner))
		if err != nil || ok.AffectedRows > 0 {
			return have, 0, err
		}
	}
	const attempts = 20 // against other Servals that do the same
	for range attempts {
		node, after, done, err := s.takeNode(ctx, promised)
		if err != nil || done {
			return node, after, err
		}
	}
	return -1, 0, errNoNode
}

// takeNode tries to get a number: a free one, else a new one, else a free one whose times are ahead of this clock.
func (s *serverStore) takeNode(ctx context.Context, promised int64) (node int, after int64, done bool, err error) {
	var rows []backend.Row
	err = s.links[s.group].do(ctx, func(c *backend.Conn) error {
		find := "SELECT `id`, `last` FROM " + s.table("node") + " WHERE `expires` < " + serverNow + " ORDER BY `last` LIMIT 1"
		if rows, err = c.Query(find); isMissing(err) {
			if err = s.makeTables(c); err == nil {
				rows, err = c.Query(find)
			}
		}
		return err
	})
	if err != nil {
		return -1, 0, false, err
	}
	now := promised - leaseAhead.Milliseconds()
	if len(rows) > 0 {
		node, _ = strconv.Atoi(string(rows[0][0]))
		after, _ = strconv.ParseInt(string(rows[0][1]), 10, 64)
	}
	if len(rows) == 0 || after > now {
		made, done, err := s.newNode(ctx, promised)
		if err != nil || done {
			return made, 0, done, err
		}
	}
	if len(rows) == 0 {
		return -1, 0, false, nil
	}
	ok, err := s.exec(ctx, fmt.Sprintf("UPDATE %s SET `owner` = '%s', `expires` = %s + %d, `last` = %d WHERE `id` = %d AND `last` = %d AND `expires` < %s",
		s.table("node"), s.owner, serverNow, leaseAhead.Milliseconds(), max(promised, after+leaseAhead.Milliseconds()), node, after, serverNow))
	return node, after, ok.AffectedRows > 0, err
}

// newNode makes a number that nobody had; not done: another Serval made it, or there is none left.
func (s *serverStore) newNode(ctx context.Context, promised int64) (node int, done bool, err error) {
	ok, err := s.exec(ctx, fmt.Sprintf("INSERT INTO %s (`id`, `owner`, `expires`, `last`) SELECT LAST_INSERT_ID(COALESCE(MAX(`id`) + 1, 0)), '%s', %s + %d, %d FROM %s AS n HAVING COALESCE(MAX(`id`) + 1, 0) < %d",
		s.table("node"), s.owner, serverNow, leaseAhead.Milliseconds(), promised, s.table("node"), maxNodes))
	if code(err) == codeDuplicate {
		return -1, false, nil
	}
	return int(ok.LastInsertID), ok.AffectedRows > 0, err
}
