package e2e

// gather_test.go: queries on gathered rows beside what cases/gather.test compares: tables of all sorts and types, values that no
// text tells, limits, and what is left behind after errors and KILL.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"serval/e2e/cluster"
	"serval/e2e/raw"
	"serval/e2e/servers"
)

const gatherSchema = `
USE shop;
CREATE TABLE things (id BIGINT NOT NULL AUTO_INCREMENT, k INT NOT NULL, a INT, v INT AS (a * 2) VIRTUAL, s INT AS (a + 1) STORED COMMENT 'with (x, ''y''',
  hidden INT DEFAULT 5 INVISIBLE, txt TEXT, c1 VARCHAR(20) NOT NULL DEFAULT 'it''s \\ a, \n(b', changed TIMESTAMP NULL ON UPDATE CURRENT_TIMESTAMP, CHECK (a < 1000),
  FULLTEXT KEY words (txt), KEY by_c1 (c1(3) DESC), PRIMARY KEY (id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COMMENT='a ) DEFAULT CHARSET=latin1 COLLATE=latin1_bin';
CREATE TABLE kinds (k INT NOT NULL, id INT NOT NULL, t1 TINYINT UNSIGNED ZEROFILL, d DECIMAL(65,30), f FLOAT, f2 FLOAT(9,3), g DOUBLE, g2 DOUBLE(12,3) UNSIGNED, b BIT(64), b1 BIT(1), y YEAR,
  e ENUM('a','b,c','d''e','','x y'), st SET('a','b','c d','é'), ce ENUM('é','ß') CHARACTER SET latin1, c CHAR(5), cb BINARY(6), vb VARBINARY(40), u2 VARCHAR(20) CHARACTER SET ucs2,
  u16 TEXT CHARACTER SET utf16, gb VARCHAR(20) CHARACTER SET gbk, sj CHAR(9) CHARACTER SET sjis, l1 VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin, m3 VARCHAR(20) CHARACTER SET utf8mb3,
  ts6 TIMESTAMP(6) NULL, dt6 DATETIME(6), tm TIME(6), da DATE, js JSON, geo GEOMETRY, pt POINT, mb MEDIUMBLOB, lt LONGTEXT,
  PRIMARY KEY (k, id), UNIQUE KEY (id, k), KEY (e), KEY (c, l1)) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_general_cs;
CREATE TABLE parts (k INT NOT NULL, id INT NOT NULL, n INT, PRIMARY KEY (k, id)) ENGINE=InnoDB PARTITION BY HASH (k) PARTITIONS 3;
CREATE TABLE bare (k INT, n INT, w VARCHAR(5)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE apart (id INT NOT NULL PRIMARY KEY, n INT) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
`

const gatherLayout = `
listeners: ["{{.Listen}}"]
admin: off
log: {level: warn}
gather: {rows: 3000, bytes: 64MiB}
users: {app: {password: app}}
defaults: {user: app, password: app}
groups: {g0: {primary: "{{.Node 0}}"}, g1: {primary: "{{.Node 1}}"}}
databases:
  shop:
    default_group: g0
    physical: shop_main
    tables:
      things: {shard: {column: k, by: hash_mod, shards: 4, groups: [g0, g1]}}
      kinds: {shard: {column: k, by: hash_mod, shards: 4, groups: [g0, g1]}}
      parts: {shard: {column: k, by: hash_mod, shards: 4, groups: [g0, g1]}}
      bare: {shard: {column: k, by: hash_mod, shards: 4, groups: [g0, g1]}}
      apart: {group: g1}
`

// gatherCases are compared with the plain server.
const gatherCases = `
INSERT INTO things (id, k, a, txt) VALUES (1, 1, 10, 'gift of words'), (2, 2, 20, 'more'), (3, 3, NULL, NULL), (4, 4, 40, 'last')
INSERT INTO things (id, k, a, hidden, c1, changed) VALUES (5, 5, 999, 7, '', '2026-10-25 00:30:00')
SELECT COUNT(*) FROM things
SELECT t.* FROM things t JOIN (SELECT COUNT(*) n FROM kinds) x ORDER BY t.id
SELECT t.id, t.v, t.s, t.hidden, t.changed FROM things t JOIN apart b ON b.id = t.id ORDER BY t.id
SELECT hidden, COUNT(*), MIN(DEFAULT(c1)), MIN(DEFAULT(hidden)) FROM things GROUP BY hidden ORDER BY hidden
SELECT v, s, GROUP_CONCAT(id ORDER BY id) FROM things GROUP BY v, s ORDER BY v, s
SELECT COUNT(*) FROM things FORCE INDEX (by_c1) WHERE c1 >= ''
SELECT * FROM things NATURAL JOIN apart
INSERT INTO kinds (k, id) VALUES (0, 0)
INSERT INTO kinds VALUES (1, 1, 7, 12345678901234567890123456789012345.123456789012345678901234567890, 0.1, 123456.789, 0.1, 1.005, 0xFFFFFFFFFFFFFFFF, 1, 2155, 'b,c', 'a,c d', 'ß', 'ab ', 'ab', 'ab ', \
 'aé', '日本', '中文', 'ﾊﾝ', 'É', 'Ωß', '2026-03-29 01:30:00.123456', '9999-12-31 23:59:59.999999', '-838:59:58.999999', '1000-01-01', '{"a": [1, 2.50, "x\\u0000", null, true], "ü": 1e100}', \
 ST_GeomFromText('LINESTRING(0 0,1 1.5,2 2)'), ST_GeomFromText('POINT(1.25 -3)'), REPEAT('a''\\\\\\0b', 50000), REPEAT('ü', 70000))
INSERT INTO kinds (k, id, f, g, d, b, y, cb, vb, c, l1, st, e, mb) VALUES (2, 2, 3.4028234e38, 1.7976931348623157e308, -0.000000000000000000000000000001, 0, 1901, x'00', x'00ff27225c0a', '', x'80ff', '', '', x'00')
INSERT INTO kinds (k, id, f, g, tm, e) VALUES (3, 3, 1.17549435e-38, 2.2250738585072014e-308, '838:59:59', 'x y')
INSERT INTO kinds (k, id, f, f2, g) VALUES (4, 4, -16777217, -0.001, 4503599627370497.5), (5, 5, 8388609, 0.5, 9007199254740993), (6, 6, 1e-45, 1, 5e-324)
SELECT x.* FROM kinds x JOIN (SELECT COUNT(*) n FROM bare) y ORDER BY x.k
SELECT k, HEX(cb), HEX(vb), HEX(c), HEX(u2), HEX(u16), HEX(gb), HEX(sj), HEX(l1), HEX(m3), HEX(b), CRC32(mb), CRC32(lt), LENGTH(lt) FROM kinds JOIN (SELECT COUNT(*) n FROM bare) y ORDER BY k
SELECT k, f = CAST('0.1' AS DOUBLE), f + 0e0, f2 * 1e0, g * 1e0, d * 1, e + 0, st + 0, ce + 0, y + 0 FROM kinds JOIN (SELECT COUNT(*) n FROM bare) y ORDER BY k
SELECT k, ST_AsText(geo), ST_AsText(pt), HEX(geo), js, JSON_EXTRACT(js, '$.a[1]'), UNIX_TIMESTAMP(ts6) FROM kinds JOIN (SELECT COUNT(*) n FROM bare) y ORDER BY k
SELECT e, st, ce, COUNT(*) FROM kinds GROUP BY e, st, ce ORDER BY e, st, ce
SELECT SUM(f), SUM(g2), MAX(d), MIN(d), BIT_OR(b), MAX(y), MAX(tm), MIN(tm), MAX(dt6) FROM kinds WHERE k < 4
SELECT c, l1, COUNT(*) FROM kinds GROUP BY c, l1 ORDER BY c, l1
SET NAMES latin1
SELECT l1, m3, ce, COUNT(*) FROM kinds GROUP BY l1, m3, ce ORDER BY 1, 2, 3
SELECT COUNT(*) FROM kinds WHERE m3 = 'x' OR l1 > 'a'
SET NAMES utf8mb4
SET character_set_results = NULL
SELECT l1, u2, gb, COUNT(*) FROM kinds GROUP BY l1, u2, gb ORDER BY COUNT(*), 1, 2, 3
SET NAMES utf8mb4
SET time_zone = '-03:30'
SELECT k, ts6, COUNT(*) FROM kinds GROUP BY k, ts6 ORDER BY k
SET time_zone = DEFAULT
SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'
SELECT "c1" || '\\', COUNT(*) FROM "things" WHERE "c1" <> 'it''s' GROUP BY "c1" ORDER BY 1
SET sql_mode = DEFAULT
INSERT INTO parts VALUES (1, 1, 5), (2, 2, 6), (3, 3, 7), (4, 4, 5)
SELECT n, COUNT(*) FROM parts GROUP BY n ORDER BY n
SELECT a.n, b.id FROM parts a JOIN apart b ON b.n = a.n ORDER BY 1, 2
-- error 1235 PARTITION
SELECT COUNT(*) FROM parts PARTITION (p0)
INSERT INTO bare VALUES (1, 1, 'a'), (2, 1, 'A'), (3, NULL, 'b'), (4, 2, NULL), (4, 2, NULL)
SELECT n, w, COUNT(*) FROM bare GROUP BY n, w ORDER BY n, w
SELECT DISTINCT n, w FROM bare ORDER BY n, w
INSERT INTO apart VALUES (1, 5), (2, 6)
SELECT * FROM apart a LEFT JOIN bare b ON b.k = a.id ORDER BY a.id
-- both_fail
SELECT COUNT(*) FROM things t JOIN nowhere n ON n.a = t.a
-- both_fail
SELECT COUNT(*) FROM things t JOIN apart n ON n.nothing = t.a
-- both_fail
SELECT COUNT(*), f(1) OVER () FROM things
SELECT COUNT(*) FROM bare
`

func TestGather(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := &bed{Cluster: cluster.Start(t, kind, cluster.Shape{Schema: gatherSchema, Layout: gatherLayout, Nodes: 2, Plain: true, Server: bedServer}),
				primary: map[string]string{"shop.things": "id", "shop.kinds": "k, id", "shop.parts": "k, id", "shop.bare": "k, n, w", "shop.apart": "id"}}
			b.addr = startServal(t, b.Cluster)
			file, err := parseCases("gather", gatherCases)
			if err != nil {
				t.Fatal(err)
			}
			(way{name: "text", run: (*pair).run}).file(t, b, file, &tally{})
			gatherDuplicates(t, b)
			gatherLimits(t, b)
			gatherKilled(t, b)
			gatherExplained(t, b)
			for _, n := range b.Nodes {
				nothingTemporary(t, n)
			}
		})
	}
}

// gatherDuplicates: keys that are unique within a shard only.
func gatherDuplicates(t *testing.T, b *bed) {
	c := dial(t, b.addr, "shop")
	defer c.Close()
	done(t, c, "INSERT INTO things (id, k, a) VALUES (100, 1, 1)", "INSERT INTO things (id, k, a) VALUES (100, 2, 2)")
	gives(t, c, "SELECT COUNT(*), SUM(a) FROM things WHERE id = 100", "2/3")
	done(t, c, "DELETE FROM things WHERE id = 100")
}

// gatherLimits: a statement that needs too many rows is an error that names the table, and the connections go on.
func gatherLimits(t *testing.T, b *bed) {
	c := dial(t, b.addr, "shop")
	defer c.Close()
	var rows []string
	for i := range 3100 {
		rows = append(rows, fmt.Sprintf("(%d, %d, 'r')", i, i))
	}
	done(t, c, "INSERT INTO bare VALUES "+strings.Join(rows, ","))
	fails(t, c, "SELECT w, COUNT(*) FROM bare GROUP BY w", 1104, "shop.bare")
	gives(t, c, "SELECT COUNT(*) FROM bare WHERE n < 10 AND w = 'r'", "10")
	done(t, c, "BEGIN", "INSERT INTO apart VALUES (50, 50)")
	fails(t, c, "SELECT w, COUNT(*) FROM bare GROUP BY w", 1104, "gather.rows")
	gives(t, c, "SELECT COUNT(*) FROM apart WHERE id = 50", "1")
	gives(t, c, "SELECT COUNT(*) FROM apart a JOIN parts p ON p.k = a.id - 49", "1")
	done(t, c, "ROLLBACK", "DELETE FROM bare WHERE w = 'r'")
}

// gatherKilled: KILL QUERY ends the statement, whatever it is at.
func gatherKilled(t *testing.T, b *bed) {
	victim, killer := dial(t, b.addr, "shop"), dial(t, b.addr, "shop")
	defer victim.Close()
	defer killer.Close()
	kill := func() { done(t, killer, fmt.Sprintf("KILL QUERY %d", victim.ID())) }
	if a := whileIt(t, victim, "SELECT COUNT(*), SLEEP(20) FROM parts", kill); a.Kind == raw.Error && a.Code != 1317 {
		t.Errorf("killed: %d %s", a.Code, a.Message)
	}
	done(t, victim, "BEGIN", "INSERT INTO apart VALUES (60, 60)")
	holder := dial(t, b.addr, "shop")
	defer holder.Close()
	done(t, holder, "BEGIN", "UPDATE parts SET n = 1 WHERE k = 3")
	if a := whileIt(t, victim, "SELECT COUNT(*) FROM parts FOR UPDATE", kill); a.Kind != raw.Error || a.Code != 1317 {
		t.Errorf("killed while it waits for a lock: %v %d %s", a.Kind, a.Code, a.Message)
	}
	gives(t, victim, "SELECT COUNT(*) FROM apart WHERE id = 60", "1")
	done(t, holder, "ROLLBACK")
	done(t, victim, "ROLLBACK")
	for i := range 60 {
		if err := victim.Send("SELECT p.n, COUNT(*) FROM parts p JOIN things t ON t.k = p.k GROUP BY p.n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i%20) * 300 * time.Microsecond)
		kill()
		answers, err := victim.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if a := answers[0]; a.Kind == raw.Error && a.Code != 1317 {
			t.Fatalf("killed: %d %s", a.Code, a.Message)
		}
		gives(t, victim, "SELECT COUNT(*) FROM parts", "4")
	}
}

// gatherExplained: EXPLAIN ROUTE shows what is read from where.
func gatherExplained(t *testing.T, b *bed) {
	c := dial(t, b.addr, "shop")
	defer c.Close()
	got := texts(say(t, c, "EXPLAIN ROUTE SELECT COUNT(*) FROM parts p JOIN apart a ON a.n = p.n WHERE p.k IN (1, 2) AND p.n > 3"))
	if len(got) != 3 || !strings.Contains(got[0], "WHERE `k` IN (1,2) AND `n` > 3") || !strings.Contains(got[2], "gather") || !strings.Contains(got[2], "`shop_main`.`apart`") {
		t.Errorf("%q", got)
	}
}

// nothingTemporary fails when a server still has temporary tables.
func nothingTemporary(t *testing.T, n *servers.Server) {
	t.Helper()
	if count := temporary(t, n); count != "0" {
		t.Errorf("temporary tables are left: %s", count)
	}
}

// temporary is the number of temporary tables that a server has.
func temporary(t *testing.T, n *servers.Server) string {
	t.Helper()
	rows, err := n.Query("SELECT COUNT(*) FROM information_schema.INNODB_TEMP_TABLE_INFO")
	if err != nil { // MariaDB has no such table
		rows, err = n.Query("SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_TYPE = 'TEMPORARY' AND TABLE_NAME LIKE 'serval %'")
	}
	if err != nil {
		t.Fatal(err)
	}
	return rows[0][0]
}
