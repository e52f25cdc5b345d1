// Package schemaview makes the rows of system tables (information_schema and a few others) as one server would have them:
// logical names, a sharded table once, sizes and row counts summed over its shards, nothing that the user may not see.
// It reads the physical rows from the servers, each statement anew, and knows nothing of clients and statements.
package schemaview

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"serval/proxy/backend"
	"serval/router"
)

// View is what one user sees, for one statement.
type View struct {
	Catalog *router.Catalog
	Seen    func(database string) bool // tells whether the user may see a logical database
	Systems []string                   // the system databases that everybody sees
	Query   func(group, sql string) ([]backend.Row, error)
	Grantee string      // 'app'@'%'
	User    string      // app
	Process []Process   // the processes that the user may see
	Session []Attribute // what the client said of itself when it connected
	ID      uint32      // of the connection
}

// Process is a row of PROCESSLIST.
type Process struct {
	ID           uint64
	User, Host   string
	Database     *string
	Command      string
	Seconds      int64
	State, Info  *string
	Milliseconds int64
}

// Attribute is a connection attribute.
type Attribute struct{ Name, Value string }

// Rows gives the rows of a system table, with its columns in the order of shape. Rows of which databases and tables (nil:
// all) say that they do not matter may be left out.
func (v *View) Rows(shape *Shape, databases, tables []string) ([]backend.Row, error) {
	r := &reading{View: v, shape: shape, only: only{databases, tables}}
	r.places = newPlaces(v.Catalog, func(d string) bool { return v.Seen(d) && may(databases, d) })
	if s, ok := specs(shape.Table); ok && shape.Database == router.InformationSchema {
		r.spec = s
		return r.rows()
	}
	return v.own(shape), nil
}

// reading is the work on one table.
type reading struct {
	*View
	shape  *Shape
	spec   spec
	only   only
	places *places
}

// item is a row with what it belongs to.
type item struct {
	database, table string
	row             backend.Row
}

func (r *reading) rows() ([]backend.Row, error) {
	items, err := r.system()
	if err != nil {
		return nil, err
	}
	for _, g := range r.places.groups {
		found, err := r.group(g)
		if err != nil {
			return nil, err
		}
		items = append(items, found...)
	}
	items = r.merge(items)
	r.sort(items)
	rows := make([]backend.Row, len(items))
	for i := range items {
		rows[i] = items[i].row
	}
	return rows, nil
}

// read asks a group. With owner, an expression, its value stands at the end of each row.
func (r *reading) read(group, condition, owner string) ([]backend.Row, error) {
	var list []string
	for _, c := range r.shape.Columns {
		list = append(list, "x.`"+c.Name+"`")
	}
	if owner != "" {
		list = append(list, owner)
	}
	return r.Query(group, fmt.Sprintf("SELECT %s FROM information_schema.`%s` x WHERE %s", strings.Join(list, ", "), r.shape.Table, condition))
}

// system gives the rows about system databases, which are the same on every server.
func (r *reading) system() ([]item, error) {
	var wanted []string
	for _, d := range r.Systems {
		if may(r.only.databases, d) && r.Catalog.Databases[d] == nil {
			wanted = append(wanted, d)
		}
	}
	if len(wanted) == 0 || len(r.places.groups) == 0 {
		return nil, nil
	}
	condition := "x." + r.spec.schema + " IN (" + quoted(wanted) + ")"
	if r.spec.table != "" && r.spec.owner == "" && r.only.tables != nil {
		condition += " AND x." + r.spec.table + " IN (" + quoted(slices.Clone(r.only.tables)) + ")"
	}
	rows, err := r.read(r.places.groups[0], condition, "")
	if err != nil {
		return nil, err
	}
	items := make([]item, len(rows))
	for i, row := range rows {
		items[i] = item{r.text(row, r.spec.schema), r.text(row, r.spec.table), row}
	}
	return items, nil
}

// group gives the rows of one group under their logical names; of tables that it has copies or shards of, several.
func (r *reading) group(group string) ([]item, error) {
	owner, table := "", ""
	if r.spec.table != "" {
		table = "x." + r.spec.table
		if r.at(r.spec.table) < 0 { // CHECK_CONSTRAINTS of MySQL do not say whose they are
			owner, table = r.spec.owner, r.spec.owner
		}
	}
	condition := r.places.condition(group, "x."+r.spec.schema, table, r.spec.every, r.only)
	if condition == "" {
		return nil, nil
	}
	rows, err := r.read(group, condition, owner)
	if err != nil {
		return nil, err
	}
	var items []item
	for _, row := range rows {
		it, ok := r.logical(group, row, owner != "")
		if ok {
			items = append(items, it)
		}
	}
	return items, nil
}

// logical exchanges the names in a row; false when clients do not see what it is about. owned: the last value is the
// name of the table.
func (r *reading) logical(group string, row backend.Row, owned bool) (item, bool) {
	schema := r.text(row, r.spec.schema)
	if r.spec.table == "" {
		database, ok := r.places.database(group, schema)
		if ok {
			r.exchange(group, row, database, "", "")
		}
		return item{database, "", row}, ok
	}
	physical := r.text(row, r.spec.table)
	if owned {
		physical = string(row[len(row)-1])
		row = row[:len(row)-1]
	}
	database, table, shard, ok := r.places.find(place{group, schema, physical})
	if !ok || shard > 0 && !r.spec.every {
		return item{}, false
	}
	if o := r.places.tables[place{group, schema, physical}]; shard > 0 && o.table.Kind != router.Sharded {
		return item{}, false // another copy of a broadcast table
	}
	r.exchange(group, row, database, physical, table)
	it := item{database, table, row}
	if shard > 0 {
		it.table += "\x00" // comes behind the first shard's
	}
	return it, true
}

// exchange puts the logical names into a row.
func (r *reading) exchange(group string, row backend.Row, database, physical, table string) {
	for _, pair := range r.spec.also {
		r.exchangePair(group, row, pair)
	}
	r.set(row, r.spec.schema, database)
	for _, name := range r.spec.schemas {
		r.set(row, name, database)
	}
	if r.spec.table != "" {
		r.set(row, r.spec.table, table)
	}
	for _, name := range r.spec.names {
		r.set(row, name, constraint(r.text(row, name), physical, table))
	}
	for _, name := range r.spec.texts {
		r.set(row, name, r.places.definition(group, r.text(row, name)))
	}
}

// exchangePair puts logical names in place of those of another table that a row names.
func (r *reading) exchangePair(group string, row backend.Row, pair [2]string) {
	schema := r.text(row, pair[0])
	if pair[1] != "" {
		if d, t, _, ok := r.places.find(place{group, schema, r.text(row, pair[1])}); ok {
			r.set(row, pair[0], d)
			r.set(row, pair[1], t)
			return
		}
	}
	if d, ok := r.places.database(group, schema); ok {
		r.set(row, pair[0], d)
	}
}

// at is a column's index, -1 when the table has none of this name.
func (r *reading) at(name string) int { return r.shape.At(name) }

// text is a value, "" for NULL and for columns that the table does not have.
func (r *reading) text(row backend.Row, name string) string {
	if i := r.at(name); i >= 0 {
		return string(row[i])
	}
	return ""
}

// set changes a value that is not NULL.
func (r *reading) set(row backend.Row, name, value string) {
	if i := r.at(name); i >= 0 && row[i] != nil {
		row[i] = []byte(value)
	}
}

// sort brings the rows into the order of names, those of one table into the order of its numbers.
func (r *reading) sort(items []item) {
	sort.SliceStable(items, func(i, j int) bool {
		x, y := &items[i], &items[j]
		if x.database != y.database {
			return x.database < y.database
		}
		if x.table != y.table {
			return x.table < y.table
		}
		for _, name := range r.spec.order {
			if a, b := number(x.row[r.at(name)]), number(y.row[r.at(name)]); a != b {
				return a < b
			}
		}
		return false
	})
}

// number reads a count; NULL is 0.
func number(value []byte) uint64 {
	n, err := strconv.ParseUint(string(value), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
