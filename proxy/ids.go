package proxy

// ids.go: INSERTs into tables that Serval numbers the rows of. The numbers are put into the statement, which then goes its
// way as one that had them: a text is written anew, a prepared statement gets parameters for them. Where numbers come
// from is package sequence's.

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"serval/proxy/sequence"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// numbers are what was made for the statement that is being carried out.
type numbers struct {
	of    *router.Numbering // nil: nothing was
	first uint64
	rows  []sequence.Row
	all   bool // every row had one made
	// inserted: the first number is in the table, as far as the server's answer tells.
	inserted bool
}

// numberedStatement is a prepared statement with parameters for its rows' numbers.
type numberedStatement struct {
	of      *router.Numbering
	zero    bool
	ps      preparedStatement
	sources []router.NumberSource
	nulls   []byte
}

// numbered carries out an INSERT into a table that Serval numbers the rows of.
func (c *session) numbered(p *router.Plan) (kind, group string, err error) {
	c.setArguments()
	n := p.Numbers
	rules := router.NumberRules{Zero: c.sqlMode("NO_AUTO_VALUE_ON_ZERO"), Strict: c.strict()}
	found, missing, err := c.route.Numbers(nil, n, &c.st, rules)
	if err != nil {
		return "refused", "", err
	}
	made := numbers{rows: make([]sequence.Row, len(found)), all: missing == len(found)}
	for i, row := range found {
		made.rows[i] = sequence.Row(row)
	}
	if missing > 0 {
		if err := c.countsByOne(); err != nil {
			return "refused", "", err
		}
	}
	src := c.source(n.Table)
	defer c.srv.ids.Done(src)
	if made.first, err = c.srv.ids.Fill(c.waiting(), src, made.rows); err != nil {
		return "refused", "", c.numbersFailed(err, n, made.rows)
	}
	if missing == 0 {
		return c.executeRouted(p)
	}
	for i := range found {
		found[i].ID = made.rows[i].ID
	}
	made.of = n
	if c.prepared != nil && c.byName == nil {
		return c.numberedExecution(&made, found, rules.Zero)
	}
	return c.numberedText(&made, found)
}

// numbersFailed is the error of a statement for which there are no numbers.
func (c *session) numbersFailed(err error, n *router.Numbering, rows []sequence.Row) error {
	if errors.Is(err, sequence.ErrExhausted) {
		if !c.known.flavor.mariadb {
			return errNoNumbers()
		}
		at := slices.IndexFunc(rows, func(r sequence.Row) bool { return !r.Given && (r.ID == 0 || r.ID > n.Column.Most()) })
		return protocolError(167, "22003", "Out of range value for column '%s' at row %d", n.Column.Name, at+1)
	}
	return numbersMissing(err)
}

func errNoNumbers() error {
	return protocolError(1467, "HY000", "Failed to read auto-increment value from storage engine")
}

func numbersMissing(err error) error {
	if errors.Is(err, sequence.ErrExhausted) {
		return errNoNumbers()
	}
	return fmt.Errorf("the rows cannot be numbered: %w", err)
}

// countsByOne refuses auto_increment_increment: Serval's numbers follow each other.
func (c *session) countsByOne() error {
	if v, set := c.state.vars["auto_increment_increment"]; set && strings.Trim(v, "'") != "1" {
		return notSupported("Serval does not support auto_increment_increment = %s for tables that it numbers the rows of: SET auto_increment_increment = 1, its numbers are unique over all servers", v)
	}
	return nil
}

// sqlMode tells whether the session's sql_mode has a word.
func (c *session) sqlMode(word string) bool {
	mode, ok := c.state.vars["sql_mode"]
	if !ok {
		mode = c.known.flavor.sqlMode
	}
	return strings.Contains(mode, word)
}

// numberedText carries the statement out as a text with the numbers in it.
func (c *session) numberedText(made *numbers, rows []router.NumberedRow) (kind, group string, err error) {
	mode := c.st.Mode
	source := &c.st
	var plain fingerprint.Statement
	if c.prepared != nil { // EXECUTE … USING: the variables' values are in the text
		ps, byName, db := c.prepared, c.byName, c.db
		mode = c.state.mode
		plain.Scan(c.inlined(ps), mode)
		source = &plain
		c.prepared, c.byName, c.db = nil, nil, ps.db
		defer func() { c.prepared, c.byName, c.db = ps, byName, db }()
	}
	old := c.st
	text := made.of.Text(nil, source, rows)
	c.st = fingerprint.Statement{}
	c.st.Scan(text, mode)
	defer func() { c.st = old }()
	return c.withNumbers(made)
}

// numberedExecution carries a prepared statement out as one with parameters for the numbers.
func (c *session) numberedExecution(made *numbers, rows []router.NumberedRow, zero bool) (kind, group string, err error) {
	ps, x := c.prepared, &c.execution
	d := ps.numbered
	if d == nil || d.of != made.of || d.zero != zero {
		d = &numberedStatement{of: made.of, zero: zero}
		d.ps = preparedStatement{db: ps.db, sets: ps.sets, names: ps.names}
		d.ps.text, d.sources = made.of.Parameterized(&c.st, rows)
		d.ps.st.Scan(d.ps.text, c.st.Mode)
		ps.numbered = d
	}
	if len(d.sources) > maxParameters {
		return "refused", "", protocolError(1390, "HY000", "Prepared statement contains too many placeholders")
	}
	old, st := *x, c.st
	*x = d.bind(&old, rows)
	c.prepared, c.st = &d.ps, d.ps.st
	c.st.Bound = x
	defer func() {
		d.ps.st = c.st
		d.ps.st.Bound = nil
		old.numbers, old.built = x.numbers, x.built
		*x, c.prepared, c.st = old, ps, st
	}()
	return c.withNumbers(made)
}

// bind makes the execution of the statement with numbers out of the client's.
func (d *numberedStatement) bind(old *execution, rows []router.NumberedRow) execution {
	x := execution{of: &d.ps, client: old.client, numbers: old.numbers, built: old.built, packet: old.packet}
	d.nulls = append(d.nulls[:0], make([]byte, (len(d.sources)+7)/8)...)
	d.ps.types, d.ps.long = d.ps.types[:0], nil
	x.parsed = wire.Execute{Flags: old.parsed.Flags, Nulls: d.nulls}
	for i, s := range d.sources {
		if s.Row >= 0 && !rows[s.Row].Given {
			d.ps.types = append(d.ps.types, wire.TypeLongLong, 0x80)
			x.parsed.Values = append(x.parsed.Values, binary.LittleEndian.AppendUint64(nil, rows[s.Row].ID))
			continue
		}
		n := s.Parameter
		d.ps.types = append(d.ps.types, old.of.types[2*n], old.of.types[2*n+1])
		x.parsed.Values = append(x.parsed.Values, old.parsed.Values[n])
		if data, ok := old.of.long[uint16(n)]; ok {
			if d.ps.long == nil {
				d.ps.long = map[uint16][]byte{}
			}
			d.ps.long[uint16(i)] = data
		}
		if old.parsed.Null(n) {
			d.nulls[i/8] |= 1 << (i % 8)
		}
	}
	x.parsed.Types = d.ps.types
	return x
}

// withNumbers carries out the current statement, which has its numbers now.
func (c *session) withNumbers(made *numbers) (kind, group string, err error) {
	p, err := c.plan()
	if err != nil {
		return "refused", "", err
	}
	c.made = *made
	defer func() { c.made = numbers{} }()
	return c.executeRouted(p)
}

// looks tells whether the answer of the statement has to wait for a look at the rows: of several rows of which some may
// not be inserted, the first number that is in the table is not known else.
func (c *session) looks() bool { return c.made.of != nil && c.made.of.Keeps && len(c.made.rows) > 1 }

// numbersDone puts the first number that was made into the statement's answer, where it is in the table. The id that a
// server says is that of an explicit value, as it had the number in the statement.
func (c *session) numbersDone(ok *wire.OK) {
	m := &c.made
	if m.of == nil {
		return
	}
	first := m.first
	switch {
	case !m.of.Keeps:
	case len(m.rows) > 1:
		if first = c.firstInserted(); first == 0 {
			return
		}
	case ok.LastInsertID != m.first && (ok.AffectedRows != 1 || c.foundRows()):
		return // the row was there already
	}
	m.inserted = true
	ok.LastInsertID, c.lastInsertID = first, first
}

// firstInserted asks which of the numbers that were made are in the table.
func (c *session) firstInserted() uint64 {
	n := c.made.of
	sql := fmt.Appendf(nil, "SELECT %s FROM %s.%s WHERE %s IN (", rewrite.Quote(n.Column.Name), rewrite.Quote(n.Table.Database), rewrite.Quote(n.Table.Name), rewrite.Quote(n.Column.Name))
	made := numbers{}
	made, c.made = c.made, made
	defer func() { c.made = made }()
	for i, row := range made.rows {
		if i > 0 {
			sql = append(sql, ',')
		}
		sql = fmt.Append(sql, row.ID)
	}
	r, err := c.step(append(sql, ')'))
	if err != nil {
		return 0
	}
	defer r.Close()
	ids := map[string]bool{}
	for {
		row, err := r.Next()
		if err != nil {
			break
		}
		ids[string(row[0])] = true
	}
	for _, row := range made.rows {
		if !row.Given && ids[fmt.Sprint(row.ID)] {
			return row.ID
		}
	}
	return 0
}

// source is where a table's numbers come from.
func (c *session) source(t *router.Table) *sequence.Source {
	if src := c.known.sources[t]; src != nil {
		return src
	}
	return sourceOf(t)
}

// sourceOf makes the source of a table, nil when it has no AUTO_INCREMENT column.
func sourceOf(t *router.Table) *sequence.Source {
	col := t.AutoIncrement()
	if col == nil {
		return nil
	}
	src := &sequence.Source{Name: sequence.Table(t.Database, t.Name), Snowflake: t.IDs == router.IDsSnowflake, Max: col.Most(), Column: col.Name}
	for _, s := range t.Shards {
		src.Places = append(src.Places, sequence.Place{Group: s.Group, Database: s.Database, Table: s.Table})
	}
	return src
}

// sourcesOf are the sources of all tables that Serval numbers the rows of.
func sourcesOf(cat *router.Catalog) map[*router.Table]*sequence.Source {
	sources := map[*router.Table]*sequence.Source{}
	for _, d := range cat.Databases {
		for _, t := range d.Tables {
			if t.Kind != router.Sharded && t.Kind != router.Broadcast {
				continue
			}
			if src := sourceOf(t); src != nil {
				sources[t] = src
			}
		}
	}
	return sources
}

// takeNumbers gives n consecutive numbers for rows of a table, for statements that are carried out in other ways than an
// INSERT of VALUES.
func (c *session) takeNumbers(t *router.Table, n int) (first uint64, err error) {
	src := c.source(t)
	if src == nil {
		return 0, fmt.Errorf("table %s.%s has no AUTO_INCREMENT column", t.Database, t.Name)
	}
	if first, err = c.srv.ids.Next(c.waiting(), src, n); err != nil {
		return 0, numbersMissing(err)
	}
	return first, nil
}

// followNumbers has the numbers of tables follow a schema change that the servers have made. What fails leaves numbers that
// go on as they were: none comes twice.
func (c *session) followNumbers(change *router.SchemaChange) {
	ctx := c.srv.ctx
	warn := func(t router.TableKey, err error) {
		if err != nil {
			c.srv.log.Warn("the AUTO_INCREMENT numbers of a table did not follow its schema change", "table", t.Database+"."+t.Name, "error", err)
		}
	}
	for _, r := range change.Renames {
		warn(r.From, c.srv.ids.Rename(ctx, sequence.Table(r.From.Database, r.From.Name), sequence.Table(r.To.Database, r.To.Name)))
	}
	gone := change.Forgets
	if change.Verb == router.SchemaDrop {
		gone = change.Tables
	}
	for _, list := range [][]router.TableKey{gone, change.Clears} {
		for _, t := range list {
			warn(t, c.srv.ids.Forget(ctx, sequence.Table(t.Database, t.Name)))
		}
	}
	if change.AutoIncrement == 0 || len(change.Tables) == 0 {
		return
	}
	key := change.Tables[len(change.Tables)-1] // ALTER TABLE … RENAME: the new name
	t := c.srv.known.Load().catalog.Table(key.Database, key.Name)
	if t == nil || t.Kind != router.Sharded && t.Kind != router.Broadcast {
		return
	}
	if src := sourceOf(t); src != nil {
		warn(key, c.srv.ids.Ensure(ctx, src, change.AutoIncrement))
	}
}

// nextValue answers SELECT NEXT VALUE FOR with one number of a table or of a named sequence.
func (c *session) nextValue(n *router.NextValue) error {
	src := &sequence.Source{Name: sequence.Named(c.known.catalog.Own, n.Sequence), Max: 1<<63 - 1}
	if n.Table != nil {
		src = c.source(n.Table)
	}
	id := uint64(0)
	if c.describing == nil {
		var err error
		if id, err = c.srv.ids.Next(c.waiting(), src, 1); err != nil {
			return numbersMissing(err)
		}
	}
	group := c.defaultGroup()
	sql := fmt.Sprintf("SELECT CAST(%d AS UNSIGNED) AS %s", id, rewrite.Quote(n.Column))
	return c.relayText(group, sql, &router.Plan{Kind: router.KindGroup, Verb: router.VerbSelect, Groups: []string{group}})
}
