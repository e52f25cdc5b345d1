package e2e

// session_crossing_held_test.go: steps about what a session holds on a server: temporary tables, locks, prepared
// statements; and the resets that take it all.

import (
	"fmt"

	"serval/e2e/raw"
)

// temporary makes a temporary table, or uses the one that there is.
func (c *crossClient) temporary() bool {
	if c.m.open || !c.m.autocommit || c.m.temp && c.m.db != c.m.tempDB || !c.pin() {
		return true
	}
	switch {
	case !c.m.temp:
		if !c.do("CREATE TEMPORARY TABLE tt (v VARCHAR(40))") {
			return false
		}
		c.m.temp, c.m.tempDB, c.m.tempRow = true, c.m.db, nil
		return true
	case c.r.IntN(2) == 0:
		v := c.mine()
		if !c.do("INSERT INTO tt VALUES ('" + v + "')") {
			return false
		}
		c.m.tempRow = append(c.m.tempRow, v)
	}
	return c.sees("SELECT v FROM tt ORDER BY LENGTH(v), v", c.m.tempRow...)
}

func (c *crossClient) dropTemporary() bool {
	if c.m.open || !c.do("DROP TEMPORARY TABLE "+c.m.tempDB+".tt") {
		return !c.m.open
	}
	c.m.temp = false
	c.unpin()
	return true
}

// noTemporary looks for a temporary table that the session does not have.
func (c *crossClient) noTemporary() bool {
	if c.m.open || !c.m.autocommit || c.m.temp && c.m.db == c.m.tempDB {
		return true
	}
	return c.errs("SELECT v FROM tt", 1146)
}

// lock takes a named lock, or gives the one back that is held.
func (c *crossClient) lock() bool {
	if c.m.lock != "" {
		if !c.sees("SELECT RELEASE_LOCK('"+c.m.lock+"')", "1") {
			return false
		}
		c.m.lock = ""
		c.unpin()
		return true
	}
	if c.m.open || !c.m.autocommit || !c.pin() {
		return true
	}
	c.m.lock = c.mine()
	return c.sees("SELECT GET_LOCK('"+c.m.lock+"', 0)", "1")
}

// namedStatement prepares, executes or deallocates a statement by name.
func (c *crossClient) namedStatement() bool {
	switch {
	case c.m.named == "":
		v := c.mine()
		// Not a string: one is refused under another character set than at PREPARE.
		if !c.do(fmt.Sprintf("PREPARE mine FROM 'SELECT x''%x'''", v)) {
			return false
		}
		c.m.named = v
	case c.r.IntN(3) == 0:
		if !c.do("DEALLOCATE PREPARE mine") {
			return false
		}
		c.m.named = ""
		return c.errs("EXECUTE mine", 1243)
	}
	return c.sees("EXECUTE mine", c.m.named)
}

// crossPrepared are the statements that clients prepare: what they give is in handle.
var crossPrepared = []string{
	"SELECT ?, CONNECTION_ID()",
	"SELECT v FROM sbtest.kv WHERE id = ?",
	"SELECT @@SESSION.group_concat_max_len, ?",
	"UPDATE sbtest.kv SET v = ? WHERE id = ?",
}

// handle prepares a statement, executes one that was prepared earlier, or closes it.
func (c *crossClient) handle() bool {
	if c.m.gone != nil && c.r.IntN(4) == 0 {
		stmt := c.m.gone
		c.m.gone = nil
		return c.execute(stmt, "of a handle that is gone", true, raw.BigInt(1))
	}
	if len(c.m.handles) < 4 && c.r.IntN(3) == 0 || len(c.m.handles) == 0 {
		kind := c.r.IntN(len(crossPrepared))
		if kind == 3 && (c.m.readOnly || c.m.nextReadOnly) {
			return true // servers do not even prepare it
		}
		c.note("prepare " + crossPrepared[kind])
		stmt, a, err := c.conn.Prepare(crossPrepared[kind])
		if err != nil || a != nil {
			return c.fail("prepare %s: %+v %v", crossPrepared[kind], a, err)
		}
		c.m.handles = append(c.m.handles, crossHandle{stmt, kind})
	}
	i := c.r.IntN(len(c.m.handles))
	h := c.m.handles[i]
	if c.r.IntN(8) == 0 {
		c.m.handles = append(c.m.handles[:i:i], c.m.handles[i+1:]...)
		c.note(fmt.Sprint("close handle ", h.stmt.ID))
		if err := h.stmt.Close(); err != nil {
			return c.fail("close a handle: %v", err)
		}
		return c.execute(h.stmt, "of a closed handle", true, raw.BigInt(1))
	}
	return c.runHandle(h)
}

func (c *crossClient) runHandle(h crossHandle) bool {
	switch v := c.mine(); h.kind {
	case 0:
		return c.execute(h.stmt, v+"/"+c.m.id, false, raw.String(v))
	case 2:
		return c.execute(h.stmt, c.current("group_concat_max_len")+"/"+v, false, raw.String(v))
	case 1:
		if !c.m.autocommit && !c.pin() {
			return true
		}
		id, group := c.row()
		c.touched(group)
		return c.execute(h.stmt, c.value(id), false, raw.BigInt(id))
	default:
		if c.m.readOnly || c.m.nextReadOnly || !c.m.autocommit && !c.pin() {
			return true
		}
		id, group := c.row()
		c.touched(group)
		c.note(fmt.Sprintf("execute %d (update of %d to %s)", h.stmt.ID, id, v))
		c.x.statements.Add(1)
		answers, err := h.stmt.Execute(raw.String(v), raw.BigInt(id))
		a := c.answered("execute", answers, err)
		return a != nil && c.works("execute", a) && c.wrote(id, v)
	}
}

// execute runs a handle and compares its only row; a handle that is gone answers 1243.
func (c *crossClient) execute(stmt *raw.Statement, want string, gone bool, parameters ...raw.Parameter) bool {
	c.note(fmt.Sprintf("execute %d", stmt.ID))
	c.x.statements.Add(1)
	answers, err := stmt.Execute(parameters...)
	a := c.answered("execute", answers, err)
	switch {
	case a == nil:
		return false
	case gone && a.Code == 1243:
		return true
	case gone:
		return c.fail("execution %s: %s", want, told(a))
	}
	return c.same("execute", a, []string{want})
}

// reset sends COM_RESET_CONNECTION.
func (c *crossClient) reset() bool {
	c.note("COM_RESET_CONNECTION")
	a, err := c.conn.ResetConnection()
	if err != nil || a.Kind == raw.Error {
		return c.fail("reset: %+v %v", a, err)
	}
	c.lost(a, c.x.afterReset)
	return true
}

// changeUser sends COM_CHANGE_USER.
func (c *crossClient) changeUser() bool {
	user, password, db := "app", "app", "sbtest"
	if c.r.IntN(2) == 0 {
		user, password, db = "app2", "other", "other"
	}
	c.note("COM_CHANGE_USER " + user)
	a, err := c.conn.ChangeUser(user, password, db)
	if err != nil || a.Kind == raw.Error {
		return c.fail("change user: %+v %v", a, err)
	}
	c.m.user, c.m.db = user, db
	c.lost(a, c.x.afterChange)
	return true
}

// lost notes that a reset has taken all of the session's state.
func (c *crossClient) lost(a *raw.Answer, start map[string]string) {
	if len(c.m.handles) > 0 {
		c.m.gone = c.m.handles[0].stmt
	}
	c.m.status = a.Status
	c.fresh(start)
}
