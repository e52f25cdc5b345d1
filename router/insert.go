package router

// insert.go: INSERT and REPLACE. Rows of a sharded table are split by their shard key.

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// insertPlan says where in a row the values are that decide.
type insertPlan struct {
	table *Table
	ref   int
	// rows say where the key is, as literal indexes counted from the row's first literal. With uniform rows there is one
	// entry for all.
	rows []insertRow

	split   bool
	ignore  bool
	replace bool
}

type insertRow struct{ key valueAt }

// valueAt is a literal of a row; negate counts the minus signs that are not part of it.
type valueAt struct {
	literal int // from the row's first literal, or a slot of a statement without rows (INSERT … SET); -1: none
	negate  bool
}

func (p *planning) insert(s *ast.InsertStmt) error {
	p.plan.Verb = VerbInsert
	if s.IsReplace {
		p.plan.Verb = VerbReplace
	}
	if err := p.analyse(); err != nil {
		return err
	}
	b := p.scope.newBlock(nil, nil, nil)
	p.scope.from(s.Table.TableRefs, b, b.filter, false)
	target := b.sources[0]
	p.plan.StoresTime = target.table.mayStoreTime()
	p.plan.WritesLookup = target.table != nil && target.table.LookupOf != nil
	for _, row := range s.Lists {
		for _, e := range row {
			p.scope.expressions(e, b)
		}
	}
	if s.Select != nil {
		p.plan.FromSelect = true
		p.scope.query(s.Select, nil, nil, nil)
	}
	for _, a := range s.OnDuplicate {
		p.scope.expressions(a, b)
	}
	l, err := p.layout()
	if err != nil {
		return err
	}
	switch {
	case target.table != nil && target.table.Kind == Broadcast:
		return p.insertBroadcast(s, target)
	case s.Select != nil && (len(l.system) > 0 || len(l.sharded) == 0 && len(l.groups) == 0):
		return p.selectInSteps(s, target)
	case len(l.sharded) == 0 && len(l.groups) == 0 && s.Select == nil && !p.queriesInUpdates(s):
		return p.valuesInSteps(target.table, asRefusal(p.differentGroups(l)))
	case len(l.sharded) == 0 && len(l.groups) == 0:
		return p.differentGroups(l)
	case len(l.sharded) == 0:
		p.plan.InsertID = p.insertID(s, target)
		if p.plan.Returning && p.plan.InsertID == InsertIDGenerated { // rows tell no id
			p.plan.InsertID = InsertIDAsk
		}
		return p.groupPlan(l.groups, target, "all tables are whole in the group")
	case target.table == nil || target.table.Kind != Sharded:
		return p.insertFromShards(s, l, target)
	}
	return p.insertSharded(s, target, l)
}

// insertID finds out whether ids are generated.
func (p *planning) insertID(s *ast.InsertStmt, target *source) InsertID {
	if target.table == nil || len(target.table.Columns) == 0 || p.uses.setsID {
		return InsertIDAsk
	}
	auto := autoIncrement(target.table)
	switch {
	case auto == nil:
		return InsertIDNone
	case insertPosition(s, target.table, auto.Name) < 0 && len(s.OnDuplicate) == 0:
		return InsertIDGenerated
	}
	return InsertIDAsk
}

// insertFromShards is INSERT INTO a whole table SELECT … FROM a sharded one: right where one shard holds everything.
func (p *planning) insertFromShards(s *ast.InsertStmt, l *layout, target *source) error {
	var into *Into
	refused := error(refuse("subqueries over several shards in an INSERT", p.plan.Sharded, "give %s one value", p.plan.Sharded.Key))
	if s.Select != nil {
		into, refused = p.insertInto(s, target), p.maySelectInSteps(s, target)
	}
	p.plan.InsertID = InsertIDAsk
	p.plan.scatterRefusal = asRefusal(refused)
	valued := s.Select == nil && !p.queriesInUpdates(s) && !p.plan.Returning && target.table != nil && len(target.table.Columns) > 0
	err := p.shardsPlan(l, target)
	switch {
	case err != nil && valued:
		return p.valuesInSteps(target.table, asRefusal(refused))
	case valued:
		p.plan.Values, p.plan.Steps = target.table, StepsValues
	case err != nil && refused == nil:
		p.steppedSelect(s, target, into)
		return nil
	case err != nil:
		return err
	case refused == nil:
		p.plan.Into, p.plan.Steps = into, StepsInsertSelect
	}
	return p.replaceFunctions(nil)
}

func (p *planning) insertBroadcast(s *ast.InsertStmt, target *source) error {
	if s.Select != nil {
		return p.selectInSteps(s, target)
	}
	if p.scope.subs {
		why := refuse("subqueries in an INSERT into a broadcast table", target.table, "insert the values, so that all copies stay equal")
		if p.queriesInUpdates(s) {
			return why
		}
		return p.valuesInSteps(target.table, why)
	}
	if p.uses.setsID {
		return refuse("LAST_INSERT_ID(expression) in an INSERT into a broadcast table", target.table, "put the value into the statement")
	}
	var err error
	if p.plan.Numbers, err = p.numbering(s, target.table); err != nil {
		return err
	}
	if (p.uses.unsafe != "" || len(p.uses.replaced) > 0 || p.uses.sysVar) && !p.uses.setsID && !p.strangeUpdates(s) {
		return p.valuesInSteps(target.table, refuse("functions of chance or of the session in a write of a broadcast table", target.table, "put their value into the statement, so that all copies stay equal"))
	}
	return p.broadcastWrite(target.table, target)
}

// queriesInUpdates tells whether ON DUPLICATE KEY UPDATE has subqueries.
func (p *planning) queriesInUpdates(s *ast.InsertStmt) bool {
	return slices.ContainsFunc(s.OnDuplicate, func(a *ast.Assignment) bool { return functionsOf(a.Expr).subquery })
}

// strangeUpdates tells whether ON DUPLICATE KEY UPDATE has functions of chance or of the session.
func (p *planning) strangeUpdates(s *ast.InsertStmt) bool {
	return slices.ContainsFunc(s.OnDuplicate, func(a *ast.Assignment) bool {
		u := functionsOf(a.Expr)
		return u.unsafe != "" || len(u.replaced) > 0 || u.sysVar || u.subquery
	})
}

func autoIncrement(t *Table) *Column {
	for i := range t.Columns {
		if t.Columns[i].AutoIncrement {
			return &t.Columns[i]
		}
	}
	return nil
}

// insertPosition is the place of a column in the rows, -1 when it is not given.
func insertPosition(s *ast.InsertStmt, t *Table, name string) int {
	for i, c := range s.Columns {
		if strings.EqualFold(c.Name.O, name) {
			return i
		}
	}
	if len(s.Columns) > 0 {
		return -1
	}
	at := 0
	for i := range t.Columns {
		switch {
		case t.Columns[i].Invisible:
		case strings.EqualFold(t.Columns[i].Name, name):
			return at
		default:
			at++
		}
	}
	return -1
}

func (p *planning) insertSharded(s *ast.InsertStmt, target *source, l *layout) error {
	t := target.table
	switch {
	case p.uses.setsID && s.Select != nil:
		return refuse("LAST_INSERT_ID(expression) in an INSERT … SELECT into a sharded table", t, "put the value into the statement")
	case p.uses.setsID && len(s.Lists) != 1:
		return refuse("LAST_INSERT_ID(expression) in an INSERT of several rows into a sharded table", t, "insert the rows one by one")
	case s.Select == nil && len(p.plan.Users.Assigned) > 0:
		return p.valuesInSteps(t, refuse("the assignment of user variables in an INSERT into a sharded table", t, "SET them before it"))
	case len(t.Columns) == 0:
		return refuse("INSERT while the columns are not known", t, "its shards could not be read when the catalog was made; see the log")
	case p.st.Executable:
		return refuse("executable comments (/*! … */)", t, "write the statement without the comment")
	case len(s.PartitionNames) > 0:
		return refuse("PARTITION selection", t, "leave the partitions to the server")
	}
	for _, a := range s.OnDuplicate {
		if strings.EqualFold(a.Column.Name.O, t.Key) {
			return refuse("changing the shard key "+t.Key, t, "delete the row and insert it again, in one transaction")
		}
	}
	if s.Select != nil {
		return p.selectSharded(s, target, l)
	}
	if p.scope.subs || len(p.scope.sources) > 1 {
		why := refuse("subqueries in an INSERT into a sharded table", t, "put their value into the statement")
		if p.queriesInUpdates(s) {
			return why
		}
		return p.valuesInSteps(t, why)
	}
	err := p.insertRows(s, target)
	if why := asRefusal(err); why != nil && why.unknown {
		return p.valuesInSteps(t, why)
	}
	return err
}

// insertRows finds key and AUTO_INCREMENT values in the rows, and makes the template.
func (p *planning) insertRows(s *ast.InsertStmt, target *source) error {
	t := target.table
	ins := &insertPlan{table: t, ignore: s.IgnoreErr, replace: s.IsReplace}
	keyAt := insertPosition(s, t, t.Key)
	var err error
	if p.plan.Numbers, err = p.numbering(s, t); err != nil {
		return err
	}
	if p.uses.setsID {
		p.plan.InsertID = InsertIDAsk
	}
	numbered := p.plan.Numbers != nil && strings.EqualFold(p.plan.Numbers.Column.Name, t.Key) // the key may be a number to come
	if c := t.KeyColumn(); keyAt < 0 && !numbered && c != nil && c.HasDefault {
		return unknownValue(refuse("INSERT without the shard key "+t.Key, t, "name the column and give it a value in every row"))
	}
	if keyAt < 0 && !numbered {
		return refuse("INSERT without the shard key "+t.Key, t, "name the column and give it a value in every row")
	}
	rows := s.Lists
	if !s.Setlist && len(p.st.Rows) == 0 && p.absent.rows {
		return unknownValue(refuse("VALUES ROW(…)", t, "leave the word ROW out"))
	}
	if s.Setlist != (len(p.st.Rows) == 0) || !s.Setlist && len(s.Lists) != len(p.st.Rows) || p.rowsOverlapColumns(s) {
		return unproven(fmt.Errorf("the rows of the INSERT were not found"))
	}
	if p.st.RowsUniform && len(rows) > 1 {
		rows = rows[:1]
	}
	for i, row := range rows {
		if numbered && p.plan.Numbers.at(i).kind != numberLiteral { // it will be written anew before it is routed
			ins.rows = append(ins.rows, insertRow{key: valueAt{literal: -1}})
			continue
		}
		r, err := p.insertRow(t, row, i, keyAt)
		if err != nil {
			return err
		}
		ins.rows = append(ins.rows, r)
	}
	if err := p.insertTemplate(ins, target); err != nil {
		return err
	}
	if err := p.nameColumns(s, target); err != nil {
		return err
	}
	return p.keepInserted(s, t)
}

// rowsOverlapColumns tells whether what the scanner took for rows begins before the parser's first value does: then it
// took the column list for a row (of a table called value, say).
func (p *planning) rowsOverlapColumns(s *ast.InsertStmt) bool {
	if len(p.st.Rows) == 0 || len(s.Lists[0]) == 0 {
		return false
	}
	at := positionOf(s.Lists[0][0])
	return at < int(p.st.Rows[0].Start) || at >= int(p.st.Rows[0].End)
}

func (p *planning) insertRow(t *Table, row []ast.ExprNode, i, keyAt int) (insertRow, error) {
	if len(row) == 0 {
		return insertRow{}, refuse("INSERT without the shard key "+t.Key, t, "name the column and give it a value in every row")
	}
	if keyAt >= len(row) {
		return insertRow{}, &columnCount{row: i + 1}
	}
	key, ok := p.rowValue(row[keyAt], i)
	if !ok {
		return insertRow{}, unknownValue(refuse("an expression as the shard key "+t.Key, t, "give it as a literal, so that its shard is known before a server is asked"))
	}
	return insertRow{key: key}, nil
}

// columnCount is error 1136: a row with another number of values than columns.
type columnCount struct{ row int }

func (e *columnCount) Error() string { return "column count doesn't match" }

// Row is the number of the row, from 1.
func (e *columnCount) Row() int { return e.row }

// ColumnCountError is implemented by the error for a row with the wrong number of values (1136).
type ColumnCountError interface{ Row() int }

// rowValue finds the literal of a value in row i.
func (p *planning) rowValue(e ast.ExprNode, i int) (valueAt, bool) {
	// NULL is a keyword outside of VALUES rows (INSERT … SET): without a slot it is refused there.
	if isNull(e) {
		slot, ok := p.cs.slotAt(e.OriginTextPosition())
		if !ok {
			return valueAt{}, false
		}
		return p.inRow(slot, i, false), true
	}
	if u, ok := e.(*ast.UnaryOperationExpr); ok { // the sign may be part of the literal
		if slot, ok := p.cs.slotAt(u.OriginTextPosition()); ok {
			return p.inRow(slot, i, false), true
		}
	}
	o, ok := p.cs.operand(e)
	if !ok {
		return valueAt{}, false
	}
	return p.inRow(o.slot, i, o.negate), true
}

// inRow is a slot as seen from row i.
func (p *planning) inRow(slot, i int, negate bool) valueAt {
	if i >= len(p.st.Rows) {
		return valueAt{literal: slot, negate: negate}
	}
	return valueAt{literal: int(p.st.Slots[slot].First - p.st.Rows[i].FirstLiteral), negate: negate}
}

func (p *planning) insertTemplate(ins *insertPlan, target *source) error {
	p.plan.insert = ins
	ins.ref = p.ref(target)
	t, err := p.splice(target)
	if err != nil {
		return err
	}
	p.plan.Kind = KindInsert
	p.plan.template = t
	p.plan.Reason = "each row goes to the shard of its " + target.table.Key
	if err := p.replaceFunctions(nil); err != nil {
		return err
	}
	if n := len(p.st.Rows); n > 1 {
		b := rewrite.ExtendTemplate(p.st, &p.plan.template)
		start, end := int(p.st.Rows[0].Start), int(p.st.Rows[n-1].End)
		if b.Touches(start, end) {
			return unknownValue(refuse("functions of the session or qualified names in the rows of an INSERT", target.table, "put their value into the statement"))
		}
		b.Replace(start, end, rewrite.PieceRows, 0, "")
		if p.plan.template, err = b.Template(); err != nil {
			return unproven(err)
		}
		ins.split = true
	}
	return nil
}

// rowTemplate is the entry of row i.
func (ins *insertPlan) rowTemplate(i int) *insertRow {
	if i < len(ins.rows) {
		return &ins.rows[i]
	}
	return &ins.rows[0]
}

// in is the literal that v means in a row.
func (v valueAt) in(st *fingerprint.Statement, row int) fingerprint.Literal {
	if row >= len(st.Rows) {
		return st.Literals[st.Slots[v.literal].First]
	}
	return st.Literals[int(st.Rows[row].FirstLiteral)+v.literal]
}
