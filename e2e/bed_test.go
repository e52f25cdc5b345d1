package e2e

// bed_test.go: one plain server and one sharded cluster behind Serval with the same data, and the means to put the data
// back and to compare all of it.

import (
	"fmt"
	"os"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"serval/config"
	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

// bed is what a comparison runs on.
type bed struct {
	*cluster.Cluster
	addr    string            // Serval's
	primary map[string]string // "db.table" → its primary key's columns, comma separated
	formula map[string]string // table → the shard that a row belongs to, in SQL
	dirty   bool              // the data may no longer be what load made them
	twin    *servers.Server   // stands in Serval's place, see twin_test.go; else nil
}

// shopShape is the cluster of schema/shop.sql and shop.yaml.
func shopShape(t *testing.T) cluster.Shape {
	t.Helper()
	schema, err := os.ReadFile("schema/shop.sql")
	if err != nil {
		t.Fatal(err)
	}
	layout, err := os.ReadFile("schema/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return cluster.Shape{Schema: string(schema), Layout: string(layout), Nodes: 3, Plain: true,
		Server: bedServer}
}

// bedServer are the servers' options: for cases that wait for a lock in vain, and for numbers of SHOW INDEX that are the same
// whenever they are asked for.
var bedServer = []string{"--innodb-lock-wait-timeout=1", "--innodb-stats-auto-recalc=OFF"}

// newBed starts everything and loads the data: into the plain server directly, into the cluster through Serval.
func newBed(t *testing.T, kind servers.Kind) *bed {
	t.Helper()
	b := &bed{Cluster: cluster.Start(t, kind, shopShape(t)), primary: map[string]string{}, formula: shardFormula}
	if twinWanted() {
		b.startTwin(t)
	} else {
		b.addr = startServal(t, b.Cluster)
	}
	rows, err := b.Plain.Query(`SELECT table_schema, table_name, GROUP_CONCAT(column_name ORDER BY ordinal_position)
		FROM information_schema.key_column_usage WHERE constraint_name = 'PRIMARY' GROUP BY table_schema, table_name`)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		b.primary[r[0]+"."+r[1]] = r[2]
	}
	b.load(t)
	b.compareContents(t)
	if t.Failed() {
		t.Fatal("the data differ before any case ran")
	}
	for _, sql := range []func(database, table string, t *cluster.Table) []string{b.snapshotSQL, analyzeSQL} {
		if err := b.everywhere(sql); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// load inserts the test data on both sides and compares the answers.
func (b *bed) load(t *testing.T) {
	t.Helper()
	p := newPair(b)
	defer p.close()
	database := ""
	for _, row := range testData() {
		if row.database != database {
			database = row.database
			p.run(t, &testCase{sql: "USE " + database})
		}
		if b.loadBroadcast(t, row) {
			continue
		}
		if d := p.run(t, &testCase{sql: row.sql}); d != "" {
			t.Fatalf("%s\n%s", clip(row.sql), d)
		}
	}
}

// loadBroadcast inserts a row of a broadcast table on every node itself: through Serval it would be one statement that
// writes in several groups.
func (b *bed) loadBroadcast(t *testing.T, row insert) bool {
	t.Helper()
	i := slices.IndexFunc(b.Tables, func(x cluster.Table) bool { return x.Database == row.database && x.Name == row.table })
	if b.Tables[i].Kind != config.Broadcast {
		return false
	}
	places := append(slices.Clone(b.Tables[i].Places), cluster.Place{Node: b.Plain, Database: row.database})
	if b.twin != nil {
		places = append(places, cluster.Place{Node: b.twin, Database: row.database})
	}
	for _, p := range places {
		if err := p.Node.Exec("USE `"+p.Database+"`", row.sql); err != nil {
			t.Fatal(err)
		}
	}
	return true
}

// places calls f with every physical table and, for the plain server, every logical one.
func (b *bed) places(f func(s *servers.Server, database, table string, t *cluster.Table)) {
	for i := range b.Tables {
		t := &b.Tables[i]
		for _, p := range t.Places {
			f(p.Node, p.Database, p.Table, t)
		}
		f(b.Plain, t.Database, t.Name, t)
		if b.twin != nil {
			f(b.twin, t.Database, t.Name, t)
		}
	}
}

func analyzeSQL(database, table string, _ *cluster.Table) []string {
	return []string{fmt.Sprintf("ANALYZE TABLE `%s`.`%s`", database, table)}
}

const snapshotDB = "zz_snapshot"

func (b *bed) snapshotSQL(database, table string, _ *cluster.Table) []string {
	kept := fmt.Sprintf("`%s`.`%s__%s`", snapshotDB, database, table)
	return []string{
		"CREATE DATABASE IF NOT EXISTS " + snapshotDB,
		fmt.Sprintf("CREATE TABLE %s LIKE `%s`.`%s`", kept, database, table),
		fmt.Sprintf("INSERT INTO %s SELECT * FROM `%s`.`%s`", kept, database, table),
	}
}

func (b *bed) restoreSQL(database, table string, t *cluster.Table) []string {
	name := fmt.Sprintf("`%s`.`%s`", database, table)
	sql := []string{
		"DELETE FROM " + name,
		fmt.Sprintf("INSERT INTO %s SELECT * FROM `%s`.`%s__%s`", name, snapshotDB, database, table),
	}
	if strings.Contains(t.DDL, "AUTO_INCREMENT") {
		sql = append(sql, "ALTER TABLE "+name+" AUTO_INCREMENT = 1") // becomes the largest id + 1
	}
	return sql
}

// restore puts all data back as load left them.
func (b *bed) restore(t *testing.T) {
	t.Helper()
	if err := b.everywhere(b.restoreSQL); err != nil {
		t.Fatalf("restore the data: %v", err)
	}
}

// everywhere runs what make says for each physical table, the servers side by side.
func (b *bed) everywhere(statements func(database, table string, t *cluster.Table) []string) error {
	work := map[*servers.Server][]string{}
	b.places(func(s *servers.Server, database, table string, t *cluster.Table) {
		work[s] = append(work[s], statements(database, table, t)...)
	})
	var wg sync.WaitGroup
	errs := make(chan error, len(work))
	for s, list := range work {
		wg.Go(func() { errs <- s.Exec(list...) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// compareContents compares every table: through Serval with the plain one, and the physical rows with the plain ones.
func (b *bed) compareContents(t *testing.T) {
	t.Helper()
	b.compareTables(t, func(*cluster.Table) bool { return true })
}

// compareTables compares the tables that the function chooses.
func (b *bed) compareTables(t *testing.T, chosen func(*cluster.Table) bool) {
	t.Helper()
	p := newPair(b)
	defer p.close()
	for i := range b.Tables {
		table := &b.Tables[i]
		if !chosen(table) {
			continue
		}
		name := table.Database + "." + table.Name
		c := &testCase{sql: "SELECT * FROM " + name + " ORDER BY " + b.primary[name]}
		if d := p.run(t, c); d != "" {
			t.Errorf("contents of %s through Serval: %s", name, d)
		}
		if b.twin == nil {
			b.comparePhysical(t, table)
		}
	}
}

// comparePhysical checks that the rows on the nodes are the plain server's, each once and in its shard.
func (b *bed) comparePhysical(t *testing.T, table *cluster.Table) {
	t.Helper()
	d, err := b.physicalDifference(table)
	if err != nil {
		t.Fatal(err)
	}
	if d != "" {
		t.Error(d)
	}
}

// physicalDifference says in what the rows of a table on the nodes are not the plain server's, each once and in its shard.
func (b *bed) physicalDifference(table *cluster.Table) (string, error) {
	name := table.Database + "." + table.Name
	want, err := readRows(b.Plain, "SELECT * FROM "+name)
	if err != nil {
		return "", err
	}
	var all []string
	for shard, p := range table.Places {
		rows, err := readRows(p.Node, fmt.Sprintf("SELECT * FROM `%s`.`%s`", p.Database, p.Table))
		if err != nil {
			return "", err
		}
		if table.Kind == config.Sharded {
			all = append(all, rows...)
			if d, err := b.misplaced(table, shard); d != "" || err != nil {
				return d, err
			}
			continue
		}
		if d := setDifference(want, rows); d != "" {
			return fmt.Sprintf("rows of %s on %s: %s", name, p.Node.Addr(), d), nil
		}
	}
	if table.Kind == config.Sharded {
		if d := setDifference(want, all); d != "" {
			return fmt.Sprintf("rows of %s in all shards: %s", name, d), nil
		}
	}
	return "", nil
}

// shardFormula says in SQL, in the words of the mission and not in Serval's code, which shard a row of the shop belongs to.
// hash_slot and jump are checked by their golden vectors in package router.
var shardFormula = map[string]string{
	"users":       "MOD(MOD(user_id, 8) + 8, 8)",
	"orders":      "MOD(MOD(user_id, 8) + 8, 8)",
	"order_items": "MOD(MOD(user_id, 8) + 8, 8)",
	"events":      "CASE WHEN id < 100 THEN 0 WHEN id < 200 THEN 1 WHEN id < 300 THEN 2 ELSE 3 END",
	"regions":     "CASE WHEN code IN ('de', 'fr') THEN 0 WHEN code IN ('us', 'ca') THEN 1 WHEN code = 'jp' THEN 2 ELSE 3 END",
	"logs":        "(YEAR(at) - 2026) * 12 + MONTH(at) - 1",
}

// misplaced says which rows of a shard belong elsewhere.
func (b *bed) misplaced(table *cluster.Table, shard int) (string, error) {
	formula := b.formula[table.Name]
	if formula == "" {
		return "", nil
	}
	p := table.Places[shard]
	sql := fmt.Sprintf("SELECT %s, %s FROM `%s`.`%s` WHERE NOT (%s <=> %d)", table.Key, formula, p.Database, p.Table, formula, shard)
	rows, err := p.Node.Query(sql)
	if err != nil || len(rows) == 0 {
		return "", err
	}
	return fmt.Sprintf("%d rows of %s are in shard %d and do not belong there; the first has key %s and belongs in shard %s",
		len(rows), table.Name, shard, rows[0][0], rows[0][1]), nil
}

// readRows reads a statement's rows, each as the packet that it came in.
func readRows(s *servers.Server, sql string) ([]string, error) {
	c, err := raw.Dial(s.Addr(), raw.Options{User: servers.User, Password: servers.Password})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	answers, err := c.Query(sql)
	if err != nil {
		return nil, err
	}
	if answers[0].Kind != raw.Rows {
		return nil, fmt.Errorf("%s: %s", sql, describe(answers))
	}
	rows := make([]string, len(answers[0].Rows))
	for i, r := range answers[0].Rows {
		rows[i] = string(r)
	}
	return rows, nil
}

// setDifference compares two bags of rows.
func setDifference(want, got []string) string {
	count := map[string]int{}
	for _, r := range want {
		count[r]++
	}
	for _, r := range got {
		count[r]--
	}
	var missing, extra []string
	for r, n := range count {
		switch {
		case n > 0:
			missing = append(missing, r)
		case n < 0:
			extra = append(extra, r)
		}
	}
	if len(missing)+len(extra) == 0 {
		return ""
	}
	sort.Strings(missing)
	sort.Strings(extra)
	first := slices.Concat(missing, extra)[0]
	return fmt.Sprintf("%d rows, want %d: %d missing, %d too many; the first: %s", len(got), len(want), len(missing), len(extra), clip(fmt.Sprintf("%q", first)))
}
