package router

// tablelocks.go: LOCK TABLES, UNLOCK TABLES, HANDLER and FLUSH TABLES, read from their tokens. They work on tables that
// are whole in one group: the locks and the position of a HANDLER are on one server's connection.

import (
	"strings"

	"serval/rewrite"
)

// TableLock says what a statement does with LOCK TABLES or with tables at large.
type TableLock uint8

// The kinds.
const (
	NoTableLock TableLock = iota
	LockTables
	UnlockTables
	FlushAll // FLUSH TABLES without a list
)

// Handler is a HANDLER statement.
type Handler struct {
	Alias string // in lower case
	Verb  string // "open", "read" or "close"
	Table *Table // OPEN
}

// tableStatement plans these statements; done is false for others.
func (p *planning) tableStatement() (done bool, err error) {
	tk := rewrite.Tokenize(p.st)
	switch {
	case tk.Is(0, "lock") && (tk.Is(1, "tables") || tk.Is(1, "table")):
		return true, p.lockTables(tk)
	case tk.Is(0, "unlock") && (tk.Is(1, "tables") || tk.Is(1, "table")) && len(tk.List) == 2:
		p.plan.Kind, p.plan.TableLock, p.plan.Reason = KindSession, UnlockTables, "the session answers"
		return true, nil
	case tk.Is(0, "handler"):
		return true, p.handler(tk)
	case tk.Is(0, "flush"):
		return p.flush(tk)
	}
	return false, nil
}

// whole is the one group of tables that are named in a statement, with the physical names spliced in.
type whole struct {
	p      *planning
	groups []string // that have all tables so far
	b      *rewrite.Builder
	tables []*Table
}

// table reads a name at token i and gives the token behind it.
func (w *whole) table(tk *rewrite.Tokens, i int, what string) (int, error) {
	p := w.p
	if !tk.IsName(i) {
		return 0, unproven(errNoName)
	}
	db, last := p.db, i
	if tk.Is(i+1, ".") && tk.IsName(i+2) {
		db, last = tk.Name(i), i+2
	}
	d, err := p.database(db)
	if err != nil {
		return 0, err
	}
	name := tk.Name(last)
	t := d.Tables[name]
	switch {
	case t == nil && d.Hidden[name]:
		return 0, &NoSuchTable{d.Name, name}
	case t == nil: // the default group says that it does not exist
		t = &Table{Database: d.Name, Name: name, Shards: []Shard{{d.DefaultGroup, d.Physical, name}}}
	case t.Kind == Sharded:
		return 0, refuse(what, t, "its shards are on several connections; use a transaction with SELECT … FOR UPDATE, or a named lock")
	}
	if last == i {
		p.plan.DefaultDB = d.Physical
	} else if d.Physical != d.Name {
		w.b.Replace(tk.List[i].Start, tk.List[last].Start, rewrite.PieceText, 0, rewrite.Quote(d.Physical)+".")
	}
	var in []string
	for _, s := range t.Shards {
		if w.groups == nil || contains(w.groups, s.Group) {
			in = append(in, s.Group)
		}
	}
	if len(in) == 0 {
		return 0, refuse(what+" over tables in different groups", t, "one group at a time")
	}
	w.groups = in
	w.tables = append(w.tables, t)
	if d.Physical != d.Name {
		p.rename(t)
	}
	return last + 1, nil
}

type noName struct{}

func (noName) Error() string { return "a table's name was expected" }

var errNoName error = noName{}

// plan makes the plan of what was read.
func (w *whole) plan(reason string) error {
	t, err := w.b.Template()
	if err != nil {
		return unproven(err)
	}
	w.p.plan.template = t
	w.p.plan.Kind, w.p.plan.Groups, w.p.plan.Reason = KindGroup, w.groups[:1], reason
	return nil
}

// lockTables reads LOCK TABLES name [[AS] alias] {READ [LOCAL] | [LOW_PRIORITY] WRITE}, …
func (p *planning) lockTables(tk *rewrite.Tokens) error {
	w := &whole{p: p, b: rewrite.NewBuilder(p.st)}
	for i := 2; ; i++ {
		next, err := w.table(tk, i, "LOCK TABLES")
		if err != nil {
			return err
		}
		for ; next < len(tk.List) && !tk.Is(next, ","); next++ {
			if t := w.tables[len(w.tables)-1]; tk.Is(next, "write") && t.Kind == Broadcast {
				return refuse("LOCK TABLES … WRITE", t, "its copies are in several groups")
			}
		}
		if i = next; next >= len(tk.List) {
			break
		}
	}
	p.plan.TableLock = LockTables
	return w.plan("tables are locked on the session's own connection")
}

// handler reads HANDLER name OPEN [[AS] alias], HANDLER alias READ …, HANDLER alias CLOSE.
func (p *planning) handler(tk *rewrite.Tokens) error {
	last := 1
	if tk.Is(2, ".") {
		last = 3
	}
	h := &Handler{Verb: tk.Word(last + 1)}
	if !tk.IsName(last) || h.Verb != "open" && h.Verb != "read" && h.Verb != "close" {
		return refuse("this form of HANDLER", nil, "HANDLER … OPEN, READ and CLOSE work")
	}
	h.Alias = strings.ToLower(tk.Name(last))
	p.plan.Handler = h
	if h.Verb != "open" {
		p.plan.Verb, p.plan.Kind, p.plan.Reason = VerbShow, KindGroup, "the connection on which it was opened"
		p.plan.Groups = p.cat.Groups[:1]
		return nil
	}
	w := &whole{p: p, b: rewrite.NewBuilder(p.st)}
	if _, err := w.table(tk, 1, "HANDLER"); err != nil {
		return err
	}
	h.Table = w.tables[0]
	if n := len(tk.List) - 1; n > last+1 && tk.IsName(n) {
		h.Alias = strings.ToLower(tk.Name(n))
	}
	return w.plan("an open HANDLER is on the session's own connection")
}

// flush reads FLUSH [NO_WRITE_TO_BINLOG | LOCAL] TABLES [name, …].
func (p *planning) flush(tk *rewrite.Tokens) (done bool, err error) {
	at := 1
	if tk.Is(at, "no_write_to_binlog") || tk.Is(at, "local") {
		at++
	}
	if !tk.Is(at, "tables") && !tk.Is(at, "table") {
		return false, nil
	}
	if n := len(tk.List); tk.Is(n-1, "lock") || tk.Is(n-1, "export") {
		return true, refuse("FLUSH TABLES WITH READ LOCK and FOR EXPORT", nil, "there is no one server to be held: use START TRANSACTION WITH CONSISTENT SNAPSHOT")
	}
	if at++; at == len(tk.List) {
		p.plan.Kind, p.plan.TableLock, p.plan.Reason = KindSession, FlushAll, "every group is asked"
		return true, nil
	}
	w := &whole{p: p, b: rewrite.NewBuilder(p.st)}
	for ; ; at++ {
		if at, err = w.table(tk, at, "FLUSH TABLES"); err != nil {
			return true, err
		}
		if at >= len(tk.List) {
			break
		}
	}
	p.plan.Verb = VerbDDL // commits
	return true, w.plan("the tables are whole in the group")
}
