package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// server.go: the HTTP listener for operators. It carries no authentication, so it belongs on loopback or on a
// network that only operators reach; profiles, which show memory, are served on loopback only.

const (
	readyTimeout = 2 * time.Second // for one /readyz: orchestrators give up after a few seconds themselves
	drainTimeout = time.Second     // for requests in flight at Close
)

// Server answers /healthz, /readyz and /metrics. Make it with NewServer.
type Server struct {
	address string
	metrics *Metrics
	ready   func(context.Context) error
	log     *slog.Logger

	listener net.Listener
	http     *http.Server
	done     chan struct{} // closed when the serving goroutine has ended
}

// NewServer makes a server for the address ("127.0.0.1:6070"; port 0 is any free one). ready tells whether
// clients can be served: nil, or why not; it may be called by several goroutines at once.
func NewServer(address string, metrics *Metrics, ready func(context.Context) error, log *slog.Logger) *Server {
	return &Server{address: address, metrics: metrics, ready: ready, log: log}
}

// Start listens and serves in the background until Close.
func (s *Server) Start() error {
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("admin listener: %w", err)
	}
	s.listener = l
	s.done = make(chan struct{})
	s.http = &http.Server{
		Handler:           s.handler(isLoopback(l.Addr())),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("admin listener ended", "error", err)
		}
	}()
	return nil
}

// Addr is where the server listens, nil before Start.
func (s *Server) Addr() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Close stops listening, gives requests in flight a second to end and cuts those that do not. It may be called on
// a server that was not started.
func (s *Server) Close() error {
	if s.http == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.done
	if err != nil {
		return fmt.Errorf("closing the admin listener: %w", err)
	}
	return nil
}

// handler is everything that the server answers.
func (s *Server) handler(profiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", s.readyz)
	if s.metrics != nil {
		mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{
			ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
		}))
	}
	if profiles {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// readyz answers 200 when clients can be served, and 503 with the reason when they cannot.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.ready(ctx); err != nil {
		writeText(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	writeText(w, http.StatusOK, "ready")
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	// An error here means that the asker has gone; there is nobody to tell.
	_, _ = io.WriteString(w, text+"\n")
}

// isLoopback tells whether only this machine can reach the address.
func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
