package e2e

// memory_test.go: a result of a million rows passes through Serval without staying in it.

import (
	"fmt"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/raw"
)

const (
	memoryRows  = 1_000_000
	memoryLimit = 64 << 20 // bytes by which the process may grow
)

const bigDDL = `USE sbtest;
CREATE TABLE big (
  id BIGINT NOT NULL PRIMARY KEY,
  v VARCHAR(120) NOT NULL
);
`

func TestMemory(t *testing.T) {
	kind := scenarioKind(t)
	c := cluster.Start(t, kind, binaryShape(t, cluster.Shape{Schema: bigDDL, Layout: fmt.Sprintf(eightShards, "big"), Nodes: 2}))
	fillBig(t, c)
	b := cluster.StartBinary(t, c)
	conn := dial(t, b.Addr, "sbtest")
	defer conn.Close()
	for range 20 { // what any use costs once is not counted
		if a, err := conn.Query("SELECT * FROM big WHERE id = 7"); err != nil || len(a[0].Rows) != 1 {
			t.Fatalf("%v %s", err, describe(a))
		}
	}
	for _, sql := range []string{"SELECT * FROM big", "SELECT * FROM big ORDER BY id", "SELECT id, v FROM big ORDER BY v DESC, id"} {
		t.Run(sql, func(t *testing.T) { checkGrowth(t, b, conn, sql) })
	}
}

// checkGrowth reads a whole result, stopping for a moment in the middle as a slow client does.
func checkGrowth(t *testing.T, b *cluster.Binary, conn *raw.Conn, sql string) {
	t.Helper()
	before, err := b.RSS()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.ResetPeak(); err != nil {
		t.Fatal(err)
	}
	rows := 0
	start := time.Now()
	a, err := conn.Stream(sql, func([]byte) error {
		if rows++; rows == memoryRows/4 {
			time.Sleep(time.Second)
		}
		return nil
	})
	if err != nil || a.Kind != raw.Rows || rows != memoryRows {
		t.Fatalf("%d rows, %v, %+v; serval's log:\n%s", rows, err, a, b.Log())
	}
	peak, err := b.PeakRSS()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows in %v; resident %d MiB before, %d MiB at most", rows, time.Since(start).Round(time.Millisecond), before>>20, peak>>20)
	if peak-before > memoryLimit {
		t.Errorf("the process grew by %d MiB, allowed are %d", (peak-before)>>20, memoryLimit>>20)
	}
}

// fillBig makes the rows on the nodes themselves: each statement doubles a shard.
func fillBig(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	errs := make(chan error, len(c.Tables[0].Places))
	for shard, p := range c.Tables[0].Places {
		name := fmt.Sprintf("`%s`.`%s`", p.Database, p.Table)
		statements := []string{fmt.Sprintf("INSERT INTO %s VALUES (%d, CONCAT('%d-', REPEAT('x', 90)))", name, shard, shard)}
		for n, want := 1, memoryRows/8; n < want; n *= 2 {
			statements = append(statements, fmt.Sprintf("INSERT INTO %s SELECT id + %d, CONCAT(id + %d, '-', REPEAT('x', 90)) FROM %s ORDER BY id LIMIT %d",
				name, 8*n, 8*n, name, min(n, want-n)))
		}
		go func() { errs <- p.Node.Exec(statements...) }()
	}
	for range c.Tables[0].Places {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
}
