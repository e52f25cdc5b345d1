package proxy

// returned.go: the rows of INSERT, REPLACE and DELETE … RETURNING (MariaDB) that were written in several shards: those of an
// INSERT in the order of its rows, those of a DELETE one shard after the other. They are kept until all is written, as the
// statement may fail in the last shard.

import (
	"bytes"
	"io"

	"serval/proxy/merge"
	"serval/proxy/wire"
	"serval/router"
)

// returned are rows that a write gave back.
type returned struct {
	columns [][]byte
	ordered [][]byte     // of an INSERT, by the number of its row
	spool   *merge.Spool // of a DELETE
}

// mayReturn refuses statements whose rows could not be put in order.
func mayReturn(p *router.Plan) error {
	if p.InsertIgnores() {
		return notSupported("Serval does not support RETURNING in an INSERT IGNORE that writes in several shards: which rows were left out is not told; write each key's rows by themselves")
	}
	return nil
}

// take reads the rows of a leg.
func (w *written) take(c *session, p *router.Plan, leg int, r *wire.Result) error {
	w.back.columns = r.Columns
	if p.Kind != router.KindInsert {
		if w.back.spool == nil {
			w.back.spool = merge.NewSpool(spoolMemory)
		}
		return w.back.spool.AppendAll(r)
	}
	if w.back.ordered == nil {
		rows := 0
		for i := range c.route.Legs {
			rows += c.route.RowsOf(i)
		}
		w.back.ordered = make([][]byte, rows)
	}
	for n := 1; ; n++ {
		row, err := r.Next()
		if err == io.EOF && n == c.route.RowsOf(leg)+1 {
			return nil
		}
		if err == nil && n > c.route.RowsOf(leg) || err == io.EOF {
			return notSupported("Serval does not support this RETURNING in a statement that writes in several shards: a shard gave back another number of rows than it was given")
		}
		if err != nil {
			return err
		}
		w.back.ordered[c.route.RowOf(leg, n)-1] = bytes.Clone(row)
	}
}

// Next implements merge.Stream.
func (b *returned) Next() ([]byte, error) {
	if len(b.ordered) == 0 {
		return nil, io.EOF
	}
	row := b.ordered[0]
	b.ordered = b.ordered[1:]
	return row, nil
}

// answerReturned sends the rows of all legs.
func (c *session) answerReturned(w *written) error {
	c.warnings = c.mergedWarnings(w.warnings, len(w.legs))
	c.rowCount = -1
	var rows merge.Stream = &w.back
	if w.back.spool != nil {
		rows = w.back.spool.Stream()
	}
	if err := c.writeHeader(w.back.columns); err != nil {
		return clientError(err)
	}
	for {
		row, err := rows.Next()
		if err == io.EOF {
			return clientError(c.conn.WriteRowsEnd(warningCount(c.warnings, w.ok.Warnings), c.status(0)))
		}
		if err != nil {
			return err
		}
		if err := c.conn.WritePacket(row); err != nil {
			return clientError(err)
		}
	}
}

// Close gives up what was kept.
func (b *returned) Close() {
	if b.spool != nil {
		_ = b.spool.Close()
	}
}
