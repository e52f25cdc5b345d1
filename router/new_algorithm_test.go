package router

import (
	"strings"
	"testing"

	"serval/config"
)

func spec(by string, shards int, change func(s *config.Shard)) *config.Shard {
	s := &config.Shard{Column: "k", By: by, Locations: make([]config.Location, shards)}
	if by == config.ByHashSlot {
		s.Slots, s.SlotMap = 1024, evenSlots(1024, shards)
	}
	if change != nil {
		change(s)
	}
	return s
}

func number10(n string) *config.Value { return &config.Value{Text: n, Integer: true} }
func quoted(s string) *config.Value   { return &config.Value{Text: s} }

func TestNewAlgorithm(t *testing.T) {
	ci := text("varchar", "utf8mb4_0900_ai_ci", 20)
	ranges := func(to ...*config.Value) func(s *config.Shard) {
		return func(s *config.Shard) {
			var from *config.Value
			for _, v := range to {
				s.Ranges = append(s.Ranges, config.RangeBound{From: from, To: v})
				from = v
			}
		}
	}
	lists := func(lists ...config.ListValues) func(s *config.Shard) {
		return func(s *config.Shard) { s.Lists = lists }
	}
	for _, c := range []struct {
		spec *config.Shard
		col  *Column
		keys []golden
	}{
		{spec("hash_mod", 8, nil), column("bigint"), []golden{{intKey(42), 2}}},
		{spec("hash_mod", 8, nil), nil, []golden{{intKey(42), 2}}},
		{spec("hash_slot", 8, nil), ci, []golden{{textKey("alice"), 0}}},
		{spec("jump", 57, nil), column("int"), []golden{{intKey(42), 43}}},
		{spec("range", 2, ranges(number10("-5"), nil)), column("int"), []golden{{intKey(-6), 0}, {intKey(-5), 1}}},
		{spec("range", 2, ranges(quoted("2026-01-01"), nil)), column("date"), []golden{{dateKey("2025-12-31"), 0}, {dateKey("2026-01-01"), 1}}},
		{spec("range", 2, ranges(quoted("m"), nil)), text("varchar", "utf8mb4_bin", 20), []golden{{textKey("lz"), 0}, {textKey("m"), 1}}},
		{spec("range", 2, ranges(quoted("m"), nil)), column("varbinary"), []golden{{textKey("M"), 0}}},
		{spec("list", 2, lists(config.ListValues{Values: []config.Value{{Text: "DE"}}}, config.ListValues{Default: true})), ci, []golden{{textKey("de"), 0}, {textKey("x"), 1}}},
		{spec("list", 2, lists(config.ListValues{Values: []config.Value{*number10("1")}}, config.ListValues{Values: []config.Value{*number10("-1")}})), column("int"), []golden{{intKey(1), 0}, {intKey(-1), 1}}},
		{spec("date", 3, func(s *config.Shard) { s.Unit, s.Start = "day", "2026-01-30" }), column("datetime"), []golden{{dateKey("2026-02-01 10:00:00"), 2}}},
	} {
		a, err := NewAlgorithm(c.spec, c.col)
		if err != nil {
			t.Errorf("%s: %v", c.spec.By, err)
			continue
		}
		if a.Name() != c.spec.By {
			t.Errorf("%s calls itself %s", c.spec.By, a.Name())
		}
		checkGolden(t, a, c.keys)
	}
}

func TestNewAlgorithmRefuses(t *testing.T) {
	mod := spec("hash_mod", 4, nil)
	list := func(values ...config.Value) *config.Shard {
		return spec("list", len(values), func(s *config.Shard) {
			for _, v := range values {
				s.Lists = append(s.Lists, config.ListValues{Values: []config.Value{v}})
			}
		})
	}
	oneRange := func(v *config.Value) *config.Shard {
		return spec("range", 1, func(s *config.Shard) { s.Ranges = []config.RangeBound{{To: v}} })
	}
	for _, c := range []struct {
		spec     *config.Shard
		col      *Column
		fragment string
	}{
		{mod, column("float"), "float"},
		{mod, column("double"), "cannot be a shard key"},
		{mod, column("decimal"), "cannot be a shard key"},
		{mod, column("bit"), "cannot be a shard key"},
		{mod, column("enum"), "cannot be a shard key"},
		{mod, column("set"), "cannot be a shard key"},
		{mod, column("json"), "cannot be a shard key"},
		{mod, column("text"), "cannot be a shard key"},
		{mod, column("blob"), "cannot be a shard key"},
		{mod, column("time"), "cannot be a shard key"},
		{mod, column("year"), "cannot be a shard key"},
		{mod, column("timestamp"), "use DATETIME"},
		{mod, column("date"), "use the algorithm date or range"},
		{mod, text("varchar", "utf8mb4_turkish_ci", 10), "docs/sharding.md"},
		{mod, text("char", "utf8mb4_zh_0900_as_cs", 10), "docs/sharding.md"},
		{mod, &Column{Name: "k", DataType: "int", Generated: true}, "generated"},
		{spec("date", 1, func(s *config.Shard) { s.Unit, s.Start = "day", "2026-01-01" }), column("int"), "it takes DATE or DATETIME"},
		{oneRange(quoted("m")), text("varchar", "utf8mb4_0900_ai_ci", 10), "_bin"},
		{oneRange(quoted("m")), text("varchar", "latin1_bin", 10), "_bin"},
		{oneRange(quoted("m")), column("int"), "without quotes"},
		{oneRange(number10("5")), column("varbinary"), "in quotes"},
		{oneRange(quoted("soon")), column("date"), "not a date"},
		{oneRange(quoted("2026-01-01 10:00:00")), column("datetime"), "time of day"},
		{list(*quoted("DE"), *quoted("de")), text("varchar", "utf8mb4_general_ci", 10), "calls equal"},
		{list(*quoted("日")), text("varchar", "latin1_bin", 10), "cannot store"},
		{list(*quoted("2026-01-01")), column("date"), "use the algorithm date or range"},
		{spec("range", 2, func(s *config.Shard) { s.Ranges = []config.RangeBound{{}} }), nil, "locations"},
		{spec("md5", 2, nil), nil, "no such algorithm"},
	} {
		_, err := NewAlgorithm(c.spec, c.col)
		if err == nil || !strings.Contains(err.Error(), c.fragment) {
			t.Errorf("%s of %+v: error %v, want one with %q", c.spec.By, c.col, err, c.fragment)
		}
	}
}

func TestSameKeys(t *testing.T) {
	v := func(collation string) *Column { return text("varchar", collation, 10) }
	for _, c := range []struct {
		a, b *Column
		same bool
	}{
		{column("int"), column("bigint"), true},
		{column("date"), column("datetime"), true},
		{v("utf8mb4_0900_ai_ci"), text("char", "utf8mb4_unicode_520_ci", 3), true},
		{v("utf8mb4_bin"), v("utf8mb4_0900_bin"), true},
		{v("utf8mb4_unicode_ci"), v("utf8mb4_0900_ai_ci"), false},
		{v("utf8mb4_general_ci"), v("utf8mb4_0900_ai_ci"), false},
		{column("binary"), column("varbinary"), false},
		{column("int"), v("utf8mb4_bin"), false},
		{column("int"), column("float"), false},
		{column("json"), column("int"), false},
	} {
		if err := SameKeys(c.a, c.b); (err == nil) != c.same {
			t.Errorf("%s %s and %s %s: %v", c.a.DataType, c.a.Collation, c.b.DataType, c.b.Collation, err)
		}
	}
}
