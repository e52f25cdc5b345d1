package proxy

// scatter.go: a SELECT over several shards. All shards are asked at once, each on a connection of its own, and their
// rows are merged as they come: memory is a row per shard. Inside a transaction there is one connection; there the
// shards answer one after the other into spools.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"serval/proxy/backend"
	"serval/proxy/merge"
	"serval/proxy/wire"
	"serval/router"
)

const (
	// spoolMemory is how much of a shard's rows is kept in memory inside a transaction; the rest goes to a file.
	spoolMemory = 1 << 20
	// drainRows is how many rows of a shard are read and dropped rather than its connection closed.
	drainRows = 1000
)

// gathered is the shards' side of a scatter.
type gathered struct {
	session  *session
	conns    []*backend.Conn // one per leg, or the transaction's
	pooled   bool
	results  []*wire.Result
	spools   []*merge.Spool
	streams  []merge.Stream
	warnings uint16
	lists    [][]warning // of each leg that had some, inside a transaction
	pinned   bool        // SET timestamp was done
	sent     int         // legs that have been asked
}

// scatter carries out a merged SELECT.
func (c *session) scatter(p *router.Plan) error {
	g := &gathered{session: c}
	if c.inTransaction() {
		if err := g.askInTurn(p); err != nil {
			g.close(false)
			return err
		}
	} else if err := g.askAll(p); err != nil {
		g.close(false)
		return err
	}
	complete, err := c.mergeRows(p, g)
	g.close(complete && err == nil)
	return err
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
		if err := conn.SetState(c.state.backend(p.DefaultDB)); err != nil {
			return execFailed(conn, err)
		}
		if p.UsesTime {
			if err := g.pinTime(conn); err != nil {
				return err
			}
		}
		c.sql = c.route.SQL(c.sql[:0], i, &c.st, &c.args)
		if err := conn.Send(c.sql); err != nil {
			return lostBackend("group "+conn.Node().Group(), err)
		}
		g.sent++
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
		conns, err := c.srv.cluster.Group(group).Primary().Acquire(c.srv.ctx, len(legs), c.foundRows())
		if err != nil {
			return err
		}
		for k, i := range legs {
			g.conns[i] = conns[k]
		}
	}
	return nil
}

// askInTurn asks the shards one after the other on the transaction's connection.
func (g *gathered) askInTurn(p *router.Plan) error {
	c := g.session
	for i, leg := range c.route.Legs {
		conn, err := c.join(leg.Group, c.state.backend(p.DefaultDB))
		if err != nil {
			return err
		}
		if i == 0 {
			g.conns = []*backend.Conn{conn}
			if err := c.hold(conn); err != nil {
				return err
			}
			if p.UsesTime {
				if err := g.pinTime(conn); err != nil {
					return err
				}
			}
		}
		if err := g.spool(p, i, conn); err != nil {
			return err
		}
	}
	return nil
}

func (g *gathered) spool(p *router.Plan, i int, conn *backend.Conn) error {
	c := g.session
	c.sql = c.route.SQL(c.sql[:0], i, &c.st, &c.args)
	if err := conn.Send(c.sql); err != nil {
		c.txn.drop()
		return lostBackend("group "+conn.Node().Group(), err)
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
	c.txn.after(r.Status | wire.StatusInTrans) // the connection is needed until the last leg
	g.warnings += r.Warnings
	if r.Warnings > 0 {
		c.warnings, c.composing = nil, true
		err := c.collectWarnings(conn)
		c.composing = false
		if err != nil {
			c.txn.drop()
			return lostBackend("group "+conn.Node().Group(), err)
		}
		g.lists = append(g.lists, c.warnings)
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

// timestamp is the SET that pins the time of the statement.
func (c *session) timestamp() string {
	at := time.Unix(0, c.busySince.Load())
	return fmt.Sprintf("SET timestamp=%d.%06d", at.Unix(), at.Nanosecond()/1000)
}

// legFailed turns the failure of leg i into the statement's error: the server's own words, with logical names.
func (g *gathered) legFailed(p *router.Plan, i int, err error) error {
	conn := g.conns[min(i, len(g.conns)-1)]
	var e *wire.Error
	if errors.As(err, &e) && e.Code < 2000 {
		e = g.ownWords(p, i, conn, e)
		g.session.patch.names(e)
		if !g.pooled {
			g.session.txn.afterError(e.Code)
		} else {
			g.finished(i)
		}
		return e
	}
	if !g.pooled {
		g.session.txn.drop()
	}
	if errors.As(err, &e) {
		return e
	}
	return lostBackend("group "+conn.Node().Group(), err)
}

// ownWords is the error that the server gives for the statement without the hidden columns, whose own mistakes would
// be told in place of the client's.
func (g *gathered) ownWords(p *router.Plan, i int, conn *backend.Conn, e *wire.Error) *wire.Error {
	c := g.session
	if c.route.Scatter().Hidden == 0 || e.Code != 1054 && e.Code != 1052 && e.Code != 1247 { // unknown, ambiguous, bad reference
		return e
	}
	if err := conn.Send(c.route.PlainSQL(nil, i, &c.st, &c.args)); err != nil {
		return e
	}
	r, err := wire.ReadResult(conn.Conn)
	var own *wire.Error
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
	}
	return e
}

// finished gives back a leg's connection whose answer was an error, read to its end.
func (g *gathered) finished(i int) {
	g.session.letGo()
	conn := g.conns[i]
	g.conns[i] = nil // it may be another session's from now on
	if g.pinned {
		conn.Discard()
		return
	}
	conn.Release()
}

// close gives the connections back. complete: every stream has been read to its end.
func (g *gathered) close(complete bool) {
	g.session.letGo()
	for _, s := range g.spools {
		s.Close()
	}
	if !g.pooled {
		if g.pinned && len(g.conns) > 0 && g.session.txn.conn != nil {
			g.session.txn.conn.Exec("SET timestamp=DEFAULT") // a lost connection shows at the next statement
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
	if i > g.sent { // nothing has been asked on it (of leg number sent, that is not certain)
		conn.Release()
		return
	}
	if !complete && (i >= len(g.results) || !drain(g.results[i])) {
		ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
		defer cancel()
		conn.Kill(ctx)
		return
	}
	if g.pinned {
		if _, err := conn.Exec("SET timestamp=DEFAULT"); err != nil {
			conn.Discard()
			return
		}
	}
	conn.Release()
}

// drain reads the little that may be left of a result; false when there is more, or it broke.
func drain(r *wire.Result) bool {
	for range drainRows {
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

// mergeRows sends the client the header and the merged rows. complete: all streams have been read to their end.
func (c *session) mergeRows(p *router.Plan, g *gathered) (complete bool, err error) {
	sc := c.route.Scatter()
	defs := g.results[0].Columns
	visible := len(defs) - sc.Hidden
	for _, r := range g.results {
		if len(r.Columns) != len(defs) {
			return false, notSupported("Serval cannot merge the shards of this statement: they have different columns (%d and %d)", len(defs), len(r.Columns))
		}
	}
	stream, skip, err := c.mergedStream(sc, g, visible)
	if err != nil {
		return false, err
	}
	if err := c.writeHeader(defs[:visible]); err != nil {
		return false, clientError(err)
	}
	limited := merge.NewLimit(stream, skip, c.route.Limit)
	for {
		row, err := limited.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return false, c.mergeFailed(err)
		}
		if sc.Hidden > 0 {
			if row, err = merge.VisiblePrefix(row, visible); err != nil {
				return false, err
			}
		}
		if err := c.conn.WritePacket(row); err != nil {
			return false, clientError(err)
		}
	}
	return !limited.Cut(), c.endRows(g)
}

func (c *session) endRows(g *gathered) error {
	for _, r := range g.results {
		if g.pooled {
			g.warnings += r.Warnings
		}
	}
	c.rowCount = -1
	if err := c.legsWarnings(g); err != nil {
		return err
	}
	return clientError(c.conn.WritePacket(wire.AppendEOF(nil, g.warnings, c.status(0))))
}

// legsWarnings fetches the warnings of all legs.
func (c *session) legsWarnings(g *gathered) error {
	var lists [][]warning
	c.warnings = nil
	c.composing = true
	defer func() { c.composing = false }()
	if g.pooled && g.warnings > 0 {
		for i, r := range g.results {
			if r.Warnings == 0 || !drain(r) { // a shard that has more rows cannot be asked
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

func (c *session) writeHeader(defs [][]byte) error {
	if err := c.conn.WritePacket(wire.AppendLenEncInt(nil, uint64(len(defs)))); err != nil {
		return err
	}
	var buf []byte
	for _, def := range defs {
		buf = c.patch.Column(buf[:0], def)
		if err := c.conn.WritePacket(buf); err != nil {
			return err
		}
	}
	return c.conn.WritePacket(wire.AppendEOF(nil, 0, c.status(0)))
}

// mergedStream puts the shards' streams in order.
func (c *session) mergedStream(sc *router.Scatter, g *gathered, visible int) (merge.Stream, uint64, error) {
	if len(sc.Keys) == 0 {
		return merge.NewSequence(g.streams), c.route.Offset, nil
	}
	k := &keyMaker{session: c, visible: visible, defs: g.results[0].Columns, streams: g.streams, more: len(sc.Keys) > 1}
	var keys []merge.Key
	for i := range sc.Keys {
		key, err := k.key(&sc.Keys[i])
		if err != nil {
			return nil, 0, err
		}
		keys = append(keys, key)
	}
	return merge.NewSorted(k.streams, keys), c.route.Offset, nil
}

// keyMaker turns the plan's sort keys into what the merge compares.
type keyMaker struct {
	session *session
	visible int
	defs    [][]byte
	streams []merge.Stream
	more    bool // several keys: where a server cuts long strings matters
}

func (k *keyMaker) key(s *router.SortKey) (merge.Key, error) {
	key := merge.Key{Column: s.Column, Desc: s.Desc}
	if s.Column < 0 {
		key.Column = k.visible + s.Hidden
	}
	switch s.Class {
	case router.SortNumber:
		key.Kind = merge.Decimal
	case router.SortFloat:
		key.Kind = merge.Float
	case router.SortBytes:
		key.Kind = merge.Bytes
	case router.SortTime:
		key.Kind = merge.Time
	case router.SortText:
		return k.text(key, s.Collation)
	case router.SortArithmetic:
		return k.arithmetic(key)
	case router.SortUnknown:
		return k.unknown(key)
	}
	return key, nil
}

// text compares weights as the collation does.
func (k *keyMaker) text(key merge.Key, collation string) (merge.Key, error) {
	known := k.session.known
	space := known.catalog.SpaceWeights[collation]
	if space == nil || unsortable(collation, known.flavor.mariadb) {
		return key, notSupported("Serval does not support ORDER BY under the collation %s over several shards", collation)
	}
	key.Kind = merge.Bytes
	if len(space) > 0 {
		key.Kind, key.SpaceWeight = merge.Padded, space
	}
	if k.more {
		key.MaxLength = sortLength(collation, space, known.flavor.mariadb)
	}
	return key, nil
}

// unsortable are the collations whose ORDER BY is not the order of WEIGHT_STRING (found by trying all; see
// merge/compare.go).
func unsortable(collation string, mariadb bool) bool {
	switch collation {
	case "big5_chinese_ci", "gb18030_chinese_ci", "tis620_thai_ci", "latin7_general_ci", "latin7_general_cs", "latin7_estonian_cs",
		"cp1250_czech_cs", "big5_chinese_nopad_ci", "tis620_thai_nopad_ci":
		return true
	}
	return mariadb && (strings.HasSuffix(collation, "_as_ci") || strings.HasSuffix(collation, "_as_cs") || strings.HasSuffix(collation, "_ai_cs") ||
		strings.HasSuffix(collation, "_thai_520_w2"))
}

// sortLength is how many bytes of weights the servers sort by, 0 for all (see merge/compare.go).
func sortLength(collation string, space []byte, mariadb bool) int {
	const maxSortLength = 1024
	switch {
	case !mariadb && len(space) == 0:
		return 0
	case mariadb && strings.HasPrefix(collation, "utf8") && (strings.Contains(collation, "_general_") || strings.HasSuffix(collation, "bin")):
		return maxSortLength * max(1, len(space))
	}
	return maxSortLength
}

// arithmetic decides by the type of the hidden value: it is followed by the same as a double.
func (k *keyMaker) arithmetic(key merge.Key) (merge.Key, error) {
	var def wire.Column
	if err := wire.ParseColumn(k.defs[key.Column], &def); err != nil {
		return key, err
	}
	key.Kind = merge.Decimal
	if def.Type == wire.TypeDouble || def.Type == wire.TypeFloat {
		key.Kind = merge.Float
		key.Column++
	}
	return key, nil
}

// unknown decides by the type of the hidden value: it is followed by its WEIGHT_STRING and its COLLATION.
func (k *keyMaker) unknown(key merge.Key) (merge.Key, error) {
	var def wire.Column
	if err := wire.ParseColumn(k.defs[key.Column], &def); err != nil {
		return key, err
	}
	switch def.Type {
	case wire.TypeTiny, wire.TypeShort, wire.TypeInt24, wire.TypeLong, wire.TypeLongLong, wire.TypeNewDecimal, wire.TypeDecimal, wire.TypeYear:
		key.Kind = merge.Decimal
	case wire.TypeDate, wire.TypeDatetime:
		key.Kind = merge.Bytes
	case wire.TypeTime:
		key.Kind = merge.Time
	case wire.TypeNull:
		key.Kind = merge.Bytes
	case wire.TypeVarString, wire.TypeString, wire.TypeVarchar, wire.TypeBlob, wire.TypeTinyBlob, wire.TypeMediumBlob, wire.TypeLongBlob:
		if def.Charset == wire.CollationBinary {
			key.Kind = merge.Bytes
			return key, nil
		}
		return k.unknownText(key)
	default:
		return key, notSupported("Serval does not support ORDER BY an expression of this type (%d) over several shards: order by a column", def.Type)
	}
	return key, nil
}

// unknownText reads the collation from the first row of any shard, and compares the weights behind the value.
func (k *keyMaker) unknownText(key merge.Key) (merge.Key, error) {
	collation := ""
	for i, s := range k.streams {
		p := &peeked{Stream: s}
		k.streams[i] = p
		row, err := p.look()
		if err == io.EOF {
			continue
		}
		if err != nil {
			return key, k.session.mergeFailed(err)
		}
		name, _, err := merge.Field(row, key.Column+2)
		if err != nil {
			return key, err
		}
		collation = string(name)
	}
	key.Column++
	if collation == "" { // no rows at all
		key.Kind = merge.Bytes
		return key, nil
	}
	return k.text(key, collation)
}

// peeked is a stream whose first row has been looked at.
type peeked struct {
	merge.Stream
	row    []byte
	err    error
	looked bool
}

func (p *peeked) look() ([]byte, error) {
	p.row, p.err = p.Stream.Next()
	p.looked = true
	return p.row, p.err
}

// Next implements merge.Stream.
func (p *peeked) Next() ([]byte, error) {
	if p.looked {
		p.looked = false
		return p.row, p.err
	}
	return p.Stream.Next()
}
