package router

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"serval/rewrite/fingerprint"
)

// keyed is shop with primary keys.
func keyed(t testing.TB) *Catalog {
	cat := shop(t)
	for name, columns := range map[string][]string{"users": {"user_id"}, "orders": {"order_id"}, "visits": {"user_id", "page"}, "products": {"product_id"}, "settings": {"id"}, "audit": {"id"}} {
		tb := cat.Databases["shop"].Tables[name]
		tb.Unique = []UniqueKey{{Name: "PRIMARY", Columns: columns, Whole: true, NotNull: true}}
	}
	return cat
}

func TestPick(t *testing.T) {
	cat := keyed(t)
	for _, c := range []struct {
		sql, search string
		writes      []string
	}{
		{"UPDATE users SET level = level + 1 WHERE name = 'where' LIMIT 3",
			"SELECT `users`.`user_id` FROM users WHERE name = 'where' ORDER BY `users`.`user_id` LIMIT 3 FOR UPDATE",
			[]string{"UPDATE users SET level = level + 1 WHERE k"}},
		{"UPDATE IGNORE shop.users AS u SET u.level = 1, u.name := 'set' ORDER BY u.level DESC, name LIMIT 3",
			"SELECT `u`.`user_id` FROM shop.users AS u ORDER BY u.level DESC, name, `u`.`user_id` LIMIT 3 FOR UPDATE",
			[]string{"UPDATE IGNORE shop.users AS u SET u.level = 1, u.name := 'set' WHERE k ORDER BY u.level DESC, name"}},
		{"DELETE LOW_PRIORITY FROM orders ORDER BY total LIMIT 2 -- x",
			"SELECT `orders`.`user_id`, `orders`.`order_id` FROM orders ORDER BY total, `orders`.`order_id` LIMIT 2 FOR UPDATE",
			[]string{"DELETE FROM orders WHERE k ORDER BY total"}},
		{"DELETE FROM visits LIMIT 2",
			"SELECT `visits`.`user_id`, `visits`.`page` FROM visits ORDER BY `visits`.`user_id`, `visits`.`page` LIMIT 2 FOR UPDATE",
			[]string{"DELETE FROM visits WHERE k"}},
		{"UPDATE users u JOIN visits v ON v.page = u.level SET u.level = v.page + 1, u.name = 'x', v.page = 2 WHERE v.page > 1",
			"SELECT `u`.`user_id`, `v`.`user_id`, `v`.`page`, (v.page + 1) AS `serval_value_0` FROM users u JOIN visits v ON v.page = u.level WHERE v.page > 1 FOR UPDATE",
			[]string{"UPDATE `shop`.`users` AS `u` SET `level` = V0, u.name = 'x' WHERE k", "UPDATE `shop`.`visits` AS `v` SET v.page = 2 WHERE k"}},
		{"DELETE u, v FROM users u JOIN visits v USING (user_id)",
			"SELECT `u`.`user_id`, `v`.`user_id`, `v`.`page` FROM users u JOIN visits v USING (user_id) FOR UPDATE",
			[]string{"DELETE FROM `shop`.`users` WHERE k", "DELETE FROM `shop`.`visits` WHERE k"}},
		{"DELETE FROM v USING users u, visits v WHERE u.level = v.page",
			"SELECT `v`.`user_id`, `v`.`page` FROM users u, visits v WHERE u.level = v.page FOR UPDATE",
			[]string{"DELETE FROM `shop`.`visits` WHERE k"}},
		{"UPDATE users SET level = (SELECT MAX(page) FROM visits), name = 'a' WHERE level IN (SELECT page FROM visits LIMIT 4)",
			"SELECT `users`.`user_id`, ((SELECT MAX(page) FROM visits)) AS `serval_value_0` FROM users WHERE level IN (SELECT page FROM visits LIMIT 4) ORDER BY `users`.`user_id` FOR UPDATE",
			[]string{"UPDATE users SET `level` = V0, name = 'a' WHERE k"}},
		{"WITH x AS (SELECT page FROM visits) DELETE FROM users WHERE level IN (SELECT page FROM x)",
			"WITH x AS (SELECT page FROM visits) SELECT `users`.`user_id` FROM users WHERE level IN (SELECT page FROM x) ORDER BY `users`.`user_id` FOR UPDATE",
			[]string{"DELETE FROM users WHERE k"}},
		{"UPDATE products SET title = UUID() WHERE product_id > 1 LIMIT 2",
			"SELECT `products`.`product_id`, (UUID()) AS `serval_value_0` FROM products WHERE product_id > 1 ORDER BY `products`.`product_id` LIMIT 2 FOR UPDATE",
			[]string{"UPDATE products SET `title` = V0 WHERE k"}},
	} {
		var st fingerprint.Statement
		st.Scan([]byte(c.sql), 0)
		pick, err := NewPlanner().Pick(&st, "shop", cat)
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		if string(pick.Select) != c.search {
			t.Errorf("%s\n got %s\nwant %s", c.sql, pick.Select, c.search)
		}
		var writes []string
		for i := range pick.Targets {
			writes = append(writes, string(pick.Targets[i].Write(nil, [][]byte{[]byte("V0"), []byte("V1")}, "k")))
		}
		if !slices.Equal(writes, c.writes) {
			t.Errorf("%s\n got %q\nwant %q", c.sql, writes, c.writes)
		}
	}
}

func TestPickRefusals(t *testing.T) {
	cat := keyed(t)
	cat.Databases["shop"].Tables["visits"].Unique = nil
	for sql, want := range map[string]string{
		"DELETE FROM visits LIMIT 2": "primary key",
		"UPDATE users SET level = level + 1, name = (SELECT page FROM audit WHERE id = level) LIMIT 2": "level, which has been set before it",
		"UPDATE users PARTITION (p0) SET level = 1 LIMIT 2":                                            "PARTITION",
		"UPDATE users SET level = (@n := @n + 1) LIMIT 2":                                              "user variable",
		"DELETE a FROM users a JOIN users b ON a.level = b.user_id JOIN audit":                         "",
	} {
		var st fingerprint.Statement
		st.Scan([]byte(sql), 0)
		_, err := NewPlanner().Pick(&st, "shop", cat)
		var refusal *Refusal
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", sql, err)
		case want != "" && (!errors.As(err, &refusal) || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %s", sql, err, want)
		}
	}
}

// TestTogether says which writes every shard does by itself, and which are done in steps.
func TestTogether(t *testing.T) {
	cat := keyed(t)
	for sql, pushed := range map[string]bool{
		"UPDATE users u JOIN orders o ON o.user_id = u.user_id SET u.level = 1":                                                                            true,
		"UPDATE users u JOIN orders o ON o.total = u.level SET u.level = 1":                                                                                false,
		"UPDATE users u JOIN visits v ON v.user_id = u.user_id SET u.level = 1":                                                                            false,
		"UPDATE users u JOIN products p ON p.product_id = u.level SET u.level = 1":                                                                         true,
		"UPDATE users u JOIN products p ON p.product_id = u.level SET p.title = 'x'":                                                                       false,
		"UPDATE products p LEFT JOIN users u ON p.product_id = u.level SET u.level = 1":                                                                    false,
		"UPDATE users u LEFT JOIN orders o ON o.user_id = u.user_id SET u.level = 1 WHERE o.total IS NULL":                                                 true,
		"DELETE o FROM orders o, users u WHERE o.user_id = u.user_id":                                                                                      true,
		"DELETE FROM orders WHERE EXISTS (SELECT 1 FROM users u WHERE u.user_id = orders.user_id)":                                                         true,
		"DELETE FROM orders WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = orders.user_id)":                                                     true,
		"DELETE FROM orders WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.level = orders.user_id)":                                                       false,
		"DELETE FROM orders WHERE user_id IN (SELECT user_id FROM users WHERE level > 3)":                                                                  true,
		"DELETE FROM orders WHERE user_id NOT IN (SELECT user_id FROM users WHERE level > 3)":                                                              false,
		"DELETE FROM orders WHERE total > 1 OR user_id IN (SELECT user_id FROM users WHERE level > 3)":                                                     false,
		"DELETE FROM orders WHERE user_id IN (SELECT user_id FROM users ORDER BY level LIMIT 3)":                                                           false,
		"DELETE FROM orders WHERE user_id IN (SELECT level FROM users)":                                                                                    false,
		"DELETE FROM orders WHERE total IN (SELECT user_id FROM users)":                                                                                    false,
		"DELETE FROM orders WHERE user_id IN (SELECT u.user_id FROM users u JOIN orders x ON x.user_id = u.user_id)":                                       true,
		"DELETE FROM orders WHERE user_id IN (SELECT u.user_id FROM users u JOIN orders x ON x.total = u.user_id)":                                         false,
		"DELETE FROM orders WHERE total IN (SELECT product_id FROM products)":                                                                              true,
		"UPDATE users SET level = (SELECT COUNT(*) FROM orders WHERE orders.user_id = users.user_id)":                                                      true,
		"UPDATE users SET level = (SELECT COUNT(*) FROM orders)":                                                                                           false,
		"UPDATE users SET level = 1 WHERE user_id IN (SELECT user_id FROM (SELECT user_id FROM orders) x)":                                                 false,
		"UPDATE users SET level = (SELECT MAX(total) FROM orders o WHERE o.user_id = users.user_id AND o.total IN (SELECT level FROM users y))":            false,
		"UPDATE users SET level = RAND() * 9 WHERE name > ''":                                                                                              true,
		"UPDATE users SET level = 1 LIMIT 4":                                                                                                               false,
		"UPDATE settings s JOIN users u ON u.level = s.n SET s.n = 1":                                                                                      false,
		"UPDATE users SET level = 1 WHERE name IN (SELECT id FROM settings)":                                                                               false,
		"DELETE u, o FROM users u LEFT JOIN orders o ON o.user_id = u.user_id WHERE o.total IN (SELECT x.total FROM orders x WHERE x.user_id = u.user_id)": true,
		"DELETE u, o FROM users u LEFT JOIN orders o ON o.user_id = u.user_id AND o.total IN (SELECT x.level FROM users x WHERE x.user_id = o.user_id)":    true,
		"UPDATE users u JOIN (SELECT user_id FROM orders) o ON o.user_id = u.user_id SET u.level = 1":                                                      false,
		"UPDATE audit a JOIN settings s ON a.id = s.id SET s.n = 1":                                                                                        false,
		"UPDATE products SET title = 'x' WHERE product_id IN (SELECT id FROM settings)":                                                                    false,
		"UPDATE products SET title = DATABASE()":                                                                                                           true,
		"UPDATE products SET title = UUID()":                                                                                                               false,
	} {
		var st fingerprint.Statement
		st.Scan([]byte(sql), 0)
		p, err := NewPlanner().Plan(&st, "shop", cat)
		var r Route
		if err == nil {
			err = r.Resolve(p, &st)
		}
		if err != nil {
			t.Errorf("%s: %v", sql, err)
			continue
		}
		if r.Stepped == pushed {
			t.Errorf("%s: in steps %v", sql, r.Stepped)
		}
	}
}
