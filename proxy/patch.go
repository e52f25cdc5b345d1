package proxy

// patch.go: what of a relayed answer belongs to the session: logical names in column definitions and error texts,
// the session's status flags.

import (
	"bytes"
	"strings"

	"serval/proxy/wire"
	"serval/router"
)

// patcher implements wire.Patcher for the statement that the session carries out.
type patcher struct {
	session *session
	plan    *router.Plan
	ok      wire.OK // the last OK that passed, for the session's bookkeeping
	column  wire.Column
	failed  wire.Error // the last error that passed
}

// Column exchanges the physical schema and table for the logical ones.
func (p *patcher) Column(dst, def []byte) []byte {
	if len(p.plan.Renames) == 0 {
		return append(dst, def...)
	}
	if err := wire.ParseColumn(def, &p.column); err != nil || len(p.column.OrgTable) == 0 {
		return append(dst, def...)
	}
	t := p.logical(p.column.Schema, p.column.OrgTable)
	if t == nil {
		return append(dst, def...)
	}
	if bytes.Equal(p.column.Table, p.column.OrgTable) {
		p.column.Table = []byte(t.Name)
	}
	p.column.Schema, p.column.OrgTable = []byte(t.Database), []byte(t.Name)
	return wire.AppendColumn(dst, &p.column)
}

// logical finds the table that has a shard of this name.
func (p *patcher) logical(schema, table []byte) *router.Table {
	for _, r := range p.plan.Renames {
		for i := range r.Table.Shards {
			s := &r.Table.Shards[i]
			if string(table) == s.Table && string(schema) == s.Database {
				return r.Table
			}
		}
	}
	return nil
}

// Status implements wire.Patcher.
func (p *patcher) Status(backend uint16) uint16 {
	flags := p.session.status(backend)
	return flags | backend&wire.StatusMoreResultsExists
}

// OK implements wire.Patcher.
func (p *patcher) OK(ok *wire.OK) {
	p.ok = *ok
	p.ok.Info = nil
}

// Error implements wire.Patcher.
func (p *patcher) Error(e *wire.Error) {
	p.names(e)
	p.failed = *e
	p.session.srv.metrics.Error(e.Code)
}

// names exchanges physical names in an error's text.
func (p *patcher) names(e *wire.Error) { e.Message = p.text(e.Code, e.Message) }

// text exchanges physical names in an error or warning. Only names where MySQL puts them (between quotes, backticks
// or dots) are touched; of a duplicate entry only what follows the user's value.
func (p *patcher) text(code uint16, text string) string {
	if len(p.plan.Renames) == 0 {
		return text
	}
	head := ""
	if code == 1062 || code == 1586 {
		if at := strings.LastIndex(text, " for key "); at >= 0 {
			head, text = text[:at], text[at:]
		}
	}
	for _, r := range p.plan.Renames {
		text = logicalNames(text, r.Table)
	}
	return head + text
}

func logicalNames(text string, t *router.Table) string {
	for i := range t.Shards {
		s := &t.Shards[i]
		if !strings.Contains(text, s.Table) {
			continue
		}
		text = strings.NewReplacer(
			"`"+s.Database+"`.`"+s.Table+"`", "`"+t.Database+"`.`"+t.Name+"`",
			"'"+s.Database+"."+s.Table+"'", "'"+t.Database+"."+t.Name+"'",
			"'"+s.Database+"."+s.Table+".", "'"+t.Database+"."+t.Name+".",
			"'"+s.Table+".", "'"+t.Name+".",
			"'"+s.Table+"'", "'"+t.Name+"'",
			"`"+s.Table+"`", "`"+t.Name+"`",
		).Replace(text)
	}
	return text
}
