package e2e

// chaos_test.go: two hundred clients that connect, ask and are cut at random while a server is killed and started again.
// Every answer that comes must be right; what a client was told is committed must be there; afterwards nothing is left:
// no goroutine, no connection on a server, no panic.

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
	"serval/proxy"
)

const (
	chaosClients = 200
	chaosRows    = 4000 // ids 1 to chaosRows never change
)

const chaosDDL = `USE sbtest;
CREATE TABLE kv (
  id BIGINT NOT NULL PRIMARY KEY,
  v VARCHAR(200) NOT NULL
);
`

// chaos is one run.
type chaos struct {
	addr string
	end  time.Time
	next atomic.Int64 // ids for inserts

	// downFrom and downTo frame the time in which the second group may not answer, in Unix nanoseconds.
	downFrom, downTo atomic.Int64

	answers, cuts, outages atomic.Int64

	mu       sync.Mutex
	wrong    []string
	kept     []int64 // ids whose insert was acknowledged
	maybe    []int64 // ids whose insert was not answered
	rejected []int64 // ids that were rolled back
}

func TestChaos(t *testing.T) {
	kind := scenarioKind(t)
	c := cluster.Start(t, kind, cluster.Shape{Schema: chaosDDL, Layout: fmt.Sprintf(eightShards, "kv"), Nodes: 2})
	fillChaos(t, c)
	before := goleak.IgnoreCurrent()
	var log lockedBuffer
	s := proxy.NewServer(c.Config, slog.New(slog.NewTextHandler(&log, nil)))
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	x := &chaos{addr: s.Addr().String(), end: time.Now().Add(duration(t, 10*time.Second))}
	x.next.Store(1_000_000)
	x.run(t, c.Nodes[1])
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if text := log.String(); strings.Contains(strings.ToLower(text), "panic") {
		t.Errorf("serval's log tells of a panic:\n%s", text)
	}
	// The restarted server's supervisor is the test's own.
	if err := goleak.Find(before, goleak.IgnoreAnyFunction("serval/e2e/servers.supervise")); err != nil {
		t.Errorf("left behind: %v", err)
	}
	for _, n := range c.Nodes {
		idle(t, n)
	}
	x.report(t)
	x.checkRows(t, c)
}

func fillChaos(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	for shard, p := range c.Tables[0].Places {
		var values []string
		for id := int64(1); id <= chaosRows; id++ {
			if shardOf(id) == shard {
				values = append(values, fmt.Sprintf("(%d, '%s')", id, chaosValue(id)))
			}
		}
		if err := p.Node.Exec(fmt.Sprintf("INSERT INTO `%s`.`%s` VALUES %s", p.Database, p.Table, strings.Join(values, ","))); err != nil {
			t.Fatal(err)
		}
	}
}

// chaosValue is long enough that a scatter does not fit into socket buffers, so that cuts meet it half-way.
func chaosValue(id int64) string { return fmt.Sprintf("v-%d-%s", id, strings.Repeat("x", 150)) }

func (x *chaos) run(t *testing.T, restarted *servers.Server) {
	t.Helper()
	var clients sync.WaitGroup
	for i := range chaosClients {
		clients.Go(func() { x.client(rand.New(rand.NewPCG(5, uint64(i)))) })
	}
	time.Sleep(time.Until(x.end) / 2)
	x.downFrom.Store(time.Now().UnixNano())
	err := restarted.Restart()
	// A moment for statements that were sent before it was back.
	x.downTo.Store(time.Now().Add(2 * time.Second).UnixNano())
	clients.Wait()
	if err != nil {
		t.Fatalf("restart: %v", err)
	}
	if time.Now().UnixNano() < x.downTo.Load() {
		t.Log("the run is too short to see the time after the restart")
	}
}

// client is one after the other of short lives until the end.
func (x *chaos) client(r *rand.Rand) {
	for time.Now().Before(x.end) {
		if r.IntN(20) == 0 { // gone before or in the handshake
			if conn, err := net.Dial("tcp", x.addr); err == nil {
				if r.IntN(2) == 0 {
					_, _ = conn.Write([]byte{1, 2, 3})
				}
				_ = conn.Close()
			}
			x.cuts.Add(1)
			continue
		}
		conn, err := raw.Dial(x.addr, raw.Options{User: servers.User, Password: servers.Password, Database: "sbtest"})
		if err != nil {
			x.fail("connect: %v", err)
			continue
		}
		x.life(conn, r)
	}
}

// life asks some statements on a connection and leaves in one of several ways.
func (x *chaos) life(conn *raw.Conn, r *rand.Rand) {
	for range 1 + r.IntN(8) {
		ok := false
		switch r.IntN(10) {
		case 0, 1, 2, 3:
			ok = x.point(conn, 1+r.Int64N(chaosRows))
		case 4:
			ok = x.list(conn, 1+r.Int64N(chaosRows-50))
		case 5, 6:
			ok = x.insert(conn)
		case 7:
			ok = x.transaction(conn, r.IntN(2) == 0)
		case 8:
			ok = x.missing(conn, r.Int64N(1000))
		case 9:
			x.abandon(conn, r)
		}
		if !ok {
			conn.Cut()
			return
		}
	}
	if r.IntN(3) == 0 {
		x.cuts.Add(1)
		conn.Cut()
		return
	}
	conn.Close()
}

// ask runs a statement that needs the groups of the given shards. A nil answer: the server was away, which only the
// restarted group may be, and only for its time.
func (x *chaos) ask(conn *raw.Conn, sql string, needsSecond bool) *raw.Answer {
	start := time.Now().UnixNano()
	answers, err := conn.Query(sql)
	if err != nil {
		x.fail("%.80s: the connection ended: %v", sql, err)
		return nil
	}
	a := &answers[0]
	if a.Kind != raw.Error {
		x.answers.Add(1)
		return a
	}
	away := slices.Contains([]uint16{1053, 1317, 2002, 2003, 2006, 2013}, a.Code)
	from, to := x.downFrom.Load(), x.downTo.Load()
	if away && needsSecond && from != 0 && time.Now().UnixNano() >= from && (to == 0 || start <= to) {
		x.outages.Add(1)
		return nil
	}
	x.fail("%.80s: ERROR %d (%s) %s", sql, a.Code, a.State, a.Message)
	return nil
}

// second tells whether a key lives in the second group, the one that is restarted.
func second(id int64) bool { return shardOf(id) >= 4 }

func (x *chaos) point(conn *raw.Conn, id int64) bool {
	a := x.ask(conn, fmt.Sprintf("SELECT v FROM kv WHERE id = %d", id), second(id))
	return a != nil && x.same(fmt.Sprint("point ", id), texts(a), []string{chaosValue(id)})
}

func (x *chaos) missing(conn *raw.Conn, id int64) bool {
	a := x.ask(conn, fmt.Sprintf("SELECT v FROM kv WHERE id = -%d", 1+id), second(-1-id))
	return a != nil && x.same(fmt.Sprint("missing ", id), texts(a), nil)
}

// list is a scatter with a merge.
func (x *chaos) list(conn *raw.Conn, from int64) bool {
	a := x.ask(conn, fmt.Sprintf("SELECT id, v FROM kv WHERE id BETWEEN %d AND %d ORDER BY id DESC", from, from+30), true)
	if a == nil {
		return false
	}
	var want []string
	for id := from + 30; id >= from; id-- {
		want = append(want, fmt.Sprint(id)+"/"+chaosValue(id))
	}
	return x.same(fmt.Sprint("list from ", from), texts(a), want)
}

func (x *chaos) insert(conn *raw.Conn) bool {
	id := x.next.Add(1)
	a := x.ask(conn, fmt.Sprintf("INSERT INTO kv VALUES (%d, '%s')", id, chaosValue(id)), second(id))
	if a == nil {
		x.note(&x.maybe, id)
		return false
	}
	x.note(&x.kept, id)
	return x.same(fmt.Sprint("insert ", id), []string{fmt.Sprint(a.AffectedRows)}, []string{"1"})
}

// transaction writes two rows of one shard and commits or rolls back.
func (x *chaos) transaction(conn *raw.Conn, commit bool) bool {
	one := x.next.Add(16)
	ids := []int64{one, one - 8} // the same shard; Add keeps both to this client
	end, list := "ROLLBACK", &x.rejected
	if commit {
		end, list = "COMMIT", &x.kept
	}
	if x.ask(conn, "BEGIN", false) == nil {
		return false
	}
	for _, id := range ids {
		if x.ask(conn, fmt.Sprintf("INSERT INTO kv VALUES (%d, '%s')", id, chaosValue(id)), second(id)) == nil {
			x.note(&x.rejected, ids...) // not committed, and the connection is given up
			return false
		}
	}
	if x.ask(conn, end, second(one)) == nil {
		if commit {
			list = &x.maybe
		}
		x.note(list, ids...)
		return false
	}
	x.note(list, ids...)
	return true
}

// abandon sends a large scatter and does not wait for it.
func (x *chaos) abandon(conn *raw.Conn, r *rand.Rand) {
	x.cuts.Add(1)
	if err := conn.Send("SELECT * FROM kv ORDER BY v, id"); err != nil {
		x.fail("send: %v", err)
		return
	}
	_, _ = conn.NetConn().Read(make([]byte, 1+r.IntN(20000)))
}

func (x *chaos) same(what string, got, want []string) bool {
	if slices.Equal(got, want) {
		return true
	}
	x.fail("%s: wrong answer %.300q, want %.300q", what, got, want)
	return false
}

func (x *chaos) fail(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.wrong = append(x.wrong, time.Now().Format("05.000 ")+fmt.Sprintf(format, args...))
}

func (x *chaos) note(list *[]int64, ids ...int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	*list = append(*list, ids...)
}

func (x *chaos) report(t *testing.T) {
	t.Helper()
	t.Logf("%d answers, %d clients cut, %d statements met the outage", x.answers.Load(), x.cuts.Load(), x.outages.Load())
	for _, w := range x.wrong[:min(len(x.wrong), 10)] {
		t.Errorf("of %d: %s", len(x.wrong), w)
	}
	if x.answers.Load() < 100 {
		t.Errorf("only %d answers", x.answers.Load())
	}
}

// checkRows compares what is in the shards with what the clients were told.
func (x *chaos) checkRows(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	there := map[int64]bool{}
	for shard, rows := range eachShard(t, c, "SELECT id FROM %s") {
		for _, r := range rows {
			id, err := strconv.ParseInt(r[0], 10, 64)
			if err != nil || shardOf(id) != shard || there[id] {
				t.Errorf("row %s in shard %d: in the wrong place or there twice (%v)", r[0], shard, err)
			}
			there[id] = true
		}
	}
	allowed := map[int64]bool{}
	for id := int64(1); id <= chaosRows; id++ {
		x.kept = append(x.kept, id)
	}
	for _, id := range x.kept {
		allowed[id] = true
		if !there[id] {
			t.Errorf("row %d was acknowledged and is not there", id)
		}
	}
	for _, id := range x.maybe {
		allowed[id] = true
	}
	for id := range there {
		if !allowed[id] {
			t.Errorf("row %d is there; rolled back: %t", id, slices.Contains(x.rejected, id))
		}
	}
}

// lockedBuffer is a log that may be written by many.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
