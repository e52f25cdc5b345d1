package proxy

// table.go: small results that the session makes itself. Their texts are UTF-8 and encoded for the client here.

import (
	"serval/proxy/wire"
)

type table struct {
	columns []wire.Column
	rows    [][]string
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

func (t *table) add(values ...string) { t.rows = append(t.rows, values) }

// answerTable sends a result.
func (c *session) answerTable(t *table) error {
	if err := c.conn.WriteColumnCount(len(t.columns)); err != nil {
		return clientError(err)
	}
	for i := range t.columns {
		if err := c.conn.WriteColumn(&t.columns[i]); err != nil {
			return clientError(err)
		}
	}
	if err := c.conn.WriteColumnsEnd(0, c.status(0)); err != nil {
		return clientError(err)
	}
	var buf []byte
	for _, row := range t.rows {
		buf = buf[:0]
		for _, v := range row {
			buf = wire.AppendLenEncString(buf, c.toResults(v))
		}
		if err := c.conn.WritePacket(buf); err != nil {
			return clientError(err)
		}
	}
	c.rowCount = -1
	return clientError(c.conn.WriteRowsEnd(0, c.status(0)))
}
