package router

// key.go: what a shard key's value is, whatever way it was written. Two values that MySQL calls equal in the key's
// column give equal Keys.

// ValueKind says how a value was written in a statement (or bound to it).
type ValueKind uint8

// The ways to write a value.
const (
	ValueOpaque    ValueKind = iota // something whose value is not known before MySQL evaluates it
	ValueNull                       // NULL
	ValueInteger                    // Text: optional sign and decimal digits
	ValueDecimal                    // Text: optional sign, digits and a point, no exponent
	ValueFloat                      // Text: with an exponent
	ValueString                     // Text: the bytes of the string, escapes undone, UTF-8
	ValueHex                        // Text: the bytes that 0x… denotes
	ValueBit                        // Text: the bytes that b'…' denotes, big endian
	ValueBool                       // Text: "1" or "0", of TRUE and FALSE
	ValueHexString                  // Text: the bytes that x'…' denotes: a number to MySQL, always a string to MariaDB
)

// Value is a literal or a parameter. Text is only read, never kept.
type Value struct {
	Kind ValueKind
	Text []byte
}

// KeyKind says which fields of a Key count.
type KeyKind uint8

// The kinds of key, decided by the column's type.
const (
	KeyInteger KeyKind = iota // Negative, Magnitude
	KeyString                 // Text, folded so that what the collation calls equal is equal in bytes
	KeyDate                   // Magnitude: microseconds, TO_DAYS() days of them and the time of day; algorithms look at the day
)

// Key is a shard key's value in normal form.
type Key struct {
	Kind      KeyKind
	Negative  bool
	Magnitude uint64
	Text      []byte
}

// Match says what is known of the rows that compare equal to a value.
type Match uint8

// What a comparison with a value can find.
const (
	MatchKey  Match = iota // exactly the rows with this Key
	MatchNone              // no row: NULL, or a value no row can have
	MatchAny               // not known: every shard must be asked
)
