package cut

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// cut_test.go: what gets through in each mode, with a server that answers lines.

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines answers each line with "answer line", and tells what it has heard.
type lines struct {
	net.Listener
	heard   chan string
	running sync.WaitGroup
}

func answering(t *testing.T) *lines {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &lines{Listener: l, heard: make(chan string, 100)}
	s.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.running.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); s.running.Wait() })
	return s
}

func (s *lines) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	for r := bufio.NewReader(c); ; {
		line, err := r.ReadString('\n')
		if line != "" {
			s.heard <- line
		}
		if err != nil {
			s.heard <- fmt.Sprintf("%t", err == io.EOF)
			return
		}
		_, _ = fmt.Fprintf(c, "answer %s", line)
	}
}

// hears waits for what arrives next; "" is nothing for a while.
func (s *lines) hears(t *testing.T, want string) {
	t.Helper()
	got, patience := "", 5*time.Second
	if want == "" {
		patience = 50 * time.Millisecond
	}
	select {
	case got = <-s.heard:
	case <-time.After(patience):
	}
	if got != want {
		t.Fatalf("the server hears %q, want %q", got, want)
	}
}

// line is a client's connection.
type line struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

func connect(t *testing.T, f *Forwarder) *line {
	t.Helper()
	c, err := net.Dial("tcp", f.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &line{t, c, bufio.NewReader(c)}
}

func (l *line) says(text string) {
	l.t.Helper()
	if _, err := io.WriteString(l, text); err != nil {
		l.t.Fatal(err)
	}
}

func (l *line) hears(want string) {
	l.t.Helper()
	got, err := l.read(5 * time.Second)
	if err != nil || got != want {
		l.t.Fatalf("%q, %v, want %q", got, err, want)
	}
}

func (l *line) hearsNothing() {
	l.t.Helper()
	if got, err := l.read(50 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		l.t.Fatalf("%q, %v, want nothing", got, err)
	}
}

func (l *line) endsWith(want error) {
	l.t.Helper()
	if got, err := l.read(5 * time.Second); !errors.Is(err, want) {
		l.t.Fatalf("%q, %v, want %v", got, err, want)
	}
}

func (l *line) read(patience time.Duration) (string, error) {
	_ = l.SetReadDeadline(time.Now().Add(patience))
	return l.r.ReadString('\n')
}

func TestPass(t *testing.T) {
	s := answering(t)
	f := New(t, s.Addr().String())
	c := connect(t, f)
	c.says("a\nb\n")
	c.hears("answer a\n")
	c.hears("answer b\n")
	s.hears(t, "a\n")
	s.hears(t, "b\n")
	_ = c.Close()
	s.hears(t, "true")
}

func TestHold(t *testing.T) {
	for _, d := range []Direction{ToServer, FromServer, Both} {
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			s := answering(t)
			f := New(t, s.Addr().String())
			c := connect(t, f)
			c.says("a\n")
			c.hears("answer a\n")
			s.hears(t, "a\n")
			f.Hold(d)
			c.says("b\n")
			fresh := connect(t, f)
			fresh.says("c\n")
			c.hearsNothing()
			fresh.hearsNothing()
			if d == FromServer {
				got := <-s.heard + <-s.heard
				if got != "b\nc\n" && got != "c\nb\n" {
					t.Fatalf("the server hears %q", got)
				}
			} else {
				s.hears(t, "")
			}
			f.Pass()
			c.hears("answer b\n")
			fresh.hears("answer c\n")
		})
	}
}

func TestHeldEnd(t *testing.T) {
	s := answering(t)
	f := New(t, s.Addr().String())
	c := connect(t, f)
	c.says("a\n")
	c.hears("answer a\n") // a socket that is closed with something unread resets the connection
	s.hears(t, "a\n")
	f.Hold(Both)
	_ = c.Close()
	s.hears(t, "")
	f.Pass()
	s.hears(t, "true")
}

func TestForget(t *testing.T) {
	s := answering(t)
	f := New(t, s.Addr().String())
	old := connect(t, f)
	old.says("a\n")
	old.hears("answer a\n")
	s.hears(t, "a\n")
	f.Hold(Both)
	old.says("b\n")
	f.Forget()
	fresh := connect(t, f)
	fresh.says("c\n")
	fresh.hears("answer c\n")
	s.hears(t, "c\n")
	old.hearsNothing()
	_ = old.Close()
	s.hears(t, "")
	f.Reset()
	s.hears(t, "false")
}

func TestReset(t *testing.T) {
	s := answering(t)
	f := New(t, s.Addr().String())
	c := connect(t, f)
	c.says("a\n")
	c.hears("answer a\n")
	s.hears(t, "a\n")
	f.Reset()
	c.endsWith(syscall.ECONNRESET)
	s.hears(t, "false")
	connect(t, f).says("b\n")
	s.hears(t, "b\n")
}

func TestRefuse(t *testing.T) {
	s := answering(t)
	f := New(t, s.Addr().String())
	old := connect(t, f)
	old.says("a\n")
	old.hears("answer a\n")
	f.Refuse()
	connect(t, f).endsWith(io.EOF)
	old.says("b\n")
	old.hears("answer b\n")
	f.Pass()
	fresh := connect(t, f)
	fresh.says("c\n")
	fresh.hears("answer c\n")
}

func TestNoServer(t *testing.T) {
	s := answering(t)
	f := New(t, s.Addr().String())
	_ = s.Close()
	connect(t, f).endsWith(io.EOF)
	f.Hold(Both)
	connect(t, f).hearsNothing()
}

func TestHoldBefore(t *testing.T) {
	s := answering(t)
	f := New(t, s.Addr().String())
	c, other := connect(t, f), connect(t, f)
	f.HoldBefore("XA PREPARE")
	c.says("....\x03XA END\n....\x03XA PREPARE\n")
	c.hearsNothing()
	s.hears(t, "....\x03XA END\n")
	s.hears(t, "")
	if f.Caught() != 1 {
		t.Errorf("%d caught, want 1", f.Caught())
	}
	other.says("....\x03SELECT\n")
	s.hears(t, "....\x03SELECT\n")
	f.Pass()
	s.hears(t, "....\x03XA PREPARE\n")
	c.hears("answer ....\x03XA END\n")
}

func TestCloseEndsAll(t *testing.T) {
	s := answering(t)
	f, err := Listen(s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	held, forgotten := connect(t, f), connect(t, f)
	held.says("a\n")
	forgotten.says("b\n")
	for f.Connections() < 2 {
		time.Sleep(time.Millisecond)
	}
	f.Hold(Both)
	f.Forget()
	f.Hold(Both)
	f.Close()
	for _, c := range []*line{held, forgotten} {
		for {
			if _, err := c.read(5 * time.Second); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error("open after Close")
				}
				break
			}
		}
	}
	if f.Connections() != 0 {
		t.Errorf("%d connections after Close", f.Connections())
	}
}
