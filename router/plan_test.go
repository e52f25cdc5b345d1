package router

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// shop is a catalog of two groups: users, orders and items bound by user_id in 4 shards, products broadcast, audit in a
// group of its own, settings unsharded in the default group.
func shop(t testing.TB) *Catalog {
	t.Helper()
	cat := &Catalog{Version: 1, Groups: []string{"g0", "g1", "side"}, Databases: map[string]*Database{}}
	d := &Database{Name: "shop", DefaultGroup: "g0", Physical: "shop", Tables: map[string]*Table{}}
	cat.Databases["shop"] = d
	id := func(name string) Column { return Column{Name: name, DataType: "bigint"} }
	text := func(name string) Column {
		return Column{Name: name, DataType: "varchar", CharLength: 20, Collation: "utf8mb4_general_ci"}
	}
	sharded := func(name, binding string, columns ...Column) {
		tb := &Table{Database: "shop", Name: name, Kind: Sharded, Key: "user_id", Binding: binding, Columns: columns}
		for i := range 4 {
			tb.Shards = append(tb.Shards, Shard{Group: fmt.Sprintf("g%d", i/2), Database: fmt.Sprintf("shop_%d", i), Table: fmt.Sprintf("%s_%d", name, i)})
		}
		alg, err := NewHashMod(4)
		if err != nil {
			t.Fatal(err)
		}
		tb.Algorithm = alg
		d.Tables[name] = tb
	}
	sharded("users", "user", id("user_id"), text("name"), id("level"))
	sharded("orders", "user", id("user_id"), id("order_id"), id("total"))
	sharded("visits", "", id("user_id"), id("page"))
	whole := func(name string, kind TableKind, groups []string, columns ...Column) {
		tb := &Table{Database: "shop", Name: name, Kind: kind, Columns: columns}
		for _, g := range groups {
			tb.Shards = append(tb.Shards, Shard{Group: g, Database: "shop", Table: name})
		}
		d.Tables[name] = tb
	}
	whole("products", Broadcast, []string{"g0", "g1"}, id("product_id"), text("title"))
	whole("audit", Unsharded, []string{"side"}, id("id"))
	whole("settings", Unsharded, []string{"g0"}, id("id"), id("n"))
	for _, tb := range d.Tables {
		tb.Seal()
	}
	return cat
}

// routed plans and routes a statement, and shows each leg as "group: sql".
func routed(t testing.TB, cat *Catalog, sql string) (plan string, legs []string, err error) {
	t.Helper()
	var st fingerprint.Statement
	st.Scan([]byte(sql), 0)
	p, err := NewPlanner().Plan(&st, "shop", cat)
	if err != nil {
		return "", nil, err
	}
	if p.Kind == KindSession {
		return "session", nil, nil
	}
	var r Route
	if err := r.Resolve(p, &st); err != nil {
		return "", nil, err
	}
	plan, _ = r.Explain()
	args := &rewrite.Arguments{Database: "shop", User: "app@localhost", ConnectionID: 7, LastInsertID: 9, RowCount: -1}
	for i, l := range r.Legs {
		g := l.Group
		if g == "" {
			g = strings.Join(p.Groups, "|")
		}
		legs = append(legs, g+": "+string(r.SQL(nil, i, &st, args)))
	}
	return plan, legs, nil
}

func TestPlans(t *testing.T) {
	cat := shop(t)
	tests := []struct {
		sql, plan string
		legs      int
		first     string // the first leg
	}{
		{"SELECT 1", "group", 1, "g0: SELECT 1"},
		{"SELECT * FROM settings s", "group", 1, "g0: SELECT * FROM settings s"},
		{"SELECT * FROM shop.audit WHERE audit.id = 3", "group", 1, "side: SELECT * FROM shop.audit WHERE audit.id = 3"},
		{"SELECT * FROM products", "group", 1, "g0|g1: SELECT * FROM products"},
		{"SELECT DATABASE()", "group", 1, "g0: SELECT 'shop' AS `DATABASE()`"},
		{"SELECT USER(), connection_id() x", "group", 1, "g0: SELECT 'app@localhost' AS `USER()`, 7 x"},
		{"SELECT * FROM users WHERE user_id = 5", "single shard", 1, "g0: SELECT * FROM `shop_1`.`users_1` AS `users` WHERE user_id = 5"},
		{"SELECT users.name FROM shop.users WHERE shop.users.user_id = -1", "single shard", 1, "g1: SELECT users.name FROM `shop_3`.`users_3` AS `users` WHERE users.user_id = -1"},
		{"select u.* from `users` u where '6' = u.user_id -- users", "single shard", 1, "g1: select u.* from `shop_2`.`users_2` u where '6' = u.user_id -- users"},
		{"SELECT COUNT(*) FROM users u JOIN orders o ON o.user_id = u.user_id WHERE u.user_id = 5 GROUP BY o.total", "single shard", 1,
			"g0: SELECT COUNT(*) FROM `shop_1`.`users_1` u JOIN `shop_1`.`orders_1` o ON o.user_id = u.user_id WHERE u.user_id = 5 GROUP BY o.total"},
		{"SELECT name FROM users WHERE user_id = 5 AND level IN (SELECT total FROM orders WHERE orders.user_id = users.user_id)", "single shard", 1,
			"g0: SELECT name FROM `shop_1`.`users_1` AS `users` WHERE user_id = 5 AND level IN (SELECT total FROM `shop_1`.`orders_1` AS `orders` WHERE orders.user_id = users.user_id)"},
		{"SELECT * FROM users WHERE user_id IN (1, 5, 9)", "single shard", 1, "g0: SELECT * FROM `shop_1`.`users_1` AS `users` WHERE user_id IN (1, 5, 9)"},
		{"SELECT * FROM users WHERE (level, user_id) IN ((7, 1), (8, 5))", "single shard", 1, "g0: SELECT * FROM `shop_1`.`users_1` AS `users` WHERE (level, user_id) IN ((7, 1), (8, 5))"},
		{"SELECT * FROM users WHERE ((user_id, level)) = (9, 8)", "single shard", 1, "g0: SELECT * FROM `shop_1`.`users_1` AS `users` WHERE ((user_id, level)) = (9, 8)"},
		{"SELECT * FROM users WHERE user_id IN (1, 2)", "scatter", 2, "g0: SELECT * FROM `shop_1`.`users_1` AS `users` WHERE user_id IN (1, 2)"},
		{"SELECT * FROM users WHERE user_id = 1 OR user_id = 2 AND level = 3", "scatter", 2, "g0: SELECT * FROM `shop_1`.`users_1` AS `users` WHERE user_id = 1 OR user_id = 2 AND level = 3"},
		{"SELECT * FROM users WHERE user_id = 1 OR level = 3", "scatter", 4, "g0: SELECT * FROM `shop_0`.`users_0` AS `users` WHERE user_id = 1 OR level = 3"},
		{"SELECT * FROM users WHERE user_id = 1 AND user_id = 2", "single shard", 1, "g0: SELECT * FROM `shop_0`.`users_0` AS `users` WHERE user_id = 1 AND user_id = 2"},
		{"SELECT * FROM users WHERE user_id = NULL", "single shard", 1, "g0: SELECT * FROM `shop_0`.`users_0` AS `users` WHERE user_id = NULL"},
		{"SELECT * FROM users WHERE user_id = '42abc'", "scatter", 4, "g0: SELECT * FROM `shop_0`.`users_0` AS `users` WHERE user_id = '42abc'"},
		{"SELECT user_id FROM users ORDER BY user_id DESC LIMIT 5, 10", "scatter", 4, "g0: SELECT user_id FROM `shop_0`.`users_0` AS `users` ORDER BY user_id DESC LIMIT 15"},
		{"SELECT name FROM users ORDER BY level LIMIT 3 OFFSET 2", "scatter", 4, "g0: SELECT name , `users`.`level` AS `serval_sort_0` FROM `shop_0`.`users_0` AS `users` ORDER BY level LIMIT 5"},
		{"SELECT name AS n FROM users ORDER BY n", "scatter", 4, "g0: SELECT name AS n , WEIGHT_STRING(`users`.`name`) AS `serval_sort_0` FROM `shop_0`.`users_0` AS `users` ORDER BY n"},
		{"SELECT u.name, p.title FROM users u JOIN products p ON p.product_id = u.level", "scatter", 4,
			"g0: SELECT u.name, p.title FROM `shop_0`.`users_0` u JOIN products p ON p.product_id = u.level"},
		{"SELECT u.name FROM users u LEFT JOIN orders o ON u.user_id = o.user_id", "scatter", 4,
			"g0: SELECT u.name FROM `shop_0`.`users_0` u LEFT JOIN `shop_0`.`orders_0` o ON u.user_id = o.user_id"},
		{"INSERT INTO users (user_id, name) VALUES (1, 'a'), (2, 'b'), (5, 'c')", "split", 2,
			"g0: INSERT INTO `shop_1`.`users_1` (user_id, name) VALUES (1, 'a'),(5, 'c')"},
		{"INSERT INTO users VALUES (-3, 'a', NULL) ON DUPLICATE KEY UPDATE users.level = VALUES(level) + 1", "single shard", 1,
			"g0: INSERT INTO `shop_1`.`users_1` (`user_id`, `name`, `level`) VALUES (-3, 'a', NULL) ON DUPLICATE KEY UPDATE `users_1`.level = VALUES(level) + 1"},
		{"REPLACE orders SET user_id = 2, order_id = 1", "single shard", 1, "g1: REPLACE `shop_2`.`orders_2` SET user_id = 2, order_id = 1"},
		{"UPDATE users SET users.level = 1 WHERE users.user_id = 3", "single shard", 1, "g1: UPDATE `shop_3`.`users_3` AS `users` SET users.level = 1 WHERE users.user_id = 3"},
		{"UPDATE users SET level = level + 1", "several shards", 4, "g0: UPDATE `shop_0`.`users_0` AS `users` SET level = level + 1"},
		{"DELETE FROM users WHERE users.user_id = 3 LIMIT 1", "single shard", 1, "g1: DELETE FROM `shop_3`.`users_3` WHERE `users_3`.user_id = 3 LIMIT 1"},
		{"DELETE orders FROM orders JOIN users USING (user_id) WHERE orders.user_id = 1", "single shard", 1,
			"g0: DELETE orders FROM `shop_1`.`orders_1` AS `orders` JOIN `shop_1`.`users_1` AS `users` USING (user_id) WHERE orders.user_id = 1"},
		{"UPDATE products SET title = 'x'", "broadcast", 2, "g0: UPDATE products SET title = 'x'"},
		{"ALTER TABLE settings ADD c INT", "group", 1, "g0: ALTER TABLE settings ADD c INT"},
		{"SET NAMES utf8mb4", "session", 0, ""},
		{"BEGIN", "session", 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.sql, func(t *testing.T) {
			plan, legs, err := routed(t, cat, tt.sql)
			if err != nil {
				t.Fatal(err)
			}
			if plan != tt.plan || len(legs) != tt.legs {
				t.Errorf("plan %q with %d legs, want %q with %d: %q", plan, len(legs), tt.plan, tt.legs, legs)
			}
			if len(legs) > 0 && legs[0] != tt.first {
				t.Errorf("first leg\n got %s\nwant %s", legs[0], tt.first)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	cat := shop(t)
	for _, sql := range []string{
		"SELECT f(level) FROM users",
		"SELECT MATCH (name) AGAINST ('x') FROM users GROUP BY level",
		"SELECT @n := COUNT(*) FROM users",
		"SELECT * FROM users /*!50000 WHERE user_id = 1 */",
		"SELECT * FROM users WHERE user_id = 1 INTO OUTFILE '/tmp/x'",
		"INSERT INTO users (name) VALUES ('x')",
		"INSERT INTO users (user_id) VALUES (1) ON DUPLICATE KEY UPDATE user_id = 2",
		"UPDATE users SET user_id = 2 WHERE user_id = 1",
		"UPDATE users SET level = 1 LIMIT 3",
		"DELETE FROM users ORDER BY level LIMIT 1",
		"UPDATE products SET title = UUID()",
		"ALTER TABLE users DROP COLUMN user_id",
		"DO LAST_INSERT_ID(5)",
		"SET sql_mode = (SELECT 1)",
		"SELECT 1 UNION SELECT 2 INTO OUTFILE '/tmp/x'",
		"INSERT INTO users (user_id, level) VALUES (1, LAST_INSERT_ID(3)), (2, 1)",
	} {
		_, legs, err := routed(t, cat, sql)
		var refusal *Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("%s: not refused: %v %q", sql, err, legs)
		}
	}
}

// TestInsertSelect: what is pushed to the shards, and what is done in steps.
func TestInsertSelect(t *testing.T) {
	cat := shop(t)
	for _, c := range []struct{ sql, plan string }{
		{"INSERT INTO orders (order_id, user_id) SELECT 7, user_id FROM users", "several shards"},
		{"INSERT INTO orders (user_id) SELECT user_id FROM users WHERE user_id = 3", "single shard"},
		{"INSERT INTO orders (user_id) SELECT u.user_id FROM users u JOIN orders ON orders.user_id = u.user_id", "steps"}, // the target's name stands there twice
		{"INSERT INTO orders (user_id) SELECT level FROM users", "steps"},
		{"INSERT INTO orders (user_id) SELECT user_id + 1 FROM users", "steps"},
		{"INSERT INTO orders (user_id) SELECT user_id FROM users LIMIT 3", "steps"},
		{"INSERT INTO orders (order_id, user_id) SELECT COUNT(*), user_id FROM users GROUP BY user_id", "several shards"},
		{"INSERT INTO orders (order_id, user_id) SELECT COUNT(*), user_id FROM users GROUP BY level", "steps"},
		{"INSERT INTO orders (user_id) SELECT user_id FROM visits", "steps"},
		{"INSERT INTO orders (user_id) SELECT user_id FROM users WHERE level = (SELECT MAX(level) FROM users)", "steps"},
		{"INSERT INTO users SELECT * FROM users", "steps"},
		{"INSERT INTO products SELECT * FROM products", "steps"},
		{"INSERT INTO settings SELECT * FROM users WHERE user_id = 1", "single shard"},
	} {
		plan, _, err := routed(t, cat, c.sql)
		if err != nil || plan != c.plan {
			t.Errorf("%s: %s, %v, want %s", c.sql, plan, err, c.plan)
		}
	}
}

// TestLiteralsOfSteps: rows whose strings need introducers have one shape with those that need none, and are routed.
func TestLiteralsOfSteps(t *testing.T) {
	cat := shop(t)
	plan, legs, err := routed(t, cat, "INSERT INTO users (name, user_id) VALUES ('a', 1), (_utf8mb4 x'6161', 5), (_utf8mb4 'b', _binary x'39')")
	if err != nil || plan != "single shard" {
		t.Error(plan, legs, err)
	}
	var st fingerprint.Statement
	st.Scan([]byte("INSERT INTO t VALUES ('a',1),(_utf8mb4 x'c3a9',2),(NULL,-3),(_binary x'00',NULL)"), 0)
	if !st.RowsUniform || len(st.Rows) != 4 {
		t.Errorf("the rows are not uniform: %q", st.Key)
	}
}

func TestPlanIsForEveryStatementOfItsShape(t *testing.T) {
	cat := shop(t)
	pl := NewPlanner()
	var a, b fingerprint.Statement
	a.Scan([]byte("SELECT name FROM users WHERE user_id = 1 ORDER BY level LIMIT 10"), 0)
	b.Scan([]byte("SELECT name FROM users WHERE user_id = 'xyz' ORDER BY level LIMIT 3"), 0)
	if string(a.Key) != string(b.Key) {
		t.Fatal("the shapes differ")
	}
	p, err := pl.Plan(&a, "shop", cat)
	if err != nil {
		t.Fatal(err)
	}
	var r Route
	if err := r.Resolve(p, &b); err != nil {
		t.Fatal(err)
	}
	if got := string(r.SQL(nil, 3, &b, &rewrite.Arguments{})); got != "SELECT name , `users`.`level` AS `serval_sort_0` FROM `shop_3`.`users_3` AS `users` WHERE user_id = 'xyz' ORDER BY level LIMIT 3" {
		t.Error(got)
	}
}

// TestPlanHoldsForListsOfAnyLength: what stands behind a list is found whatever the list holds.
func TestPlanHoldsForListsOfAnyLength(t *testing.T) {
	cat := shop(t)
	var short, long, other fingerprint.Statement
	short.Scan([]byte("SELECT user_id FROM users WHERE level IN (1) ORDER BY 1 LIMIT 7, 10"), 0)
	long.Scan([]byte("SELECT user_id FROM users WHERE level IN (1, 2, 3) ORDER BY 1 LIMIT 70, 100"), 0)
	other.Scan([]byte("SELECT user_id FROM users WHERE level IN (1, 1, 1) ORDER BY 2 LIMIT 7, 10"), 0)
	if string(short.Key) != string(long.Key) || string(short.Key) != string(other.Key) {
		t.Fatal("the shapes differ")
	}
	p, err := NewPlanner().Plan(&short, "shop", cat)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Pinned(&long) || p.Pinned(&other) {
		t.Error("the ordinal behind the list is not found")
	}
	var r Route
	if err := r.Resolve(p, &long); err != nil {
		t.Fatal(err)
	}
	if r.Offset != 70 || r.Limit != 100 {
		t.Errorf("LIMIT %d, %d", r.Offset, r.Limit)
	}
	if sql := string(r.SQL(nil, 0, &long, &rewrite.Arguments{})); !strings.HasSuffix(sql, "IN (1, 2, 3) ORDER BY 1 LIMIT 170") {
		t.Error(sql)
	}
}

func TestOrdinalIsPartOfThePlan(t *testing.T) {
	cat := shop(t)
	var a, b fingerprint.Statement
	a.Scan([]byte("SELECT user_id, level FROM users ORDER BY 1"), 0)
	b.Scan([]byte("SELECT user_id, level FROM users ORDER BY 2"), 0)
	p, err := NewPlanner().Plan(&a, "shop", cat)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Pinned(&a) || p.Pinned(&b) {
		t.Errorf("pinned to its own ordinal: %v, to another: %v", p.Pinned(&a), p.Pinned(&b))
	}
}

func TestRouteDoesNotAllocate(t *testing.T) {
	cat := shop(t)
	sql := []byte("SELECT name, level FROM users WHERE user_id = 4242 AND level > 3")
	var st fingerprint.Statement
	st.Scan(sql, 0)
	p, err := NewPlanner().Plan(&st, "shop", cat)
	if err != nil {
		t.Fatal(err)
	}
	var r Route
	var out []byte
	args := &rewrite.Arguments{}
	run := func() {
		st.Scan(sql, 0)
		if err := r.Resolve(p, &st); err != nil {
			t.Fatal(err)
		}
		out = r.SQL(out[:0], 0, &st, args)
	}
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 {
		t.Errorf("routing a point select allocates %v times", n)
	}
}

func BenchmarkRoutePointSelect(b *testing.B) {
	cat := shop(b)
	sql := []byte("SELECT name, level FROM users WHERE user_id = 4242")
	var st fingerprint.Statement
	st.Scan(sql, 0)
	p, err := NewPlanner().Plan(&st, "shop", cat)
	if err != nil {
		b.Fatal(err)
	}
	var r Route
	var out []byte
	args := &rewrite.Arguments{}
	b.ReportAllocs()
	for b.Loop() {
		st.Scan(sql, 0)
		if err := r.Resolve(p, &st); err != nil {
			b.Fatal(err)
		}
		out = r.SQL(out[:0], 0, &st, args)
	}
}

func BenchmarkPlan(b *testing.B) {
	cat := shop(b)
	var st fingerprint.Statement
	st.Scan([]byte("SELECT name, level FROM users WHERE user_id = 4242"), 0)
	pl := NewPlanner()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pl.Plan(&st, "shop", cat); err != nil {
			b.Fatal(err)
		}
	}
}

// FuzzPlan: whatever can be planned gives SQL that parses, on every leg.
func FuzzPlan(f *testing.F) {
	for _, sql := range []string{
		"SELECT users.name FROM shop.users WHERE shop.users.user_id = 1 ORDER BY users.level LIMIT 3",
		"DELETE orders FROM orders JOIN users USING (user_id) WHERE orders.user_id = 1",
		"INSERT INTO users (user_id, name) VALUES (1, 'a'), (2, 'b') ON DUPLICATE KEY UPDATE users.name = VALUES(name)",
		"UPDATE users u, orders o SET u.level = 1 WHERE u.user_id = o.user_id AND o.user_id = 3",
	} {
		f.Add(sql)
	}
	cat := shop(f)
	f.Fuzz(func(t *testing.T, sql string) {
		_, legs, err := routed(t, cat, sql)
		if err != nil {
			return
		}
		for _, leg := range legs {
			_, physical, _ := strings.Cut(leg, ": ")
			if _, err := newStatementParser().parse(physical, 0); err != nil {
				t.Fatalf("%q gives %q: %v", sql, physical, err)
			}
		}
	})
}
