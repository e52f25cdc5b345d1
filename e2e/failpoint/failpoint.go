// Package failpoint is the test's side of proxy/txn.Failpoint: a Serval built with -tags failpoints stops at the steps of
// the commit protocol that a test has asked for, until the test lets it go on.
//
//	l := failpoint.Listen(t)
//	s := c.Serve(t, cluster.Run{Program: program, Env: []string{l.Env("after-prepare")}})
//	hit := <-l.Hits()               // s waits at after-prepare in the transaction hit.ID
//	s.Kill()                        // or hit.Continue()
package failpoint

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"testing"
)

// failpoint.go: the listener. It knows the one line of the wire protocol and nothing of what the steps mean.

// Session are the steps of a session that commits, in their order; those of branches come once for each.
func Session() []string {
	return []string{"before-xa-start", "after-xa-start", "before-prepare", "after-prepare", "before-decision", "after-decision",
		"before-commit-decision", "after-commit-decision", "before-xa-commit", "after-xa-commit"}
}

// Recovery are the steps of a recovery.
func Recovery() []string {
	return []string{"recovery-before-verdict", "recovery-after-verdict", "recovery-before-finish", "recovery-after-finish"}
}

// Hit is a process that waits at a step.
type Hit struct {
	Name string // of the step
	ID   string // of the transaction: its gtrid

	release chan struct{}
	once    sync.Once
}

// Continue lets the process go on. It may be called again.
func (h *Hit) Continue() { h.once.Do(func() { close(h.release) }) }

// Listener is where the processes report. It is safe for use by many goroutines.
type Listener struct {
	listener net.Listener
	hits     chan *Hit
	closed   chan struct{}
	running  sync.WaitGroup
}

// Listen starts a listener that lives as long as the test; at its end all who wait may go on.
func Listen(tb testing.TB) *Listener {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	f := &Listener{listener: l, hits: make(chan *Hit), closed: make(chan struct{})}
	f.running.Go(f.accept)
	tb.Cleanup(f.Close)
	return f
}

// Env is the environment variable that makes a process report at the steps, at all without any.
func (l *Listener) Env(names ...string) string {
	env := "SERVAL_FAILPOINTS=" + l.listener.Addr().String()
	if len(names) > 0 {
		env += " " + strings.Join(names, ",")
	}
	return env
}

// Hits are the processes that have come to a step. Who receives one calls its Continue, or kills its process.
func (l *Listener) Hits() <-chan *Hit { return l.hits }

// Close lets everyone go on and waits until the listener has ended. Hits gives nothing any more; it is not closed.
func (l *Listener) Close() {
	select {
	case <-l.closed:
		return
	default:
	}
	close(l.closed)
	_ = l.listener.Close()
	l.running.Wait()
}

func (l *Listener) accept() {
	for {
		c, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.running.Go(func() { l.serve(c) })
	}
}

// serve reads a process's line, and answers when it may go on.
func (l *Listener) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	stop := make(chan struct{})
	defer close(stop)
	l.running.Go(func() {
		select {
		case <-l.closed:
			_ = c.Close()
		case <-stop:
		}
	})
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return // killed before it had said where it is
	}
	name, id, _ := strings.Cut(strings.TrimSpace(line), " ")
	h := &Hit{Name: name, ID: id, release: make(chan struct{})}
	select {
	case l.hits <- h:
	case <-l.closed:
		return
	}
	select {
	case <-h.release:
		_, _ = c.Write([]byte("go on\n")) // fails when the process was killed
	case <-l.closed:
	}
}
