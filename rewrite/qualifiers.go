package rewrite

// qualifiers.go: dotted names that are columns with their qualifiers: orders.total, shop.orders.total, shop.orders.*.

// Qualified is a dotted name outside of the places where tables are named.
type Qualified struct {
	DB, Table            string // DB is "" for table.column
	Start                int    // of the first part
	TableStart, TableEnd int
	Rest                 int // start of what follows the table's dot: the column, or *
}

// Qualifiers finds the dotted names of the statement. refs are the table references found by Tables.
// With two parts a db.function( is told from a column by its parenthesis.
func (tk *Tokens) Qualifiers(refs []TableRef) []Qualified {
	isRef := make(map[int]bool, len(refs))
	for _, r := range refs {
		isRef[r.First] = true
	}
	var found []Qualified
	for i := 0; i < len(tk.List); i++ {
		if !tk.IsName(i) || !tk.Is(i+1, ".") || tk.Is(i-1, ".") {
			continue
		}
		if isRef[i] {
			i += 2
			continue
		}
		q, last := tk.qualified(i)
		if !tk.Is(last+1, "(") {
			found = append(found, q)
		}
		i = last
	}
	return found
}

// qualified reads the dotted name at token i, which a dot follows.
func (tk *Tokens) qualified(i int) (q Qualified, last int) {
	q.Start = tk.List[i].Start
	table := i
	if tk.IsName(i+2) && tk.Is(i+3, ".") {
		q.DB, table = tk.Name(i), i+2
	}
	q.Table = tk.Name(table)
	q.TableStart, q.TableEnd = tk.List[table].Start, tk.List[table].End
	last = table + 2
	q.Rest = len(tk.Text)
	if last < len(tk.List) {
		q.Rest = tk.List[last].Start
	}
	return q, last
}
