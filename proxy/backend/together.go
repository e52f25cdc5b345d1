package backend

// together.go: a change of state in the same round trip as the statement that it is for. A server carries the statement out
// whatever it says to the change; so this is for statements that change nothing, whose answer can be dropped.

// SetStateWith is SetState for a statement that changes nothing, and that is sent next: what the connection needs goes out with
// it in one write. Settle reads the answers to it, before the statement's answer is read. A connection that must be
// reset first is brought to the state now.
func (c *Conn) SetStateWith(want *State) error {
	if c.broken || c.unknown || c.Buffered() > 0 || !c.differs(want) {
		return c.SetState(want)
	}
	b := c.difference(want)
	if err := c.write(b); err != nil {
		return err
	}
	c.client = want.Client
	c.pending = b
	return nil
}

// differs tells whether the connection is in another state than the one wanted.
func (c *Conn) differs(want *State) bool {
	return c.unknown || want.Vars != c.have.Vars || want.names() != c.have.Names ||
		want.Database != "" && want.Database != c.have.Database
}

// ErrState says that the server refused a state, and has carried out the statement that was sent with it in another one.
// The statement's answer has not been read: the connection is of no more use.
type ErrState struct{ Refused error }

func (e *ErrState) Error() string { return "the session's state was refused: " + e.Refused.Error() }

func (e *ErrState) Unwrap() error { return e.Refused }

// Settle reads the answers to what SetStateWith wrote, if it wrote anything.
func (c *Conn) Settle() error {
	b := c.pending
	if b == nil {
		return nil
	}
	c.pending = nil
	err := c.settleAll(inOrder{c}, b)
	c.ExpectAnswer() // to the statement
	if err != nil && !c.broken {
		c.broken = true
		return &ErrState{err}
	}
	return err
}

// inOrder reads answers through the connection's own buffer, since the statement's follows them.
type inOrder struct{ c *Conn }

func (o inOrder) next() ([]byte, error) {
	o.c.ExpectAnswer()
	p, err := o.c.ReadPacket()
	if err == nil && len(p) > maxAnswer {
		return nil, errAnswer
	}
	return p, err
}
