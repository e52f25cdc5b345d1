package router

// loaddata.go: LOAD DATA. A file of the client's is passed to the one server that has the whole table; which shard a
// line of it belongs to would show in the file only, which is never looked at.

import "github.com/pingcap/tidb/pkg/parser/ast"

func (p *planning) loadData(s *ast.LoadDataStmt) error {
	if s.FileLocRef != ast.FileLocClient {
		return refuse("LOAD DATA without LOCAL", nil, "the file would be one of a server's; use LOAD DATA LOCAL INFILE")
	}
	d, err := p.schemaDatabase(s.Table)
	if err != nil {
		return err
	}
	group := d.DefaultGroup
	switch t := d.Tables[s.Table.Name.O]; {
	case t == nil && d.Hidden[s.Table.Name.O]:
		return refuse("a table of the name '"+s.Table.Name.O+"'", nil, "the servers have a shard of that name")
	case t == nil:
	case t.Kind != Unsharded:
		return refuse("LOAD DATA", t, "insert the rows: INSERT with several rows is split by the shard key")
	default:
		group = t.Shards[0].Group
	}
	p.uses = functionsOf(s)
	if u := p.uses; u.subquery || u.session != "" || len(u.locks) > 0 || u.strange != "" || u.setsID {
		return refuse("subqueries and such functions in LOAD DATA", nil, "load the columns, and work the values out afterwards")
	}
	p.text = newSplicer(p.st)
	p.userVariables()
	for _, c := range s.ColumnsAndUserVars {
		if c.UserVar != nil {
			p.plan.Users.assign(c.UserVar.Name)
		}
	}
	p.plan.Verb, p.plan.Kind, p.plan.Groups, p.plan.File = VerbInsert, KindGroup, []string{group}, true
	p.plan.InsertID, p.plan.Named = InsertIDAsk, nil // it changes no schema
	p.plan.Reason = "the table is whole in the group"
	return p.replaceFunctions(nil)
}
