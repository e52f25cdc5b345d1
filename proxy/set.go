package proxy

// set.go: SET. Every assignment is validated before any takes effect; a variable's value is worked out by a server, so
// that expressions and spellings mean what they mean there, and kept as text that sets it on other connections.
// What is not known to be safe to carry from connection to connection is refused.

import (
	"bytes"
	"errors"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/format"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/rewrite"
)

// carried are the session variables that a connection can be given and relieved of without a trace, and that do not
// change what a statement split over shards means.
var carried = wordSet(` sql_mode time_zone sql_safe_updates foreign_key_checks unique_checks group_concat_max_len innodb_lock_wait_timeout
 lock_wait_timeout net_read_timeout net_write_timeout wait_timeout interactive_timeout lc_time_names lc_messages max_execution_time
 max_statement_time optimizer_switch optimizer_search_depth sort_buffer_size join_buffer_size tmp_table_size max_heap_table_size
 transaction_isolation tx_isolation character_set_results character_set_client character_set_connection collation_connection
 div_precision_increment sql_notes default_week_format explicit_defaults_for_timestamp information_schema_stats_expiry
 session_track_schema session_track_system_variables session_track_state_change session_track_transaction_info session_track_gtids
 sql_quote_show_create sql_warnings long_query_time read_buffer_size cte_max_recursion_depth `)

func (c *session) set(s *ast.SetStmt) error {
	next := c.state.clone()
	c.warnings = c.warnings[:0]
	c.setOK = wire.OK{}
	autocommit := false
	var conn *backend.Conn
	defer func() {
		if conn != nil {
			c.discard(conn) // its variables are no longer those that its pool knows of
		}
	}()
	for _, v := range s.Variables {
		var err error
		switch {
		case v.Name == ast.SetNames || v.Name == ast.SetCharset:
			if conn, err = c.trial(conn); err == nil {
				err = c.setNames(&next, conn, v)
			}
		case !v.IsSystem:
			err = notSupported("Serval does not support user variables (@%s) yet", v.Name)
		case strings.HasPrefix(strings.ToLower(v.Name), "persist"): // @@persist.x, @@persist_only.x
			err = notSupported("Serval does not support SET PERSIST (%s): set it on the servers", v.Name)
		case v.IsGlobal:
			err = notSupported("Serval does not support SET GLOBAL (%s): set it on the servers", v.Name)
		case strings.EqualFold(v.Name, "autocommit"):
			err = setAutocommit(&next, v)
			autocommit = true
		default:
			if conn, err = c.trial(conn); err == nil {
				err = c.setVariable(&next, conn, v)
			}
		}
		if err != nil {
			return err
		}
	}
	if next.autocommit && !c.state.autocommit {
		if err := c.commitOpen(); err != nil { // as MySQL does
			return err
		}
	}
	next.render()
	c.state = next
	if autocommit {
		c.trackAutocommit()
	}
	c.trackSet(&c.setOK)
	c.rowCount = 0
	return clientError(c.ok(&wire.OK{Warnings: uint16(len(c.warnings))}))
}

// trial is a connection on which SET may be tried out.
func (c *session) trial(conn *backend.Conn) (*backend.Conn, error) {
	if conn != nil {
		return conn, nil
	}
	return c.borrowAside(c.defaultGroup(), "")
}

// setNames handles SET NAMES and SET CHARACTER SET.
func (c *session) setNames(next *sessionState, conn *backend.Conn, v *ast.VariableAssignment) error {
	name := ""
	if value, ok := v.Value.(ast.ValueExpr); ok {
		name = strings.ToLower(value.GetString())
	}
	if name == "utf8" && bytes.Contains(bytes.ToLower(c.st.Text), []byte("utf8mb3")) {
		name = "utf8mb3" // the parser gives both as utf8; servers warn of them in different words
	}
	if name == "" || name == "default" {
		next.names = c.known.flavor.defaultNames
		next.forgetCharsets()
		return nil
	}
	if v.Name == ast.SetCharset {
		return notSupported("Serval does not support SET CHARACTER SET yet: use SET NAMES")
	}
	text := name
	if v.ExtendValue != nil {
		text += " COLLATE " + strings.ToLower(v.ExtendValue.GetString())
	}
	next.names = text
	next.forgetCharsets()
	if err := c.tryOut(conn, "SET NAMES "+text); err != nil { // a server knows which there are
		return err
	}
	_, err := c.srv.charsetTable(next.sets.client)
	return err
}

// tryOut has a server carry a SET out, so that what is wrong with it is said now and not at the next statement; its
// warnings are the client's.
func (c *session) tryOut(conn *backend.Conn, sql string) error {
	ok, err := conn.Exec(sql)
	if err != nil {
		return execFailed(conn, err)
	}
	c.setOK.Status |= ok.Status
	c.setOK.Track = append(c.setOK.Track, ok.Track...)
	if ok.Warnings == 0 {
		return nil
	}
	c.composing = true
	err = c.collectWarnings(conn)
	c.composing = false
	return err
}

func setAutocommit(next *sessionState, v *ast.VariableAssignment) error {
	text := strings.ToLower(strings.Trim(expression(v.Value), "`'"))
	switch strings.TrimPrefix(text, "_utf8mb4'") {
	case "1", "on", "true", "default":
		next.autocommit = true
	case "0", "off", "false":
		next.autocommit = false
	default:
		return protocolError(codeWrongValue, "42000", "Variable 'autocommit' can't be set to the value of '%s'", text)
	}
	return nil
}

func expression(e ast.ExprNode) string {
	var b strings.Builder
	if err := e.Restore(format.NewRestoreCtx(format.DefaultRestoreFlags|format.RestoreStringWithoutDefaultCharset, &b)); err != nil {
		return ""
	}
	return b.String()
}

// setVariable tries an assignment on a server, and keeps the value that came of it.
func (c *session) setVariable(next *sessionState, conn *backend.Conn, v *ast.VariableAssignment) error {
	name := strings.ToLower(v.Name)
	if name == "tx_isolation" && !c.known.flavor.mariadb && !bytes.Contains(bytes.ToLower(c.st.Text), []byte(name)) {
		name = "transaction_isolation" // the parser's word for SET SESSION TRANSACTION ISOLATION LEVEL
	}
	if !carried[name] {
		if err := c.unknownVariable(conn, name); err != nil {
			return err
		}
		return notSupported("Serval does not support SET %s: it cannot be carried from connection to connection, or would change what a split statement means", name)
	}
	value := expression(v.Value)
	if _, ok := v.Value.(*ast.DefaultExpr); ok {
		value = "DEFAULT"
	}
	if strings.HasSuffix(name, "_isolation") {
		if err := c.mayIsolate(); err != nil {
			return err
		}
	}
	if err := c.tryOut(conn, "SET SESSION "+name+" = "+value); err != nil {
		return err
	}
	rows, err := conn.Query("SELECT @@SESSION." + name)
	if err != nil {
		return err
	}
	got := rows[0][0]
	switch name { // either sets the other
	case "character_set_connection":
		delete(next.vars, "collation_connection")
	case "collation_connection":
		delete(next.vars, "character_set_connection")
	}
	next.set(name, variableText(got)) // of DEFAULT too: what it means is the server's business
	if name == "sql_mode" {
		next.mode = modeOf(string(got))
	}
	if setsCharset(name) {
		return c.mayCharset(string(got))
	}
	return nil
}

// mayIsolate refuses the forms of setting the isolation level that are not about the session's later transactions.
func (c *session) mayIsolate() error {
	switch text := bytes.ReplaceAll(bytes.ToLower(c.st.Text), []byte("`"), nil); {
	case bytes.Contains(text, []byte("@@transaction_isolation")) || bytes.Contains(text, []byte("@@tx_isolation")):
		return notSupported("Serval does not support the isolation level of the next transaction only: use SET SESSION TRANSACTION ISOLATION LEVEL")
	case c.txn.begin != "" && c.txn.conn == nil:
		return notSupported("Serval does not support another isolation level between BEGIN and the first statement: set it before BEGIN")
	}
	return nil
}

// unknownVariable is the server's error for a variable that does not exist.
func (c *session) unknownVariable(conn *backend.Conn, name string) error {
	if !bytes.Contains(bytes.ToLower(c.st.Text), []byte(name)) { // the parser's word for SET TRANSACTION
		return nil
	}
	var e *wire.Error
	if _, err := conn.Query("SELECT @@" + rewrite.Quote(name)); errors.As(err, &e) && e.Code == codeUnknownVariable {
		return e
	}
	return nil
}

// wordSet makes a set of the words of a text.
func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}

// variableText writes a value so that it means the same under every sql_mode.
func variableText(v []byte) string {
	if v == nil {
		return "NULL"
	}
	if number(v) {
		return string(v)
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
