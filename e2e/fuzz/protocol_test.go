package fuzz

// protocol_test.go: the run: workers that misbehave, a healthy client beside them, and what must be as before at the end.

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	cryptorand "crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
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

const layout = `
listeners:
  - {address: "127.0.0.1:0", tls: {cert: DIR/cert.pem, key: DIR/key.pem}}
  - {address: "HEADED", proxy_protocol: {from: [127.0.0.1/32]}}
admin: off
log: {level: warn}
users: {app: {password: app}, well: {password: well}}
defaults: {user: app, password: app, pool: {max: 60, acquire_timeout: 15s}}
groups:
  g0: {primary: "{{.Node 0}}"}
  g1: {primary: "{{.Node 1}}"}
databases:
  sbtest:
    default_group: g0
    tables:
      kv:
        shard: {column: id, by: hash_mod, shards: 8, groups: [g0, g1], database: "sb_{shard}"}
      fz:
        shard: {column: id, by: hash_mod, shards: 8, groups: [g0, g1], database: "sb_{shard}"}
`

const schema = `USE sbtest;
CREATE TABLE kv (
  id BIGINT NOT NULL PRIMARY KEY,
  v VARCHAR(200) NOT NULL
);

CREATE TABLE fz (
  id BIGINT NOT NULL PRIMARY KEY,
  v VARCHAR(1000) NOT NULL
);
`

const (
	workers = 16
	rows    = 64 // of kv; those of fz are as many, and long
)

// run is one run of the fuzzer.
type run struct {
	addr, headed string // headed: where connections begin with a PROXY header
	seed         uint64
	left         atomic.Int64 // packets to send
	sent         sync.Map     // state → *atomic.Int64
	seen         sync.Map     // session → *peer, for reports
	log          panicLog

	mu    sync.Mutex
	wrong []string
}

// worker is one misbehaving client after the other.
type worker struct {
	*run
	damager
	id, asked  int
	corpus     [][]byte
	executions [][]byte
}

func TestDamagedPackets(t *testing.T) {
	if testing.Short() {
		t.Skip("needs servers")
	}
	headed, err := cluster.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	packets := number(t, "SERVAL_FUZZ_PACKETS", 15_000)
	kinds := servers.Kinds(t)
	c := cluster.Start(t, kinds[len(kinds)-1], cluster.Shape{Schema: schema, Nodes: 2,
		Layout: strings.NewReplacer("DIR", certificate(t), "HEADED", headed).Replace(layout),
		Server: []string{"--innodb-lock-wait-timeout=1", "--max-connections=400"}})
	fill(t, c)
	before := goleak.IgnoreCurrent()
	x := &run{headed: headed, seed: uint64(number(t, "SERVAL_FUZZ_SEED", time.Now().UnixNano()))}
	x.left.Store(packets)
	s := proxy.NewServer(c.Config, slog.New(&x.log))
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	x.addr = s.Addr().String()
	x.warm(t)
	base := runtime.NumGoroutine()
	stop, healthy := make(chan struct{}), make(chan error, 1)
	go func() { healthy <- x.healthy(stop) }()
	start := time.Now()
	var all sync.WaitGroup
	for i := range workers {
		all.Go(func() { x.work(i) })
	}
	all.Wait()
	took := time.Since(start)
	close(stop)
	if err := <-healthy; err != nil {
		t.Errorf("the healthy client: %v", err)
	}
	x.settled(t, base)
	x.serversSettled(t, c)
	x.report(t, packets, took)
	if !closes(t, s) {
		return
	}
	if err := goleak.Find(before); err != nil {
		t.Errorf("left behind: %v", err)
	}
}

// closes closes Serval, which a session that hangs would hold up for ever.
func closes(t *testing.T, s *proxy.Server) bool {
	t.Helper()
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Errorf("close: %v", err)
		}
		return true
	case <-time.After(deadline):
		t.Error("Serval does not close: a session hangs")
		return false
	}
}

// certificate makes a directory with a certificate of its own and its key.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), cryptorand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	body := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	cert, err := x509.CreateCertificate(cryptorand.Reader, body, body, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func number(t *testing.T, name string, usual int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%s=%q is not a number", name, text)
	}
	return n
}

func fill(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	for _, table := range c.Tables {
		for shard, p := range table.Places {
			var values []string
			for id := shard; id < rows; id += 8 {
				values = append(values, fmt.Sprintf("(%d, '%s')", id, value(table.Name, id)))
			}
			if table.Name == "fz" { // those that transactions of the workers hold
				for id := 1000 + shard; id < 1000+workers; id += 8 {
					values = append(values, fmt.Sprintf("(%d, 'free')", id))
				}
			}
			if err := p.Node.Exec(fmt.Sprintf("INSERT INTO `%s`.`%s` VALUES %s", p.Database, p.Table, strings.Join(values, ","))); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func value(table string, id int) string {
	if table == "kv" {
		return fmt.Sprint("value ", id)
	}
	return strings.Repeat(strconv.Itoa(id), 400)
}

// warm opens what stays open, so that the base line is that of a server in use.
func (x *run) warm(t *testing.T) {
	t.Helper()
	stop := make(chan struct{})
	time.AfterFunc(300*time.Millisecond, func() { close(stop) })
	if err := x.healthy(stop); err != nil {
		t.Fatal(err)
	}
}

// work is the life of a worker.
func (x *run) work(id int) {
	w := &worker{run: x, damager: damager{rand.New(rand.NewPCG(x.seed, uint64(id)))}, id: id, corpus: commands(), executions: executions()}
	for x.left.Load() > 0 && !x.failed() {
		s := &states[w.IntN(len(states))]
		n, err := s.run(w, 1+w.IntN(60))
		x.left.Add(-int64(n))
		count, _ := x.sent.LoadOrStore(s.name, &atomic.Int64{})
		count.(*atomic.Int64).Add(int64(n))
		if err != nil && !errors.Is(err, errEnded) {
			x.fail(fmt.Sprintf("%s: %v\n%s", s.name, err, x.last(w)))
		}
	}
}

// watch remembers a connection, so that a panic of its session can be told with what was sent.
func (w *worker) watch(p *peer) {
	w.seen.Store(p.id, p)
	w.seen.Store("worker"+strconv.Itoa(w.id), p)
	if p.id > 2000 {
		w.seen.Delete(p.id - 2000)
	}
}

// last is what a worker's connection sent last.
func (x *run) last(w *worker) string {
	p, ok := x.seen.Load("worker" + strconv.Itoa(w.id))
	if !ok {
		return ""
	}
	return p.(*peer).story()
}

// story is what a connection sent last, the latest at the end.
func (p *peer) story() string {
	var b strings.Builder
	for _, s := range p.sent {
		fmt.Fprintf(&b, "    sent %.300q\n", s)
	}
	return b.String()
}

func (x *run) fail(text string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.wrong = append(x.wrong, text)
}

func (x *run) failed() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.wrong) >= 10
}

// healthy is the client that does nothing wrong.
func (x *run) healthy(stop <-chan struct{}) error {
	c, err := raw.Dial(x.addr, raw.Options{User: "well", Password: "well", Database: "sbtest"})
	if err != nil {
		return err
	}
	defer c.Close()
	stmt, a, err := c.Prepare("SELECT v FROM kv WHERE id = ?")
	if err != nil || a != nil {
		return fmt.Errorf("prepare: %+v, %w", a, err)
	}
	for n := 0; ; n++ {
		select {
		case <-stop:
			return nil
		default:
		}
		id := n % rows
		answers, err := c.Query(fmt.Sprintf("SELECT v FROM kv WHERE id = %d", id))
		if err := right(answers, err, raw.Values, value("kv", id)); err != nil {
			return fmt.Errorf("point select %d: %w", n, err)
		}
		answers, err = stmt.Execute(raw.BigInt(int64(id)))
		if err := right(answers, err, func(row []byte, _ int) ([]raw.Value, error) { return raw.BinaryValues(row, answers[0].Columns) }, value("kv", id)); err != nil {
			return fmt.Errorf("execution %d: %w", n, err)
		}
		answers, err = c.Query("SELECT v FROM kv WHERE id IN (9, 2, 60, 5) ORDER BY id")
		if err := right(answers, err, raw.Values, value("kv", 2), value("kv", 5), value("kv", 9), value("kv", 60)); err != nil {
			return fmt.Errorf("merged select %d: %w", n, err)
		}
		time.Sleep(time.Millisecond)
	}
}

// right compares the first column of an answer.
func right(answers []raw.Answer, err error, values func([]byte, int) ([]raw.Value, error), want ...string) error {
	if err != nil {
		return err
	}
	if a := &answers[0]; a.Kind != raw.Rows || len(a.Rows) != len(want) {
		return fmt.Errorf("answer %+v", *a)
	}
	for i, row := range answers[0].Rows {
		v, err := values(row, len(answers[0].Columns))
		if err != nil {
			return err
		}
		if string(v[0].Text) != want[i] {
			return fmt.Errorf("row %d is %q, want %q", i, v[0].Text, want[i])
		}
	}
	return nil
}

// settled waits until Serval has as many goroutines as before.
func (x *run) settled(t *testing.T, base int) {
	t.Helper()
	now := 0
	for range 100 {
		if now = runtime.NumGoroutine(); now <= base {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("%d goroutines, %d before:\n%.6000s", now, base, buf[:runtime.Stack(buf, true)])
}

// serversSettled waits until nothing runs on the servers and no transaction or lock is left there.
func (x *run) serversSettled(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	for _, s := range c.Nodes {
		var left string
		for range 100 {
			if left = busy(s); left == "" {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if left != "" {
			t.Errorf("on %s: %s", s.Addr(), left)
		}
	}
}

// busy says what is not at rest on a server.
func busy(s *servers.Server) string {
	trx, err := s.Query("SELECT trx_mysql_thread_id, trx_state, trx_query FROM information_schema.innodb_trx WHERE trx_mysql_thread_id > 0")
	if err != nil {
		return err.Error()
	}
	list, err := s.Query("SELECT id, command, time, LEFT(COALESCE(info, ''), 80) FROM information_schema.processlist WHERE user = 'app' AND id <> CONNECTION_ID() AND command <> 'Sleep'")
	switch {
	case err != nil:
		return err.Error()
	case len(trx) > 0:
		return fmt.Sprintf("open transactions %v", trx)
	case len(list) > 0:
		return fmt.Sprintf("running %v", list)
	}
	return ""
}

func (x *run) report(t *testing.T, packets int64, took time.Duration) {
	t.Helper()
	t.Logf("%d packets in %v, seed %d", packets-x.left.Load(), took.Round(time.Millisecond), x.seed)
	x.sent.Range(func(state, count any) bool {
		t.Logf("  %s: %d", state, count.(*atomic.Int64).Load())
		return true
	})
	for _, p := range x.log.take() {
		story := ""
		if seen, ok := x.seen.Load(uint32(p.session)); ok {
			story = seen.(*peer).story()
		}
		t.Errorf("a session panicked: %s\n%s", p.text, story)
	}
	for _, w := range x.wrong[:min(len(x.wrong), 5)] {
		t.Errorf("of %d: %s", len(x.wrong), w)
	}
}

// panicLog is a log that keeps the panics, the first of each place.
type panicLog struct {
	mu     sync.Mutex
	panics []panicked
	places map[string]bool
}

type panicked struct {
	session uint64
	text    string
}

func (l *panicLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
func (l *panicLog) WithAttrs([]slog.Attr) slog.Handler               { return l }
func (l *panicLog) WithGroup(string) slog.Handler                    { return l }

func (l *panicLog) Handle(_ context.Context, r slog.Record) error {
	p := panicked{text: r.Message}
	panics := strings.Contains(strings.ToLower(r.Message), "panic")
	r.Attrs(func(a slog.Attr) bool {
		panics = panics || a.Key == "panic"
		if a.Key == "session" {
			p.session, _ = strconv.ParseUint(a.Value.String(), 10, 32)
		}
		p.text += fmt.Sprintf("\n  %s: %v", a.Key, a.Value)
		return true
	})
	if !panics {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	place := p.text
	if i := strings.LastIndex(place, "runtime/panic.go"); i >= 0 {
		place = place[i:min(len(place), i+300)]
		if _, rest, ok := strings.Cut(place, "\n"); ok { // the function that panicked, without its arguments
			place, _, _ = strings.Cut(rest, "(0x")
		}
	}
	if l.places == nil {
		l.places = map[string]bool{}
	}
	if !l.places[place] {
		l.places[place] = true
		l.panics = append(l.panics, p)
	}
	return nil
}

func (l *panicLog) take() []panicked {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.panics
}
