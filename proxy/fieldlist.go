package proxy

// fieldlist.go: COM_FIELD_LIST, with which the command line clients learn column names to complete. It is passed to
// the table's first place, under the physical name.

import (
	"bytes"

	"serval/proxy/backend"
	"serval/proxy/wire"
	"serval/router"
)

func (c *session) fieldList(p []byte) error {
	if err := c.look(); err != nil {
		return c.answer(err)
	}
	p, err := c.decode(p)
	if err != nil {
		return c.answer(err)
	}
	name, wildcard, _ := bytes.Cut(p, []byte{0})
	d, err := c.visible("")
	if err != nil {
		return c.answer(err)
	}
	t := d.Tables[string(name)]
	if t == nil {
		return c.answer(protocolError(codeNoSuchTable, "42S02", "Table '%s.%s' doesn't exist", d.Name, name))
	}
	s := t.Shards[0]
	conn, err := c.borrow(s.Group, s.Database)
	if err != nil {
		return c.answer(err)
	}
	c.patch.start(&router.Plan{Renames: []router.Rename{{Table: t}}})
	c.patch.unaliased = true
	if err := c.relayFields(conn, s.Table, wildcard); err != nil {
		c.discard(conn)
		return c.answer(lostBackend("group "+s.Group, err))
	}
	c.giveBackAsked(conn)
	return nil
}

// relayFields asks for the columns and passes their definitions on.
func (c *session) relayFields(conn *backend.Conn, table string, wildcard []byte) error {
	ask := append(append([]byte(table), 0), wildcard...)
	if err := conn.WriteCommand(wire.ComFieldList, ask); err != nil {
		return err
	}
	if err := conn.Flush(); err != nil {
		return err
	}
	var buf []byte
	for {
		p, err := conn.ReadPacket()
		switch {
		case err != nil:
			return err
		case wire.IsError(p):
			e, err := wire.ParseError(p)
			if err != nil {
				return err
			}
			c.patch.names(e)
			c.fail(e)
			return nil
		case wire.IsEOF(p):
			return c.conn.WriteRowsEnd(0, c.status(0))
		}
		buf = c.patch.Column(buf[:0], p)
		if err := c.conn.WritePacket(buf); err != nil {
			return err
		}
	}
}
