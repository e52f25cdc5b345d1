package admin

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// metrics_test.go: what the methods count, and what they cost.

func TestCounts(t *testing.T) {
	m := NewMetrics()
	m.SessionOpened()
	m.SessionOpened()
	m.SessionClosed()
	m.Statement("single", "g0", time.Millisecond)
	m.Statement("single", "g0", time.Millisecond)
	m.Statement("scatter", "", 3*time.Second)
	m.Error(1062)
	m.Backend("g0", "127.0.0.1:3306", 80*time.Microsecond)

	for _, c := range []struct {
		what string
		got  float64
		want float64
	}{
		{"sessions", testutil.ToFloat64(m.sessions), 1},
		{"sessions opened", testutil.ToFloat64(m.sessionsTotal), 2},
		{"single in g0", testutil.ToFloat64(m.statements.WithLabelValues("single", "g0")), 2},
		{"scatter", testutil.ToFloat64(m.statements.WithLabelValues("scatter", "")), 1},
		{"error 1062", testutil.ToFloat64(m.errors.WithLabelValues("1062")), 1},
		{"series of durations", float64(testutil.CollectAndCount(m.durations)), 2},
		{"series of backend durations", float64(testutil.CollectAndCount(m.backendLatency)), 1},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", c.what, c.got, c.want)
		}
	}
}

func TestNilMetricsDoNothing(t *testing.T) {
	var m *Metrics
	m.SessionOpened()
	m.SessionClosed()
	m.Statement("single", "g0", time.Second)
	m.Backend("g0", "a", time.Second)
	m.Error(1045)
	m.WatchPools(func() []PoolStats { return nil })
	m.WatchPlanCache(func() CacheStats { return CacheStats{} })
	m.WatchTransactions(func() []TransactionStats { return nil })
}

// TestNamesFollowTheConventions runs Prometheus's own linter over every name and help text of ours.
func TestNamesFollowTheConventions(t *testing.T) {
	m := watched()
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "serval_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

func TestErrorCodesAreBounded(t *testing.T) {
	m := NewMetrics()
	for code := range 2 * maxErrorCodes {
		m.Error(uint16(code))
	}
	if got := testutil.CollectAndCount(m.errors); got != maxErrorCodes+1 {
		t.Errorf("series: got %d, want %d", got, maxErrorCodes+1)
	}
	if got := testutil.ToFloat64(m.errors.WithLabelValues("other")); got != maxErrorCodes {
		t.Errorf("other: got %v, want %d", got, maxErrorCodes)
	}
}

func TestRepeatsAllocateNothing(t *testing.T) {
	m := NewMetrics()
	for _, c := range []struct {
		name string
		call func()
	}{
		{"session", func() { m.SessionOpened(); m.SessionClosed() }},
		{"statement", func() { m.Statement("single", "g0", time.Millisecond) }},
		{"backend", func() { m.Backend("g0", "127.0.0.1:3306", time.Millisecond) }},
		{"error", func() { m.Error(1062) }},
	} {
		c.call()
		if n := testing.AllocsPerRun(100, c.call); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

// TestConcurrentFirstUses has many goroutines meet new labels at once: every call must be counted.
func TestConcurrentFirstUses(t *testing.T) {
	const goroutines, plans, repeats = 8, 20, 50
	m := NewMetrics()
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for i := range plans * repeats {
				m.Statement(strconv.Itoa(i%plans), "g0", time.Microsecond)
			}
		})
	}
	all.Wait()
	for i := range plans {
		if got := testutil.ToFloat64(m.statements.WithLabelValues(strconv.Itoa(i), "g0")); got != goroutines*repeats {
			t.Errorf("plan %d: got %v, want %d", i, got, goroutines*repeats)
		}
	}
}

func BenchmarkStatement(b *testing.B) {
	m := NewMetrics()
	b.ReportAllocs()
	for b.Loop() {
		m.Statement("single", "g0", 200*time.Microsecond)
	}
}

// watched is metrics with a pool and a plan cache to read.
func watched() *Metrics {
	m := NewMetrics()
	m.WatchPools(func() []PoolStats {
		return []PoolStats{
			{Group: "g0", Node: "10.0.0.1:3306", InUse: 3, Idle: 2, Max: 64, Waiting: 1, Connects: 9, Errors: 4},
			{Group: "g1", Node: "10.0.0.2:3306", Max: 64},
		}
	})
	m.WatchTransactions(func() []TransactionStats {
		return []TransactionStats{{Group: "g0", InDoubt: 2, Foreign: 1, Committed: 5, RolledBack: 3}}
	})
	m.WatchPlanCache(func() CacheStats { return CacheStats{Entries: 7, Hits: 100, Misses: 8, Evictions: 1} })
	m.Statement("single", "g0", time.Millisecond)
	m.Backend("g0", "10.0.0.1:3306", time.Millisecond)
	m.Error(1062)
	return m
}
