package wire

import "encoding/binary"

// execute.go: COM_STMT_EXECUTE, taken apart and put together
// (https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_execute.html). What a client sends here
// comes from anybody who has logged in. It knows the layout of values and nothing of what they mean.

// Flags of COM_STMT_EXECUTE.
const (
	CursorReadOnly          = 0x01
	parameterCountAvailable = 0x08
)

// executeFixed is the size of the command byte, the statement's number, the flags and the iteration count.
const executeFixed = 1 + 4 + 1 + 4

// Execute is a COM_STMT_EXECUTE. Its slices point into the packet that it was parsed from.
type Execute struct {
	Statement uint32 // the statement's number
	Flags     byte   // CursorReadOnly …
	Nulls     []byte // bitmap: a bit for each parameter that is NULL
	Types     []byte // two bytes a parameter: type, and 0x80 for unsigned; nil when the packet brings none
	// Values are the parameters' values as they were sent, with the lengths before strings; nil for those that are NULL
	// or were sent as long data.
	Values [][]byte
	// Plain: the packet is of the layout that a peer without CLIENT_QUERY_ATTRIBUTES sends.
	Plain bool
}

// ExecuteStatement is the number of the statement that a COM_STMT_… packet is about; ok is false when it is too short.
func ExecuteStatement(p []byte) (id uint32, ok bool) {
	if len(p) < 5 {
		return 0, false
	}
	return binary.LittleEndian.Uint32(p[1:]), true
}

// Parse takes a packet apart, its command byte included. params is how many parameters the statement has, types are
// those of the execution before (nil: there was none), long tells which parameters came as long data, attributes that
// CLIENT_QUERY_ATTRIBUTES was agreed on: attributes are read over. Its error is a *MalformedError.
func (e *Execute) Parse(p []byte, params int, types []byte, long func(n int) bool, attributes bool) error {
	if len(p) < executeFixed {
		return malformed("COM_STMT_EXECUTE", p)
	}
	*e = Execute{Statement: binary.LittleEndian.Uint32(p[1:]), Flags: p[5], Values: e.Values[:0], Plain: !attributes}
	r := reader{rest: p[executeFixed:]}
	sent := params // with the attributes, which come last
	if attributes && (params > 0 || e.Flags&parameterCountAvailable != 0) {
		sent = r.count()
	}
	if sent < params || sent > len(p) || r.short {
		return malformed("COM_STMT_EXECUTE", p)
	}
	if sent == 0 {
		return nil
	}
	e.Nulls = r.take((sent + 7) / 8)
	if r.byte() == 1 {
		types = e.readTypes(&r, params, sent, attributes)
	} else if sent > params {
		r.short = true // attributes always bring their types
	}
	if r.short || len(types) < 2*params {
		return malformed("COM_STMT_EXECUTE", p)
	}
	for i := range params {
		e.Values = append(e.Values, e.value(&r, i, types[2*i], long))
	}
	if r.short {
		return malformed("COM_STMT_EXECUTE", p)
	}
	return nil
}

// readTypes reads the types, and with attributes the names, of everything that was sent. It returns the parameters'.
func (e *Execute) readTypes(r *reader, params, sent int, attributes bool) []byte {
	if !attributes {
		e.Types = r.take(2 * params)
		return e.Types
	}
	e.Types = make([]byte, 0, 2*params)
	for i := range sent {
		t := r.take(2)
		r.lenenc() // the name; parameters have an empty one
		if i < params {
			e.Types = append(e.Types, t...)
		}
	}
	return e.Types
}

// value reads one parameter's value.
func (e *Execute) value(r *reader, n int, typ byte, long func(n int) bool) []byte {
	if e.Null(n) || long != nil && long(n) {
		return nil
	}
	return r.take(valueSize(typ, r.rest))
}

// Null tells whether a parameter is NULL.
func (e *Execute) Null(n int) bool { return e.Nulls[n/8]&(1<<(n%8)) != 0 }

// count reads a length-encoded integer.
func (r *reader) count() int {
	v, n, ok := ReadLenEncInt(r.rest)
	if !ok || v > 1<<20 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return int(v)
}

// valueSize is the size of a binary value at the start of b, with the length before it where there is one; more than
// there is when b is too short. Types that no peer sends take as strings, as servers do.
func valueSize(typ byte, b []byte) int {
	switch typ {
	case TypeNull:
		return 0
	case TypeTiny:
		return 1
	case TypeShort, TypeYear:
		return 2
	case TypeLong, TypeInt24, TypeFloat:
		return 4
	case TypeLongLong, TypeDouble:
		return 8
	case TypeDate, TypeDatetime, TypeTimestamp, TypeTime:
		if len(b) == 0 {
			return 1
		}
		return 1 + int(b[0])
	}
	_, null, n, ok := ReadLenEncBytes(b)
	if !ok || null {
		return len(b) + 1
	}
	return n
}

// AppendExecute appends a COM_STMT_EXECUTE with its command byte, for a peer without CLIENT_QUERY_ATTRIBUTES. numbers
// picks the parameters by their places in e (nil: all of them), types has the types of all of e's.
func (e *Execute) AppendExecute(dst []byte, statement uint32, types []byte, numbers []uint16) []byte {
	dst = append(dst, ComStmtExecute)
	dst = binary.LittleEndian.AppendUint32(dst, statement)
	dst = append(dst, 0, 1, 0, 0, 0) // no cursor, one iteration
	n := len(numbers)
	if numbers == nil {
		n = len(e.Values)
	}
	if n == 0 {
		return dst
	}
	pick := func(i int) int {
		if numbers == nil {
			return i
		}
		return int(numbers[i])
	}
	nulls := len(dst)
	dst = append(dst, make([]byte, (n+7)/8)...)
	for i := range n {
		if e.Null(pick(i)) {
			dst[nulls+i/8] |= 1 << (i % 8)
		}
	}
	dst = append(dst, 1)
	for i := range n {
		dst = append(dst, types[2*pick(i)], types[2*pick(i)+1])
	}
	for i := range n {
		dst = append(dst, e.Values[pick(i)]...)
	}
	return dst
}
