package e2e

// lookup_test.go: lookup indexes: a column that is unique over all shards, compared with a UNIQUE KEY on a plain server; the
// command that makes and checks them.

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"serval/e2e/cluster"
	"serval/e2e/servers"
)

const lookupSchema = `
USE shop;
CREATE TABLE members (id INT NOT NULL, email VARCHAR(60) COLLATE utf8mb4_general_ci NOT NULL, nick VARCHAR(20) DEFAULT NULL, n INT DEFAULT 0,
  PRIMARY KEY (id), UNIQUE KEY email (email), UNIQUE KEY nick (nick)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE accounts (id BIGINT NOT NULL AUTO_INCREMENT, email VARCHAR(60) COLLATE utf8mb4_general_ci DEFAULT NULL, n INT DEFAULT 0,
  PRIMARY KEY (id), UNIQUE KEY email (email)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
CREATE TABLE posts (member INT NOT NULL, id INT NOT NULL, title VARCHAR(40), PRIMARY KEY (member, id)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
`

const lookupLayout = `
listeners: ["{{.Listen}}"]
admin: off
log: {level: warn}
users: {app: {password: app}}
defaults: {user: app, password: app}
groups: {g0: {primary: "{{.Node 0}}"}, g1: {primary: "{{.Node 1}}"}}
databases:
  shop:
    default_group: g0
    tables:
      members:
        shard: {column: id, by: hash_mod, shards: 4, groups: [g0, g1], binding: m}
        lookup: [email, nick]
      accounts:
        shard: {column: id, by: hash_mod, shards: 4, groups: [g0, g1]}
        lookup: [email]
      posts:
        shard: {column: member, by: hash_mod, shards: 4, groups: [g0, g1], binding: m}
`

// lookupCases are compared with the plain server.
const lookupCases = `
INSERT INTO members (id, email, nick) VALUES (1, 'a@x', 'a'), (2, 'b@x', 'b'), (3, 'c@x', NULL), (4, 'd@x', NULL)
INSERT INTO posts VALUES (1, 1, 'one'), (2, 1, 'two'), (2, 2, 'three')
SELECT * FROM members WHERE email = 'a@x'
SELECT * FROM members WHERE email = 'A@X'
SELECT * FROM members WHERE email = 'nobody'
SELECT id FROM members WHERE nick = 'b' AND n = 0
SELECT m.nick, p.title FROM members m JOIN posts p ON p.member = m.id WHERE m.email = 'b@x' ORDER BY p.id
SELECT COUNT(*), SUM(n) FROM members WHERE email = 'c@x'
# a value that another shard has
-- both_fail
INSERT INTO members (id, email) VALUES (5, 'a@x')
-- both_fail
INSERT INTO members (id, email) VALUES (5, 'A@X')
-- both_fail
INSERT INTO members (id, email, nick) VALUES (5, 'e@x', 'b')
SELECT COUNT(*) FROM members WHERE id = 5
-- both_fail
INSERT INTO members (id, email) VALUES (6, 'f@x'), (7, 'g@x'), (8, 'b@x'), (1, 'z@x')
-- both_fail
INSERT INTO members (id, email) VALUES (6, 'f@x'), (1, 'z@x'), (8, 'b@x')
-- both_fail
INSERT INTO members (id, email) VALUES (6, 'f@x'), (7, 'F@x')
INSERT IGNORE INTO members (id, email) VALUES (6, 'f@x'), (7, 'a@x'), (1, 'q@x'), (8, 'h@x')
SHOW WARNINGS
INSERT INTO members SET id = 9, email = 'i@x', nick = 'i'
SELECT id FROM members WHERE nick = 'i'
UPDATE members SET n = n + 1 WHERE email = 'f@x'
UPDATE members SET email = 'new@x' WHERE id = 9
SELECT id FROM members WHERE email = 'new@x'
SELECT id FROM members WHERE email = 'i@x'
-- both_fail
UPDATE members SET email = 'a@x' WHERE id = 9
UPDATE members SET email = CONCAT('x', email), nick = NULL WHERE id > 5
SELECT id FROM members WHERE email = 'xnew@x'
UPDATE members SET email = 'XNEW@x' WHERE id = 9
SELECT id, email FROM members WHERE email = 'xnew@x'
UPDATE members SET email = 'XNEW@x' WHERE id = 9
-- both_fail
UPDATE members SET nick = 'same' WHERE id IN (1, 2)
SELECT id FROM members WHERE nick = 'same'
DELETE FROM members WHERE email = 'xnew@x'
SELECT id FROM members WHERE email = 'xnew@x'
INSERT INTO members (id, email) VALUES (10, 'xnew@x')
DELETE FROM members WHERE id IN (3, 4)
INSERT INTO members (id, email, nick) VALUES (11, 'c@x', NULL), (12, 'd@x', 'd')
SELECT id FROM members WHERE email = 'c@x' FOR UPDATE
# clients of other character sets
-- connect l1 charset=latin1
INSERT INTO members (id, email) VALUES (20, 'ø@x')
-- both_fail
INSERT INTO members (id, email) VALUES (21, 'ø@x')
SELECT id, email FROM members WHERE email = 'Ø@x'
UPDATE members SET email = 'þ@x' WHERE email = 'ø@x'
SELECT id, email FROM members WHERE email = 'þ@x'
SET character_set_results = NULL
-- both_fail
INSERT INTO members (id, email) VALUES (21, 'þ@x')
SET sql_select_limit = 1
UPDATE members SET nick = CONCAT('s', id) WHERE id > 9
SELECT nick FROM members WHERE nick = 's20'
-- connect main
# conditions that are different each time
DELETE FROM members WHERE id = 4 AND RAND() > 2
UPDATE members SET nick = 'now' WHERE id = 8 AND NOW() > '2020-01-01'
SELECT id FROM members WHERE nick = 'now'
-- both_fail
UPDATE members SET nick = nosuch WHERE id = 77777
# in a transaction
BEGIN
INSERT INTO members (id, email) VALUES (13, 'tx@x')
SELECT id FROM members WHERE email = 'tx@x'
-- both_fail
INSERT INTO members (id, email) VALUES (14, 'tx@x')
UPDATE members SET n = 5 WHERE email = 'tx@x'
ROLLBACK
SELECT id FROM members WHERE email = 'tx@x'
BEGIN
DELETE FROM members WHERE email = 'a@x'
INSERT INTO members (id, email, nick) VALUES (15, 'a@x', 'a')
COMMIT
SELECT id FROM members WHERE nick = 'a'
# rows that are picked first
INSERT INTO members (id, email, nick) VALUES (61, 'p1@x', 'p1'), (62, 'p2@x', 'p2'), (63, 'p3@x', 'p3'), (64, 'p4@x', NULL)
UPDATE members SET nick = CONCAT('q', id) WHERE id > 60 ORDER BY id DESC LIMIT 2
SELECT id FROM members WHERE nick = 'q63'
SELECT id FROM members WHERE nick = 'p3'
DELETE FROM members WHERE id > 60 ORDER BY email LIMIT 2
SELECT id FROM members WHERE email = 'p2@x'
SELECT id FROM members WHERE email = 'p3@x'
DELETE FROM members WHERE id = 63 LIMIT 1
SELECT id FROM members WHERE email = 'p3@x'
UPDATE members m JOIN posts p ON p.member = m.id SET m.nick = p.title WHERE p.title = 'one'
SELECT id FROM members WHERE nick = 'one'
DELETE FROM members WHERE id IN (SELECT member FROM posts WHERE title = 'three')
SELECT id FROM members WHERE email = 'b@x'
SELECT COUNT(*), COUNT(nick) FROM members
SELECT p.title, COUNT(*) FROM members m LEFT JOIN posts p ON p.member <> m.id WHERE m.email = 'a@x' GROUP BY p.title ORDER BY 1
# keys that Serval makes
INSERT INTO accounts (email) VALUES ('a@x')
SELECT LAST_INSERT_ID()
SELECT id FROM accounts WHERE email = 'a@x'
INSERT INTO accounts (email, n) VALUES ('b@x', 1), ('c@x', 2), (NULL, 3)
SELECT LAST_INSERT_ID()
SELECT id, n FROM accounts WHERE email = 'c@x'
-- both_fail
INSERT INTO accounts (email) VALUES ('b@x')
SELECT LAST_INSERT_ID()
UPDATE accounts SET email = 'd@x' WHERE email = 'c@x'
SELECT n FROM accounts WHERE email = 'd@x'
DELETE FROM accounts WHERE email = 'a@x'
# rows of other tables
INSERT INTO accounts (id, email) SELECT 100 + id, CONCAT('m', email) FROM members WHERE email IS NOT NULL ORDER BY id
SELECT id FROM accounts WHERE email = 'mxf@x'
-- both_fail
INSERT INTO accounts (id, email) SELECT 200 + id, CONCAT('m', email) FROM members ORDER BY members.id
SELECT COUNT(*) FROM accounts WHERE id > 200
-- error 1235 follows its table
INSERT INTO ` + "`members/email`" + ` VALUES ('q', 1)
-- error 1235 REPLACE into a table with lookup indexes
REPLACE INTO members (id, email) VALUES (1, 'a@x')
DELETE FROM members
INSERT INTO members (id, email) VALUES (1, 'a@x')
-- error 1235 has a lookup index
ALTER TABLE members MODIFY email VARCHAR(70)
-- error 1235 a lookup index
DROP TABLE ` + "`members/email`" + `
TRUNCATE TABLE members
SELECT id FROM members WHERE email = 'a@x'
INSERT INTO members (id, email) VALUES (2, 'a@x')
DROP TABLE accounts
CREATE TABLE accounts (id BIGINT NOT NULL AUTO_INCREMENT, email VARCHAR(60) COLLATE utf8mb4_general_ci DEFAULT NULL, n INT DEFAULT 0, PRIMARY KEY (id), UNIQUE KEY email (email)) DEFAULT CHARSET=utf8mb4
INSERT INTO accounts (id, email) VALUES (7, 'z@x'), (8, 'y@x')
SELECT id FROM accounts WHERE email = 'y@x'
-- both_fail
INSERT INTO accounts (id, email) VALUES (9, 'z@x')
INSERT INTO members (id, email) VALUES (1, 'b@x')
SELECT id FROM members WHERE email = 'a@x'
`

func TestLookup(t *testing.T) {
	program, err := cluster.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := &bed{Cluster: cluster.Start(t, kind, cluster.Shape{Schema: lookupSchema, Layout: lookupLayout, Nodes: 2, Plain: true, Server: bedServer}),
				primary: map[string]string{"shop.members": "id", "shop.accounts": "id", "shop.posts": "member,id"}}
			for _, column := range []string{"members.email", "members.nick", "accounts.email"} {
				servalCommand(t, program, b, 0, "lookup", "build", "shop."+column)
			}
			b.addr = startServal(t, b.Cluster)
			file, err := parseCases("lookup", lookupCases)
			if err != nil {
				t.Fatal(err)
			}
			(way{name: "text", run: (*pair).run}).file(t, b, file, &tally{})
			for _, column := range []string{"members.email", "members.nick", "accounts.email"} {
				if out := servalCommand(t, program, b, 0, "lookup", "check", "shop."+column); !strings.Contains(out, "0 faults") {
					t.Errorf("%s: %s", column, out)
				}
			}
			c := dial(t, b.addr, "shop")
			defer c.Close()
			if got := texts(say(t, c, "EXPLAIN ROUTE SELECT * FROM members WHERE email = 'a@x'")); len(got) != 1 || !strings.Contains(got[0], "the lookup index on email of members tells the shard") {
				t.Errorf("%q", got)
			}
			if got := texts(say(t, c, "SHOW TABLES")); len(got) != 3 {
				t.Errorf("%q: lookup indexes show", got)
			}
			breakLookup(t, program, b)
		})
	}
}

// servalCommand runs the real program on the cluster's configuration.
func servalCommand(t *testing.T, program string, b *bed, code int, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, append(args, "-c", b.File)...)
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("serval %s: exit code %d, want %d:\n%s", strings.Join(args, " "), got, code, out)
	}
	return string(out)
}

// breakLookup spoils an index and has the check find it, and the build mend it.
func breakLookup(t *testing.T, program string, b *bed) {
	p := newPair(b)
	defer p.close()
	for i := 100; i < 140; i++ {
		if d := p.run(t, &testCase{sql: fmt.Sprintf("INSERT INTO members (id, email) VALUES (%d, 'm%d@x')", i, i)}); d != "" {
			t.Fatal(d)
		}
	}
	for _, place := range b.Config.Databases[0].Tables[0].Lookup[0].Locations {
		node := b.Nodes[0]
		if place.Group == "g1" {
			node = b.Nodes[1]
		}
		if err := node.Exec("DELETE FROM `" + place.Database + "`.`" + place.Table + "` WHERE id % 3 = 0"); err != nil {
			t.Fatal(err)
		}
	}
	if out := servalCommand(t, program, b, 1, "lookup", "check", "shop.members.email"); !strings.Contains(out, "is not in the index") {
		t.Errorf("%s", out)
	}
	servalCommand(t, program, b, 0, "lookup", "build", "shop.members.email")
	servalCommand(t, program, b, 0, "lookup", "check", "shop.members.email")
}
