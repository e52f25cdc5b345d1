package router

import (
	"strings"
	"testing"
)

// shopKeyed is shop with the servers' padding of strings, and with primary keys.
func shopKeyed(t *testing.T) *Catalog {
	cat := shop(t)
	cat.SpaceWeights = map[string][]byte{"utf8mb4_general_ci": {0, 0x20}}
	cat.Databases["shop"].Tables["users"].Unique = []UniqueKey{{Name: "PRIMARY", Columns: []string{"user_id"}, Whole: true, NotNull: true}}
	return cat
}

func TestWholeGroups(t *testing.T) {
	cat := shopKeyed(t)
	tests := []struct{ sql, plan string }{
		{"SELECT user_id, COUNT(*) FROM orders GROUP BY user_id", "scatter"},
		{"SELECT user_id, COUNT(*) n FROM orders GROUP BY user_id HAVING n > 1 ORDER BY n LIMIT 3", "scatter"},
		{"SELECT user_id k, GROUP_CONCAT(total) FROM orders GROUP BY k", "scatter"},
		{"SELECT COUNT(DISTINCT total), user_id FROM orders GROUP BY 2", "scatter"},
		{"SELECT total, user_id, MAX(order_id) FROM orders GROUP BY total, (user_id)", "scatter"},
		{"SELECT GROUP_CONCAT(total), user_id FROM orders GROUP BY user_id + 1", "gather"},
		{"SELECT total AS user_id, GROUP_CONCAT(total) FROM orders GROUP BY user_id", "gather"},
		{"SELECT user_id AS total, GROUP_CONCAT(total) FROM orders GROUP BY total", "gather"},
		{"SELECT *, GROUP_CONCAT(total) FROM orders GROUP BY 2", "gather"},
		{"SELECT user_id, COUNT(*) FROM orders GROUP BY user_id WITH ROLLUP", "gather"},
		{"SELECT GROUP_CONCAT(total) FROM orders", "gather"},
		{"SELECT user_id FROM orders ORDER BY GROUP_CONCAT(total)", "gather"},
		{"SELECT user_id FROM orders HAVING user_id > 3", "scatter"},
		{"SELECT o.user_id, JSON_ARRAYAGG(u.name) FROM users u JOIN orders o ON o.user_id = u.user_id GROUP BY u.user_id", "scatter"},
		{"SELECT o.user_id, GROUP_CONCAT(u.name) FROM users u LEFT JOIN orders o ON o.user_id = u.user_id GROUP BY o.user_id", "gather"},
		{"SELECT o.user_id, GROUP_CONCAT(u.name) FROM users u JOIN orders o ON o.order_id = u.user_id GROUP BY o.user_id", "gather"},
		{"SELECT u.user_id FROM users u WHERE (SELECT COUNT(*) FROM orders o WHERE o.user_id = u.user_id) > 1", "scatter"},
		{"SELECT u.user_id FROM users u WHERE (SELECT COUNT(*) FROM orders o WHERE o.total = u.level) > 1", "gather"},
		{"SELECT (SELECT SUM(u.level) FROM products LIMIT 1) FROM users u", "gather"},
		{"SELECT DISTINCT user_id, total FROM orders ORDER BY total", "scatter"},
		{"SELECT DISTINCT o.* FROM orders o", "scatter"},
		{"SELECT DISTINCT user_id FROM orders ORDER BY total", "gather"},
		{"SELECT DISTINCT u.user_id, u.name FROM users u ORDER BY u.name", "scatter"},                                           // the row of a name is one
		{"SELECT DISTINCT o.user_id, u.name FROM users u JOIN orders o ON o.user_id = u.user_id ORDER BY u.name", "gather"},     // 'a' and 'a ' would be two
		{"SELECT DISTINCT o.user_id, UPPER(u.name) n FROM users u JOIN orders o ON o.user_id = u.user_id ORDER BY n", "gather"}, //
		{"SELECT ROW_NUMBER() OVER (PARTITION BY total, user_id) FROM orders", "scatter"},
		{"SELECT ROW_NUMBER() OVER (w ORDER BY total) FROM orders WINDOW w AS (PARTITION BY user_id)", "scatter"},
		{"SELECT ROW_NUMBER() OVER (w ORDER BY total), RANK() OVER (PARTITION BY user_id) FROM orders WINDOW w AS (PARTITION BY total)", "gather"},
		{"SELECT ROW_NUMBER() OVER (PARTITION BY user_id + 0) FROM orders", "gather"},
		{"SELECT user_id FROM orders ORDER BY RANK() OVER (ORDER BY total)", "gather"},
	}
	for _, tt := range tests {
		plan, legs, err := routed(t, cat, tt.sql)
		if err != nil || plan != tt.plan {
			t.Errorf("%s\n\t%s %v, want %s\n\t%s", tt.sql, plan, err, tt.plan, strings.Join(legs, "\n\t"))
		}
	}
}
