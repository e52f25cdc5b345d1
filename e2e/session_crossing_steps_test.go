package e2e

// session_crossing_steps_test.go: what the clients of the crossing test do. A step changes the session and the model in
// the same way, or asks whether they agree; false gives the session up.

import (
	"fmt"
	"strings"

	"serval/e2e/raw"
)

// crossStep is one kind of step; percent is how readily it is taken when it was drawn.
type crossStep struct {
	percent int
	run     func(*crossClient) bool
}

var crossSteps = []crossStep{
	{100, (*crossClient).checkVars}, {60, (*crossClient).checkMeaning}, {60, (*crossClient).checkPlace},
	{100, (*crossClient).checkRows}, {30, (*crossClient).checkWarnings}, {30, (*crossClient).checkLastID},
	{100, (*crossClient).setVars}, {40, (*crossClient).setNames}, {40, (*crossClient).use},
	{60, (*crossClient).write}, {40, (*crossClient).start}, {90, (*crossClient).finish},
	{15, (*crossClient).manual}, {30, (*crossClient).insertID}, {4, (*crossClient).quit}, {4, (*crossClient).cut},
	{60, (*crossClient).checkOwn}, {60, (*crossClient).setOwn},
	{30, (*crossClient).temporary}, {30, (*crossClient).noTemporary},
	{30, (*crossClient).lock}, {15, (*crossClient).nextReadOnly},
	{40, (*crossClient).namedStatement}, {60, (*crossClient).handle},
	{30, (*crossClient).foundRows}, {6, (*crossClient).reset}, {6, (*crossClient).changeUser},
}

func (c *crossClient) quit() bool { c.leave(false); return true }
func (c *crossClient) cut() bool  { c.leave(true); return true }

// setVars sets one to three variables in one statement.
func (c *crossClient) setVars() bool {
	var parts []string
	values := map[string]string{}
	for range 1 + c.r.IntN(3) {
		v := c.x.vars[c.r.IntN(len(c.x.vars))]
		if _, again := values[v.name]; again || c.m.open && strings.HasPrefix(v.name, "t") && v.name != "time_zone" {
			continue
		}
		c.n++
		sql, want := v.value(c.id, c.n)
		if c.r.IntN(5) == 0 {
			sql, want = "DEFAULT", c.x.byDefault[v.name]
		}
		form := []string{"%s = %s", "@@%s = %s", "SESSION %s = %s", "@@SESSION.%s = %s", "LOCAL %s := %s"}[c.r.IntN(5)]
		if strings.HasPrefix(v.name, "t") && v.name != "time_zone" {
			form = "SESSION %s = %s" // @@transaction_isolation is that of the next transaction only
		}
		parts, values[v.name] = append(parts, fmt.Sprintf(form, v.name, sql)), want
	}
	if len(parts) == 0 {
		return true
	}
	if !c.do("SET " + strings.Join(parts, ", ")) {
		return false
	}
	for name, want := range values {
		c.m.vars[name] = want
	}
	return true
}

func (c *crossClient) setNames() bool {
	n := crossNames[c.r.IntN(len(crossNames))]
	if c.m.named != "" && n[0] != c.m.names["character_set_client"] { // Serval refuses its strings under another character set
		if !c.do("DEALLOCATE PREPARE mine") {
			return false
		}
		c.m.named = ""
	}
	if !c.do("SET NAMES " + n[0] + " COLLATE " + n[1]) {
		return false
	}
	c.m.names = map[string]string{"character_set_client": n[0], "character_set_connection": n[0], "character_set_results": n[0], "collation_connection": n[1]}
	return true
}

func (c *crossClient) use() bool {
	db := []string{"sbtest", "other"}[c.r.IntN(2)]
	if c.r.IntN(2) == 0 {
		if !c.do("USE " + db) {
			return false
		}
	} else {
		c.note("COM_INIT_DB " + db)
		a, err := c.conn.Command(2, db)
		if err != nil || a.Kind == raw.Error {
			return c.fail("COM_INIT_DB: %+v %v", a, err)
		}
		c.m.status = a.Status
	}
	c.m.db = db
	return true
}

// checkPlace asks for the database in two ways.
func (c *crossClient) checkPlace() bool {
	if c.r.IntN(2) == 0 || !c.free(c.groupOfDB()) || !c.m.autocommit && !c.pin() {
		return c.sees("SELECT DATABASE()", c.m.db)
	}
	c.touched(c.groupOfDB())
	return c.sees("SELECT label, DATABASE() FROM place", c.m.db+"/"+c.m.db)
}

// checkRows reads one row, or several of them.
func (c *crossClient) checkRows() bool {
	if !c.m.autocommit && !c.pin() {
		return true
	}
	id, group := c.row()
	c.touched(group)
	if c.m.open || c.r.IntN(3) > 0 {
		return c.sees(fmt.Sprintf("SELECT v FROM sbtest.kv WHERE id = %d", id), c.value(id))
	}
	first := rowID(c.id, 0)
	var want []string
	for i := range int64(rowsEach) {
		want = append(want, c.value(first+i))
	}
	return c.sees(fmt.Sprintf("SELECT v FROM sbtest.kv WHERE id BETWEEN %d AND %d ORDER BY id", first, first+rowsEach-1), want...)
}

// write changes one of the client's rows.
func (c *crossClient) write() bool {
	if !c.m.autocommit && !c.pin() {
		return true
	}
	id, group := c.row()
	v := c.mine()
	sql := fmt.Sprintf("UPDATE sbtest.kv SET v = '%s' WHERE id = %d", v, id)
	if !c.m.open && c.m.nextReadOnly {
		return true // whether it is a transaction of its own that is read only is left to the servers
	}
	c.touched(group)
	if c.m.readOnly {
		return c.errs(sql, 1792)
	}
	return c.do(sql) && c.wrote(id, v)
}

func (c *crossClient) wrote(id int64, v string) bool {
	if c.m.open {
		c.m.dirty[id] = v
	} else {
		c.rows[id] = v
	}
	return true
}

// start begins a transaction, which ends an open one.
func (c *crossClient) start() bool {
	if c.m.open || !c.pin() {
		return true
	}
	how := c.r.IntN(4)
	if !c.do([]string{"BEGIN", "START TRANSACTION", "START TRANSACTION READ ONLY", "START TRANSACTION READ WRITE"}[how]) {
		return false
	}
	c.m.open, c.m.readOnly = true, how == 2 || how < 2 && c.m.nextReadOnly
	c.m.nextReadOnly = false
	return true
}

// finish lets go of what keeps a connection.
func (c *crossClient) finish() bool {
	switch {
	case c.m.open && c.r.IntN(2) == 0:
		if !c.do("COMMIT") {
			return false
		}
		c.ended(true)
	case c.m.open:
		if !c.do("ROLLBACK") {
			return false
		}
		c.ended(false)
	case !c.m.autocommit:
		if !c.do("SET autocommit = 1") {
			return false
		}
		c.m.autocommit = true
		c.unpin()
	case c.m.temp && c.r.IntN(3) == 0:
		return c.dropTemporary()
	case c.m.lock != "":
		return c.lock()
	}
	return true
}

// manual turns autocommit off.
func (c *crossClient) manual() bool {
	if c.m.open || !c.m.autocommit || !c.pin() {
		return true
	}
	c.m.autocommit = false
	return c.do("SET autocommit = 0")
}

// insertID makes an id on an unsharded table.
func (c *crossClient) insertID() bool {
	if c.m.readOnly || c.m.nextReadOnly || !c.free(0) || !c.m.autocommit && !c.pin() {
		return true
	}
	c.touched(0)
	a := c.ask(fmt.Sprintf("INSERT INTO sbtest.ids (label) VALUES ('%s')", c.mine()))
	if a == nil || !c.works("INSERT", a) {
		return false
	}
	c.m.lastID = fmt.Sprint(a.LastInsertID)
	return c.sees("SELECT ROW_COUNT()", "1") && c.checkLastID()
}

func (c *crossClient) checkLastID() bool {
	return c.sees("SELECT LAST_INSERT_ID()"+c.somewhere(), c.m.lastID)
}

// checkWarnings makes a warning with a text of its own and asks for it.
func (c *crossClient) checkWarnings() bool {
	v := c.mine()
	if !c.do("SELECT CAST('" + v + "' AS SIGNED)") {
		return false
	}
	return c.sees("SHOW WARNINGS", "Warning/1292/Truncated incorrect INTEGER value: '"+v+"'")
}

func (c *crossClient) setOwn() bool {
	name := []string{"a", "b", "c"}[c.r.IntN(3)]
	v := c.mine()
	sql := "SET @" + name + " = '" + v + "'"
	if c.r.IntN(4) == 0 {
		sql = "SELECT '" + v + "' INTO @" + name
	}
	c.m.own[name] = v
	return c.do(sql)
}

func (c *crossClient) foundRows() bool {
	if !c.m.autocommit || c.m.open {
		return true
	}
	first := rowID(c.id, 0)
	n := c.r.Int64N(rowsEach)
	return c.do(fmt.Sprintf("SELECT v FROM sbtest.kv WHERE id BETWEEN %d AND %d ORDER BY id", first, first+n)) &&
		c.sees("SELECT FOUND_ROWS()", fmt.Sprint(n+1))
}

// nextReadOnly makes the next transaction read only.
func (c *crossClient) nextReadOnly() bool {
	if c.m.open || !c.m.autocommit {
		return true
	}
	c.m.nextReadOnly = true
	if !c.pin() { // only where the transaction can follow at once
		c.m.nextReadOnly = false
		return true
	}
	return c.do("SET TRANSACTION READ ONLY") && c.start()
}
