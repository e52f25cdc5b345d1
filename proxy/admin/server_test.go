package admin

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// server_test.go: what each address answers, and that nothing is left behind.

func TestAnswers(t *testing.T) {
	notReady := errors.New("group g1: no connection to 10.0.0.2:3306")
	for _, c := range []struct {
		name     string
		path     string
		ready    error
		profiles bool
		status   int
		contains []string
	}{
		{name: "alive", path: "/healthz", ready: notReady, status: 200, contains: []string{"ok\n"}},
		{name: "ready", path: "/readyz", status: 200, contains: []string{"ready\n"}},
		{name: "not ready says why", path: "/readyz", ready: notReady, status: 503, contains: []string{notReady.Error()}},
		{name: "metrics", path: "/metrics", status: 200, contains: []string{
			`serval_statements_total{group="g0",plan="single"} 1`,
			`serval_statement_duration_seconds_count{group="g0",plan="single"} 1`,
			`serval_backend_duration_seconds_count{group="g0",node="10.0.0.1:3306"} 1`,
			`serval_errors_total{code="1062"} 1`,
			`serval_pool_connections{group="g0",node="10.0.0.1:3306",state="in_use"} 3`,
			`serval_pool_connections{group="g0",node="10.0.0.1:3306",state="idle"} 2`,
			`serval_pool_max_connections{group="g1",node="10.0.0.2:3306"} 64`,
			`serval_pool_waiting{group="g0",node="10.0.0.1:3306"} 1`,
			`serval_pool_connects_total{group="g0",node="10.0.0.1:3306"} 9`,
			`serval_pool_connect_errors_total{group="g0",node="10.0.0.1:3306"} 4`,
			`serval_plan_cache_entries 7`,
			`serval_plan_cache_hits_total 100`,
			`serval_plan_cache_misses_total 8`,
			`serval_plan_cache_evictions_total 1`,
			`serval_sessions 0`,
			`go_goroutines`,
		}},
		{name: "profiles", path: "/debug/pprof/goroutine?debug=1", profiles: true, status: 200, contains: []string{"goroutine"}},
		{name: "no profiles off loopback", path: "/debug/pprof/goroutine?debug=1", status: 404},
		{name: "nothing else", path: "/", status: 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := NewServer("", watched(), func(context.Context) error { return c.ready }, discard())
			w := httptest.NewRecorder()
			s.handler(c.profiles).ServeHTTP(w, httptest.NewRequest("GET", c.path, nil))
			if w.Code != c.status {
				t.Errorf("status: got %d, want %d", w.Code, c.status)
			}
			for _, want := range c.contains {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("the answer does not contain %q:\n%s", want, w.Body)
				}
			}
		})
	}
}

func TestStartAndClose(t *testing.T) {
	s := NewServer("127.0.0.1:0", NewMetrics(), func(context.Context) error { return nil }, discard())
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	address := s.Addr().String()
	response, err := http.Get("http://" + address + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || string(body) != "ok\n" {
		t.Errorf("got %q, %v", body, err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		_ = c.Close()
		t.Error("still listening after Close")
	}
}

// TestCloseDoesNotWaitForSlowRequests: a profile of a minute must not hold up a restart.
func TestCloseDoesNotWaitForSlowRequests(t *testing.T) {
	asked := make(chan struct{})
	s := NewServer("127.0.0.1:0", NewMetrics(), func(ctx context.Context) error {
		close(asked)
		<-ctx.Done() // readyz's own limit is longer than Close's
		return ctx.Err()
	}, discard())
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if response, err := http.Get("http://" + s.Addr().String() + "/readyz"); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-asked
	start := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if d := time.Since(start); d > drainTimeout+500*time.Millisecond {
		t.Errorf("Close took %v", d)
	}
	<-answered
}

func TestStartOnABusyPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := NewServer(l.Addr().String(), nil, nil, discard())
	if err := s.Start(); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing what did not start: %v", err)
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "[::1]:1": true, "127.8.8.8:1": true,
		"0.0.0.0:1": false, "[::]:1": false, "10.0.0.1:1": false,
	} {
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if got := isLoopback(a); got != want {
			t.Errorf("%s: got %v", address, got)
		}
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }
