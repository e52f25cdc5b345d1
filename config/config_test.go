package config

import (
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"
)

// config_test.go: what valid files become.

// world is a source of tests: variables and files by name.
func world(env, files map[string]string) source {
	return source{
		env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		file: func(path string, limit int64) ([]byte, error) {
			data, ok := files[path]
			if !ok {
				return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
			}
			if int64(len(data)) > limit {
				return nil, errTooLarge
			}
			return []byte(data), nil
		},
	}
}

// mustParse parses a text that has to be valid.
func mustParse(t *testing.T, text string, src source) *Config {
	t.Helper()
	c, err := parse([]byte(text), "t.yaml", src)
	if err != nil {
		t.Fatalf("%v\nin\n%s", err, text)
	}
	return c
}

// frame is a valid file around the tables of one database.
func frame(tables string) string {
	return `users: {app: {password: app}}
defaults: {user: root, password: ""}
groups:
  g0: 10.0.0.1:3306
  g1: 10.0.0.2:3306
  g2: 10.0.0.3:3306
databases:
  shop:
    default_group: g0
    tables:
` + tables
}

// frameLines is the number of lines before the tables in frame.
const frameLines = 10

func TestExampleLoads(t *testing.T) {
	for _, name := range []string{"SERVAL_APP_PASSWORD", "SERVAL_ROOT_PASSWORD", "SERVAL_BACKEND_PASSWORD"} {
		t.Setenv(name, "secret")
	}
	c, err := Load("../serval.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c.File != "../serval.example.yaml" || len(c.Groups) != 3 || len(c.Databases) != 2 || len(c.Databases[0].Tables) != 10 {
		t.Errorf("%+v", c)
	}
}

func TestDefaults(t *testing.T) {
	c := mustParse(t, `
users: {app: {password: app}}
groups: {g0: {primary: "db:3306", user: root, password: ""}}
databases: {shop: }
`, world(nil, nil))
	pool := Pool{
		Max: 100, MaxIdle: 100, MaxLifetime: time.Hour, IdleTimeout: 5 * time.Minute,
		AcquireTimeout: 10 * time.Second, ConnectTimeout: 5 * time.Second,
	}
	want := &Config{
		File:         "t.yaml",
		Listeners:    []Listener{{Address: "127.0.0.1:3307"}},
		Admin:        Admin{"127.0.0.1:6070"},
		Log:          Log{Level: "info", Format: "text"},
		Users:        []User{{Name: "app", Password: "app"}},
		Groups:       []Group{{Name: "g0", Primary: Node{Address: "db:3306", User: "root", TLS: TLS{Mode: TLSOff}, Pool: pool}}},
		Databases:    []Database{{Name: "shop", DefaultGroup: "g0", Physical: "shop"}},
		Transactions: Transactions{AcrossGroups: Atomic, Autocommit: Atomic, Database: "serval"},
		IDs:          IDs{Group: "g0", Segment: 1000},
		Gather:       Gather{Rows: 1_000_000, Bytes: 256 << 20},
		PlanCache:    10_000,
		MaxPrepared:  100_000,
		MaxPacket:    64 << 20,
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestTopLevel(t *testing.T) {
	c := mustParse(t, frame("      {}\n")+`
listeners: ["[::1]:3307", {address: ":3308"}, "127.0.0.1:0", "127.0.0.1:0"]
admin: off
log: {level: warn, format: json, statements: true}
transactions: {across_groups: best_effort, multi_shard_autocommit: best_effort, database: commits}
gather: {rows: 5_000, bytes: 2MiB}
plan_cache: 1_000
max_packet: 1GiB
`, world(nil, nil))
	if want := []Listener{{Address: "[::1]:3307"}, {Address: ":3308"}, {Address: "127.0.0.1:0"}, {Address: "127.0.0.1:0"}}; !reflect.DeepEqual(c.Listeners, want) {
		t.Errorf("listeners %v", c.Listeners)
	}
	if (c.Admin != Admin{}) || c.Log != (Log{"warn", "json", true}) || c.Transactions != (Transactions{AcrossGroups: BestEffort, Autocommit: BestEffort, Database: "commits"}) ||
		c.Gather != (Gather{Rows: 5000, Bytes: 2 << 20}) || c.PlanCache != 1000 || c.MaxPacket != 1<<30 {
		t.Errorf("%+v", c)
	}
}

func TestUsers(t *testing.T) {
	c := mustParse(t, `
users:
  plain: {password: 0755, databases: shop}
  empty: {password: ""}
  env: {password_env: SECRET, databases: ["*"]}
  file: {password_file: secret/file, databases: [shop, other]}
  absolute: {password_file: /secret}
groups: {g0: {primary: "db:3306", user: root, password: ""}}
databases: {shop: , other: }
`, world(map[string]string{"SECRET": "from env"}, map[string]string{"secret/file": "from file\r\n", "/secret": " kept as it is "}))
	want := []User{
		{"plain", "0755", []string{"shop"}, false, false, Limits{}},
		{"empty", "", nil, false, false, Limits{}},
		{"env", "from env", nil, false, false, Limits{}},
		{"file", "from file", []string{"shop", "other"}, false, false, Limits{}},
		{"absolute", " kept as it is ", nil, false, false, Limits{}},
	}
	if !reflect.DeepEqual(c.Users, want) {
		t.Errorf("%v", c.Users)
	}
	if u := c.Users[0]; !u.MayUse("shop") || u.MayUse("other") || !c.Users[1].MayUse("other") {
		t.Error("MayUse")
	}
}

func TestInheritance(t *testing.T) {
	c := mustParse(t, `
users: {app: {password: app}}
defaults:
  user: all
  password_env: ALL
  tls: {mode: verify_ca, server_name: db}
  pool: {max: 50, max_idle: 40, acquire_timeout: 1s}
groups:
  g0:
    primary: a:1
    replicas: [b:1, {address: c:1, weight: 0, user: c, password: own, tls: required, pool: {max: 70}}]
    pool: {max: 30, idle_timeout: 0}
  g1:
    user: g1
    tls: {mode: off}
    primary: {address: a:2, tls: {mode: verify_identity}, pool: {max_lifetime: 1h30m}}
databases: {shop: {default_group: g1}}
`, world(map[string]string{"ALL": "shared"}, nil))
	type row struct {
		address, user, password string
		weight                  int
		tls                     TLS
		max, idle               int
		idleTimeout, lifetime   time.Duration
	}
	ca := TLS{Mode: TLSVerifyCA, ServerName: "db"}
	want := []row{
		{"a:1", "all", "shared", 0, ca, 30, 30, 0, time.Hour},
		{"b:1", "all", "shared", 1, ca, 30, 30, 0, time.Hour},
		{"c:1", "c", "own", 0, TLS{Mode: TLSRequired, ServerName: "db"}, 70, 40, 0, time.Hour},
		{"a:2", "g1", "shared", 0, TLS{Mode: TLSVerifyIdentity}, 50, 40, 5 * time.Minute, 90 * time.Minute},
	}
	nodes := []Node{c.Groups[0].Primary, c.Groups[0].Replicas[0], c.Groups[0].Replicas[1], c.Groups[1].Primary}
	for i, n := range nodes {
		got := row{n.Address, n.User, n.Password, n.Weight, n.TLS, n.Pool.Max, n.Pool.MaxIdle, n.Pool.IdleTimeout, n.Pool.MaxLifetime}
		if got != want[i] {
			t.Errorf("node %d:\n got %v\nwant %v", i, got, want[i])
		}
		if n.Pool.AcquireTimeout != time.Second {
			t.Errorf("node %d: acquire_timeout %s", i, n.Pool.AcquireTimeout)
		}
	}
}

// shardOf parses one table's shard: block.
func shardOf(t *testing.T, block string) *Shard {
	t.Helper()
	c := mustParse(t, frame("      orders: {shard: "+block+"}\n"), world(nil, nil))
	return c.Databases[0].Tables[0].Shard
}

func TestLocations(t *testing.T) {
	tests := []struct{ block, want string }{
		{"{column: id, by: hash_mod, shards: 4, groups: [g0, g1]}",
			"g0.shop.orders_0 g0.shop.orders_1 g1.shop.orders_2 g1.shop.orders_3"},
		{"{column: id, by: hash_mod, shards: 3, groups: [g1, g0]}",
			"g1.shop.orders_0 g1.shop.orders_1 g0.shop.orders_2"},
		{"{column: id, by: jump, shards: 4, groups: [g0, g1], spread: round_robin}",
			"g0.shop.orders_0 g1.shop.orders_1 g0.shop.orders_2 g1.shop.orders_3"},
		{"{column: id, by: hash_mod, shards: 2, groups: g2, database: '{db}_{shard:02}', table: '{table}'}",
			"g2.shop_00.orders g2.shop_01.orders"},
		{"{column: id, by: hash_mod, shards: 2, groups: [g0, g1], database: 'x_{group}', table: 't{shard}_{shard:03}_'}",
			"g0.x_g0.t0_000_ g1.x_g1.t1_001_"},
		{"{column: id, by: hash_mod, shards: 2, groups: [g0, g1], table: '{table}'}",
			"g0.shop.orders g1.shop.orders"},
		{"{column: id, by: hash_mod, locations: [g1, {group: g0, table: a}, {group: g0, database: 'd{shard}'}], table: b}",
			"g1.shop.b g0.shop.a g0.d2.b"},
		{"{column: id, by: range, ranges: [{to: 5}, {}], groups: [g0, g1]}",
			"g0.shop.orders_0 g1.shop.orders_1"},
	}
	for _, test := range tests {
		s := shardOf(t, test.block)
		var got []string
		for _, l := range s.Locations {
			got = append(got, l.Group+"."+l.Database+"."+l.Table)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.block, strings.Join(got, " "), test.want)
		}
	}
}

func TestMostShards(t *testing.T) {
	s := shardOf(t, "{column: id, by: hash_slot, shards: 1024, groups: [g0, g1, g2], table: 'o{shard:04}'}")
	if len(s.Locations) != MaxShards || s.Locations[1023] != (Location{"g2", "shop", "o1023"}) {
		t.Errorf("%v", s.Locations[len(s.Locations)-1])
	}
	if s.Slots != 1024 || s.SlotMap[0] != 0 || s.SlotMap[1023] != 1023 {
		t.Errorf("slots %d", s.Slots)
	}
}

func TestSlots(t *testing.T) {
	s := shardOf(t, "{column: id, by: hash_slot, shards: 3, groups: g0}")
	var counts [3]int
	for slot, shard := range s.SlotMap {
		counts[shard]++
		if slot > 0 && shard < s.SlotMap[slot-1] {
			t.Errorf("slot %d: shard %d after %d", slot, shard, s.SlotMap[slot-1])
		}
	}
	if s.Slots != 1024 || len(s.SlotMap) != 1024 || counts != [3]int{342, 341, 341} {
		t.Errorf("%d slots, %v", len(s.SlotMap), counts)
	}
	s = shardOf(t, "{column: id, by: hash_slot, shards: 3, groups: g0, slots: 8, slot_map: {0-2: 2, 3: 0, 4-7: 2}}")
	if want := []int{2, 2, 2, 0, 2, 2, 2, 2}; !reflect.DeepEqual(s.SlotMap, want) || s.Slots != 8 {
		t.Errorf("%v", s.SlotMap)
	}
}

// number and word are values of tests.
func number(text string) *Value { return &Value{Text: text, Integer: true} }
func word(text string) *Value   { return &Value{Text: text} }

func TestRanges(t *testing.T) {
	tests := []struct {
		ranges string
		want   []RangeBound
	}{
		{"[{to: 1_000}, {to: +2000}, {}]", []RangeBound{{nil, number("1000")}, {number("1000"), number("2000")}, {number("2000"), nil}}},
		{"[{from: -5, to: -0}, {from: 0, to: 18446744073709551615}]", []RangeBound{{number("-5"), number("0")}, {number("0"), number("18446744073709551615")}}},
		{"[{to: -10}, {to: -9}]", []RangeBound{{nil, number("-10")}, {number("-10"), number("-9")}}},
		{"[{to: g}, {to: '10'}, {}]", []RangeBound{{nil, word("g")}, {word("g"), word("10")}, {word("10"), nil}}},
		{"[{to: 2025-01-01}, {to: 2025-07-01 12:00:00}]", []RangeBound{{nil, word("2025-01-01")}, {word("2025-01-01"), word("2025-07-01 12:00:00")}}},
		{"[{}]", []RangeBound{{}}},
	}
	for _, test := range tests {
		s := shardOf(t, "{column: id, by: range, groups: g0, ranges: "+test.ranges+"}")
		if !reflect.DeepEqual(s.Ranges, test.want) {
			t.Errorf("%s: %v", test.ranges, s.Ranges)
		}
	}
}

func TestLists(t *testing.T) {
	s := shardOf(t, "{column: c, by: list, groups: g0, lists: [[cn, no, 'default'], default, [tw]]}")
	want := []ListValues{{Values: []Value{*word("cn"), *word("no"), *word("default")}}, {Default: true}, {Values: []Value{*word("tw")}}}
	if !reflect.DeepEqual(s.Lists, want) {
		t.Errorf("%v", s.Lists)
	}
	s = shardOf(t, "{column: c, by: list, groups: g0, lists: [[1, -2], [3]]}")
	if want := []ListValues{{Values: []Value{*number("1"), *number("-2")}}, {Values: []Value{*number("3")}}}; !reflect.DeepEqual(s.Lists, want) {
		t.Errorf("%v", s.Lists)
	}
}

func TestDates(t *testing.T) {
	tests := []struct{ unit, start, want string }{
		{"day", "2026-02-28", "2026-02-28"},
		{"month", "2026-03", "2026-03-01"},
		{"month", "'2026-03-01'", "2026-03-01"},
		{"year", "2026", "2026-01-01"},
		{"year", "2026-01-01", "2026-01-01"},
	}
	for _, test := range tests {
		s := shardOf(t, "{column: at, by: date, shards: 3, groups: g0, unit: "+test.unit+", start: "+test.start+"}")
		if s.Unit != test.unit || s.Start != test.want || len(s.Locations) != 3 {
			t.Errorf("%v: %s %s", test, s.Unit, s.Start)
		}
	}
}

func TestTableKinds(t *testing.T) {
	c := mustParse(t, frame(`      audit: {group: g2}
      products: {broadcast: true}
      colours: {broadcast: true, groups: [g0, g2]}
      users: {shard: &by_user {column: user_id, by: hash_mod, shards: 2, groups: [g0, g1], binding: user}}
      orders: {shard: *by_user}
      items: {shard: {column: uid, by: hash_mod, locations: [g0, g1], binding: user, database: "items_{shard}", table: "{table}"}}
`), world(nil, nil))
	tables := c.Databases[0].Tables
	want := []Table{
		{Name: "audit", Kind: Vertical, Group: "g2", Line: frameLines + 1},
		{Name: "products", Kind: Broadcast, Groups: []string{"g0", "g1", "g2"}, Line: frameLines + 2},
		{Name: "colours", Kind: Broadcast, Groups: []string{"g0", "g2"}, Line: frameLines + 3},
	}
	if !reflect.DeepEqual(tables[:3], want) {
		t.Errorf("%+v", tables[:3])
	}
	if o := tables[4]; o.Kind != Sharded || o.Shard.Binding != "user" || o.Shard.Locations[1] != (Location{"g1", "shop", "orders_1"}) {
		t.Errorf("%+v", o)
	}
	if i := tables[5].Shard; i.Locations[1] != (Location{"g1", "items_1", "items"}) {
		t.Errorf("%+v", i)
	}
}

// TestSharedServer: groups whose primaries are one server, to try sharding without many of them.
func TestSharedServer(t *testing.T) {
	mustParse(t, `
users: {app: {password: app}}
defaults: {user: root, password: ""}
groups: {g0: "a:1", g1: "a:1"}
databases:
  shop:
    default_group: g0
    tables:
      orders: {shard: {column: id, by: hash_mod, shards: 2, groups: [g0, g1]}}
`, world(nil, nil))
}
