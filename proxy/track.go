package proxy

// track.go: session state changes that clients with CLIENT_SESSION_TRACK are told in OK packets. What SET changes, the
// server that carried it out has told, and is passed on; the current database and the transaction are the session's own.
// https://dev.mysql.com/doc/refman/9.4/en/session-state-tracking.html

import (
	"strings"

	"serval/proxy/wire"
	"serval/router"
)

// transactionState is what session_track_transaction_info tells: T or I, reads and writes of tables with and without
// transactions, unsafe statements, result sets, LOCK TABLES. Which tables are without transactions is the servers' to
// know: all count as with.
type transactionState [8]byte

var (
	noTransaction = transactionState([]byte("________"))
)

// The letters that are set here.
const (
	stateBegin  = 0
	stateReads  = 2
	stateWrites = 4
	stateRows   = 6
)

// tracker is the session's part of what is told.
type tracker struct {
	statement *router.Plan     // being carried out; nil: one of the session's own
	now, told transactionState // of the transaction; told: by the last OK packet that told it
	began     string           // characteristics: "START TRANSACTION READ ONLY;"
	toldBegan string
	next      string // characteristics of the next transaction: "SET TRANSACTION READ ONLY;"
	changed   bool   // now was another than told since the last packet that told it
}

// trackSchema notes that the current database was chosen, the same again too.
func (c *session) trackSchema() {
	if !c.conn.Tracks() {
		return
	}
	if c.tracks("session_track_schema", true) {
		c.conn.Track(wire.TrackSchema, c.db)
	}
	c.trackStateChange()
}

// trackStateChange notes that something of the session has changed, for those who want to know only that.
func (c *session) trackStateChange() {
	if c.tracks("session_track_state_change", false) {
		c.conn.TrackData(wire.TrackStateChange, []byte("1"))
	}
}

// trackAutocommit notes SET autocommit, which no server has carried out.
func (c *session) trackAutocommit() {
	if !c.conn.Tracks() {
		return
	}
	value := "OFF"
	if c.state.autocommit {
		value = "ON"
	}
	list, listed := c.state.vars["session_track_system_variables"]
	for _, name := range strings.Split(strings.Trim(list, "'"), ",") {
		if name = strings.TrimSpace(name); strings.EqualFold(name, "autocommit") || name == "*" {
			listed = false
		}
	}
	if !listed {
		c.conn.Track(wire.TrackVariable, "autocommit", value)
	}
	c.trackStateChange()
}

// tracks tells whether a tracker is on that can be on or off.
func (c *session) tracks(name string, usually bool) bool {
	value, ok := c.state.vars[name]
	if !ok {
		return usually
	}
	switch strings.ToLower(strings.Trim(value, "'")) {
	case "1", "on", "true":
		return true
	}
	return false
}

// trackSet passes on what a server's OK packet tells of a SET, and begins or ends the tracking of transactions.
func (c *session) trackSet(ok *wire.OK) {
	if !c.conn.Tracks() {
		return
	}
	if ok.Status&wire.StatusSessionStateChange != 0 && len(ok.Track) == 0 {
		c.conn.TrackNothing()
	}
	c.trackServer(ok, func(kind byte) bool {
		return kind == wire.TrackVariable || kind == wire.TrackStateChange || kind == wire.TrackTransaction || kind == wire.TrackCharacteristics
	})
	if c.tracker != nil {
		c.tracker.setNext(ok.Track)
	}
	switch strings.ToUpper(strings.Trim(c.state.vars["session_track_transaction_info"], "'")) {
	case "STATE", "CHARACTERISTICS", "1", "2":
		if c.tracker == nil {
			c.tracker = &tracker{now: noTransaction, told: noTransaction}
			c.conn.OnEnd(c.trackTransaction)
		}
	default:
		c.forgetTracking()
	}
}

// setNext notes what a server has told, and so the client, of the next transaction.
func (t *tracker) setNext(track []byte) {
	_ = wire.EachTracked(track, func(kind byte, data []byte) {
		if words, _, _, ok := wire.ReadLenEncBytes(data); kind == wire.TrackCharacteristics && ok {
			t.next, t.toldBegan = string(words), string(words)
		}
	})
}

// forgetTracking ends the tracking of transactions: nobody has asked for it, or the session begins anew.
func (c *session) forgetTracking() {
	c.tracker = nil
	c.conn.OnEnd(nil)
}

// trackServer passes on the changes of some kinds that a server's OK packet tells.
func (c *session) trackServer(ok *wire.OK, kinds func(kind byte) bool) {
	if len(ok.Track) == 0 || !c.conn.Tracks() {
		return
	}
	_ = wire.EachTracked(ok.Track, func(kind byte, data []byte) { // what is malformed is not told
		if kinds(kind) {
			c.conn.TrackData(kind, data)
		}
	})
}

// trackWritten passes on what a server tells of a statement that has written, or of a COMMIT: the transaction's GTID,
// which is a variable in MariaDB (last_gtid).
func (c *session) trackWritten(ok *wire.OK) {
	c.trackServer(ok, func(kind byte) bool { return kind == wire.TrackGTIDs || kind == wire.TrackVariable })
}

// trackStatement notes what is carried out next.
func (c *session) trackStatement(p *router.Plan) {
	if c.tracker != nil {
		c.tracker.statement = p
	}
}

// trackBegin notes that a transaction begins with these words, in the place of one before; "" that it has ended.
func (c *session) trackBegin(words string) {
	if t := c.tracker; t != nil {
		t.set(noTransaction)
		t.began, t.statement = characteristics(t.next, words), nil
		t.next = ""
	}
}

// set makes a state the current one. What differs from what was told is a change, even if it is taken back before it
// can be told.
func (t *tracker) set(s transactionState) {
	if s != t.now && s != t.told {
		t.changed = true
	}
	t.now = s
}

// characteristics are the words that would begin a transaction as these did, after what was said of the next one.
func characteristics(next, words string) string {
	if words == "" {
		return ""
	}
	isolation := ""
	words = strings.ToUpper(words)
	for _, said := range strings.Split(next, ";") {
		switch said = strings.TrimSpace(said); {
		case strings.Contains(said, "ISOLATION"):
			isolation = said + "; "
		case !strings.Contains(words, " READ "):
			words += strings.TrimPrefix(said, "SET TRANSACTION")
		}
	}
	for _, access := range []string{" READ ONLY", " READ WRITE"} {
		if strings.Contains(words, access) {
			return isolation + "START TRANSACTION" + access + ";"
		}
	}
	return isolation + "START TRANSACTION;"
}

// trackTransaction is called before the packet that ends an answer: rows tells that the answer had rows, telling that
// the packet can tell changes. flag: it can not, and says that there are some, as MariaDB does.
func (c *session) trackTransaction(rows, telling bool, status uint16) (flag bool) {
	t := c.tracker
	if status&wire.StatusInTrans == 0 {
		t.set(noTransaction)
		if c.next.empty() || t.statement != nil && !t.statement.Anywhere { // usedNext comes behind the answer
			t.next = ""
		}
		t.began = t.next
	} else {
		t.note(rows, c.txn.begin != "")
	}
	if !telling {
		flag = t.changed && c.srv.known.Load().flavor.mariadb
		t.changed = t.changed && !flag
		return flag
	}
	if t.changed {
		c.conn.TrackNothing() // which it may be by now
		if t.now != t.told {
			c.conn.Track(wire.TrackTransaction, string(t.now[:]))
		}
		t.told, t.changed = t.now, false
	}
	mode := strings.ToUpper(strings.Trim(c.state.vars["session_track_transaction_info"], "'"))
	if t.began != t.toldBegan && (mode == "CHARACTERISTICS" || mode == "2") {
		t.toldBegan = t.began
		c.conn.Track(wire.TrackCharacteristics, t.began)
	}
	return false
}

// note adds what the statement did to the transaction's state.
func (t *tracker) note(rows, begun bool) {
	s := t.now
	s[stateBegin] = 'I'
	if begun {
		s[stateBegin] = 'T'
	}
	if rows {
		s[stateRows] = 'S'
	}
	if p := t.statement; p != nil && !p.Anywhere {
		switch {
		case p.Verb == router.VerbSelect && !p.Locking:
			s[stateReads] = 'R'
		case p.Verb == router.VerbSelect || p.Writes():
			s[stateWrites] = 'W'
		}
		if p.Writes() && p.TableReferences() > 1 {
			s[stateReads] = 'R'
		}
	}
	t.set(s)
}
