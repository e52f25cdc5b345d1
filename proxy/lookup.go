package proxy

// lookup.go: lookup indexes (router/lookup.go): where a statement's keys leave many shards and one of its columns has an
// index, the index is asked first. And how their rows follow the rows of their tables is in lookupwrite.go.

import (
	"errors"
	"io"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// narrowed asks the lookup indexes of a statement that would go to several shards, and resolves it again. unresolved is why it
// could not be resolved without them.
func (c *session) narrowed(p *router.Plan, unresolved error) error {
	if !c.asks(p, unresolved) {
		return unresolved
	}
	for i := range p.Asked {
		keys, err := c.askLookup(p, &p.Asked[i])
		if err != nil {
			return err
		}
		c.route.Narrow(p, p.Asked[i].Source, keys)
	}
	return c.route.ResolveNarrowed(p, &c.st)
}

// asks tells whether a statement that was resolved, or not, asks lookup indexes.
func (c *session) asks(p *router.Plan, unresolved error) bool {
	if len(p.Asked) == 0 || unresolved == nil && !c.route.Stepped && !c.route.Gathered && len(c.route.Legs) < 2 {
		return false
	}
	// Below the common way out: what errors.As fills is allocated where it is declared, and every statement comes through here.
	var refused *router.Refusal
	return unresolved == nil || errors.As(unresolved, &refused)
}

// askAndWrite carries out a statement that writes where a lookup index says, in a transaction of its own: the index's row stays
// locked meanwhile, so that nobody moves the row that it leads to.
func (c *session) askAndWrite(p *router.Plan) error {
	var done *stepResult
	err := c.atomically(func() (err error) {
		done, err = c.step(c.currentText())
		return err
	})
	if err != nil {
		return err
	}
	done.Close()
	c.warnings, c.rowCount, c.lastInsertID = done.Warnings, int64(done.OK.AffectedRows), done.lastInsertID
	if p.Verb == router.VerbUpdate && !c.known.flavor.mariadb {
		c.found = infoNumbers(done.OK.Info)[0]
	}
	return clientError(c.ok(done.OK))
}

// askLookup reads the shard keys of the rows with the value that a statement asks for. One that writes or locks reads what is
// committed now, as its own reads do.
func (c *session) askLookup(p *router.Plan, a *router.Asked) ([][]byte, error) {
	t := a.Lookup.Table
	sql := []byte("SELECT " + rewrite.Quote(t.Columns[1].Name) + " FROM " + quotedTable(t) + " WHERE " + rewrite.Quote(a.Lookup.Column) + " = ")
	text, negate, parameter := a.Literal(&c.st)
	if negate {
		sql = append(sql, '-', ' ')
	}
	if parameter < 0 {
		sql = append(sql, text...)
	} else {
		sql = c.appendParameter(sql, parameter)
	}
	if p.Writes() || p.Locking {
		sql = append(sql, " LOCK IN SHARE MODE"...)
	}
	r, err := c.step(sql)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var keys [][]byte
	for {
		row, err := r.Next()
		switch {
		case err == io.EOF:
			return keys, nil
		case err != nil:
			return nil, err
		}
		keys = append(keys, append([]byte{}, row[0]...))
	}
}

// appendParameter writes the value of a parameter of the current statement as a literal.
func (c *session) appendParameter(dst []byte, number int) []byte {
	if c.st.Bound == nil {
		return append(dst, "NULL"...)
	}
	kind, text := c.st.Bound.Value(number)
	return appendLiteral(dst, kind, text, c.state.mode)
}

// appendLiteralOf writes a literal of the current statement.
func (c *session) appendLiteralOf(dst []byte, l fingerprint.Literal, negate bool) []byte {
	if negate {
		dst = append(dst, '-', ' ')
	}
	if l.Kind == fingerprint.Parameter {
		return c.appendParameter(dst, int(l.Number))
	}
	return append(dst, c.st.Text[l.Start:l.End]...)
}

// quotedTable is a logical table's name with its database.
func quotedTable(t *router.Table) string {
	return rewrite.Quote(t.Database) + "." + rewrite.Quote(t.Name)
}
