package backend

import (
	"sync"
	"time"
)

// pool.go: who may have how many connections of one node. A pool hands out places; a place comes with an idle
// connection when there is one that fits, else its holder dials. The pool itself does no input or output under its
// lock except looking at an idle socket.

// pool is a node's places and idle connections. Places in use and idle connections together never exceed max.
type pool struct {
	max, maxIdle int
	idleTimeout  time.Duration // 0: none

	mu      sync.Mutex
	closed  bool
	inUse   int
	idle    [2][]*Conn // without and with FOUND_ROWS; the last one was used last and is used next
	first   *waiter    // the queue, oldest first
	last    *waiter
	waiting int
	doomed  []*Conn // to be closed as soon as the lock is released
}

// waiter is an acquisition in the queue. Its fields belong to the pool's lock until done is closed.
type waiter struct {
	foundRows  bool
	conns      []*Conn // one element for each place; nil where the holder is to dial
	err        error
	done       chan struct{}
	queued     bool
	prev, next *waiter
}

func kind(foundRows bool) int {
	if foundRows {
		return 1
	}
	return 0
}

// unlock releases the lock and closes what was thrown out under it.
func (p *pool) unlock() {
	doomed := p.doomed
	p.doomed = nil
	p.mu.Unlock()
	for _, c := range doomed {
		c.quit()
	}
}

// takeOne takes one place without waiting: granted is false when there is none or others wait already.
func (p *pool) takeOne(foundRows bool) (c *Conn, granted bool, err error) {
	p.mu.Lock()
	defer p.unlock()
	if p.closed {
		return nil, false, ErrClosed
	}
	if p.first != nil || p.inUse >= p.max {
		return nil, false, nil
	}
	p.inUse++
	c = p.pop(foundRows)
	p.evict()
	return c, true, nil
}

// enqueue asks for count places; the waiter's done is closed when it has them.
func (p *pool) enqueue(count int, foundRows bool) (*waiter, error) {
	w := &waiter{foundRows: foundRows, conns: make([]*Conn, count), done: make(chan struct{}), queued: true}
	p.mu.Lock()
	defer p.unlock()
	if p.closed {
		return nil, ErrClosed
	}
	if w.prev = p.last; p.last != nil {
		p.last.next = w
	} else {
		p.first = w
	}
	p.last = w
	p.waiting++
	p.grant()
	return w, nil
}

// abandon takes w out of the queue; false when it was served in the meantime.
func (p *pool) abandon(w *waiter) bool {
	p.mu.Lock()
	defer p.unlock()
	if !w.queued {
		return false
	}
	p.unlink(w)
	p.grant() // w may have been what the others waited behind
	return true
}

func (p *pool) unlink(w *waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		p.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		p.last = w.prev
	}
	w.prev, w.next, w.queued = nil, nil, false
	p.waiting--
}

// grant serves the queue from its head for as long as the head's whole need is free. A large need at the head holds up
// small ones behind it: that is what keeps it from waiting for ever.
func (p *pool) grant() {
	for w := p.first; w != nil && len(w.conns) <= p.max-p.inUse; w = p.first {
		p.unlink(w)
		p.inUse += len(w.conns)
		for i := range w.conns {
			if w.conns[i] = p.pop(w.foundRows); w.conns[i] == nil {
				break
			}
		}
		p.evict()
		close(w.done)
	}
}

// pop takes the idle connection that was used last.
func (p *pool) pop(foundRows bool) *Conn {
	list := p.idle[kind(foundRows)]
	if len(list) == 0 {
		return nil
	}
	c := list[len(list)-1]
	list[len(list)-1] = nil
	p.idle[kind(foundRows)] = list[:len(list)-1]
	return c
}

// evict makes room for the connections that holders of places will dial.
func (p *pool) evict() {
	for p.inUse+len(p.idle[0])+len(p.idle[1]) > p.max {
		p.dropOldest()
	}
}

// dropOldest dooms the idle connection that was not used for the longest time.
func (p *pool) dropOldest() {
	from := 0
	if a, b := p.idle[0], p.idle[1]; len(a) == 0 || len(b) > 0 && b[0].idleSince.Before(a[0].idleSince) {
		from = 1
	}
	p.doomed = append(p.doomed, p.idle[from][0])
	p.removeIdle(from, 0)
}

func (p *pool) removeIdle(from, i int) {
	list := p.idle[from]
	copy(list[i:], list[i+1:])
	list[len(list)-1] = nil
	p.idle[from] = list[:len(list)-1]
}

// nextIdle gives the holder of a place another idle connection, or nil.
func (p *pool) nextIdle(foundRows bool) *Conn {
	p.mu.Lock()
	defer p.unlock()
	return p.pop(foundRows)
}

// put takes back a place with its connection, which is fit for the next user.
func (p *pool) put(c *Conn) {
	p.mu.Lock()
	defer p.unlock()
	p.inUse--
	if p.closed {
		p.doomed = append(p.doomed, c)
		return
	}
	p.idle[kind(c.foundRows)] = append(p.idle[kind(c.foundRows)], c)
	p.grant()
	for len(p.idle[0])+len(p.idle[1]) > p.maxIdle {
		p.dropOldest()
	}
}

// free takes back places without connections.
func (p *pool) free(count int) {
	p.mu.Lock()
	defer p.unlock()
	p.inUse -= count
	p.grant()
}

// sweep closes idle connections whose time is up or whose server has gone.
func (p *pool) sweep(now time.Time) {
	p.mu.Lock()
	defer p.unlock()
	for from := range p.idle {
		for i := len(p.idle[from]) - 1; i >= 0; i-- {
			c := p.idle[from][i]
			stale := p.idleTimeout > 0 && now.Sub(c.idleSince) >= p.idleTimeout
			if stale || !c.usable(now) {
				p.removeIdle(from, i)
				p.doomed = append(p.doomed, c)
			}
		}
	}
}

// dropIdle closes the connections that nobody uses.
func (p *pool) dropIdle() {
	p.mu.Lock()
	defer p.unlock()
	p.doomed = append(append(p.doomed, p.idle[0]...), p.idle[1]...)
	p.idle = [2][]*Conn{}
}

// close dooms idle connections and fails the queue.
func (p *pool) close() {
	p.mu.Lock()
	defer p.unlock()
	p.closed = true
	for p.first != nil {
		w := p.first
		p.unlink(w)
		w.err = ErrClosed
		close(w.done)
	}
	p.doomed = append(append(p.doomed, p.idle[0]...), p.idle[1]...)
	p.idle = [2][]*Conn{}
}

func (p *pool) stats() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PoolStats{InUse: p.inUse, Idle: len(p.idle[0]) + len(p.idle[1]), Max: p.max, Waiting: p.waiting}
}
