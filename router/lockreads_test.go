package router

import "testing"

// TestLockReads checks where the locking clauses are put.
func TestLockReads(t *testing.T) {
	pl := NewPlanner()
	const lock = " LOCK IN SHARE MODE"
	for _, c := range []struct{ query, want string }{
		{"SELECT a FROM t", "SELECT a FROM t" + lock},
		{"SELECT a FROM t ORDER BY a LIMIT 3", "SELECT a FROM t ORDER BY a LIMIT 3" + lock},
		{"SELECT 1", "SELECT 1"},
		{"SELECT a FROM t FOR UPDATE", "SELECT a FROM t FOR UPDATE"},
		{"SELECT a FROM (SELECT b AS a FROM u) AS d WHERE a IN (SELECT c FROM v)",
			"SELECT a FROM (SELECT b AS a FROM u" + lock + ") AS d WHERE a IN (SELECT c FROM v" + lock + ")" + lock},
		{"SELECT a FROM t WHERE EXTRACT(DAY FROM d) = 1 FOR UPDATE", "SELECT a FROM t WHERE EXTRACT(DAY FROM d) = 1 FOR UPDATE"},
		{"SELECT EXTRACT(DAY FROM '2020-01-01')", "SELECT EXTRACT(DAY FROM '2020-01-01')"},
		{"SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY 1 LIMIT 2", "(SELECT a FROM t" + lock + ") UNION ALL (SELECT b FROM u" + lock + ") ORDER BY 1 LIMIT 2"},
		{"(SELECT a FROM t) UNION (SELECT b FROM u ORDER BY b LIMIT 1)", "(SELECT a FROM t" + lock + ") UNION (SELECT b FROM u ORDER BY b LIMIT 1" + lock + ")"},
		{"SELECT a FROM t UNION SELECT 1 INTERSECT SELECT c FROM v", "(SELECT a FROM t" + lock + ") UNION SELECT 1 INTERSECT (SELECT c FROM v" + lock + ")"},
		{"WITH x AS (SELECT a FROM t) SELECT * FROM x", "WITH x AS (SELECT a FROM t" + lock + ") SELECT * FROM x" + lock},
		{"SELECT (SELECT MAX(a) FROM t), `from` FROM u", "SELECT (SELECT MAX(a) FROM t" + lock + "), `from` FROM u" + lock},
		{"SELECT t.`limit` FROM t JOIN (SELECT b FROM u ORDER BY b LIMIT 1) AS d ON d.b = t.a",
			"SELECT t.`limit` FROM t JOIN (SELECT b FROM u ORDER BY b LIMIT 1" + lock + ") AS d ON d.b = t.a" + lock},
	} {
		got, ok := pl.LockReads([]byte(c.query), 0)
		if !ok || string(got) != c.want {
			t.Errorf("%s\n got %v %s\nwant      %s", c.query, ok, got, c.want)
		}
	}
	if got, ok := pl.LockReads([]byte("TABLE t"), 0); ok {
		t.Errorf("TABLE t: %s", got)
	}
}
