package failpoint

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// report is what a process does at a step; the channel tells when it goes on.
func report(t *testing.T, l *Listener, line string) <-chan struct{} {
	t.Helper()
	addr, _, _ := strings.Cut(strings.TrimPrefix(l.Env("a", "b"), "SERVAL_FAILPOINTS="), " ")
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Fprintln(c, line)
	on := make(chan struct{})
	go func() {
		_, _ = bufio.NewReader(c).ReadString('\n')
		_ = c.Close()
		close(on)
	}()
	return on
}

func TestHits(t *testing.T) {
	l := Listen(t)
	first := report(t, l, "after-prepare serval/1/2/3")
	h := <-l.Hits()
	if h.Name != "after-prepare" || h.ID != "serval/1/2/3" {
		t.Fatalf("%s %s", h.Name, h.ID)
	}
	second := report(t, l, "before-xa-commit x")
	other := <-l.Hits()
	select {
	case <-first:
		t.Fatal("the first goes on by itself")
	default:
	}
	other.Continue()
	<-second
	h.Continue()
	h.Continue()
	<-first
}

func TestCloseLetsAllGoOn(t *testing.T) {
	l := Listen(t)
	taken, waiting := report(t, l, "a x"), report(t, l, "b x")
	<-l.Hits()
	l.Close()
	<-taken
	<-waiting
}

func TestEnv(t *testing.T) {
	l := Listen(t)
	addr := l.listener.Addr().String()
	if got, want := l.Env(), "SERVAL_FAILPOINTS="+addr; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := l.Env("a", "b"), "SERVAL_FAILPOINTS="+addr+" a,b"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
