package e2e

// packets_test.go: statements and rows around and over 16 MiB, where a packet is split into frames.

import (
	"fmt"
	"strings"
	"testing"

	"serval/e2e/cluster"
	"serval/e2e/servers"
)

// frame is the largest payload of one frame (protocol page "Sending More Than 16Mb").
const frame = 1<<24 - 1

func TestLargePackets(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			if testing.Short() {
				t.Skip("a scenario: not with -short")
			}
			b := newBed(t, kind)
			p := newPair(b)
			defer p.close()
			if err := b.everywhere(widenSQL); err != nil {
				t.Fatal(err)
			}
			for _, c := range largeCases() {
				t.Run(c.name, func(t *testing.T) {
					if d := p.run(t, &testCase{sql: c.sql}); d != "" {
						t.Error(clip(d))
					}
				})
			}
		})
	}
}

type largeCase struct{ name, sql string }

func largeCases() []largeCase {
	var cases []largeCase
	// A row's payload is the value and its length's four bytes: these are one below a frame, a frame, two frames, more.
	for _, n := range []int{frame - 5, frame - 4, 2*frame - 4, 2*frame - 3} {
		cases = append(cases, largeCase{fmt.Sprintf("row of %d from one shard", n), fmt.Sprintf("SELECT REPEAT('x', %d) FROM users WHERE user_id = 7", n)})
	}
	// With the id before it, two bytes.
	for _, n := range []int{frame - 6, 20 << 20} {
		cases = append(cases, largeCase{fmt.Sprintf("rows of %d merged", n), fmt.Sprintf("SELECT user_id, REPEAT('y', %d) FROM users WHERE user_id IN (1, 2) ORDER BY user_id", n)})
	}
	// A statement's payload is its command byte and the text.
	head, tail := "SELECT user_id, LENGTH('", "') AS n FROM users WHERE user_id = 7"
	for _, n := range []int{frame - 2, frame - 1, frame, 2*frame - 1} {
		text := head + strings.Repeat("z", n-len(head)-len(tail)) + tail
		cases = append(cases, largeCase{fmt.Sprintf("statement of %d", n), text})
	}
	blob := strings.Repeat("0123456789abcdef", 18<<16) // 18 MiB
	return append(cases,
		largeCase{"insert", "INSERT INTO users (user_id, bio) VALUES (70001, '" + blob + "')"},
		largeCase{"read back", "SELECT user_id, bio FROM users WHERE user_id = 70001"},
		largeCase{"update", "UPDATE users SET bio = CONCAT(bio, '" + blob + "') WHERE user_id = 70001"},
		largeCase{"read all", "SELECT user_id, bio FROM users ORDER BY user_id"},
		largeCase{"unsharded", "UPDATE settings SET value = LENGTH('" + blob + "') WHERE name = 'theme'"},
		largeCase{"still in step", "SELECT user_id, name FROM users ORDER BY user_id LIMIT 3"})
}

// widenSQL makes room for a row of more than 64 KiB.
func widenSQL(database, table string, t *cluster.Table) []string {
	if t.Name != "users" {
		return nil
	}
	return []string{fmt.Sprintf("ALTER TABLE `%s`.`%s` MODIFY bio LONGTEXT", database, table)}
}
