package router

// lockreads.go: what a statement that writes reads is the newest, and is locked, on a server that repeats its reads. Where
// Serval reads it in a statement of its own, that one has to say so in every query block: a locking clause does not
// reach the queries inside.

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"serval/rewrite"
	"serval/rewrite/fingerprint"
)

// lockWords lock the rows that a query block reads, on both servers.
const lockWords = " LOCK IN SHARE MODE"

// LockReads gives a query with a locking clause in each of its blocks that reads a table and has none. ok is false when
// that could not be done for certain.
func (pl *Planner) LockReads(query []byte, mode fingerprint.Mode) (locked []byte, ok bool) {
	tk := rewrite.Tokenize(&fingerprint.Statement{Text: query, Mode: mode, End: len(query)})
	inserts := map[int]string{} // by offset in query
	for i := range tk.List {
		if !tk.Is(i, "select") || tk.Is(i-1, ".") {
			continue
		}
		if b := blockAt(tk, i); b.reads && !b.locks {
			start, end := tk.List[i].Start, tk.List[b.last].End
			if b.part {
				inserts[start] += "("
				inserts[end] += lockWords + ")"
			} else {
				inserts[end] += lockWords
			}
		}
	}
	for at := range len(query) + 1 {
		locked = append(locked, inserts[at]...)
		if at < len(query) {
			locked = append(locked, query[at])
		}
	}
	return locked, pl.sameButLocks(query, locked, mode)
}

// queryBlock is what the tokens say of a query block.
type queryBlock struct {
	last  int  // its last token
	reads bool // it has a FROM that names something
	locks bool // it has a locking clause
	part  bool // of a set operation, without parentheses of its own
}

// blockAt looks at the query block whose SELECT is token i.
func blockAt(tk *rewrite.Tokens, i int) queryBlock {
	b := queryBlock{last: len(tk.List) - 1, part: isSetOperator(tk, i-1) || (tk.Is(i-1, "all") || tk.Is(i-1, "distinct")) && isSetOperator(tk, i-2)}
	order := -1 // where the set's own ORDER BY or LIMIT begins, if it is the last part of one
	depth := 0
	for k := i + 1; k < len(tk.List); k++ {
		w := tk.Word(k)
		depth += depthChange(w)
		switch {
		case depth < 0:
			b.last = k - 1
		case depth > 0 || w == ")":
			continue
		case isSetOperator(tk, k):
			b.last, b.part = k-1, true
		case w == ";":
			b.last = k - 1
		case w == "from" && !tk.Is(k-1, ".") && !tk.Is(k+1, "dual"):
			b.reads = true
		case w == "for" && (tk.Is(k+1, "update") || tk.Is(k+1, "share")) || w == "lock" && tk.Is(k+1, "in"):
			b.locks = true
		case order < 0 && (w == "order" && tk.Is(k+1, "by") || w == "limit") && !tk.Is(k-1, "."):
			order = k
		}
		if b.last < k {
			break
		}
	}
	if b.part && order > i {
		b.last = min(b.last, order-1)
	}
	return b
}

func isSetOperator(tk *rewrite.Tokens, i int) bool {
	return tk.Is(i, "union") || tk.Is(i, "except") || tk.Is(i, "intersect")
}

// sameButLocks tells whether two texts are one query, but for locking clauses in the second, where every block that reads
// has one.
func (pl *Planner) sameButLocks(query, locked []byte, mode fingerprint.Mode) bool {
	before, err := pl.parser.parse(string(query), mode)
	if err != nil {
		return false
	}
	after, err := pl.parser.parse(string(locked), mode)
	if err != nil {
		return false
	}
	var is lockCleaner
	before.Accept(&lockCleaner{})
	after.Accept(&is)
	if is.lacks {
		return false
	}
	x, errX := restore(before)
	y, errY := restore(after)
	return errX == nil && errY == nil && noParentheses.Replace(x) == noParentheses.Replace(y)
}

// noParentheses makes equal what parentheses around a part of a set operation tell apart.
var noParentheses = strings.NewReplacer("(", "", ")", "")

// lockCleaner takes locking clauses out of a tree.
type lockCleaner struct {
	lacks bool // a block that reads had none
}

func (v *lockCleaner) Enter(n ast.Node) (ast.Node, bool) {
	if s, ok := n.(*ast.SelectStmt); ok {
		if s.From != nil && (s.LockInfo == nil || s.LockInfo.LockType == ast.SelectLockNone) {
			v.lacks = true
		}
		s.LockInfo = nil
	}
	return n, false
}

func (v *lockCleaner) Leave(n ast.Node) (ast.Node, bool) { return n, true }
