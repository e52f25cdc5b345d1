package config

import "testing"

func TestLookups(t *testing.T) {
	cfg := mustParse(t, frame("      a: {shard: {column: id, by: hash_mod, shards: 2, groups: [g0, g1]}, lookup: [email, nick]}\n"), world(nil, nil))
	got := cfg.Databases[0].Tables[0].Lookup
	if len(got) != 2 || got[1].Column != "nick" || len(got[0].Locations) != 2 || got[0].Locations[1] != (Location{"g1", cfg.Databases[0].Physical, "a_1__email"}) {
		t.Errorf("%+v", got)
	}
	table := func(rest string) string {
		return frame("      a: {shard: {column: id, by: hash_mod, shards: 2, groups: [g0, g1]}, lookup: [" + rest + "]}\n")
	}
	checkErrors(t, []errorTest{
		{"whole table", frame("      a: {group: g0, lookup: [x]}\n"), []string{"11:22 remove it, or say with shard: how the table is cut"}},
		{"shard key", table("ID"), []string{`11:84 "ID" is the shard key`}},
		{"twice", table("x, X"), []string{`11:87 "X" is in the list twice`}},
		{"in another's place", table("x") + "      b: {shard: {column: id, by: jump, shards: 2, groups: [g0, g1], table: 'a_{shard}__x'}}\n", []string{"12:7 "}},
	}, world(nil, nil))
}
