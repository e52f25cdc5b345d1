package router

import "testing"

func column(dataType string) *Column { return &Column{Name: "k", DataType: dataType} }

func text(dataType, collation string, length uint64) *Column {
	return &Column{Name: "k", DataType: dataType, Collation: collation, CharLength: length}
}

func val(kind ValueKind, s string) Value { return Value{Kind: kind, Text: []byte(s)} }

func sameKey(a, b Key) bool {
	return a.Kind == b.Kind && a.Negative == b.Negative && a.Magnitude == b.Magnitude && string(a.Text) == string(b.Text)
}

// One integer, however it is written.
func TestIntegerCompared(t *testing.T) {
	for _, dataType := range []string{"tinyint", "smallint", "mediumint", "int", "bigint"} {
		for _, v := range []Value{
			val(ValueInteger, "42"), val(ValueInteger, "+42"), val(ValueInteger, "0042"), val(ValueString, "42"),
			val(ValueDecimal, "42.0"), val(ValueDecimal, "42."), val(ValueDecimal, "+042.000"), val(ValueFloat, "42e0"), val(ValueFloat, "4.2E1"),
			val(ValueHex, "*"), val(ValueHex, "\x00\x2a"), val(ValueBit, "*"),
		} {
			k, match := KeyForCompare(column(dataType), v)
			if match != MatchKey || !sameKey(k, intKey(42)) {
				t.Errorf("%s = %s %q: %+v, match %d", dataType, kindName(v.Kind), v.Text, k, match)
			}
		}
	}
	for _, c := range []struct {
		v    Value
		want Key
	}{
		{val(ValueInteger, "-42"), intKey(-42)},
		{val(ValueString, "-42"), intKey(-42)},
		{val(ValueDecimal, "-42.00"), intKey(-42)},
		{val(ValueFloat, "-42e0"), intKey(-42)},
		{val(ValueInteger, "-0"), intKey(0)},
		{val(ValueDecimal, "-0.0"), intKey(0)},
		{val(ValueFloat, "-0e0"), intKey(0)},
		{val(ValueString, "0"), intKey(0)},
		{val(ValueBool, "1"), intKey(1)},
		{val(ValueInteger, "18446744073709551615"), Key{Magnitude: 1<<64 - 1}},
		{val(ValueInteger, "-9223372036854775808"), intKey(-1 << 63)},
		{val(ValueDecimal, "9007199254740993.0"), intKey(1<<53 + 1)},
		{val(ValueString, "9007199254740991"), intKey(1<<53 - 1)},
		{val(ValueString, "-9007199254740991"), intKey(-(1<<53 - 1))},
		{val(ValueHex, "\x7f\xff\xff\xff\xff\xff\xff\xff"), intKey(1<<63 - 1)},
	} {
		k, match := KeyForCompare(column("bigint"), c.v)
		if match != MatchKey || !sameKey(k, c.want) {
			t.Errorf("%s %q: %+v, match %d, want %+v", kindName(c.v.Kind), c.v.Text, k, match, c.want)
		}
	}
}

// What MySQL may find equal to more than one integer, or to another than it seems, goes to every shard.
func TestComparedWithAllShards(t *testing.T) {
	integer := column("bigint")
	for _, c := range []struct {
		col *Column
		v   Value
	}{
		{integer, val(ValueString, "42abc")}, {integer, val(ValueString, " 42")}, {integer, val(ValueString, "42 ")}, {integer, val(ValueString, "")},
		{integer, val(ValueString, "042")}, {integer, val(ValueString, "+42")}, {integer, val(ValueString, "42.0")}, {integer, val(ValueString, "-0")},
		{integer, val(ValueString, "-")}, {integer, val(ValueString, "4.2e1")}, {integer, val(ValueString, "9007199254740992")},
		{integer, val(ValueDecimal, "42.5")}, {integer, val(ValueDecimal, ".")}, {integer, val(ValueFloat, "42.5e0")}, {integer, val(ValueFloat, "9007199254740992e0")},
		{integer, val(ValueFloat, "1e400")}, {integer, val(ValueInteger, "18446744073709551616")}, {integer, val(ValueInteger, "-9223372036854775809")},
		{integer, val(ValueHex, "\x80\x00\x00\x00\x00\x00\x00\x00")}, {integer, val(ValueHex, "123456789")}, {integer, val(ValueHex, "")},
		{integer, val(ValueHexString, "*")}, {integer, val(ValueOpaque, "")},
		{nil, val(ValueInteger, "42")},
		{column("double"), val(ValueInteger, "42")},
		{text("varchar", "utf8mb4_bin", 10), val(ValueInteger, "42")},
		{text("varchar", "utf8mb4_bin", 10), val(ValueHex, "A")},
		{text("varchar", "utf8mb4_bin", 10), val(ValueString, "\xff")},
		{text("varchar", "utf8mb4_danish_ci", 10), val(ValueString, "a")},
		{text("varchar", "latin1_swedish_ci", 10), val(ValueString, "日")},
		{text("varchar", "ascii_bin", 10), val(ValueString, "é")},
		{text("varchar", "utf8mb3_bin", 10), val(ValueString, "😀")},
		{column("date"), val(ValueString, "2024-1-5")}, {column("date"), val(ValueInteger, "20240105")},
		{column("datetime"), val(ValueString, "2024-01-31 23:59:59.5")},
	} {
		if k, match := KeyForCompare(c.col, c.v); match != MatchAny {
			t.Errorf("%+v = %s %q: %+v, match %d, want all", c.col, kindName(c.v.Kind), c.v.Text, k, match)
		}
	}
}

func TestNullCompared(t *testing.T) {
	if _, match := KeyForCompare(column("int"), Value{Kind: ValueNull}); match != MatchNone {
		t.Error("= NULL finds something")
	}
	if _, match := KeyForCompareNullSafe(column("int"), Value{Kind: ValueNull}); match != MatchAny {
		t.Error("<=> NULL does not ask all")
	}
	if k, match := KeyForCompareNullSafe(column("int"), val(ValueInteger, "5")); match != MatchKey || k.Magnitude != 5 {
		t.Error("<=> 5 is not = 5")
	}
}

// An inserted value and every value that compares equal to it meet in one key.
func TestTextMeets(t *testing.T) {
	for _, c := range []struct {
		collation        string
		inserted, sought string
	}{
		{"utf8mb4_0900_ai_ci", "Straße", "STRASSE"},
		{"utf8mb4_0900_ai_ci", "Ａlice\u0301", "álICE"},
		{"utf8mb4_0900_ai_ci", "각", "\u1100\u1161\u11a8"},
		{"utf8mb4_0900_as_cs", "Å", "Å"}, // ANGSTROM SIGN
		{"utf8mb4_unicode_ci", "Æon  ", "aEON"},
		{"utf8mb4_unicode_ci", "x😀", "x𐍈"},
		{"utf8mb4_general_ci", "Straße", "strase  "},
		{"utf8mb4_general_ci", "x😀", "x𐍈"},
		{"utf8mb4_uca1400_ai_ci", "ABC", "abc"},
		{"utf8_general_ci", "É", "e"},
		{"latin1_swedish_ci", "MÜLLER", "mYller"},
		{"latin1_general_ci", "ÀB", "àb "},
		{"latin1_german1_ci", "Ä", "a"},
		{"ascii_general_ci", "AbC", "aBc "},
		{"utf8mb4_bin", "abc", "abc  "},
		{"utf8mb4_0900_bin", "é", "é"},
	} {
		for _, dataType := range []string{"char", "varchar"} {
			col := text(dataType, c.collation, 20)
			x, err := KeyForInsert(col, val(ValueString, c.inserted))
			y, match := KeyForCompare(col, val(ValueString, c.sought))
			if err != nil || match != MatchKey || !sameKey(x, y) {
				t.Errorf("%s: inserted %q as %q (%v), sought %q as %q (match %d)", c.collation, c.inserted, x.Text, err, c.sought, y.Text, match)
			}
		}
	}
}

// Texts that a user will want apart are apart, and plain ASCII folds to its lower case, so that SQL can compute it.
func TestFoldIsNotTooCoarse(t *testing.T) {
	for _, c := range []struct{ collation, text, want string }{
		{"utf8mb4_0900_ai_ci", "User-42@Example.COM ", "user-42@example.com"},
		{"utf8mb4_general_ci", "User-42@Example.COM ", "user-42@example.com"},
		{"utf8mb4_unicode_ci", "a_b/c d", "a_b/c d"},
		{"latin1_swedish_ci", "A~[]{}\\", "a~[]{}\\"},
		{"utf8mb4_0900_ai_ci", "日本", "日本"},
		{"utf8mb4_0900_ai_ci", "Привет", "привет"},
		{"utf8mb4_0900_ai_ci", "Ελλάς", "ελλασ"},
		{"utf8mb4_0900_ai_ci", "a\tb\x00", "ab"},
		{"utf8mb4_bin", "Aé ", "Aé"},
	} {
		k, match := KeyForCompare(text("varchar", c.collation, 50), val(ValueString, c.text))
		if match != MatchKey || string(k.Text) != c.want {
			t.Errorf("%s: %q folds to %q, want %q", c.collation, c.text, k.Text, c.want)
		}
	}
}

func TestBinaryCompared(t *testing.T) {
	for _, c := range []struct {
		dataType string
		v        Value
		want     string
	}{
		{"varbinary", val(ValueString, "a \x00"), "a \x00"},
		{"varbinary", val(ValueHex, "\xff\x00"), "\xff\x00"},
		{"varbinary", val(ValueHexString, "A"), "A"},
		{"binary", val(ValueString, "a\x00\x00"), "a"},
		{"binary", val(ValueBit, "a"), "a"},
	} {
		k, match := KeyForCompare(column(c.dataType), c.v)
		if match != MatchKey || string(k.Text) != c.want {
			t.Errorf("%s = %q: %q, match %d, want %q", c.dataType, c.v.Text, k.Text, match, c.want)
		}
	}
}

func TestKeysAllocateNothing(t *testing.T) {
	scratch := make([]byte, 0, 64)
	integer, varchar := column("bigint"), text("varchar", "utf8mb4_0900_ai_ci", 20)
	exact, date := text("varchar", "utf8mb4_bin", 20), column("datetime")
	slots := made(t)(NewHashSlot(evenSlots(1024, 8), 8))
	mod := made(t)(NewHashMod(8))
	list := made(t)(NewList([][]Key{{textKey("alice")}, {intKey(42)}}, 1))
	for name, v := range map[string]struct {
		col *Column
		v   Value
		by  Algorithm
	}{
		"integer":          {integer, val(ValueInteger, "1234567890123"), slots},
		"integer string":   {integer, val(ValueString, "42"), mod},
		"integer in list":  {integer, val(ValueInteger, "42"), list},
		"decimal":          {integer, val(ValueDecimal, "42.0"), mod},
		"float":            {integer, val(ValueFloat, "4.2e1"), mod},
		"folded text":      {varchar, val(ValueString, "Älice Straße"), slots},
		"text in list":     {varchar, val(ValueString, "Alice"), list},
		"exact text":       {exact, val(ValueString, "alice"), mod},
		"date":             {date, val(ValueString, "2026-01-31 10:00:00"), made(t)(NewDate("month", "2026-01-01", 12))},
		"nothing in range": {integer, val(ValueInteger, "42"), made(t)(NewRange(cuts(keyPtr(intKey(0)), keyPtr(intKey(1)))))},
	} {
		allocs := testing.AllocsPerRun(100, func() {
			k, _ := AppendKeyForCompare(scratch[:0], v.col, v.v)
			_, _ = v.by.Shard(k)
			k, _ = AppendKeyForInsert(scratch[:0], v.col, v.v)
			_, _ = v.by.Shard(k)
		})
		if allocs != 0 {
			t.Errorf("%s: %g allocations", name, allocs)
		}
	}
}
