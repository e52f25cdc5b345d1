package main

// setup.go: two servers, a table whole on the first and the same table in shards on both, Serval and HAProxy before them.

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"serval/e2e/cluster"
)

const (
	tableSize = 100_000
	fewSize   = 1000 // rows of the table few, each of which refers to one of the large table
)

const schema = `USE sbtest;
CREATE TABLE sbtest1 (
  id INT NOT NULL AUTO_INCREMENT,
  k INT NOT NULL DEFAULT 0,
  c CHAR(120) NOT NULL DEFAULT '',
  pad CHAR(60) NOT NULL DEFAULT '',
  PRIMARY KEY (id),
  KEY k_1 (k)
);
CREATE TABLE few (
  id INT NOT NULL,
  ref INT NOT NULL,
  PRIMARY KEY (id)
);
USE whole;
CREATE TABLE sbtest1 (
  id INT NOT NULL AUTO_INCREMENT,
  k INT NOT NULL DEFAULT 0,
  c CHAR(120) NOT NULL DEFAULT '',
  pad CHAR(60) NOT NULL DEFAULT '',
  PRIMARY KEY (id),
  KEY k_1 (k)
);
CREATE TABLE few (
  id INT NOT NULL,
  ref INT NOT NULL,
  PRIMARY KEY (id)
);
`

const layout = `
listeners: ["{{.Listen}}"]
admin: off
log: {level: warn}
users: {app: {password: app}}
defaults: {user: app, password: app, pool: {max: 300}}
groups:
  g0: {primary: "{{.Node 0}}"}
  g1: {primary: "{{.Node 1}}"}
databases:
  whole: {default_group: g0}
  sbtest:
    default_group: g0
    tables:
      sbtest1:
        shard: {column: id, by: hash_mod, shards: 8, groups: [g0, g1], database: "sb_{shard}"}
      few:
        shard: {column: id, by: hash_mod, shards: 8, groups: [g0, g1], database: "sb_{shard}"}
`

// bench is everything that runs.
type bench struct {
	dir     string
	cluster *cluster.Cluster
	serval  *cluster.Binary
	haproxy *exec.Cmd
	targets []target // the direct one first
}

func (b *bench) close() {
	if b.haproxy != nil {
		_ = b.haproxy.Process.Kill()
		_ = b.haproxy.Wait()
	}
	if b.serval != nil {
		b.serval.Close()
	}
	if b.cluster != nil {
		b.cluster.Close()
	}
	_ = os.RemoveAll(b.dir)
}

func setUp(o options) (*bench, error) {
	dir, err := os.MkdirTemp("", "serval-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir}
	if err := b.start(o); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) start(o options) error {
	addr, err := cluster.FreeAddr()
	if err != nil {
		return err
	}
	b.cluster, err = cluster.Launch(o.kind, cluster.Shape{Schema: schema, Layout: layout, Nodes: 2, Listen: addr,
		Server: []string{"--innodb-buffer-pool-size=256M", fmt.Sprintf("--innodb-flush-log-at-trx-commit=%d", o.flush)}})
	if err != nil {
		return err
	}
	for i := range b.cluster.Tables {
		if err := fill(&b.cluster.Tables[i]); err != nil {
			return err
		}
	}
	program, err := cluster.Build(b.dir)
	if err != nil {
		return err
	}
	if b.serval, err = cluster.LaunchBinary(program, b.cluster); err != nil {
		return err
	}
	first := b.cluster.Nodes[0].Addr()
	b.targets = append(b.targets, target{name: "direct", addr: first, database: "whole"})
	if proxy, err := b.startHAProxy(first); err != nil {
		fmt.Fprintln(os.Stderr, "bench: without HAProxy:", err)
	} else {
		b.targets = append(b.targets, target{name: "HAProxy (TCP)", addr: proxy, database: "whole"})
	}
	b.targets = append(b.targets, target{name: "Serval", addr: addr, database: "whole", serval: b.serval},
		target{name: "Serval, 8 shards on 2 servers", addr: addr, database: "sbtest", sharded: true, serval: b.serval})
	return nil
}

// row is row id of a table as it stands in an INSERT.
func row(table string, id int) string {
	if table == "few" {
		return fmt.Sprintf("(%d, %d)", id, 1+id*97%tableSize)
	}
	return fmt.Sprintf("(%d, %d, '%0119d', '%059d')", id, 1+id*7919%tableSize, id*31, id*17)
}

// fill inserts ids from 1 on, each into its shard.
func fill(t *cluster.Table) error {
	size := tableSize
	if t.Name == "few" {
		size = fewSize
	}
	for shard, p := range t.Places {
		name := fmt.Sprintf("`%s`.`%s`", p.Database, p.Table)
		var rows []string
		flush := func() error {
			sql := "INSERT INTO " + name + " VALUES " + strings.Join(rows, ",")
			rows = rows[:0]
			return p.Node.Exec(sql)
		}
		for id := 1; id <= size; id++ {
			if len(t.Places) > 1 && id%len(t.Places) != shard {
				continue
			}
			rows = append(rows, row(t.Name, id))
			if len(rows) == 5000 {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if len(rows) > 0 {
			if err := flush(); err != nil {
				return err
			}
		}
		// Statistics as a table that has been there for long.
		if err := p.Node.Exec("ANALYZE TABLE " + name); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) startHAProxy(backend string) (string, error) {
	program, err := exec.LookPath("haproxy")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/haproxy"); err != nil {
			return "", err
		}
	}
	addr, err := cluster.FreeAddr()
	if err != nil {
		return "", err
	}
	file := filepath.Join(b.dir, "haproxy.cfg")
	text := fmt.Sprintf("defaults\n mode tcp\n timeout connect 5s\n timeout client 1h\n timeout server 1h\nlisten mysql\n bind %s\n server one %s\n", addr, backend)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", err
	}
	b.haproxy = exec.Command(program, "-f", file, "-db", "-q")
	b.haproxy.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.haproxy.Start(); err != nil {
		b.haproxy = nil
		return "", err
	}
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			return addr, c.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return "", fmt.Errorf("haproxy does not listen on %s", addr)
}
