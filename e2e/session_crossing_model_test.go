package e2e

// session_crossing_model_test.go: what a client of the crossing test knows its session to be, and how it asks whether it
// is. The model knows the manual's rules of sessions and nothing of Serval.

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"serval/e2e/raw"
)

// crossModel is one session as its client must find it.
type crossModel struct {
	user, db string
	names    map[string]string // what SET NAMES set, or the login
	vars     map[string]string // values of variables that were set
	own      map[string]string // user variables
	id       string            // CONNECTION_ID()
	lastID   string            // LAST_INSERT_ID()

	autocommit   bool
	open         bool             // a transaction is open
	group        int              // of the open transaction; -1: none yet
	readOnly     bool             // the open transaction is
	nextReadOnly bool             // SET TRANSACTION READ ONLY was said
	dirty        map[int64]string // rows that the open transaction changed

	temp    bool // there is a temporary table tt
	tempDB  string
	tempRow []string
	lock    string // held by GET_LOCK

	handles []crossHandle
	gone    *raw.Statement // a handle that a reset has taken
	named   string         // what the named statement "mine" selects, "" for none

	pinned bool   // holds one of the few places
	status uint16 // of the last answer
}

// crossHandle is a prepared statement that the client keeps.
type crossHandle struct {
	stmt *raw.Statement
	kind int
}

// begin is a fresh session.
func (c *crossClient) begin(user, db string) {
	c.m = crossModel{user: user, db: db, id: fmt.Sprint(c.conn.ID()), pinned: c.m.pinned}
	c.fresh(c.x.baseline)
}

// fresh is what a session has behind a login or a reset.
func (c *crossClient) fresh(start map[string]string) {
	m := &c.m
	m.names, m.vars, m.own = map[string]string{}, map[string]string{}, map[string]string{}
	for _, name := range namesVars {
		m.names[name] = start[name]
	}
	m.lastID, m.autocommit, m.nextReadOnly = "0", true, false
	m.temp, m.tempRow, m.lock, m.handles, m.named = false, nil, "", nil, ""
	c.ended(false)
}

// ended notes that the transaction is over.
func (c *crossClient) ended(committed bool) {
	if committed {
		maps.Copy(c.rows, c.m.dirty)
	}
	c.m.open, c.m.readOnly, c.m.group, c.m.dirty = false, false, -1, map[int64]string{}
	c.unpin()
}

// pin takes one of the few places for clients that keep a backend connection, or says that there is none.
func (c *crossClient) pin() bool {
	if c.m.pinned {
		return true
	}
	select {
	case c.x.pins <- struct{}{}:
		c.m.pinned = true
	default:
	}
	return c.m.pinned
}

// unpin gives the place back when nothing keeps a connection any more.
func (c *crossClient) unpin() {
	keeps := c.conn != nil && (c.m.open || !c.m.autocommit || c.m.temp || c.m.lock != "")
	if c.m.pinned && !keeps {
		<-c.x.pins
		c.m.pinned = false
	}
}

// touched notes that a statement named a table of a group.
func (c *crossClient) touched(group int) {
	if c.m.open || !c.m.autocommit {
		c.m.open, c.m.group = true, group
	}
}

// free tells whether statements in a group are possible: a transaction is in one.
func (c *crossClient) free(group int) bool { return c.m.group < 0 || c.m.group == group }

// groupOfDB is where the unsharded tables of the current database are.
func (c *crossClient) groupOfDB() int {
	if c.m.db == "sbtest" {
		return 0
	}
	return 1
}

// row chooses one of the client's rows that may be touched now.
func (c *crossClient) row() (id int64, group int) {
	for {
		shard := c.r.IntN(rowsEach)
		if c.free(shard / 4) {
			return rowID(c.id, shard), shard / 4
		}
	}
}

// value is what a row must hold for this session.
func (c *crossClient) value(id int64) string {
	if v, ok := c.m.dirty[id]; ok {
		return v
	}
	return c.rows[id]
}

// mine makes a value that nobody else has.
func (c *crossClient) mine() string {
	c.n++
	return fmt.Sprintf("c%d-%d", c.id, c.n)
}

// ask runs a statement; nil when the connection failed, which is told.
func (c *crossClient) ask(sql string) *raw.Answer {
	c.note(sql)
	c.x.statements.Add(1)
	answers, err := c.conn.Query(sql)
	return c.answered(sql, answers, err)
}

func (c *crossClient) answered(sql string, answers []raw.Answer, err error) *raw.Answer {
	if err != nil {
		c.fail("%s: %v", sql, err)
		return nil
	}
	a := &answers[len(answers)-1]
	if a.Kind != raw.Error {
		c.m.status = a.Status
		return a
	}
	c.note(fmt.Sprintf("   ERROR %d %s", a.Code, a.Message))
	return a
}

// do runs a statement that has to work.
func (c *crossClient) do(sql string) bool {
	a := c.ask(sql)
	return a != nil && c.works(sql, a)
}

func (c *crossClient) works(sql string, a *raw.Answer) bool {
	if a.Kind == raw.Error {
		return c.fail("%s: ERROR %d %s", sql, a.Code, a.Message)
	}
	return true
}

// sees runs a query and compares its rows.
func (c *crossClient) sees(sql string, want ...string) bool {
	a := c.ask(sql)
	return a != nil && c.same(sql, a, want)
}

func (c *crossClient) same(sql string, a *raw.Answer, want []string) bool {
	if !c.works(sql, a) {
		return false
	}
	c.x.assertions.Add(1)
	if got := texts(a); !slices.Equal(got, want) {
		return c.fail("%s gives %q, want %q", sql, got, want)
	}
	return true
}

// errs runs a statement that must fail with a code.
func (c *crossClient) errs(sql string, code uint16) bool {
	a := c.ask(sql)
	if a == nil {
		return false
	}
	c.x.assertions.Add(1)
	if a.Kind != raw.Error || a.Code != code {
		return c.fail("%s: %s, want error %d", sql, told(a), code)
	}
	return true
}

// current is the value that a variable must have.
func (c *crossClient) current(name string) string {
	if v, ok := c.m.vars[name]; ok {
		return v
	}
	if v, ok := c.m.names[name]; ok {
		return v
	}
	return c.x.baseline[name]
}

// somewhere is a FROM clause that leads to one of the groups, or none.
func (c *crossClient) somewhere() string {
	if c.r.IntN(3) == 0 {
		return ""
	}
	id, group := c.row()
	if !c.m.autocommit && !c.m.open && !c.pin() {
		return ""
	}
	c.touched(group)
	return fmt.Sprintf(" FROM sbtest.kv WHERE id = %d", id)
}

// settled compares the last answer's status flags with the model.
func (c *crossClient) settled() bool {
	const inTransaction, autocommit = 1, 2
	c.x.assertions.Add(1)
	if (c.m.status&autocommit != 0) != c.m.autocommit {
		return c.fail("status %#x, autocommit is %t", c.m.status, c.m.autocommit)
	}
	certain := c.m.autocommit || len(c.m.dirty) > 0
	if certain && (c.m.status&inTransaction != 0) != c.m.open {
		return c.fail("status %#x, a transaction is open: %t", c.m.status, c.m.open)
	}
	return true
}

// checkVars asks for some variables, among them some that the client never set.
func (c *crossClient) checkVars() bool {
	var names, want []string
	for range 1 + c.r.IntN(5) {
		name := ""
		if c.r.IntN(4) == 0 {
			name = namesVars[c.r.IntN(len(namesVars))]
		} else {
			name = c.x.vars[c.r.IntN(len(c.x.vars))].name
		}
		names, want = append(names, "@@SESSION."+name), append(want, c.current(name))
	}
	return c.sees("SELECT "+strings.Join(names, ", ")+c.somewhere(), strings.Join(want, "/"))
}

// checkMeaning asks for what variables do.
func (c *crossClient) checkMeaning() bool {
	sql, want := "SELECT COLLATION('x')", c.current("collation_connection")
	switch zone := c.m.vars["time_zone"]; {
	case c.r.IntN(3) == 0 && zone != "" && zone != c.x.baseline["time_zone"]:
		var sign byte
		var hours, minutes int
		if _, err := fmt.Sscanf(zone, "%c%d:%d", &sign, &hours, &minutes); err != nil {
			return c.fail("time zone %q: %v", zone, err)
		}
		if minutes += 60 * hours; sign == '-' {
			minutes = -minutes
		}
		sql, want = "SELECT TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), NOW())", fmt.Sprint(minutes)
	case c.r.IntN(3) == 0 && c.m.vars["div_precision_increment"] != "":
		digits := 0
		if _, err := fmt.Sscan(c.m.vars["div_precision_increment"], &digits); err != nil {
			return c.fail("%v", err)
		}
		sql, want = "SELECT 1/3", strings.TrimSuffix("0."+strings.Repeat("3", digits), ".")
	case c.r.IntN(3) == 0:
		sql, want = "SELECT CONNECTION_ID(), SUBSTRING_INDEX(USER(), '@', 1)", c.m.id+"/"+c.m.user
	}
	return c.sees(sql+c.somewhere(), want)
}

// checkOwn asks for user variables, set or not.
func (c *crossClient) checkOwn() bool {
	var names, want []string
	for _, name := range []string{"a", "b", "c"} {
		v := c.m.own[name]
		names, want = append(names, "@"+name), append(want, v)
	}
	return c.sees("SELECT "+strings.Join(names, ", ")+c.somewhere(), strings.Join(want, "/"))
}
