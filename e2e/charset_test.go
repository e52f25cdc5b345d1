package e2e

// charset_test.go: clients in other character sets, by bytes. That every character leads to the shard where clients of
// other character sets find it, and that statements are cut where the servers cut them, whatever bytes they have.

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"serval/e2e/raw"
	"serval/e2e/servers"
)

// clientCharsets are those whose statements are decoded, of one kind of server.
func clientCharsets(kind servers.Kind) []string {
	sets := []string{"gbk", "gb2312", "big5", "sjis", "cp932", "ujis", "eucjpms", "euckr", "latin1", "latin2", "cp1251", "koi8r", "ascii"}
	if kind == servers.MySQL {
		sets = append(sets, "gb18030")
	}
	return sets
}

// dialBytes connects as a client of a character set that gives its statements as bytes.
func dialBytes(t *testing.T, addr, charset string) *raw.Conn {
	t.Helper()
	c, err := raw.Dial(addr, raw.Options{User: servers.User, Password: servers.Password, Database: "shop", Charset: charset})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.SetCharset(""); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCharsets(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			b := newBed(t, kind)
			t.Run("logins", b.charsetLogins)
			t.Run("prepared", b.charsetPrepared)
			for _, charset := range clientCharsets(kind) {
				t.Run(charset, func(t *testing.T) {
					b.charsetKeys(t, charset)
					b.charsetCuts(t, charset)
				})
			}
		})
	}
}

// charsetLogins logs in with collations of all sorts, and compares what the session gets.
func (b *bed) charsetLogins(t *testing.T) {
	try := func(addr, collation string) string {
		c, err := raw.Dial(addr, raw.Options{User: servers.User, Password: servers.Password, Charset: collation})
		var refused *mysql.MyError
		if errors.As(err, &refused) {
			return refused.Error()
		}
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		a := say(t, c, "SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection, 'a'")
		return fmt.Sprintf("%q %d", a.Rows[0], a.Columns[4].Charset)
	}
	for _, collation := range []string{"gbk_bin", "gb18030_chinese_ci", "gb18030_bin", "big5_chinese_ci", "cp932_bin", "euckr_korean_ci", "latin1_german1_ci", "binary_",
		"utf8mb4_bin", "utf8mb4_0900_ai_ci", "utf8_bin", "ascii_bin", "ucs2_general_ci", "ucs2_bin", "utf16_general_ci", "utf16le_general_ci", "utf32_general_ci"} {
		collation = strings.TrimSuffix(collation, "_")
		if plain, serval := try(b.Plain.Addr(), collation), try(b.addr, collation); plain != serval {
			t.Errorf("%s\n plain  %s\n serval %s", collation, plain, serval)
		}
	}
	if got := try(b.addr, "swe7_swedish_ci"); !strings.Contains(got, "1235") {
		t.Errorf("swe7: %s", got)
	}
}

// charsetKeys inserts keys of every character as a client of the character set, and finds each of them as a client of
// utf8mb4, which goes to the shard of the key's UTF-8.
func (b *bed) charsetKeys(t *testing.T, charset string) {
	const perKey = 24
	inner, err := b.Plain.Connect("")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	var codes [][2]string // in the character set, in UTF-8
	for _, code := range everyCode(charset) {
		codes = append(codes, [2]string{code, ""})
	}
	for at := 0; at < len(codes); at += 500 {
		var fields []string
		some := codes[at:min(at+500, len(codes))]
		for _, c := range some {
			h := hex.EncodeToString([]byte(c[0]))
			fields = append(fields, fmt.Sprintf("IF(CONVERT(CONVERT(_%s x'%s' USING utf8mb4) USING %s) = CAST(_%s x'%s' AS BINARY), HEX(CONVERT(_%s x'%s' USING utf8mb4)), '')", charset, h, charset, charset, h, charset, h))
		}
		row := rowsOf(t, inner, "SELECT "+strings.Join(fields, ", "))[0]
		for i := range some {
			u, _ := hex.DecodeString(row[i])
			some[i][1] = string(u)
		}
	}
	client, other := dialBytes(t, b.addr, charset), dialBytes(t, b.addr, "utf8mb4")
	n, characters := 0, 0
	for at := 0; at < len(codes); {
		theirs, ours := fmt.Sprintf("%s%d-", charset, n), fmt.Sprintf("%s%d-", charset, n)
		for count := 0; at < len(codes) && count < perKey; at++ {
			if len(codes[at][1]) < 2 { // no character, or ASCII in another place, which is refused as a key
				continue
			}
			theirs, ours = theirs+codes[at][0], ours+codes[at][1]
			count++
			characters++
		}
		n++
		done(t, client, fmt.Sprintf("INSERT INTO sessions (sid, user_id) VALUES ('%s', %d)", theirs, n))
		a := say(t, other, fmt.Sprintf("SELECT user_id FROM sessions WHERE sid = '%s'", ours))
		if len(a.Rows) != 1 {
			t.Errorf("% x: %s where utf8mb4 looks for %q", theirs, told(a), ours)
		}
		if a := say(t, client, fmt.Sprintf("SELECT user_id FROM sessions WHERE sid = '%s'", theirs)); len(a.Rows) != 1 {
			t.Errorf("% x: %s", theirs, told(a))
		}
	}
	t.Logf("%d characters in %d keys", characters, n)
}

// everyCode is every code above ASCII that the character set's rules allow, whether it is a character or not.
func everyCode(charset string) []string {
	var codes []string
	add := func(lo1, hi1 int, trails ...[2]int) {
		for lead := lo1; lead <= hi1; lead++ {
			if len(trails) == 0 {
				codes = append(codes, string([]byte{byte(lead)}))
			}
			for _, r := range trails {
				for next := r[0]; next <= r[1]; next++ {
					codes = append(codes, string([]byte{byte(lead), byte(next)}))
				}
			}
		}
	}
	switch charset {
	case "ascii":
	case "gbk", "gb18030":
		add(0x81, 0xFE, [2]int{0x40, 0x7E}, [2]int{0x80, 0xFE})
	case "gb2312":
		add(0xA1, 0xF7, [2]int{0xA1, 0xFE})
	case "big5":
		add(0xA1, 0xF9, [2]int{0x40, 0x7E}, [2]int{0xA1, 0xFE})
	case "sjis", "cp932":
		add(0xA1, 0xDF)
		add(0x81, 0x9F, [2]int{0x40, 0x7E}, [2]int{0x80, 0xFC})
		add(0xE0, 0xFC, [2]int{0x40, 0x7E}, [2]int{0x80, 0xFC})
	case "ujis", "eucjpms":
		add(0x8E, 0x8E, [2]int{0xA1, 0xDF})
		add(0xA1, 0xFE, [2]int{0xA1, 0xFE})
		for lead := 0xA1; lead <= 0xFE; lead++ {
			for next := 0xA1; next <= 0xFE; next++ {
				codes = append(codes, string([]byte{0x8F, byte(lead), byte(next)}))
			}
		}
	case "euckr":
		add(0x81, 0xFE, [2]int{0x41, 0x5A}, [2]int{0x61, 0x7A}, [2]int{0x81, 0xFE})
	default:
		add(0x80, 0xFF)
	}
	if charset == "gb18030" { // some of every plane
		for plane := 0x90; plane <= 0xE3; plane += 7 {
			for i := range 200 {
				codes = append(codes, string([]byte{byte(plane), byte(0x30 + i/10%10), byte(0x81 + i%0x60), byte(0x30 + i%10)}))
			}
		}
		for lead := 0x81; lead <= 0x84; lead++ {
			for i := range 400 {
				codes = append(codes, string([]byte{byte(lead), byte(0x30 + i%10), byte(0x81 + i/4), byte(0x30 + i%7)}))
			}
		}
	}
	return codes
}

// charsetCuts gives statements with every byte before those that end strings and names, and compares with the plain
// server. What Serval refuses it may refuse; it must not read another statement than the server.
func (b *bed) charsetCuts(t *testing.T, charset string) {
	plain, serval := dialBytes(t, b.Plain.Addr(), charset), dialBytes(t, b.addr, charset)
	shapes := []string{
		"SELECT HEX('%s') AS a, '\\'' AS b -- '",
		"SELECT HEX('%s ') AS a, 1 AS b",
		"SELECT 1 AS `%s`, 2 AS b -- `",
		"SELECT HEX('\\%s') AS a, '\\'' AS b -- '",
		"SELECT 1 /* %s */ AS a",
	}
	refused, compared := 0, 0
	for lead := 0x80; lead <= 0xFF; lead += 1 + lead%4 { // every other one does
		for _, next := range []string{"'", "\\", "`", "A", "0", " ", "\xA1", "\xFE", "\\'", "''", "0\x81\\", "\xA1\\", "0\x810"} {
			for _, shape := range shapes {
				sql := fmt.Sprintf(shape, string([]byte{byte(lead)})+next)
				want, err := plain.Query(sql)
				if err != nil {
					t.Fatal(err)
				}
				got, err := serval.Query(sql)
				if err != nil {
					t.Fatal(err)
				}
				if e := got[len(got)-1]; e.Kind == raw.Error && (e.Code == 1235 || e.Code == 1300 && want[0].Kind != raw.Error) {
					refused++
					continue
				}
				compared++
				if d := difference(want, got, &testCase{sql: sql}); d != "" {
					t.Errorf("%q (% x)\n%s", sql, sql, d)
				}
			}
		}
	}
	t.Logf("%d statements compared, %d refused", compared, refused)
}

// charsetPrepared executes a statement after the client has changed its character set: with parameters it means the
// same as on a server, with strings of its own it is refused.
func (b *bed) charsetPrepared(t *testing.T) {
	c, err := raw.Dial(b.addr, raw.Options{User: servers.User, Password: servers.Password, Database: "shop", Charset: "gbk"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	prepare := func(sql string) *raw.Statement {
		st, a, err := c.Prepare(sql)
		if err != nil || a != nil && a.Kind == raw.Error {
			t.Fatalf("%s: %v %v", sql, a, err)
		}
		return st
	}
	parameter, text := prepare("SELECT HEX(?)"), prepare("SELECT HEX('中')")
	execute := func(st *raw.Statement, want string, parameters ...raw.Parameter) {
		t.Helper()
		answers, err := st.Execute(parameters...)
		if err != nil || !strings.Contains(fmt.Sprintf("%s %q", answers[0].Message, answers[0].Rows), want) {
			t.Errorf("%+v, %v, want %s", answers, err, want)
		}
	}
	execute(parameter, "D6D0", raw.String("中"))
	execute(text, "D6D0")
	done(t, c, "SET NAMES utf8mb4")
	if err := c.SetCharset("utf8mb4"); err != nil {
		t.Fatal(err)
	}
	execute(parameter, "E4B8AD", raw.String("中"))
	execute(text, "prepare it again")
	done(t, c, "SET NAMES gbk")
	execute(text, "D6D0")
}
