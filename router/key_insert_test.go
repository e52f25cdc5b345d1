package router

import (
	"strings"
	"testing"
)

func TestIntegerInserted(t *testing.T) {
	unsigned := func(dataType string) *Column { return &Column{Name: "k", DataType: dataType, Unsigned: true} }
	for _, c := range []struct {
		col  *Column
		v    Value
		want Key
	}{
		{column("int"), val(ValueInteger, "42"), intKey(42)},
		{column("int"), val(ValueString, "42"), intKey(42)},
		{column("int"), val(ValueString, "042"), intKey(42)},
		{column("int"), val(ValueString, "42.0"), intKey(42)},
		{column("int"), val(ValueDecimal, "42.0"), intKey(42)},
		{column("int"), val(ValueFloat, "4.2e1"), intKey(42)},
		{column("int"), val(ValueHex, "*"), intKey(42)},
		{column("int"), val(ValueBit, "*"), intKey(42)},
		{column("int"), val(ValueBool, "1"), intKey(1)},
		{column("tinyint"), val(ValueInteger, "-128"), intKey(-128)},
		{column("tinyint"), val(ValueInteger, "127"), intKey(127)},
		{unsigned("tinyint"), val(ValueInteger, "255"), intKey(255)},
		{column("mediumint"), val(ValueInteger, "8388607"), intKey(8388607)},
		{unsigned("int"), val(ValueInteger, "4294967295"), intKey(4294967295)},
		{column("bigint"), val(ValueInteger, "-9223372036854775808"), intKey(-1 << 63)},
		{unsigned("bigint"), val(ValueInteger, "18446744073709551615"), Key{Magnitude: 1<<64 - 1}},
		{unsigned("bigint"), val(ValueString, "18446744073709551615"), Key{Magnitude: 1<<64 - 1}},
	} {
		if k, err := KeyForInsert(c.col, c.v); err != nil || !sameKey(k, c.want) {
			t.Errorf("%s from %s %q: %+v (%v), want %+v", c.col.DataType, kindName(c.v.Kind), c.v.Text, k, err, c.want)
		}
	}
}

func TestTextInserted(t *testing.T) {
	bin := text("varchar", "utf8mb4_bin", 5)
	for _, c := range []struct {
		col  *Column
		v    Value
		want string
	}{
		{bin, val(ValueString, "日本語日本"), "日本語日本"},
		{bin, val(ValueInteger, "042"), "42"},
		{bin, val(ValueInteger, "+42"), "42"},
		{bin, val(ValueInteger, "-42"), "-42"},
		{bin, val(ValueInteger, "-0"), "0"},
		{bin, val(ValueBool, "1"), "1"},
		{bin, val(ValueHex, "abc"), "abc"},
		{text("char", "utf8mb4_0900_ai_ci", 5), val(ValueInteger, "-7"), "-7"},
		{text("varchar", "latin1_swedish_ci", 5), val(ValueString, "€"), "€"},
		{text("varchar", "latin1_swedish_ci", 5), val(ValueHex, "AB"), "ab"},
		{&Column{Name: "k", DataType: "binary", CharLength: 4}, val(ValueHex, "a\x00"), "a"},
		{&Column{Name: "k", DataType: "varbinary", CharLength: 4}, val(ValueString, "a \x00"), "a \x00"},
	} {
		k, err := KeyForInsert(c.col, c.v)
		if err != nil || k.Kind != KeyString || string(k.Text) != c.want {
			t.Errorf("%s from %s %q: %q (%v), want %q", c.col.Collation, kindName(c.v.Kind), c.v.Text, k.Text, err, c.want)
		}
	}
}

// Every refusal names the column and what would work, and never the value.
func TestInsertRefused(t *testing.T) {
	integer, bin := column("int"), text("varchar", "utf8mb4_bin", 5)
	for _, c := range []struct {
		col      *Column
		v        Value
		fragment string
	}{
		{integer, Value{Kind: ValueNull}, "NULL"},
		{integer, Value{Kind: ValueOpaque}, "an expression"},
		{integer, val(ValueString, "42abc"), "a string that is not an exact integer"},
		{integer, val(ValueString, " 42"), "a string"},
		{integer, val(ValueString, ""), "a string"},
		{integer, val(ValueString, "4.2e1"), "a string"},
		{integer, val(ValueDecimal, "42.5"), "a decimal number"},
		{integer, val(ValueFloat, "42.5e0"), "a floating-point number"},
		{integer, val(ValueHexString, "*"), "a hexadecimal literal"},
		{integer, val(ValueInteger, "2147483999"), "outside of the column's range"},
		{integer, val(ValueInteger, "-2147483649"), "give an integer from -2147483648 to 2147483647"},
		{&Column{Name: "k", DataType: "int", Unsigned: true}, val(ValueInteger, "-1"), "from 0 to 4294967295"},
		{column("bigint"), val(ValueInteger, "9223372036854779999"), "outside of the column's range"},
		{bin, val(ValueString, "日本語日本語"), "at most 5 characters"},
		{bin, val(ValueString, "abcde "), "longer than the column"},
		{bin, val(ValueString, "\xff"), "cannot store"},
		{bin, val(ValueHex, "\xff"), "cannot store"},
		{bin, val(ValueDecimal, "1.0"), "write it as a string"},
		{bin, val(ValueInteger, "99999999999999999999999"), "more than 64 bits"},
		{text("varchar", "utf8mb3_bin", 5), val(ValueString, "😀"), "cannot store"},
		{text("varchar", "latin1_bin", 5), val(ValueString, "日"), "cannot store"},
		{text("varchar", "latin1_bin", 5), val(ValueHex, "\xe9"), "as a string"},
		{&Column{Name: "k", DataType: "varbinary", CharLength: 2}, val(ValueString, "日"), "longer than the column"},
		{column("date"), val(ValueString, "2024-01-05 10:00:00"), "time of day"},
		{column("date"), val(ValueString, "2024-02-30"), "not an exact date"},
		{column("date"), val(ValueInteger, "20240105"), "as a string"},
		{column("datetime"), val(ValueString, "2024-01-31 23:59:59.7"), "leave the fraction out"},
		{nil, val(ValueInteger, "1"), "not known yet"},
		{column("timestamp"), val(ValueString, "2024-01-05 10:00:00"), "use DATETIME"},
	} {
		k, err := KeyForInsert(c.col, c.v)
		if err == nil {
			t.Errorf("%+v from %s %q: taken as %+v", c.col, kindName(c.v.Kind), c.v.Text, k)
			continue
		}
		if !strings.Contains(err.Error(), c.fragment) {
			t.Errorf("%q does not say %q", err, c.fragment)
		}
		if c.col != nil && !strings.Contains(err.Error(), "column 'k'") {
			t.Errorf("%q does not name the column", err)
		}
		if s := string(c.v.Text); len(s) > 3 && strings.Contains(err.Error(), s) {
			t.Errorf("%q tells the value", err)
		}
	}
}
