package router

// program.go: CALL, and the definitions of procedures, functions, triggers, events and views. They live in the default
// group of their database, and their text names tables as that server knows them: one that names a table which is not
// whole there is refused, whatever the name means in it.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// Procedure is the procedure of a CALL: its physical database and its name.
type Procedure struct{ Database, Physical, Name string }

// call plans CALL.
func (p *planning) call(s *ast.CallStmt) error {
	u := &functionUse{}
	for _, a := range s.Procedure.Args {
		a.Accept(u)
	}
	p.uses, p.text, p.scope = u, newSplicer(p.st), &scope{cat: p.cat, db: p.db}
	name := s.Procedure.Schema.O
	if name == "" {
		name = p.db
	}
	d, err := p.database(name)
	if err != nil {
		return err
	}
	switch {
	case u.subquery:
		return refuse("CALL with a subquery", nil, "ask for the value first")
	case u.session != "" || len(u.locks) > 0 || u.setsID || len(u.schemas) > 0:
		return refuse("such functions as arguments of CALL", nil, "ask for the value first")
	}
	p.plan.Users, p.plan.Calls = argumentVariables(p.text.tokens), true
	b := rewrite.NewBuilder(p.st)
	if s.Procedure.Schema.O == "" {
		p.plan.DefaultDB = d.Physical
	} else if tk := p.text.tokens; d.Physical != d.Name && tk.Is(2, ".") {
		b.Replace(tk.List[1].Start, tk.List[2].Start, rewrite.PieceText, 0, rewrite.Quote(d.Physical))
	}
	if p.plan.template, err = b.Template(); err != nil {
		return unproven(err)
	}
	if d.Physical != d.Name { // which tables its results are from is not known
		p.rename(&Table{Database: d.Name, Shards: []Shard{{Group: d.DefaultGroup, Database: d.Physical}}})
	}
	p.plan.Verb, p.plan.InsertID = VerbCall, InsertIDAsk
	p.plan.Procedure = &Procedure{d.Name, d.Physical, s.Procedure.FnName.O}
	p.plan.Kind, p.plan.Groups, p.plan.Reason = KindGroup, []string{d.DefaultGroup}, "the default group of the procedure's database"
	return p.replaceFunctions(nil)
}

// argumentVariables are the user variables of a CALL: each may stand for an OUT parameter.
func argumentVariables(tk *rewrite.Tokens) (u UserVariables) {
	for i := range tk.List {
		if isUserVariable(tk, i) {
			u.Named = true
			u.assign(userVariable(tk, i))
		}
	}
	return u
}

// programKinds are what CREATE, ALTER and DROP may be about here. Views are dropped like tables.
var programKinds = wordSet("procedure function trigger event view")

// programKind finds the word that says what CREATE, ALTER or DROP is about, behind DEFINER and the like; -1 when the
// statement is about something else.
func programKind(tk *rewrite.Tokens) int {
	if !tk.Is(0, "create") && !tk.Is(0, "alter") && !tk.Is(0, "drop") {
		return -1
	}
	for i := 1; i < len(tk.List) && i < 24; i++ {
		switch w := tk.Word(i); {
		case programKinds[w] && !(w == "view" && tk.Is(0, "drop")):
			return i
		case w == "table" || w == "index" || w == "user" || w == "database" || w == "schema" || w == "temporary" || w == "(":
			if w == "(" { // DEFINER = CURRENT_USER()
				continue
			}
			return -1
		}
	}
	return -1
}

// program plans such a definition; done is false for other statements.
func (p *planning) program() (done bool, err error) {
	tk := rewrite.Tokenize(p.st)
	kind := programKind(tk)
	if kind < 0 {
		return false, nil
	}
	at := kind + 1
	for tk.Is(at, "if") || tk.Is(at, "not") || tk.Is(at, "exists") {
		at++
	}
	db := p.db
	if tk.Is(at+1, ".") && tk.IsName(at) {
		db = tk.Name(at)
	}
	d, err := p.database(db)
	if err != nil {
		return true, err
	}
	if err := p.namesWhole(tk, d, kind, at); err != nil {
		return true, err
	}
	p.plan.Verb, p.plan.DefaultDB = VerbDDL, d.Physical
	p.plan.Kind, p.plan.Groups, p.plan.Reason = KindGroup, []string{d.DefaultGroup}, "the default group of the database"
	return true, nil
}

// namesWhole refuses a text with the name of a table that is not whole in the database's default group, or of a database
// that is called otherwise there. A view itself has a name among those of tables.
func (p *planning) namesWhole(tk *rewrite.Tokens, d *Database, kind, from int) error {
	for i := from; i < len(tk.List); i++ {
		if !tk.IsName(i) {
			continue
		}
		name := tk.Name(i)
		if tk.List[i].Kind == fingerprint.TokenWord && strings.EqualFold(name, "soname") {
			return refuse("loadable functions", nil, "they belong to the servers")
		}
		if other := p.cat.Databases[name]; other != nil && tk.Is(i+1, ".") && (other.Physical != other.Name || other.DefaultGroup != d.DefaultGroup) {
			return refuse("naming the database '"+name+"' in a stored program or view", nil, "it is called otherwise, or is elsewhere, on the server: USE it and leave it out")
		}
		t := d.Tables[name]
		if t != nil && (i != from || tk.Is(kind, "view")) && (t.Kind != Unsharded || t.Shards[0].Group != d.DefaultGroup || t.Shards[0].Table != t.Name || t.Temporary) {
			return refuse("a stored program or view that names", t, "it would run on one server, where the table is not whole")
		}
	}
	return nil
}

// Compound tells whether a statement's text goes on behind a semicolon: the body of a stored program.
func Compound(st *fingerprint.Statement) bool {
	if !st.Begins("create") && !st.Begins("alter") {
		return false
	}
	tk := rewrite.Tokenize(st)
	kind := programKind(tk)
	if kind < 0 || tk.Is(kind, "view") {
		return false
	}
	for i := kind; i < len(tk.List); i++ {
		switch tk.Word(i) {
		case "begin", "then", "loop", "repeat", "while":
			return true
		}
	}
	return false
}
