package e2e

// loaddata_random_test.go: random files with random options, which the servers and Serval must cut into the same lines
// and fields. The shard key is text, so that whatever a field turns out to be is a key.

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"serval/e2e/cluster"
	"serval/e2e/servers"
)

const cutsDDL = `USE sbtest;
CREATE TABLE cuts (
  id VARCHAR(700) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  a TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
  b VARBINARY(60) NOT NULL,
  c INT
);
`

func TestLoadDataRandom(t *testing.T) {
	cases := 250
	if s := os.Getenv("SERVAL_E2E_LOAD_CASES"); s != "" {
		var err error
		if cases, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) { loadRandom(t, kind, cases) })
	}
}

// randomLoad is a file and the options that it is loaded with.
type randomLoad struct {
	options, columns, set string
	charset               string
	file                  []byte
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// newRandomLoad makes one. The pieces of the file are mostly separators and what is near them.
func newRandomLoad(r *rand.Rand) randomLoad {
	l := randomLoad{charset: pick(r, "utf8mb4", "utf8mb4", "utf8mb4", "latin1", "gbk", "sjis", "binary", "ujis")}
	field, line, enclosed, escaped, start := pick(r, ",", ",", "\t", "||", "ab", ";x", ", ", "\r"), pick(r, "\n", "\n", "\r\n", "\n\n", ";", "||", ",", "xy", ""),
		pick(r, "", "", `"`, "'", ","), pick(r, `\`, `\`, "", `"`, "'", "x"), pick(r, "", "", "", ">", ">>", "ab")
	if l.charset == "gbk" || l.charset == "sjis" { // these may stand at the end of a character
		field, line = pick(r, ",", "\t", ";", "\r"), pick(r, "\n", "\r\n", ";", "")
	}
	quote := func(s string) string { return "0x" + fmt.Sprintf("%x", s) }
	l.options = "CHARACTER SET " + l.charset + " FIELDS TERMINATED BY " + quote(field)
	if enclosed != "" {
		l.options += pick(r, " OPTIONALLY", "") + " ENCLOSED BY " + quote(enclosed)
	}
	if escaped == "" {
		l.options += " ESCAPED BY ''"
	} else if escaped != `\` {
		l.options += " ESCAPED BY " + quote(escaped)
	}
	l.options += " LINES"
	if start != "" {
		l.options += " STARTING BY " + quote(start)
	}
	if line == "" {
		l.options += " TERMINATED BY ''"
	} else {
		l.options += " TERMINATED BY " + quote(line)
	}
	if line != "" && line != field && r.IntN(4) == 0 {
		l.options += fmt.Sprintf(" IGNORE %d LINES", r.IntN(4))
	}
	l.columns = pick(r, "(id, a, b)", "(a, id, b)", "(a, b, id)", "", "(@k, a)", "(id)", "(a, @x, id, @y, c)", "(b, a, c, id)", "(id, b, c)")
	if l.columns == "(@k, a)" {
		l.set = "SET id = @k, b = UPPER(a)"
	}
	multi := map[string][]string{"utf8mb4": {"é", "€", "😀", "ü"}, "latin1": {"\xe9", "\xff"}, "gbk": {"\x81\x5c", "\xb0\xa1", "\x95\x7c"}, "sjis": {"\x83\x5c", "\x83\x41", "\xb1"},
		"ujis": {"\xa4\xa2", "\x8e\xb1"}, "binary": {"a"}}[l.charset]
	for range r.IntN(60) {
		s := pick(r, field, field, line, line, enclosed, enclosed, escaped, start, start+"1", `\N`, "NULL", "1", "2", "abc", " ", `\`, "x", "a", "\n", ",", `"`, "0", escaped+"n", escaped+"0",
			field+enclosed, enclosed+field, enclosed+line, "\r", multi[r.IntN(len(multi))], escaped+"Z")
		if r.IntN(400) == 0 {
			s = "\xff"
		}
		l.file = append(l.file, s...)
	}
	return l
}

func (l *randomLoad) sql() string {
	return "LOAD DATA LOCAL INFILE 'Reader::random' INTO TABLE cuts " + l.options + " " + l.columns + " " + l.set
}

func loadRandom(t *testing.T, kind servers.Kind, cases int) {
	c := cluster.Start(t, kind, cluster.Shape{Schema: cutsDDL, Layout: fmt.Sprintf(eightShards, "cuts"), Nodes: 2, Plain: true, Server: []string{"--local-infile=ON"}})
	addr := startServal(t, c)
	conns := [2]*sql.Conn{openDB(t, "app:app@tcp("+c.Plain.Addr()+")/sbtest"), openDB(t, "app:app@tcp("+addr+")/sbtest")}
	refused, rows := map[string]int{}, 0
	for seed := range cases {
		l := newRandomLoad(rand.New(rand.NewPCG(uint64(seed), 1)))
		mysql.RegisterReaderHandler("random", func() io.Reader { return strings.NewReader(string(l.file)) })
		var seen [2]string
		for i, conn := range conns {
			for _, sql := range []string{"DELETE FROM cuts", "SET @k = NULL, @x = NULL, @y = NULL"} {
				if _, err := conn.ExecContext(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
			told := loadOutcome(t, conn, l.sql())
			seen[i] = told + "\nwarnings " + plainWarnings(sqlRows(t, conn, "SHOW WARNINGS")) + "\n" + sortedRows(t, conn)
			if i == 1 && strings.Contains(told, "1235") {
				refused[told[:min(len(told), 60)]]++
				seen[1] = seen[0]
			}
		}
		if seen[0] == seen[1] {
			findByKey(t, conns, fmt.Sprintf("%s %q", l.sql(), l.file))
		}
		rows += strings.Count(seen[0], "row:")
		if seen[0] != seen[1] {
			t.Errorf("seed %d: %s\nfile %q\nserval: %s\nplain: %s", seed, l.sql(), l.file, seen[1], seen[0])
		}
	}
	t.Logf("%d cases, %d rows; refused: %v", cases, rows, refused)
}

// findByKey asks Serval for each row by its key: only the shard of the key is asked.
func findByKey(t *testing.T, conns [2]*sql.Conn, load string) {
	t.Helper()
	for _, id := range strings.Split(strings.TrimSuffix(sqlRows(t, conns[1], "SELECT HEX(id) FROM cuts"), ";"), ";") {
		key, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := conns[1].QueryRowContext(t.Context(), "SELECT COUNT(*) FROM (SELECT id FROM cuts WHERE id = ?) AS found", string(key)).Scan(&n); err != nil || n == 0 && id != "" {
			t.Errorf("%s: the key %q is not in its shard: %v", load, key, err)
		}
	}
}

// plainWarnings puts the warnings that name no line behind the others: their order is not certain.
func plainWarnings(list string) string {
	if strings.Contains(list, "Error|") { // Serval tells the error alone
		return list[strings.Index(list, "Error|"):]
	}
	var named, others []string
	for _, w := range strings.Split(list, ";") {
		if strings.Contains(w, " at row ") || strings.Contains(w, "|Row ") {
			named = append(named, w)
		} else {
			others = append(others, w)
		}
	}
	sort.Strings(others)
	return strings.Join(append(named, others...), ";")
}

func sortedRows(t *testing.T, conn *sql.Conn) string {
	rows := strings.Split(sqlRows(t, conn, "SELECT HEX(id), HEX(a), HEX(b), c FROM cuts"), ";")
	sort.Strings(rows)
	return "row:" + strings.Join(rows, "\nrow:")
}
