package router

// splice.go: the physical SQL of a plan, made from the client's own text. What was spliced is proven by parsing it
// again: the tree must be the original one with the names exchanged, or the statement is refused.

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/format"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// splicer finds the places of names in one statement.
type splicer struct {
	st     *fingerprint.Statement
	tokens *rewrite.Tokens
	refs   []rewrite.TableRef
	quals  []rewrite.Qualified
}

func newSplicer(st *fingerprint.Statement) *splicer {
	s := &splicer{st: st, tokens: rewrite.Tokenize(st)}
	s.refs = s.tokens.Tables()
	s.quals = s.tokens.Qualifiers(s.refs)
	return s
}

// pair gives each source its reference in the text: sources are in the order of the text.
func (s *splicer) pair(sources []*source) (map[*source]*rewrite.TableRef, error) {
	at := make(map[*source]*rewrite.TableRef, len(sources))
	next := 0
	for _, src := range sources {
		for next < len(s.refs) && (s.refs[next].Target || !names(&s.refs[next], src.node)) {
			next++
		}
		if next == len(s.refs) {
			return nil, fmt.Errorf("the place of table %q in the statement was not found", src.node.Name.O)
		}
		at[src] = &s.refs[next]
		next++
	}
	return at, nil
}

func names(r *rewrite.TableRef, n *ast.TableName) bool {
	return r.Name == n.Name.O && r.DB == n.Schema.O
}

// renamed tells whether another table stands in for a source's, under the name that it has in the statement.
func (s *source) renamed() bool {
	return s.gathered || s.table != nil && (s.table.Kind == Sharded || s.table.Kind == Virtual)
}

// virtualNamed tells whether db.table is how a virtual table is called in the statement.
func (p *planning) virtualNamed(db, table string) bool {
	for _, src := range p.scope.sources {
		if src.table != nil && src.table.Kind == Virtual && src.name == table && src.system == SystemDatabase(db) {
			return true
		}
	}
	return false
}

// needsName tells whether a source's table has other names on the servers than the client uses.
func (p *planning) needsName(src *source) bool {
	if src.renamed() {
		return true
	}
	d := p.cat.Databases[src.db]
	return d != nil && src.node.Schema.O != "" && d.Physical != d.Name
}

// splice builds the template that gives the client's text physical names, and the refs it needs. plain: the target of
// the statement may not have an alias (INSERT, REPLACE, DELETE).
func (p *planning) splice(plain *source) (rewrite.Template, error) {
	at, err := p.text.pair(p.scope.sources)
	if err != nil {
		return rewrite.Template{}, unproven(err)
	}
	b := rewrite.NewBuilder(p.st)
	if h := p.head; h != nil {
		b.Replace(h.start, h.end, rewrite.PieceText, 0, h.text)
	}
	for _, src := range p.scope.sources {
		if !p.needsName(src) {
			continue
		}
		if len(src.node.PartitionNames) > 0 && src.renamed() {
			return rewrite.Template{}, refuse("PARTITION selection", src.table, "leave the partitions to the optimizer")
		}
		p.spliceTable(b, at[src], src, src == plain)
	}
	p.spliceQualifiers(b, plain)
	p.spliceTargets(b)
	p.keepNames(b)
	t, err := b.Template()
	if err != nil {
		return t, unproven(err)
	}
	if err := p.prove(&t, plain); err != nil {
		return t, unproven(err)
	}
	return t, nil
}

func unproven(err error) *Refusal {
	return refuse("this way to write table names", nil, "%v; write the statement more plainly", err)
}

func (p *planning) spliceTable(b *rewrite.Builder, r *rewrite.TableRef, src *source, plain bool) {
	if !src.renamed() {
		b.Replace(r.Start, r.NameStart, rewrite.PieceText, 0, rewrite.Quote(p.cat.Databases[src.db].Physical)+".")
		return
	}
	alias := ""
	if !plain && !src.aliased {
		alias = " AS " + rewrite.Quote(src.name)
	}
	b.Replace(r.Start, r.End, rewrite.PieceTable, p.ref(src), alias)
}

// ref is the index of a source's table in the plan's references.
func (p *planning) ref(src *source) int {
	if i, ok := p.refOf[src]; ok {
		return i
	}
	i := len(p.plan.refs)
	p.plan.refs = append(p.plan.refs, src.table)
	p.refOf[src] = i
	return i
}

// spliceQualifiers mends shop.orders.total (the alias is orders) and, for a target without alias, orders.total.
func (p *planning) spliceQualifiers(b *rewrite.Builder, plain *source) {
	for _, q := range p.text.quals {
		switch action := p.qualifier(q.DB, q.Table, plain); action {
		case qualifierTarget:
			b.Replace(q.Start, q.TableEnd, rewrite.PieceName, p.ref(plain), "")
		case qualifierDrop:
			b.Remove(q.Start, q.TableStart)
		case qualifierPhysical:
			b.Replace(q.Start, q.TableStart, rewrite.PieceText, 0, rewrite.Quote(p.cat.Databases[q.DB].Physical)+".")
		}
	}
}

// spliceTargets drops the database of DELETE's target list: the targets are aliases now.
func (p *planning) spliceTargets(b *rewrite.Builder) {
	for _, r := range p.text.refs {
		if r.Target && r.DB != "" && p.qualifier(r.DB, r.Name, nil) == qualifierDrop {
			b.Remove(r.Start, r.NameStart)
		}
	}
}

type qualifierAction uint8

const (
	qualifierKeep qualifierAction = iota
	qualifierDrop
	qualifierPhysical
	qualifierTarget
)

// qualifier decides what becomes of db.table in front of a column.
func (p *planning) qualifier(db, table string, plain *source) qualifierAction {
	if plain != nil && p.needsName(plain) && plain.table.Kind == Sharded && !plain.aliased && table == plain.name && (db == "" || db == plain.db) {
		return qualifierTarget
	}
	d := p.cat.Databases[db]
	if db == "" || d == nil {
		if p.virtualNamed(db, table) {
			return qualifierDrop
		}
		return qualifierKeep
	}
	for _, src := range p.scope.sources {
		if src.db == db && src.name == table && (src.gathered || src.table != nil && src.table.Kind == Sharded) {
			return qualifierDrop
		}
	}
	if t := d.Tables[table]; t != nil && t.Kind == Sharded {
		return qualifierDrop
	}
	if d.Physical != d.Name {
		return qualifierPhysical
	}
	return qualifierKeep
}

// prove renders the template for some targets, parses the outcome, and compares it with the tree in which the same
// names were exchanged.
func (p *planning) prove(t *rewrite.Template, plain *source) error {
	if t.Untouched() {
		return nil
	}
	p.exchange(plain)
	want, err := restore(p.stmt)
	if err != nil {
		return err
	}
	sql := string(t.Render(nil, p.st, &rewrite.Arguments{Targets: p.someTargets()}))
	got, err := p.parser.parse(sql, p.st.Mode)
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

// someTargets are the first shards of all references.
func (p *planning) someTargets() []rewrite.Target {
	targets := make([]rewrite.Target, len(p.plan.refs))
	for i, t := range p.plan.refs {
		targets[i] = t.Shards[0].target()
	}
	return targets
}

func (s Shard) target() rewrite.Target {
	return rewrite.Target{Full: s.Full(), Name: rewrite.Quote(s.Table)}
}

// Full is the table's name with its database, as it stands in statements.
func (s Shard) Full() string { return rewrite.Quote(s.Database) + "." + rewrite.Quote(s.Table) }

// restore prints a tree in one normal form. Literals keep their value.
func restore(n ast.Node) (string, error) {
	var b strings.Builder
	if err := n.Restore(format.NewRestoreCtx(format.DefaultRestoreFlags|format.RestoreStringWithoutDefaultCharset, &b)); err != nil {
		return "", fmt.Errorf("printing a statement: %w", err)
	}
	return b.String(), nil
}

// exchange puts the physical names into the tree, by the same rules as splice but from the tree's side.
func (p *planning) exchange(plain *source) {
	for _, src := range p.scope.sources {
		if !p.needsName(src) {
			continue
		}
		if !src.renamed() {
			src.node.Schema = ast.NewCIStr(p.cat.Databases[src.db].Physical)
			continue
		}
		if src != plain && !src.aliased && src.holder != nil {
			src.holder.AsName = ast.NewCIStr(src.name)
		}
		src.node.Schema = ast.NewCIStr(src.table.Shards[0].Database)
		src.node.Name = ast.NewCIStr(src.table.Shards[0].Table)
	}
	p.stmt.Accept(&exchanger{p, plain})
	for _, f := range p.named {
		f.field.AsName = ast.NewCIStr(string(p.st.Text[f.part.start:f.part.end]))
	}
}

type exchanger struct {
	p     *planning
	plain *source
}

func (x *exchanger) Enter(n ast.Node) (ast.Node, bool) {
	switch c := n.(type) {
	case *ast.ColumnName:
		x.qualifier(&c.Schema, &c.Table)
	case *ast.SelectField:
		if c.WildCard != nil {
			x.qualifier(&c.WildCard.Schema, &c.WildCard.Table)
		}
	case *ast.DeleteTableList:
		for _, t := range c.Tables {
			if x.p.qualifier(t.Schema.O, t.Name.O, nil) == qualifierDrop {
				t.Schema = ast.NewCIStr("")
			}
		}
		return n, true
	}
	return n, false
}

func (x *exchanger) qualifier(schema, table *ast.CIStr) {
	if table.O == "" {
		return
	}
	switch x.p.qualifier(schema.O, table.O, x.plain) {
	case qualifierTarget:
		*schema = ast.NewCIStr("")
		*table = ast.NewCIStr(x.plain.table.Shards[0].Table)
	case qualifierDrop:
		*schema = ast.NewCIStr("")
	case qualifierPhysical:
		*schema = ast.NewCIStr(x.p.cat.Databases[schema.O].Physical)
	}
}

func (x *exchanger) Leave(n ast.Node) (ast.Node, bool) { return n, true }
