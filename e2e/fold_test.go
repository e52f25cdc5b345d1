package e2e

// fold_test.go: proof that texts which a server calls equal have equal shard keys, for every collation that the router
// accepts and the server has.
//
// A collation gives every character a sequence of primary weights; texts are equal only if their sequences are. The test
// looks for a function g from weights to bytes with fold(c) = g(w1) g(w2) … for every code point and for every pair
// that weighs otherwise than its characters (contractions). If it is there, equal weights are equal folds, for all texts.

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"

	"serval/config"
	"serval/e2e/servers"
	"serval/router"
)

// weighed is a character or a pair, with what the server and the router make of it.
type weighed struct {
	text    string
	weights []string
	fold    string
}

func TestFoldAgreesWithServers(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			c, err := servers.Start(t, kind).Connect("")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			makeNumbers(t, c)
			seen := map[string]bool{}
			for _, name := range collations(t, c, kind) {
				seen[name] = true
				t.Run(name, func(t *testing.T) { checkCollation(t, c, name) })
			}
			for _, must := range mustFold(kind) {
				if !seen[must] {
					t.Errorf("%s: not tested: the router refuses it or the server does not have it", must)
				}
			}
		})
	}
}

func mustFold(kind servers.Kind) []string {
	names := []string{"utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_unicode_520_ci", "utf8mb3_general_ci", "utf8mb3_unicode_ci",
		"latin1_swedish_ci", "latin1_general_ci", "latin1_general_cs", "ascii_general_ci"}
	if kind == servers.MariaDB {
		return append(names, "utf8mb4_general_nopad_ci", "utf8mb4_unicode_nopad_ci", "utf8mb4_unicode_520_nopad_ci", "utf8mb4_uca1400_ai_ci", "utf8mb4_uca1400_as_cs")
	}
	return append(names, "utf8mb4_0900_ai_ci", "utf8mb4_0900_as_ci", "utf8mb4_0900_as_cs")
}

// collations are those of the server that the router accepts, without _bin, whose fold is the text itself.
func collations(t *testing.T, c *client.Conn, kind servers.Kind) []string {
	column := "collation_name"
	if kind == servers.MariaDB {
		column = "full_collation_name"
	}
	var names []string
	for _, row := range rowsOf(t, c, "SELECT "+column+" FROM information_schema.collation_character_set_applicability ORDER BY 1") {
		spec := &config.Shard{By: config.ByHashMod, Locations: make([]config.Location, 8)}
		if _, err := router.NewAlgorithm(spec, textColumn(row[0])); err == nil && !strings.HasSuffix(row[0], "bin") {
			names = append(names, row[0])
		}
	}
	return names
}

func textColumn(collation string) *router.Column {
	return &router.Column{Name: "k", DataType: "varchar", CharLength: 100, Collation: collation}
}

// makeNumbers makes fold.d, with the numbers from 0 to 65535.
func makeNumbers(t *testing.T, c *client.Conn) {
	rowsOf(t, c, "CREATE DATABASE fold")
	rowsOf(t, c, "USE fold")
	rowsOf(t, c, "CREATE TABLE d (i INT PRIMARY KEY)")
	rowsOf(t, c, "INSERT INTO d VALUES (0)")
	for n := 1; n < 65536; n *= 2 {
		rowsOf(t, c, fmt.Sprintf("INSERT INTO d SELECT i + %d FROM d", n))
	}
}

func rowsOf(t *testing.T, c *client.Conn, sql string) [][]string {
	t.Helper()
	r, err := c.Execute(sql)
	if err != nil {
		t.Fatalf("%.200s: %v", sql, err)
	}
	defer r.Close()
	if r.Resultset == nil {
		return nil
	}
	rows := make([][]string, r.RowNumber())
	for i := range rows {
		for j := range r.Fields {
			v, err := r.GetString(i, j)
			if err != nil {
				t.Fatal(err)
			}
			rows[i] = append(rows[i], v)
		}
	}
	return rows
}

// checkCollation reads every code point and looks for g.
func checkCollation(t *testing.T, c *client.Conn, name string) {
	set, _, _ := strings.Cut(name, "_")
	size := 2 // bytes of a weight
	planes := 17
	switch set {
	case "latin1", "ascii":
		size, planes = 1, 1
	case "utf8mb3", "utf8":
		planes = 1
	}
	if testing.Short() {
		planes = min(planes, 2) // the others hold ideographs and nothing
	}
	var all []weighed
	for plane := range planes {
		text := fmt.Sprintf("CONVERT(CHAR(%d + i USING utf32) USING %s)", plane<<16, set)
		where := ""
		if plane == 0 {
			where = " WHERE i < 55296 OR i > 57343" // surrogates are no characters
		}
		rows := rowsOf(t, c, fmt.Sprintf("SELECT i, HEX(WEIGHT_STRING(%s COLLATE %s)), HEX(CONVERT(CONVERT(%s USING utf8mb4) USING utf32)) FROM d%s ORDER BY i",
			text, name, text, where))
		for _, row := range rows {
			var i rune
			fmt.Sscan(row[0], &i)
			r := rune(plane)<<16 + i
			fold, ok := foldOf(name, string(r))
			if held := row[2] == fmt.Sprintf("%08X", r); held != ok {
				t.Fatalf("%U: the server can hold it: %t, the router thinks: %t", r, held, ok)
			}
			if ok {
				all = append(all, weighed{string(r), primary(name, row[1], size), fold})
			}
		}
	}
	if oneLevel(name) && size == 2 && !testing.Short() {
		all = append(all, pairs(t, c, name, set)...)
	}
	contradictions(t, all)
	if space, _ := foldOf(name, " "); strings.Trim(space, " ") != "" {
		t.Errorf("a space folds to %q; trailing ones would not be trimmed", space)
	}
}

// foldOf is the key of a text within other text, so that spaces stay; not ok if the column cannot hold it.
func foldOf(collation, text string) (string, bool) {
	k, match := router.KeyForCompare(textColumn(collation), router.Value{Kind: router.ValueString, Text: []byte("x" + text + "x")})
	if match != router.MatchKey {
		return "", false
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(k.Text), "x"), "x"), true
}

// oneLevel tells whether WEIGHT_STRING has primary weights only, so that a pair's is that of its characters joined.
func oneLevel(name string) bool {
	return !strings.Contains(name, "_as_") && !strings.HasSuffix(name, "_ai_cs")
}

// primary cuts a weight string into its primary weights. Implicit ones are pairs.
func primary(name, hexed string, size int) []string {
	b, _ := hex.DecodeString(hexed) // of the server's HEX()
	if !oneLevel(name) && strings.Contains(name, "uca1400") {
		b = uca1400Primary(b)
	}
	var ws []string
	for i := 0; i+size <= len(b); i += size {
		w := string(b[i : i+size])
		if size == 2 && w == "\x00\x00" && strings.Contains(name, "_0900_") {
			break // the next level
		}
		if size == 2 && w[0] == 0xFB && i+4 <= len(b) && !strings.Contains(name, "general") {
			w = string(b[i : i+4])
			i += 2
		}
		ws = append(ws, w)
	}
	return ws
}

// uca1400Primary cuts off the other levels, which MariaDB joins without a separator: their weights are small.
func uca1400Primary(b []byte) []byte {
	for i := 0; i+2 <= len(b); i += 2 {
		if b[i] == 0xFB && i+4 <= len(b) {
			i += 2
			continue
		}
		if b[i] < 0x02 {
			return b[:i]
		}
	}
	return b
}

// pairs are the contractions: two characters of one block of 256, or any and a mark of U+0300–U+036F, that weigh
// otherwise than one after the other.
func pairs(t *testing.T, c *client.Conn, name, set string) []weighed {
	table := "c_" + name
	rowsOf(t, c, fmt.Sprintf("CREATE TABLE %s (c INT PRIMARY KEY, b INT, s VARCHAR(4) CHARACTER SET %s COLLATE %s, w VARCHAR(200) CHARACTER SET latin1, KEY (b))", table, set, name))
	rowsOf(t, c, fmt.Sprintf(`INSERT INTO %s SELECT i, i DIV 256, s, HEX(WEIGHT_STRING(s)) FROM
		(SELECT i, CONVERT(CHAR(i USING utf32) USING %s) COLLATE %s AS s FROM d
		WHERE i < 13312 OR i BETWEEN 40960 AND 44031 OR i BETWEEN 55216 AND 55295 OR i >= 63744) x WHERE HEX(WEIGHT_STRING(s)) <> '' OR i DIV 256 = 3`, table, set, name))
	var all []weighed
	for _, join := range []string{"a.b = b.b", "b.b = 3 AND b.c < 880 AND a.b <> 3"} {
		rows := rowsOf(t, c, fmt.Sprintf(`SELECT HEX(CONCAT(a.s, b.s)), HEX(WEIGHT_STRING(CONCAT(a.s, b.s))) FROM %s a JOIN %s b ON %s
			WHERE HEX(WEIGHT_STRING(CONCAT(a.s, b.s))) <> CONCAT(a.w, b.w)`, table, table, join))
		for _, row := range rows {
			text, _ := hex.DecodeString(row[0])
			fold, _ := foldOf(name, string(text))
			all = append(all, weighed{string(text), primary(name, row[1], 2), fold})
		}
	}
	t.Logf("%d contractions", len(all))
	return all
}

// contradictions fails for every text whose fold is not that of its weights.
func contradictions(t *testing.T, all []weighed) {
	g := map[string]string{}
	for _, e := range all {
		if len(e.weights) == 1 {
			if _, ok := g[e.weights[0]]; !ok {
				g[e.weights[0]] = e.fold
			}
		}
	}
	inferWeights(all, g)
	for _, e := range all {
		want := ""
		for _, w := range e.weights {
			want += g[w]
		}
		if e.fold != want {
			t.Errorf("%q %U folds to %q, its weights %x to %q", e.text, []rune(e.text), e.fold, e.weights, want)
		}
	}
}

// inferWeights finds g of weights that no character has alone: the rest of a fold when all other weights are known.
func inferWeights(all []weighed, g map[string]string) {
	for changed := true; changed; {
		changed = false
		for _, e := range all {
			unknown, before, after, count := "", "", "", 0
			for _, w := range e.weights {
				f, ok := g[w]
				switch {
				case !ok:
					unknown, count = w, count+1
				case count == 0:
					before += f
				default:
					after += f
				}
			}
			if count == 1 && len(e.fold) >= len(before)+len(after) && strings.HasPrefix(e.fold, before) && strings.HasSuffix(e.fold, after) {
				g[unknown] = e.fold[len(before) : len(e.fold)-len(after)]
				changed = true
			}
		}
	}
}
