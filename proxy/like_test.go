package proxy

import "testing"

func TestLike(t *testing.T) {
	tests := []struct {
		s, pattern string
		exact      bool
		want       bool
	}{
		{"orders", "o%", true, true}, {"orders", "O%", true, false}, {"orders", "O%", false, true}, {"orders", "%", true, true},
		{"orders", "order_", true, true}, {"orders", "order", true, false}, {"order_items", `order\_items`, true, true},
		{"orderxitems", `order\_items`, true, false}, {"a%b", `a\%b`, true, true}, {"axb", `a\%b`, true, false}, {"", "", true, true},
		{"", "%", true, true}, {"abcabd", "%ab_", true, true}, {"größe", "gr__e", true, true}, {"aaab", "%a%b", true, true}, {"aaac", "%a%b", true, false},
	}
	for _, tt := range tests {
		if got := like(tt.s, tt.pattern, tt.exact, true); got != tt.want {
			t.Errorf("%q LIKE %q (exact %t): %t", tt.s, tt.pattern, tt.exact, got)
		}
	}
	if !like(`a\b`, `a\b`, true, false) || like(`ab`, `a\b`, true, false) {
		t.Error("without escapes a backslash is a character")
	}
}
