package e2e

// ddl_test.go: schema changes in several places, through several Servals: what others see of them, what a half-done one
// answers, how it is completed, listed and given up.

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

const ddlLayout = `
listeners: ["{{.Listen}}"]
admin: off
log: {level: warn}
users: {app: {password: app}}
defaults: {user: app, password: app, pool: {max: 100, acquire_timeout: 5s, connect_timeout: 2s}}
groups:
  g0: {primary: "{{.Node 0}}"}
  g1: {primary: "{{.Node 1}}"}
databases:
  d:
    default_group: g0
    physical: d_main
    tables:
      kept: {shard: {column: id, by: hash_mod, shards: 4, groups: [g0, g1], database: d_main, table: "kept_{shard}"}}
`

const ddlSchema = `USE d;
CREATE TABLE kept (
  id BIGINT NOT NULL PRIMARY KEY,
  v INT
);
`

// ddlBed is a cluster for schema changes.
type ddlBed struct {
	*cluster.Cluster
	program string
}

func newDDLBed(t *testing.T, kind servers.Kind, program string) *ddlBed {
	t.Helper()
	return &ddlBed{cluster.Start(t, kind, cluster.Shape{Schema: ddlSchema, Layout: ddlLayout, Nodes: 2}), program}
}

func (b *ddlBed) dial(t *testing.T, s *cluster.Binary) *raw.Conn {
	t.Helper()
	c, err := raw.Dial(s.Addr, raw.Options{User: servers.User, Password: servers.Password, Database: "d"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// must runs statements that have to go well.
func must(t *testing.T, c *raw.Conn, statements ...string) raw.Answer {
	t.Helper()
	var last raw.Answer
	for _, sql := range statements {
		a := one(t, c, sql)
		if a.Kind == raw.Error {
			t.Fatalf("%s: %d %s", sql, a.Code, a.Message)
		}
		last = *a
	}
	return last
}

// physicalName is a shard's number at the end of a name.
var physicalName = regexp.MustCompile("_(\\d)(`|_ibfk|_chk)")

// shapes are the tables of a name on both nodes: how many there are, and their different shapes.
func (b *ddlBed) shapes(t *testing.T, table string) (places int, shapes []string) {
	t.Helper()
	for _, n := range b.Nodes {
		names, err := n.Query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'd_main' AND table_name REGEXP '^" + table + "_[0-9]$' ORDER BY 1")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			row, err := n.Query("SHOW CREATE TABLE d_main." + name[0])
			if err != nil {
				t.Fatal(err)
			}
			places++
			shape := physicalName.ReplaceAllString(row[0][1], "$2")
			if !strings.Contains(strings.Join(shapes, "\x00"), shape) {
				shapes = append(shapes, shape)
			}
		}
	}
	return places, shapes
}

// command runs "serval ddl".
func (b *ddlBed) command(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(b.program, append([]string{"ddl", "-c", b.File}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("serval ddl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestSchemaChanges(t *testing.T) {
	program, err := cluster.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newDDLBed(t, kind, program)
			t.Run("seen by others", b.seenByOthers)
			t.Run("half done", b.halfDone)
			t.Run("given up", b.givenUp)
			t.Run("refused everywhere", b.refusedEverywhere)
			t.Run("locked", b.lockedTable)
		})
	}
}

// seenByOthers changes tables through one Serval and looks through another.
func (b *ddlBed) seenByOthers(t *testing.T) {
	here := b.dial(t, b.Serve(t, cluster.Run{Program: b.program}))
	other := b.dial(t, b.Serve(t, cluster.Run{Program: b.program}))
	must(t, here, "CREATE TABLE seen (id BIGINT PRIMARY KEY, v INT) COMMENT 'shard_by=id; shards=4'")
	time.Sleep(time.Second)
	must(t, other, "INSERT INTO seen VALUES (1, 10), (2, 20), (3, 30), (4, 40)")
	read, _, err := other.Prepare("SELECT * FROM seen WHERE id = ?")
	if err != nil {
		t.Fatal(err)
	}
	all, _, err := other.Prepare("SELECT * FROM seen ORDER BY v")
	if err != nil {
		t.Fatal(err)
	}
	write, _, err := other.Prepare("INSERT INTO seen VALUES (?, ?)")
	if err != nil {
		t.Fatal(err)
	}
	must(t, here, "ALTER TABLE seen ADD COLUMN w VARCHAR(10) NOT NULL DEFAULT 'x' FIRST")
	// The other one has not heard of it: its plan still says where the key is.
	if a, err := write.Execute(raw.BigInt(5), raw.BigInt(50)); err != nil || a[0].Kind == raw.Error && a[0].Code != 1136 {
		t.Errorf("INSERT at once: %v %s", err, describe(a))
	}
	time.Sleep(time.Second)
	for _, s := range []*raw.Statement{read, all} {
		var p []raw.Parameter
		if s == read {
			p = append(p, raw.BigInt(2))
		}
		a, err := s.Execute(p...)
		if err != nil || a[0].Kind != raw.Rows || len(a[0].Columns) != 3 {
			t.Errorf("prepared SELECT: %v %s", err, describe(a))
		}
	}
	if a := must(t, other, "SELECT * FROM seen WHERE w = 'x'"); len(a.Columns) != 3 || len(a.Rows) < 4 {
		t.Errorf("SELECT: %d columns, %d rows", len(a.Columns), len(a.Rows))
	}
	must(t, other, "INSERT INTO seen VALUES ('y', 6, 60)")
	if rows := texts(one(t, here, "SELECT id FROM seen WHERE w = 'y'")); fmt.Sprint(rows) != "[6]" {
		t.Errorf("the row is %v", rows)
	}
	must(t, other, "RENAME TABLE seen TO seen2")
	time.Sleep(time.Second)
	must(t, here, "UPDATE seen2 SET v = 1 WHERE id = 6", "DROP TABLE seen2")
	time.Sleep(time.Second)
	if a := one(t, other, "SELECT * FROM seen2 WHERE id = 6"); a.Code != 1146 {
		t.Errorf("dropped: %v", *a)
	}
}

// halfDone has a statement fail on one shard, and run again when it cannot fail any more.
func (b *ddlBed) halfDone(t *testing.T) {
	c := b.dial(t, b.Serve(t, cluster.Run{Program: b.program}))
	must(t, c, "CREATE TABLE half (id BIGINT PRIMARY KEY, v INT, KEY (id, v)) COMMENT 'shard_by=id; shards=4'", "INSERT INTO half VALUES (0, 1), (1, 1), (2, 1), (3, NULL)")
	const sql = "ALTER TABLE half MODIFY v INT NOT NULL, ADD w INT"
	a := one(t, c, sql)
	if a.Kind != raw.Error || !strings.Contains(a.Message, "3 of 4 places (done: shard 0, shard 1, shard 2; not: shard 3)") {
		t.Fatalf("half done: %d %s %s", a.Code, a.State, a.Message)
	}
	if a.Code != 1138 && a.Code != 1265 {
		t.Errorf("code %d: %s", a.Code, a.Message)
	}
	list := b.command(t)
	for _, want := range []string{"failed: " + sql, "done in 3 of 4 places", "`d_main`.`half_3`", "1 schema change unfinished"} {
		if !strings.Contains(list, want) {
			t.Errorf("serval ddl says\n%s\nwithout %q", list, want)
		}
	}
	if a := one(t, c, "ALTER TABLE half ADD x INT"); a.Code != 1105 || !strings.Contains(a.Message, "serval ddl forget") {
		t.Errorf("another one: %d %s", a.Code, a.Message)
	}
	must(t, c, "UPDATE half SET v = 4 WHERE id = 3", sql)
	if places, shapes := b.shapes(t, "half"); places != 4 || len(shapes) != 1 {
		t.Errorf("%d places, shapes %q", places, shapes)
	}
	if list := b.command(t, "status"); !strings.HasPrefix(list, "0 schema changes") {
		t.Error(list)
	}
	must(t, c, "ALTER TABLE half DROP w", "DROP TABLE half")
}

// givenUp forgets a half-done change, and drops a table that has one.
func (b *ddlBed) givenUp(t *testing.T) {
	c := b.dial(t, b.Serve(t, cluster.Run{Program: b.program}))
	must(t, c, "CREATE TABLE lost (id BIGINT PRIMARY KEY, v INT) COMMENT 'shard_by=id; shards=4'", "INSERT INTO lost VALUES (0, 1), (1, 1), (2, 1), (3, NULL)")
	one(t, c, "ALTER TABLE lost MODIFY v INT NOT NULL")
	id, _, _ := strings.Cut(b.command(t), " ")
	if out := b.command(t, "forget", id); !strings.Contains(out, "is forgotten") {
		t.Error(out)
	}
	must(t, c, "ALTER TABLE lost MODIFY v INT", "INSERT INTO lost VALUES (7, NULL)")
	one(t, c, "ALTER TABLE lost MODIFY v INT NOT NULL")
	must(t, c, "DROP TABLE lost")
	if list := b.command(t); !strings.HasPrefix(list, "0 schema changes") {
		t.Error(list)
	}
	if places, _ := b.shapes(t, "lost"); places != 0 {
		t.Errorf("%d places are left", places)
	}
}

// refusedEverywhere is what no server does: the client hears it as from one server, and nothing is left.
func (b *ddlBed) refusedEverywhere(t *testing.T) {
	c := b.dial(t, b.Serve(t, cluster.Run{Program: b.program}))
	if a := one(t, c, "ALTER TABLE kept ADD COLUMN v INT"); a.Code != 1060 || a.Message != "Duplicate column name 'v'" {
		t.Errorf("%d %s", a.Code, a.Message)
	}
	if a := one(t, c, "CREATE TABLE bad (id BIGINT PRIMARY KEY, a INT, a INT) COMMENT 'shard_by=id; shards=2'"); a.Code != 1060 {
		t.Errorf("%d %s", a.Code, a.Message)
	}
	if list := b.command(t); !strings.HasPrefix(list, "0 schema changes") {
		t.Error(list)
	}
	if a := one(t, c, "SELECT * FROM bad"); a.Code != 1146 {
		t.Errorf("%d %s", a.Code, a.Message)
	}
}

// lockedTable has two sessions change one table: the second waits for the first, not longer than it wants to.
func (b *ddlBed) lockedTable(t *testing.T) {
	first := b.dial(t, b.Serve(t, cluster.Run{Program: b.program}))
	second := b.dial(t, b.Serve(t, cluster.Run{Program: b.program}))
	reader := b.dial(t, b.Serve(t, cluster.Run{Program: b.program}))
	must(t, reader, "BEGIN", "SELECT * FROM kept WHERE id = 0")
	if err := first.Send("ALTER TABLE kept ADD COLUMN later INT"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	must(t, second, "SET lock_wait_timeout = 1")
	if a := one(t, second, "ALTER TABLE kept ADD COLUMN sooner INT"); a.Code != 1205 || !strings.Contains(a.Message, "d.kept") {
		t.Errorf("%d %s", a.Code, a.Message)
	}
	must(t, reader, "COMMIT")
	if a, err := first.Receive(); err != nil || a[0].Kind != raw.OK {
		t.Fatalf("%v %s", err, describe(a))
	}
	must(t, second, "ALTER TABLE kept DROP COLUMN later")
}
