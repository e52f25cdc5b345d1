package wire

// attributes.go: COM_QUERY with query attributes
// (https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query.html). They are read over: what a client
// says of a query in them is for components of its server, and is not passed on.

// QueryText is the statement of a COM_QUERY without its command byte, of a peer with CLIENT_QUERY_ATTRIBUTES. Its error
// is a *MalformedError.
func QueryText(p []byte) ([]byte, error) {
	r := reader{rest: p}
	n, sets := r.count(), r.count()
	if r.short || sets != 1 {
		return nil, malformed("COM_QUERY", p)
	}
	if n == 0 {
		return r.rest, nil
	}
	nulls := r.take((n + 7) / 8)
	if r.byte() != 1 { // there are no earlier types that could hold
		return nil, malformed("COM_QUERY", p)
	}
	types := make([]byte, 0, min(n, len(r.rest)))
	for range n {
		if t := r.take(2); !r.short {
			types = append(types, t[0])
		}
		r.lenenc() // its name
		if r.short {
			return nil, malformed("COM_QUERY", p)
		}
	}
	for i, t := range types {
		if nulls[i/8]&(1<<(i%8)) == 0 {
			r.take(valueSize(t, r.rest))
		}
	}
	if r.short {
		return nil, malformed("COM_QUERY", p)
	}
	return r.rest, nil
}
