package proxy

// patch.go: what of a relayed answer belongs to the session: logical names in column definitions and error texts,
// the session's status flags.

import (
	"bytes"
	"strings"

	"serval/proxy/transcode"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/router"
)

// patcher implements wire.Patcher for the statement that the session carries out.
type patcher struct {
	session *session
	plan    *router.Plan
	column  wire.Column
	failed  wire.Error // the last error that passed
	index   int        // of the column definition that comes next

	own      []wire.Column // definitions in place of all that come; nil for none
	standIns []standIn     // temporary tables that stand for system tables

	info     uint64 // the first number in an OK packet's info: rows matched, records
	explains bool   // the statement is an EXPLAIN

	elsewhere bool // the statement does not run on the transaction's connection, which there is
	unaliased bool // tables stand under their physical names in the statement: a result's table is not an alias
}

// start prepares for the answers of a statement.
func (p *patcher) start(plan *router.Plan) {
	p.plan, p.index, p.unaliased, p.elsewhere, p.standIns, p.own = plan, 0, plan.Returning, false, p.standIns[:0], nil
	p.info, p.explains = 0, plan.Explains
}

// Column exchanges the physical schema and table for the logical ones.
func (p *patcher) Column(dst, def []byte) []byte {
	p.index++
	if p.index <= len(p.own) {
		return p.session.appendColumn(dst, p.own[p.index-1])
	}
	if len(p.plan.Renames) == 0 && len(p.plan.Typed) == 0 && len(p.standIns) == 0 {
		return append(dst, def...)
	}
	if err := wire.ParseColumn(def, &p.column); err != nil {
		return append(dst, def...)
	}
	p.session.decodeColumn(&p.column)
	for _, typed := range p.plan.Typed {
		if typed.Column == p.index-1 {
			p.session.functionType(&p.column, typed.Piece)
			return p.session.appendColumn(dst, p.column)
		}
	}
	if len(p.column.OrgTable) == 0 { // of a view's expression the database is told all the same
		return p.schemaOnly(dst, def)
	}
	for _, s := range p.standIns {
		if s.shape != nil && string(p.column.OrgTable) == s.name && s.shape.Patch(&p.column, p.session.state.resultBytes()) {
			return p.session.appendColumn(dst, p.column)
		}
	}
	if p.gatheredColumn(&p.column) {
		return p.session.appendColumn(dst, p.column)
	}
	if len(p.standIns) > 0 && p.plan.Anywhere && p.derivedSystem(&p.column) {
		return wire.AppendColumn(dst, &p.column)
	}
	t := p.logical(p.column.Schema, p.column.OrgTable)
	if t == nil {
		return p.schemaOnly(dst, def)
	}
	if p.unaliased && bytes.Equal(p.column.Table, p.column.OrgTable) {
		p.column.Table = []byte(t.Name)
	}
	p.column.OrgTable = []byte(t.Name)
	if len(p.column.Schema) > 0 { // of a materialised table there is none
		p.column.Schema = []byte(t.Database)
	}
	return p.session.appendColumn(dst, p.column)
}

// derivedSystem says of a column of a derived table that it is in the database of the system tables that the derived
// table reads; false for columns without a database. The statement names no other tables.
func (p *patcher) derivedSystem(column *wire.Column) bool {
	if string(column.Schema) != p.standIns[0].database {
		return false
	}
	column.Schema = []byte(p.standIns[0].shape.Database)
	column.Flags |= wire.FlagNoDefaultValue
	for _, s := range p.standIns {
		s.shape.Fit(column, p.session.state.resultBytes())
	}
	return true
}

// schemaOnly exchanges the database of a column whose table has no name of ours: a derived table is said to be in the
// database of what it is derived from.
func (p *patcher) schemaOnly(dst, def []byte) []byte {
	for _, s := range p.standIns {
		if s.table != nil && s.database == string(p.column.Schema) {
			p.column.Schema = []byte(s.table.Database)
			return p.session.appendColumn(dst, p.column)
		}
	}
	for _, r := range p.plan.Renames {
		for i := range r.Table.Shards {
			if string(p.column.Schema) == r.Table.Shards[i].Database {
				p.column.Schema = []byte(r.Table.Database)
				return p.session.appendColumn(dst, p.column)
			}
		}
	}
	return append(dst, def...)
}

// functionType gives a column the type of the function whose value stands in it as a literal.
func (c *session) functionType(col *wire.Column, piece rewrite.Piece) {
	const charactersOfName = 64
	bytesOfCharacter := c.state.resultBytes()
	switch piece {
	case rewrite.PieceLastInsertID:
		col.Type, col.Length = wire.TypeLongLong, 21
	case rewrite.PieceRowCount, rewrite.PieceFoundRows:
		col.Type, col.Length = wire.TypeLongLong, 21
	case rewrite.PieceConnectionID:
		col.Type, col.Length, col.Flags = wire.TypeLongLong, 21, col.Flags|wire.FlagUnsigned
		if c.known.flavor.mariadb {
			col.Type, col.Length = wire.TypeLong, 10
		}
	case rewrite.PieceDatabase:
		col.Length, col.Flags = charactersOfName*bytesOfCharacter, col.Flags&^(wire.FlagNotNull|wire.FlagBinary)
		c.systemCharset(col)
	case rewrite.PieceUser, rewrite.PieceAccount:
		col.Length, col.Flags = 288*bytesOfCharacter, col.Flags&^(wire.FlagNotNull|wire.FlagBinary)
		if c.known.flavor.mariadb {
			col.Length = 384 * bytesOfCharacter
		}
		c.systemCharset(col)
	}
}

// systemCharset gives a name's column the character set in which servers keep names, where results are not converted.
func (c *session) systemCharset(col *wire.Column) {
	if r := c.state.sets.results; r == "null" || r == "" {
		col.Charset = wire.CollationUTF8GeneralCI
	}
}

// logical finds the table that has a shard of this name.
func (p *patcher) logical(schema, table []byte) *router.Table {
	for _, r := range p.plan.Renames {
		for i := range r.Table.Shards {
			s := &r.Table.Shards[i]
			if string(table) == s.Table && (string(schema) == s.Database || len(schema) == 0) {
				return r.Table
			}
		}
	}
	return nil
}

// Status implements wire.Patcher.
func (p *patcher) Status(backend uint16) uint16 {
	own := backend
	if p.elsewhere { // the transaction is on another connection, whose flags count
		own = p.session.txn.branches[0].flags | backend&^inTransaction
	}
	flags := p.session.status(own)
	if p.plan.Procedure != nil { // it may have begun a transaction, or ended one
		flags = flags&^inTransaction | backend&inTransaction
	}
	return flags | backend&(wire.StatusMoreResultsExists|wire.StatusPSOutParams)
}

// OK implements wire.Patcher.
func (p *patcher) OK(ok *wire.OK) {
	p.info = infoNumbers(ok.Info)[0]
	p.session.numbersDone(ok)
	p.session.trackWritten(ok)
}

// AsksForFile implements wire.FileAsker.
func (p *patcher) AsksForFile() bool { return p.plan.File }

// Error implements wire.Patcher.
func (p *patcher) Error(e *wire.Error) {
	p.names(e)
	p.failed = *e
	p.session.srv.metrics.Error(e.Code)
}

// names exchanges physical names in an error's text, and the error of a deadlock's victim for what it is.
func (p *patcher) names(e *wire.Error) {
	p.session.asVictim(e)
	if e.Code == codeNoSuchTable && p.copyGone(e.Message) {
		*e = *protocolError(codeQueryInterrupted, "70100", "Query execution was interrupted")
	}
	p.session.asReopened(e)
	p.session.asOverdue(e)
	if !e.FromServer || transcode.ASCII(e.Message) || p.session.resultTable() == nil {
		e.Message = p.text(e.Code, e.Message)
		return
	}
	e.Message = p.session.toResults(p.text(e.Code, p.session.fromResults(e.Message)))
}

// copyGone tells whether an error is that a temporary table of Serval's own is not there: a KILL has ended its making, of which
// MariaDB says nothing at times.
func (p *patcher) copyGone(message string) bool {
	for _, s := range p.standIns {
		if strings.Contains(message, "."+s.name+"'") {
			return true
		}
	}
	return false
}

// text exchanges physical names in an error or warning. Only names where MySQL puts them (between quotes, backticks
// or dots) are touched; of a duplicate entry only what follows the user's value.
func (p *patcher) text(code uint16, text string) string {
	head := ""
	if holdsValue(code) {
		at := strings.LastIndex(text, " for column ")
		if at < 0 {
			return text
		}
		head, text = text[:at], text[at:]
	}
	if code == 1062 || code == 1586 {
		if at := strings.LastIndex(text, " for key "); at >= 0 {
			head, text = text[:at], text[at:]
		}
	}
	if namesConstraint(code) {
		text = logicalConstraints(text, p.session.known.catalog, p.near())
	}
	if p.plan != nil { // nil: a session statement's warning before any statement was planned
		for _, r := range p.plan.Renames {
			text = logicalNames(text, r.Table)
		}
	}
	text = logicalDatabases(text, p.session.known.catalog)
	if code == codeBadTable { // a list of names
		for _, d := range p.session.known.catalog.Databases {
			text = strings.ReplaceAll(text, ","+d.Physical+".", ","+d.Name+".")
		}
	}
	return head + text
}

// near is a table of the statement, nil when it has none of a name of its own on the servers.
func (p *patcher) near() *router.Table {
	if p.plan == nil || len(p.plan.Renames) == 0 {
		return nil
	}
	return p.plan.Renames[0].Table
}

// logicalDatabases exchanges the names of databases that are called otherwise on the servers, where a table or
// function is named with its database.
func logicalDatabases(text string, cat *router.Catalog) string {
	for _, d := range cat.Databases {
		if d.Physical == d.Name || !strings.Contains(text, d.Physical) {
			continue
		}
		text = strings.NewReplacer(`"`+d.Physical+`".`, `"`+d.Name+`".`, "'"+d.Physical+".", "'"+d.Name+".", "`"+d.Physical+"`.", "`"+d.Name+"`.",
			"FUNCTION "+d.Physical+".", "FUNCTION "+d.Name+".", "PROCEDURE "+d.Physical+".", "PROCEDURE "+d.Name+".",
			"'"+d.Physical+"'", "'"+d.Name+"'").Replace(text)
	}
	return text
}

// holdsValue tells whether an error's text quotes a value of the user's, which may look like a name.
func holdsValue(code uint16) bool {
	switch code {
	case 1264, 1265, 1292, 1366, 1367, 1411:
		return true
	}
	return false
}

func logicalNames(text string, t *router.Table) string {
	for i := range t.Shards {
		s := &t.Shards[i]
		if s.Table != t.Name && strings.Contains(text, s.Table) || s.Database != t.Database && strings.Contains(text, s.Database) {
			text = strings.NewReplacer(
				"`"+s.Database+"`.`"+s.Table+"`", "`"+t.Database+"`.`"+t.Name+"`",
				"'"+s.Database+"."+s.Table+"'", "'"+t.Database+"."+t.Name+"'",
				"'"+s.Database+"."+s.Table+".", "'"+t.Database+"."+t.Name+".",
				`"`+s.Database+`"."`+s.Table+`"`, `"`+t.Database+`"."`+t.Name+`"`,
				`"`+s.Database+`".`, `"`+t.Database+`".`,
				"'"+s.Database+".", "'"+t.Database+".",
				"`"+s.Database+"`.", "`"+t.Database+"`.", // followed by an alias
				"FUNCTION "+s.Database+".", "FUNCTION "+t.Database+".",
				"'"+s.Table+".", "'"+t.Name+".",
				"'"+s.Table+"'", "'"+t.Name+"'",
				"`"+s.Table+"`", "`"+t.Name+"`",
			).Replace(text)
		}
	}
	return text
}
