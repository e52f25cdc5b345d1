package proxy

// set.go: SET. A server carries the client's own statement out, on a connection that is in the session's state, so that
// everything in it is done or nothing is; what came of it is read back in the same write and kept as literals, which set
// it on other connections. Inside a transaction that is the transaction's own connection: a SET never waits for a second
// one. What cannot follow the client from connection to connection is refused; refusals.go has the reasons.

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
)

func (c *session) set(p *router.Plan) error {
	if err := c.maySet(p.Set); err != nil {
		return err
	}
	across, err := c.acrossAfter(p.Set)
	switch {
	case err != nil:
		return err
	case p.OnlyOwn():
		c.state.across = across
		c.trackSet(&wire.OK{})
		if c.conn.Tracks() {
			c.trackStateChange()
		}
		return c.okUnless(nil)
	case p.Set[0].Next:
		return c.setNextTransaction(p)
	case onlyAutocommit(p.Set):
		return c.setAutocommit(p.Set)
	}
	c.patch.start(p)
	c.setArguments()
	sql := string(p.SessionSQL(nil, &c.st, &c.args))
	back := c.readBackOf(p)
	back.across = across
	if back.renamed && slices.ContainsFunc(back.users, oddName) { // they would be asked for in another character set
		return notSupported("Serval does not support SET NAMES together with user variables whose names have other letters than ASCII: write two statements")
	}
	for attempt := 0; ; attempt++ {
		conn, pooled, err := c.setConn()
		if err != nil {
			return err
		}
		answers, err := conn.Pipeline(sql, "SHOW WARNINGS", back.sql())
		if err == nil {
			return c.wasSet(p, conn, pooled, back, answers)
		}
		again := pooled && attempt == 0 && c.pinOf(conn) == nil
		c.giveUp(conn, pooled)
		if !again { // else it was dead before: SET has no effect beside the connection's
			return lostBackend("group "+conn.Node().Group(), err)
		}
	}
}

// setConn is the connection on which SET is carried out.
func (c *session) setConn() (conn *backend.Conn, pooled bool, err error) {
	if c.txn.open() {
		conn := c.txn.branches[0].Conn
		if err := c.hold(conn); err != nil {
			return nil, false, err
		}
		return conn, false, c.prepare(conn, c.state.backend(""))
	}
	conn, err = c.borrow(c.defaultGroup(), c.defaultDatabase())
	return conn, true, err
}

// wasSet makes the session's state what the server says that it is.
func (c *session) wasSet(p *router.Plan, conn *backend.Conn, pooled bool, back *readBack, answers []backend.Answer) error {
	set, warned, values := &answers[0], &answers[1], &answers[2]
	err := c.takeState(p, conn, pooled, back, set, values)
	status := values.OK.Status
	if values.Err != nil {
		status = set.OK.Status
	}
	switch {
	case pooled && status&wire.StatusInTrans != 0:
		c.discard(conn)
	case pooled:
		c.giveBack(conn)
	case values.Err == nil:
		c.after(conn, status)
	}
	if err != nil {
		return err
	}
	return c.setDone(set, warned)
}

// takeState puts what was read back into the session's state, or leaves both as they were and says why.
func (c *session) takeState(p *router.Plan, conn *backend.Conn, pooled bool, back *readBack, set, values *backend.Answer) error {
	if set.Err != nil {
		c.patch.names(set.Err)
	}
	if values.Err != nil || len(values.Rows) != 1 {
		c.loseState(conn, pooled, set.Err)
		return errorOr(refusal(set), lostBackend("group "+conn.Node().Group(), errNotReadBack))
	}
	next := c.state.clone()
	lastID, err := c.adopt(&next, back, values)
	if err != nil {
		c.loseState(conn, pooled, nil)
		return err
	}
	next.startClock(p.Set)
	next.render()
	conn.Became(next.backend(""))
	if err = refusal(set); err == nil {
		err = c.mayKeep(&next, p.Set)
	}
	if err != nil {
		if !pooled { // COMMIT must not find a completion_type that was refused
			return errorOr(c.prepare(conn, c.state.backend("")), err)
		}
		return err
	}
	if next.autocommit && !c.state.autocommit && pooled {
		c.txn = transaction{} // a BEGIN that no server has heard of
	}
	c.keepCharacteristics(p.Set)
	c.state = next
	if back.lastID {
		c.lastInsertID = lastID
	}
	return nil
}

// setDone answers a SET that was carried out.
func (c *session) setDone(set, warned *backend.Answer) error {
	c.warnings = c.warnings[:0]
	if err := c.addWarnings(warned.Rows); err != nil {
		return err
	}
	c.rowCount = 0
	c.trackSet(&set.OK)
	return clientError(c.ok(&wire.OK{Warnings: set.Warnings}))
}

// refusal is the server's error, as an error.
func refusal(a *backend.Answer) error {
	if a.Err == nil {
		return nil
	}
	return a.Err
}

func errorOr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}

// loseState gives up a connection whose state could not be read. A SET that the server refused has changed nothing, as
// far as servers keep their word: then a pooled connection is reset before it is used again, and a transaction goes on.
func (c *session) loseState(conn *backend.Conn, pooled bool, refused *wire.Error) {
	switch {
	case pooled:
		conn.Forget()
	case refused == nil:
		c.loseTransaction(conn)
	}
}

// onlyAutocommit tells whether a SET is of autocommit alone, and of a literal.
func onlyAutocommit(items []router.Assignment) bool {
	for _, a := range items {
		if _, ok := switched(a.Value); a.Form != router.SetVariable || a.Name != "autocommit" || !ok {
			return false
		}
	}
	return true
}

// switched reads a boolean literal.
func switched(text string) (on, ok bool) {
	switch strings.ToLower(strings.Trim(text, "'\"`")) {
	case "1", "on", "true", "default":
		return true, true
	case "0", "off", "false":
		return false, true
	}
	return false, false
}

// setAutocommit needs no server: every connection is given the session's autocommit.
func (c *session) setAutocommit(items []router.Assignment) error {
	next := c.state.clone()
	for _, a := range items {
		next.autocommit, _ = switched(a.Value)
	}
	if next.autocommit && !c.state.autocommit {
		if err := c.commitOpen(); err != nil { // as MySQL does
			return err
		}
	}
	next.render()
	c.state = next
	c.trackAutocommit()
	c.trackSet(&wire.OK{})
	c.rowCount = 0
	c.warnings = c.warnings[:0]
	return clientError(c.ok(&wire.OK{}))
}

// readBack is what is read from the server behind a SET.
type readBack struct {
	vars   []string // system variables
	users  []string // user variables, four columns each
	lastID bool
	across string // what serval_transactions is then, which no server tells

	renamed bool // SET NAMES or SET CHARACTER SET
	results bool // character_set_results by itself
}

// canonical are variables that are the same as another one, or follow from it.
var canonical = map[string]string{
	"storage_engine": "default_storage_engine", "log_slow_query_time": "long_query_time",
	"log_slow_min_examined_row_limit": "min_examined_row_limit", "log_slow_query": "slow_query_log",
	"tmp_memory_table_size": "tmp_table_size", "identity": "last_insert_id",
	"character_set_database": "collation_database", "character_set_server": "collation_server",
}

// readBackOf lists what a SET may have changed.
func (c *session) readBackOf(p *router.Plan) *readBack {
	r := &readBack{users: c.usersToRead(p.Users.Assigned)}
	for _, a := range p.Set {
		name := a.Name
		if n, ok := canonical[name]; ok {
			name = n
		}
		if c.known.flavor.mariadb && strings.HasPrefix(name, "transaction_") { // newer servers know both
			name = strings.Replace(name, "transaction_isolation", "tx_isolation", 1)
			name = strings.Replace(name, "transaction_read_only", "tx_read_only", 1)
		}
		switch {
		case a.Form == router.SetUser, a.Form == router.SetOwn:
		case a.Form == router.SetNames || a.Form == router.SetCharset || setsCharset(name):
			r.add(charsetVariables[:]...)
			r.renamed = r.renamed || a.Form != router.SetVariable
			r.results = a.Form == router.SetVariable && (r.results || name == "character_set_results")
		case a.Form == router.SetTransaction:
			r.add(c.known.flavor.isolationVariable(), c.known.flavor.readOnlyVariable())
		case name == "max_join_size":
			r.add(name, "sql_big_selects")
		case name == "last_insert_id":
			r.add(name)
			r.lastID = true
		default:
			r.add(name)
		}
	}
	return r
}

func (r *readBack) add(names ...string) {
	for _, n := range names {
		if !slices.Contains(r.vars, n) {
			r.vars = append(r.vars, n)
		}
	}
}

// sql asks for the values. The LIMIT stands above the session's sql_select_limit.
func (r *readBack) sql() string {
	items := make([]string, 0, len(r.vars)+4*len(r.users)+1)
	for _, v := range r.vars {
		items = append(items, "@@SESSION."+v)
	}
	for _, u := range r.users {
		items = append(items, userVariableColumns(u))
	}
	if len(items) == 0 {
		items = append(items, "0")
	}
	return "SELECT " + strings.Join(items, ",") + " LIMIT 1"
}

// adopt puts what was read back into a state.
func (c *session) adopt(next *sessionState, r *readBack, a *backend.Answer) (lastID uint64, err error) {
	row := a.Rows[0]
	next.across = r.across
	for i := range r.vars { // told in character_set_results, where that is UTF-16 and the like
		if bytes.IndexByte(row[i], 0) >= 0 {
			row[i] = bytes.ReplaceAll(row[i], []byte{0}, nil)
		}
	}
	charsets := map[string]string{}
	for i, name := range r.vars {
		value := row[i]
		switch {
		case name == "autocommit":
			next.autocommit = string(value) == "1"
		case name == "last_insert_id":
			if lastID, err = strconv.ParseUint(string(value), 10, 64); err != nil {
				return 0, err
			}
		case setsCharset(name):
			charsets[name] = string(value)
		default:
			next.vars[name] = variableText(value, a.Columns[i].Type)
		}
		if name == "sql_mode" {
			next.mode = modeOf(string(value))
		}
	}
	if len(charsets) > 0 {
		next.setCharsets(charsets, r.renamed, r.results)
	}
	at := len(r.vars)
	for _, name := range r.users {
		next.setUser(name, userVariableText(row[at:at+4], &a.Columns[at]))
		at += 4
	}
	return lastID, nil
}

// startClock forgets a timestamp that was set back.
func (s *sessionState) startClock(items []router.Assignment) {
	for _, a := range items {
		if a.Name != "timestamp" || a.Form != router.SetVariable {
			continue
		}
		if n, err := strconv.ParseFloat(a.Value, 64); err != nil || n == 0 {
			delete(s.vars, "timestamp")
		}
	}
}

// variableText writes a value so that it means the same under every sql_mode and character set.
func variableText(v []byte, kind uint8) string {
	switch {
	case v == nil:
		return "NULL"
	case kind != wire.TypeVarString && kind != wire.TypeString && kind != wire.TypeVarchar && kind != wire.TypeBlob &&
		kind != wire.TypeLongBlob && kind != wire.TypeMediumBlob && number(v):
		return string(v)
	case bytes.IndexByte(v, '\\') >= 0 || bytes.ContainsFunc(v, func(r rune) bool { return r >= 0x80 }):
		return "_utf8mb4 x'" + hexOf(v) + "'"
	}
	return "'" + strings.ReplaceAll(string(v), "'", "''") + "'"
}

func number(v []byte) bool {
	if len(v) == 0 {
		return false
	}
	for i, b := range v {
		if (b < '0' || b > '9') && b != '.' && !(i == 0 && b == '-') {
			return false
		}
	}
	return true
}
