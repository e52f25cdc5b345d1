package txn

// waits.go: the table waits in Serval's own database of each group: which connections belong to one transaction over
// several groups, of those that may be a part of a circle. Each Serval writes its own transactions' rows and reads the
// others'. A row counts for a moment only, so that those of a Serval that is gone mean nothing.

import (
	"context"
	"fmt"
	"strings"
	"time"

	"serval/proxy/backend"
)

const (
	waitsTable = "waits"
	freshFor   = 5 * time.Second // rows that were not renewed for so long are not looked at
	keptFor    = time.Minute     // and deleted after this
)

// publishedRows are the rows of the table, none where it was not made yet.
func (r *lockReader) publishedRows(a *backend.Answer) []row {
	if a.Err != nil {
		if !noTable(a.Err) {
			r.notPublished(a.Err)
		}
		return nil
	}
	rows := make([]row, len(a.Rows))
	for i, v := range a.Rows {
		rows[i] = row{id: string(v[0]), thread: number(v[1]), started: int64(number(v[2])), since: int64(number(v[3])), seen: int64(number(v[4]))}
	}
	return rows
}

// notPublished says once why this Serval's transactions and others' cannot be brought together.
func (r *lockReader) notPublished(err error) {
	if why := err.Error(); r.unpublished != why {
		r.unpublished = why
		r.m.log.Warn("deadlocks between transactions of several Servals are not found in this group, they end with the lock wait timeout",
			"group", r.group, "table", r.m.table(waitsTable), "error", why)
	}
}

// publish writes rows and deletes others. It tells whether that is settled: not when another try could do more.
func (r *lockReader) publish(ctx context.Context, rows, old []row) (settled bool) {
	err := r.with(ctx, func(_ context.Context, c *backend.Conn) error { return r.publishOn(c, rows, old) })
	switch {
	case err == nil:
		r.unpublished = ""
	case code(err) == codeLockWait || code(err) == codeDeadlock || ctx.Err() != nil: // next time
		return false
	default:
		r.notPublished(err)
	}
	return err == nil || code(err) != 0 // a server that refuses has none of them, or keeps them
}

func (r *lockReader) publishOn(c *backend.Conn, rows, old []row) error {
	for _, o := range old {
		_, err := c.Exec(fmt.Sprintf("DELETE FROM %s WHERE id = '%s' AND thread = %d AND seen <= %d", r.m.table(waitsTable), o.id, o.thread, o.seen))
		if err != nil && !noTable(err) {
			return err
		}
	}
	if len(rows) == 0 {
		return nil
	}
	sql := r.insertSQL(rows)
	_, err := c.Exec(sql)
	if noTable(err) {
		if err = r.makeTable(c); err == nil {
			_, err = c.Exec(sql)
		}
	}
	return err
}

// noTable tells whether nobody has made the table yet.
func noTable(err error) bool { return code(err) == codeNoTable || code(err) == codeUnknownDatabase }

// insertSQL writes rows that were all seen at the same time.
func (r *lockReader) insertSQL(rows []row) string {
	values := make([]string, len(rows))
	for i, w := range rows {
		values[i] = fmt.Sprintf("('%s', %d, %d, %d, %d)", w.id, w.thread, w.started, w.since, w.seen)
	}
	return fmt.Sprintf("INSERT INTO %s (id, thread, started, since, seen) VALUES %s ON DUPLICATE KEY UPDATE seen = %d",
		r.m.table(waitsTable), strings.Join(values, ", "), rows[0].seen)
}

// makeTable makes the table at its first need.
func (r *lockReader) makeTable(c *backend.Conn) error {
	for _, sql := range []string{
		"CREATE DATABASE IF NOT EXISTS `" + r.m.cfg.Database + "`",
		"CREATE TABLE IF NOT EXISTS " + r.m.table(waitsTable) + " (id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, thread BIGINT UNSIGNED NOT NULL," +
			" started BIGINT UNSIGNED NOT NULL, since BIGINT UNSIGNED NOT NULL, seen BIGINT UNSIGNED NOT NULL, PRIMARY KEY (id, thread)) ENGINE=InnoDB",
	} {
		if _, err := c.Exec(sql); err != nil {
			return err
		}
	}
	return nil
}
