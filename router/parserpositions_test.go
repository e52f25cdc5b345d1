package router

import (
	"slices"
	"sync"
	"testing"

	"github.com/pingcap/tidb/pkg/parser/ast"
)

// A tree stays as it is when its parser reads other statements: routes are found by the positions of literals.
func TestPositionsStay(t *testing.T) {
	const first = "SELECT v, 1, 2 FROM s.kv WHERE id = 12345"
	others := []string{
		"BEGIN", "SELECT 1", "ANALYZE TABLE t", "INSERT INTO t (a, b) VALUES (1, 2), (3, 4)", "UPDATE t SET a = 5, b = 'x' WHERE id = 6",
		"SELECT                                      1 FROM a, b, c WHERE a.x = b.x AND b.x = c.x AND 1 = 1 GROUP BY 1 ORDER BY 1",
		"CREATE TABLE t (a INT DEFAULT 5, b VARCHAR(10))", "SET @a = 1, @b = 2", "DELETE FROM t WHERE a BETWEEN 1 AND 2", "SAVEPOINT x", "DROP TABLE t",
		"SELECT v FROM s.kv WHERE id = 864", "SELECT label, DATABASE() FROM place", "SELECT @a, @b FROM s.kv WHERE id = 866", "SELECT CAST('c' AS SIGNED)", "UPDATE kv SET v = 'a' WHERE id = 1", "SELECT 'x' INTO @b", "ROLLBACK", "COMMIT",
	}
	sp := newStatementParser()
	stmt, err := sp.parse(first, 0)
	if err != nil {
		t.Fatal(err)
	}
	before := literalPositions(stmt)
	if len(before) < 3 {
		t.Fatalf("literals at %v", before)
	}
	var planning sync.WaitGroup
	planning.Go(func() { // who has the tree, while its parser reads for another session: the race detector sees both
		for range 2000 {
			if now := literalPositions(stmt); !slices.Equal(now, before) {
				t.Errorf("the literals have moved: %v, were at %v", now, before)
				return
			}
		}
	})
	for i := range 50 * len(others) { // the pool may give another parser
		if _, err := sp.parse(others[i%len(others)], 0); err != nil {
			t.Fatalf("%s: %v", others[i%len(others)], err)
		}
	}
	planning.Wait()
}

func literalPositions(stmt ast.StmtNode) (at []int) {
	v := &positions{}
	stmt.Accept(v)
	return v.at
}

type positions struct{ at []int }

func (v *positions) Enter(n ast.Node) (ast.Node, bool) {
	if e, ok := n.(ast.ValueExpr); ok {
		v.at = append(v.at, e.OriginTextPosition())
	}
	return n, false
}

func (v *positions) Leave(n ast.Node) (ast.Node, bool) { return n, true }
