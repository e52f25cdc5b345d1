package txn

import (
	"testing"
	"time"
)

// TestForgotten: whoever heard nothing of a commit for almost as long as decisions are kept does not take a missing decision
// for a rollback (docs/commit.pml, NO_DEADLINE).
func TestForgotten(t *testing.T) {
	sent := time.Now()
	for after, want := range map[time.Duration]bool{
		0:                              false,
		resolveTimeout:                 false,
		keepCommits / 2:                false,
		keepCommits - 2*clockTolerance: true,
		keepCommits:                    true,
		24 * time.Hour:                 true,
	} {
		if got := forgotten(sent, sent.Add(after)); got != want {
			t.Errorf("after %v: %v, want %v", after, got, want)
		}
		if got := forgotten(sent, sent.Round(0).Add(after)); got != want { // the machine slept
			t.Errorf("after %v of sleep: %v, want %v", after, got, want)
		}
	}
}
