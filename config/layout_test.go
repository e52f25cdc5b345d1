package config

import (
	"strings"
	"testing"
)

// layout_test.go: mistakes in databases, tables and shards, and between them.

// shardErrors puts a shard: block on line 12 of a file, from column 1; what is missing in it is reported at its name, in line 11.
func shardErrors(block string) string { return frame("      t: {shard:\n" + block + "}\n") }

func TestDatabaseErrors(t *testing.T) {
	long := strings.Repeat("x", 65)
	checkErrors(t, []errorTest{
		{"no kind", frame("      a: {}\n"), []string{line11 + "7 nothing says where the table is"}},
		{"nothing", frame("      a:\n"), []string{line11 + "7 nothing says where the table is"}},
		{"two kinds", frame("      a: {group: g0, broadcast: true}\n"), []string{line11 + "7 a table is of one kind"}},
		{"unknown group", frame("      a: {group: g7}\n"), []string{line11 + `18 no group is called "g7"; there are g0, g1, g2`}},
		{"unknown kind", frame("      a: {grup: g0}\n"), []string{line11 + `11 did you mean "group"?`}},
		{"broadcast false", frame("      a: {broadcast: false}\n"), []string{line11 + "22 false says nothing"}},
		{"broadcast to nobody", frame("      a: {broadcast: true, groups: []}\n"), []string{line11 + "36 the list is empty"}},
		{"groups of a vertical table", frame("      a: {group: g0, groups: [g1]}\n"), []string{line11 + "22 groups belongs to broadcast tables"}},
		{"groups beside shard", frame("      a: {groups: [g1], shard: {column: id, by: jump, shards: 2, groups: g0}}\n"), []string{line11 + "11 move it into the shard: block"}},
		{"table twice", frame("      a: {group: g1}\n      b: {group: g1}\n      a: {group: g2}\n"), []string{`13:7 duplicate key "a", first given on line 11`}},
		{"long name", frame("      " + long + ": {group: g0}\n"), []string{line11 + "7 is longer than MySQL's 64 characters"}},
		{"trailing space", frame("      \"a \": {group: g0}\n"), []string{line11 + "7 ends with a space"}},
		{"no default group", "users: {app: {password: app}}\ndefaults: {user: u, password: p}\ngroups: {g0: \"a:1\", g1: \"b:1\"}\ndatabases:\n  shop:\n",
			[]string{"5:3 databases.shop: the key default_group is missing; say where its other tables are: add default_group: g0"}},
		{"database twice", frame("      {}\n") + "  shop: {default_group: g1}\n", []string{`12:3 duplicate key "shop", first given on line 8`}},
		{"system database", frame("      {}\n") + "  Mysql: {default_group: g1}\n", []string{`12:3 "Mysql" is a database of the servers themselves`}},
		{"system physical", frame("      {}\n") + "  a: {default_group: g1, physical: sys}\n", []string{`12:36 "sys" is a database of the servers themselves`}},
		{"same physical", frame("      {}\n") + "  old: {default_group: g0, physical: SHOP}\n  new: {default_group: g1, physical: shop}\n",
			[]string{"12:3 databases.old: it is `SHOP` in group g0, and so is database shop"}},
		{"own database", frame("      {}\n") + "  Serval: {default_group: g1, physical: x}\n  a: {default_group: g1, physical: SERVAL}\n",
			[]string{`12:3 databases.Serval: "Serval" is Serval's own database on the servers (transactions.database); call it otherwise`,
				`13:3 databases.a: its physical database "SERVAL" is Serval's own`}},
		{"own database elsewhere", frame("      {}\n") + "  serval: {default_group: g1}\ntransactions: {database: decisions}\n", nil},
		{"shards in the own database", shardErrors("{column: id, by: jump, shards: 2, groups: g0, database: 'serval', table: 't_{shard}'}"),
			[]string{`11:7 table shop.t: a shard is in the database "serval", which is Serval's own`}},
	}, world(nil, nil))
}

func TestShardErrors(t *testing.T) {
	checkErrors(t, []errorTest{
		{"nothing", shardErrors("{}"), []string{"11:11 the key column is missing", "11:11 the key by is missing; add by: hash_mod"}},
		{"no count", shardErrors("{column: id, by: jump, groups: g0}"), []string{"11:11 the key shards is missing"}},
		{"no groups", shardErrors("{column: id, by: jump, shards: 2}"), []string{"11:11 the key groups is missing; add groups: [g0, g1, g2]"}},
		{"unknown algorithm", shardErrors("{column: id, by: hash, shards: 2}"), []string{`12:18 did you mean "hash_mod"?`}},
		{"unknown key", shardErrors("{column: id, by: jump, shards: 2, groups: g0, patern: x}"), []string{`12:47 unknown key "patern"`}},
		{"key of another", shardErrors("{column: id, by: jump, shards: 2, groups: g0, slots: 8, unit: day}"),
			[]string{"12:47 slots belongs to by: hash_slot, not to jump", "12:57 unit belongs to by: date"}},
		{"too many", shardErrors("{column: id, by: jump, shards: 1025, groups: g0}"), []string{"12:32 1025 is out of range; write one from 1 to 1024"}},
		{"none", shardErrors("{column: id, by: jump, shards: 0, groups: g0}"), []string{"12:32 0 is out of range"}},
		{"unknown group", shardErrors("{column: id, by: jump, shards: 2, groups: [g0, g9]}"), []string{`12:48 no group is called "g9"`}},
		{"group twice", shardErrors("{column: id, by: jump, shards: 2, groups: [g0, g0]}"), []string{`12:48 "g0" is in the list twice`}},
		{"no group", shardErrors("{column: id, by: jump, shards: 2, groups: []}"), []string{"12:35 the list is empty"}},
		{"too many groups", shardErrors("{column: id, by: jump, shards: 2, groups: [g0, g1, g2]}"), []string{"12:35 with 2 shards, some of 3 groups would hold none"}},
		{"spread", shardErrors("{column: id, by: jump, shards: 2, groups: g0, spread: robin}"), []string{`12:55 "robin" is not known`}},
		{"all in one", shardErrors("{column: id, by: jump, shards: 2, groups: g0, table: t}"), []string{"12:47 shards 0 and 1 are both `shop`.`t` in group g0; put {shard}"}},
		{"bad pattern", shardErrors("{column: id, by: jump, shards: 2, groups: g0, table: 't_{shrd}', database: 'x{'}"),
			[]string{`12:54 {shrd} is not known; did you mean "{shard}"?`, "12:76 a brace has no partner"}},
		{"bad width", shardErrors("{column: id, by: jump, shards: 2, groups: g0, table: 't_{shard:4}'}"), []string{"12:54 {shard:4} has no valid width; write {shard:04}"}},
		{"width of another", shardErrors("{column: id, by: jump, shards: 2, groups: g0, table: 't_{table:04}'}"), []string{"12:54 has no valid width"}},
		{"long physical name", shardErrors("{column: id, by: jump, shards: 11, groups: g0, table: '" + strings.Repeat("x", 63) + "{shard}'}"),
			[]string{"12:48 is longer than MySQL's 64 characters"}},
		{"binding's name", shardErrors("{column: id, by: jump, shards: 2, groups: g0, binding: 'a b'}"), []string{`12:56 "a b" is not a good name`}},
		{"locations and groups", shardErrors("{column: id, by: jump, locations: [g0, g1], groups: [g0]}"), []string{"12:45 groups and locations both say"}},
		{"locations and shards", shardErrors("{column: id, by: jump, shards: 3, locations: [g0, g1]}"), []string{"12:35 locations has 2 entries, but shards says 3"}},
		{"locations' form", shardErrors("{column: id, by: jump, locations: g0}"), []string{"12:35 a list is wanted"}},
		{"locations' group", shardErrors("{column: id, by: jump, locations: [g0, {table: x}, {group: g9}]}"), []string{"12:40 the key group is missing", `12:60 no group is called "g9"`}},
		{"one place twice", shardErrors("{column: id, by: jump, locations: [{group: g0, table: A}, {group: g0, table: a}]}"), []string{"12:24 shards 0 and 1 are both `shop`.`a` in group g0"}},
	}, world(nil, nil))
}

func TestAlgorithmErrors(t *testing.T) {
	checkErrors(t, []errorTest{
		{"slots", shardErrors("{column: id, by: hash_slot, shards: 2, groups: g0, slots: 1000}"), []string{"12:59 1000 is not a power of two"}},
		{"few slots", shardErrors("{column: id, by: hash_slot, shards: 5, groups: g0, slots: 4}"), []string{"12:52 4 slots are too few for 5 shards"}},
		{"many slots", shardErrors("{column: id, by: hash_slot, shards: 5, groups: g0, slots: 32768}"), []string{"12:59 32768 is out of range"}},
		{"slot map", shardErrors("{column: id, by: hash_slot, shards: 2, groups: g0, slots: 8, slot_map: {0-3: 0, 3-6: 1, x: 1, 6-9: 1, 7: 2}}"),
			[]string{"12:81 slot 3 already belongs to shard 0", `12:89 "x" is not a range of slots`, "12:95 6-9 is not a range of this table's slots; slots go from 0 to 7", "12:106 2 is out of range; write one from 0 to 1"}},
		{"slot map's gap", shardErrors("{column: id, by: hash_slot, shards: 2, groups: g0, slots: 8, slot_map: {0-3: 0, 5-7: 1}}"), []string{"12:62 slot 4 has no shard"}},
		{"ranges missing", shardErrors("{column: id, by: range, groups: g0}"), []string{"11:11 the key ranges is missing"}},
		{"ranges and shards", shardErrors("{column: id, by: range, groups: g0, shards: 2, ranges: [{}]}"), []string{"12:48 ranges has 1 entries, but shards says 2"}},
		{"ranges' order", shardErrors("{column: id, by: range, groups: g0, ranges: [{to: 9}, {to: 10}, {to: 10}, {}]}"), []string{"12:70 10 is not above 10; write the ranges in ascending order"}},
		{"negative order", shardErrors("{column: id, by: range, groups: g0, ranges: [{to: -9}, {to: -10}]}"), []string{"12:61 -10 is not above -9"}},
		{"dates' order", shardErrors("{column: id, by: range, groups: g0, ranges: [{to: 2026-02-01}, {to: 2026-01-01}]}"), []string{"12:69 2026-01-01 is not above 2026-02-01"}},
		{"texts' equality", shardErrors("{column: id, by: range, groups: g0, ranges: [{to: m}, {to: M}]}"), []string{"12:60 M is not above m"}},
		{"open in the middle", shardErrors("{column: id, by: range, groups: g0, ranges: [{to: 1}, {}, {}]}"), []string{"12:55 there is no to"}},
		{"gap", shardErrors("{column: id, by: range, groups: g0, ranges: [{to: 1}, {from: 2, to: 3}]}"), []string{"12:62 ranges have no gaps"}},
		{"mixed", shardErrors("{column: id, by: range, groups: g0, ranges: [{to: 1}, {to: '2'}]}"), []string{"12:60 integers and texts are mixed"}},
		{"float", shardErrors("{column: id, by: range, groups: g0, ranges: [{to: 1.5}, {}]}"), []string{"12:51 1.5 cannot be a shard key"}},
		{"hex", shardErrors("{column: id, by: range, groups: g0, ranges: [{to: 0x10}, {}]}"), []string{"12:51 0x10 cannot be a shard key"}},
		{"too large", shardErrors("{column: id, by: range, groups: g0, ranges: [{to: 18446744073709551616}, {}]}"), []string{"12:51 is not in the range of BIGINT"}},
		{"range's form", shardErrors("{column: id, by: range, groups: g0, ranges: [10, {}]}"), []string{"12:46 a mapping is wanted"}},
		{"lists missing", shardErrors("{column: id, by: list, groups: g0}"), []string{"11:11 the key lists is missing"}},
		{"lists' form", shardErrors("{column: id, by: list, groups: g0, lists: [cn, [], default, default]}"),
			[]string{"12:44 a list of keys is wanted", "12:48 the list is empty", "12:61 shard 2 is already the default"}},
		{"key twice", shardErrors("{column: id, by: list, groups: g0, lists: [[1, 2], [3, +1]]}"), []string{"12:56 1 is already in the list of shard 0"}},
		{"null and bool", shardErrors("{column: id, by: list, groups: g0, lists: [[~, true]]}"), []string{"12:45 NULL is never a shard key", "12:48 true cannot be a shard key"}},
		{"date without all", shardErrors("{column: id, by: date, groups: g0, shards: 2}"), []string{"11:11 the key unit is missing", "11:11 the key start is missing"}},
		{"unit", shardErrors("{column: id, by: date, groups: g0, shards: 2, unit: months, start: 2026-01}"), []string{`12:53 did you mean "month"?`}},
		{"start", shardErrors("{column: id, by: date, groups: g0, shards: 2, unit: month, start: 2026-13}"), []string{`12:67 "2026-13" is not a month; write it as 2026-01`}},
		{"start inside", shardErrors("{column: id, by: date, groups: g0, shards: 2, unit: month, start: 2026-01-15}"), []string{"12:67 2026-01-15 is not the first day of a month; write 2026-01"}},
		{"end", shardErrors("{column: id, by: date, groups: g0, shards: 1000, unit: year, start: 9100}"), []string{"12:69 shard 999 would start after the year 9999"}},
	}, world(nil, nil))
}

func TestLayoutErrors(t *testing.T) {
	checkErrors(t, []errorTest{
		{"shards of two tables", frame(`      a: {shard: {column: id, by: jump, shards: 4, groups: [g0, g1], table: "x_{shard}"}}
      b: {shard: {column: id, by: jump, shards: 4, groups: [g0, g1], table: "x_{shard}"}}
`), []string{"12:7 table shop.b: `shop`.`x_0` in group g0 is also a place of table shop.a (line 11)"}},
		{"a shard and a vertical table", frame(`      orders: {shard: {column: id, by: jump, shards: 4, groups: [g0, g1]}}
      orders_3: {group: g1}
      orders_2: {group: g0}
`), []string{"12:7 table shop.orders_3: `shop`.`orders_3` in group g1 is also a place of table shop.orders (line 11)"}},
		{"a shard and a copy", frame(`      colours_0: {broadcast: true}
      colours: {shard: {column: id, by: jump, shards: 2, groups: [g0, g1]}}
`), []string{"12:7 `shop`.`colours_0` in group g0 is also a place of table shop.colours_0"}},
		{"case only", frame("      Audit: {group: g1}\n      audit: {group: g1}\n"), []string{"12:7 also a place of table shop.Audit"}},
		{"across databases", frame("      a: {group: g1}\n") + `  other:
    default_group: g1
    tables: {b: {shard: {column: id, by: jump, locations: [{group: g1, database: shop, table: a}]}}}
`, []string{"14:14 table other.b: `shop`.`a` in group g1 is also a place of table shop.a (line 11)"}},
		{"groups on one server", `users: {app: {password: app}}
defaults: {user: root, password: ""}
groups: {g0: "a:1", g1: "a:1"}
databases:
  shop:
    default_group: g0
    tables:
      products: {broadcast: true}
      a: {shard: {column: id, by: jump, shards: 2, groups: [g0, g1], table: a}}
`, []string{"8:7 table shop.products: two of its groups have one primary, a:1", "9:70 shards 0 and 1 are both `shop`.`a` in group g1"}},
	}, world(nil, nil))
}

func TestBindingErrors(t *testing.T) {
	bound := func(a, b string) string {
		return frame("      a: {shard: {column: id, binding: x, " + a + "}}\n      b: {shard: {column: id, binding: x, " + b + "}}\n")
	}
	checkErrors(t, []errorTest{
		{"algorithm", bound("by: jump, shards: 2, groups: g0", "by: hash_mod, shards: 2, groups: g0"),
			[]string{"12:7 table shop.b: binding x wants it to be cut like shop.a (line 11), but it is cut by hash_mod, not by jump"}},
		{"count", bound("by: jump, shards: 2, groups: g0", "by: jump, shards: 3, groups: g0"), []string{"12:7 it has 3 shards, not 2"}},
		{"groups", bound("by: jump, shards: 2, groups: [g0, g1]", "by: jump, shards: 2, groups: [g1, g0]"), []string{"12:7 its shard 0 is in group g1, not in g0"}},
		{"slots", bound("by: hash_slot, shards: 2, groups: g0", "by: hash_slot, shards: 2, groups: g0, slots: 2048"), []string{"12:7 it has 2048 slots, not 1024"}},
		{"slot map", bound("by: hash_slot, slots: 4, shards: 2, groups: g0", "by: hash_slot, slots: 4, shards: 2, groups: g0, slot_map: {0: 0, 1-3: 1}"), []string{"12:7 its slot_map is another"}},
		{"ranges", bound("by: range, ranges: [{to: 5}, {}], groups: g0", "by: range, ranges: [{to: 6}, {}], groups: g0"), []string{"12:7 its ranges are others"}},
		{"lists", bound("by: list, lists: [[1, 2], default], groups: g0", "by: list, lists: [[1, 3], default], groups: g0"), []string{"12:7 its lists are others"}},
		{"date", bound("by: date, shards: 2, unit: year, start: 2026, groups: g0", "by: date, shards: 2, unit: year, start: 2025, groups: g0"), []string{"12:7 not by year from 2026-01-01"}},
		{"alike", bound("by: list, lists: [[1, 2], default], groups: g0", "by: list, lists: [[2, 1], default], groups: g0, database: other"), nil},
		{"explicitly alike", bound("by: hash_slot, shards: 2, groups: [g0, g1]", "by: hash_slot, locations: [g0, g1], slot_map: {0-511: 0, 512-1023: 1}"), nil},
	}, world(nil, nil))
}
