package proxy

// scatterrows.go: the merged rows of a scatter on their way to the client, or into a cursor, and what is told behind the last
// one.

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"serval/proxy/merge"
	"serval/proxy/wire"
	"serval/router"
)

// mergeRows sends the client the header and the merged rows. complete: all streams have been read to their end.
func (c *session) mergeRows(p *router.Plan, g *gathered) (complete bool, err error) {
	sc := c.route.Scatter()
	defs := g.results[0].Columns
	visible := len(defs) - sc.Hidden
	for _, r := range g.results {
		if len(r.Columns) != len(defs) {
			return false, notSupported("Serval cannot merge the shards of this statement: they have different columns (%d and %d); a schema change may be under way", len(defs), len(r.Columns))
		}
		for i, def := range r.Columns {
			if columnType(def) != columnType(defs[i]) {
				return false, notSupported("Serval cannot merge the shards of this statement: column %d has different types; a schema change may be under way", i+1)
			}
		}
	}
	if c.binary() {
		if g.layout, err = merge.NewBinaryLayout(defs); err != nil {
			return false, err
		}
	}
	stream, skip, err := c.mergedStream(sc, g, visible)
	if err != nil {
		var e *wire.Error
		g.misfit = errors.As(err, &e) && e.Code == codeNotSupported
		return false, err
	}
	limit := c.route.Limit
	if !sc.Limited() {
		limit = min(limit, c.selectLimit())
	}
	limited := merge.NewLimit(stream, skip, limit)
	shown := &shownRows{rows: limited, layout: g.layout, visible: visible, hidden: sc.Hidden > 0}
	g.passed = func() uint64 { return shown.passed + limited.Skipped() }
	if c.wantsCursor() {
		err = c.mergeToCursor(defs[:visible], shown, g)
	} else {
		err = c.sendMerged(defs[:visible], shown, g)
	}
	return err == nil && (!limited.Cut() || p.FoundRows), err
}

// columnType is the type in a column's definition: six bytes from its end.
func columnType(def []byte) byte {
	if len(def) < 6 {
		return 0
	}
	return def[len(def)-6]
}

// sendMerged passes merged rows on as they come.
func (c *session) sendMerged(defs [][]byte, rows merge.Stream, g *gathered) error {
	if err := c.writeHeader(defs); err != nil {
		return clientError(err)
	}
	for {
		row, err := rows.Next()
		if err == io.EOF {
			return c.endRows(g)
		}
		if err != nil {
			return c.mergeFailed(err)
		}
		if err := c.conn.WritePacket(row); err != nil {
			return clientError(err)
		}
	}
}

// mergeToCursor keeps merged rows for COM_STMT_FETCH.
func (c *session) mergeToCursor(defs [][]byte, rows merge.Stream, g *gathered) error {
	if err := c.openCursor(rows); err != nil {
		return c.mergeFailed(err)
	}
	if err := c.finishRows(g); err != nil {
		return err
	}
	return clientError(c.answerCursor(c.shown(defs), g.warnings, c.status(0)))
}

// shownRows are merged rows without the columns that were asked for to sort by.
type shownRows struct {
	rows    merge.Stream
	layout  *merge.Layout
	visible int
	hidden  bool
	passed  uint64
	scratch []byte
}

// Next implements merge.Stream.
func (s *shownRows) Next() ([]byte, error) {
	row, err := s.rows.Next()
	if err == nil {
		s.passed++
	}
	if err != nil || !s.hidden {
		return row, err
	}
	row, err = s.layout.VisiblePrefix(s.scratch[:0], row, s.visible)
	if s.layout != nil {
		s.scratch = row
	}
	return row, err
}

// selectLimit is the session's sql_select_limit, which holds for the rows of all shards together.
func (c *session) selectLimit() uint64 {
	n, err := strconv.ParseUint(c.state.vars["sql_select_limit"], 10, 64)
	if err != nil {
		return math.MaxUint64
	}
	return n
}

func (c *session) endRows(g *gathered) error {
	if err := c.finishRows(g); err != nil {
		return err
	}
	return clientError(c.conn.WriteRowsEnd(g.warnings, c.status(0)))
}

// finishRows does the books behind the last row.
func (c *session) finishRows(g *gathered) error {
	for _, r := range g.results {
		if g.pooled {
			g.warnings += r.Warnings
		}
	}
	c.rowCount = -1
	if err := c.legsWarnings(g); err != nil {
		return err
	}
	if !c.patch.plan.FoundRows {
		c.found = g.passed()
		return nil
	}
	if g.pooled {
		if err := g.askLegsFoundRows(); err != nil {
			return err
		}
	}
	c.found = g.found
	return nil
}

// legsWarnings fetches the warnings of all legs.
func (c *session) legsWarnings(g *gathered) error {
	var lists [][]warning
	c.warnings = nil
	c.composing = true
	defer func() { c.composing = false }()
	if g.pooled && g.warnings > 0 {
		for i, r := range g.results {
			if r.Warnings == 0 || !drain(r, g.drainable()) { // a shard that has more rows cannot be asked
				continue
			}
			c.warnings = nil
			if err := c.collectWarnings(g.conns[i]); err != nil {
				return lostBackend("group "+g.conns[i].Node().Group(), err)
			}
			lists = append(lists, c.warnings)
		}
	} else {
		lists = g.lists
	}
	c.warnings = c.mergedWarnings(lists, len(g.results))
	g.warnings = warningCount(c.warnings, g.warnings)
	return nil
}

func (c *session) mergeFailed(err error) error {
	var e *wire.Error
	if errors.As(err, &e) {
		c.patch.names(e)
		return e
	}
	var leg *merge.StreamError
	if errors.As(err, &leg) && leg.Stream < len(c.route.Legs) && !errors.Is(err, merge.ErrNotSorted) && !errors.Is(err, merge.ErrMalformedRow) {
		return lostBackend("group "+c.route.Legs[leg.Stream].Group, leg.Err)
	}
	return fmt.Errorf("merging the shards' rows: %w", err)
}

// writeHeader sends a result's columns and what ends them.
func (c *session) writeHeader(defs [][]byte) error {
	if err := c.writeColumns(defs); err != nil {
		return err
	}
	return c.conn.WriteColumnsEnd(0, c.status(0))
}

// writeColumns sends definitions with logical names.
func (c *session) writeColumns(defs [][]byte) error {
	return c.writeDefinitions(c.shown(defs))
}

// shown are definitions as the client sees them.
func (c *session) shown(defs [][]byte) [][]byte {
	shown := make([][]byte, len(defs))
	for i, def := range defs {
		shown[i] = c.patch.Column(nil, def)
	}
	return shown
}

// writeDefinitions sends definitions as they are.
func (c *session) writeDefinitions(defs [][]byte) error {
	if err := c.conn.WriteColumnCount(len(defs)); err != nil {
		return err
	}
	for _, def := range defs {
		if err := c.conn.WritePacket(def); err != nil {
			return err
		}
	}
	return nil
}
