package rewrite

import (
	"fmt"
	"strings"
	"testing"

	"serval/rewrite/fingerprint"
)

func found(sql string) (refs, quals string) {
	var st fingerprint.Statement
	st.Scan([]byte(sql), 0)
	tk := Tokenize(&st)
	tables := tk.Tables()
	var r, q []string
	for _, t := range tables {
		name := t.Name
		if t.DB != "" {
			name = t.DB + "." + name
		}
		if t.Target {
			name += "!"
		}
		r = append(r, name)
	}
	for _, c := range tk.Qualifiers(tables) {
		name := c.Table
		if c.DB != "" {
			name = c.DB + "." + name
		}
		q = append(q, name)
	}
	return strings.Join(r, " "), strings.Join(q, " ")
}

func TestTablesAndQualifiers(t *testing.T) {
	tests := []struct{ sql, refs, quals string }{
		{"SELECT a FROM t", "t", ""},
		{"SELECT t.a, s.t.b FROM s.t AS x, u JOIN `v w` ON u.i = x.i WHERE u.a IN (SELECT b FROM z)", "s.t u v w z", "t s.t u x u"},
		{"SELECT EXTRACT(YEAR FROM a), TRIM(b FROM c) FROM t", "t", ""},
		{"SELECT * FROM (a, b) LEFT JOIN (c CROSS JOIN d) ON 1", "a b c d", ""},
		{"SELECT * FROM (SELECT * FROM a) x, (b)", "a b", ""},
		{"SELECT * FROM a USE INDEX (i, j), b IGNORE INDEX FOR JOIN (k)", "a b", ""},
		{"SELECT * FROM a PARTITION (p0, p1) AS x, b", "a b", ""},
		{"SELECT a FROM t ORDER BY t.a, t.b LIMIT 1", "t", "t t"},
		{"(SELECT a FROM t) UNION (SELECT b FROM u ORDER BY u.b)", "t u", "u"},
		{"WITH x AS (SELECT * FROM t) SELECT * FROM x", "t x", ""},
		{"SELECT * FROM a, LATERAL (SELECT * FROM b) c", "a b", ""},
		{"SELECT * FROM JSON_TABLE('[]', '$' COLUMNS (a INT PATH '$')) j, t", "t", ""},
		{"INSERT INTO t (a, b) VALUES (1, 2) ON DUPLICATE KEY UPDATE t.a = VALUES(a)", "t", "t"},
		{"INSERT IGNORE s.t SELECT * FROM u", "s.t u", ""},
		{"REPLACE t SET a = 1", "t", ""},
		{"SELECT REPLACE(a, 'x', 'y') FROM t", "t", ""},
		{"UPDATE LOW_PRIORITY t SET t.a = 1, b = 2 WHERE t.c = 3", "t", "t t"},
		{"UPDATE t, u SET t.a = u.a", "t u", "t u"},
		{"DELETE FROM t WHERE t.a = 1", "t", "t"},
		{"DELETE t, s.u FROM t JOIN s.u USING (a)", "t! s.u! t s.u", ""},
		{"DELETE t.* FROM t", "t! t", ""},
		{"DELETE FROM t USING t JOIN u", "t! t u", ""},
		{"SELECT 'FROM x', `from`.a FROM t /* FROM y */", "t", "from"},
		{"SELECT s.f(1) FROM t", "t", ""},
		{"SELECT a FROM t AS `select`, u", "t u", ""},
	}
	for _, tt := range tests {
		refs, quals := found(tt.sql)
		if refs != tt.refs || quals != tt.quals {
			t.Errorf("%s\n got %q and %q\nwant %q and %q", tt.sql, refs, quals, tt.refs, tt.quals)
		}
	}
}

// TestTemplateFitsEveryStatementOfItsShape: edits made on one statement land in the same places of another one.
func TestTemplateFitsEveryStatementOfItsShape(t *testing.T) {
	var a, b fingerprint.Statement
	a.Scan([]byte("SELECT x FROM t WHERE i IN (1) AND s = 'a' LIMIT 5"), 0)
	b.Scan([]byte("SELECT x FROM t WHERE i IN (10, 20, 30) AND s = 'it''s t' LIMIT 500"), 0)
	if string(a.Key) != string(b.Key) {
		t.Fatal("the shapes differ")
	}
	bd := NewBuilder(&a)
	bd.Replace(14, 15, PieceTable, 0, " AS `t`")
	limit := len("SELECT x FROM t WHERE i IN (1) AND s = 'a' LIMIT ")
	bd.Replace(limit, limit+1, PieceLimit, 0, "")
	bd.Copy(8, ", (", 23, 23+len(" IN (1)"), ")")
	tpl, err := bd.Template()
	if err != nil {
		t.Fatal(err)
	}
	args := &Arguments{Targets: []Target{{Full: "`d`.`t_1`"}}, Limit: 7}
	got := string(tpl.Render(nil, &b, args))
	want := "SELECT x, ( IN (10, 20, 30)) FROM `d`.`t_1` AS `t` WHERE i IN (10, 20, 30) AND s = 'it''s t' LIMIT 7"
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func TestOverlappingEditsAreRefused(t *testing.T) {
	var st fingerprint.Statement
	st.Scan([]byte("SELECT a FROM t"), 0)
	b := NewBuilder(&st)
	b.Replace(7, 12, PieceText, 0, "x")
	b.Replace(9, 10, PieceText, 0, "y")
	if _, err := b.Template(); err == nil {
		t.Error("overlapping edits are accepted")
	}
}

func TestAppendString(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		mode     fingerprint.Mode
	}{
		{"plain", "'plain'", 0},
		{`it's \`, `'it''s \\'`, 0},
		{`it's \`, `'it''s \'`, fingerprint.NoBackslashEscapes},
	} {
		if got := string(AppendString(nil, tt.in, tt.mode)); got != tt.want {
			t.Errorf("%q: %s, want %s", tt.in, got, tt.want)
		}
	}
}

// FuzzTables: references and qualifiers lie inside the text, apart from each other, and read as what they are said to be.
func FuzzTables(f *testing.F) {
	for _, s := range []string{"SELECT a.b FROM a", "DELETE a.* FROM x.a", "UPDATE `a``b` SET c=1", "SELECT * FROM (((a", "WITH x AS (SELECT"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		var st fingerprint.Statement
		st.Scan([]byte(sql), 0)
		tk := Tokenize(&st)
		refs := tk.Tables()
		last := 0
		for _, r := range refs {
			if r.Start < last || r.NameEnd > st.End || r.NameStart < r.Start {
				t.Fatalf("reference out of place: %+v", r)
			}
			last = r.End
		}
		for _, q := range tk.Qualifiers(refs) {
			if q.Start > q.TableStart || q.TableEnd > q.Rest || q.Rest > len(sql) {
				t.Fatalf("qualifier out of place: %+v", fmt.Sprint(q))
			}
		}
	})
}
