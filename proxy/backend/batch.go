package backend

import (
	"errors"
	"fmt"
	"io"

	"serval/proxy/transcode"
	"serval/proxy/wire"
)

// batch.go: several commands in one write. Answers are read straight from the socket: each of them begins again at
// packet number 1, while a wire.Conn counts one exchange at a time. That loses nothing, since a server says no more
// than one packet for each of these commands.

// batch is a list of commands that are each answered by one OK or error packet.
type batch struct {
	steps    []step
	defaults bool // a SET in it gives variables back to DEFAULT
	client   *transcode.Table
}

type step struct {
	command byte
	arg     string
	set     bool        // a SET: when it is refused, a part of it may have been done
	done    func(*Conn) // records the new state
}

func (b *batch) add(command byte, arg string, done func(*Conn)) {
	b.steps = append(b.steps, step{command: command, arg: arg, done: done})
}

// addSet adds a SET of vars, or only its record when there is nothing to set.
func (b *batch) addSet(vars string, done func(*Conn)) {
	if vars == "" {
		b.steps = append(b.steps, step{done: done})
		return
	}
	b.steps = append(b.steps, step{command: wire.ComQuery, arg: "SET " + vars, set: true, done: done})
}

// maxAnswer is the largest answer that is believed, in bytes: an error message is far smaller.
const maxAnswer = 64 << 10

var errAnswer = errors.New("unexpected answer to a control command")

// run sends every command in one write and reads every answer; the first refusal is returned.
func (c *Conn) run(b *batch) error {
	if c.Buffered() > 0 {
		return c.lost("set state", errAnswer)
	}
	if err := c.write(b); err != nil {
		return err
	}
	if err := c.Flush(); err != nil {
		return c.lost("set state", err)
	}
	answers := answerReader{src: c.NetConn()}
	refused := c.settleAll(&answers, b)
	if !c.broken && answers.left() > 0 {
		return c.lost("set state", errAnswer)
	}
	return refused
}

// write puts every command into the write buffer.
func (c *Conn) write(b *batch) error {
	for _, s := range b.steps {
		if s.command == 0 {
			continue
		}
		switch {
		case s.set:
			c.client = b.client // SET NAMES went before it
		case s.command == wire.ComResetConnection:
			c.client = nil // as it logged in
		}
		if err := c.WriteCommand(s.command, []byte(s.arg)); err != nil {
			return c.lost("set state", err)
		}
	}
	return nil
}

// answers gives the answers to a batch's commands, one by one.
type answers interface{ next() ([]byte, error) }

// settleAll reads every answer; the first refusal is returned.
func (c *Conn) settleAll(a answers, b *batch) error {
	var refused error
	for i := range b.steps {
		err := c.settle(a, &b.steps[i])
		if c.broken {
			return err
		}
		if refused == nil {
			refused = err
		}
	}
	return refused
}

// settle reads a step's answer and records what it did.
func (c *Conn) settle(answers answers, s *step) error {
	if s.command == 0 {
		s.done(c)
		return nil
	}
	p, err := answers.next()
	switch {
	case err != nil:
		return c.lost("set state", err)
	case wire.IsOK(p):
		s.done(c)
		return nil
	case !wire.IsError(p):
		return c.lost("set state", errAnswer)
	}
	refused, err := wire.ParseError(p)
	if err != nil || s.command == wire.ComResetConnection {
		// Without the reset nothing is known of the session: it is of no use to anybody.
		return c.lost("set state", errors.Join(fmt.Errorf("%w (%d)", errAnswer, s.command), err))
	}
	if s.set {
		c.unknown = true
	}
	return refused
}

// answerReader reads packets that each are the whole answer to one command.
type answerReader struct {
	src  io.Reader
	buf  []byte
	r, w int
}

// left is the number of bytes read and not consumed.
func (a *answerReader) left() int { return a.w - a.r }

// next returns the next answer's payload, valid until the next call.
func (a *answerReader) next() ([]byte, error) {
	if err := a.fill(4); err != nil {
		return nil, err
	}
	h := a.buf[a.r:]
	length := int(h[0]) | int(h[1])<<8 | int(h[2])<<16
	if h[3] != 1 || length > maxAnswer {
		return nil, errAnswer
	}
	if err := a.fill(4 + length); err != nil {
		return nil, err
	}
	p := a.buf[a.r+4 : a.r+4+length]
	a.r += 4 + length
	return p, nil
}

// fill reads until n bytes are there.
func (a *answerReader) fill(n int) error {
	if a.left() >= n {
		return nil
	}
	if len(a.buf)-a.r < n {
		grown := make([]byte, max(n, 512))
		a.w = copy(grown, a.buf[a.r:a.w])
		a.buf, a.r = grown, 0
	}
	k, err := io.ReadAtLeast(a.src, a.buf[a.w:], n-a.left())
	a.w += k
	return err
}
