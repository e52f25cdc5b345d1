package config

import "testing"

// pattern_test.go: physical names and suggestions.

func TestPatterns(t *testing.T) {
	n := names{shard: 37, group: "g0", db: "shop", table: "orders"}
	tests := []struct{ pattern, want, fault string }{
		{"plain", "plain", ""},
		{"", "", ""},
		{"{shard}", "37", ""},
		{"{shard:01}", "37", ""},
		{"{shard:04}", "0037", ""},
		{"{db}_{group}.{table}_{shard:03}x{shard}", "shop_g0.orders_037x37", ""},
		{"{", "", "a brace has no partner"},
		{"}", "", "a brace has no partner"},
		{"a}{b", "", "a brace has no partner"},
		{"{}", "", "{} is not known"},
		{"{{shard}}", "", "{{shard} is not known"},
		{"{Shard}", "", "{Shard} is not known"},
		{"{shard:}", "", "{shard:} has no valid width"},
		{"{shard:4}", "", "{shard:4} has no valid width"},
		{"{shard:010}", "", "{shard:010} has no valid width"},
		{"{db:02}", "", "{db:02} has no valid width"},
	}
	for _, test := range tests {
		p, fault := parsePattern(test.pattern)
		switch {
		case fault != nil && fault.message != test.fault:
			t.Errorf("%q: %s", test.pattern, fault.message)
		case fault == nil && test.fault != "":
			t.Errorf("%q is accepted", test.pattern)
		case fault == nil && p.expand(n) != test.want:
			t.Errorf("%q: %q", test.pattern, p.expand(n))
		}
	}
}

func TestNearest(t *testing.T) {
	options := []string{"by", "shards", "spread", "hash_mod", "hash_slot", "column", "g0", "g1"}
	for word, want := range map[string]string{
		"shard": "shards", "Shards": "shards", "shrads": "shards", "sharding": "", "colunm": "column", "hash-mod": "hash_mod", "hash": "hash_mod",
		"g2": "", "G1": "g1", "to": "", "": "", "zzz": "", "hashslot": "hash_slot",
	} {
		if got := nearest(word, options); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
