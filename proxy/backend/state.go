package backend

import (
	"errors"
	"strings"
	"time"

	"serval/proxy/transcode"
	"serval/proxy/wire"
)

// state.go: the session state of a connection, and how a pooled connection is brought to the state of the session that
// is about to use it. It knows the commands that change state, and nothing of the values.

const (
	baseCollation = "utf8mb4_general_ci"

	// DefaultNames is the Names of a new connection.
	DefaultNames = "utf8mb4 COLLATE " + baseCollation
)

// State is what a session wants of its connection.
type State struct {
	// Database is the current database; "" means that the session does not care.
	Database string
	// Names is what stands after SET NAMES: "utf8mb4 COLLATE utf8mb4_general_ci". "" means DefaultNames.
	Names string
	// Vars are the session variables that differ from the server's own and the user variables, as they stand after SET,
	// sorted by name: "@`a`=1,sql_mode='ANSI_QUOTES',time_zone='+00:00'". A variable that is not here has the server's
	// global value, a user variable NULL; the names of user variables are in backticks and in lower case. Strings
	// are in single quotes, quotes inside are doubled, and there is no backslash (a value with one is written as
	// x'…'): what is read under one sql_mode must mean the same under another.
	Vars string
	// Client is the character set of statements that Names and Vars set, when it is neither UTF-8 nor binary: the text
	// that the connection is given is UTF-8, and the server gets it in this one.
	Client *transcode.Table
}

// names is Names with the default filled in.
func (s *State) names() string {
	if s.Names == "" {
		return DefaultNames
	}
	return s.Names
}

// State is the state that the connection is known to be in; Database is "" when it is not known.
func (c *Conn) State() State { return c.have }

// Forget says that the session's state on the server may differ from what SetState made it (a statement of the
// session changed it, a current database was dropped). The next SetState begins with COM_RESET_CONNECTION, which also
// drops temporary tables, user variables, locks and prepared statements.
func (c *Conn) Forget() { c.unknown = true }

// Keep says that the session has things on the connection that COM_RESET_CONNECTION would take away (temporary tables,
// locks): SetState does without it from now on. When the connection is released, the reset comes before its next use.
func (c *Conn) Keep() { c.kept = true }

// Reset brings the connection's session on the server to its beginning, now: locks are free when it returns. A
// connection on which that fails is of no more use, and closed when it is released.
func (c *Conn) Reset() {
	c.kept, c.unknown = false, true
	_ = c.SetState(&State{}) // a lost connection is marked as broken
}

// Became says that a statement of the session's has changed the connection's state to this one: its Names and Vars, read
// back from the server. The database is as it was.
func (c *Conn) Became(s *State) {
	c.have.Names, c.have.Vars = strings.Clone(s.names()), strings.Clone(s.Vars)
}

// SetState brings the connection to the state that a session wants. When it is in it already, that is three string
// comparisons; else every command needed goes out in one write, and all answers are read, within ConnectTimeout. A
// refusal of the server is returned as *wire.Error, the first if there are several; the connection is then usable, in
// a state that the next SetState knows. After any other error it is of no more use; no statement was sent, so the
// caller may take another connection.
func (c *Conn) SetState(want *State) error {
	if !c.differs(want) {
		c.client = want.Client
		return nil
	}
	if c.broken {
		return c.lost("set state", errors.New("the connection is broken"))
	}
	deadline := time.Now().Add(c.node.settings.ConnectTimeout)
	if err := c.NetConn().SetDeadline(deadline); err != nil {
		return c.lost("set state", err)
	}
	err := c.changeState(want)
	c.client = want.Client
	if c.broken {
		return err
	}
	if e := c.NetConn().SetDeadline(time.Time{}); e != nil {
		return c.lost("set state", e)
	}
	return err
}

// changeState sends what differs. A SET that was refused may be the fault of a variable of the session before, which
// cannot be set to DEFAULT (rand_seed1): it is tried again after a reset, where only want is set.
func (c *Conn) changeState(want *State) error {
	b := c.difference(want)
	err := c.run(b)
	if err == nil || c.broken || !c.unknown || !b.defaults {
		return err
	}
	return c.run(c.difference(want))
}

// difference lists the commands that lead from the state that the connection is in to the one wanted. The database
// comes first since it changes character_set_database, SET NAMES before the variables since it sets four of them.
func (c *Conn) difference(want *State) *batch {
	b := &batch{client: want.Client}
	have := c.have
	switch {
	case c.unknown && c.kept:
		have = State{Vars: stale(c.have.Vars)}
		b.add(0, "", func(c *Conn) { c.unknown = false }) // what follows sets everything; a refused SET takes it back
	case c.unknown:
		b.add(wire.ComResetConnection, "", func(c *Conn) {
			c.have, c.unknown = State{}, false
			c.forgetStatements()
		})
		have = State{}
	}
	if want.Database != "" && want.Database != have.Database {
		database := strings.Clone(want.Database)
		b.add(wire.ComInitDB, database, func(c *Conn) { c.have.Database = database })
	}
	moved := want.Database != "" && want.Database != have.Database
	d := diffVars(have.Vars, want.Vars, want.names() != have.Names, moved)
	if want.names() != have.Names || d.renew {
		names := strings.Clone(want.names())
		b.add(wire.ComQuery, "SET NAMES "+names, func(c *Conn) { c.have.Names = names })
	}
	if want.Vars != have.Vars || d.set != "" {
		vars := strings.Clone(want.Vars)
		b.defaults = d.defaults
		b.addSet(d.set, func(c *Conn) { c.have.Vars = vars })
	}
	return b
}
