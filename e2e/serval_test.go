package e2e

// serval_test.go: Serval in this process, so that the race detector and goleak see it.

import (
	"log/slog"
	"testing"

	"serval/e2e/cluster"
	"serval/proxy"
)

// startServal runs Serval on the cluster until the end of the test and returns its address.
func startServal(t *testing.T, c *cluster.Cluster) string {
	t.Helper()
	s := proxy.NewServer(c.Config, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err := s.Start(t.Context()); err != nil {
		t.Fatalf("start serval: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close serval: %v", err)
		}
	})
	return s.Addr().String()
}
