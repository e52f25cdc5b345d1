package router

// evaluate.go: conditions with a statement's own literals give shards. This runs for every statement: no allocation
// for integer keys.

import (
	"unicode/utf8"

	"serval/rewrite/fingerprint"
)

// evaluator holds what an evaluation needs besides the condition; it is reused.
type evaluator struct {
	st      *fingerprint.Statement
	table   *Table
	key     *Column
	charset Charset
	scratch []byte
	signed  []byte
	folded  []byte
}

// value reads a literal.
func (ev *evaluator) value(l fingerprint.Literal, negate bool) Value {
	if l.Kind == fingerprint.Parameter {
		return ev.parameter(l, negate)
	}
	v := Value{Kind: valueKind(l.Kind), Text: ev.st.Text[l.Start:l.End]}
	if l.Kind == fingerprint.Hex && v.Text[0] != '0' {
		v.Kind = ValueHexString // MariaDB takes x'2A' for a string, MySQL for a number
	}
	switch l.Kind {
	case fingerprint.String, fingerprint.Hex, fingerprint.Bit, fingerprint.UTF8MB4, fingerprint.Bytes:
		var fresh bool
		if v.Text, fresh = ev.st.Decode(l, ev.scratch[:0]); fresh && cap(v.Text) <= maxScratch {
			ev.scratch = v.Text // its room serves the next literal
		}
		switch {
		case negate:
			v.Kind = ValueOpaque
		case l.Kind == fingerprint.String:
			v.Kind = ev.stringKind(v.Text)
		case l.Kind == fingerprint.UTF8MB4 && utf8.Valid(v.Text), l.Kind == fingerprint.Bytes && isASCII(v.Text):
			v.Kind = ValueString
		case l.Kind == fingerprint.Bytes:
			v.Kind = ValueHexString
		}
	case fingerprint.Integer, fingerprint.Decimal, fingerprint.Float:
		if negate {
			ev.signed = append(append(ev.signed[:0], '-'), v.Text...)
			v.Text = ev.signed
		}
	}
	return v
}

// parameter reads the value that is bound to a prepared statement's parameter. What a server makes of a value whose
// type is not the column's is the server's business: such a one decides nothing, unless it can mean only one key.
func (ev *evaluator) parameter(l fingerprint.Literal, negate bool) Value {
	if ev.st.Bound == nil {
		return Value{Kind: ValueOpaque}
	}
	kind, text := ev.st.Bound.Value(int(l.Number))
	v := Value{Kind: valueKind(kind), Text: text}
	switch kind {
	case fingerprint.String:
		if v.Kind = ev.stringKind(text); negate {
			v.Kind = ValueOpaque
		}
	case fingerprint.Temporal: // texts are compared with it as dates: '2026-1-5' too
		if v.Kind = ValueString; negate || !isDate(ev.key) {
			v.Kind = ValueOpaque
		}
	case fingerprint.Binary:
		v.Kind = ValueHexString // bytes without a character set
		if ev.key == nil || isIntegerType(ev.key.DataType) || negate {
			v.Kind = ValueOpaque
		}
	case fingerprint.Integer, fingerprint.Decimal, fingerprint.Float:
		if negate {
			ev.signed = append(append(ev.signed[:0], '-'), text...)
			v.Text = ev.signed
		}
	}
	return v
}

// fold keeps the room that a folded key needed.
func (ev *evaluator) fold(k Key) {
	if cap(ev.folded) == 0 && k.Kind == KeyString {
		ev.folded = make([]byte, 0, 256)
	}
}

// maxScratch is how much room an evaluator keeps for decoded literals.
const maxScratch = 4096

// stringKind says as what a string of the statement reaches the servers' key.
func (ev *evaluator) stringKind(text []byte) ValueKind {
	switch {
	case !ev.charset.keeps(text):
		if ev.charset == BinaryCharset {
			return ValueHexString
		}
		return ValueOpaque
	case (ev.charset == Characters && !isASCII(text) || hasKept(text)) && isBytes(ev.key):
		return ValueOpaque // the column gets bytes of another character set
	}
	return ValueString
}

// isDate tells whether a column's keys are dates.
func isDate(col *Column) bool {
	if col == nil {
		return false
	}
	kind, err := keyKind(col)
	return err == nil && kind == KeyDate
}

// isBytes tells whether a column's keys are bytes and not characters.
func isBytes(col *Column) bool {
	return col != nil && (col.DataType == "binary" || col.DataType == "varbinary")
}

// hasKept tells whether a text that was another character set's has a surrogate, by which package transcode stands in
// for a byte that is no character. Text of such a client only is meant; the bytes are no UTF-8 in any case.
func hasKept(text []byte) bool {
	for i := 0; i+1 < len(text); i++ {
		if text[i] == 0xED && text[i+1] >= 0xB0 && text[i+1] <= 0xB3 {
			return true
		}
	}
	return false
}

func isASCII(text []byte) bool {
	for _, b := range text {
		if b >= 0x80 {
			return false
		}
	}
	return true
}

// Charset is what a session's character sets let be known of the strings in its statements. Their text is UTF-8 here,
// whatever the client sent, but for BinaryCharset and for clients whose connection is of another character set.
type Charset uint8

// The charsets, the ones of which less is known behind.
const (
	UTF8MB4       Charset = iota // client and connection: all of a string is known
	UTF8MB3                      // characters beyond the basic plane become something else
	Characters                   // another character set: the characters are known, and not their bytes
	BinaryCharset                // the bytes are known, and no characters
	OtherCharset                 // only ASCII is known
)

// keeps tells whether a string means what its bytes are in UTF-8.
func (c Charset) keeps(text []byte) bool {
	switch c {
	case UTF8MB4, Characters:
		return true
	case UTF8MB3:
		for _, b := range text {
			if b >= 0xf0 {
				return false
			}
		}
		return true
	}
	return isASCII(text)
}

func valueKind(k fingerprint.Kind) ValueKind {
	switch k {
	case fingerprint.Integer:
		return ValueInteger
	case fingerprint.Decimal:
		return ValueDecimal
	case fingerprint.Float:
		return ValueFloat
	case fingerprint.String:
		return ValueString
	case fingerprint.Hex:
		return ValueHex
	case fingerprint.Bit:
		return ValueBit
	case fingerprint.Null:
		return ValueNull
	}
	return ValueOpaque
}

func (ev *evaluator) operand(o operand) Value {
	return ev.value(ev.st.Literals[ev.st.Slots[o.slot].First], o.negate)
}

// shards adds to set every shard that can hold rows that meet the condition.
func (ev *evaluator) shards(c *Cond, set *ShardSet) {
	switch c.op {
	case condEqual:
		ev.equal(ev.operand(c.lit), set)
	case condNullSafe:
		if v := ev.operand(c.lit); v.Kind == ValueNull {
			set.AddAll(ev.table.Algorithm.Shards())
		} else {
			ev.equal(v, set)
		}
	case condIn:
		s := ev.st.Slots[c.lit.slot]
		for _, l := range ev.st.Literals[s.First : s.First+s.Count] {
			ev.equal(ev.value(l, false), set)
		}
	case condNone:
	case condLess:
		ev.between(nil, &c.lit, c.inclusive, set)
	case condGreater:
		ev.between(&c.lit, nil, c.inclusive, set)
	case condInterval:
		var lo, hi ShardSet
		ev.between(&c.lit, nil, true, &lo)
		ev.between(nil, &c.hi, true, &hi)
		lo.Intersect(&hi)
		set.Union(&lo)
	case condOr:
		for i := range c.kids {
			ev.shards(&c.kids[i], set)
		}
	case condAnd:
		var all ShardSet
		all.AddAll(ev.table.Algorithm.Shards())
		for i := range c.kids {
			var one ShardSet
			ev.shards(&c.kids[i], &one)
			all.Intersect(&one)
		}
		set.Union(&all)
	default:
		set.AddAll(ev.table.Algorithm.Shards())
	}
}

func (ev *evaluator) equal(v Value, set *ShardSet) {
	key, match := AppendKeyForCompare(ev.folded[:0], ev.key, v)
	ev.fold(key)
	switch match {
	case MatchNone:
	case MatchKey:
		if i, err := ev.table.Algorithm.Shard(key); err == nil {
			set.Add(i)
		}
	default:
		set.AddAll(ev.table.Algorithm.Shards())
	}
}

// between adds the shards of keys on one side of a literal.
func (ev *evaluator) between(lo, hi *operand, inclusive bool, set *ShardSet) {
	o := lo
	if o == nil {
		o = hi
	}
	key, match := AppendKeyForCompare(nil, ev.key, ev.operand(*o))
	switch {
	case match == MatchNone:
		return
	case match == MatchAny:
		set.AddAll(ev.table.Algorithm.Shards())
		return
	}
	bound := &Bound{Key: key, Inclusive: inclusive}
	if lo != nil {
		ev.table.Algorithm.Range(bound, nil, set)
	} else {
		ev.table.Algorithm.Range(nil, bound, set)
	}
}
