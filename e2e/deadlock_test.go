package e2e

// deadlock_test.go: transactions that wait for each other in different groups: exactly one is ended, soon, with all that it
// has locked anywhere; and nobody is who only waits. The scenarios are in deadlock_scenarios_test.go.

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
	"serval/proxy"
)

// threeGroups has six rows, ids 0 to 5, two in each group: 0 and 1 in g0.
const threeGroups = `
listeners: ["{{.Listen}}"]
admin: off
log: {level: warn}
users: {app: {password: app}}
defaults: {user: app, password: app, pool: {max: 100}}
groups:
  g0: {primary: "{{.Node 0}}"}
  g1: {primary: "{{.Node 1}}"}
  g2: {primary: "{{.Node 2}}"}
databases:
  bank:
    default_group: g0
    tables:
      kv:
        shard: {column: id, by: hash_mod, shards: 6, groups: [g0, g1, g2], database: "bank_{shard}"}
`

const deadlockDDL = `USE bank;
CREATE TABLE kv (
  id BIGINT NOT NULL PRIMARY KEY,
  v BIGINT NOT NULL
);
`

// deadlockSoon is how long a circle may last.
const deadlockSoon = 3 * time.Second

type deadlockBed struct {
	*cluster.Cluster
	servals []*proxy.Server // two
	logs    *logLines       // of both
}

// logLines keeps what is logged.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	return len(p), nil
}

func (l *logLines) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// newDeadlockBed starts three servers and two Servals, whose accounts there are made by the statements given, if any.
func newDeadlockBed(t *testing.T, kind servers.Kind, layout string, options []string, account ...string) *deadlockBed {
	t.Helper()
	bed := &deadlockBed{logs: &logLines{}, Cluster: cluster.Start(t, kind, cluster.Shape{Schema: deadlockDDL, Layout: layout, Nodes: 3,
		Server: append([]string{"--innodb-lock-wait-timeout=20"}, options...)})}
	for _, n := range bed.Nodes {
		if err := n.Exec(account...); err != nil {
			t.Fatal(err)
		}
	}
	bed.reset(t)
	for range 2 {
		bed.servals = append(bed.servals, bed.serval(t))
	}
	return bed
}

// serval starts one more.
func (bed *deadlockBed) serval(t *testing.T) *proxy.Server {
	t.Helper()
	s := proxy.NewServer(bed.Config, slog.New(slog.NewTextHandler(bed.logs, &slog.HandlerOptions{Level: slog.LevelInfo})))
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (bed *deadlockBed) reset(t *testing.T) {
	t.Helper()
	for id, p := range bed.Tables[0].Places {
		if err := p.Node.Exec(fmt.Sprintf("REPLACE INTO `%s`.`%s` VALUES (%d, 0)", p.Database, p.Table, id)); err != nil {
			t.Fatal(err)
		}
	}
}

// physical is a statement on the table of a row as its server has it.
func (bed *deadlockBed) physical(id int, sql string) string {
	p := bed.Tables[0].Places[id]
	return strings.ReplaceAll(sql, "kv", "`"+p.Database+"`.`"+p.Table+"`")
}

func (bed *deadlockBed) value(t *testing.T, id int) string {
	t.Helper()
	rows, err := bed.Tables[0].Places[id].Node.Query(bed.physical(id, fmt.Sprintf("SELECT v FROM kv WHERE id = %d", id)))
	if err != nil || len(rows) != 1 {
		t.Fatalf("row %d: %v %v", id, rows, err)
	}
	return rows[0][0]
}

// locked tells whether somebody has a lock on a row.
func (bed *deadlockBed) locked(t *testing.T, id int) bool {
	t.Helper()
	err := bed.Tables[0].Places[id].Node.Exec("SET SESSION innodb_lock_wait_timeout = 1", bed.physical(id, fmt.Sprintf("SELECT v FROM kv WHERE id = %d FOR UPDATE", id)))
	if err != nil && !strings.Contains(err.Error(), "1205") {
		t.Fatal(err)
	}
	return err != nil
}

// party is one of those who wait for each other.
type party struct {
	conn   *raw.Conn
	first  []string // what it does before
	wants  string   // what it waits with, "": it does not
	binary bool     // by a prepared statement
	only   int      // a row that it alone locks, -1: none
	end    string
}

// reply is what a party was told.
type reply struct {
	party  int
	answer *raw.Answer
	err    error
	at     time.Time
}

func (p *party) ask() (*raw.Answer, error) {
	if !p.binary {
		answers, err := p.conn.Query(p.wants)
		if err != nil {
			return nil, err
		}
		return &answers[len(answers)-1], nil
	}
	st, refused, err := p.conn.Prepare(p.wants)
	if err != nil || refused != nil {
		return refused, err
	}
	answers, err := st.Execute()
	if err != nil {
		return nil, err
	}
	return &answers[len(answers)-1], nil
}

// fight has the parties wait for each other, in their order. Exactly one has to be ended; all the others go on and end
// their transactions. It returns the victim.
func fight(t *testing.T, bed *deadlockBed, parties []party) int {
	t.Helper()
	for _, p := range parties {
		done(t, p.conn, p.first...)
	}
	replies := make(chan reply, len(parties))
	var asked sync.WaitGroup
	defer asked.Wait()
	for i := range parties {
		asked.Go(func() {
			answer, err := parties[i].ask()
			replies <- reply{i, answer, err, time.Now()}
		})
		time.Sleep(100 * time.Millisecond)
	}
	closed := time.Now()
	victim := -1
	for range parties {
		r := <-replies
		p := &parties[r.party]
		switch {
		case r.err != nil:
			t.Fatalf("party %d: %v", r.party, r.err)
		case r.answer.Kind == raw.Error && victim < 0:
			victim = r.party
			if r.answer.Code != 1213 || r.answer.State != "40001" || r.answer.Message != "Deadlock found when trying to get lock; try restarting transaction" {
				t.Errorf("party %d: %+v", r.party, r.answer)
			}
			t.Logf("party %d ended after %v", r.party, r.at.Sub(closed).Round(time.Millisecond))
			if took := r.at.Sub(closed); took > deadlockSoon {
				t.Errorf("the deadlock lasted %v", took)
			}
			if p.only >= 0 && bed.locked(t, p.only) {
				t.Errorf("row %d of the victim is still locked", p.only)
			}
		case r.answer.Kind == raw.Error:
			t.Errorf("party %d ended too: %+v", r.party, r.answer)
		default:
			done(t, p.conn, p.end)
		}
	}
	if victim < 0 {
		t.Fatal("nobody ended")
	}
	return victim
}

// retry has the victim do it all again: its session is as before its transaction.
func retry(t *testing.T, p *party) {
	t.Helper()
	if a := say(t, p.conn, "SELECT 1"); a.Kind != raw.Rows {
		t.Fatalf("%+v", a)
	}
	done(t, p.conn, append(slices.Clone(p.first), p.wants, p.end)...)
}

// circle makes parties of which each has a row of its own group, and another one there, and wants the next one's.
func circle(conns []*raw.Conn, begin, end string) []party {
	parties := make([]party, len(conns))
	for i, c := range conns {
		own, next := 2*i, 2*((i+1)%len(conns))
		parties[i] = party{conn: c, only: own + 1, wants: add(next), end: end, first: []string{begin, add(own), add(own + 1)}}
	}
	return parties
}

func add(id int) string { return fmt.Sprintf("UPDATE kv SET v = v + 1 WHERE id = %d", id) }

func TestDeadlocks(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for locks: not with -short")
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			var options []string
			if kind == servers.MySQL {
				options = []string{"--performance-schema=ON"} // the default of MySQL, which these tests' servers are started without
			}
			bed := newDeadlockBed(t, kind, threeGroups, options)
			for _, c := range []struct {
				name string
				run  func(*testing.T, *deadlockBed)
			}{
				{"two sessions", func(t *testing.T, bed *deadlockBed) { deadlockCircle(t, bed, "BEGIN", "COMMIT", 0, 0) }},
				{"two Servals", func(t *testing.T, bed *deadlockBed) { deadlockCircle(t, bed, "BEGIN", "COMMIT", 0, 1) }},
				{"three groups", func(t *testing.T, bed *deadlockBed) { deadlockCircle(t, bed, "BEGIN", "COMMIT", 0, 0, 0) }},
				{"three groups, two Servals", func(t *testing.T, bed *deadlockBed) { deadlockCircle(t, bed, "BEGIN", "COMMIT", 0, 1, 0) }},
				{"autocommit off", func(t *testing.T, bed *deadlockBed) { deadlockCircle(t, bed, "SET autocommit = 0", "COMMIT", 0, 1) }},
				{"best effort", func(t *testing.T, bed *deadlockBed) {
					deadlockCircle(t, bed, "SET serval_transactions = best_effort; BEGIN", "COMMIT", 0, 0)
				}},
				{"prepared statements", deadlockPrepared},
				{"a transaction of one group between", deadlockBetween},
				{"a client of the server between", deadlockDirect},
				{"a statement with a transaction of its own", deadlockAutocommit},
				{"statements over shards", deadlockScatter},
				{"readers that lock", deadlockReaders},
				{"several statements in one command", deadlockMulti},
				{"a victim that gets its lock", deadlockUnharmed},
				{"close", deadlockClose},
				{"close while reading", deadlockCloseReading},
				{"many circles", deadlockMany},
				{"contention", deadlockContention},
				{"contention of statements", deadlockStatements},
			} {
				t.Run(c.name, func(t *testing.T) {
					bed.reset(t)
					c.run(t, bed)
					bed.nothingLeft(t)
				})
			}
		})
	}
}

// nothingLeft checks that no transaction is open on any server, and that what was published is taken back.
func (bed *deadlockBed) nothingLeft(t *testing.T) {
	t.Helper()
	const open = "SELECT trx_mysql_thread_id, trx_state, trx_query FROM information_schema.innodb_trx WHERE trx_rows_locked > 0"
	var left []string
	for range 10 {
		left = nil
		for _, n := range bed.Nodes {
			rows, err := n.Query(open)
			if err != nil {
				t.Fatal(err)
			}
			published, err := n.Query("SELECT * FROM serval.waits")
			if err != nil && !strings.Contains(err.Error(), "1146") && !strings.Contains(err.Error(), "1049") {
				t.Fatal(err)
			}
			for _, r := range append(rows, published...) {
				left = append(left, strings.Join(r, " "))
			}
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(500 * time.Millisecond)
	}
	t.Errorf("left behind: %q", left)
}

// dialAll connects to Servals by their numbers.
func (bed *deadlockBed) dialAll(t *testing.T, numbers ...int) []*raw.Conn {
	t.Helper()
	servals := make([]*proxy.Server, len(numbers))
	for i, n := range numbers {
		servals[i] = bed.servals[n]
	}
	return dialEach(t, servals...)
}

func dialEach(t *testing.T, servals ...*proxy.Server) []*raw.Conn {
	t.Helper()
	conns := make([]*raw.Conn, len(servals))
	for i, s := range servals {
		c, err := raw.Dial(s.Addr().String(), raw.Options{User: servers.User, Password: servers.Password, Database: "bank", MultiStatements: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		conns[i] = c
	}
	return conns
}

// TestDeadlocksUnwatched: where servers do not tell of lock waits, a circle ends with the lock wait timeout, and the operator
// is told so.
func TestDeadlocksUnwatched(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for locks: not with -short")
	}
	account := []string{"CREATE USER less IDENTIFIED BY 'less'", "GRANT ALL ON `bank%`.* TO less", "GRANT ALL ON serval.* TO less"}
	for _, kind := range servers.Kinds(t) {
		type unwatched struct{ name, schema, grant, why string }
		cases := []unwatched{{"no privilege", "ON", "", "the account needs PROCESS"}}
		if kind == servers.MySQL {
			cases = []unwatched{
				{"no privilege", "ON", "GRANT XA_RECOVER_ADMIN ON *.* TO less", "the account needs SELECT on performance_schema.data_lock_waits"},
				{"off", "OFF", "GRANT XA_RECOVER_ADMIN ON *.* TO less", "performance_schema=OFF"},
			}
		}
		for _, c := range cases {
			t.Run(string(kind)+"/"+c.name, func(t *testing.T) {
				grants := slices.DeleteFunc(append(slices.Clone(account), c.grant), func(sql string) bool { return sql == "" })
				if c.schema == "OFF" {
					grants = append(grants, "GRANT SELECT ON performance_schema.* TO less")
				}
				bed := newDeadlockBed(t, kind, strings.Replace(threeGroups, "user: app, password: app", "user: less, password: less", 1),
					[]string{"--innodb-lock-wait-timeout=3", "--performance-schema=" + c.schema}, grants...)
				parties := circle(bed.dialAll(t, 0, 0), "BEGIN", "ROLLBACK")
				timedOut := make([]bool, 2)
				var asked sync.WaitGroup
				for i, p := range parties {
					done(t, p.conn, p.first...)
					asked.Go(func() {
						// More than a second apart: MySQL looks for waits that are over once a second, each server at moments of its own,
						// and what is left gives the first the time to roll back.
						time.Sleep(time.Duration(i) * 2 * time.Second)
						a, err := p.ask()
						if err != nil {
							t.Error(err)
							return
						}
						timedOut[i] = a.Kind == raw.Error && a.Code == 1205
						done(t, p.conn, "ROLLBACK")
					})
				}
				asked.Wait()
				if !timedOut[0] || timedOut[1] {
					t.Errorf("ended by the lock wait timeout: %v, want the first", timedOut)
				}
				if n := bed.logs.count(c.why); n == 0 || n > len(bed.Nodes) {
					t.Errorf("%d warnings, want one for each group: %q", n, bed.logs.lines)
				}
			})
		}
	}
}
