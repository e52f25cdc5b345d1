package router

import (
	"strings"
	"testing"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// TestGather: what is read from where for queries that run on gathered rows.
func TestGather(t *testing.T) {
	cat := shop(t)
	for _, c := range []struct {
		sql   string
		reads []string // of each table: its shards and the condition on its rows
	}{
		{"SELECT COUNT(*) FROM users", []string{"users 0-3:"}},
		{"SELECT level FROM users WHERE user_id IN (1, 2) GROUP BY level", []string{"users 1,2: `user_id` IN (1,2)"}},
		{"SELECT DISTINCT level FROM users WHERE level > 5 AND name = 'a\\'b' AND level + 1 = 7", []string{"users 0-3: `level` > 5 AND `name` = 'a''b'"}},
		{"SELECT COUNT(*) FROM users WHERE (level = 1 OR level BETWEEN 4 AND 9) AND name IS NULL", []string{"users 0-3: (`level` = 1 OR `level` BETWEEN 4 AND 9) AND `name` IS NULL"}},
		{"SELECT COUNT(*) FROM users WHERE level = '1' OR level = 2", []string{"users 0-3:"}},
		{"SELECT COUNT(*) FROM users WHERE name = 7 AND -3 < level", []string{"users 0-3: `level` > -3"}},
		{"SELECT COUNT(*) FROM users u LEFT JOIN orders o ON o.order_id = u.level AND o.total > 3 AND u.level = 1 WHERE u.level < 9 AND o.total < 50",
			[]string{"users 0-3: `level` < 9", "orders 0-3: `total` > 3"}},
		{"SELECT COUNT(*) FROM users u LEFT JOIN orders o ON o.order_id = u.level WHERE o.total IS NULL", []string{"users 0-3:", "orders 0-3:"}},
		{"SELECT COUNT(*) FROM orders o RIGHT JOIN users u ON o.order_id = u.level AND u.level = 2 WHERE u.level = 3", []string{"orders 0-3:", "users 0-3: `level` = 3"}},
		{"SELECT name FROM users WHERE level = (SELECT MAX(level) FROM users x WHERE x.level < 4)", []string{"users 0-3:", "users 0-3: `level` < 4"}},
		{"SELECT COUNT(*) FROM users u JOIN visits v ON v.user_id = u.user_id AND v.page = 3 WHERE u.level = 1", []string{"users 0-3: `level` = 1", "visits 0-3: `page` = 3"}},
		{"SELECT * FROM (SELECT level, COUNT(*) n FROM users GROUP BY level) t WHERE level = 3", []string{"users 0-3:"}},
		{"SELECT * FROM settings, audit", []string{"settings 0:", "audit 0:"}},
		{"SELECT COUNT(*) FROM users u WHERE u.level = 2 FOR UPDATE", []string{"users 0-3: `level` = 2 FOR UPDATE"}},
	} {
		var st fingerprint.Statement
		st.Scan([]byte(c.sql), 0)
		p, err := NewPlanner().Plan(&st, "shop", cat)
		if err != nil {
			t.Errorf("%s: %v", c.sql, err)
			continue
		}
		var r Route
		if err := r.Resolve(p, &st); err != nil || !r.Gathered {
			t.Errorf("%s: %v, gathered: %t", c.sql, err, r.Gathered)
			continue
		}
		if len(r.Copies) != len(c.reads) {
			t.Errorf("%s: %d copies", c.sql, len(r.Copies))
			continue
		}
		for i := range r.Copies {
			if got := readsOf(&r.Copies[i]); !strings.HasPrefix(got, c.reads[i]) || strings.HasSuffix(c.reads[i], ":") && got != c.reads[i] {
				t.Errorf("%s: reads %q, want %q", c.sql, got, c.reads[i])
			}
			r.StandIn(i, "copy")
		}
		if sql := string(r.SQL(nil, 0, &st, &rewrite.Arguments{})); strings.Count(sql, "copy") < len(c.reads) {
			t.Errorf("%s: %s", c.sql, sql)
		}
	}
}

func readsOf(c *Copy) string {
	places := ""
	for i, at := range c.Places {
		if i > 0 {
			places += ","
		}
		places += string(rune('0' + at))
	}
	places = strings.Replace(places, "0,1,2,3", "0-3", 1)
	s := c.Table.Name + " " + places + ":"
	if c.Where != "" {
		s += " " + c.Where
	}
	return s + c.Lock
}
