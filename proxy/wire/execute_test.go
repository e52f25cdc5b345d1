package wire

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// execution builds a COM_STMT_EXECUTE of three parameters: a BIGINT, a NULL string, a string.
func execution(types bool) []byte {
	p := []byte{ComStmtExecute, 7, 0, 0, 0, 0, 1, 0, 0, 0, 0b010}
	if types {
		p = append(p, 1, TypeLongLong, 0x80, TypeVarString, 0, TypeVarString, 0)
	} else {
		p = append(p, 0)
	}
	p = binary.LittleEndian.AppendUint64(p, 42)
	return AppendLenEncString(p, "text")
}

func TestParseExecute(t *testing.T) {
	var e Execute
	if err := e.Parse(execution(true), 3, nil, nil, false); err != nil {
		t.Fatal(err)
	}
	if e.Statement != 7 || e.Null(0) || !e.Null(1) || e.Values[0][0] != 42 || e.Values[1] != nil || string(e.Values[2][1:]) != "text" || !e.Plain {
		t.Fatalf("%+v", e)
	}
	types := append([]byte(nil), e.Types...)
	var again Execute
	if err := again.Parse(execution(false), 3, types, nil, false); err != nil || again.Types != nil || !bytes.Equal(again.Values[2], e.Values[2]) {
		t.Fatalf("without types: %v %+v", err, again)
	}
	if err := again.Parse(execution(false), 3, nil, nil, false); err == nil {
		t.Error("an execution without types is taken, though none were bound before")
	}
	if got := e.AppendExecute(nil, 7, types, nil); !bytes.Equal(got, execution(true)) {
		t.Errorf("put together again: % x\nwant % x", got, execution(true))
	}
	picked := e.AppendExecute(nil, 9, types, []uint16{2, 1, 2})
	var p Execute
	if err := p.Parse(picked, 3, nil, nil, false); err != nil || p.Statement != 9 || !p.Null(1) || string(p.Values[2][1:]) != "text" {
		t.Errorf("picked parameters: %v %+v", err, p)
	}
	if err := e.Parse(execution(true)[:len(execution(true))-5], 3, nil, func(n int) bool { return n == 2 }, false); err != nil || e.Values[2] != nil {
		t.Errorf("with long data: %v %+v", err, e)
	}
}

func TestParseExecuteWithAttributes(t *testing.T) {
	p := []byte{ComStmtExecute, 7, 0, 0, 0, parameterCountAvailable, 1, 0, 0, 0, 2, 0, 1}
	p = append(p, TypeTiny, 0, 0)                                // the parameter, without a name
	p = AppendLenEncString(append(p, TypeVarString, 0), "trace") // an attribute
	p = AppendLenEncString(append(p, 5), "abc")
	var e Execute
	if err := e.Parse(p, 1, nil, nil, true); err != nil || e.Plain || len(e.Values) != 1 || e.Values[0][0] != 5 || !bytes.Equal(e.Types, []byte{TypeTiny, 0}) {
		t.Fatalf("%v %+v", err, e)
	}
}

// Whatever is cut off, the packet is malformed and nothing else happens.
func TestParseExecuteCut(t *testing.T) {
	whole := execution(true)
	for n := range whole {
		var e Execute
		if err := e.Parse(whole[:n], 3, nil, nil, false); err == nil {
			t.Errorf("%d of %d bytes are taken", n, len(whole))
		}
		_ = e.Parse(whole[:n], 3, nil, nil, true)
		_ = e.Parse(whole[:n], 60000, nil, nil, false)
	}
}

func TestBinaryValues(t *testing.T) {
	tests := []struct {
		typ      byte
		unsigned bool
		decimals uint8
		text     string
	}{
		{TypeTiny, false, 0, "-128"}, {TypeTiny, true, 0, "255"}, {TypeShort, false, 0, "-2"}, {TypeYear, true, 0, "2026"},
		{TypeInt24, false, 0, "-8388608"}, {TypeLong, true, 0, "4294967295"}, {TypeLongLong, false, 0, "-9223372036854775808"},
		{TypeLongLong, true, 0, "18446744073709551615"}, {TypeFloat, false, 0, "1.5"}, {TypeDouble, false, 0, "-0.1"},
		{TypeNewDecimal, false, 0, "12.340"}, {TypeVarString, false, 0, ""}, {TypeBlob, false, 0, "a\x00b"},
		{TypeDate, false, 0, "2026-11-23"}, {TypeDate, false, 0, "0000-00-00"}, {TypeDatetime, false, 0, "2026-11-23 00:00:00"},
		{TypeDatetime, false, 3, "2026-11-23 01:02:03.456"}, {TypeTimestamp, false, 6, "2026-11-23 01:02:03.000001"},
		{TypeDatetime, false, 2, "0000-00-00 00:00:00.00"}, {TypeTime, false, 0, "00:00:00"}, {TypeTime, false, 0, "-838:59:59"},
		{TypeTime, false, 6, "12:13:14.000150"},
	}
	for _, tt := range tests {
		b, err := AppendBinaryValue(nil, tt.typ, tt.unsigned, []byte(tt.text))
		if err != nil {
			t.Errorf("%q of type %d: %v", tt.text, tt.typ, err)
			continue
		}
		if n, ok := BinarySize(tt.typ, append(b, 1, 2, 3)); !ok || n != len(b) {
			t.Errorf("%q of type %d takes %d bytes, want %d", tt.text, tt.typ, n, len(b))
		}
		if got, err := AppendTextValue(nil, tt.typ, tt.unsigned, tt.decimals, b); err != nil || string(got) != tt.text {
			t.Errorf("%q of type %d came back as %q, %v", tt.text, tt.typ, got, err)
		}
	}
}
