package config

import (
	"slices"
	"strings"
	"testing"
)

func TestIDsRead(t *testing.T) {
	c := mustParse(t, strings.Replace(frame("      a: {ids: snowflake, broadcast: true}\n      b: {shard: {column: k, by: hash_mod, shards: 2, groups: [g0, g1]}}\n"),
		"databases:", "ids: {group: g1, segment: 50, sequences: [invoice, order_no]}\ndatabases:", 1), source{})
	if c.IDs.Group != "g1" || c.IDs.Segment != 50 || !slices.Equal(c.IDs.Sequences, []string{"invoice", "order_no"}) {
		t.Errorf("%+v", c.IDs)
	}
	if tables := c.Databases[0].Tables; tables[0].IDs != Snowflake || tables[1].IDs != "" {
		t.Errorf("%q, %q", tables[0].IDs, tables[1].IDs)
	}
}

func TestIDsRefused(t *testing.T) {
	checkErrors(t, []errorTest{
		{"unknown group", around("ids: {group: g7}\n"), []string{line4 + `14 ids.group: no group is called "g7"`}},
		{"no segment", around("ids: {segment: 0}\n"), []string{line4 + "16 ids.segment: 0 is out of range"}},
		{"unknown key", around("ids: {size: 1}\n"), []string{line4 + `7 ids: unknown key "size"`}},
		{"twice", around("ids: {sequences: [a, b, A]}\n"), []string{line4 + `25 ids.sequences[2]: "A" is named on line 4 already`}},
		{"no name", around("ids: {sequences: ['']}\n"), []string{line4 + `19 ids.sequences[0]: "" is empty`}},
		{"not a way", frame("      a: {ids: uuid, broadcast: true}\n"), []string{line11 + `16 databases.shop.tables.a.ids: "uuid" is not known`}},
		{"of a whole table", frame("      a: {ids: segment, group: g1}\n"), []string{line11 + `11 databases.shop.tables.a: the table is whole in one group`}},
	}, source{})
}
