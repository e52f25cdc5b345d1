package router

// temporary.go: CREATE and DROP TEMPORARY TABLE. A temporary table lives in one group: the default one of its database, or
// that of the tables that it is made from. Once it is there, the session plans with a catalog that has it, as a table
// whole in its group; nothing else in this package knows of it.

import (
	"fmt"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
)

func (p *planning) createTemporary(s *ast.CreateTableStmt) error {
	p.plan.Verb, p.plan.Temporary = VerbTemporary, true
	d, err := p.schemaDatabase(s.Table)
	if err != nil {
		return err
	}
	if p.hidesShard(d, s.Table.Name.O) {
		return refuse("a temporary table of the name '"+s.Table.Name.O+"'", nil, "the servers have a shard of that name, which it would hide")
	}
	switch {
	case s.Select != nil:
		return p.createSelect(s, d)
	case s.ReferTable != nil:
		return p.createLike(s, d)
	}
	p.temporaryPlan([]string{d.DefaultGroup}, d, s.Table)
	return nil
}

// hidesShard tells whether a table of that name in a database's physical one would hide a shard from its own session.
func (p *planning) hidesShard(d *Database, name string) bool {
	for _, other := range p.cat.Databases {
		for _, t := range other.Tables {
			if t.Kind != Sharded {
				continue
			}
			for _, s := range t.Shards {
				if s.Database == d.Physical && s.Table == name {
					return true
				}
			}
		}
	}
	return d.Hidden[name]
}

// temporaryPlan is the plan for one of the groups, where a table of that name is already if there is one.
func (p *planning) temporaryPlan(groups []string, d *Database, n *ast.TableName) {
	p.plan.Kind = KindGroup
	p.plan.Groups, p.plan.Anywhere = p.homeGroup(groups, d), false
	p.plan.Reason = "a temporary table, on the session's own connection"
}

// homeGroup is the database's default group when it is one of the groups, else the first of them.
func (p *planning) homeGroup(groups []string, d *Database) []string {
	if contains(groups, d.DefaultGroup) {
		return []string{d.DefaultGroup}
	}
	return groups[:1]
}

// createSelect is CREATE TEMPORARY TABLE … SELECT: one group, or one shard, must have all that is read.
func (p *planning) createSelect(s *ast.CreateTableStmt, d *Database) error {
	if err := p.analyse(); err != nil {
		return err
	}
	if p.uses.setsID {
		return refuse("LAST_INSERT_ID(expression) in CREATE TABLE … SELECT", nil, "use it in an INSERT or UPDATE")
	}
	p.plan.FromSelect = true
	p.scope.query(s.Select, nil, nil, nil)
	l, err := p.layout()
	if err != nil {
		return err
	}
	p.plan.DefaultDB = d.Physical
	switch {
	case len(p.scope.sources) > 0 && len(l.sharded) == 0 && len(l.groups) == 0:
		return p.differentGroups(l)
	case len(l.sharded) == 0:
		if len(p.scope.sources) == 0 {
			l.groups = []string{d.DefaultGroup}
		}
		if err := p.groupPlan(l.groups, nil, ""); err != nil {
			return err
		}
		p.temporaryPlan(l.groups, d, s.Table)
		return nil
	}
	t := p.plan.Sharded
	p.plan.scatterRefusal = refuse("CREATE TEMPORARY TABLE … SELECT over several shards", t, "give %s one value, or create the table and insert the rows", t.Key)
	if err := p.shardsPlan(l, nil); err != nil {
		return err
	}
	return p.replaceFunctions(nil)
}

// createLike is CREATE TEMPORARY TABLE … LIKE a table of any kind.
func (p *planning) createLike(s *ast.CreateTableStmt, d *Database) error {
	refer := s.ReferTable
	name := refer.Schema.O
	if name == "" {
		name = p.db
	}
	from, err := p.database(name)
	if err != nil {
		return err
	}
	t := from.Tables[refer.Name.O]
	if t == nil {
		if from.Hidden[refer.Name.O] {
			return &NoSuchTable{name, refer.Name.O}
		}
		t = &Table{Database: name, Name: refer.Name.O, Shards: []Shard{{from.DefaultGroup, from.Physical, refer.Name.O}}}
	}
	var groups []string
	for _, place := range t.Shards {
		groups = append(groups, place.Group)
	}
	p.temporaryPlan(groups, d, s.Table)
	if t.Name == s.Table.Name.O && from == d { // an error, in the server's words
		p.plan.Groups = []string{d.DefaultGroup}
		return nil
	}
	if from.Tables[refer.Name.O] != nil {
		p.rename(t)
	}
	return p.spliceLike(s, t)
}

// spliceLike puts the physical name of a table in the group in the place of the one behind LIKE.
func (p *planning) spliceLike(s *ast.CreateTableStmt, t *Table) error {
	place, _ := t.In(p.plan.Groups[0])
	tk := rewrite.Tokenize(p.st)
	for i := range tk.List {
		if !tk.Is(i, "like") || !tk.IsName(i+1) {
			continue
		}
		last := i + 1
		if tk.Is(i+2, ".") {
			last = i + 3
		}
		if tk.Name(last) != s.ReferTable.Name.O {
			continue
		}
		b := rewrite.NewBuilder(p.st)
		b.Replace(tk.List[i+1].Start, tk.List[last].End, rewrite.PieceText, 0, place.target().Full)
		template, err := b.Template()
		if err != nil {
			return unproven(err)
		}
		p.plan.template = template
		s.ReferTable.Schema, s.ReferTable.Name = ast.NewCIStr(place.Database), ast.NewCIStr(place.Table)
		if err := p.proveText(&template); err != nil {
			return unproven(err)
		}
		return nil
	}
	return unproven(fmt.Errorf("the table behind LIKE was not found"))
}

// proveText compares a spliced statement with the tree, in which the same names were exchanged already.
func (p *planning) proveText(t *rewrite.Template) error {
	want, err := restore(p.stmt)
	if err != nil {
		return err
	}
	got, err := p.parser.parse(string(t.Render(nil, p.st, &rewrite.Arguments{})), p.st.Mode)
	if err != nil {
		return fmt.Errorf("the spliced statement does not parse: %w", err)
	}
	have, err := restore(got)
	if err != nil {
		return err
	}
	if have != want {
		return fmt.Errorf("the spliced statement is not the original with other names")
	}
	return nil
}

// dropTemporary is DROP TEMPORARY TABLE. Tables that are not temporary are named to the default group, which says so.
func (p *planning) dropTemporary(s *ast.DropTableStmt) error {
	p.plan.Verb = VerbTemporary
	var groups []string
	var home string
	for _, n := range s.Tables {
		d, err := p.schemaDatabase(n)
		if err != nil {
			return err
		}
		home = d.DefaultGroup
		if t := d.Tables[n.Name.O]; t != nil && t.Temporary && !contains(groups, t.Shards[0].Group) {
			groups = append(groups, t.Shards[0].Group)
		}
	}
	switch {
	case len(groups) == 0:
		groups = []string{home}
	case len(groups) > 1:
		return refuse("DROP TEMPORARY TABLE of tables in different groups", nil, "drop them one by one")
	}
	p.plan.Kind, p.plan.Groups, p.plan.Reason = KindGroup, groups, "temporary tables are on the session's own connection"
	return nil
}
