package proxy

// statement.go: the way of one statement: fingerprint, plan, route, and then relay, merge or write.

import (
	"bytes"
	"errors"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/terror"

	"serval/proxy/wire"
	"serval/rewrite"
	"serval/rewrite/fingerprint"
	"serval/router"
)

// errReturning is a clause that MySQL does not have.
var errReturning = errors.New("RETURNING")

// errAnswered says that the client has had its error packet already.
var errAnswered = errors.New("the error has been answered")

// connectionError is an error of the client's connection: the session ends.
type connectionError struct{ err error }

func (e *connectionError) Error() string { return "client: " + e.err.Error() }
func (e *connectionError) Unwrap() error { return e.err }

func isConnectionError(err error) bool {
	var c *connectionError
	return errors.As(err, &c) || errors.Is(err, errClientGone)
}

// client marks an error of writing to the client.
func clientError(err error) error {
	if err == nil {
		return nil
	}
	return &connectionError{err}
}

// statement carries out c.st. It returns the plan's kind and the group for the metrics.
func (c *session) statement() (kind, group string, err error) {
	if explain := c.explainRoute(); explain != nil {
		return "session", "", c.answerRoute(explain)
	}
	p, err := c.plan()
	if err != nil {
		return "refused", "", errorOr(c.commitBefore(err), err)
	}
	if p == nil {
		return "session", "", clientError(c.ok(&wire.OK{}))
	}
	for _, d := range p.Databases {
		if !c.user.MayUse(d) {
			if p.Commits && !c.txn.lost {
				err = c.commitOpen()
			}
			return "refused", "", errorOr(err, c.denied(d))
		}
	}
	if c.txn.lost && p.Kind != router.KindSession {
		return "refused", "", errLost()
	}
	if p.Kind == router.KindSession {
		c.trackStatement(nil)
		return "session", "", c.sessionStatement(p)
	}
	return c.executePlan(p)
}

// commitBefore commits what is open before an error that a server would have come to in carrying out a statement that
// commits. Errors of the statement's text come before that, and what Serval refuses has not begun.
func (c *session) commitBefore(err error) error {
	switch toClient(err).Code {
	case codeUnknownDatabase, codeNoSuchTable, codeTableAccessDenied, codeNoDropDatabase:
		if !c.txn.lost && router.Commits(&c.st) {
			return c.commitOpen()
		}
	}
	return nil
}

// executePlan routes the current statement by its literals and carries it out.
func (c *session) executePlan(p *router.Plan) (kind, group string, err error) {
	if p.Numbers != nil && c.at == 0 {
		return c.numbered(p)
	}
	return c.executeRouted(p)
}

// executeRouted is executePlan of a statement whose rows have their numbers.
func (c *session) executeRouted(p *router.Plan) (kind, group string, err error) {
	at := c.at // of this one, and of none that is carried out for it
	c.at = 0
	if p.WritesLookup && c.stepping == 0 {
		return "refused", "", notSupported("Serval does not support writing a lookup index: it follows its table")
	}
	if p.Kept != nil && !c.keeping {
		c.trackStatement(p)
		if err := c.keepLookups(p, at); err != nil {
			return "lookup", "", err
		}
		c.usedNext(p)
		return "lookup", "", nil
	}
	c.setArguments()
	c.route.At = at
	unresolved := c.route.Resolve(p, &c.st)
	if p.Writes() && !p.Returning && !c.inTransaction() && c.asks(p, unresolved) {
		return "lookup", "", c.askAndWrite(p)
	}
	if err := c.narrowed(p, unresolved); err != nil {
		return "refused", "", err
	}
	kind, group, err = c.execute(p)
	if err == nil {
		c.usedNext(p)
	}
	return kind, group, err
}

// execute carries out a routed statement.
func (c *session) execute(p *router.Plan) (kind, group string, err error) {
	c.patch.start(p)
	c.trackStatement(p)
	if p.File && c.client.Capabilities&wire.CapLocalFiles == 0 {
		return "refused", "", c.noLocalFiles()
	}
	if p.TableLock == router.LockTables {
		group, err = c.lockTables(p)
		return p.Kind.String(), group, err
	}
	if err := c.mayUnderLocks(p); err != nil {
		return "refused", "", err
	}
	if err := c.mayReach(p); err != nil {
		return "refused", "", err
	}
	switch {
	case p.Kind == router.KindSchema:
		return p.Kind.String(), "", c.schemaChange(p)
	case p.Handler != nil:
		group, err = c.handler(p)
		return p.Kind.String(), group, err
	case p.Procedure != nil:
		group, err = c.call(p)
		return p.Kind.String(), group, err
	case p.Kind == router.KindVirtual:
		group, err = c.virtual(p, nil)
		return p.Kind.String(), group, err
	case c.route.Gathered:
		group, err = c.gather(p)
		return "gather", group, err
	case p.Locks != nil:
		group, err = c.named(p)
		return p.Kind.String(), group, err
	case c.route.Stepped:
		return "steps", "", c.inSteps(p)
	case c.route.Merged:
		return c.scatter(p)
	case len(c.route.Legs) == 1 && !c.looks():
		group, err = c.relay(p)
		return p.Kind.String(), group, err
	}
	return "write", "", c.writeLegs(p)
}

// plan finds or makes the statement's plan; nil for a comment, a statement that does nothing.
func (c *session) plan() (*router.Plan, error) {
	c.key = append(append(append(c.key[:0], c.namesDB()...), 0, byte(c.st.Mode)), c.st.Key...)
	if !c.st.Ambiguous {
		if p := c.known.plans.get(c.key, &c.st); p != nil {
			return p, nil
		}
	}
	if c.blank() {
		return nil, protocolError(codeEmptyQuery, "42000", "Query was empty")
	}
	if c.st.Executable {
		c.st.Scan(c.st.Plain(c.known.flavor.server), c.st.Mode)
		if c.blank() {
			return nil, nil
		}
		return c.plan()
	}
	if len(c.st.Key) > maxShape {
		return nil, notSupported("Serval does not support statements of more than %d KiB besides their literals", maxShape>>10)
	}
	p, err := c.makePlan()
	if err == nil && (p.Returning && !c.known.flavor.mariadb || p.RowClauses && c.known.flavor.mariadb) {
		err = &router.SyntaxError{Err: errReturning}
	}
	if errors.Is(err, router.ErrNothing) {
		return nil, nil
	}
	if err != nil {
		var syntax *router.SyntaxError
		if errors.As(err, &syntax) {
			return nil, c.syntaxError(syntax, c.st.Text[:c.st.End])
		}
		return nil, c.systemPlanError(err)
	}
	if p.Cacheable(&c.st) {
		c.known.plans.put(c.key, p)
	}
	return p, nil
}

// blank tells whether there is no statement, not even a comment.
func (c *session) blank() bool { return len(bytes.TrimSpace(c.st.Text[:c.st.End])) == 0 }

// maxShape is the longest shape that is given to the parser, whose memory is some 500 times the text.
const maxShape = 512 << 10

// makePlan plans the statement, by a short one of its shape.
func (c *session) makePlan() (*router.Plan, error) {
	var sample fingerprint.Statement
	sample.Scan(c.st.Sample(), c.st.Mode)
	if !bytes.Equal(sample.Key, c.st.Key) { // an ambiguous shape, say
		return c.srv.planner.Plan(&c.st, c.namesDB(), c.known.catalog)
	}
	p, err := c.srv.planner.Plan(&sample, c.namesDB(), c.known.catalog)
	if err == nil && (p.Kind == router.KindSession || p.Own) { // its tree is carried out, not only its shape
		return c.srv.planner.Plan(&c.st, c.namesDB(), c.known.catalog)
	}
	return p, err
}

// setArguments gives the renderer the session's values.
func (c *session) setArguments() {
	c.route.Session(c.state.charset)
	c.args = rewrite.Arguments{
		Database: c.namesDB(), ConnectionID: c.id, LastInsertID: c.lastInsertID, RowCount: c.rowCount,
		FoundRows: c.found, Warnings: len(c.warnings), Errors: c.errorCount(),
		User: c.account, Account: c.grantee, AcrossGroups: c.acrossGroups(),
	}
}

// syntaxError has a server say what is wrong with a statement that the parser does not understand: prepared there,
// never run. When the server has nothing against it, it is Serval that lacks the grammar.
func (c *session) syntaxError(syntax error, text []byte) error {
	conn, err := c.borrowAside(c.defaultGroup(), c.defaultDatabase())
	if err != nil {
		return syntax
	}
	defer c.discard(conn) // a prepared statement is left on it
	said := tryPrepare(conn, text)
	var (
		e      *wire.Error
		parser *terror.Error
	)
	switch {
	case errors.As(said, &e) && (e.Code == codeParse || e.Code == codeInvalidString):
		return e
	case errors.As(syntax, &parser) && parser.Code() != codeParse && parser.Code() < 2000:
		sql := terror.ToSQLError(parser)
		return &wire.Error{Code: sql.Code, State: sql.State, Message: sql.Message}
	}
	return notSupported("Serval does not understand this statement (%s)", parserSays(syntax))
}

// defaultDatabase is the physical database in which unqualified names are looked up, "" without a current database.
func (c *session) defaultDatabase() string {
	if d := c.known.catalog.Databases[c.db]; d != nil {
		return d.Physical
	}
	return ""
}

// tryPrepare prepares a statement on a server and gives its answer: nil when it has no objection.
func tryPrepare(conn interface {
	WriteCommand(byte, []byte) error
	Flush() error
	ReadPacket() ([]byte, error)
}, sql []byte) error {
	if err := conn.WriteCommand(wire.ComStmtPrepare, sql); err != nil {
		return err
	}
	if err := conn.Flush(); err != nil {
		return err
	}
	p, err := conn.ReadPacket()
	if err != nil {
		return err
	}
	if wire.IsError(p) {
		e, err := wire.ParseError(p)
		if err != nil {
			return err
		}
		return e
	}
	return nil
}

// parserSays is the parser's error without the statement's text, which may hold what does not belong in a message.
func parserSays(err error) string {
	s := err.Error()
	if i := strings.Index(s, "near "); i >= 0 {
		s = s[:i]
	}
	return strings.TrimSpace(s)
}

// defaultGroup is the group of the current database's unsharded tables, or the first one.
func (c *session) defaultGroup() string {
	if d := c.known.catalog.Databases[c.db]; d != nil {
		return d.DefaultGroup
	}
	return c.known.catalog.Groups[0]
}

// explainRoute is the statement behind EXPLAIN ROUTE, nil when this is none.
func (c *session) explainRoute() []byte {
	text := c.st.Text[:c.st.End]
	if i := len(text) - len(bytes.TrimLeft(text, " \t\r\n")); len(text) < i+8 || text[i]|0x20 != 'e' {
		return nil
	}
	lex := fingerprint.Lexer{Text: text, Mode: c.st.Mode}
	for _, want := range []string{"explain", "route"} {
		t := lex.Next()
		for t.Kind == fingerprint.TokenSpace {
			t = lex.Next()
		}
		if !strings.EqualFold(string(text[t.Start:t.End]), want) {
			return nil
		}
	}
	return bytes.TrimLeft(text[lex.Pos():], " \t\r\n")
}
