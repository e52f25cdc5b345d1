package carry

import (
	"testing"

	"serval/proxy/wire"
	"serval/rewrite/fingerprint"
)

func TestAppend(t *testing.T) {
	const utf8 = wire.CollationUTF8MB40900AICI
	for _, c := range []struct {
		name  string
		col   wire.Column
		value string
		mode  fingerprint.Mode
		want  string
	}{
		{"int", wire.Column{Type: wire.TypeLong}, "-42", 0, "-42"},
		{"zerofill", wire.Column{Type: wire.TypeLong, Flags: wire.FlagZerofill}, "00042", 0, "42"},
		{"zero", wire.Column{Type: wire.TypeLong}, "000", 0, "0"},
		{"year", wire.Column{Type: wire.TypeYear}, "0000", 0, "0"},
		{"least", wire.Column{Type: wire.TypeLongLong}, "-9223372036854775808", 0, "-9223372036854775808"},
		{"decimal", wire.Column{Type: wire.TypeNewDecimal}, "-12.50", 0, "-12.50"},
		{"double", wire.Column{Type: wire.TypeDouble}, "2.5", 0, "2.5e0"},
		{"exponent", wire.Column{Type: wire.TypeDouble}, "1e+300", 0, "1e+300"},
		{"minus zero", wire.Column{Type: wire.TypeDouble}, "-0", 0, "-0e0"},
		{"float", wire.Column{Type: wire.TypeFloat}, "0.1", 0, "0.10000000149011612e0"},
		{"bit", wire.Column{Type: wire.TypeBit}, "\x01\x02", 0, "258"},
		{"string", wire.Column{Type: wire.TypeVarString, Charset: utf8}, `it's \ here`, 0, `'it''s \\ here'`},
		{"no escapes", wire.Column{Type: wire.TypeVarString, Charset: utf8}, `a\b'`, fingerprint.NoBackslashEscapes, `'a\b'''`},
		{"other characters", wire.Column{Type: wire.TypeVarString, Charset: utf8}, "é", 0, "_utf8mb4 x'c3a9'"},
		{"zero byte", wire.Column{Type: wire.TypeBlob, Charset: utf8}, "a\x00", 0, "_utf8mb4 x'6100'"},
		{"binary", wire.Column{Type: wire.TypeBlob, Charset: wire.CollationBinary}, "a\x00", 0, "_binary x'6100'"},
		{"empty binary", wire.Column{Type: wire.TypeBlob, Charset: wire.CollationBinary}, "", 0, "_binary x''"},
		{"json", wire.Column{Type: wire.TypeJSON, Charset: wire.CollationBinary}, `{"a": "b"}`, 0, `_utf8mb4 '{"a": "b"}'`},
		{"geometry", wire.Column{Type: wire.TypeGeometry, Charset: wire.CollationBinary}, "\x00", 0, "_binary x'00'"},
		{"zero date", wire.Column{Type: wire.TypeDate, Charset: wire.CollationBinary}, "0000-00-00", 0, "'0000-00-00'"},
		{"time", wire.Column{Type: wire.TypeTime, Charset: wire.CollationBinary}, "-838:59:59", 0, "'-838:59:59'"},
	} {
		if got := string(Append(nil, &c.col, []byte(c.value), c.mode)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if got := string(Append(nil, &c.col, nil, c.mode)); got != "NULL" {
			t.Errorf("%s: %s for NULL", c.name, got)
		}
	}
}

func TestInto(t *testing.T) {
	for _, c := range []struct {
		col            wire.Column
		dataType, want string
		value          string
	}{
		{wire.Column{Type: wire.TypeDate}, "int", "DATE'2026-01-02'", "2026-01-02"},
		{wire.Column{Type: wire.TypeDate}, "int", "0", "0000-00-00"},
		{wire.Column{Type: wire.TypeDate}, "int", "20260000", "2026-00-00"},
		{wire.Column{Type: wire.TypeDate}, "datetime", "'2026-01-02'", "2026-01-02"},
		{wire.Column{Type: wire.TypeDate}, "time", "DATE'2026-01-02'", "2026-01-02"},
		{wire.Column{Type: wire.TypeTime}, "datetime", "TIME'10:00:00'", "10:00:00"},
		{wire.Column{Type: wire.TypeDatetime}, "double", "TIMESTAMP'2026-01-02 03:04:05.5'", "2026-01-02 03:04:05.5"},
		{wire.Column{Type: wire.TypeBit}, "blob", "_binary x'0102'", "\x01\x02"},
		{wire.Column{Type: wire.TypeBit}, "varchar", "258", "\x01\x02"},
	} {
		if got := string(Into(&c.col, c.dataType)(nil, &c.col, []byte(c.value), 0)); got != c.want {
			t.Errorf("type %d into %s: %s, want %s", c.col.Type, c.dataType, got, c.want)
		}
	}
	if Into(&wire.Column{Type: wire.TypeString, Flags: wire.FlagEnum}, "int") != nil {
		t.Error("an ENUM's number is not known")
	}
}
