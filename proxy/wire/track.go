package wire

// track.go: session state changes, which OK packets tell a peer with CLIENT_SESSION_TRACK
// (page_protocol_basic_ok_packet, "Session State Information"). It knows their layout; what changes and who asked to be
// told is known above.

// Kinds of session state changes (enum_session_state_type).
const (
	TrackVariable        = 0 // a system variable's name and value
	TrackSchema          = 1 // the current database
	TrackStateChange     = 2 // "1": something of the session has changed
	TrackGTIDs           = 3
	TrackCharacteristics = 4 // the statements that would begin a transaction like the current one
	TrackTransaction     = 5 // eight letters
)

// maxTracked bounds what waits to be told, in bytes.
const maxTracked = 64 << 10

// Tracks tells whether the peer is told of session state changes.
func (c *Conn) Tracks() bool { return c.caps&CapSessionTrack != 0 }

// Track notes a change for the next OK packet: its kind and what it consists of, as lengths and texts. It does nothing
// for a peer that is not told.
func (c *Conn) Track(kind byte, texts ...string) {
	size := 0
	for _, s := range texts {
		size += len(s) + 9
	}
	data := make([]byte, 0, size)
	for _, s := range texts {
		data = AppendLenEncString(data, s)
	}
	c.TrackData(kind, data)
}

// TrackData notes a change whose data are those of another server's OK packet.
func (c *Conn) TrackData(kind byte, data []byte) {
	if c.Tracks() && len(c.tracked) < maxTracked {
		c.tracked = AppendLenEncBytes(append(c.tracked, kind), data)
		c.hasTracked = true
	}
}

// OnEnd has f called before each packet that ends an answer, which may note changes for it: rows tells that the answer
// has rows, telling that the packet can tell changes, status are its flags. For one that can not, f says whether it gets
// the flag that there are some. nil ends that.
func (c *Conn) OnEnd(f func(rows, telling bool, status uint16) (flag bool)) { c.onEnd = f }

// TrackNothing says in the next OK packet that there are changes, and none that was asked for: servers do so when
// session_track_system_variables is emptied.
func (c *Conn) TrackNothing() { c.hasTracked = c.hasTracked || c.Tracks() }

// EachTracked calls f with each change that an OK packet tells. Its error is a *MalformedError.
func EachTracked(track []byte, f func(kind byte, data []byte)) error {
	for rest := track; len(rest) > 0; {
		data, null, n, ok := ReadLenEncBytes(rest[1:])
		if !ok || null {
			return malformed("session state", track)
		}
		f(rest[0], data)
		rest = rest[1+n:]
	}
	return nil
}

// appendTracked appends what a peer with CLIENT_SESSION_TRACK gets behind an OK packet's warnings.
func (c *Conn) appendTracked(dst, info []byte) []byte {
	if len(info) > 0 || c.hasTracked {
		dst = AppendLenEncBytes(dst, info)
	}
	if c.hasTracked {
		dst = AppendLenEncBytes(dst, c.tracked)
		c.tracked, c.hasTracked = nil, false
	}
	return dst
}
