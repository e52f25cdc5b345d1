package e2e

// keys_test.go: the router's keys against the servers' conversions. Every value is stored in and compared with every
// type of column that can be a shard key, in strict mode and without:
//   - a value that the router would insert is stored as what has the same key;
//   - a row that the server finds with `column = value` has the key that the router looks for, or the router asks all shards.

import (
	"fmt"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"

	"serval/e2e/servers"
	"serval/router"
)

// written is a value as SQL and as the router sees it.
type written struct {
	sql   string
	value router.Value
}

func writtenValues() []written {
	var all []written
	add := func(kind router.ValueKind, text string, sql string) {
		all = append(all, written{sql, router.Value{Kind: kind, Text: []byte(text)}})
	}
	for _, s := range []string{"0", "-0", "1", "42", "042", "+42", "-42", "127", "128", "-128", "255", "256", "300", "2147483647", "4294967295", "4294967296",
		"9007199254740991", "9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
		"18446744073709551615", "18446744073709551616"} {
		add(router.ValueInteger, s, s)
		add(router.ValueString, s, "'"+s+"'")
		add(router.ValueDecimal, s+".0", s+".0")
		add(router.ValueDecimal, s+".5", s+".5")
		add(router.ValueFloat, s+"e0", s+"e0")
	}
	for _, s := range []string{"", " ", "42abc", " 42", "42 ", "42.0", "4.2e1", "abc", "ABC", "abc ", "ab", "é", "É", "e", "ß", "ss", "s", "ÿ", "日本", "😀", "𐍈", "ü", "y", "æ", "ae",
		"a\tb", "aB\u00a0", "twenty characters abcd", "eleven char", "2024-01-05", "2024-1-5", "20240105", "2024-01-05 00:00:00", "2024-01-05 10:00:00", "2024-01-05T10:00:00",
		"2024-01-05 10:00:00.7", "2024-01-31 23:59:59.7", "2024-01-31 23:59:59", "2024-02-01", "2024-02-30", "0000-00-00", "2024-01-05 10:00", "24-01-05"} {
		add(router.ValueString, s, "'"+s+"'")
	}
	for _, s := range []string{"*", "a", "abc", "a\x00", "\xe9", "\x00\x00\x00\x2a", "\x7f\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff", "\x01\x00\x00\x00\x00\x00\x00\x00\x2a"} {
		add(router.ValueHex, s, fmt.Sprintf("0x%x", s))
		add(router.ValueHexString, s, fmt.Sprintf("x'%x'", s))
	}
	add(router.ValueBit, "*", "b'101010'")
	add(router.ValueBool, "1", "TRUE")
	add(router.ValueBool, "0", "FALSE")
	add(router.ValueInteger, "20240105", "20240105")
	add(router.ValueFloat, "4.2e1", "4.2e1")
	return all
}

func keyColumns() []struct {
	definition string
	column     router.Column
} {
	type entry = struct {
		definition string
		column     router.Column
	}
	list := []entry{
		{"DATE", router.Column{DataType: "date"}},
		{"DATETIME", router.Column{DataType: "datetime"}},
		{"DATETIME(6)", router.Column{DataType: "datetime"}},
		{"BINARY(6)", router.Column{DataType: "binary", CharLength: 6}},
		{"VARBINARY(20)", router.Column{DataType: "varbinary", CharLength: 20}},
	}
	for _, t := range []string{"tinyint", "smallint", "mediumint", "int", "bigint"} {
		list = append(list, entry{t, router.Column{DataType: t}}, entry{t + " UNSIGNED", router.Column{DataType: t, Unsigned: true}})
	}
	for set, collations := range map[string][]string{
		"utf8mb4": {"utf8mb4_bin", "utf8mb4_general_ci", "utf8mb4_unicode_ci", "utf8mb4_unicode_520_ci"},
		"utf8mb3": {"utf8mb3_general_ci"},
		"latin1":  {"latin1_swedish_ci", "latin1_bin", "latin1_general_ci"},
		"ascii":   {"ascii_general_ci"},
	} {
		for _, c := range collations {
			def := " CHARACTER SET " + set + " COLLATE " + c
			list = append(list, entry{"VARCHAR(20)" + def, router.Column{DataType: "varchar", CharLength: 20, Collation: c}},
				entry{"CHAR(10)" + def, router.Column{DataType: "char", CharLength: 10, Collation: c}})
		}
	}
	return list
}

func TestKeysAgreeWithServers(t *testing.T) {
	for _, kind := range servers.Kinds(t) {
		t.Run(string(kind), func(t *testing.T) {
			c, err := servers.Start(t, kind).Connect("")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			rowsOf(t, c, "CREATE DATABASE keyed")
			rowsOf(t, c, "USE keyed")
			columns := keyColumns()
			if kind == servers.MySQL {
				for _, collation := range []string{"utf8mb4_0900_ai_ci", "utf8mb4_0900_as_cs", "utf8mb4_0900_bin"} {
					one := columns[0]
					one.definition = "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE " + collation
					one.column = router.Column{DataType: "varchar", CharLength: 20, Collation: collation}
					columns = append(columns, one)
				}
			}
			for i, col := range columns {
				col.column.Name = "k"
				table := fmt.Sprintf("t%d", i)
				t.Run(col.definition, func(t *testing.T) {
					rowsOf(t, c, "CREATE TABLE "+table+" (id INT AUTO_INCREMENT PRIMARY KEY, k "+col.definition+", how TEXT)")
					for _, mode := range []string{"''", "'STRICT_TRANS_TABLES'"} {
						rowsOf(t, c, "SET NAMES utf8mb4")
						rowsOf(t, c, "SET sql_mode="+mode)
						insertAll(t, c, table, &col.column)
					}
					compareAll(t, c, table, &col.column)
				})
			}
		})
	}
}

// storedText is the column as the router would be given it in an INSERT.
func storedText(col *router.Column) string {
	if col.DataType == "binary" || col.DataType == "varbinary" {
		return "k"
	}
	return "CONVERT(k USING utf8mb4)"
}

func insertAll(t *testing.T, c *client.Conn, table string, col *router.Column) {
	for _, w := range writtenValues() {
		want, err := router.KeyForInsert(col, w.value)
		r, refused := c.Execute(fmt.Sprintf("INSERT INTO %s (k, how) VALUES (%s, '')", table, w.sql))
		if err != nil || refused != nil {
			continue // one of the two refuses
		}
		rows := rowsOf(t, c, fmt.Sprintf("SELECT %s FROM %s WHERE id = %d", storedText(col), table, r.InsertId))
		got, err := router.KeyForInsert(col, router.Value{Kind: router.ValueString, Text: []byte(rows[0][0])})
		if err != nil || !equalKeys(got, want) {
			t.Errorf("INSERT %s stored %q of key %+v (%v), the router expected %+v", w.sql, rows[0][0], got, err, want)
		}
	}
}

func compareAll(t *testing.T, c *client.Conn, table string, col *router.Column) {
	keys := 0
	for _, w := range writtenValues() {
		k, match := router.KeyForCompare(col, w.value)
		if match == router.MatchAny {
			continue
		}
		keys++
		r, err := c.Execute(fmt.Sprintf("SELECT DISTINCT %s FROM %s WHERE k = %s", storedText(col), table, w.sql))
		if err != nil {
			continue // the server refuses the comparison
		}
		for i := range r.RowNumber() {
			text, _ := r.GetString(i, 0)
			row, err := router.KeyForInsert(col, router.Value{Kind: router.ValueString, Text: []byte(text)})
			if err != nil {
				continue // a row that Serval would not have inserted
			}
			if match == router.MatchNone || !equalKeys(row, k) {
				t.Errorf("k = %s finds %q of key %+v, the router looks for %+v", w.sql, text, row, k)
			}
		}
		r.Close()
	}
	if keys == 0 {
		t.Error("no value was compared by key")
	}
}

// equalKeys compares dates by their day, as all algorithms do: DATETIME columns round fractions or cut them off.
func equalKeys(a, b router.Key) bool {
	if a.Kind == router.KeyDate {
		const day = 24 * 60 * 60 * 1_000_000
		a.Magnitude, b.Magnitude = a.Magnitude/day, b.Magnitude/day
	}
	return a.Kind == b.Kind && a.Negative == b.Negative && a.Magnitude == b.Magnitude && string(a.Text) == string(b.Text)
}
