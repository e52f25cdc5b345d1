package router

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"serval/rewrite/fingerprint"
)

func TestMove(t *testing.T) {
	cat := keyed(t)
	for _, c := range []struct {
		sql, search, write string
		together           bool
		key                int
		identity           []int
	}{
		{"UPDATE users SET user_id = 5000 WHERE user_id = 42",
			"SELECT `users`.`user_id`, (5000) AS `serval_value_0` FROM users WHERE user_id = 42 ORDER BY `users`.`user_id` FOR UPDATE",
			"UPDATE users SET user_id = 5000 WHERE k", true, 1, []int{1}},
		{"UPDATE orders o SET o.total = 1, o.user_id = o.user_id + 1 LIMIT 3",
			"SELECT `o`.`user_id`, `o`.`order_id`, (o.user_id + 1) AS `serval_value_0` FROM orders o ORDER BY `o`.`order_id` LIMIT 3 FOR UPDATE",
			"UPDATE orders o SET o.total = 1, o.user_id = o.user_id + 1 WHERE k", false, 2, []int{1}},
		{"UPDATE orders SET user_id = 7, total = user_id",
			"SELECT `orders`.`user_id`, `orders`.`order_id`, (7) AS `serval_value_0` FROM orders ORDER BY `orders`.`order_id` FOR UPDATE",
			"UPDATE orders SET user_id = 7, total = user_id WHERE k", true, 2, []int{1}},
		{"UPDATE orders SET order_id = order_id + 9, user_id = DEFAULT",
			"SELECT `orders`.`user_id`, `orders`.`order_id`, (DEFAULT(`user_id`)) AS `serval_value_0`, (order_id + 9) AS `serval_value_1` FROM orders ORDER BY `orders`.`order_id` FOR UPDATE",
			"UPDATE orders SET order_id = order_id + 9, user_id = DEFAULT WHERE k", false, 2, []int{3}},
	} {
		var st fingerprint.Statement
		st.Scan([]byte(c.sql), 0)
		m, err := NewPlanner().Move(&st, "shop", cat)
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		if string(m.Select) != c.search || m.Together != c.together || m.Key != c.key || !slices.Equal(m.Identity, c.identity) {
			t.Errorf("%s: together %v, key %d, identity %v\n got %s\nwant %s", c.sql, m.Together, m.Key, m.Identity, m.Select, c.search)
		}
		if got := string(m.Targets[0].Write(nil, nil, "k")); got != c.write {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.write)
		}
	}
}

// TestStays says which changes of a shard key one shard does by itself, and which are done in steps or refused.
func TestStays(t *testing.T) {
	for _, c := range []struct {
		sql     string
		trigger bool
		want    string // "": by the shard itself; steps; or a part of the refusal
	}{
		{"UPDATE users SET user_id = 42, name = 'x' WHERE user_id = 42", false, ""},
		{"UPDATE users SET user_id = 46 WHERE user_id = 42", true, ""},
		{"UPDATE users SET user_id = 43 WHERE user_id = 42", false, "steps"},
		{"UPDATE users SET user_id = 43 WHERE user_id = 42", true, "triggers"},
		{"UPDATE users SET user_id = 43", true, "triggers"},
		{"UPDATE users SET user_id = 42, user_id = 43 WHERE user_id = 42", false, "twice"},
		{"UPDATE users SET user_id = user_id WHERE user_id = 42", false, "steps"},
		{"UPDATE IGNORE users SET user_id = 43 WHERE user_id = 42", false, "IGNORE"},
		{"UPDATE users SET user_id = (SELECT 3) WHERE user_id = 42", false, "subquery"},
		{"UPDATE users SET user_id = RAND() WHERE user_id = 42", false, "one evaluation"},
		{"UPDATE users u, orders o SET u.user_id = 3", false, "joined"},
	} {
		cat := keyed(t)
		cat.Databases["shop"].Tables["users"].Triggers = c.trigger
		var st fingerprint.Statement
		st.Scan([]byte(c.sql), 0)
		p, err := NewPlanner().Plan(&st, "shop", cat)
		var r Route
		if err == nil {
			err = r.Resolve(p, &st)
		}
		var refusal *Refusal
		switch {
		case c.want == "" || c.want == "steps":
			if err != nil || r.Stepped != (c.want == "steps") {
				t.Errorf("%s: in steps %v, %v", c.sql, r.Stepped, err)
			}
		case !errors.As(err, &refusal) || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %s", c.sql, err, c.want)
		}
	}
}

func TestShardOf(t *testing.T) {
	users := shop(t).Databases["shop"].Tables["users"]
	for value, want := range map[string]int{"0": 0, "5": 1, "-1": 3, "9223372036854775807": 3} {
		if got, err := users.ShardOf([]byte(value)); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", value, got, err, want)
		}
	}
	if _, err := users.ShardOf(nil); err == nil {
		t.Error("NULL has no shard")
	}
}
