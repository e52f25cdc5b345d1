package proxy

// fieldlist.go: COM_FIELD_LIST, with which the command line clients complete column names. Newer servers do not have
// it any more, so the columns are those of an empty SELECT.

import (
	"bytes"

	"serval/proxy/wire"
	"serval/rewrite"
	"serval/router"
)

func (c *session) fieldList(p []byte) error {
	name, wildcard, _ := bytes.Cut(p, []byte{0})
	if len(wildcard) > 0 && string(wildcard) != "%" {
		c.fail(notSupported("Serval does not support COM_FIELD_LIST with a pattern"))
		return nil
	}
	c.known = c.srv.known.Load()
	if c.db == "" {
		return c.answer(&router.NoDatabase{})
	}
	t := c.known.catalog.Table(c.db, string(name))
	if t == nil {
		return c.answer(protocolError(1146, "42S02", "Table '%s.%s' doesn't exist", c.db, name))
	}
	defs, err := c.emptySelect(t)
	if err != nil {
		return c.answer(err)
	}
	c.patch.start(&router.Plan{Renames: []router.Rename{{Table: t}}})
	for _, def := range defs {
		def = append(c.patch.Column(nil, def), 0xfb) // the default value, which is not told
		if err := c.conn.WritePacket(def); err != nil {
			return err
		}
	}
	return c.conn.WritePacket(wire.AppendEOF(nil, 0, c.status(0)))
}

func (c *session) emptySelect(t *router.Table) ([][]byte, error) {
	s := t.Shards[0]
	conn, err := c.borrow(s.Group)
	if err != nil {
		return nil, err
	}
	if err := conn.Send([]byte("SELECT * FROM " + rewrite.Quote(s.Database) + "." + rewrite.Quote(s.Table) + " LIMIT 0")); err != nil {
		conn.Discard()
		return nil, lostBackend("group "+s.Group, err)
	}
	r, err := wire.ReadResult(conn.Conn)
	if err != nil {
		conn.Discard()
		return nil, err
	}
	if err := r.Discard(); err != nil {
		conn.Discard()
		return nil, lostBackend("group "+s.Group, err)
	}
	conn.Release()
	return r.Columns, nil
}
