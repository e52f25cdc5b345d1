package e2e

// scripts_test.go: transactions of clients that take turns, on the plain server and through Serval, compared answer by
// answer and then table by table. Both sides run a script at the same time, each by itself.

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

// scriptCheck gives the scripts a constraint that an UPDATE can break in any shard.
const scriptCheck = "ADD CONSTRAINT ck_balance CHECK (balance > -100000)"

func TestScripts(t *testing.T) {
	scripts := readScripts(t)
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			if err := b.everywhere(checkSQL); err != nil {
				t.Fatal(err)
			}
			r := newScriptRunner(t, b)
			start := time.Now()
			for i := range scripts {
				if s := &scripts[i]; s.only == "" || s.only == string(kind) {
					r.script(t, s)
				}
			}
			t.Logf("%s: %d scripts, %d runs at their isolation levels, %d statements compared, %d refusals checked, %d runs failed, %.0f s",
				kind, r.scripts, r.runs, r.statements, r.refusals, r.failed, time.Since(start).Seconds())
			t.Run("nothing is left prepared", r.nothingPrepared)
		})
	}
}

func checkSQL(database, table string, t *cluster.Table) []string {
	if t.Name != "users" {
		return nil
	}
	return []string{fmt.Sprintf("ALTER TABLE `%s`.`%s` %s", database, table, scriptCheck)}
}

// scriptRunner runs scripts on a bed.
type scriptRunner struct {
	bed           *bed
	plain, serval []*raw.Conn     // one to each server of a side, to see who waits
	stale         map[string]bool // tables ("db.table") that scripts may have changed
	names         map[string]*regexp.Regexp

	scripts, runs, statements, refusals, failed int
}

func newScriptRunner(t *testing.T, b *bed) *scriptRunner {
	t.Helper()
	watch := func(s *servers.Server) *raw.Conn {
		c := dial(t, s.Addr(), "")
		t.Cleanup(c.Cut)
		return c
	}
	r := &scriptRunner{bed: b, plain: []*raw.Conn{watch(b.Plain)}, stale: map[string]bool{}, names: map[string]*regexp.Regexp{}}
	if b.twin != nil {
		r.serval = []*raw.Conn{watch(b.twin)}
	} else {
		for _, n := range b.Nodes {
			r.serval = append(r.serval, watch(n))
		}
	}
	for i := range b.Tables {
		x := &b.Tables[i]
		r.names[x.Database+"."+x.Name] = regexp.MustCompile(`\b` + x.Name + `\b`)
	}
	return r
}

// script runs a script at each of its levels.
func (r *scriptRunner) script(t *testing.T, s *script) {
	r.scripts++
	for _, level := range s.levels {
		r.count(s)
		r.runs++
		name := fmt.Sprintf("%s:%d %s", s.file, s.line, s.name)
		if level != "" {
			name += "/" + level
		}
		if !t.Run(name, func(t *testing.T) { r.run(t, s, level) }) {
			r.failed++
		}
	}
}

func (r *scriptRunner) count(s *script) {
	for i := range s.steps {
		switch {
		case s.steps[i].refused != "" && r.bed.twin == nil:
			r.refusals++
		case s.steps[i].refused != "":
		case s.steps[i].kind != stepRead:
			r.statements++
		}
	}
}

func (r *scriptRunner) run(t *testing.T, s *script, level string) {
	touched := r.touched(s)
	if err := r.restore(touched); err != nil {
		t.Fatalf("restore the data: %v", err)
	}
	plain := &scriptSide{addr: r.bed.Plain.Addr(), watch: r.plain, reference: true, level: level}
	serval := &scriptSide{addr: r.bed.addr, watch: r.serval, reference: r.bed.twin != nil, level: level}
	var wg sync.WaitGroup
	for _, side := range []*scriptSide{plain, serval} {
		wg.Go(func() { side.play(s) })
	}
	wg.Wait()
	for name := range touched {
		r.stale[name] = true
	}
	for i := range s.steps {
		st := &s.steps[i]
		if d := stepDifference(st, plain.at(i), serval.at(i), r.bed.twin != nil); d != "" {
			t.Errorf("%s:%d: %s\n%s", s.file, st.line, clip(st.describe()), d)
		}
	}
	if plain.err != nil || serval.err != nil {
		t.Fatalf("plain: %v\nserval: %v", plain.err, serval.err)
	}
	r.bed.compareTables(t, func(x *cluster.Table) bool { return touched[x.Database+"."+x.Name] })
}

// touched are the tables that a script's writing statements name.
func (r *scriptRunner) touched(s *script) map[string]bool {
	tables := map[string]bool{}
	for i := range s.steps {
		if !changes(s.steps[i].sql) {
			continue
		}
		for name, pattern := range r.names {
			if pattern.MatchString(s.steps[i].sql) {
				tables[name] = true
			}
		}
	}
	return tables
}

// restore puts back what a script is going to change and others have changed before.
func (r *scriptRunner) restore(tables map[string]bool) error {
	return r.bed.everywhere(func(database, table string, t *cluster.Table) []string {
		name := t.Database + "." + t.Name
		if !tables[name] || !r.stale[name] {
			return nil
		}
		return append([]string{"SET innodb_lock_wait_timeout = 20"}, r.bed.restoreSQL(database, table, t)...)
	})
}

// nothingPrepared checks that no branch of a transaction is left behind.
func (r *scriptRunner) nothingPrepared(t *testing.T) {
	for _, watch := range r.serval {
		for range 100 {
			a := one(t, watch, "XA RECOVER")
			if a.Kind == raw.Rows && len(a.Rows) == 0 {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if a := one(t, watch, "XA RECOVER"); len(a.Rows) > 0 {
			t.Errorf("XA RECOVER: %q", a.Rows)
		}
	}
}

// scriptSide is one side's run of a script.
type scriptSide struct {
	addr      string
	watch     []*raw.Conn
	reference bool // a plain server
	level     string
	clients   map[string]*scriptClient
	outcomes  []*outcome // one for each step that was done
	err       error      // what ended the run early
}

// scriptClient is a client of a script.
type scriptClient struct {
	conn    *raw.Conn
	counts  bool          // its next statement asks for ROW_COUNT(), which COM_PING sets
	pending chan *outcome // of what was sent and is not read yet
	waited  bool          // that waited for a lock
	lost    bool          // the connection has ended
}

// outcome is what a step came to.
type outcome struct {
	answers  []raw.Answer
	warnings []raw.Answer // SHOW WARNINGS, when there were some
	ping     *raw.Answer  // the status after an error, whose packet has none
	lost     bool
	waited   bool
	sent     bool // nothing is known yet
}

func (s *scriptSide) at(i int) *outcome {
	if i < len(s.outcomes) {
		return s.outcomes[i]
	}
	return nil
}

func (s *scriptSide) play(sc *script) {
	s.clients = map[string]*scriptClient{}
	defer s.close()
	for _, name := range sc.clients {
		if s.err = s.open(sc, name); s.err != nil {
			return
		}
	}
	for i := range sc.steps {
		st := &sc.steps[i]
		if s.reference && st.refused != "" {
			s.outcomes = append(s.outcomes, nil)
			continue
		}
		s.clients[st.client].counts = asksRowCount(sc.steps[i+1:], st.client)
		o, err := s.step(st)
		s.outcomes = append(s.outcomes, o)
		if err != nil {
			s.err = fmt.Errorf("%s:%d: %w", sc.file, st.line, err)
			return
		}
	}
}

// asksRowCount tells whether a client's next statement asks for ROW_COUNT().
func asksRowCount(steps []step, client string) bool {
	i := slices.IndexFunc(steps, func(st step) bool { return st.client == client && st.kind != stepRead })
	return i >= 0 && strings.Contains(steps[i].sql, "ROW_COUNT")
}

// patience is how long clients wait for a lock in scripts where nobody is to wait in vain.
const patience = "SET SESSION innodb_lock_wait_timeout = 30"

func (s *scriptSide) open(sc *script, name string) error {
	conn, err := raw.Dial(s.addr, raw.Options{User: servers.User, Password: servers.Password, Database: "shop",
		FoundRows: slices.Contains(sc.foundRows, name), MultiStatements: slices.Contains(sc.multi, name)})
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	s.clients[name] = &scriptClient{conn: conn}
	var prelude []string
	if !sc.timeouts {
		prelude = append(prelude, patience)
	}
	if s.level != "" {
		prelude = append(prelude, "SET SESSION TRANSACTION ISOLATION LEVEL "+s.level)
	}
	for _, sql := range prelude {
		answers, err := conn.Query(sql)
		if err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
		if answers[0].Kind == raw.Error {
			return fmt.Errorf("%s: %s", sql, describe(answers))
		}
	}
	return nil
}

// close ends all clients; one that still waits is cut off.
func (s *scriptSide) close() {
	for _, c := range s.clients {
		switch {
		case c.pending != nil:
			_ = c.conn.NetConn().Close() // the connection is the waiting one's; its socket may be closed by anybody
			<-c.pending
			c.conn.Cut()
		case c.lost:
			c.conn.Cut()
		default:
			c.conn.Close()
		}
	}
}

func (s *scriptSide) step(st *step) (*outcome, error) {
	c := s.clients[st.client]
	if st.kind == stepRead {
		if c.pending == nil {
			return nil, fmt.Errorf("a mistake in the script: client %s has nothing to read", st.client)
		}
		o := <-c.pending
		c.pending = nil
		o.waited = c.waited
		return s.finish(c, o), nil
	}
	if c.pending != nil {
		return nil, fmt.Errorf("a mistake in the script: the answer of client %s is not read yet", st.client)
	}
	if c.lost {
		return &outcome{lost: true}, nil
	}
	sql := s.fill(st.sql)
	if st.kind == stepRun {
		return s.finish(c, ask(c.conn, sql)), nil
	}
	c.pending = make(chan *outcome, 1)
	go func() { c.pending <- ask(c.conn, sql) }()
	var err error
	c.waited, err = s.settle(c)
	return &outcome{sent: true}, err
}

// fill puts in what is each side's and level's own.
func (s *scriptSide) fill(sql string) string {
	if !strings.Contains(sql, "{") {
		return sql
	}
	sql = strings.ReplaceAll(sql, "{level}", s.level)
	for name, c := range s.clients {
		sql = strings.ReplaceAll(sql, "{"+name+"}", fmt.Sprint(c.conn.ID()))
	}
	return sql
}

// ask sends a statement, or a command that is none.
func ask(c *raw.Conn, sql string) *outcome {
	var (
		answers []raw.Answer
		a       *raw.Answer
		err     error
	)
	switch sql {
	case `\reset`:
		a, err = c.ResetConnection()
	case `\login`:
		a, err = c.ChangeUser(servers.User, servers.Password, "shop")
	default:
		answers, err = c.Query(sql)
	}
	if a != nil {
		answers = []raw.Answer{*a}
	}
	return &outcome{answers: answers, lost: err != nil}
}

// finish asks for what belongs to an answer: its warnings, and the status behind an error.
func (s *scriptSide) finish(c *scriptClient, o *outcome) *outcome {
	if o.lost {
		c.lost = true
		return o
	}
	last := &o.answers[len(o.answers)-1]
	switch {
	case last.Kind == raw.Error && c.counts:
	case last.Kind == raw.Error:
		if a, err := c.conn.Command(0x0e, ""); err == nil { // COM_PING leaves nearly everything as it is
			o.ping = a
		} else {
			c.lost = true
		}
	case last.Warnings > 0:
		o.warnings, _ = c.conn.Query("SHOW WARNINGS")
	}
	return o
}

// settle waits until a client's statement is answered or waits for a lock, and tells whether it waits.
func (s *scriptSide) settle(c *scriptClient) (bool, error) {
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		waiting, err := s.waits()
		if err != nil {
			return false, err
		}
		if len(c.pending) > 0 {
			return false, nil
		}
		outstanding := 0
		for _, other := range s.clients {
			if other.pending != nil && len(other.pending) == 0 {
				outstanding++
			}
		}
		if waiting >= outstanding {
			return true, nil
		}
	}
	return false, fmt.Errorf("a statement is neither answered nor waits for a lock")
}

// waits counts the statements that wait for a lock on the side's servers.
func (s *scriptSide) waits() (int, error) {
	n := 0
	for _, w := range s.watch {
		for _, sql := range []string{"SELECT 'x', COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for%lock%'",
			"SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"} {
			answers, err := w.Query(sql)
			if err != nil {
				return 0, err
			}
			values, err := raw.Values(answers[0].Rows[0], 2)
			if err != nil {
				return 0, err
			}
			var here int
			if _, err := fmt.Sscan(string(values[1].Text), &here); err != nil {
				return 0, err
			}
			n += here
		}
	}
	return n, nil
}

// describe is the step for a message.
func (st *step) describe() string {
	switch st.kind {
	case stepSend:
		return st.client + "?: " + st.sql
	case stepRead:
		return st.client + "!"
	}
	return st.client + ": " + st.sql
}

// stepDifference compares what a step came to on both sides; "" when it is the same, and what the script expects.
func stepDifference(st *step, plain, serval *outcome, twin bool) string {
	if st.refused != "" {
		if twin {
			return ""
		}
		if serval == nil || serval.lost {
			return "not refused: the connection is lost"
		}
		return refusal(serval.answers, &testCase{reason: st.refused})
	}
	if plain == nil || serval == nil || plain.sent {
		return "" // the run ended before, or there is nothing yet
	}
	if got := plain.code(); !slices.Contains(strings.Split(st.expect, "/"), got) {
		return fmt.Sprintf("a mistake in the script: the plain server answers %s, the script says => %s", plain, st.expect)
	}
	if plain.lost != serval.lost || plain.waited != serval.waited {
		return fmt.Sprintf("\n  plain:  %s\n  serval: %s", plain, serval)
	}
	if plain.lost {
		return ""
	}
	c := &testCase{sql: st.sql, unordered: st.unordered}
	if d := difference(plain.answers, serval.answers, c); d != "" {
		return d
	}
	if d := difference(plain.warnings, serval.warnings, &testCase{unordered: true}); d != "" {
		return "SHOW WARNINGS: " + d
	}
	if (plain.ping == nil) != (serval.ping == nil) {
		return fmt.Sprintf("\n  plain:  %s\n  serval: %s", plain, serval)
	}
	if plain.ping != nil {
		c.ignore = "warnings" // MySQL tells in a PING those of the statement before
		if d := answerDifference(plain.ping, serval.ping, c); d != "" {
			return "after the error: " + d
		}
	}
	return ""
}

// code is the outcome as a script expects it.
func (o *outcome) code() string {
	if o.lost {
		return "lost"
	}
	if last := &o.answers[len(o.answers)-1]; last.Kind == raw.Error {
		return fmt.Sprint(last.Code)
	}
	return ""
}

func (o *outcome) String() string {
	if o == nil {
		return "nothing"
	}
	text := describe(o.answers)
	if o.lost {
		text += " (connection lost)"
	}
	if o.waited {
		text += " (after waiting for a lock)"
	}
	return text
}
