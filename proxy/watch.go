package proxy

// watch.go: clients that disappear while their statement runs. A session waits for its servers then and would not
// notice; one goroutine for all sessions looks at the sockets of those that have been busy for a while, and stops what
// runs for those whose client is gone.

import (
	"time"
)

const (
	watchInterval = 500 * time.Millisecond
	watchAfter    = 500 * time.Millisecond // statements shorter than this are not looked at
)

func (s *Server) watchClients() {
	t := time.NewTicker(watchInterval)
	defer t.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case now := <-t.C:
			for _, c := range s.busySessions(now.Add(-watchAfter)) {
				if s.ctx.Err() == nil && c.socket.Gone() != nil {
					c.stopWork()
				}
			}
		}
	}
}

// busySessions are those whose command has been running since a time or longer.
func (s *Server) busySessions(since time.Time) []*session {
	limit := since.UnixNano()
	s.mu.Lock()
	defer s.mu.Unlock()
	var busy []*session
	for _, c := range s.sessions {
		if since := c.busySince.Load(); since != 0 && since < limit {
			busy = append(busy, c)
		}
	}
	return busy
}
