package proxy

// scatter.go: a SELECT over several shards. All shards are asked at once, each on a connection of its own, and their
// rows are merged as they come: memory is a row per shard. Inside a transaction there is one connection; there the
// shards answer one after the other into spools.

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"serval/proxy/backend"
	"serval/proxy/merge"
	"serval/proxy/wire"
	"serval/router"
)

const (
	// spoolMemory is how much of a shard's rows is kept in memory inside a transaction; the rest goes to a file.
	spoolMemory = 1 << 20
	// drainRows is how many rows of a shard are read and dropped rather than its connection closed, at least; with a
	// pushed LIMIT up to maxDrainRows, since the shard has made them already.
	drainRows    = 1000
	maxDrainRows = 50_000
)

// gathered is the shards' side of a scatter.
type gathered struct {
	session  *session
	conns    []*backend.Conn // one per leg, or the transaction's; in turn, those of the legs asked so far
	pooled   bool            // a connection for each leg, all asked at once
	results  []*wire.Result
	spools   []*merge.Spool
	streams  []merge.Stream
	layout   *merge.Layout // of the rows: of prepared statements they are binary
	warnings uint16
	lists    [][]warning   // of each leg that had some, inside a transaction
	pinned   bool          // SET timestamp was done
	found    uint64        // FOUND_ROWS() of the legs together
	passed   func() uint64 // rows that were passed on, and those that OFFSET skipped
	asking   int           // the last leg that was touched, -1: none
	misfit   bool          // what the merge needs of the shards is what they cannot give: nothing was told to the client
}

// scatter carries out a merged SELECT. Where the types or collations of the result, or a server's rules, show that it cannot be
// merged, it is gathered, if it can be.
func (c *session) scatter(p *router.Plan) (kind, group string, err error) {
	misfit, err := c.scatterMerged(p)
	if misfit && c.route.GatherInstead(&c.st) {
		group, err = c.gather(p)
		return "gather", group, err
	}
	return "scatter", "", err
}

// scatterMerged tells with its error whether there is something wrong only with the merging.
func (c *session) scatterMerged(p *router.Plan) (misfit bool, err error) {
	g := &gathered{session: c, asking: -1}
	if c.inTransaction() {
		err = g.askInTurn(p)
	} else {
		err = g.ask(p)
	}
	if err != nil {
		g.close(false)
		return g.misfit, err
	}
	complete, err := c.mergeRows(p, g)
	g.close(complete && err == nil)
	return g.misfit, err
}

// ask asks all legs at once, or, when the session is pinned to a connection for some of them, one after the other.
func (g *gathered) ask(p *router.Plan) error {
	for _, l := range g.session.route.Legs {
		if g.session.pins[l.Group] != nil {
			return g.askInTurn(p)
		}
	}
	return g.askAll(p)
}

// askAll sends every leg's statement before it waits for the first answer.
func (g *gathered) askAll(p *router.Plan) error {
	g.pooled = true
	if err := g.acquire(); err != nil {
		return err
	}
	c := g.session
	if err := c.hold(g.conns...); err != nil {
		return err
	}
	for i, conn := range g.conns {
		g.asking = i
		if err := conn.SetState(c.state.backend(p.DefaultDB)); err != nil {
			return execFailed(conn, err)
		}
		if err := c.useNext(conn); err != nil {
			return execFailed(conn, err)
		}
		if c.pinsTime(p) {
			if err := g.pinTime(conn); err != nil {
				return err
			}
		}
		if err := c.ask(conn, i); err != nil {
			return g.legFailed(p, i, err)
		}
	}
	for i, conn := range g.conns {
		r, err := wire.ReadResult(conn.Conn)
		if err != nil {
			return g.legFailed(p, i, err)
		}
		g.results = append(g.results, r)
		g.streams = append(g.streams, r)
	}
	return nil
}

// acquire takes a connection per leg: all that one group gives at once, the groups in one order, so that two scatters
// never wait for each other.
func (g *gathered) acquire() error {
	c := g.session
	g.conns = make([]*backend.Conn, len(c.route.Legs))
	for _, group := range c.known.catalog.Groups {
		var legs []int
		for i, l := range c.route.Legs {
			if l.Group == group {
				legs = append(legs, i)
			}
		}
		if len(legs) == 0 {
			continue
		}
		conns, err := c.srv.cluster.Group(group).Primary().Acquire(c.waiting(), len(legs), c.foundRows())
		if err != nil {
			return err
		}
		for k, i := range legs {
			g.conns[i] = conns[k]
		}
	}
	return nil
}

// askInTurn asks the shards one after the other, on the transaction's connection or on one connection for each group.
func (g *gathered) askInTurn(p *router.Plan) error {
	for i, leg := range g.session.route.Legs {
		conn, err := g.turnConn(p, leg.Group)
		if err != nil {
			return err
		}
		first := !slices.Contains(g.conns, conn)
		g.conns = append(g.conns, conn)
		if first && g.session.pinsTime(p) {
			if err := g.pinTime(conn); err != nil {
				return err
			}
		}
		if err := g.spool(p, i, conn); err != nil {
			return err
		}
	}
	return nil
}

// turnConn is the connection for the next leg: that of a leg before it in the same group, if there was one.
func (g *gathered) turnConn(p *router.Plan, group string) (*backend.Conn, error) {
	c := g.session
	state := c.state.backend(p.DefaultDB)
	if c.inTransaction() {
		return c.join(group, state, changes(p))
	}
	for _, used := range g.conns {
		if used.Node().Group() == group {
			return used, nil
		}
	}
	conn, err := c.borrowAs(group, state)
	if err == nil {
		if err = c.useNext(conn); err != nil {
			c.lose(conn)
			return nil, execFailed(conn, err)
		}
	}
	return conn, err
}

func (g *gathered) spool(p *router.Plan, i int, conn *backend.Conn) error {
	c := g.session
	if err := c.ask(conn, i); err != nil {
		return g.legFailed(p, i, err)
	}
	r, err := wire.ReadResult(conn.Conn)
	if err != nil {
		return g.legFailed(p, i, err)
	}
	spool := merge.NewSpool(spoolMemory)
	g.spools = append(g.spools, spool)
	if err := spool.AppendAll(r); err != nil {
		return g.legFailed(p, i, err)
	}
	c.after(conn, r.Status|wire.StatusInTrans) // the connection is needed until the last leg
	g.warnings += r.Warnings
	if r.Warnings > 0 {
		c.warnings, c.composing = nil, true
		err := c.collectWarnings(conn)
		c.composing = false
		if err != nil {
			c.lose(conn)
			return lostBackend("group "+conn.Node().Group(), err)
		}
		g.lists = append(g.lists, c.warnings)
	}
	if p.FoundRows {
		n, err := foundRowsOf(conn)
		if err != nil {
			c.lose(conn)
			return execFailed(conn, err)
		}
		g.found += n
	}
	g.results = append(g.results, r)
	g.streams = append(g.streams, spool.Stream())
	return nil
}

// pinTime gives all legs the same NOW().
func (g *gathered) pinTime(conn *backend.Conn) error {
	g.pinned = true
	if _, err := conn.Exec(g.session.timestamp()); err != nil {
		return execFailed(conn, err)
	}
	return nil
}

// pinsTime tells whether the legs have to be given one time: not when the session has stopped its clock.
func (c *session) pinsTime(p *router.Plan) bool {
	return (p.UsesTime || p.StoresTime) && c.state.vars["timestamp"] == ""
}

// timestamp is the SET that pins the time of the statement.
func (c *session) timestamp() string {
	at := c.began
	return fmt.Sprintf("SET timestamp=%d.%06d", at.Unix(), at.Nanosecond()/1000)
}

// legFailed turns the failure of leg i into the statement's error: the server's own words, with logical names.
func (g *gathered) legFailed(p *router.Plan, i int, err error) error {
	conn := g.conns[min(i, len(g.conns)-1)]
	var e *wire.Error
	if errors.As(err, &e) {
		e = g.ownWords(p, i, conn, e)
		g.session.patch.names(e)
		if !g.pooled {
			g.unpin()
			g.session.afterError(conn, e.Code)
		} else {
			g.finished(i)
		}
		return e
	}
	if !g.pooled {
		g.session.lose(conn)
	}
	return lostBackend("group "+conn.Node().Group(), err)
}

// unpin lets the time of the connections that were asked in turn go on.
func (g *gathered) unpin() {
	if !g.pinned {
		return
	}
	g.pinned = false
	for i, conn := range g.conns {
		if slices.Contains(g.conns[:i], conn) || !g.session.works(conn) {
			continue
		}
		if _, err := conn.Exec("SET timestamp=DEFAULT"); err != nil {
			g.session.lose(conn)
		}
	}
}

// ownWords is the error that the server gives for the statement without the hidden columns, whose own mistakes would
// be told in place of the client's.
func (g *gathered) ownWords(p *router.Plan, i int, conn *backend.Conn, e *wire.Error) *wire.Error {
	c := g.session
	if c.route.Scatter().Hidden == 0 || !ofHidden(e.Code) {
		return e
	}
	var own *wire.Error
	if err := c.askPlain(conn, i); err != nil {
		if errors.As(err, &own) {
			return own
		}
		g.pinned = true // of no more use: finished closes it
		return e
	}
	r, err := wire.ReadResult(conn.Conn)
	if errors.As(err, &own) {
		return own
	}
	if err == nil {
		for err == nil {
			_, err = r.Next()
		}
		if errors.As(err, &own) {
			return own
		}
		if err == io.EOF {
			g.misfit = true
			return e
		}
	}
	g.pinned = true
	return e
}

// ofHidden tells whether an error may be about hidden columns.
func ofHidden(code uint16) bool {
	switch code {
	case 1054, 1052, 1247, // unknown, ambiguous, bad reference
		1055, 1140, // not in GROUP BY, no GROUP BY
		1111, 3593, 4015, 4016: // a group or window function in a wrong place
		return true
	}
	return false
}

// finished gives back a leg's connection whose answer was an error, read to its end.
func (g *gathered) finished(i int) {
	conn := g.conns[i]
	g.conns[i] = nil // it may be another session's from now on
	if g.pinned {
		g.session.discard(conn)
		return
	}
	g.session.giveBack(conn)
}

// close gives the connections back. complete: every stream has been read to its end.
func (g *gathered) close(complete bool) {
	for _, s := range g.spools {
		s.Close()
	}
	if !g.pooled {
		g.unpin()
		for _, conn := range g.conns {
			if g.session.txn.of(conn) == nil && g.session.works(conn) {
				g.session.giveBack(conn)
			}
		}
		return
	}
	for i, conn := range g.conns {
		if conn != nil {
			g.giveBack(i, conn, complete)
		}
	}
}

func (g *gathered) giveBack(i int, conn *backend.Conn, complete bool) {
	if i > g.asking { // nothing has been asked on it
		g.session.giveBack(conn)
		return
	}
	if !complete && (i >= len(g.results) || !drain(g.results[i], g.drainable())) {
		g.session.stop(conn)
		return
	}
	if g.pinned {
		if _, err := conn.Exec("SET timestamp=DEFAULT"); err != nil {
			g.session.discard(conn)
			return
		}
	}
	g.session.giveBack(conn)
}

// drainable is how many rows of a shard are worth reading to keep its connection.
func (g *gathered) drainable() uint64 {
	return max(drainRows, min(g.session.route.PushedLimit()+1, maxDrainRows))
}

// drain reads the little that may be left of a result; false when there is more, or it broke.
func drain(r *wire.Result, rows uint64) bool {
	for range rows {
		switch _, err := r.Next(); err {
		case nil:
		case io.EOF:
			return true
		default:
			return false
		}
	}
	return false
}
