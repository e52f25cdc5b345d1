package e2e

// failover_test.go: a group's primary is lost in the middle of a commit over two groups, and its replica takes its place. With
// semi-synchronous replication (AFTER_SYNC, no falling back) what was decided is there, and what is not there was not
// decided. The steps of the coordinator are done by hand on the servers; txn.Managers recover.

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"serval/config"
	"serval/e2e/servers"
	"serval/proxy/txn"
)

// failoverPatience is for what takes a server a moment.
const failoverPatience = 30 * time.Second

// replicated is a group: a primary and its replica.
type replicated struct {
	kind             servers.Kind
	primary, replica *servers.Server
}

// words are the kinds' names for the same things.
func (g *replicated) words(mysql, mariadb string) string {
	if g.kind == servers.MySQL {
		return mysql
	}
	return mariadb
}

func startReplicated(t *testing.T, kind servers.Kind) *replicated {
	t.Helper()
	g := &replicated{kind: kind}
	start := func(id int) *servers.Server {
		options := []string{"--log-bin=binlog", "--binlog-format=ROW", fmt.Sprintf("--server-id=%d", id)}
		if kind == servers.MySQL {
			options = append(options, "--gtid-mode=ON", "--enforce-gtid-consistency=ON")
		}
		return servers.Start(t, kind, options...)
	}
	g.primary, g.replica = start(1), start(2)
	if kind == servers.MySQL {
		execute(t, g.primary, "INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'")
		execute(t, g.replica, "INSTALL PLUGIN rpl_semi_sync_replica SONAME 'semisync_replica.so'")
	}
	execute(t, g.replica,
		g.words("SET GLOBAL rpl_semi_sync_replica_enabled = 1", "SET GLOBAL rpl_semi_sync_slave_enabled = 1"),
		fmt.Sprintf(g.words("CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = %d, SOURCE_USER = '%s', SOURCE_PASSWORD = '%s', SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1",
			"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = %d, MASTER_USER = '%s', MASTER_PASSWORD = '%s', MASTER_USE_GTID = slave_pos"),
			g.primary.Port, servers.User, servers.Password),
		"START "+g.words("REPLICA", "SLAVE"), "SET GLOBAL read_only = 1")
	g.wait(t)
	g.await(t, "the replica's acknowledgements", func() bool {
		return g.status(t, g.primary, g.words("Rpl_semi_sync_source_clients", "Rpl_semi_sync_master_clients")) == "1"
	})
	execute(t, g.primary, "CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v INT)")
	return g
}

// wait has the primary wait for its replica.
func (g *replicated) wait(t *testing.T) {
	t.Helper()
	execute(t, g.primary,
		g.words("SET GLOBAL rpl_semi_sync_source_timeout = 4294967295", "SET GLOBAL rpl_semi_sync_master_timeout = 4294967295"),
		g.words("SET GLOBAL rpl_semi_sync_source_wait_point = AFTER_SYNC", "SET GLOBAL rpl_semi_sync_master_wait_point = AFTER_SYNC"),
		g.words("SET GLOBAL rpl_semi_sync_source_enabled = 1", "SET GLOBAL rpl_semi_sync_master_enabled = 1"))
}

func execute(t *testing.T, s *servers.Server, statements ...string) {
	t.Helper()
	if err := s.Exec(statements...); err != nil {
		t.Fatal(err)
	}
}

func (g *replicated) status(t *testing.T, s *servers.Server, name string) string {
	t.Helper()
	rows, err := s.Query("SHOW STATUS LIKE '" + name + "'")
	if err != nil || len(rows) != 1 {
		t.Fatalf("%s: %v %v", name, rows, err)
	}
	return rows[0][1]
}

func (g *replicated) await(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(failoverPatience); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s after %v; the replica's log ends:\n%s", what, failoverPatience, lastLines(g.replica.Log(), 20))
		}
	}
}

// cutOff has the replica hear nothing more of the primary.
func (g *replicated) cutOff(t *testing.T) {
	t.Helper()
	execute(t, g.replica, "STOP "+g.words("REPLICA", "SLAVE")+" IO_THREAD")
}

// promote kills the primary and makes the replica the primary, after it has applied all that it got.
func (g *replicated) promote(t *testing.T) {
	t.Helper()
	g.primary.Kill()
	applied := func() bool {
		c, err := g.replica.Connect("")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		r, err := c.Execute("SHOW " + g.words("REPLICA", "SLAVE") + " STATUS")
		if err != nil {
			t.Fatal(err)
		}
		value := func(mysql, mariadb string) string {
			text, err := r.GetStringByName(0, g.words(mysql, mariadb))
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		if e := value("Last_SQL_Error", "Last_SQL_Error"); e != "" {
			t.Fatalf("the replica does not apply: %s", e)
		}
		return value("Read_Source_Log_Pos", "Read_Master_Log_Pos") == value("Exec_Source_Log_Pos", "Exec_Master_Log_Pos") &&
			value("Source_Log_File", "Master_Log_File") == value("Relay_Source_Log_File", "Relay_Master_Log_File")
	}
	g.await(t, "end of the relay log", applied)
	execute(t, g.replica, "STOP "+g.words("REPLICA", "SLAVE"), "RESET "+g.words("REPLICA", "SLAVE")+" ALL", "SET GLOBAL read_only = 0")
}

// failover is two groups, each with a replica, and what Serval would do between them.
type failover struct {
	groups [2]*replicated
	before *doubt // with the primaries
}

func startFailover(t *testing.T, kind servers.Kind) *failover {
	t.Helper()
	f := &failover{groups: [2]*replicated{startReplicated(t, kind), startReplicated(t, kind)}}
	f.before = f.with(f.groups[0].primary, f.groups[1].primary)
	return f
}

func (f *failover) with(nodes ...*servers.Server) *doubt {
	d := &doubt{nodes: nodes, user: servers.User}
	for i, n := range nodes {
		d.groups = append(d.groups, config.Group{Name: fmt.Sprintf("g%d", i),
			Primary: config.Node{Address: n.Addr(), User: servers.User, Password: servers.Password}})
	}
	return d
}

// prepared has a transaction that is ready to be decided: row 1 in the first group, on the connection that is returned, with
// the decision, and row 2 in a prepared branch in the second.
func (f *failover) prepared(t *testing.T) (id txn.ID, deciding *client.Conn) {
	t.Helper()
	m := f.before.manager(t)
	store, other := storeOf(t, m, "g0"), storeOf(t, m, "g1")
	deciding = f.before.connect(t, 0)
	id = txn.NewID(store, deciding.GetConnectionID())
	run(t, deciding, "BEGIN", "INSERT INTO d.t VALUES (1, 0)")
	_, branch := f.before.branch(t, 1, id, 2)
	_ = branch.Close() // the coordinator dies with the first primary
	run(t, deciding, m.DecisionSQL(id, []string{other}))
	return id, deciding
}

// recovered runs a Serval that knows the promoted replica, and checks which rows there are when nothing is in doubt.
func recovered(t *testing.T, after *doubt, first, second string) {
	t.Helper()
	recoverWith(t, after.manager(t), after.manager(t))
	after.emptyWithin(t, time.Now())
	if a, b := after.rows(t, 0), after.rows(t, 1); a != first || b != second {
		t.Errorf("rows %s and %s, want %s and %s", a, b, first, second)
	}
	for i := range after.nodes {
		execute(t, after.nodes[i], "INSERT INTO d.t VALUES (9, 0)") // it can be written to
	}
}

func TestFailover(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			t.Run("decided", func(t *testing.T) { failoverDecided(t, kind) })
			t.Run("not decided", func(t *testing.T) { failoverUndecided(t, kind) })
			t.Run("seen and not decided", func(t *testing.T) { failoverSeen(t, kind) })
			t.Run("of a branch, committed", func(t *testing.T) { failoverOfBranch(t, kind, true) })
			t.Run("of a branch, rolled back", func(t *testing.T) { failoverOfBranch(t, kind, false) })
		})
	}
}

// failoverDecided: the decision was acknowledged, then its server is lost.
func failoverDecided(t *testing.T, kind servers.Kind) {
	f := startFailover(t, kind)
	_, deciding := f.prepared(t)
	run(t, deciding, "COMMIT")
	f.groups[0].promote(t)
	recovered(t, f.with(f.groups[0].replica, f.groups[1].primary), "[[1]]", "[[2]]")
}

// failoverUndecided: the replica was cut off before the decision, which then waits for it. Recovery leaves the deciding
// connection alone, and the other group's branch; the client hears nothing until the primary is lost.
func failoverUndecided(t *testing.T, kind servers.Kind) {
	f := startFailover(t, kind)
	_, deciding := f.prepared(t)
	answered := f.waitingCommit(t, deciding)
	recoverWith(t, f.before.manager(t))
	select {
	case err := <-answered:
		t.Fatalf("COMMIT without a replica was answered: %v", err)
	case <-time.After(8 * time.Second): // recovery takes the branch for left behind after 3 s
	}
	f.stillPrepared(t)
	f.groups[0].promote(t)
	if err := <-answered; err == nil {
		t.Fatal("the client was told that it is committed")
	}
	recovered(t, f.with(f.groups[0].replica, f.groups[1].primary), "[]", "[]")
}

// waitingCommit cuts the replica off and sends the decision's COMMIT.
func (f *failover) waitingCommit(t *testing.T, deciding *client.Conn) (answered chan error) {
	t.Helper()
	f.groups[0].cutOff(t)
	answered = make(chan error, 1)
	go func() {
		_, err := deciding.Execute("COMMIT")
		answered <- err
	}()
	f.groups[0].await(t, "COMMIT that waits", func() bool {
		rows, err := f.groups[0].primary.Query("SHOW PROCESSLIST")
		return err == nil && slices.ContainsFunc(rows, func(r []string) bool { return strings.Contains(strings.ToLower(r[6]), "semi") })
	})
	return answered
}

func (f *failover) stillPrepared(t *testing.T) {
	t.Helper()
	if len(f.before.listed(t, 1)) != 1 {
		t.Fatal("the branch was ended while nothing was decided")
	}
}

// failoverSeen: the primary restarts while the decision's COMMIT waits for the replica. Everyone can read the decision then, and
// yet it may be lost with the primary: recovery must not act on it.
func failoverSeen(t *testing.T, kind servers.Kind) {
	f := startFailover(t, kind)
	_, deciding := f.prepared(t)
	answered := f.waitingCommit(t, deciding)
	if err := f.groups[0].primary.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err == nil {
		t.Fatal("the client was told that it is committed")
	}
	f.groups[0].wait(t) // else set in the server's configuration
	if rows := f.before.rows(t, 0); rows != "[[1]]" {
		t.Fatalf("rows %s after the restart", rows)
	}
	recoverWith(t, f.before.manager(t))
	time.Sleep(8 * time.Second) // recovery takes the branch for left behind after 3 s
	f.stillPrepared(t)
	f.groups[0].promote(t)
	recovered(t, f.with(f.groups[0].replica, f.groups[1].primary), "[]", "[]")
}

// failoverOfBranch: a group is lost in which a branch is prepared. Its replica has it prepared too.
func failoverOfBranch(t *testing.T, kind servers.Kind, commit bool) {
	f := startFailover(t, kind)
	_, deciding := f.prepared(t)
	f.groups[1].promote(t)
	after := f.with(f.groups[0].primary, f.groups[1].replica)
	if list := after.listed(t, 1); len(list) != 1 {
		t.Fatalf("prepared on the promoted replica: %v", list)
	}
	if err := after.lockedRow(t, 1, 2); err == nil {
		t.Error("the prepared row is not locked on the promoted replica")
	}
	want := [2]string{"[]", "[]"}
	if commit {
		run(t, deciding, "COMMIT")
		want = [2]string{"[[1]]", "[[2]]"}
	} else {
		run(t, deciding, "ROLLBACK")
	}
	recovered(t, after, want[0], want[1])
}

// lockedRow tries to insert a row whose key is taken by what is prepared.
func (d *doubt) lockedRow(t *testing.T, node, row int) error {
	t.Helper()
	err := d.nodes[node].Exec("SET innodb_lock_wait_timeout = 1", "BEGIN", fmt.Sprintf("INSERT INTO d.t VALUES (%d, 1)", row), "ROLLBACK")
	if err != nil && !strings.Contains(err.Error(), "Lock wait timeout") {
		return errors.Join(errors.New("another error"), err)
	}
	return err
}
