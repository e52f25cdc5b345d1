package e2e

// dml_random_test.go: random statements that write (package dml), on the plain server and through Serval, compared answer
// by answer and every few statements table by table, shard by shard. A refusal is no difference: the plain server is then not
// asked. What differs is cut down to the few statements that make it differ.

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"serval/config"
	"serval/e2e/cluster"
	"serval/e2e/dml"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

const (
	dmlRound       = 160  // statements from the same data on
	dmlLook        = 20   // statements between two comparisons of the tables
	dmlRefusals    = 0.05 // the share of statements that may be refused
	dmlDifferences = 4    // that are looked for before it is given up
)

func TestRandomDML(t *testing.T) {
	if testing.Short() {
		t.Skip("a scenario: not with -short")
	}
	seed := bankSeed(t)
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			r := newDMLRun(t, kind)
			r.rounds(t, seed, duration(t, 20*time.Second))
		})
	}
}

// dmlRun is the comparison on one kind of server.
type dmlRun struct {
	bed        *bed
	statements int
	failed     int // statements that both sides answered with the same error
	prepared   int
	refusals   map[string]int
	refused    int
}

func newDMLRun(t *testing.T, kind servers.Kind) *dmlRun {
	t.Helper()
	shape := cluster.Shape{Schema: dml.Schema(), Layout: dml.Layout(), Nodes: 3, Plain: true, Server: bedServer}
	b := &bed{Cluster: cluster.Start(t, kind, shape), primary: map[string]string{}, formula: map[string]string{}}
	b.addr = startServal(t, b.Cluster)
	for _, x := range dml.Tables() {
		b.primary[dml.Database+"."+x.Name] = strings.Join(x.Primary, ", ")
		b.formula[x.Name] = x.Formula
	}
	return &dmlRun{bed: b, refusals: map[string]int{}}
}

// rounds runs rounds until the time is over. Every round begins with empty tables, and is one of the seed's own.
func (r *dmlRun) rounds(t *testing.T, seed uint64, d time.Duration) {
	start, differences := time.Now(), 0
	for n := uint64(0); time.Since(start) < d && differences < dmlDifferences; n++ {
		list := r.list(seed + n)
		difference := r.round(list, true)
		if difference == "" {
			continue
		}
		differences++
		list, difference = r.shrink(list, difference)
		var text []string
		for i := range list {
			text = append(text, list[i].String())
		}
		t.Errorf("SERVAL_E2E_SEED=%d: what makes the difference, from empty tables on:\n%s\n%s", seed+n, strings.Join(text, "\n"), difference)
	}
	r.report(t, time.Since(start))
}

func (r *dmlRun) report(t *testing.T, d time.Duration) {
	total := r.statements + r.refused
	share := float64(r.refused) / float64(max(total, 1))
	t.Logf("%d statements in %.0f s: %d compared (%d prepared, %d of them errors), %d refused (%.1f %%)",
		total, d.Seconds(), r.statements, r.prepared, r.failed, r.refused, 100*share)
	var texts []string
	for text := range r.refusals {
		texts = append(texts, text)
	}
	sort.Slice(texts, func(i, j int) bool { return r.refusals[texts[i]] > r.refusals[texts[j]] })
	for _, text := range texts[:min(len(texts), 15)] {
		t.Logf("refused %5d: %s", r.refusals[text], clip(text))
	}
	if share > dmlRefusals {
		t.Errorf("%.1f %% of the statements were refused, %.0f %% may be", 100*share, 100*dmlRefusals)
	}
}

// dmlStatement is a statement and how it is sent.
type dmlStatement struct {
	dml.Statement
	parameters uint64 // which literals become parameters, as bits; 0: sent as text
	again      bool   // executed twice
}

func (s *dmlStatement) String() string {
	text := s.SQL + ";"
	if s.Session != "" {
		text += " -- connection " + s.Session
	}
	if s.parameters != 0 {
		sql, _ := s.withParameters()
		text += " -- prepared: " + sql
	}
	if s.again {
		text += " -- twice"
	}
	return text
}

// withParameters is the statement with the chosen literals as parameters.
func (s *dmlStatement) withParameters() (string, []literal) {
	var chosen []literal
	for i, l := range literals(s.SQL, literalMode{}) {
		if s.parameters>>(i%64)&1 == 1 {
			chosen = append(chosen, l)
		}
	}
	return withParameters(s.SQL, chosen), chosen
}

// list is a round's statements: a function of the seed and the kind of server.
func (r *dmlRun) list(seed uint64) []dmlStatement {
	g, rnd := dml.New(seed, r.bed.Kind == servers.MySQL), rand.New(rand.NewPCG(seed, 55))
	var list []dmlStatement
	for range dmlRound {
		s := dmlStatement{Statement: g.Next()}
		if rnd.IntN(4) == 0 && readOnly.FindString(s.SQL) == "" {
			s.parameters = rnd.Uint64()
			s.again = rnd.IntN(5) == 0
		}
		list = append(list, s)
	}
	return list
}

// round runs statements from empty tables on and tells the first difference. counted: they count in the report.
func (r *dmlRun) round(list []dmlStatement, counted bool) string {
	if err := r.bed.everywhere(func(database, table string, _ *cluster.Table) []string {
		return []string{fmt.Sprintf("DELETE FROM `%s`.`%s`", database, table)}
	}); err != nil {
		return fmt.Sprintf("empty the tables: %v", err)
	}
	p := newPair(r.bed)
	defer p.close()
	quiet := &dmlRun{bed: r.bed, refusals: map[string]int{}}
	if counted {
		quiet = r
	}
	for i := range list {
		if d := quiet.one(p, &list[i]); d != "" {
			quiet.rollBack(p)
			return list[i].String() + "\n" + d
		}
		if i%dmlLook == dmlLook-1 || i == len(list)-1 {
			if d := quiet.contents(p, i == len(list)-1); d != "" {
				quiet.rollBack(p)
				return d
			}
		}
	}
	return ""
}

// rollBack ends open transactions, so that nobody waits for what a connection that is being closed still holds.
func (r *dmlRun) rollBack(p *pair) {
	for _, s := range p.sessions {
		for _, c := range []*raw.Conn{s.plain, s.serval} {
			if c != nil {
				_, _ = c.Query("ROLLBACK") // a broken connection holds nothing for long
			}
		}
	}
}

// one runs a statement on both sides and tells what differs.
func (r *dmlRun) one(p *pair, st *dmlStatement) string {
	c := &testCase{sql: st.SQL, session: st.Session, connect: []string{"db=" + dml.Database}}
	if st.Session == "found" {
		c.connect = append(c.connect, "found_rows")
	}
	s, err := p.session(c)
	if err != nil {
		return err.Error()
	}
	if st.parameters != 0 {
		return r.onePrepared(s, st, c)
	}
	serval, err := s.serval.Query(st.SQL)
	if err != nil {
		return "serval's " + s.lostServal(err)
	}
	if r.isRefusal(serval) {
		return r.even(s)
	}
	plain, err := s.plain.Query(st.SQL)
	if err != nil {
		return "the plain server's " + s.lostPlain(err)
	}
	return r.compare(s, c, plain, serval)
}

// onePrepared prepares a statement on both sides; what cannot be prepared is not run.
func (r *dmlRun) onePrepared(s *session, st *dmlStatement, c *testCase) string {
	sql, list := st.withParameters()
	b := &both{session: s, c: c, sql: sql}
	var servalError, plainError *raw.Answer
	var err error
	if b.serval, servalError, err = s.serval.Prepare(sql); err != nil {
		return "serval's " + s.lostServal(err)
	}
	if servalError != nil && r.isRefusal([]raw.Answer{*servalError}) {
		return r.even(s)
	}
	if b.plain, plainError, err = s.plain.Prepare(sql); err != nil {
		return "the plain server's " + s.lostPlain(err)
	}
	defer b.close()
	if (servalError == nil) != (plainError == nil) {
		return fmt.Sprintf("prepare: plain %v, serval %v", plainError, servalError)
	}
	if servalError != nil {
		return answerDifference(plainError, servalError, c)
	}
	r.prepared++
	for range 1 + map[bool]int{true: 1}[st.again] {
		serval, err := b.serval.Execute(values(list, 0)...)
		if err != nil {
			return "serval's " + s.lostServal(err)
		}
		if r.isRefusal(serval) {
			return r.even(s)
		}
		plain, err := b.plain.Execute(values(list, 0)...)
		if err != nil {
			return "the plain server's " + s.lostPlain(err)
		}
		if d := r.compare(s, c, plain, serval); d != "" {
			return d
		}
	}
	return ""
}

// isRefusal tells whether Serval has refused, and counts it.
func (r *dmlRun) isRefusal(serval []raw.Answer) bool {
	a := serval[len(serval)-1]
	if a.Kind != raw.Error || a.Code != 1235 || !strings.HasPrefix(a.Message, "Serval ") {
		return false
	}
	r.refused++
	r.refusals[a.Message]++
	return true
}

// even gives both sides the same last statement after a refusal, which only one of them has had.
func (r *dmlRun) even(s *session) string {
	for _, c := range []*raw.Conn{s.plain, s.serval} {
		if _, err := c.Query("DO 0"); err != nil {
			return fmt.Sprintf("DO 0: %v", err)
		}
	}
	return ""
}

func (r *dmlRun) compare(s *session, c *testCase, plain, serval []raw.Answer) string {
	r.statements++
	last := plain[len(plain)-1]
	if last.Kind == raw.Error {
		r.failed++
	}
	d := ""
	switch other := &serval[len(serval)-1]; {
	case last.Kind == raw.Error && other.Kind == raw.Error && ofSelect.MatchString(c.sql):
		return "" // which of several bad rows is named is not compared: their order is the servers' own
	case last.Kind == raw.Error && last.Code == other.Code && !strings.Contains(c.sql, "VALUES"):
		c.ignore = "message" // a key that two rows have, the one or the other
	case last.Kind == raw.OK && other.Kind == raw.OK && c.session == "found" && strings.Contains(c.sql, "ON DUPLICATE"):
		plain[len(plain)-1].Info = other.Info // one row that finds itself unchanged says what an inserted one says
	case last.Info == "" && other.Info == nothingMatched && r.bed.Kind == servers.MariaDB:
		plain[len(plain)-1].Info = other.Info // MariaDB tells nothing of conditions that its optimizer finds cannot be met
	}
	if d = difference(plain, serval, c); d != "" || last.Warnings == 0 || last.Kind == raw.Error {
		return d
	}
	if !strings.HasPrefix(c.sql, "UPDATE") {
		return s.compareWarnings(last)
	}
	return s.compareUpdateWarnings()
}

const nothingMatched = "Rows matched: 0  Changed: 0  Warnings: 0"

// ofSelect finds INSERT and REPLACE of the rows of a SELECT.
var ofSelect = regexp.MustCompile(`(?s)^(INSERT|REPLACE).*SELECT`)

var atRow = regexp.MustCompile(` at row \d+`)

// compareUpdateWarnings compares the warnings of an UPDATE without the numbers of rows: those count the rows in the order
// in which they are met, which is a server's own choice.
func (s *session) compareUpdateWarnings() string {
	var list [2][]string
	for i, c := range []*raw.Conn{s.plain, s.serval} {
		a, err := c.Query("SHOW WARNINGS")
		if err != nil {
			return fmt.Sprintf("SHOW WARNINGS: %v", err)
		}
		for _, text := range texts(&a[0]) {
			list[i] = append(list[i], atRow.ReplaceAllString(text, ""))
		}
		slices.Sort(list[i])
	}
	if !slices.Equal(list[0], list[1]) {
		return fmt.Sprintf("SHOW WARNINGS\n  plain:  %q\n  serval: %q", list[0], list[1])
	}
	return ""
}

// contents compares all tables, in the transaction that may be open; at the end also where each row is.
func (r *dmlRun) contents(p *pair, end bool) string {
	for i := range r.bed.Tables {
		table := &r.bed.Tables[i]
		name := table.Database + "." + table.Name
		sql := "SELECT * FROM " + name + " ORDER BY " + r.bed.primary[name]
		for _, s := range p.sessions {
			plain, err := s.plain.Query(sql)
			if err != nil {
				return fmt.Sprintf("%s: %v", sql, err)
			}
			serval, err := s.serval.Query(sql)
			if err != nil {
				return fmt.Sprintf("%s: %v", sql, err)
			}
			if d := difference(plain, serval, &testCase{sql: sql}); d != "" {
				return sql + "\n" + d
			}
		}
	}
	if !end {
		return ""
	}
	r.rollBack(p)
	for i := range r.bed.Tables {
		if d := r.physical(p, &r.bed.Tables[i]); d != "" {
			return d
		}
	}
	return ""
}

// physical checks that the rows on the nodes are the plain server's, and that each is where its key leads.
func (r *dmlRun) physical(p *pair, table *cluster.Table) string {
	if d, err := r.bed.physicalDifference(table); d != "" || err != nil {
		return fmt.Sprintf("%s %v", d, err)
	}
	if table.Kind != config.Sharded || r.bed.formula[table.Name] != "" {
		return ""
	}
	s, err := p.session(&testCase{connect: []string{"db=" + dml.Database}})
	if err != nil {
		return err.Error()
	}
	keys, err := r.bed.Plain.Query(fmt.Sprintf("SELECT QUOTE(%[1]s), COUNT(*) FROM %[2]s.%[3]s GROUP BY %[1]s", table.Key, table.Database, table.Name))
	if err != nil {
		return err.Error()
	}
	for _, k := range keys { // each key leads into one shard, and all of its rows have to be there
		sql := fmt.Sprintf("SELECT * FROM %s WHERE %s = %s", table.Name, table.Key, k[0])
		a, err := s.serval.Query(sql)
		if err != nil {
			return fmt.Sprintf("%s: %v", sql, err)
		}
		if fmt.Sprint(len(a[0].Rows)) != k[1] {
			return fmt.Sprintf("%s finds %d rows, there are %s", sql, len(a[0].Rows), k[1])
		}
	}
	return ""
}

// waited tells whether a lock is what a difference is about: without its COMMITs, a list of statements waits for itself.
func waited(difference string) bool {
	return strings.Contains(difference, "Lock wait timeout") || strings.Contains(difference, "connection: ")
}

// shrink leaves statements out, as many as can be while something differs, for a minute at most.
func (r *dmlRun) shrink(list []dmlStatement, difference string) ([]dmlStatement, string) {
	deadline := time.Now().Add(time.Minute)
	for size := max(len(list)/2, 1); size >= 1; size /= 2 {
		for end := len(list); end >= size && time.Now().Before(deadline); end -= size {
			fewer := slices.Concat(list[:end-size], list[end:])
			if d := r.round(fewer, false); d != "" && waited(d) == waited(difference) {
				list, difference = fewer, d
			}
		}
	}
	return list, difference
}
