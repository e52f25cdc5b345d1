package config

import (
	"testing"
	"time"
)

// limits_test.go: the limits of users and databases, and which of two is the stricter one.

func TestLimits(t *testing.T) {
	c := mustParse(t, `
users:
  app:
    password: x
    limits: {max_gather_rows: 5_000, max_gather_time: 30s, max_scatter_shards: 4}
groups: {g0: {primary: "db:3306", user: root, password: ""}}
databases:
  shop:
    limits:
      allow_scatter: false
      max_gather_rows: 6_000
      max_gather_bytes: 1MiB
gather: {group: g0}
`, world(nil, nil))
	l := Limits{Rows: Limit{Max: 1_000_000, Name: "gather.rows"}}.Stricter(c.Users[0].Limits).Stricter(c.Databases[0].Limits)
	want := Limits{
		Shards: Limit{1, "databases.shop.limits.allow_scatter", "t.yaml:10"},
		Rows:   Limit{5000, "users.app.limits.max_gather_rows", "t.yaml:5"},
		Bytes:  Limit{1 << 20, "databases.shop.limits.max_gather_bytes", "t.yaml:12"},
		Time:   Limit{int(30 * time.Second), "users.app.limits.max_gather_time", "t.yaml:5"},
	}
	if l != want || c.Gather.Group != "g0" {
		t.Errorf("got  %+v\nwant %+v", l, want)
	}
	if s := l.Rows.String(); s != "users.app.limits.max_gather_rows, t.yaml:5" {
		t.Error(s)
	}
}
