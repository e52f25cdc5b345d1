package config

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// fuzz_test.go: no text makes Parse panic, and what it accepts is complete.

func FuzzParse(f *testing.F) {
	example, err := os.ReadFile("../serval.example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example))
	f.Add(frame("      t: {shard: {column: id, by: hash_slot, slots: 8, slot_map: {0-3: 0, 4-7: 1}, shards: 2, groups: [g0, g1], table: '{db}{shard:04}'}}\n"))
	f.Add(frame("      t: {shard: {column: id, by: range, ranges: [{from: 1, to: 2}, {}], locations: [g0, {group: g1, table: x}]}}\n"))
	f.Add(frame("      t: {shard: &a {column: id, by: list, lists: [[1, x], default], groups: [g0, g1]}}\n      u: {shard: *a}\n"))
	f.Add(around("log: {level: !x y}\nlisteners: [a, b"))
	f.Add("a: &a [*a]\n---\n? {b: c}\n: \"\\q")
	f.Add("---")
	f.Add("\xfe\xff (00")
	src := world(map[string]string{"SERVAL_APP_PASSWORD": "a", "SERVAL_ROOT_PASSWORD": "b", "SERVAL_BACKEND_PASSWORD": "c"}, nil)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parse([]byte(text), "t.yaml", src)
		if err == nil {
			checkComplete(t, c)
			return
		}
		var list Errors
		if !errors.As(err, &list) || len(list) == 0 {
			t.Fatalf("%T: %v", err, err)
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u0085") +
			strings.Count(text, "\u2028") + strings.Count(text, "\u2029") + 1 // YAML 1.1 counts them all
		for _, e := range list {
			if e.Line < 1 || e.Line > lines || e.Column < 1 || e.Message == "" {
				t.Fatalf("%d:%d of %d lines: %s", e.Line, e.Column, lines, e.Message)
			}
		}
	})
}

// checkComplete checks what readers of a Config rely on.
func checkComplete(t *testing.T, c *Config) {
	t.Helper()
	if len(c.Users) == 0 || len(c.Groups) == 0 || len(c.Databases) == 0 || len(c.Listeners) == 0 {
		t.Fatalf("something is missing: %+v", c)
	}
	groups := map[string]bool{}
	for _, g := range c.Groups {
		groups[g.Name] = true
		if g.Primary.Address == "" || g.Primary.Pool.Max < 1 || g.Primary.TLS.Mode == "" {
			t.Fatalf("group %+v", g)
		}
	}
	for _, d := range c.Databases {
		if !groups[d.DefaultGroup] || d.Physical == "" {
			t.Fatalf("database %+v", d)
		}
		for _, table := range d.Tables {
			checkTable(t, table, groups)
		}
	}
}

func checkTable(t *testing.T, table Table, groups map[string]bool) {
	t.Helper()
	ok := table.Kind == Vertical && groups[table.Group] || table.Kind == Broadcast && len(table.Groups) > 0 ||
		table.Kind == Sharded && table.Shard != nil
	if !ok {
		t.Fatalf("table %+v", table)
	}
	s := table.Shard
	if s == nil {
		return
	}
	n := len(s.Locations)
	ok = n >= 1 && n <= MaxShards && s.Column != "" && map[string]bool{
		ByHashMod: true, ByJump: true, ByHashSlot: s.Slots > 0 && len(s.SlotMap) == s.Slots,
		ByRange: len(s.Ranges) == n, ByList: len(s.Lists) == n, ByDate: s.Unit != "" && len(s.Start) == len("2006-01-02"),
	}[s.By]
	if !ok {
		t.Fatalf("shard %+v", s)
	}
	for _, l := range s.Locations {
		if !groups[l.Group] || l.Database == "" || l.Table == "" {
			t.Fatalf("location %+v", l)
		}
	}
	for _, shard := range s.SlotMap {
		if shard < 0 || shard >= n {
			t.Fatalf("slot of shard %d of %d", shard, n)
		}
	}
}
