package backend

// pipeline.go: statements of the proxy's own that go out in one write and are answered one after the other. A server
// carries all of them out, whatever becomes of the ones before.

import (
	"errors"
	"io"

	"serval/proxy/wire"
)

// Answer is what a server says to one statement, all in memory.
type Answer struct {
	Err      *wire.Error // the server's refusal; the rest is empty then
	OK       wire.OK     // of an answer without rows; Status and Warnings are set in any case
	Columns  []wire.Column
	Rows     []Row
	Warnings uint16
}

// Pipeline sends statements in one write and reads their answers. Its error is the connection's, which is of no more
// use then; what the server refused is in the answers.
func (c *Conn) Pipeline(statements ...string) ([]Answer, error) {
	if err := c.SendAll(statements...); err != nil {
		return nil, err
	}
	return c.ReadAnswers(len(statements))
}

// SendAll is the first half of Pipeline: several connections can be asked before the first answer is waited for.
func (c *Conn) SendAll(statements ...string) error {
	for _, sql := range statements {
		if err := c.WriteCommand(wire.ComQuery, []byte(sql)); err != nil {
			return c.lost("send", err)
		}
	}
	if err := c.Flush(); err != nil {
		return c.lost("send", err)
	}
	return nil
}

// ReadAnswers is the second half of Pipeline: it reads what SendAll has asked for.
func (c *Conn) ReadAnswers(count int) ([]Answer, error) {
	answers := make([]Answer, count)
	for i := range answers {
		c.ExpectAnswer()
		err := c.readAnswer(&answers[i])
		if errors.As(err, &answers[i].Err) {
			continue
		}
		if err != nil {
			return nil, c.lost("query", err)
		}
	}
	return answers, nil
}

// readAnswer reads one answer to its end.
func (c *Conn) readAnswer(a *Answer) error {
	r, err := wire.ReadResult(c.Conn)
	if err != nil {
		return err
	}
	if r.OK != nil {
		a.OK, a.Warnings = *r.OK, r.OK.Warnings
		return nil
	}
	a.Columns = make([]wire.Column, len(r.Columns))
	for i, def := range r.Columns {
		if err := wire.ParseColumn(def, &a.Columns[i]); err != nil {
			return err
		}
	}
	for {
		p, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		row, err := DecodeRow(p, len(r.Columns))
		if err != nil {
			return err
		}
		a.Rows = append(a.Rows, row)
	}
	a.OK.Status, a.Warnings = r.Status, r.Warnings
	return nil
}
