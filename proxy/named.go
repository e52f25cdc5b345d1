package proxy

// named.go: PREPARE, EXECUTE and DEALLOCATE PREPARE as texts. They go the way of COM_STMT_PREPARE and COM_STMT_EXECUTE; what
// differs is where the values are (in the session's user variables), and that the legs are asked with the same three
// statements, so that rows come as text.

import (
	"encoding/hex"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// namedExecution is an EXECUTE … USING that is being carried out.
type namedExecution struct {
	session *session
	using   []string // user variables, one for each parameter
	text    []byte   // scratch: a value
}

// binary tells whether the statement's rows come in the binary layout.
func (c *session) binary() bool { return c.prepared != nil && c.byName == nil }

// prepareNamed handles PREPARE name FROM. A statement of that name is gone, whatever becomes of the new one.
func (c *session) prepareNamed(s *ast.PrepareStmt) error {
	name := strings.ToLower(s.Name)
	c.forgetNamed(name)
	text := s.SQLText
	if s.SQLVar != nil {
		kind, value := literalValue(c.state.users[strings.ToLower(s.SQLVar.Name)], nil)
		if text = string(value); kind == fingerprint.Null {
			text = "NULL" // as servers read it
		}
	}
	ps, p, err := c.prepareStatement([]byte(text))
	if err == nil {
		err = c.srv.statements.take()
	}
	if err != nil {
		return err
	}
	if c.namedStatements == nil {
		c.namedStatements = map[string]*preparedStatement{}
	}
	c.namedStatements[name] = ps
	c.rowCount = 0
	if p.Warnings == 0 {
		c.warnings = c.warnings[:0]
	}
	return clientError(c.ok(&wire.OK{Info: []byte("Statement prepared"), Warnings: p.Warnings}))
}

// deallocate handles DEALLOCATE PREPARE and DROP PREPARE.
func (c *session) deallocate(s *ast.DeallocateStmt) error {
	if !c.forgetNamed(strings.ToLower(s.Name)) {
		return unknownName(s.Name, "DEALLOCATE PREPARE")
	}
	return c.done()
}

func unknownName(name, what string) error {
	return protocolError(codeUnknownStmtHandle, "HY000", "Unknown prepared statement handler (%s) given to %s", name, what)
}

// forgetNamed drops a statement; false when there is none of that name.
func (c *session) forgetNamed(name string) bool {
	if c.namedStatements[name] == nil {
		return false
	}
	delete(c.namedStatements, name)
	c.srv.statements.give(1)
	return true
}

// executeNamed handles EXECUTE name USING.
func (c *session) executeNamed(s *ast.ExecuteStmt) error {
	ps := c.namedStatements[strings.ToLower(s.Name)]
	switch {
	case ps == nil:
		return unknownName(s.Name, "EXECUTE")
	case len(s.UsingVars) != ps.st.Parameters:
		return protocolError(1210, "HY000", "Incorrect arguments to EXECUTE")
	}
	using := router.UsingNames(s)
	if len(using) != len(s.UsingVars) {
		return notSupported("Serval does not support EXECUTE … USING with anything but user variables")
	}
	c.enterStatement(ps)
	c.byName = &namedExecution{session: c, using: using}
	defer func() {
		c.leaveStatement()
		c.byName = nil
	}()
	c.st.Bound = c.byName
	_, _, err := c.executeBound(ps)
	return err
}

// askNamed asks a leg by PREPARE and EXECUTE. The connection has the session's user variables.
func (c *session) askNamed(conn *backend.Conn, leg int, plain bool) error {
	numbers, same := c.route.Parameters(nil, leg, &c.st, plain)
	sql := append([]byte("PREPARE serval_statement FROM "), rewrite.AppendString(nil, string(c.sql), c.state.mode)...)
	if _, err := conn.Exec(string(sql)); err != nil {
		return err
	}
	sql = append(sql[:0], "EXECUTE serval_statement"...)
	if same {
		for n := range c.byName.using {
			numbers = append(numbers, uint16(n))
		}
	}
	for i, n := range numbers {
		if i == 0 {
			sql = append(sql, " USING "...)
		} else {
			sql = append(sql, ',')
		}
		sql = append(append(sql, '@'), rewrite.Quote(c.byName.using[n])...)
	}
	return conn.Send(sql)
}

// Value implements fingerprint.Bound.
func (x *namedExecution) Value(n int) (fingerprint.Kind, []byte) {
	if n >= len(x.using) {
		return fingerprint.Opaque, nil
	}
	var kind fingerprint.Kind
	kind, x.text = literalValue(x.session.state.users[x.using[n]], x.text[:0])
	return kind, x.text
}

// literalValue reads what userVariableText wrote; "" is a variable that was never set. The value may be appended to dst.
func literalValue(literal string, dst []byte) (fingerprint.Kind, []byte) {
	inner, isCast := strings.CutPrefix(literal, "CAST(")
	if isCast {
		inner, _, _ = strings.Cut(inner, " AS ")
	} else {
		inner = literal
	}
	switch {
	case inner == "" || inner == "NULL" || strings.HasPrefix(inner, "CONVERT(NULL"):
		return fingerprint.Null, dst
	case inner[0] == '_':
		return stringValue(inner, dst)
	case strings.ContainsAny(inner, "eE"):
		return fingerprint.Float, append(dst, inner...)
	case strings.Contains(inner, "."):
		return fingerprint.Decimal, append(dst, inner...)
	}
	return fingerprint.Integer, append(dst, inner...)
}

// stringValue reads _charset x'…' COLLATE ….
func stringValue(literal string, dst []byte) (fingerprint.Kind, []byte) {
	charset, rest, _ := strings.Cut(literal[1:], " x'")
	digits, _, found := strings.Cut(rest, "'")
	value, err := hex.DecodeString(digits)
	switch {
	case !found || err != nil:
		return fingerprint.Opaque, dst
	case charset == "binary":
		return fingerprint.Binary, append(dst, value...)
	case strings.HasPrefix(charset, "utf8"), charset == "ascii", isASCII(value):
		return fingerprint.String, append(dst, value...)
	}
	return fingerprint.Opaque, dst
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
