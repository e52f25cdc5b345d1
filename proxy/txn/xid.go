package txn

// xid.go: the names of distributed transactions and their branches. All that recovery needs to know stands in them: which
// store decides, and which connection of its server would.

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// formatID is the formatID of every xid of Serval's: "SERV".
const formatID = 0x53455256

const idPrefix = "serval"

// ID names a distributed transaction: its gtrid. No two are ever the same, whatever is restarted.
type ID struct {
	Store  string // of the deciding group: 16 hex digits, see Store
	Thread uint32 // of the deciding transaction's connection on its server
	Unique string // 24 hex digits: when it was made, in Unix seconds (8), and chance (16)
}

// NewID makes the name of a transaction that is decided on a connection of a store's server.
func NewID(store string, thread uint32) ID {
	var b [12]byte
	binary.BigEndian.PutUint32(b[:], uint32(time.Now().Unix()))
	rand.Read(b[4:]) // never fails
	return ID{Store: store, Thread: thread, Unique: hex.EncodeToString(b[:])}
}

// Made is when the transaction got its name, by the clock of its Serval: for an operator's eyes only.
func (id ID) Made() time.Time {
	seconds, _ := strconv.ParseUint(id.Unique[:8], 16, 32) // they are digits, see ParseID
	return time.Unix(int64(seconds), 0)
}

// String is the gtrid: at most 59 of the 64 bytes that servers allow, letters, digits and slashes.
func (id ID) String() string {
	return idPrefix + "/" + id.Store + "/" + strconv.FormatUint(uint64(id.Thread), 10) + "/" + id.Unique
}

// ParseID reads a gtrid; ok is false for what is not Serval's.
func ParseID(gtrid string) (id ID, ok bool) {
	parts := strings.Split(gtrid, "/")
	if len(parts) != 4 || parts[0] != idPrefix || !isHex(parts[1], 16) || !isHex(parts[3], 24) {
		return ID{}, false
	}
	thread, err := strconv.ParseUint(parts[2], 10, 32)
	if err != nil {
		return ID{}, false
	}
	return ID{Store: parts[1], Thread: uint32(thread), Unique: parts[3]}, true
}

func isHex(s string, digits int) bool {
	return len(s) == digits && strings.Trim(s, "0123456789abcdef") == ""
}

// XID names a branch.
type XID struct {
	ID     ID
	Thread uint32 // of the connection on which the branch began: its bqual
}

// SQL is the xid as XA statements take it.
func (x XID) SQL() string { return fmt.Sprintf("'%s','%d',%d", x.ID, x.Thread, formatID) }

// ParseXID reads a row of XA RECOVER: formatID, the lengths of gtrid and bqual, and both of them as bytes. ok is false for
// what is not Serval's.
func ParseXID(format uint64, gtrid, bqual []byte) (x XID, ok bool) {
	id, ok := ParseID(string(gtrid))
	thread, err := strconv.ParseUint(string(bqual), 10, 32)
	if !ok || format != formatID || err != nil {
		return XID{}, false
	}
	return XID{ID: id, Thread: uint32(thread)}, true
}
