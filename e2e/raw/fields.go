package raw

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// fields.go: column definitions, and the values of a text row.

// Column is a column definition with everything that it says.
type Column struct {
	Catalog, Schema, Table, OrgTable, Name, OrgName string
	Charset                                         uint16
	Length                                          uint32
	Type                                            byte
	Flags                                           uint16
	Decimals                                        byte
	Rest                                            string // the default value, after COM_FIELD_LIST only
}

func (c Column) String() string {
	return fmt.Sprintf("%s.%s(%s).%s(%s) type %d flags %#x charset %d length %d decimals %d default %q",
		c.Schema, c.Table, c.OrgTable, c.Name, c.OrgName, c.Type, c.Flags, c.Charset, c.Length, c.Decimals, c.Rest)
}

func parseColumn(p []byte) (Column, error) {
	var c Column
	rest := p
	for _, to := range []*string{&c.Catalog, &c.Schema, &c.Table, &c.OrgTable, &c.Name, &c.OrgName} {
		text, _, after, err := lenEncText(rest)
		if err != nil {
			return c, fmt.Errorf("column definition % .80x: %w", p, err)
		}
		*to, rest = string(text), after
	}
	if len(rest) < 13 || rest[0] != 12 {
		return c, fmt.Errorf("column definition % .80x: fixed part malformed", p)
	}
	c.Charset, c.Length = binary.LittleEndian.Uint16(rest[1:]), binary.LittleEndian.Uint32(rest[3:])
	c.Type, c.Flags, c.Decimals = rest[7], binary.LittleEndian.Uint16(rest[8:]), rest[10]
	c.Rest = string(rest[13:])
	return c, nil
}

// Value is one value of a row.
type Value struct {
	Null bool
	Text []byte
}

func (v Value) String() string {
	if v.Null {
		return "NULL"
	}
	return fmt.Sprintf("%q", v.Text)
}

// Values takes a text row apart into n values.
func Values(row []byte, n int) ([]Value, error) {
	values := make([]Value, n)
	for i := range values {
		text, null, rest, err := lenEncText(row)
		if err != nil {
			return nil, fmt.Errorf("value %d: %w", i+1, err)
		}
		values[i], row = Value{Null: null, Text: text}, rest
	}
	if len(row) > 0 {
		return nil, fmt.Errorf("%d bytes after the last value", len(row))
	}
	return values, nil
}

var errShort = errors.New("packet ends early")

// lenEncInt reads a length-encoded integer (protocol page "Integer Types").
func lenEncInt(p []byte) (uint64, []byte, error) {
	if len(p) == 0 {
		return 0, nil, errShort
	}
	size := map[byte]int{0xfc: 2, 0xfd: 3, 0xfe: 8}[p[0]]
	switch {
	case p[0] < 0xfb:
		return uint64(p[0]), p[1:], nil
	case size == 0 || len(p) < 1+size:
		return 0, nil, errShort
	}
	var wide [8]byte
	copy(wide[:], p[1:1+size])
	return binary.LittleEndian.Uint64(wide[:]), p[1+size:], nil
}

func lenEncText(p []byte) (text []byte, null bool, rest []byte, err error) {
	if len(p) > 0 && p[0] == 0xfb {
		return nil, true, p[1:], nil
	}
	n, rest, err := lenEncInt(p)
	if err != nil {
		return nil, false, nil, err
	}
	if uint64(len(rest)) < n {
		return nil, false, nil, errShort
	}
	return rest[:n], false, rest[n:], nil
}
