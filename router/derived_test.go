package router

import "testing"

func TestDerivedTables(t *testing.T) {
	cat := shop(t)
	const counts = "(SELECT user_id, order_id, COUNT(*) n FROM orders GROUP BY user_id, order_id ORDER BY user_id) AS o"
	for _, tt := range []struct {
		sql  string
		plan string
	}{
		// go-tpc's checks 3.3.2.6, 3.3.2.9 and 3.3.2.11
		{"SELECT COUNT(*) FROM (SELECT level, n FROM users LEFT JOIN " + counts + " ON users.user_id = o.user_id AND users.level = o.order_id WHERE users.user_id = 5) AS t WHERE t.level != t.n", "single shard"},
		{"SELECT COUNT(*) FROM (SELECT level, user_id AS uid, SUM(level) s FROM users GROUP BY level, user_id) u, (SELECT user_id ouid, SUM(total) s2 FROM orders WHERE user_id = 5 GROUP BY user_id) o WHERE ouid = uid AND uid = 5 AND s <> s2", "single shard"},
		{"SELECT COUNT(*) FROM (SELECT * FROM (SELECT user_id a, COUNT(*) n FROM users GROUP BY user_id) x JOIN (SELECT user_id b, COUNT(*) m FROM orders GROUP BY user_id) y ON x.a = y.b) xy" +
			" JOIN (SELECT user_id c, COUNT(*) k FROM visits GROUP BY user_id) z ON xy.b = z.c WHERE c = 5 AND n <> m", "single shard"},

		{"SELECT * FROM (SELECT * FROM orders) t WHERE t.user_id = 5", "single shard"},
		{"SELECT * FROM (SELECT o.* FROM orders o) t WHERE user_id IN (5, 9)", "single shard"},
		{"SELECT * FROM (SELECT user_id AS k FROM orders) t WHERE 5 = k", "single shard"},
		{"SELECT * FROM (SELECT DISTINCT user_id, total FROM orders) t WHERE user_id = 5", "single shard"},
		{"SELECT * FROM (SELECT user_id, COUNT(*) FROM orders GROUP BY (user_id)) t WHERE t.user_id = 5", "gather"}, // COUNT(*) is named by its text, but user_id = 5 is qualified
		{"SELECT * FROM users u JOIN (SELECT user_id, COUNT(*) n FROM orders GROUP BY user_id HAVING COUNT(*) > 1) o USING (user_id) WHERE u.user_id = 5", "single shard"},
		{"SELECT * FROM users u RIGHT JOIN (SELECT user_id, COUNT(*) n FROM orders GROUP BY user_id) o ON u.user_id = o.user_id WHERE o.user_id = 5", "single shard"},
		{"SELECT * FROM users u WHERE u.user_id = 5 AND EXISTS (SELECT 1 FROM (SELECT user_id k, MAX(total) m FROM orders GROUP BY user_id) o WHERE o.k = u.user_id)", "single shard"},
		{"SELECT * FROM (SELECT u.user_id, (SELECT MAX(total) FROM orders o WHERE o.user_id = u.user_id) m FROM users u) t WHERE t.user_id = 5", "gather"}, // a MAX, which might count over all of u

		{"DELETE u FROM users u JOIN (SELECT user_id uid, COUNT(*) n FROM orders GROUP BY user_id) t ON uid = u.user_id WHERE uid = 5", "single shard"},
		{"UPDATE users u JOIN (SELECT user_id uid, COUNT(*) n FROM orders GROUP BY user_id) t ON t.uid = u.user_id SET level = n WHERE uid = 5", "single shard"},

		// rows of other keys decide, too
		{"SELECT * FROM (SELECT user_id, total FROM orders ORDER BY total LIMIT 3) t WHERE t.user_id = 5", "gather"},
		{"SELECT * FROM (SELECT user_id, ROW_NUMBER() OVER (ORDER BY total) r FROM orders) t WHERE t.user_id = 5", "gather"},
		{"SELECT * FROM (SELECT user_id, COUNT(*) n FROM orders) t WHERE t.user_id = 5", "gather"},
		{"SELECT * FROM (SELECT MAX(user_id) user_id FROM orders) t WHERE t.user_id = 5", "gather"},
		{"SELECT * FROM (SELECT user_id, COUNT(*) n FROM orders GROUP BY total) t WHERE t.user_id = 5", "gather"},
		{"SELECT * FROM (SELECT user_id, COUNT(*) n FROM orders GROUP BY user_id WITH ROLLUP) t WHERE t.user_id = 5", "gather"},
		{"SELECT * FROM (SELECT user_id + 0 AS user_id FROM orders) t WHERE t.user_id = 5", "gather"},
		{"SELECT * FROM (SELECT user_id FROM orders UNION SELECT user_id FROM users) t WHERE t.user_id = 5", "gather"},
		{"SELECT * FROM (SELECT total AS user_id, user_id AS k, COUNT(*) n FROM orders GROUP BY user_id) t WHERE t.k = 5", "gather"},
		{"SELECT * FROM (SELECT user_id, RAND(3) r FROM orders) t WHERE t.user_id = 5", "gather"},
		// nothing outside says anything of the key of every row
		{"SELECT * FROM users u LEFT JOIN " + counts + " ON o.user_id = u.user_id AND u.user_id = 5", "gather"},
		{"SELECT * FROM users u LEFT JOIN " + counts + " ON o.user_id = u.user_id WHERE o.user_id <=> NULL AND u.user_id = 5", "single shard"},
		{"SELECT * FROM " + counts + " WHERE o.user_id <=> 5", "gather"},
		{"SELECT * FROM " + counts + " WHERE o.user_id IS NULL", "gather"},
		{"SELECT * FROM (SELECT u.level, o.user_id FROM users u LEFT JOIN orders o ON o.user_id = u.level) t WHERE t.user_id = 5", "gather"},
		{"SELECT * FROM users u LEFT JOIN " + counts + " ON o.user_id = 5", "gather"},
		{"SELECT * FROM (SELECT user_id k FROM orders) t WHERE k = 5 OR k = 6", "gather"},
		{"SELECT * FROM (SELECT user_id k FROM orders) t WHERE k = 5 OR k = 9", "single shard"},
	} {
		plan, _, err := routed(t, cat, tt.sql)
		if err != nil || plan != tt.plan {
			t.Errorf("%s: %q, %v; want %q", tt.sql, plan, err, tt.plan)
		}
	}
}
