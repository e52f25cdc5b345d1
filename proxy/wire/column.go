package wire

import "encoding/binary"

// column.go: column definitions (Protocol::ColumnDefinition41).

// Column is a column definition. Its slices point into the packet it was parsed from.
type Column struct {
	Catalog, Schema, Table, OrgTable, Name, OrgName []byte

	Charset  uint16 // collation number
	Length   uint32 // largest length of a value, bytes
	Type     uint8
	Flags    uint16
	Decimals uint8
	Default  []byte // what follows the fixed fields: COM_FIELD_LIST's default value, raw with its length; else empty
}

const columnFixed = 0x0c // length of the fields after the names

// AppendColumn appends a column definition's payload. An empty Catalog is sent as "def", which clients expect.
func AppendColumn(dst []byte, c *Column) []byte {
	if len(c.Catalog) == 0 {
		dst = append(dst, 3, 'd', 'e', 'f')
	} else {
		dst = AppendLenEncBytes(dst, c.Catalog)
	}
	dst = AppendLenEncBytes(dst, c.Schema)
	dst = AppendLenEncBytes(dst, c.Table)
	dst = AppendLenEncBytes(dst, c.OrgTable)
	dst = AppendLenEncBytes(dst, c.Name)
	dst = AppendLenEncBytes(dst, c.OrgName)
	dst = append(dst, columnFixed)
	dst = binary.LittleEndian.AppendUint16(dst, c.Charset)
	dst = binary.LittleEndian.AppendUint32(dst, c.Length)
	dst = append(dst, c.Type)
	dst = binary.LittleEndian.AppendUint16(dst, c.Flags)
	dst = append(dst, c.Decimals, 0, 0)
	return append(dst, c.Default...)
}

// ParseColumn reads a column definition into c, all of whose fields are set.
func ParseColumn(p []byte, c *Column) error {
	rest := p
	for _, field := range [...]*[]byte{&c.Catalog, &c.Schema, &c.Table, &c.OrgTable, &c.Name, &c.OrgName} {
		s, null, n, ok := ReadLenEncBytes(rest)
		if !ok || null {
			return malformed("column definition", p)
		}
		*field, rest = s, rest[n:]
	}
	size, n, ok := ReadLenEncInt(rest)
	if !ok || size < 10 || size > uint64(len(rest)-n) {
		return malformed("column definition", p)
	}
	f := rest[n:]
	c.Charset = binary.LittleEndian.Uint16(f)
	c.Length = binary.LittleEndian.Uint32(f[2:])
	c.Type = f[6]
	c.Flags = binary.LittleEndian.Uint16(f[7:])
	c.Decimals = f[9]
	c.Default = f[size:]
	return nil
}

// WriteColumn puts a column definition into the write buffer.
func (c *Conn) WriteColumn(col *Column) error { return c.endPacket(AppendColumn(c.beginPacket(), col)) }
