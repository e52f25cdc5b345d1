package proxy

// insertvalues.go: INSERT … VALUES some of whose values are asked for first (router/insertvalues.go): shard keys that are
// expressions, subqueries, and what all copies of a row must agree on. They are put into the statement as literals, which is
// then one step.

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"serval/proxy/carry"
	"serval/rewrite"
	"serval/router"
)

// valueColumns is how many values are computed by one SELECT: fewer than a server's columns.
const valueColumns = 1000

// valuing is the work on one INSERT.
type valuing struct {
	session  *session
	table    *router.Table
	values   *router.InsertValues
	literals map[[2]int][]byte // by row and column
	warnings []warning         // of the values
	done     *stepResult
}

// insertValues carries out an INSERT whose values are asked for first.
func (c *session) insertValues(p *router.Plan) error {
	if p.ReadsTarget && !c.known.flavor.mariadb {
		return protocolError(1093, "HY000", "You can't specify target table '%s' for update in FROM clause", p.Values.Name)
	}
	values, err := c.srv.planner.ReadValues(c.currentText(), c.state.mode, p.Values)
	if err != nil {
		return err
	}
	v := &valuing{session: c, table: p.Values, values: values, literals: map[[2]int][]byte{}}
	if !v.asks() {
		return p.ValuesRefusal()
	}
	if err := c.atomically(v.run); err != nil {
		return err
	}
	ok := *v.done.OK
	c.rowCount, c.lastInsertID = int64(ok.AffectedRows), v.done.LastInsertID
	c.warnings = append(v.warnings, v.done.Warnings...)
	if ok.Warnings += uint16(len(v.warnings)); len(v.warnings) > 0 && len(ok.Info) > 0 {
		n := infoNumbers(ok.Info)
		ok.Info = fmt.Appendf(nil, "Records: %d  Duplicates: %d  Warnings: %d", n[0], n[1], ok.Warnings)
	}
	return clientError(c.ok(&ok))
}

// asks tells whether the statement becomes another one: else it would come here again.
func (v *valuing) asks() bool {
	return v.values.Lacks || len(v.values.Drop) > 0 || slices.ContainsFunc(v.values.Rows, func(row []router.InsertValue) bool {
		return slices.ContainsFunc(row, func(x router.InsertValue) bool { return x.Use != router.ValueKept })
	})
}

// run asks for the values and inserts.
func (v *valuing) run() error {
	if err := v.defaults(); err != nil {
		return err
	}
	extra := ""
	var value []byte
	if v.values.Lacks {
		if v.values.Named < 0 {
			return notSupported("Serval does not support an INSERT without the shard key %s: name the columns", v.table.Key)
		}
		text, err := v.defaultOf(v.table.Key, 0)
		if err != nil {
			return err
		}
		if value, err = v.one("SELECT "+text, false); err != nil {
			return err
		}
		extra = v.table.Key
	}
	if err := v.compute(); err != nil {
		return err
	}
	text := v.values.Render(func(row, column int) []byte { return v.literals[[2]int{row, column}] }, extra, value)
	r, err := v.session.step(text)
	if err != nil {
		return err
	}
	r.Close()
	if r.OK == nil {
		return notSupported("Serval does not support rows returned by an INSERT whose values have to be known first")
	}
	v.done = r
	return nil
}

// compute asks for all values: the subqueries one by one, the others together.
func (v *valuing) compute() error {
	var places [][2]int
	sql := []byte("SELECT ")
	flush := func() error {
		if len(places) == 0 {
			return nil
		}
		err := v.together(sql, places)
		places, sql = places[:0], sql[:len("SELECT ")]
		return err
	}
	for i, row := range v.values.Rows {
		for k := range row {
			switch x := &row[k]; x.Use {
			case router.ValueQueried:
				text, err := v.one(x.Query, true)
				if err != nil {
					return err
				}
				v.literals[[2]int{i, k}] = text
			case router.ValueComputed:
				if len(places) > 0 {
					sql = append(sql, ',')
				}
				sql = append(append(sql, x.Query...), " AS v"...)
				if places = append(places, [2]int{i, k}); len(places) == valueColumns {
					if err := flush(); err != nil {
						return err
					}
				}
			}
		}
	}
	return flush()
}

// together asks for the values of several places with one row.
func (v *valuing) together(sql []byte, places [][2]int) error {
	c := v.session
	r, err := c.step(sql)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := v.warn(r.Warnings); err != nil {
		return err
	}
	row, err := r.Next()
	if err != nil {
		return fmt.Errorf("values of an INSERT: %w", err)
	}
	for i, at := range places {
		v.literals[at] = carry.Append(nil, &r.Columns[i], row[i], c.state.mode)
	}
	return nil
}

// warn takes over what was warned of in computing values; a prepared statement's own text was warned of before.
func (v *valuing) warn(list []warning) error {
	if err := v.session.strictly(list, v.values.Ignore); err != nil {
		return err
	}
	for _, w := range list {
		if w.code != codeDeprecated || v.session.prepared == nil {
			v.warnings = append(v.warnings, w)
		}
	}
	return nil
}

// one asks for one value: NULL where there is no row.
func (v *valuing) one(query string, locked bool) ([]byte, error) {
	c := v.session
	r, err := v.ask(query, locked)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := v.warn(r.Warnings); err != nil {
		return nil, err
	}
	if len(r.Columns) != 1 {
		return nil, protocolError(1241, "21000", "Operand should contain 1 column(s)")
	}
	row, err := r.Next()
	if err == io.EOF {
		return []byte("NULL"), nil
	}
	if err != nil {
		return nil, fmt.Errorf("a value of an INSERT: %w", err)
	}
	literal := carry.Append(nil, &r.Columns[0], row[0], c.state.mode)
	if _, err := r.Next(); err != io.EOF {
		return nil, protocolError(1242, "21000", "Subquery returns more than 1 row")
	}
	return literal, nil
}

// ask reads with the locks that a server takes on what an INSERT reads, where that can be.
func (v *valuing) ask(query string, locked bool) (*stepResult, error) {
	c := v.session
	if locked {
		return c.readToWrite([]byte(query))
	}
	return c.step([]byte(query))
}

// defaults turns DEFAULT into the expression that it stands for.
func (v *valuing) defaults() error {
	for n, row := range v.values.Rows {
		for k := range row {
			if row[k].Use != router.ValueDefault {
				continue
			}
			text, err := v.defaultOf(row[k].Column, n)
			if err != nil {
				return err
			}
			row[k].Use, row[k].Query = router.ValueComputed, text
		}
	}
	return nil
}

// defaultOf is the default of a column, as an expression, for the row with this number.
func (v *valuing) defaultOf(column string, number int) (string, error) {
	c := v.session
	quoted := func(s string) string { return string(rewrite.AppendString(nil, s, c.state.mode)) }
	r, err := c.step([]byte("SELECT column_default, extra, is_nullable FROM information_schema.columns WHERE table_schema = " + quoted(v.table.Database) +
		" AND table_name = " + quoted(v.table.Name) + " AND column_name = " + quoted(column)))
	if err != nil {
		return "", err
	}
	defer r.Close()
	row, err := r.Next()
	if err != nil {
		return "", fmt.Errorf("the default of column %s: %w", column, err)
	}
	switch {
	case row[0] == nil && string(row[2]) == "YES", c.known.flavor.mariadb && bytes.EqualFold(row[0], []byte("NULL")):
		return "NULL", nil
	case row[0] == nil && (v.values.Ignore || !c.strict() || number > 0): // servers take it and warn; a row before it may be refused
		return "", notSupported("Serval does not support the implicit default of column '%s' where its value has to be known first: give it a value", column)
	case row[0] == nil:
		return "", protocolError(1364, "HY000", "Field '%s' doesn't have a default value", column)
	case c.known.flavor.mariadb || bytes.Contains(row[1], []byte("DEFAULT_GENERATED")):
		return string(row[0]), nil
	}
	return quoted(string(row[0])), nil
}
