package proxy

// explained.go: the rows of EXPLAIN under logical names. A SELECT's tables have their logical names as aliases on the
// servers; the targets of other statements, and the conditions in JSON and in trees, have the physical ones.

import (
	"serval/proxy/backend"
	"serval/proxy/merge"
	"serval/proxy/wire"
	"serval/router"
)

// explainedRows is a stream of EXPLAIN's rows in the text protocol.
type explainedRows struct {
	session *session
	rows    merge.Stream
	columns int
	row     []byte
}

// namesExplained tells whether an EXPLAIN's rows hold names that the client must not see. Of prepared ones they are
// passed on as they are.
func (c *session) namesExplained() bool {
	p := c.patch.plan
	return p.Explains && !c.binary() && len(p.Renames) > 0
}

// Next implements merge.Stream.
func (e *explainedRows) Next() ([]byte, error) {
	p, err := e.rows.Next()
	if err != nil {
		return nil, err
	}
	row, err := backend.DecodeRow(p, e.columns)
	if err != nil {
		return nil, err
	}
	for i, v := range row {
		if v != nil {
			row[i] = []byte(e.session.explainedValue(string(v)))
		}
	}
	e.row = e.session.appendRow(e.row[:0], row)
	return e.row, nil
}

// explainedValue exchanges physical names in a value: the whole of it, or where they are quoted.
func (c *session) explainedValue(v string) string {
	text := c.fromResults(v)
	for _, r := range c.patch.plan.Renames {
		for i := range r.Table.Shards {
			if text == r.Table.Shards[i].Table && r.Table.Kind == router.Sharded {
				return r.Table.Name
			}
		}
	}
	return c.patch.text(0, text)
}

// explained gives an EXPLAIN's columns and its rows.
func (c *session) explained(r *wire.Result) (defs [][]byte, rows merge.Stream) {
	for _, def := range r.Columns {
		defs = append(defs, c.patch.Column(nil, def))
	}
	return defs, &explainedRows{session: c, rows: r, columns: len(r.Columns)}
}
