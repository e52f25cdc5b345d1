package proxy

// table.go: small results that the session makes itself. Their texts are UTF-8 and encoded for the client here.

import (
	"slices"

	"serval/proxy/backend"
	"serval/proxy/wire"
)

type table struct {
	columns []wire.Column
	rows    []backend.Row
}

// newTable makes a result of columns given as name, type, name, type …, all of the same (virtual) table.
func (c *session) newTable(name string, columns ...any) *table {
	t := &table{}
	for i := 0; i < len(columns); i += 2 {
		col := wire.Column{
			Catalog: []byte("def"), Table: []byte(name), OrgTable: []byte(name), Name: []byte(columns[i].(string)),
			Charset: c.state.collation(c.srv.known.Load()), Length: 1024, Type: uint8(columns[i+1].(int)),
		}
		if col.Type != wire.TypeVarString {
			col.Charset, col.Length, col.Flags = wire.CollationBinary, 21, wire.FlagBinary
		} else {
			col.Decimals = 31
		}
		t.columns = append(t.columns, col)
	}
	return t
}

func (t *table) add(values ...string) {
	row := make(backend.Row, len(values))
	for i, v := range values {
		row[i] = []byte(v)
	}
	t.rows = append(t.rows, row)
}

// rename gives the first column another name, as in Tables_in_shop.
func (t *table) rename(header string) {
	first := &t.columns[0]
	if string(first.OrgName) == string(first.Name) {
		first.OrgName = []byte(header)
	}
	first.Name = []byte(header)
}

// at is the index of a column, -1 when there is none of the name.
func (t *table) at(name string) int {
	return slices.IndexFunc(t.columns, func(col wire.Column) bool { return string(col.Name) == name })
}

// appendRow appends a row's payload in the text protocol.
func (c *session) appendRow(dst []byte, row backend.Row) []byte {
	for _, v := range row {
		if v == nil {
			dst = append(dst, 0xfb) // NULL
			continue
		}
		dst = wire.AppendLenEncString(dst, c.toResults(string(v)))
	}
	return dst
}

// addValues adds a row in which nil is NULL.
func (t *table) addValues(values ...[]byte) { t.rows = append(t.rows, values) }

// answerTable sends a result.
func (c *session) answerTable(t *table) error {
	if err := c.conn.WriteColumnCount(len(t.columns)); err != nil {
		return clientError(err)
	}
	for i := range t.columns {
		col := t.columns[i]
		c.eachName(&col, c.toResults)
		if err := c.conn.WriteColumn(&col); err != nil {
			return clientError(err)
		}
	}
	if err := c.conn.WriteColumnsEnd(0, c.status(0)); err != nil {
		return clientError(err)
	}
	var buf []byte
	for _, row := range t.rows {
		buf = c.appendRow(buf[:0], row)
		if err := c.conn.WritePacket(buf); err != nil {
			return clientError(err)
		}
	}
	c.rowCount = -1
	return clientError(c.conn.WriteRowsEnd(0, c.status(0)))
}
