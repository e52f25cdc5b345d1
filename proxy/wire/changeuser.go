package wire

import "encoding/binary"

// changeuser.go: COM_CHANGE_USER: another login on a connection that has one,
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_change_user.html.

// ChangeUser proves the password of the user whom a COM_CHANGE_USER names; p is the command's argument, now who is
// logged in. As in Accept, the last OK is the caller's, and a refused login has been answered and is returned as *Error.
// A client that knows plugins is always asked for a new proof: which salt it keeps from before is not certain.
func (h *Handshake) ChangeUser(c *Conn, p []byte, now *Client) (*Client, error) {
	a := login{h: h, c: c, caps: now.Capabilities, salt: now.salt}
	client, response, ok := parseChangeUser(p, now)
	if !ok {
		return nil, a.refuse(&Error{Code: 1047, State: "08S01", Message: "Unknown command"})
	}
	if password, known := h.Passwords(client.User); now.Capabilities&CapPluginAuth != 0 && (!known || password != "") {
		response = nil
	}
	return a.authenticate(client, response)
}

// parseChangeUser reads the command's argument. Fields behind the database are left out by old clients.
func parseChangeUser(p []byte, now *Client) (client *Client, auth []byte, ok bool) {
	client = &Client{
		Host: now.Host, Capabilities: now.Capabilities, MaxPacket: now.MaxPacket, Collation: now.Collation,
		Plugin: PluginNative,
	}
	r := reader{rest: p}
	client.User = string(r.untilNUL())
	auth = r.take(int(r.byte()))
	client.Database = string(r.untilNULOrEnd())
	if r.short {
		return nil, nil, false
	}
	if len(r.rest) >= 2 {
		client.Collation = binary.LittleEndian.Uint16(r.take(2))
	}
	if now.Capabilities&CapPluginAuth != 0 && len(r.rest) > 0 {
		client.Plugin = string(r.untilNULOrEnd())
	}
	if now.Capabilities&CapConnectAttrs != 0 && len(r.rest) > 0 {
		client.Attributes = parseAttributes(&r)
	}
	return client, auth, !r.short
}
