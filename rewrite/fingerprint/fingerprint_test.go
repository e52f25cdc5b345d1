package fingerprint

import (
	"strings"
	"testing"
)

// show writes a key with its marks readable: ? a literal, [?] a list, {…} further rows.
func show(key []byte) string {
	return strings.NewReplacer("\x01", "?", "\x02", "[?]", "\x03", "{rows}").Replace(string(key))
}

func TestScanShapes(t *testing.T) {
	tests := []struct {
		name, sql, key string
		mode           Mode
	}{
		{name: "point select", sql: "SELECT * FROM t WHERE id = 42 AND n = 'x'", key: "SELECT * FROM t WHERE id = ? AND n = ?"},
		{name: "sign outside rows stays", sql: "SELECT -5 + 3", key: "SELECT -? + ?"},
		{name: "numbers", sql: "SELECT 1.5,.5,1e3,1.e-3,0x2A,0b11,x'2a',b'1',N'q'", key: "SELECT ?,?,?,?,?,?,?,?,?"},
		{name: "names with digits", sql: "SELECT t1.a2, 2020_x, db.1t FROM 1t", key: "SELECT t1.a2, 2020_x, db.1t FROM 1t"},
		{name: "1e is a name", sql: "SELECT 1ex", key: "SELECT 1ex"},
		{name: "0x is a name", sql: "SELECT 0xZZ", key: "SELECT 0xZZ"},
		{name: "quotes", sql: `SELECT 'it''s', 'a\'b', "q"`, key: "SELECT ?, ?, ?"},
		{name: "ansi quotes", sql: `SELECT "a" FROM "t"`, key: `SELECT "a" FROM "t"`, mode: AnsiQuotes},
		{name: "no backslash escapes", sql: `SELECT 'a\', 'b'`, key: "SELECT ?, ?", mode: NoBackslashEscapes},
		{name: "continuation", sql: "SELECT 'a' 'b', 'c'", key: "SELECT ?, ?"},
		{name: "introducer", sql: "SELECT _latin1'a'", key: "SELECT _latin1?"},
		{name: "comments", sql: "SELECT /* 1 'x' */ 2 -- 3\n, 4 # 5", key: "SELECT /* 1 'x' */ ? -- 3\n, ? # 5"},
		{name: "minus minus", sql: "SELECT 1--1", key: "SELECT ?--?"},
		{name: "hint", sql: "SELECT /*+ MAX_EXECUTION_TIME(1000) */ 1", key: "SELECT /*+ MAX_EXECUTION_TIME(1000) */ ?"},
		{name: "in list", sql: "SELECT 1 FROM t WHERE a IN (1, -2,'x' , 4)", key: "SELECT ? FROM t WHERE a IN ([?])"},
		{name: "in with expression", sql: "SELECT 1 FROM t WHERE a IN (1, b)", key: "SELECT ? FROM t WHERE a IN (?, b)"},
		{name: "in subquery", sql: "SELECT 1 FROM t WHERE a IN (SELECT 1)", key: "SELECT ? FROM t WHERE a IN (SELECT ?)"},
		{name: "variables", sql: "SELECT @a, @'x y', @@session.sql_mode, 'x'@'%'", key: "SELECT @a, @'x y', @@session.sql_mode, ?@'%'"},
		{name: "one row", sql: "INSERT INTO t (a,b) VALUES (1,'x')", key: "INSERT INTO t (a,b) VALUES (?,?)"},
		{name: "rows", sql: "INSERT INTO t VALUES (1,'x'), (-2, 'y')\n,(3,NULL)", key: "INSERT INTO t VALUES (?,?), (?, ?)\n,(?,?)"},
		{name: "uniform rows", sql: "INSERT INTO t VALUES (1,'x'),(-2,'y'),(3,NULL) ON DUPLICATE KEY UPDATE a=VALUES(a)+1", key: "INSERT INTO t VALUES (?,?){rows} ON DUPLICATE KEY UPDATE a=VALUES(a)+?"},
		{name: "rows of different shape", sql: "REPLACE t VALUES (1,2),(1,NOW())", key: "REPLACE t VALUES (?,?),(?,NOW())"},
		{name: "nested rows", sql: "INSERT t VALUES (f(1,g(2)),3),(f(4,g(5)),6)", key: "INSERT t VALUES (f(?,g(?)),?){rows}"},
		{name: "statements", sql: "SELECT 1; SELECT 2", key: "SELECT ?"},
		{name: "semicolon in quotes", sql: "SELECT ';', `;` /*;*/", key: "SELECT ?, `;` /*;*/"},
		{name: "executable comment", sql: "SELECT /*!50000 1, */ 2", key: "SELECT /*!50000 ?, */ ?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s Statement
			s.Scan([]byte(tt.sql), tt.mode)
			if got := show(s.Key); got != tt.key {
				t.Errorf("key\n got %q\nwant %q", got, tt.key)
			}
			if got := restore(&s); got != tt.sql[:s.End] {
				t.Errorf("literals put back give %q, want %q", got, tt.sql[:s.End])
			}
		})
	}
}

// restore puts the literals back into the shape.
func restore(s *Statement) string {
	var b strings.Builder
	slot := 0
	for _, c := range s.Key {
		if c <= byte(SlotRows) && slot < len(s.Slots) {
			sl := s.Slots[slot]
			b.Write(s.Text[sl.Start:sl.End])
			slot++
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

func TestScanRows(t *testing.T) {
	var s Statement
	s.Scan([]byte("INSERT INTO t VALUES (1,'x'),(2,NULL),( -3 , 'z') AS new ON DUPLICATE KEY UPDATE a=1"), 0)
	if s.RowsUniform {
		t.Error("rows with different white space count as uniform")
	}
	if len(s.Rows) != 3 {
		t.Fatalf("%d rows, want 3", len(s.Rows))
	}
	s.Scan([]byte("INSERT INTO t VALUES (1,'x'),(2,NULL),(-3,'z')"), 0)
	if !s.RowsUniform || s.RowLiterals != 2 || len(s.Literals) != 6 {
		t.Fatalf("uniform %v, row literals %d, literals %d", s.RowsUniform, s.RowLiterals, len(s.Literals))
	}
	for i, want := range []string{"(1,'x')", "(2,NULL)", "(-3,'z')"} {
		r := s.Rows[i]
		if got := string(s.Text[r.Start:r.End]); got != want {
			t.Errorf("row %d is %q, want %q", i, got, want)
		}
		if int(r.FirstLiteral) != 2*i {
			t.Errorf("row %d begins at literal %d", i, r.FirstLiteral)
		}
	}
	if l := s.Literals[4]; string(s.Text[l.Start:l.End]) != "-3" || l.Kind != Integer {
		t.Errorf("sign is not part of the literal: %q", s.Text[l.Start:l.End])
	}
}

func TestScanAmbiguous(t *testing.T) {
	var s Statement
	for _, sql := range []string{"SELECT /*\x01*/ 1", "SELECT `\x02`", "SELECT \x03"} {
		if s.Scan([]byte(sql), 0); !s.Ambiguous {
			t.Errorf("%q is not ambiguous", sql)
		}
	}
	if s.Scan([]byte("SELECT '\x01'"), 0); s.Ambiguous {
		t.Error("a mark inside a literal makes the key ambiguous")
	}
}

func FuzzScan(f *testing.F) {
	for _, sql := range []string{"SELECT 1", "INSERT INTO t VALUES (1,'x'),(2,'y')", "a IN (1,-2)", "/*! x", "'a' 'b", "@'x"} {
		f.Add(sql, byte(0))
	}
	f.Fuzz(func(t *testing.T, sql string, mode byte) {
		var s Statement
		s.Scan([]byte(sql), Mode(mode))
		if s.Ambiguous {
			return
		}
		if got := restore(&s); got != sql[:s.End] {
			t.Fatalf("literals put back give %q, want %q", got, sql[:s.End])
		}
		for i, sl := range s.Slots {
			if sl.Start > sl.End || i > 0 && sl.Start < s.Slots[i-1].End {
				t.Fatalf("slot %d overlaps: %+v", i, s.Slots)
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	sql := []byte("SELECT id, k, c, pad FROM sbtest1 WHERE id = 4242 AND c = 'abcdefgh'")
	var s Statement
	b.ReportAllocs()
	for b.Loop() {
		s.Scan(sql, 0)
	}
}

func TestScanDoesNotAllocate(t *testing.T) {
	sql := []byte("SELECT id, k FROM t WHERE id = 4242 AND c IN (1,2,'x') AND d = 'abc'")
	var s Statement
	s.Scan(sql, 0)
	if n := testing.AllocsPerRun(100, func() { s.Scan(sql, 0) }); n != 0 {
		t.Errorf("Scan allocates %v times", n)
	}
}

func TestPlain(t *testing.T) {
	mysql, maria := Server{Version: 90704}, Server{MariaDB: true, Version: 101119}
	tests := []struct{ sql, mysql, maria string }{
		{"a /*! b */ c", "a     b    c", "a     b    c"},
		{"a /*!40000 b */ c", "a          b    c", "a          b    c"},
		{"a /*!99999 b */ c", "a               c", "a               c"},
		{"a /*!80000 b */ c", "a          b    c", "a               c"},
		{"a /*M!100100 b */ c", "a                 c", "a            b    c"},
		{"a /*T! b */ c", "a           c", "a           c"},
		{"a /*! '*/' */ c", "a     '*/'    c", "a     '*/'    c"},
		{"a '/*! b */' c", "a '/*! b */' c", "a '/*! b */' c"},
	}
	for _, tt := range tests {
		var s Statement
		s.Scan([]byte(tt.sql), 0)
		if got := string(s.Plain(mysql)); got != tt.mysql {
			t.Errorf("%q on MySQL: %q, want %q", tt.sql, got, tt.mysql)
		}
		if got := string(s.Plain(maria)); got != tt.maria {
			t.Errorf("%q on MariaDB: %q, want %q", tt.sql, got, tt.maria)
		}
	}
}

func TestSample(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT 1 FROM t WHERE a IN (1, 2, 'x') AND b IN (-3,4) LIMIT 5":           "SELECT 1 FROM t WHERE a IN (1) AND b IN (-3) LIMIT 5",
		"INSERT INTO t VALUES (1,'a'),(2,'b'),(3,'c') ON DUPLICATE KEY UPDATE a=7": "INSERT INTO t VALUES (1,'a'),(2,'b') ON DUPLICATE KEY UPDATE a=7",
		"SELECT 'x'": "SELECT 'x'",
	} {
		var s, sample Statement
		s.Scan([]byte(sql), 0)
		if got := string(s.Sample()); got != want {
			t.Errorf("%s\n got %s\nwant %s", sql, got, want)
		}
		if sample.Scan(s.Sample(), 0); string(sample.Key) != string(s.Key) {
			t.Errorf("%s: the sample's shape is %q, not %q", sql, sample.Key, s.Key)
		}
	}
}
