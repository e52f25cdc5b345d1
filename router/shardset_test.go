package router

import "testing"

func members(s *ShardSet) []int {
	var out []int
	for i := s.Next(0); i >= 0; i = s.Next(i + 1) {
		out = append(out, i)
	}
	return out
}

func TestShardSet(t *testing.T) {
	var s ShardSet
	if s.Len() != 0 || s.Next(0) != -1 {
		t.Fatal("the zero value is not empty")
	}
	want := []int{0, 63, 64, 700, MaxShards - 1}
	for _, i := range want {
		s.Add(i)
		s.Add(i)
	}
	got := members(&s)
	if len(got) != len(want) || s.Len() != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] || !s.Has(want[i]) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	if s.Has(1) || s.Next(MaxShards) != -1 {
		t.Error("a member that was not added")
	}
}

func TestShardSetOperations(t *testing.T) {
	var a, b ShardSet
	a.AddAll(70)
	b.Add(69)
	b.Add(70)
	u, i := a, a
	u.Union(&b)
	i.Intersect(&b)
	if u.Len() != 71 {
		t.Errorf("union has %d members, want 71", u.Len())
	}
	if got := members(&i); len(got) != 1 || got[0] != 69 {
		t.Errorf("intersection is %v, want [69]", got)
	}
}
