package router

// loaddata.go: LOAD DATA. A file of the client's is passed to the one server that has the whole table. For tables in
// several places the session cuts it into lines; what it needs for that is planned here: how lines are made, where in a
// line the shard key is, and the text with which a server takes a part of the lines.

import (
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// Load is a LOAD DATA LOCAL into a table in several places.
type Load struct {
	Table *Table
	// What cuts the file: separators, a byte or -1 for none.
	FieldTerm, LineTerm, LineStart []byte
	Enclosed, Escaped              int
	Charset                        string // of the file; "": that of the current database
	Skip                           uint64 // IGNORE n LINES
	Fields                         int    // how many fields of a line are read
	// Key is the field that holds the shard key, -1: a literal does.
	Key     int
	literal valueAt
	// Variable is the user variable that the key's field goes through, "": none.
	Variable string
	// Ignores: rows that cannot be stored as they are, are changed or left out, with a warning.
	Ignores  bool
	template rewrite.Template

	// Auto is the AUTO_INCREMENT column, nil when there is none. AutoField is the field that holds it, -1: Serval puts it in
	// front of each line, and into the list of columns.
	Auto      *Column
	AutoField int
}

func (p *planning) loadData(s *ast.LoadDataStmt) error {
	if s.FileLocRef != ast.FileLocClient {
		return refuse("LOAD DATA without LOCAL", nil, "the file would be one of a server's; use LOAD DATA LOCAL INFILE")
	}
	name := s.Table.Schema.O
	if name == "" {
		name = p.db
	}
	d, err := p.database(name)
	if err != nil {
		return err
	}
	t := d.Tables[s.Table.Name.O]
	if t == nil && d.Hidden[s.Table.Name.O] {
		return refuse("a table of the name '"+s.Table.Name.O+"'", nil, "the servers have a shard of that name")
	}
	p.uses = functionsOf(s)
	if u := p.uses; u.subquery || u.session != "" || len(u.locks) > 0 || u.strange != "" || u.setsID {
		return refuse("subqueries and such functions in LOAD DATA", nil, "load the columns, and work the values out afterwards")
	}
	p.text = newSplicer(p.st)
	p.userVariables()
	p.plan.Verb, p.plan.File, p.plan.UsesTime = VerbInsert, true, p.uses.usesTime
	if t == nil || t.Kind == Unsharded {
		return p.loadWhole(s, t)
	}
	if len(t.Lookups) > 0 || t.LookupOf != nil {
		return refuse("LOAD DATA into a table with lookup indexes", t, "insert the rows: INSERT keeps the indexes")
	}
	return p.loadParts(s, t)
}

// loadWhole has the file pass to the one group that has the table.
func (p *planning) loadWhole(s *ast.LoadDataStmt, t *Table) error {
	d, err := p.schemaDatabase(s.Table)
	if err != nil {
		return err
	}
	group := d.DefaultGroup
	if t != nil {
		group = t.Shards[0].Group
	}
	p.assignFields(s)
	p.plan.Kind, p.plan.Groups = KindGroup, []string{group}
	p.plan.InsertID, p.plan.Named = InsertIDAsk, nil // it changes no schema
	p.plan.Reason = "the table is whole in the group"
	return p.replaceFunctions(nil)
}

// assignFields notes the user variables that take fields.
func (p *planning) assignFields(s *ast.LoadDataStmt) {
	for _, c := range s.ColumnsAndUserVars {
		if c.UserVar != nil {
			p.plan.Users.assign(c.UserVar.Name)
		}
	}
}

// loadParts plans a load into a table in several places.
func (p *planning) loadParts(s *ast.LoadDataStmt, t *Table) error {
	if err := p.mayLoadParts(s, t); err != nil {
		return err
	}
	p.assignFields(s)
	l := &Load{Table: t, Charset: loadCharset(s), Key: -1, literal: valueAt{literal: -1}, Fields: len(s.ColumnsAndUserVars)}
	l.Ignores = s.OnDuplicate != ast.OnDuplicateKeyHandlingReplace
	if s.IgnoreLines != nil {
		l.Skip = *s.IgnoreLines
	}
	l.separators(s, p.st.Mode)
	columns := s.ColumnsAndUserVars
	if len(columns) == 0 { // said, so that a column that is added meanwhile moves nothing
		for _, c := range visibleColumns(t) {
			columns = append(columns, &ast.ColumnNameOrUserVar{ColumnName: &ast.ColumnName{Name: ast.NewCIStr(c)}})
		}
		l.Fields = len(columns)
	}
	if t.Kind == Sharded {
		if err := p.loadKey(l, s, columns); err != nil {
			return err
		}
		p.plan.Sharded = t
	}
	if err := l.numbers(s, columns); err != nil {
		return err
	}
	if err := p.loadTemplate(l, s, columns); err != nil {
		return err
	}
	p.rename(t)
	p.plan.Kind, p.plan.Own, p.plan.Load = KindBroadcast, true, l
	p.plan.Steps, p.plan.AlwaysSteps = StepsLoad, true
	p.plan.Reason = "each line goes to the shard of its " + t.Key
	if t.Kind == Broadcast {
		p.plan.Reason = "every line goes to every copy"
	}
	for _, sh := range t.Shards {
		if !contains(p.plan.Groups, sh.Group) {
			p.plan.Groups = append(p.plan.Groups, sh.Group)
		}
	}
	return nil
}

// mayLoadParts refuses what would not come out as on one server.
func (p *planning) mayLoadParts(s *ast.LoadDataStmt, t *Table) error {
	for _, c := range s.ColumnsAndUserVars {
		if c.ColumnName != nil && c.ColumnName.Table.O != "" {
			return refuse("qualified columns in LOAD DATA", t, "write the columns without the table's name")
		}
	}
	for _, a := range s.ColumnAssignments {
		if a.Column.Table.O != "" {
			return refuse("qualified columns in LOAD DATA", t, "write the columns without the table's name")
		}
	}
	const later = "load the columns, and work the values out afterwards"
	switch u := p.uses; {
	case len(t.Columns) == 0:
		return refuse("LOAD DATA while the columns are not known", t, "its shards could not be read when the catalog was made; see the log")
	case p.st.Executable:
		return refuse("executable comments (/*! … */)", t, "write the statement without the comment")
	case len(p.plan.Users.Assigned) > 0:
		return refuse("the assignment of user variables in the SET of LOAD DATA", t, "%s", later)
	case u.unsafe != "":
		return refuse(u.unsafe+" in LOAD DATA", t, "%s", later)
	case t.Kind == Broadcast && (len(u.replaced) > 0 || u.sysVar):
		return refuse("functions of the session in LOAD DATA into a broadcast table", t, "%s", later)
	case s.Format != nil || len(s.Options) > 0 || s.FieldsInfo != nil && s.FieldsInfo.DefinedNullBy != nil:
		return refuse("these options of LOAD DATA", t, "MySQL and MariaDB do not have them")
	}
	return nil
}

// loadCharset is what CHARACTER SET says.
func loadCharset(s *ast.LoadDataStmt) string {
	if s.Charset == nil {
		return ""
	}
	return strings.ToLower(*s.Charset)
}

// separators reads FIELDS and LINES.
func (l *Load) separators(s *ast.LoadDataStmt, mode fingerprint.Mode) {
	l.FieldTerm, l.LineTerm, l.Enclosed, l.Escaped = []byte("\t"), []byte("\n"), -1, '\\'
	if mode&fingerprint.NoBackslashEscapes != 0 {
		l.Escaped = -1
	}
	if f := s.FieldsInfo; f != nil {
		if f.Terminated != nil {
			l.FieldTerm = []byte(*f.Terminated)
		}
		if f.Enclosed != nil {
			l.Enclosed = byteOrNone(*f.Enclosed)
		}
		if f.Escaped != nil {
			l.Escaped = byteOrNone(*f.Escaped)
		}
	}
	if n := s.LinesInfo; n != nil {
		if n.Starting != nil {
			l.LineStart = []byte(*n.Starting)
		}
		if n.Terminated != nil {
			l.LineTerm = []byte(*n.Terminated)
		}
	}
}

func byteOrNone(s string) int {
	if s == "" {
		return -1
	}
	return int(s[0])
}

// visibleColumns are what a server reads into when no columns are named.
func visibleColumns(t *Table) (names []string) {
	for i := range t.Columns {
		if !t.Columns[i].Invisible {
			names = append(names, t.Columns[i].Name)
		}
	}
	return names
}

// loadKey finds where a line has its shard key: SET counts before the list.
func (p *planning) loadKey(l *Load, s *ast.LoadDataStmt, columns []*ast.ColumnNameOrUserVar) error {
	t := l.Table
	variable := ""
	for _, a := range s.ColumnAssignments {
		if !strings.EqualFold(a.Column.Name.O, t.Key) {
			continue
		}
		if v, ok := a.Expr.(*ast.VariableExpr); ok && !v.IsSystem && v.Value == nil {
			variable = v.Name
			continue
		}
		o, ok := p.cs.operand(a.Expr)
		if !ok {
			return refuse("an expression as the shard key "+t.Key+" in LOAD DATA", t, "SET it to a literal or to a @variable of the column list, or put the value into the file")
		}
		l.literal = valueAt{literal: o.slot, negate: o.negate}
		return nil
	}
	for i, c := range columns {
		if variable != "" && c.UserVar != nil && strings.EqualFold(c.UserVar.Name, variable) || variable == "" && c.ColumnName != nil && strings.EqualFold(c.ColumnName.Name.O, t.Key) {
			l.Key = i // of a name that comes twice the last one counts
		}
	}
	switch {
	case l.Key >= 0:
		l.Variable = variable
		return nil
	case variable == "" && autoIncrement(t) != nil && autoIncrement(t) == t.KeyColumn(): // Serval makes it
		return nil
	case variable != "":
		return refuse("the shard key "+t.Key+" from a user variable that is not in the column list", t, "SET it to a literal or to a @variable of the column list")
	}
	return refuse("LOAD DATA without the shard key "+t.Key, t, "name it in the column list, or SET it to a literal")
}

// loadTemplate makes the text for one place: the table's name is another, no lines are ignored, the columns are named.
func (p *planning) loadTemplate(l *Load, s *ast.LoadDataStmt, columns []*ast.ColumnNameOrUserVar) error {
	at, err := findLoad(p.text.tokens)
	if err != nil {
		return unproven(err)
	}
	b := rewrite.NewBuilder(p.st)
	p.plan.refs = []*Table{l.Table}
	b.Replace(at.table[0], at.table[1], rewrite.PieceTable, 0, "")
	if s.IgnoreLines != nil {
		b.Remove(at.ignore[0], at.ignore[1])
	}
	front := l.Auto != nil && l.AutoField < 0
	switch {
	case len(s.ColumnsAndUserVars) > 0 && front:
		b.Insert(at.list[0]+1, rewrite.Quote(l.Auto.Name)+", ")
	case len(s.ColumnsAndUserVars) == 0:
		var names []string
		if front {
			names = append(names, rewrite.Quote(l.Auto.Name))
		}
		for _, c := range columns {
			names = append(names, rewrite.Quote(c.ColumnName.Name.O))
		}
		list := " (" + strings.Join(names, ", ") + ") "
		if at.list[1] > at.list[0] {
			b.Replace(at.list[0], at.list[1], rewrite.PieceText, 0, list)
		} else {
			b.Insert(at.list[0], list)
		}
	}
	if p.plan.template, err = b.Template(); err != nil {
		return unproven(err)
	}
	if front {
		columns = append([]*ast.ColumnNameOrUserVar{{ColumnName: &ast.ColumnName{Name: ast.NewCIStr(l.Auto.Name)}}}, columns...)
	}
	if err := p.proveLoad(l, s, columns); err != nil {
		return unproven(err)
	}
	if err := p.replaceFunctions(nil); err != nil {
		return err
	}
	l.template = p.plan.template
	return nil
}

// proveLoad parses what was spliced: it must be the statement with the same changes made in the tree.
func (p *planning) proveLoad(l *Load, s *ast.LoadDataStmt, columns []*ast.ColumnNameOrUserVar) error {
	s.Table.Schema, s.Table.Name = ast.NewCIStr(l.Table.Shards[0].Database), ast.NewCIStr(l.Table.Shards[0].Table)
	s.IgnoreLines, s.ColumnsAndUserVars = nil, columns
	want, err := restore(s)
	if err != nil {
		return err
	}
	got, err := p.parser.parse(string(p.plan.template.Render(nil, p.st, &rewrite.Arguments{Targets: p.someTargets()})), p.st.Mode)
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

// loadPlaces are parts of a LOAD DATA, as offsets of its text.
type loadPlaces struct{ table, ignore, list [2]int }

// findLoad finds them: LOAD DATA … INTO TABLE name … [IGNORE n LINES] [(columns)] [SET …].
func findLoad(tk *rewrite.Tokens) (at loadPlaces, err error) {
	i := 0
	for i < len(tk.List) && !(tk.Is(i, "into") && tk.Is(i+1, "table")) {
		i++
	}
	if i += 2; !tk.IsName(i) {
		return at, fmt.Errorf("the place of the table in the statement was not found")
	}
	first := i
	if tk.Is(i+1, ".") && tk.IsName(i+2) {
		i += 2
	}
	at.table = [2]int{tk.List[first].Start, tk.List[i].End}
	end := tk.List[len(tk.List)-1].End
	if tk.Is(len(tk.List)-1, ";") {
		end = tk.List[len(tk.List)-1].Start
	}
	at.list = [2]int{end, end}
	for i++; i < len(tk.List); i++ {
		switch {
		case tk.Is(i, "ignore") && i+2 < len(tk.List):
			at.ignore = [2]int{tk.List[i].Start, tk.List[i+2].End}
		case tk.Is(i, "("):
			at.list = [2]int{tk.List[i].Start, tk.List[i].Start}
			if tk.Is(i+1, ")") {
				at.list[1] = tk.List[i+1].End
			}
			return at, nil
		case tk.Is(i, "set") && !tk.Is(i-1, "character"):
			at.list = [2]int{tk.List[i].Start, tk.List[i].Start}
			return at, nil
		}
	}
	return at, nil
}

// SQL appends the statement with which a server takes lines for one place of the table. charset is said when the client
// has not.
func (l *Load) SQL(dst []byte, place int, charset string, st *fingerprint.Statement, args *rewrite.Arguments) []byte {
	target := l.Table.target(place)
	if l.Charset == "" {
		target.Full += " CHARACTER SET " + charset
	}
	args.Targets = []rewrite.Target{target}
	return l.template.Render(dst, st, args)
}

// FromLiteral tells whether a literal is the shard key of all lines.
func (l *Load) FromLiteral() bool { return l.literal.literal >= 0 }

// LoadLiteral is the shard for all lines when the key is a literal.
func (r *Route) LoadLiteral(l *Load, st *fingerprint.Statement) (int, error) {
	r.ev.table, r.ev.key = l.Table, l.Table.KeyColumn()
	v := r.ev.value(st.Literals[st.Slots[l.literal.literal].First], l.literal.negate)
	key, err := AppendKeyForInsert(r.ev.folded[:0], r.ev.key, v)
	r.ev.fold(key)
	if err != nil {
		return 0, err
	}
	return l.Table.Algorithm.Shard(key)
}

// LoadField is what a line has for a key.
type LoadField struct {
	Text          []byte // in UTF-8, or the bytes of a binary column
	Null, Missing bool
}

// LineShard is the shard of a line by its field. Values that the server changes while it stores them have the key that
// they are changed to, where that is certain; room is memory for the work.
func (l *Load) LineShard(f LoadField, room []byte) (int, error) {
	col := l.Table.KeyColumn()
	if col == nil {
		return 0, keyError("the shard key's column is not known yet: its servers have not been read")
	}
	v := Value{Kind: ValueString, Text: f.Text}
	empty := f.Null && !col.Nullable || f.Missing && !col.Nullable && !col.HasDefault // the type's own default is stored
	switch {
	case f.Missing && !empty:
		return 0, unmapped(col, "a line that is too short to have it", "give every line a value")
	case f.Null && !empty:
		v = Value{Kind: ValueNull}
	}
	if kind, err := keyKind(col); err == nil && kind == KeyInteger && (empty || !f.Null && len(f.Text) == 0) {
		v.Text = []byte("0")
	} else if empty {
		v.Text = nil
	}
	key, err := AppendKeyForInsert(room[:0], col, v)
	if err != nil {
		return 0, err
	}
	return l.Table.Algorithm.Shard(key)
}
