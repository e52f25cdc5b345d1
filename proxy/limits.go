package proxy

// limits.go: guard rails: the limits that the configuration has for a user and for databases, of which the strictest one
// holds. What a statement reads is known by its route; how much, by those who read.

import (
	"errors"
	"sync"
	"time"

	"serval/config"
	"serval/proxy/wire"
	"serval/router"
)

// limits are those that hold for a statement.
func (c *session) limits(p *router.Plan) config.Limits {
	cfg := c.srv.cfg
	l := config.Limits{Rows: config.Limit{Max: cfg.Gather.Rows, Name: "gather.rows"}, Bytes: config.Limit{Max: cfg.Gather.Bytes, Name: "gather.bytes"}}
	if c.user != nil {
		l = l.Stricter(c.user.Limits)
	}
	for _, name := range p.Databases {
		for i := range cfg.Databases {
			if cfg.Databases[i].Name == name {
				l = l.Stricter(cfg.Databases[i].Limits)
			}
		}
	}
	return l
}

// mayReach refuses a routed statement that reads or changes more shards of a table than it may.
func (c *session) mayReach(p *router.Plan) error {
	t, shards := c.route.Reach()
	if shards < 2 {
		return nil
	}
	limit := c.limits(p).Shards
	switch {
	case limit.Max == 0 || shards <= limit.Max:
		return nil
	case limit.Max == 1:
		return notSupported("This statement would go to %d shards of '%s.%s', which is not allowed (%s): give %s one value, or have it allowed", shards, t.Database, t.Name, limit, t.Key)
	}
	return protocolError(codeTooBig, "42000", "This statement would go to %d shards of '%s.%s', allowed are %d (%s): narrow it by conditions on %s, or raise the limit",
		shards, t.Database, t.Name, limit.Max, limit, t.Key)
}

// overdue is the limit that a statement has run into.
func (c *session) overdue() (config.Limit, bool) {
	c.heldMu.Lock()
	defer c.heldMu.Unlock()
	return c.killing.overdue, c.killing.overdue.Max > 0
}

// within stops the statement as KILL does when it takes longer than a limit. The caller calls done at its end.
func (c *session) within(limit config.Limit) (done func()) {
	if limit.Max == 0 {
		return func() {}
	}
	c.heldMu.Lock()
	serial := c.killing.serial
	c.heldMu.Unlock()
	var timer sync.WaitGroup
	over := make(chan struct{})
	timer.Go(func() {
		pauses := append([]time.Duration{time.Duration(limit.Max)}, resendAfter()...)
		for _, pause := range pauses {
			select {
			case <-over:
				return
			case <-time.After(pause):
			}
			c.heldMu.Lock()
			if c.killing.serial == serial && !c.killing.killed {
				c.killing.overdue = limit
			}
			c.heldMu.Unlock()
			c.interruptOnce(false, serial)
		}
	})
	return func() { close(over); timer.Wait() }
}

// overdueOr is a statement's error, or what asOverdue makes of it.
func (c *session) overdueOr(err error) error {
	var e *wire.Error
	if !errors.As(err, &e) {
		return err
	}
	plain := *e
	c.asOverdue(&plain)
	return &plain
}

// asOverdue makes of what a server says to a statement that was stopped for its time what the client is told.
func (c *session) asOverdue(e *wire.Error) {
	if limit, is := c.overdue(); is && e.Code == codeQueryInterrupted {
		e.Code, e.State, e.FromServer = codeTooBig, "42000", false
		e.Message = protocolError(0, "", "Serval gathers rows for one statement for at most %s (%s): narrow the rows by conditions, or raise the limit", time.Duration(limit.Max), limit).Message
	}
}
