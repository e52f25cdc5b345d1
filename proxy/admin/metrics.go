// Package admin is what an operator's tools see of a running Serval: health, readiness, metrics and, on
// loopback only, profiles. It knows numbers, names and callbacks; of statements, sessions, pools and catalogs it
// knows nothing, and it imports no other package of the project, so that any of them can report to it.
package admin

import (
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics.go: the counters and histograms that sessions move. They are on the path of every statement, so a call
// that repeats known labels takes no lock and allocates nothing (metrics_test.go holds it to that).

// maxErrorCodes bounds the series of serval_errors_total. MySQL's own codes in practice are a few dozen, but a
// stored procedure can SIGNAL any number it likes; codes that come after the first 512 are counted as "other".
const maxErrorCodes = 512

// Metrics counts what a proxy does. All methods are safe for concurrent use, and do nothing on a nil *Metrics, so
// that a caller without metrics (a test, the demo) needs no condition.
type Metrics struct {
	registry *prometheus.Registry

	sessions       prometheus.Gauge
	sessionsTotal  prometheus.Counter
	statements     *prometheus.CounterVec
	durations      *prometheus.HistogramVec
	backendLatency *prometheus.HistogramVec
	errors         *prometheus.CounterVec
	pins           *prometheus.GaugeVec
	pinsTotal      *prometheus.CounterVec
	deadlocks      prometheus.Counter

	statementSeries series[statementLabels, statementSeries]
	backendSeries   series[backendLabels, prometheus.Observer]
	errorSeries     series[uint16, prometheus.Counter]
}

type statementLabels struct{ plan, group string }

type statementSeries struct {
	count   prometheus.Counter
	seconds prometheus.Observer
}

type backendLabels struct{ group, node string }

// NewMetrics makes the metrics with a registry of their own, which also holds the Go runtime's, the process's and
// the build's.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		sessions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "serval_sessions", Help: "Client sessions that are open now.",
		}),
		sessionsTotal: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "serval_sessions_opened_total", Help: "Client sessions that were opened.",
		}),
		statements: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "serval_statements_total",
			Help: "Statements that ended, by kind of plan and by group (empty: several groups, or none).",
		}, []string{"plan", "group"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "serval_statement_duration_seconds",
			Help:    "Time from a statement's last byte in to its answer's last byte out.",
			Buckets: latencyBuckets(),
		}, []string{"plan", "group"}),
		backendLatency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "serval_backend_duration_seconds",
			Help:    "Time from a statement's sending to a node to the first packet of the node's answer.",
			Buckets: latencyBuckets(),
		}, []string{"group", "node"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "serval_errors_total", Help: "Errors that clients were answered, by MySQL error code.",
		}, []string{"code"}),
		pins: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "serval_pins", Help: "Things that tie sessions to backend connections of their own now, by what they are.",
		}, []string{"reason"}),
		deadlocks: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "serval_deadlocks_total", Help: "Transactions that were ended as victims of deadlocks over several groups.",
		}),
		pinsTotal: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "serval_pins_total", Help: "Things that tied sessions to backend connections of their own.",
		}, []string{"reason"}),
	}
	m.registry.MustRegister(m.sessions, m.sessionsTotal, m.statements, m.durations, m.backendLatency, m.errors, m.pins, m.pinsTotal, m.deadlocks,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector())
	return m
}

// latencyBuckets are seconds, 50 µs to about 13 s in steps of two: a proxied point select takes 200 to 400 µs.
func latencyBuckets() []float64 { return prometheus.ExponentialBuckets(50e-6, 2, 19) }

// SessionOpened counts a client whose login succeeded.
func (m *Metrics) SessionOpened() {
	if m == nil {
		return
	}
	m.sessions.Inc()
	m.sessionsTotal.Inc()
}

// Deadlock counts a victim of a deadlock over several groups.
func (m *Metrics) Deadlock() {
	if m != nil {
		m.deadlocks.Inc()
	}
}

// SessionClosed is called once for each SessionOpened.
func (m *Metrics) SessionClosed() {
	if m == nil {
		return
	}
	m.sessions.Dec()
}

// Statement counts one statement that ended, well or not. plan is the kind of its plan ("single", "scatter" …);
// group is the group that ran it, "" when several or none did. Both must come from small fixed sets: each pair is
// a set of series for as long as the process lives.
func (m *Metrics) Statement(plan, group string, d time.Duration) {
	if m == nil {
		return
	}
	labels := statementLabels{plan, group}
	s, ok := m.statementSeries.get(labels)
	if !ok {
		s = m.statementSeries.add(labels, statementSeries{
			count:   m.statements.WithLabelValues(plan, group),
			seconds: m.durations.WithLabelValues(plan, group),
		})
	}
	s.count.Inc()
	s.seconds.Observe(d.Seconds())
}

// Backend records how long a node took to begin its answer to one statement.
func (m *Metrics) Backend(group, node string, d time.Duration) {
	if m == nil {
		return
	}
	labels := backendLabels{group, node}
	o, ok := m.backendSeries.get(labels)
	if !ok {
		o = m.backendSeries.add(labels, m.backendLatency.WithLabelValues(group, node))
	}
	o.Observe(d.Seconds())
}

// Pinned counts a reason that ties a session to a backend connection: 1 when it comes, -1 when it goes. reason must
// come from a small fixed set.
func (m *Metrics) Pinned(reason string, change int) {
	if m == nil {
		return
	}
	m.pins.WithLabelValues(reason).Add(float64(change))
	if change > 0 {
		m.pinsTotal.WithLabelValues(reason).Inc()
	}
}

// Error counts an error packet sent to a client, whoever made it: the proxy or a backend.
func (m *Metrics) Error(code uint16) {
	if m == nil {
		return
	}
	c, ok := m.errorSeries.get(code)
	if !ok {
		if m.errorSeries.len() >= maxErrorCodes {
			m.errors.WithLabelValues("other").Inc()
			return
		}
		c = m.errorSeries.add(code, m.errors.WithLabelValues(strconv.Itoa(int(code))))
	}
	c.Inc()
}

// series maps label values to their resolved children. Reading is one atomic load and one map look-up; adding
// copies the map, which is rare and short, since label values come from the configuration.
type series[K comparable, V any] struct {
	current atomic.Pointer[map[K]V]
	adding  sync.Mutex
}

func (s *series[K, V]) get(k K) (V, bool) {
	if m := s.current.Load(); m != nil {
		v, ok := (*m)[k]
		return v, ok
	}
	var none V
	return none, false
}

func (s *series[K, V]) len() int {
	if m := s.current.Load(); m != nil {
		return len(*m)
	}
	return 0
}

// add keeps v for k and returns it.
func (s *series[K, V]) add(k K, v V) V {
	s.adding.Lock()
	defer s.adding.Unlock()
	next := map[K]V{k: v}
	if m := s.current.Load(); m != nil {
		for k, v := range *m {
			next[k] = v
		}
	}
	s.current.Store(&next)
	return v
}
