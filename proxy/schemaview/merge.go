package schemaview

// merge.go: the rows of a table's shards become the row of one table.

import (
	"bytes"
	"strconv"
	"strings"

	"serval/proxy/backend"
)

// merge adds the rows of further shards, whose table's name has a NUL behind it, to the first shard's.
func (r *reading) merge(items []item) []item {
	if !r.spec.every {
		return items
	}
	first := map[string]backend.Row{}
	kept := items[:0:0]
	merged := map[string]bool{}
	for _, it := range items {
		if !strings.HasSuffix(it.table, "\x00") {
			first[r.rowKey(&it)] = it.row
			kept = append(kept, it)
		}
	}
	for _, it := range items {
		if !strings.HasSuffix(it.table, "\x00") {
			continue
		}
		it.table = strings.TrimSuffix(it.table, "\x00")
		key := r.rowKey(&it)
		if row := first[key]; row != nil {
			r.add(row, it.row)
			merged[key] = true
		}
	}
	for key := range merged {
		r.finish(first[key])
	}
	return kept
}

func (r *reading) rowKey(it *item) string {
	parts := []string{it.database, it.table}
	for _, name := range r.spec.key {
		parts = append(parts, r.text(it.row, name))
	}
	return strings.Join(parts, "\x01")
}

// add puts a shard's numbers and times to the row of the table. What one of them does not know is not counted.
func (r *reading) add(row, shard backend.Row) {
	for _, name := range r.spec.sum {
		if i := r.at(name); i >= 0 && shard[i] != nil {
			row[i] = strconv.AppendUint(nil, number(row[i])+number(shard[i]), 10)
		}
	}
	for _, name := range r.spec.max {
		if i := r.at(name); i >= 0 && shard[i] != nil && (row[i] == nil || less(row[i], shard[i])) {
			row[i] = shard[i]
		}
	}
	for _, name := range r.spec.min {
		if i := r.at(name); i >= 0 && shard[i] != nil && (row[i] == nil || less(shard[i], row[i])) {
			row[i] = shard[i]
		}
	}
}

// less compares numbers as numbers, and times, which have one length, as text.
func less(a, b []byte) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return bytes.Compare(a, b) < 0
}

// finish works out what follows from sums, and drops what says nothing for several shards.
func (r *reading) finish(row backend.Row) {
	if avg, rows := r.at("AVG_ROW_LENGTH"), r.at("TABLE_ROWS"); avg >= 0 && rows >= 0 && row[avg] != nil && number(row[rows]) > 0 {
		row[avg] = strconv.AppendUint(nil, number([]byte(r.text(row, "DATA_LENGTH")))/number(row[rows]), 10)
	}
	for _, name := range r.spec.none {
		if i := r.at(name); i >= 0 {
			row[i] = nil
		}
	}
}
