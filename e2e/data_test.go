package e2e

// data_test.go: the rows that every comparison starts from. They are the same in every run: no clock, a fixed seed.
// They hold what breaks merges and routing: NULLs, negative and huge keys, equal sort keys, accents, trailing spaces.

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// insert is one row to be inserted; one by one, as rows of one statement may belong to several groups.
type insert struct{ database, table, sql string }

type dataMaker struct {
	rnd  *rand.Rand
	rows []insert
}

// testData is all rows, tables in the order of the schema.
func testData() []insert {
	m := &dataMaker{rnd: rand.New(rand.NewPCG(2, 26))}
	m.users()
	m.orders()
	m.products()
	m.unsharded()
	m.otherAlgorithms()
	return m.rows
}

func (m *dataMaker) add(database, table string, values ...string) {
	m.rows = append(m.rows, insert{database, table, "INSERT INTO " + table + " VALUES (" + strings.Join(values, ", ") + ")"})
}

// pick takes one of the values.
func (m *dataMaker) pick(values ...string) string { return values[m.rnd.IntN(len(values))] }

// orNull is v, or NULL in one of n cases.
func (m *dataMaker) orNull(n int, v string) string {
	if m.rnd.IntN(n) == 0 {
		return "NULL"
	}
	return v
}

func (m *dataMaker) datetime() string {
	return fmt.Sprintf("'2026-%02d-%02d %02d:%02d:%02d'", 1+m.rnd.IntN(6), 1+m.rnd.IntN(28), m.rnd.IntN(24), m.rnd.IntN(60), m.rnd.IntN(60))
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// specialUsers are keys at the edges of BIGINT and of the modulo.
var specialUsers = []string{"-1", "-7", "-8", "-9", "-1000000", "0", "4294967296", "1000000007",
	"9223372036854775807", "-9223372036854775808"}

var names = []string{"Ana", "ana", "ÁNA", "Anna", "Bob", "bob ", "bob", "Çelik", "celik", "Zoë", "zoe", "Ångström",
	"angstrom", "straße", "strasse", "STRASSE", "Ωmega", "日本", "O'Neil", "o neil", "_x", "", " lead", "émile", "Emile", "ﬁne", "fine", "😀", "ñu", "nu"}

var cities = []string{"Köln", "Koln", "köln ", "Paris", "paris", "Málaga", "Malaga", "Ärhus", "Zürich", "zurich", "", "New York"}

func (m *dataMaker) users() {
	ids := append([]string{}, specialUsers...)
	for i := 1; i <= 110; i++ {
		ids = append(ids, fmt.Sprint(i))
	}
	for _, id := range ids {
		m.user(id)
	}
}

func (m *dataMaker) user(id string) {
	r := m.rnd
	m.add("shop", "users", id,
		m.orNull(10, quote(names[r.IntN(len(names))])),
		m.orNull(9, quote(names[r.IntN(len(names))])),
		m.orNull(9, quote(names[r.IntN(len(names))])),
		m.orNull(9, quote(cities[r.IntN(len(cities))])),
		quote(m.pick("A1", "a1", "B2", "b", "", "Z-9", "ä")),
		m.datetime(),
		m.orNull(4, fmt.Sprintf("'2026-03-%02d 12:00:00.%03d'", 1+r.IntN(28), r.IntN(1000))),
		m.orNull(5, fmt.Sprintf("'%d-%02d-%02d'", 1950+r.IntN(60), 1+r.IntN(12), 1+r.IntN(28))),
		m.orNull(5, m.pick("'-01:30:00'", "'00:00:00'", "'07:15:00.50'", "'07:15:00'", "'100:00:00'", "'-838:59:59'", "'23:59:59.99'")),
		m.orNull(8, fmt.Sprint(1990+r.IntN(40))),
		fmt.Sprintf("%d.%02d", r.IntN(4000)-1000, r.IntN(100)),
		m.orNull(6, m.pick("0", "-0.0000000001", "12345678901234567890.0123456789", "-12345678901234567890.5", "9.9999999999", "10", fmt.Sprint(r.IntN(50)))),
		m.orNull(6, m.pick("0", "-0.5", "1e300", "-1e-300", "2.5", "3.0", "1e10", "123456789.125", fmt.Sprint(r.IntN(50)))),
		m.orNull(6, m.pick("0", "1.5", "-2.25", "1e20", "0.1", "3.14159", fmt.Sprint(r.IntN(9)))),
		m.orNull(7, fmt.Sprint(r.IntN(256)-128)),
		m.orNull(7, m.pick("0", "1", "18446744073709551615", "9223372036854775808", fmt.Sprint(r.IntN(100000)))),
		m.orNull(7, fmt.Sprintf("b'%b'", r.IntN(4096))),
		m.orNull(7, m.pick("'guest'", "'member'", "'admin'")),
		m.orNull(7, m.pick("''", "'read'", "'write'", "'read,write'", "'grant,admin'", "'read,admin'")),
		m.orNull(5, m.pick(`'{"a": 1, "b": [1, 2, 3]}'`, `'[]'`, `'"text"'`, `'{"name": "Zoë", "n": null}'`, `'17'`)),
		m.orNull(5, m.pick("x'00ff10'", "x''", "x'61'", "x'ffffffff'", "'a\\0b'")),
		m.orNull(5, quote(m.pick("long "+strings.Repeat("lorem ipsum ", 30), "short", "line\nbreak", "from orders where users.name", "`users`"))),
		m.orNull(6, m.pick("x'00'", "x'01020304'", "x'ff'", "'ab'")),
		m.orNull(6, m.pick("x'00'", "x'0000'", "x''", "x'a1b2'", "'hash'")))
}

func (m *dataMaker) orders() {
	for i := 1; i <= 260; i++ {
		user := fmt.Sprint(1 + m.rnd.IntN(110))
		if m.rnd.IntN(12) == 0 {
			user = m.pick(specialUsers...)
		}
		if m.rnd.IntN(30) == 0 {
			user = "777" // an order whose user does not exist
		}
		m.add("shop", "orders", fmt.Sprint(i), user, quote(m.pick("new", "paid", "sent", "done", "void")),
			fmt.Sprintf("%d.%02d", m.rnd.IntN(500), m.rnd.IntN(4)*25), m.orNull(8, m.datetime()),
			m.orNull(3, quote(m.pick("gift", "Gift", "from users", "call `orders` -- now", "it's", "ü"))))
		for j := range m.rnd.IntN(3) {
			m.add("shop", "order_items", fmt.Sprint(i*10+j), fmt.Sprint(i), user, fmt.Sprint(1+(i+7*j)%20),
				fmt.Sprint(1+m.rnd.IntN(5)), fmt.Sprintf("%d.%02d", m.rnd.IntN(90), m.rnd.IntN(100)))
		}
	}
}

func (m *dataMaker) products() {
	for i := 1; i <= 20; i++ {
		m.add("shop", "products", fmt.Sprint(i), quote(fmt.Sprintf("Product %02d", i)), m.orNull(6, quote(m.pick("food", "Food", "tools", "toys"))),
			fmt.Sprintf("%d.%02d", m.rnd.IntN(100), m.rnd.IntN(100)))
	}
}

func (m *dataMaker) unsharded() {
	for i := 1; i <= 40; i++ {
		m.add("shop", "audit_log", fmt.Sprint(i), quote(m.pick("ana", "bob", "root")), quote(m.pick("login", "logout", "buy")), m.datetime(),
			m.orNull(3, fmt.Sprintf(`'{"n": %d}'`, i)))
	}
	for i, s := range []string{"theme", "locale", "limit", "Empty", "title"} {
		m.add("shop", "settings", quote(s), m.orNull(4, quote(fmt.Sprintf("value %d", i))), fmt.Sprint(i*i), m.orNull(3, m.datetime()))
	}
	for i, s := range []string{"visits", "errors", "mails"} {
		m.add("shop", "counters", fmt.Sprint(i+1), quote(s), fmt.Sprint(10*i))
	}
	for i := 1; i <= 25; i++ {
		m.add("crm", "contacts", fmt.Sprint(i), m.orNull(6, fmt.Sprint(1+m.rnd.IntN(110))), quote(fmt.Sprintf("c%02d@example.org", i)))
	}
}

func (m *dataMaker) otherAlgorithms() {
	r := m.rnd
	for _, id := range []int{-500, -1, 0, 1, 2, 50, 99, 100, 101, 150, 199, 200, 201, 250, 299, 300, 301, 999, 5000, 123456789} {
		m.add("shop", "events", fmt.Sprint(id), quote(m.pick("click", "view", "buy")), m.orNull(4, fmt.Sprint(1+r.IntN(110))),
			m.orNull(5, fmt.Sprintf("'2026-02-%02d 10:00:00.%06d'", 1+r.IntN(28), r.IntN(1000000))), m.orNull(3, quote(fmt.Sprint("p", r.IntN(100)))))
	}
	for i, code := range []string{"de", "DE", "fr", "Fr", "us", "US", "ca", "jp", "JP", "br", "in", "zz", "at", "ch"} {
		m.add("shop", "regions", quote(code), fmt.Sprint(i), quote("Region "+code), m.orNull(4, fmt.Sprint(r.IntN(100000000))))
	}
	for i := 1; i <= 60; i++ {
		m.add("shop", "logs", m.datetime(), fmt.Sprint(i), fmt.Sprint(r.IntN(6)), m.orNull(5, quote(fmt.Sprint("message ", i%7))))
	}
	for i, sid := range []string{"alice", "Bob", "carol", "DAVE", "eve", "42", "042", "a-b", "a_b", "x y", "Zed", "s1", "S2", "s3", "S10"} {
		m.add("shop", "sessions", quote(sid), m.orNull(4, fmt.Sprint(1+r.IntN(110))), m.datetime(), m.orNull(4, quote(fmt.Sprint("d", i%4))))
	}
	for i, id := range []string{"0", "1", "2", "3", "10", "1023", "1024", "65536", "4294967295", "9223372036854775807", "9223372036854775808", "18446744073709551615"} {
		m.add("shop", "devices", id, quote(fmt.Sprint("SN", 100-i)), m.orNull(4, quote(m.pick("m1", "M1", "m2"))), m.orNull(4, fmt.Sprint(r.IntN(100))))
	}
	for i := -3; i <= 30; i++ {
		m.add("shop", "tags", fmt.Sprint(i), quote(m.pick("red", "Red", "green", "blue", "")), fmt.Sprint(r.IntN(10)))
	}
}
