package router

import "testing"

func TestDate(t *testing.T) {
	checkGolden(t, made(t)(NewDate("day", "2024-02-27", 5)), []golden{
		{dateKey("2024-02-27"), 0}, {dateKey("2024-02-29 23:59:59"), 2}, {dateKey("2024-03-01"), 3}, {dateKey("2024-03-02"), 4},
	})
	checkGolden(t, made(t)(NewDate("month", "2024-11-01", 4)), []golden{
		{dateKey("2024-11-01"), 0}, {dateKey("2024-12-31T23:59:59"), 1}, {dateKey("2025-01-01"), 2}, {dateKey("2025-02-28 00:00:00.000001"), 3},
	})
	checkGolden(t, made(t)(NewDate("year", "1968-06-01", 3)), []golden{
		{dateKey("1968-01-01"), 0}, {dateKey("1969-12-31"), 1}, {dateKey("1970-01-01"), 2},
	})
}

func TestDateOutside(t *testing.T) {
	a := made(t)(NewDate("month", "2024-11-01", 2))
	for _, s := range []string{"2024-10-31", "2025-01-01", "0001-01-01", "9999-12-31"} {
		if i, err := a.Shard(dateKey(s)); err == nil {
			t.Errorf("%s is in shard %d, want none", s, i)
		}
	}
}

func TestDateRange(t *testing.T) {
	a := made(t)(NewDate("month", "2024-01-01", 12))
	at := func(s string, inclusive bool) *Bound { return &Bound{dateKey(s), inclusive} }
	for _, c := range []struct {
		lo, hi *Bound
		want   []int
	}{
		{at("2024-11-15", true), nil, []int{10, 11}},
		{nil, at("2024-03-01", false), []int{0, 1}},
		{nil, at("2024-03-01", true), []int{0, 1, 2}},
		{at("2024-03-31 23:59:58", false), at("2024-04-01", true), []int{2, 3}},
		{at("2030-01-01", true), nil, nil},
		{nil, at("2020-01-01", true), nil},
		{at("2020-01-01", true), at("2024-01-01", true), []int{0}},
	} {
		if got := shardsIn(a, c.lo, c.hi); !sameInts(got, c.want) {
			t.Errorf("%v to %v: %v, want %v", c.lo, c.hi, got, c.want)
		}
	}
}

func TestDateRefuses(t *testing.T) {
	for _, c := range []struct {
		unit, start string
		shards      int
	}{{"week", "2024-01-01", 4}, {"day", "2024-1-1", 4}, {"day", "2024-02-30", 4}, {"day", "2024-01-01 10:00:00", 4}, {"day", "2024-01-01", 0}} {
		if _, err := NewDate(c.unit, c.start, c.shards); err == nil {
			t.Errorf("%+v: taken", c)
		}
	}
}

// The days are those of MySQL's TO_DAYS().
func TestParseDate(t *testing.T) {
	for _, c := range []struct {
		text   string
		micros uint64
		edge   bool
	}{
		{"0001-01-01", 366 * microsPerDay, false},
		{"1969-12-31", 719527 * microsPerDay, false},
		{"2024-01-01", 739251 * microsPerDay, false},
		{"2024-01-01 00:00:00", 739251 * microsPerDay, false},
		{"2024-01-01T00:00:01.5", 739251*microsPerDay + 1_500_000, false},
		{"9999-12-31 23:59:59", 3652425*microsPerDay - 1_000_000, false},
		{"2024-01-01 23:59:59.000001", 739252*microsPerDay - 999_999, true},
		{"2024-01-01 23:59:59.000000", 739252*microsPerDay - 1_000_000, false},
	} {
		k, edge, ok := parseDate([]byte(c.text))
		if !ok || k.Kind != KeyDate || k.Magnitude != c.micros || edge != c.edge {
			t.Errorf("%s: %+v edge %t ok %t, want %d edge %t", c.text, k, edge, ok, c.micros, c.edge)
		}
	}
	for _, text := range []string{"", "2024", "20240101", "2024-1-1", "24-01-01", "2024/01/01", "0000-00-00", "0000-01-01", "2024-00-10", "2024-13-01",
		"2023-02-29", "2024-04-31", "2024-01-01 ", " 2024-01-01", "2024-01-01 10:00", "2024-01-01 24:00:00", "2024-01-01 10:60:00", "2024-01-01 10:00:60",
		"2024-01-01 10:00:00.", "2024-01-01 10:00:00.1234567", "2024-01-01 10:00:00+01:00", "2024-01-01 10:00:00Z", "2024-01-01 10-00-00"} {
		if k, _, ok := parseDate([]byte(text)); ok {
			t.Errorf("%q was read as %+v", text, k)
		}
	}
}
